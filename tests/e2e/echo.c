/* SPDX-License-Identifier: MIT */
/*
 * The datagram echo server of the textbooks, in the ways they teach:
 *
 *     echo plain|fork|thread|select|poll|epoll|edge 4|6
 */
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <unistd.h>

struct request {
	int fd;
	char data[2048];
	size_t bytes;
	struct sockaddr_storage peer;
	socklen_t peer_bytes;
};

/* False: there is none now. */
static bool take(int fd, struct request *request)
{
	ssize_t n;

	request->fd = fd;
	request->peer_bytes = sizeof(request->peer);
	n = recvfrom(fd, request->data, sizeof(request->data), 0,
		     (struct sockaddr *)&request->peer, &request->peer_bytes);
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n < 0)
		server_die("recvfrom");
	request->bytes = (size_t)n;
	return true;
}

static void answer(const struct request *request)
{
	if (sendto(request->fd, request->data, request->bytes, 0,
		   (const struct sockaddr *)&request->peer,
		   request->peer_bytes) < 0)
		server_die("sendto");
}

static void echo_one(int fd)
{
	struct request request;

	if (take(fd, &request))
		answer(&request);
}

static void serve_plain(int fd)
{
	for (;;)
		echo_one(fd);
}

static void serve_with_fork(int fd)
{
	struct request request;

	/* Children leave no zombies then. */
	(void)signal(SIGCHLD, SIG_IGN);
	while (take(fd, &request)) {
		pid_t child = fork();

		if (child < 0)
			server_die("fork");
		if (child)
			continue;
		answer(&request);
		_exit(EXIT_SUCCESS);
	}
}

static void *answer_in_thread(void *request)
{
	answer(request);
	free(request);
	return NULL;
}

static void serve_with_threads(int fd)
{
	struct request *request;
	pthread_t thread;

	while ((request = malloc(sizeof(*request))) && take(fd, request)) {
		if (pthread_create(&thread, NULL, answer_in_thread, request) ||
		    pthread_detach(thread))
			server_die("pthread");
	}
}

static void serve_with_select(int fd)
{
	fd_set readable;

	for (;;) {
		FD_ZERO(&readable);
		FD_SET(fd, &readable);
		if (select(fd + 1, &readable, NULL, NULL, NULL) < 0)
			server_die("select");
		if (FD_ISSET(fd, &readable))
			echo_one(fd);
	}
}

static void serve_with_poll(int fd)
{
	struct pollfd there = { .fd = fd, .events = POLLIN };

	while (poll(&there, 1, -1) > 0)
		echo_one(fd);
}

static int new_epoll(int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
		server_die("epoll");
	return epoll;
}

static void serve_with_epoll(int fd)
{
	int epoll = new_epoll(fd, EPOLLIN);
	struct epoll_event event;

	while (epoll_wait(epoll, &event, 1, -1) > 0)
		echo_one(event.data.fd);
}

/* Edge-triggered: it is told once, and has to read all there is. */
static void serve_with_edges(int fd)
{
	int epoll = new_epoll(fd, EPOLLIN | EPOLLET);
	struct epoll_event event;
	struct request request;

	if (fcntl(fd, F_SETFL, O_NONBLOCK))
		server_die("fcntl");
	while (epoll_wait(epoll, &event, 1, -1) > 0) {
		while (take(event.data.fd, &request))
			answer(&request);
	}
}

static const struct {
	const char *name;
	void (*serve)(int fd);
} ways[] = {
	{ "plain", serve_plain },	  { "fork", serve_with_fork },
	{ "thread", serve_with_threads }, { "select", serve_with_select },
	{ "poll", serve_with_poll },	  { "epoll", serve_with_epoll },
	{ "edge", serve_with_edges },
};

int main(int argc, char **argv)
{
	int fd;

	if (argc != 3)
		return EXIT_FAILURE;
	fd = server_bind(*argv[2] == '6' ? AF_INET6 : AF_INET, SOCK_DGRAM, 0,
			 0);
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		if (strcmp(ways[i].name, argv[1]) != 0)
			continue;
		server_ready(fd);
		ways[i].serve(fd);
	}
	return EXIT_FAILURE;
}
