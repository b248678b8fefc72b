/* SPDX-License-Identifier: MIT */
/*
 * A client that sends as fast as it can to a server that connects its socket to
 * it and disconnects it, again and again: stream WAY CONNECTS [ADDRESS].
 *
 * connect: by connect(2).  twice: by the connects of shim/state/follow.h,
 * written out.  never: the server only reads.  ADDRESS is what the client asks,
 * 127.0.0.2 if none.  Prints how often the socket was connected, how many of
 * these times a datagram was lost, how many were lost, and how many were sent.
 *
 * The sender waits when 64 are under way, far fewer than a queue holds, so that
 * none is lost for another reason.
 */
#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum {
	MOST_UNDER_WAY = 64,
	FEW_UNDER_WAY = 4,
	READS = 8,
	PATIENCE_US = 20000,
	NOT_FIRST = 77
};

static int server, client;
static struct sockaddr_in asked;
static _Atomic uint32_t sent, taken;
static _Atomic bool is_over;

/* The sender and the server each have a processor, before other processes. */
static void run_first(int nth)
{
	const struct sched_param least = { .sched_priority = 1 };
	cpu_set_t allowed, own;
	int cpu = -1;

	CPU_ZERO(&allowed);
	CPU_ZERO(&own);
	if (sched_getaffinity(0, sizeof(allowed), &allowed) ||
	    CPU_COUNT(&allowed) < 2)
		_exit(NOT_FIRST);
	for (; nth >= 0; nth--)
		do
			cpu++;
		while (!CPU_ISSET((size_t)cpu, &allowed));
	CPU_SET((size_t)cpu, &own);
	if (sched_setaffinity(0, sizeof(own), &own) ||
	    sched_setscheduler(0, SCHED_FIFO, &least))
		_exit(NOT_FIRST);
}

static void *send_on(void *unused)
{
	run_first(1);
	while (!atomic_load(&is_over)) {
		const uint32_t number = atomic_load(&sent);

		if (number - atomic_load(&taken) >= MOST_UNDER_WAY) {
			sched_yield();
			continue;
		}
		/* A refusal of an earlier one is told, and this one not sent.
		 */
		if (send(client, &number, sizeof(number), 0) == sizeof(number))
			atomic_store(&sent, number + 1);
		else if (errno != ECONNREFUSED)
			server_die("send");
	}
	return unused;
}

/* The next datagram's number.  All that are under way may be lost. */
static uint32_t take(struct sockaddr_in *peer)
{
	socklen_t len = sizeof(*peer);
	uint32_t number;

	while (recvfrom(server, &number, sizeof(number), 0,
			(struct sockaddr *)peer, &len) != sizeof(number)) {
		if (errno != EAGAIN)
			server_die("recvfrom");
		atomic_store(&taken, atomic_load(&sent));
		len = sizeof(*peer);
	}
	atomic_store(&taken, number + 1);
	return number;
}

static void connect_to(const struct sockaddr_in *name)
{
	if (connect(server, (const struct sockaddr *)name, sizeof(*name)))
		server_die("connect");
}

static void set_multicast(struct in_addr from)
{
	const struct ip_mreqn group = { .imr_address = from };

	if (setsockopt(server, IPPROTO_IP, IP_MULTICAST_IF, &group,
		       sizeof(group)))
		server_die("IP_MULTICAST_IF");
}

static void disconnect(void)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };

	if (connect(server, &none, sizeof(none)))
		server_die("disconnect");
}

static bool is_at_asked(void)
{
	struct sockaddr_in name = { 0 };
	socklen_t len = sizeof(name);

	return !getsockname(server, (struct sockaddr *)&name, &len) &&
	       name.sin_addr.s_addr == asked.sin_addr.s_addr;
}

static void check_address(void)
{
	if (is_at_asked())
		return;
	(void)puts("connected from elsewhere");
	_exit(EXIT_FAILURE);
}

static void connect_twice(const struct sockaddr_in *peer)
{
	const struct sockaddr_in group = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_ALLHOSTS_GROUP),
	};

	connect_to(peer);
	if (is_at_asked())
		return;
	disconnect();
	set_multicast(asked.sin_addr);
	connect_to(&group);
	connect_to(peer);
	set_multicast((struct in_addr){ 0 });
}

static void open_sockets(const char *address)
{
	const struct timeval patience = { .tv_usec = PATIENCE_US };
	int port;

	server = server_bind(AF_INET, SOCK_DGRAM, 0, 0);
	port = server_port(server);
	(void)close(server);
	server = server_bind(AF_INET, SOCK_DGRAM, port, 0);
	client = socket(AF_INET, SOCK_DGRAM, 0);
	asked = (struct sockaddr_in){ .sin_family = AF_INET,
				      .sin_port = htons((in_port_t)port),
				      .sin_addr.s_addr = inet_addr(address) };
	if (setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &patience,
		       sizeof(patience)) ||
	    connect(client, (struct sockaddr *)&asked, sizeof(asked)))
		server_die("client");
}

/* How many were lost while it was connected and disconnected. */
static long lose(const char *way)
{
	struct sockaddr_in peer = { 0 };
	uint32_t first = take(&peer), last;

	/* A sender that waits would lose nothing. */
	while (atomic_load(&sent) - first > FEW_UNDER_WAY)
		first = take(&peer);
	last = first;

	if (!strcmp(way, "twice"))
		connect_twice(&peer);
	else if (!strcmp(way, "connect"))
		connect_to(&peer);
	if (strcmp(way, "never") != 0)
		check_address();
	for (int i = 0; i < READS; i++)
		last = take(&peer);
	if (strcmp(way, "never") != 0)
		disconnect();
	return (long)(last - first) - READS;
}

int main(int argc, char **argv)
{
	const long connects = argc > 2 ? strtol(argv[2], NULL, 10) : 0;
	long hit = 0, lost = 0;
	pthread_t thread;

	if (argc < 3)
		return EXIT_FAILURE;
	open_sockets(argc > 3 ? argv[3] : "127.0.0.2");
	if (pthread_create(&thread, NULL, send_on, NULL))
		server_die("pthread_create");
	run_first(0);
	for (long i = 0; i < connects; i++) {
		const long more = lose(argv[1]);

		hit += more > 0;
		lost += more;
	}
	atomic_store(&is_over, true);
	pthread_join(thread, NULL);
	(void)printf("%ld %ld %ld %u\n", connects, hit, lost,
		     atomic_load(&sent));
	return EXIT_SUCCESS;
}
