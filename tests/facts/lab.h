/* SPDX-License-Identifier: MIT */
/*
 * The two hosts of demo/lab, and datagrams between them.  A program with lab.c
 * runs on the server host: it runs itself again inside demo/lab, or ends with
 * all tests skipped where there can be no namespaces.
 */
#ifndef REPLYFROM_TESTS_LAB_H
#define REPLYFROM_TESTS_LAB_H

#include "unit.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

struct address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
	socklen_t bytes;
};

/* What a recvmsg(2) with room for everything got. */
struct datagram {
	struct address peer;
	char data[64];
	size_t bytes;
	int flags;
	_Alignas(max_align_t) char control[512];
	size_t control_bytes;
};

/* A command of the shell on the server host, or on the client; it succeeds. */
void lab_run(const char *command);
void lab_run_on_client(const char *command);

/* The server host gets and loses an address, "fd01:2::77/64". */
void lab_add_address(const char *address);
void lab_remove_address(const char *address);

/*
 * Sockets, closed after each test.  On the server
 * host: bound to the wildcard and any port.  On the client host: bound to this
 * address, any port, and to its interface.
 */
int lab_server(int domain);
int lab_client(const char *address);
void lab_close_one(int fd);

void lab_set(int fd, int level, int name, int value);

/* "10.1.2.3", "fd01:2::3", or "fe80::2%eth0" with an interface of ours. */
struct address lab_address(const char *text, in_port_t port_be);
in_port_t lab_port_be(int fd);

/* Sends a datagram to the port that `server` has, at this address. */
void lab_ask(int client, const char *address, int server);

/* Receives; the datagram has to be there within seconds. */
struct datagram lab_take(int fd, int flags);

/* Until fd has an error pending. */
void lab_await_error(int fd);

/* The data of a received control message, or NULL. */
const void *lab_find(const struct datagram *got, int level, int type);

/*
 * Sends `data` (NULL: no iovec at all) to this address, from this source (NULL:
 * of the kernel's choice): IP_PKTINFO for "10.1.2.3", IPV6_PKTINFO for
 * "fd01:2::3" and "::ffff:10.1.2.3".  Answers 0, or the errno of sendmsg(2).
 */
int lab_send(int fd, const struct address *to, const char *source,
	     unsigned int ifindex, const char *data, int flags);

/* The same, as an answer. */
int lab_answer(int server, const struct datagram *request, const char *source,
	       unsigned int ifindex);

/* The next datagram at `fd` comes from this address. */
void lab_assert_from(int fd, const char *address);

/* There is no datagram at `fd`. */
void lab_assert_nothing(int fd);

/* The address of an in_addr or in6_addr, as text. */
#define assert_address(address, text)                                  \
	do {                                                           \
		char text_of_it[INET6_ADDRSTRLEN];                     \
                                                                       \
		inet_ntop(sizeof(address) == 4 ? AF_INET : AF_INET6,   \
			  &(address), text_of_it, sizeof(text_of_it)); \
		assert_string_equal(text_of_it, text);                 \
	} while (0)

#endif
