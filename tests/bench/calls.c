/* SPDX-License-Identifier: MIT */
/*
 * What calls cost on fds that are none of our business, and a recvmmsg with
 * much room on one that is, in nanoseconds.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { CALLS = 500, BATCHES = 200, ROOM = 1024 };

static int fd;

static void call_read(int unused)
{
	char byte;

	(void)unused;
	if (read(fd, &byte, 1) != 1)
		abort();
}

static void call_write(int unused)
{
	(void)unused;
	if (write(fd, "", 1) != 1)
		abort();
}

static void call_close(int n)
{
	if (close(n))
		abort();
}

static void call_sendmsg(int unused)
{
	struct msghdr nothing = { 0 };

	(void)unused;
	if (sendmsg(fd, &nothing, 0))
		abort();
}

static struct timespec clock_now(void)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now;
}

static double elapsed_ns(const struct timespec *from, const struct timespec *to)
{
	return (double)(to->tv_sec - from->tv_sec) * 1e9 +
	       (double)(to->tv_nsec - from->tv_nsec);
}

/*
 * The best of the batches: what is not the call's own only adds.  With `fds`
 * each call has its own, made behind the shim's back, the lowest first.
 */
static double measure(void (*call)(int), int fds)
{
	struct timespec before, after;
	double best = 0;

	for (int i = 0; i < BATCHES; i++) {
		int first = 0;
		double took;

		for (int n = 0; fds && n < CALLS; n++) {
			int made = (int)syscall(SYS_dup, fd);

			first = n ? first : made;
		}
		before = clock_now();
		for (int n = 0; n < CALLS; n++)
			call(first + n);
		after = clock_now();
		took = elapsed_ns(&before, &after);
		if (!i || took < best)
			best = took;
	}
	return best / CALLS;
}

/* The best of all calls with room for ROOM datagrams, one of which is there. */
static double measure_recvmmsg(void)
{
	static struct mmsghdr messages[ROOM];
	static char bytes[ROOM];
	static struct iovec iovs[ROOM];
	struct sockaddr_in name = { .sin_family = AF_INET };
	socklen_t len = sizeof(name);
	int server = socket(AF_INET, SOCK_DGRAM, 0), i = 0;
	int client = socket(AF_INET, SOCK_DGRAM, 0);
	double best = 0;

	for (; i < ROOM; i++) {
		iovs[i].iov_base = &bytes[i];
		iovs[i].iov_len = 1;
		messages[i].msg_hdr.msg_iov = &iovs[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	if (bind(server, (struct sockaddr *)&name, sizeof(name)) ||
	    getsockname(server, (struct sockaddr *)&name, &len) ||
	    connect(client, (struct sockaddr *)&name, sizeof(name)))
		abort();
	for (i = 0; i < CALLS * 4; i++) {
		struct timespec before, after;
		double took;

		if (send(client, "", 1, 0) != 1)
			abort();
		before = clock_now();
		if (recvmmsg(server, messages, ROOM, MSG_DONTWAIT, NULL) != 1)
			abort();
		after = clock_now();
		took = elapsed_ns(&before, &after);
		if (!i || took < best)
			best = took;
	}
	return best;
}

/* One end of a TCP connection. */
static int tcp(void)
{
	struct sockaddr_in name = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t bytes = sizeof(name);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	int client = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(listener, (struct sockaddr *)&name, sizeof(name)) ||
	    listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&name, &bytes) ||
	    connect(client, (struct sockaddr *)&name, sizeof(name)))
		abort();
	return client;
}

int main(void)
{
	fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	printf("read_ns %.2f ", measure(call_read, 0));
	printf("close_ns %.2f ", measure(call_close, 1));
	fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	printf("write_ns %.2f ", measure(call_write, 0));
	fd = tcp();
	printf("sendmsg_ns %.2f ", measure(call_sendmsg, 0));
	printf("recvmmsg_ns %.2f\n", measure_recvmmsg());
	return 0;
}
