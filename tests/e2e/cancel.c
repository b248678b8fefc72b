/* SPDX-License-Identifier: MIT */
/*
 * Threads that wait in recvfrom, recvmsg or recvmmsg are cancelled, or catch a
 * request just then, 127.0.0.0/8; whoever comes next answers right.  An exit
 * status other than 0 says that one did not.
 */
#include "server.h"

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ROUNDS 300
#define MESSAGES 64 /* more than fit on the stack */
#define WAIT_MS 5000

static int server, port, client;
static char data[64];
static struct sockaddr_in peer;

static void *receive(void *round)
{
	static struct mmsghdr messages[MESSAGES];
	struct iovec iov = { .iov_base = data, .iov_len = sizeof(data) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	socklen_t len = sizeof(peer);

	switch (*(const int *)round % 3) {
	case 0:
		(void)recvfrom(server, data, sizeof(data), 0,
			       (struct sockaddr *)&peer, &len);
		break;
	case 1:
		(void)recvmsg(server, &msg, 0);
		break;
	default:
		recvmmsg(server, messages, MESSAGES, 0, NULL);
	}
	return NULL;
}

static void ask(uint32_t host)
{
	struct sockaddr_in to = server_loopback(host, port);

	if (sendto(client, "q", 1, 0, (struct sockaddr *)&to, sizeof(to)) != 1)
		server_die("ask");
}

static bool is_answered_from(uint32_t host)
{
	struct pollfd there = { .fd = client, .events = POLLIN };
	struct sockaddr_in from = { 0 };
	socklen_t len = sizeof(peer);

	ask(host);
	if (recvfrom(server, data, sizeof(data), 0, (struct sockaddr *)&peer,
		     &len) != 1 ||
	    sendto(server, "a", 1, 0, (struct sockaddr *)&peer, len) != 1)
		server_die("echo");
	len = sizeof(from);
	return poll(&there, 1, WAIT_MS) == 1 &&
	       recvfrom(client, data, sizeof(data), 0, (struct sockaddr *)&from,
			&len) == 1 &&
	       from.sin_addr.s_addr == htonl(LOOPBACK | host);
}

int main(void)
{
	int wrong = 0;
	pthread_t thread;

	server = server_bind(AF_INET, SOCK_DGRAM, 0, 0);
	port = server_port(server);
	client = server_client(1);
	for (int i = 0; i < ROUNDS; i++) {
		if (pthread_create(&thread, NULL, receive, &i))
			server_die("pthread_create");
		usleep((useconds_t)(i % 10) * 100);
		if (i % 2)
			ask(4);
		pthread_cancel(thread);
		pthread_join(thread, NULL);
		/* It may not have been taken. */
		while (recv(server, data, sizeof(data), MSG_DONTWAIT) >= 0)
			;
		if (!is_answered_from(2 + (uint32_t)i % 2))
			wrong++;
	}
	printf("%d wrong\n", wrong);
	return wrong ? EXIT_FAILURE : EXIT_SUCCESS;
}
