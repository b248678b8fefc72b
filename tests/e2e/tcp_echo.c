/* SPDX-License-Identifier: MIT */
/*
 * A TCP echo server on epoll, level- or edge-triggered:
 *
 *     tcp_echo level|edge
 */
#include "server.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

static void watch(int epoll, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
		server_die("epoll_ctl");
}

/* Until there is no more now; what the client ended is closed. */
static void echo_all(int fd)
{
	char data[512];
	ssize_t n;

	while ((n = read(fd, data, sizeof(data))) > 0) {
		if (write(fd, data, (size_t)n) != n)
			server_die("write");
	}
	if (!n || errno != EAGAIN)
		close(fd);
}

static void accept_all(int epoll, int listener, uint32_t edge)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL,
			     SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
		watch(epoll, fd, EPOLLIN | edge);
	if (errno != EAGAIN)
		server_die("accept4");
}

int main(int argc, char **argv)
{
	uint32_t edge = argc > 1 && !strcmp(argv[1], "edge") ? EPOLLET : 0;
	int listener = server_bind(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0, 0);
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event;

	if (listen(listener, SOMAXCONN) || epoll < 0)
		server_die("listen");
	watch(epoll, listener, EPOLLIN | edge);
	server_ready(listener);
	while (epoll_wait(epoll, &event, 1, -1) > 0) {
		if (event.data.fd == listener)
			accept_all(epoll, listener, edge);
		else
			echo_all(event.data.fd);
	}
	return EXIT_FAILURE;
}
