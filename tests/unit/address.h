/* SPDX-License-Identifier: MIT */
/* Addresses, written as text. */
#ifndef ADDRESS_H
#define ADDRESS_H

#include "state/pktinfo.h"

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

/* A socket address and its length in bytes, as bind(2) and its kin take it. */
struct address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct sockaddr_storage room;
	};
	socklen_t len;
};

struct address v4(const char *text, uint16_t port);
struct address v6(const char *text, uint16_t port);
struct address v6_scoped(const char *text, uint16_t port, uint32_t scope);

struct in_addr in4(const char *text);
struct in6_addr in6(const char *text);

/* "192.0.2.1" or "2001:db8::1", through any interface; "" is AF_UNSPEC. */
struct local local_of(const char *text);
struct local local_through(const char *text, uint32_t ifindex);

/*
 * The reverse, "192.0.2.1%3" with an interface.  In a buffer that is the
 * thread's own until the next call.
 */
const char *text_of(const struct local *local);

#endif
