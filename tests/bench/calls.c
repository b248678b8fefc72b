/* SPDX-License-Identifier: MIT */
/* What calls cost on fds that are none of our business, in nanoseconds. */
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { CALLS = 500, BATCHES = 200 };

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
		clock_gettime(CLOCK_MONOTONIC, &before);
		for (int n = 0; n < CALLS; n++)
			call(first + n);
		clock_gettime(CLOCK_MONOTONIC, &after);
		took = (double)(after.tv_sec - before.tv_sec) * 1e9 +
		       (double)(after.tv_nsec - before.tv_nsec);
		if (!i || took < best)
			best = took;
	}
	return best / CALLS;
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
	printf("sendmsg_ns %.2f\n", measure(call_sendmsg, 0));
	return 0;
}
