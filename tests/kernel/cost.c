/* SPDX-License-Identifier: MIT */
/*
 * Asks a wildcard socket of this process, and prints the CPU time of its calls
 * in ns for each request:
 *
 *     cost WAY CLIENTS WARM-UP REQUESTS SINK
 *
 * WAY:      naive    recvfrom and sendto
 *           pktinfo  recvmsg, IP_PKTINFO and sendmsg, written by hand
 * CLIENTS:  how many ask in turn; 0: each request is from a new one
 * SINK:     the port of all clients; another process has to be bound to it
 *
 * The requests are forged, raw(7), and so wait in the queue when they are sent:
 * they are read in batches, in which the server never sleeps.
 */
#include <arpa/inet.h>
#include <linux/udp.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 64, BYTES = 64, ASKED = 0x7f000002, FIRST_CLIENT = 0x7f010000 };

struct request {
	char data[BYTES];
	struct sockaddr_in peer;
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(
		sizeof(struct in_pktinfo))];
};

struct way {
	const char *name;
	bool pktinfo;
	void (*echo)(int server);
};

struct packet {
	struct iphdr ip;
	struct udphdr udp;
	char data[BYTES];
};

static void die(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE); // NOLINT(concurrency-mt-unsafe): one thread
}

static void echo_naive(int server)
{
	struct request r;
	socklen_t bytes = sizeof(r.peer);
	const ssize_t n = recvfrom(server, r.data, sizeof(r.data), 0,
				   (struct sockaddr *)&r.peer, &bytes);

	if (n < 0 || sendto(server, r.data, (size_t)n, 0,
			    (struct sockaddr *)&r.peer, bytes) != n)
		die("echo");
}

static void echo_pktinfo(int server)
{
	struct request r;
	struct iovec iov = { .iov_base = r.data, .iov_len = sizeof(r.data) };
	struct msghdr msg = { .msg_name = &r.peer,
			      .msg_namelen = sizeof(r.peer),
			      .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = r.control,
			      .msg_controllen = sizeof(r.control) };
	const ssize_t n = recvmsg(server, &msg, 0);
	struct in_pktinfo info;

	if (n < 0 || msg.msg_controllen < CMSG_LEN(sizeof(info)))
		die("recvmsg");
	memcpy(&info, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(info));
	info.ipi_ifindex = 0;
	memcpy(CMSG_DATA(CMSG_FIRSTHDR(&msg)), &info, sizeof(info));
	iov.iov_len = (size_t)n;
	if (sendmsg(server, &msg, 0) != n)
		die("sendmsg");
}

static int open_server(const struct way *way, in_port_t *port_be)
{
	const int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1;
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t bytes = sizeof(at);

	if ((way->pktinfo &&
	     setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on))) ||
	    bind(fd, (struct sockaddr *)&at, bytes) ||
	    getsockname(fd, (struct sockaddr *)&at, &bytes))
		die("bind");
	*port_be = at.sin_port;
	return fd;
}

/* The kernel fills in the length and the checksum.  raw(7). */
static void forge(int raw, unsigned int client, in_port_t sink_be,
		  in_port_t port_be)
{
	const struct sockaddr_in to = { .sin_family = AF_INET,
					.sin_addr.s_addr = htonl(ASKED) };
	const struct packet packet = {
		.ip = { .version = 4,
			.ihl = 5,
			.ttl = 64,
			.protocol = IPPROTO_UDP,
			.saddr = htonl(FIRST_CLIENT + client),
			.daddr = htonl(ASKED) },
		.udp = { .source = sink_be,
			 .dest = port_be,
			 .len = htons(sizeof(packet) - sizeof(packet.ip)) },
	};

	if (sendto(raw, &packet, sizeof(packet), 0,
		   (const struct sockaddr *)&to, sizeof(to)) < 0)
		die("forge");
}

static long cpu_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec * 1000000000 + now.tv_nsec;
}

static const struct way *way_of(const char *name)
{
	static const struct way ways[] = {
		{ "naive", false, echo_naive },
		{ "pktinfo", true, echo_pktinfo },
	};

	return &ways[!strcmp(name, ways[1].name)];
}

static long number(const char *word)
{
	return strtol(word, NULL, 10);
}

int main(int argc, char **argv)
{
	const struct way *way = way_of(argc == 6 ? argv[1] : "");
	const int raw = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	in_port_t port_be;
	const int server = open_server(way, &port_be);
	long clients, warm_up, requests, spent = 0;
	in_port_t sink_be;

	if (argc != 6 || raw < 0)
		die("cost WAY CLIENTS WARM-UP REQUESTS SINK");
	clients = number(argv[2]);
	warm_up = number(argv[3]);
	requests = number(argv[4]);
	sink_be = htons((in_port_t)number(argv[5]));
	for (long i = 0; i < warm_up + requests; i += BATCH) {
		long began;

		for (long j = i; j < i + BATCH; j++)
			forge(raw, (unsigned int)(clients ? j % clients : j),
			      sink_be, port_be);
		began = cpu_ns();
		for (int j = 0; j < BATCH; j++)
			way->echo(server);
		if (i >= warm_up)
			spent += cpu_ns() - began;
	}
	(void)printf("%ld\n", spent / ((requests + BATCH - 1) / BATCH * BATCH));
	return EXIT_SUCCESS;
}
