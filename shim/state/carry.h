/* SPDX-License-Identifier: MIT */
/* Whose the datagrams are that were carried from one socket to another. */
#ifndef REPLYFROM_CARRY_H
#define REPLYFROM_CARRY_H

#include "state/sock.h"

#include <stdbool.h>
#include <sys/socket.h>

/*
 * What waits in a socket's queue when another one takes its place is sent to
 * that one, by a carrier.  The application shall see who sent it, and not the
 * carrier.  Nothing here takes a lock.
 */

/* Whether any that were carried wait in the queue of `sock`. */
bool carry_is_pending(const struct sock *sock);

/* carry_unveil, of a socket that something was carried to. */
bool carry_unveil_slowly(struct sock *sock, struct msghdr *msg,
			 struct local *local, bool peeked);

/* None waits any more: the socket is another one. */
void carry_reset(struct sock *sock);

/* The carrier's address from now on; false: no memory for what it carries. */
bool carry_begin(struct sock *sock, const struct sockaddr *carrier,
		 socklen_t len);

/* The next datagram that it carries is of `name`, and was sent to `local`. */
void carry_add(struct sock *sock, const struct sockaddr *name, socklen_t len,
	       const struct local *local);

/* Nothing was carried after all: it is as before the last carry_begin. */
void carry_undo(struct sock *sock);

/*
 * A message was received; false when it was not carried.  Otherwise its name
 * becomes that of who sent it, and *local where it was sent to.  `peeked` when
 * it stays in the queue.
 */
static inline bool carry_unveil(struct sock *sock, struct msghdr *msg,
				struct local *local, bool peeked)
{
	return UNLIKELY(sock->carried) &&
	       carry_unveil_slowly(sock, msg, local, peeked);
}

#endif
