/* SPDX-License-Identifier: MIT */
/* Servers that answer from a socket that they connect, or from a new one. */
#ifndef REPLYFROM_FOLLOW_H
#define REPLYFROM_FOLLOW_H

#include "state/sock.h"

#include <sys/socket.h>

/*
 * Which address a connected socket gets.  If its peer is a client (see
 * peers_client.h), it is the address that the client asked.
 *
 * A socket that this process bound to a port by number is first connected as
 * the application said; where the kernel chooses that address, that is all.
 * Otherwise it is disconnected, and gets the address by two connects, as a
 * socket without a port does at once.  The kernel keeps the local address that
 * a UDP socket has when it is connected again (__ip4_datagram_connect,
 * __ip6_datagram_connect), so the first connect gives it one: for IPv4 to a
 * multicast group, whose source is IP_MULTICAST_IF; for IPv6 to that address
 * itself, whose source it is (RFC 6724 section 5 rule 1).
 *
 * The socket stays the same file; until the last connect it receives nothing
 * from the client, except for moments.  Where the kernel does not give it that
 * address, the socket is connected as the application said and pinned: what is
 * sent on it gets its source message by message.  For any other peer, and for a
 * socket that is bound to an address, nothing is done.
 *
 * System calls besides the application's own, counted by tests/e2e/syscalls:
 *
 *	where the kernel chooses the address asked	5
 *	two connects, IPv4, and IPv6			12, 9
 *	of a socket without a port, IPv4, and IPv6	8, 6
 *	two connects in vain, IPv6: own port, none	11, 12
 */

/* connect(2), on any fd. */
int follow_connect(int fd, const struct sockaddr *addr, socklen_t len);

/*
 * Call this before a send to `to` on an fd that is not tracked.  If fd is a
 * socket without an own port and `to` is a client, the socket is tracked from
 * now on.  Returns its sock, or NULL if it is not tracked.  Keeps errno.
 */
struct sock *follow_send(int fd, const struct sockaddr *to, socklen_t len);

#endif
