/* SPDX-License-Identifier: MIT */
/* What each fd is: a UDP socket that the library tracks, or something else. */
#ifndef REPLYFROM_SOCK_H
#define REPLYFROM_SOCK_H

#include "base/attribute.h"
#include "state/pktinfo.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Logged for a socket that is tracked, and for one that is not. */
#define SOCK_TOLD "replies now leave from the address asked"
#define SOCK_UNTOUCHED "left as it is"

/* What the library does with a socket. */
enum sock_mode {
	SOCK_NOT_OURS, /* nothing: see sock_kinds in sock_table.h */
	SOCK_ARMED,    /* bound to the wildcard, and delivers pktinfo */
	/* Armed, and connected to a client that asked another address than the
	 * kernel sends from: send(2) and the like get a source, too. */
	SOCK_PINNED,
};

/*
 * A UDP socket that is, or was when it was bound, bound to the wildcard.  All
 * fds that dup(2) made of it share one.  Never unmapped: a pointer stays
 * readable after close(2), though it may then mean another socket.
 */
struct sock {
	_Atomic uint64_t cookie; /* SO_COOKIE, or 0 where unknown */
	_Atomic uint32_t fds;	 /* that are this socket; 0: free for reuse */
	uint32_t index;		 /* in all of sock_chunks */
	_Atomic uint64_t id;	 /* in the table of peers: peers_id.h */
	_Atomic uint32_t wanted; /* pktinfo_kinds that the application set */
	_Atomic uint32_t device; /* ifindex of SO_BINDTODEVICE, or 0 */
	_Atomic int family;	 /* AF_INET or AF_INET6 */
	_Atomic int mode;	 /* enum sock_mode */
	/* lock_generation() of the process that bound it, or 0: elsewhere */
	_Atomic uint32_t generation;
	_Atomic uint32_t multicast_ifindex; /* see struct slot */
	/* lock_generation() of the process that is connecting it, or 0 */
	_Atomic uint32_t mover;
	_Atomic bool lent;     /* connected, from an address that we gave it */
	_Atomic uint32_t pins; /* odd while `source` changes */
	struct local source;   /* in SOCK_PINNED; last because it is long */
};

#define SOCKS_PER_CHUNK 128
#define SOCK_CHUNKS 512

/* All socks.  Other files only count them: see hooks/count.c. */
extern _Atomic(struct sock *) sock_chunks[SOCK_CHUNKS];

#define SOCK_AREA                                                           \
	{                                                                   \
		.at = sock_chunks, .pointers = SOCK_CHUNKS,                 \
		.elements = SOCKS_PER_CHUNK, .stride = sizeof(struct sock), \
		.in_use = offsetof(struct sock, fds),                       \
	}

/* fds are looked up in chunks; one beyond the last is never tracked. */
#define SOCK_FDS_PER_CHUNK 1024
#define SOCK_FD_CHUNKS 1024
#define SOCK_FDS (SOCK_FDS_PER_CHUNK * SOCK_FD_CHUNKS)

/* What the fd of this number is. */
struct slot {
	_Atomic(struct sock *) sock;
	/*
	 * The interface that IP_MULTICAST_IF was set to by index, or 0:
	 * getsockopt(2) does not return it.  If the socket is tracked, it is in
	 * struct sock, which all its fds share.
	 */
	_Atomic uint32_t multicast_ifindex;
	_Atomic uint32_t shared_seen; /* in sock_table.c, when `sock` was set */
};

/* For the inline functions below only. */
extern HIDDEN _Atomic(struct slot *) sock_slots[SOCK_FD_CHUNKS];
struct sock *sock_probe_slowly(int fd, struct sock *sock);

static inline struct slot *sock_slot(int fd)
{
	const unsigned int n = (unsigned int)fd;
	struct slot *chunk;

	if (n >= SOCK_FDS)
		return NULL;
	chunk = atomic_load_explicit(&sock_slots[n / SOCK_FDS_PER_CHUNK],
				     memory_order_acquire);
	return chunk ? &chunk[n % SOCK_FDS_PER_CHUNK] : NULL;
}

/* A tracked sock, or one of sock_kinds; NULL: fd was not seen yet. */
static inline struct sock *sock_occupant(int fd)
{
	struct slot *slot = sock_slot(fd);

	return slot ? atomic_load_explicit(&slot->sock, memory_order_acquire)
		    : NULL;
}

/* Read fields of struct sock. */
static inline uint64_t sock_id(const struct sock *sock)
{
	return atomic_load(&sock->id);
}

static inline sa_family_t sock_family(const struct sock *sock)
{
	return (sa_family_t)atomic_load(&sock->family);
}

static inline uint32_t sock_wanted(const struct sock *sock)
{
	return atomic_load(&sock->wanted);
}

static inline uint32_t sock_ifindex(const struct sock *sock)
{
	return atomic_load(&sock->device);
}

static inline enum sock_mode sock_mode(const struct sock *sock)
{
	return (enum sock_mode)atomic_load_explicit(&sock->mode,
						    memory_order_relaxed);
}

/* Whether the library handles it.  False for NULL and for sock_kinds. */
static inline bool sock_is_armed(const struct sock *sock)
{
	return sock && sock_mode(sock) != SOCK_NOT_OURS;
}

/*
 * The armed sock of fd; NULL if it has none, or was not seen yet.  For read(2)
 * and the like, whose fd may be a file.  No lock, no system call.
 */
static inline struct sock *sock_known(int fd)
{
	struct sock *sock = sock_occupant(fd);

	return sock_is_armed(sock) ? sock : NULL;
}

/*
 * As sock_known(), but asks the kernel about an fd that was not seen yet, and
 * tracks it if it is a UDP socket bound to the wildcard.  For recvfrom(2) and
 * the like, which only sockets take.  Keeps errno.
 */
static inline struct sock *sock_probe(int fd)
{
	struct sock *sock = sock_occupant(fd);

	return LIKELY(sock_is_armed(sock)) ? sock : sock_probe_slowly(fd, sock);
}

/* False if fd is known not to be a UDP socket.  No system call. */
bool sock_may_be_udp(int fd);

/*
 * If fd was a new UDP socket, not bound, connected or sent on yet, returns
 * which of sock_kinds it was; otherwise NULL.  From now on a new one counts as
 * one that does not need the library: SOCK_UDP.
 */
const struct sock *sock_settle(int fd);

/*
 * Tracks fd, of which sock_settle() returned `kind`.  It is not bound to a port
 * by number and is about to answer a peer.  Returns its sock; or NULL, and
 * nothing was changed.  Keeps errno.
 */
struct sock *sock_adopt(int fd, int family, const struct sock *kind);

/*
 * Makes `sock` SOCK_PINNED: what is sent without an address comes from `local`.
 */
void sock_pin(struct sock *sock, const struct local *local);

/* Whether it is SOCK_PINNED; if so, *local gets that address. */
bool sock_is_pinned(const struct sock *sock, struct local *local);

void sock_unpin(struct sock *sock);

/*
 * Whether this thread may connect it from another address: false while another
 * thread of this process does so.  If true, sock_end_move has to follow.
 */
bool sock_begin_move(struct sock *sock);
void sock_end_move(struct sock *sock);

/* Whether it is connected, from an address that the library gave it. */
void sock_set_lent(struct sock *sock, bool lent);
bool sock_is_lent(const struct sock *sock);

/* Whether this process bound it to a port by number. */
bool sock_has_own_port(const struct sock *sock);

/* The interface that IP_MULTICAST_IF of fd was set to by number, or 0. */
uint32_t sock_multicast_ifindex(int fd);

/*
 * Asks the kernel about fd again, after a receive without pktinfo: fd is not
 * what it was taken for.  Keeps errno.
 */
void sock_review(int fd);

/*
 * After fork(3), in both processes: each may set options of new sockets now
 * that the other one believes not to be set.
 */
void sock_forked(void);

/* Whether no more sockets are to be tracked. */
bool sock_is_off(void);

/*
 * sock_stop() stops tracking all sockets.  `put_back`: it also sets their
 * options back to what the application wants, except where the process that
 * forked this one still uses the socket.  After sock_go_on() each is looked at
 * anew.  Both keep errno.
 */
void sock_stop(bool put_back);
void sock_go_on(void);

/* fd is new, as if by socket(2) with these arguments. */
void sock_created(int fd, int domain, int type, int protocol);

/*
 * fd was bound to this address, which may give a packet(7) socket another
 * protocol.  Keeps errno.
 */
void sock_bound_packets(int fd, const struct sockaddr *addr, socklen_t len);

/* What was noted of fd no longer holds: it is closed, or came by SCM_RIGHTS. */
void sock_forget(int fd);

/* All fds from first to last are closed. */
void sock_forget_range(unsigned int first, unsigned int last);

/* dup2(2) and the like: `to` is a duplicate of `fd` now. */
void sock_duplicated(int fd, int to);

/* Whether bind(2) to this address binds to the wildcard. */
bool sock_is_wildcard(const struct sockaddr *addr, socklen_t len);

/*
 * Before a bind(2) to the wildcard and port_be: switches pktinfo on, so that no
 * datagram is queued without it.  Returns a sock, to be passed to sock_bound()
 * after the bind; or NULL if fd is not to be tracked, or is already.  Both keep
 * errno.
 */
struct sock *sock_binding(int fd, in_port_t port_be);
void sock_bound(int fd, struct sock *sock, bool succeeded);

/* setsockopt(2) and getsockopt(2): the library's own options do not show. */
int sock_set_option(int fd, int level, int name, const void *value,
		    socklen_t len);
int sock_get_option(int fd, int level, int name, void *value, socklen_t *len);

#endif
