/* SPDX-License-Identifier: MIT */
/*
 * Answers ROUNDS requests of each of 1,000 peers by recvfrom and sendto:
 *
 *     serve ROUNDS
 *
 * The peers are this program too, by system calls that nobody hooks; only
 * serve() is what a server does, and what callgrind counts.  Prints how many
 * answers came from the address asked.
 */
#include "../e2e/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { BYTES = 64, PEERS = 1000 };

/* Not in a header: callgrind finds it by its name. */
void serve(int fd);

__attribute__((noinline)) void serve(int fd)
{
	char data[BYTES];
	struct sockaddr_in peer;
	socklen_t peer_bytes = sizeof(peer);
	ssize_t n = recvfrom(fd, data, sizeof(data), 0,
			     (struct sockaddr *)&peer, &peer_bytes);

	if (n < 0 || sendto(fd, data, (size_t)n, 0, (struct sockaddr *)&peer,
			    peer_bytes) < 0)
		server_die("serve");
}

/* Peer n, 127.1.x.y, asks. */
static void ask(int fd, int n, struct sockaddr_in *asked)
{
	const in_addr_t first = 0x7f010001;
	char data[BYTES] = { 0 };
	_Alignas(struct cmsghdr) char
		control[CMSG_SPACE(sizeof(struct in_pktinfo))] = { 0 };
	struct iovec iov = { .iov_base = data, .iov_len = sizeof(data) };
	struct msghdr msg = {
		.msg_name = asked,
		.msg_namelen = sizeof(*asked),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct in_pktinfo from = {
		.ipi_spec_dst.s_addr = htonl(first + (in_addr_t)n),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(from));
	memcpy(CMSG_DATA(c), &from, sizeof(from));
	if (syscall(SYS_sendmsg, fd, &msg, 0) < 0)
		server_die("ask");
}

static int is_right(int fd, const struct sockaddr_in *asked)
{
	char data[BYTES];
	struct sockaddr_in from;
	socklen_t bytes = sizeof(from);

	if (syscall(SYS_recvfrom, fd, data, sizeof(data), 0, &from, &bytes) < 0)
		server_die("answer");
	return from.sin_addr.s_addr == asked->sin_addr.s_addr;
}

int main(int argc, char **argv)
{
	struct sockaddr_in any = { .sin_family = AF_INET };
	struct sockaddr_in asked = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = inet_addr("127.0.0.2"),
	};
	long rounds = argc > 1 ? strtol(argv[1], NULL, 0) : 1;
	int server = server_bind(AF_INET, SOCK_DGRAM, 0, 0);
	int client = (int)syscall(SYS_socket, AF_INET, SOCK_DGRAM, 0);
	long right = 0;

	if (syscall(SYS_bind, client, &any, sizeof(any)))
		server_die("client");
	asked.sin_port = htons((in_port_t)server_port(server));
	for (long i = 0; i < rounds; i++) {
		for (int n = 0; n < PEERS; n++) {
			ask(client, n, &asked);
			serve(server);
			right += is_right(client, &asked);
		}
	}
	printf("right %ld\n", right);
	return 0;
}
