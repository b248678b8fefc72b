/* SPDX-License-Identifier: MIT */
/* Servers that answer from a socket that they connect, or from a new one. */
#ifndef REPLYFROM_FOLLOW_H
#define REPLYFROM_FOLLOW_H

#include "state/sock.h"

#include <stdbool.h>
#include <sys/socket.h>

/*
 * A socket that is connected to a client (see peers_client.h) gets the address
 * that the client asked, by one connect or by two: shim/README.md, "connect()",
 * says how.  For any other peer, and for a socket that is bound to an address,
 * nothing is done.
 *
 * System calls besides the application's own, counted by tests/e2e/syscalls:
 *
 *	where the kernel chooses the address asked	4
 *	two connects, IPv4, and IPv6			11, 8
 *	of a socket without a port, IPv4, and IPv6	8, 5
 */

/*
 * connect(2).  False: there is nothing to do, call libc's.  Otherwise *result
 * and errno are as libc's.
 */
bool follow_connect(int fd, const struct sockaddr *addr, socklen_t len,
		    int *result);

/* yes: no socket gets an address, because a seccomp filter kills for that. */
void follow_forbid(bool yes);

/*
 * Call this before a send to `to` on an fd that is not tracked.  If fd is a
 * socket without an own port and `to` is a client, the socket is tracked from
 * now on.  Returns its sock, or NULL if it is not tracked.  Keeps errno.
 */
struct sock *follow_send(int fd, const struct sockaddr *to, socklen_t len);

#endif
