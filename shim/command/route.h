/* SPDX-License-Identifier: MIT */
/* Addresses, and the routes that the kernel has between them. */
#ifndef REPLYFROM_ROUTE_H
#define REPLYFROM_ROUTE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An address in network order; IPv4 has the first four bytes. */
struct address {
	int family;
	uint8_t bytes[sizeof(struct in6_addr)];
};

/* What the kernel says of a route. */
struct route {
	struct address source;
	unsigned int device;
};

/* How many bytes an address of this family has. */
size_t address_bytes(int family);

bool address_is(const struct address *a, const struct address *b);

/* That of a struct sockaddr_in or sockaddr_in6. */
struct address address_of(const struct sockaddr *name);

/* Before the first route_find().  False, and errno. */
bool route_open(void);
void route_close(void);

/* rtnetlink(7) RTM_GETROUTE.  `from` may be NULL.  False: there is no way. */
bool route_find(const struct address *to, const struct address *from,
		struct route *route);

#endif
