/* SPDX-License-Identifier: MIT */
/* The table of fds (struct slot), and the socks that slots point at. */
#ifndef REPLYFROM_SOCK_TABLE_H
#define REPLYFROM_SOCK_TABLE_H

#include "state/sock.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * What a slot points at if its fd was seen and is not tracked.  They are never
 * armed, because their mode is SOCK_NOT_OURS.
 */
#define SOCK_KINDS 7
extern HIDDEN struct sock sock_kinds[SOCK_KINDS];
/* Not a UDP socket. */
#define SOCK_OTHER (&sock_kinds[0])
/* A packet or raw socket, which also gets datagrams that are for UDP sockets.
 */
#define SOCK_PACKETS (&sock_kinds[1])
/* A UDP socket not bound to the wildcard, as far as we know. */
#define SOCK_UDP (&sock_kinds[2])
/*
 * As SOCK_UDP, but it was not created here, so other fds, also of other
 * processes, may be the same socket and bind it.
 */
#define SOCK_EXAMINED (&sock_kinds[3])
/*
 * A UDP socket from socket(2), not bound yet, which only this process has.  No
 * option that the library looks at was set.
 */
#define SOCK_FRESH_V4 (&sock_kinds[4])
#define SOCK_FRESH_V6 (&sock_kinds[5])
/* A new socket on which such an option was set, or may be. */
#define SOCK_OWN (&sock_kinds[6])

static inline bool sock_is_not_udp(const struct sock *sock)
{
	return sock == SOCK_OTHER || sock == SOCK_PACKETS;
}

static inline bool sock_is_fresh(const struct sock *sock)
{
	return sock == SOCK_FRESH_V4 || sock == SOCK_FRESH_V6;
}

static inline bool sock_is_new(const struct sock *sock)
{
	return sock_is_fresh(sock) || sock == SOCK_OWN;
}

/* The slot of fd, which there is afterwards.  NULL: no memory. */
struct slot *sock_make_slot(int fd);

/* The occupant of its slot, or NULL if fd has to be looked at again. */
struct sock *sock_believed(int fd);

/*
 * Puts `sock` into the slot of fd.  If it is tracked, the caller has counted
 * this fd in sock->fds already.
 */
void sock_occupy(int fd, struct sock *sock);

/*
 * A socket was found that did not come from socket(2) here, so fds that were
 * seen before may be the same socket.  `bound`: it may be bound.  From now on
 * sock_believed() returns NULL for them.
 */
void sock_note_shared(bool bound);

/* One fd more, or less, in sock->fds.  False: it was 0, and stays so. */
bool sock_ref(struct sock *sock);
void sock_unref(struct sock *sock);

/* A sock with a new id, whose `fds` is 1; NULL: no memory. */
struct sock *sock_new(int family, in_port_t port_be, uint32_t wanted);

/* From now on `sock` is found by this cookie, if that is not 0. */
void sock_set_cookie(struct sock *sock, uint64_t cookie);

/*
 * The sock of this cookie, after counting one more fd; or NULL.  Also finds one
 * whose `fds` is 0: the socket was sent away by SCM_RIGHTS, and has come back.
 */
struct sock *sock_ref_by_cookie(uint64_t cookie);

/* IP_MULTICAST_IF of fd was set to this index; 0: by an address. */
void sock_note_multicast(int fd, uint32_t ifindex);

#endif
