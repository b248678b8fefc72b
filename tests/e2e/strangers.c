/* SPDX-License-Identifier: MIT */
/*
 * New clients, one after another, each of which gets a connected socket beside
 * the listener, as a DTLS server's: strangers ADDRESS CLIENTS EVERY_US.  Prints
 * how many the listener heard, and how many datagrams the connected sockets got
 * from clients that are not their peer.  Exit status 77: this may not run
 * before other processes.
 */
#include "server.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { MOST_CLIENTS = 2000, LAST_US = 300000, NOT_FIRST = 77 };

static int clients[MOST_CLIENTS], connected[MOST_CLIENTS];
static in_port_t peer_port_be[MOST_CLIENTS];
static long count, every_us;
static struct sockaddr_in asked;

/* A socket of the port, beside others. */
static int bind_beside(in_port_t port_be)
{
	const struct sockaddr_in name = { .sin_family = AF_INET,
					  .sin_port = port_be };
	const int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(fd, (const struct sockaddr *)&name, sizeof(name)))
		server_die("bind");
	return fd;
}

static void *ask_each(void *unused)
{
	const struct timespec pause = { .tv_nsec = every_us * 1000 };

	/* To wake when it is time. */
	(void)prctl(PR_SET_TIMERSLACK, 1UL);
	for (long i = 0; i < count; i++) {
		/* One that gets an ICMP error for another's goes on. */
		(void)!sendto(clients[i], "q", 1, 0,
			      (const struct sockaddr *)&asked, sizeof(asked));
		(void)nanosleep(&pause, NULL);
	}
	return unused;
}

static void open_clients(void)
{
	for (long i = 0; i < count; i++)
		clients[i] = server_client(1);
}

static void check_address(int fd)
{
	struct sockaddr_in name = { 0 };
	socklen_t len = sizeof(name);

	if (getsockname(fd, (struct sockaddr *)&name, &len) ||
	    name.sin_addr.s_addr != asked.sin_addr.s_addr) {
		(void)puts("connected from elsewhere");
		_exit(EXIT_FAILURE);
	}
}

/* Until no client was heard for a while.  Returns how many were. */
static long serve(int listener)
{
	struct sockaddr_in peer = { 0 };
	socklen_t len = sizeof(peer);
	char byte;

	for (long heard = 0; heard < count; heard++) {
		int fd;

		if (recvfrom(listener, &byte, 1, 0, (struct sockaddr *)&peer,
			     &len) != 1)
			return heard;
		fd = bind_beside(asked.sin_port);
		if (connect(fd, (struct sockaddr *)&peer, len))
			server_die("connect");
		check_address(fd);
		connected[heard] = fd;
		peer_port_be[heard] = peer.sin_port;
	}
	return count;
}

static long count_strangers(int fd, in_port_t port_be)
{
	struct sockaddr_in from = { 0 };
	socklen_t len = sizeof(from);
	long strangers = 0;
	char byte;

	for (; recvfrom(fd, &byte, 1, MSG_DONTWAIT, (struct sockaddr *)&from,
			&len) == 1;
	     len = sizeof(from))
		strangers += from.sin_port != port_be;
	return strangers;
}

/* While another process has the processor, no client gets a socket. */
static void run_first(void)
{
	const struct sched_param least = { .sched_priority = 1 };

	if (sched_setscheduler(0, SCHED_FIFO, &least))
		_exit(NOT_FIRST);
}

static void allow_fds(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		server_die("getrlimit");
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		server_die("setrlimit");
}

static int open_listener(const char *address)
{
	const struct timeval last = { .tv_usec = LAST_US };
	const int fd = bind_beside(0);
	const int port = server_port(fd);
	int listener;

	(void)close(fd);
	asked = (struct sockaddr_in){ .sin_family = AF_INET,
				      .sin_port = htons((in_port_t)port),
				      .sin_addr.s_addr = inet_addr(address) };
	listener = bind_beside(asked.sin_port);
	if (setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &last, sizeof(last)))
		server_die("SO_RCVTIMEO");
	return listener;
}

int main(int argc, char **argv)
{
	long heard, strangers = 0;
	pthread_t thread;
	int listener;

	if (argc != 4)
		return EXIT_FAILURE;
	count = strtol(argv[2], NULL, 10);
	every_us = strtol(argv[3], NULL, 10);
	if (count < 0 || count > MOST_CLIENTS)
		return EXIT_FAILURE;
	run_first();
	allow_fds();
	open_clients();
	listener = open_listener(argv[1]);
	if (pthread_create(&thread, NULL, ask_each, NULL))
		server_die("pthread_create");
	heard = serve(listener);
	pthread_join(thread, NULL);
	for (long i = 0; i < heard; i++)
		strangers += count_strangers(connected[i], peer_port_be[i]);
	(void)printf("%ld %ld\n", heard, strangers);
	return EXIT_SUCCESS;
}
