/* SPDX-License-Identifier: MIT */
/*
 * How much of a thread's stack each call needs, on 127.0.0.0/8.  Each is made
 * by a thread of its own, whose stack is of the size that the command line
 * says, in bytes; then a line tells the call's name and how many it touched.
 */
#include "server.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#define UNTOUCHED 0xa5
#define MESSAGES 4

static int server, port, client;
static char data[64], control[512];
static struct sockaddr_in peer;
static struct iovec iov = { .iov_base = data, .iov_len = 1 };
static struct mmsghdr messages[MESSAGES];

static void ask(void)
{
	const struct sockaddr_in to = server_loopback(2, port);

	if (sendto(client, "q", 1, 0, (const struct sockaddr *)&to,
		   sizeof(to)) != 1)
		server_die("ask");
}

/* As the last call left it, with room for all. */
static struct msghdr *message(void)
{
	for (int i = 0; i < MESSAGES; i++)
		messages[i].msg_hdr = (struct msghdr){
			.msg_name = &peer,
			.msg_namelen = sizeof(peer),
			.msg_iov = &iov,
			.msg_iovlen = 1,
		};
	return &messages[0].msg_hdr;
}

static void call_nothing(void)
{
}

static void call_recvfrom(void)
{
	socklen_t len = sizeof(peer);

	recvfrom(server, data, 1, 0, (struct sockaddr *)&peer, &len);
}

static void call_sendto(void)
{
	sendto(server, data, 1, 0, (struct sockaddr *)&peer, sizeof(peer));
}

static void call_recvmsg(void)
{
	struct msghdr *msg = message();

	msg->msg_control = control;
	msg->msg_controllen = sizeof(control);
	(void)recvmsg(server, msg, 0);
}

static void call_sendmsg(void)
{
	sendmsg(server, message(), 0);
}

static void call_recvmmsg(void)
{
	message();
	recvmmsg(server, messages, MESSAGES, MSG_DONTWAIT, NULL);
}

static void call_sendmmsg(void)
{
	message();
	sendmmsg(server, messages, MESSAGES, 0);
}

static void call_recv(void)
{
	recv(server, data, 1, 0);
}

static void call_read(void)
{
	(void)!read(server, data, 1);
}

static void call_readv(void)
{
	(void)!readv(server, &iov, 1);
}

static int fresh;

static void call_socket(void)
{
	fresh = socket(AF_INET, SOCK_DGRAM, 0);
}

static void call_bind(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET };

	if (bind(fresh, (struct sockaddr *)&any, sizeof(any)))
		server_die("bind");
}

static void call_close(void)
{
	close(fresh);
}

/* An inherited one: it is looked at. */
static void call_recv_unknown(void)
{
	recv(fresh, data, 1, MSG_DONTWAIT);
}

static void call_connect(void)
{
	if (connect(server, (struct sockaddr *)&peer, sizeof(peer)))
		server_die("connect");
}

static void call_send(void)
{
	send(server, data, 1, 0);
}

static void call_write(void)
{
	(void)!write(server, data, 1);
}

static const struct {
	const char *name;
	void (*call)(void);
	int asks;
} calls[] = {
	{ "nothing", call_nothing, 0 },	  { "socket", call_socket, 0 },
	{ "bind", call_bind, 0 },	  { "recv", call_recv_unknown, 0 },
	{ "close", call_close, 0 },	  { "recvfrom", call_recvfrom, 1 },
	{ "sendto", call_sendto, 0 },	  { "recvmsg", call_recvmsg, 1 },
	{ "sendmsg", call_sendmsg, 0 },	  { "recvmmsg", call_recvmmsg, 1 },
	{ "sendmmsg", call_sendmmsg, 0 }, { "recv", call_recv, 1 },
	{ "read", call_read, 1 },	  { "readv", call_readv, 1 },
	{ "connect", call_connect, 0 },	  { "send", call_send, 0 },
	{ "write", call_write, 0 },
};

static void *make_call(void *call)
{
	calls[*(const size_t *)call].call();
	return NULL;
}

static size_t touched(const unsigned char *stack, size_t bytes)
{
	size_t untouched = 0;

	while (untouched < bytes && stack[untouched] == UNTOUCHED)
		untouched++;
	return bytes - untouched;
}

static size_t measure(size_t call, unsigned char *stack, size_t bytes)
{
	pthread_attr_t attributes;
	pthread_t thread;

	if (calls[call].asks)
		ask();
	memset(stack, UNTOUCHED, bytes);
	if (pthread_attr_init(&attributes) ||
	    pthread_attr_setstack(&attributes, stack, bytes) ||
	    pthread_create(&thread, &attributes, make_call, &call) ||
	    pthread_join(thread, NULL))
		server_die("thread");
	pthread_attr_destroy(&attributes);
	return touched(stack, bytes);
}

int main(int argc, char **argv)
{
	size_t bytes = argc > 1 ? (size_t)strtol(argv[1], NULL, 10) : 0;
	unsigned char *stack = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t nothing;

	if (stack == MAP_FAILED)
		server_die("stack");
	server = server_bind(AF_INET, SOCK_DGRAM, 0, 0);
	port = server_port(server);
	client = server_client(1);
	nothing = measure(0, stack, bytes);
	for (size_t i = 1; i < sizeof(calls) / sizeof(*calls); i++)
		printf("%s %zu\n", calls[i].name,
		       measure(i, stack, bytes) - nothing);
	return EXIT_SUCCESS;
}
