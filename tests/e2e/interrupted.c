/* SPDX-License-Identifier: MIT */
/*
 * Connects a server's socket to its client again and again, and is interrupted
 * each time: interrupted jump|cancel ROUNDS.
 *
 * jump: a handler leaves connect(2) by siglongjmp(3).  cancel: another thread
 * cancels the one that connects.  After each round the socket is looked at: its
 * IP_MULTICAST_IF, whom it is connected to, whether the next server can have
 * the port, how many fds there are; and whether the thread can be cancelled.
 * Prints what was wrong, or "right N", N being how often connect(2) was left.
 */
#include "server.h"

#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define LONGEST_US 30

// NOLINTBEGIN(concurrency-mt-unsafe): only one thread runs what is not safe.

static sigjmp_buf out;
static volatile sig_atomic_t is_connecting;
static int server, client;
static struct sockaddr_in peer;

static struct sockaddr_in name_of(int fd)
{
	struct sockaddr_in name = { 0 };
	socklen_t len = sizeof(name);

	if (getsockname(fd, (struct sockaddr *)&name, &len))
		server_die("getsockname");
	return name;
}

/* The client asks the server's second address, and is heard. */
static void ask(int port)
{
	const struct sockaddr_in to = server_loopback(2, port);
	socklen_t len = sizeof(peer);
	char byte = 'q';

	if (sendto(client, &byte, 1, 0, (const struct sockaddr *)&to,
		   sizeof(to)) != 1 ||
	    recvfrom(server, &byte, 1, 0, (struct sockaddr *)&peer, &len) != 1)
		server_die("ask");
}

static void leave(int signal)
{
	(void)signal;
	if (is_connecting)
		siglongjmp(out, 1);
}

static void connect_to_peer(void)
{
	if (connect(server, (struct sockaddr *)&peer, sizeof(peer)))
		server_die("connect");
}

/* Round and round, so that each call is interrupted at some time. */
static long next_us(void)
{
	static long us;

	us = (us + 7) % LONGEST_US;
	return us;
}

/* Whether connect(2) was left. */
static bool jump(void)
{
	const struct itimerval soon = {
		.it_value.tv_usec = 1 + next_us(),
	};

	if (sigsetjmp(out, 1)) {
		is_connecting = false;
		return true;
	}
	is_connecting = true;
	setitimer(ITIMER_REAL, &soon, NULL);
	for (int i = 0; i < 3; i++)
		connect_to_peer();
	is_connecting = false;
	return false;
}

static void *connect_thread(void *unused)
{
	for (int i = 0; i < 3; i++)
		connect_to_peer();
	return unused;
}

static bool cancel(void)
{
	const struct timespec soon = { .tv_nsec = next_us() * 1000 };
	pthread_t thread;
	void *result;

	if (pthread_create(&thread, NULL, connect_thread, NULL))
		server_die("pthread_create");
	nanosleep(&soon, NULL);
	pthread_cancel(thread);
	pthread_join(thread, &result);
	return result == PTHREAD_CANCELED;
}

static int count_fds(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int count = 0;

	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

static void look(int fds)
{
	struct sockaddr_in name = { 0 };
	struct in_addr group = { 0 };
	socklen_t len = sizeof(name), group_len = sizeof(group);
	int cancelable;

	if (pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &cancelable) ||
	    cancelable != PTHREAD_CANCEL_ENABLE) {
		printf("cannot be cancelled\n");
		exit(1);
	}
	if (!getpeername(server, (struct sockaddr *)&name, &len) &&
	    name.sin_addr.s_addr != peer.sin_addr.s_addr) {
		printf("connected to another\n");
		exit(1);
	}
	/* The kernel names no peer whose port is 0, as a group's is. */
	if (getpeername(server, (struct sockaddr *)&name, &len) &&
	    name_of(server).sin_addr.s_addr != htonl(INADDR_ANY)) {
		printf("half connected\n");
		exit(1);
	}
	if (getsockopt(server, IPPROTO_IP, IP_MULTICAST_IF, &group,
		       &group_len) ||
	    group.s_addr) {
		printf("IP_MULTICAST_IF has changed\n");
		exit(1);
	}
	if (count_fds() != fds) {
		printf("an fd more\n");
		exit(1);
	}
}

int main(int argc, char **argv)
{
	const long rounds = argc > 2 ? strtol(argv[2], NULL, 10) : 0;
	bool (*interrupt)(void) =
		argc > 1 && !strcmp(argv[1], "jump") ? jump : cancel;
	struct sigaction action = { .sa_handler = leave };
	const struct sockaddr none = { .sa_family = AF_UNSPEC };
	int left = 0, fds;
	int port;

	sigaction(SIGALRM, &action, NULL);
	client = server_client(1);
	server = server_bind(AF_INET, SOCK_DGRAM, 0, 0);
	port = server_port(server);
	close(server);
	server = server_bind(AF_INET, SOCK_DGRAM, port, 0);
	fds = count_fds();
	for (long i = 0; i < rounds; i++) {
		ask(port);
		left += interrupt();
		look(fds);
		if (connect(server, &none, sizeof(none)))
			server_die("disconnect");
		if (i % 16)
			continue;
		/* The next server has the port. */
		close(server);
		server = server_bind(AF_INET, SOCK_DGRAM, port, 0);
	}
	printf("right %d\n", left);
	return 0;
}
// NOLINTEND(concurrency-mt-unsafe)
