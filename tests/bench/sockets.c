/* SPDX-License-Identifier: MIT */
/*
 * What calls cost beside many other sockets, in nanoseconds: sockets COUNT
 * open|closed.  COUNT sockets on the wildcard are opened first, and closed
 * again.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 2000, MOST_SOCKETS = 20000 };

static int server, client;
static struct sockaddr_in peer;

static void check(int bad)
{
	if (!bad)
		return;
	perror("sockets");
	exit(1); // NOLINT(concurrency-mt-unsafe): one thread
}

static struct sockaddr_in address(uint32_t host, in_port_t port_be)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = port_be,
				     .sin_addr.s_addr = htonl(host) };
}

static void bind_to(int fd, uint32_t host, in_port_t port_be)
{
	const struct sockaddr_in name = address(host, port_be);

	check(bind(fd, (const struct sockaddr *)&name, sizeof(name)));
}

static int bound(uint32_t host)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	check(fd < 0);
	bind_to(fd, host, 0);
	return fd;
}

static in_port_t port_be_of(int fd)
{
	struct sockaddr_in name = { 0 };
	socklen_t len = sizeof(name);

	check(getsockname(fd, (struct sockaddr *)&name, &len));
	return name.sin_port;
}

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The median: what interrupts the call does not count. */
static double measure(void (*prepare)(void), void (*call)(void))
{
	static double took[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		double before;

		if (prepare)
			prepare();
		before = now_ns();
		call();
		took[i] = now_ns() - before;
	}
	qsort(took, ROUNDS, sizeof(*took), compare);
	return took[ROUNDS / 2];
}

/* The server is asked at its second address, and on the wildcard again. */
static void ask(void)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };
	const struct sockaddr_in to =
		address(INADDR_LOOPBACK + 1, port_be_of(server));
	socklen_t len = sizeof(peer);
	char byte = 'q';

	check(connect(server, &none, sizeof(none)));
	check(sendto(client, &byte, 1, 0, (const struct sockaddr *)&to,
		     sizeof(to)) != 1);
	check(recvfrom(server, &byte, 1, 0, (struct sockaddr *)&peer, &len) !=
	      1);
}

static void connect_to_client(void)
{
	check(connect(server, (struct sockaddr *)&peer, sizeof(peer)));
}

static void send_to_stranger(void)
{
	const struct sockaddr_in to = address(INADDR_LOOPBACK, htons(9));

	/* Nobody is there, and that is told to the next send. */
	(void)!sendto(server, "", 1, 0, (const struct sockaddr *)&to,
		      sizeof(to));
}

static void send_first(void)
{
	const int fd = socket(AF_INET, SOCK_DGRAM, 0);
	const struct sockaddr_in to = address(INADDR_LOOPBACK, htons(9));

	check(sendto(fd, "", 1, 0, (const struct sockaddr *)&to, sizeof(to)) !=
	      1);
	check(close(fd));
}

static int passed = -1, pair[2];

static struct msghdr message(struct iovec *iov, char *control, size_t bytes)
{
	return (struct msghdr){ .msg_iov = iov,
				.msg_iovlen = 1,
				.msg_control = control,
				.msg_controllen = bytes };
}

/* A new socket on the wildcard waits at the other end. */
static void pass(void)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = { 0 };
	char byte = 'x';
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	const struct msghdr msg = message(&iov, control, sizeof(control));
	const int fd = bound(INADDR_ANY);

	if (passed >= 0)
		check(close(passed));
	*CMSG_FIRSTHDR(&msg) =
		(struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(fd)),
				  .cmsg_level = SOL_SOCKET,
				  .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(CMSG_FIRSTHDR(&msg)), &fd, sizeof(fd));
	check(sendmsg(pair[0], &msg, 0) != 1);
	check(close(fd));
}

static void receive_passed(void)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = message(&iov, control, sizeof(control));

	check(recvmsg(pair[1], &msg, 0) != 1);
	/* The linter cannot know that there is one. */
	if (CMSG_FIRSTHDR(&msg))
		memcpy(&passed, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(passed));
	(void)!recv(passed, &byte, 1, MSG_DONTWAIT);
}

static void open_bind_send(void)
{
	const int fd = bound(INADDR_ANY);
	const struct sockaddr_in to = address(INADDR_LOOPBACK, htons(9));

	check(sendto(fd, "", 1, 0, (const struct sockaddr *)&to, sizeof(to)) !=
	      1);
	check(close(fd));
}

int main(int argc, char **argv)
{
	static int fds[MOST_SOCKETS];
	const long count = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
	struct rlimit limit;
	const struct sockaddr none = { .sa_family = AF_UNSPEC };
	in_port_t port_be;

	check(count < 0 || count > MOST_SOCKETS);
	check(getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = limit.rlim_max;
	check(setrlimit(RLIMIT_NOFILE, &limit));
	client = bound(INADDR_LOOPBACK);
	/* To a port by number. */
	server = bound(INADDR_ANY);
	port_be = port_be_of(server);
	check(close(server));
	server = socket(AF_INET, SOCK_DGRAM, 0);
	bind_to(server, INADDR_ANY, port_be);
	for (long i = 0; i < count; i++)
		fds[i] = bound(INADDR_ANY);
	for (long i = 0; i < count && argc > 2 && !strcmp(argv[2], "closed");
	     i++)
		check(close(fds[i]));
	printf("connect_ns %.0f ", measure(ask, connect_to_client));
	check(connect(server, &none, sizeof(none)));
	printf("stranger_ns %.0f ", measure(NULL, send_to_stranger));
	printf("first_ns %.0f ", measure(NULL, send_first));
	printf("bind_ns %.0f ", measure(NULL, open_bind_send));
	check(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
	printf("passed_ns %.0f\n", measure(pass, receive_passed));
	return 0;
}
