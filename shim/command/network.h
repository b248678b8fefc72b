/* SPDX-License-Identifier: MIT */
/* A network namespace: its wildcard sockets, and which addresses go wrong. */
#ifndef REPLYFROM_NETWORK_H
#define REPLYFROM_NETWORK_H

#include "command/host.h"
#include "command/wildcard.h"
#include "common/port_list.h"

enum { NETWORK_NAMED = 8, NETWORK_WRONG_BYTES = NETWORK_NAMED * 160 };

/* Of all views: anyone may make namespaces, with many addresses in each. */
enum { NETWORK_MOST_BYTES = 1 << 28 };

struct network_view {
	ino_t inode;
	bool known; /* the addresses could be read, in time */
	struct host_addresses addresses;
	struct wildcard *sockets; /* in the order of their inodes */
	size_t socket_count;
	size_t sockets_more; /* that were not looked at */
	bool noted;	     /* for who says of each network what it has */
	uint8_t v4_ports[PORTS_COUNT / 8];
};

/*
 * That of a process, which stays valid.  The sockets and addresses are read in
 * a child, once for each namespace; those beyond NETWORK_MOST_BYTES stay
 * unknown.  NULL: no memory.
 */
struct network_view *network_of(pid_t pid);

/* Whether not even its sockets could be read. */
bool network_is_unread(const struct network_view *view);

/* NULL: there is no such socket on the wildcard. */
const struct wildcard *network_find(const struct network_view *view,
				    unsigned long inode);

/*
 * Lists the addresses that this socket is asked at and that would be answered
 * from another: "10.1.2.3, 10.1.2.2 (to 10.1.3.0/24)", eight at most.  Returns
 * how many there are.
 */
int network_wrong(const struct network_view *view,
		  const struct wildcard *socket, bool v6_only,
		  char text[NETWORK_WRONG_BYTES]);

#endif
