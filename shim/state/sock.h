/* SPDX-License-Identifier: MIT */
/* What an fd is: one of our sockets, or none of our business. */
#ifndef REPLYFROM_SOCK_H
#define REPLYFROM_SOCK_H

#include "base/attribute.h"
#include "state/pktinfo.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* What is logged of a socket that is ours, and of one that is not. */
#define SOCK_TOLD "replies now leave from the address asked"
#define SOCK_UNTOUCHED "left as it is"

/* What we do about a socket. */
enum sock_mode {
	SOCK_NOT_OURS, /* nothing */
	SOCK_ARMED,    /* bound to the wildcard, and delivers pktinfo */
	/* The same, connected to a peer from an address that it did not ask:
	 * what is sent without an address gets its source from us. */
	SOCK_PINNED,
};

/*
 * A UDP socket that is, or was when it was bound, bound to the wildcard.  All
 * fds that dup(2) made of it share one.  Never unmapped: a pointer stays
 * readable after close(2), though it may then mean another socket.
 */
struct sock {
	_Atomic uint64_t cookie; /* SO_COOKIE, or 0 where unknown */
	_Atomic uint32_t fds;	 /* that mean this socket; 0: free for reuse */
	uint32_t index;		 /* of all there are */
	_Atomic uint64_t id;	 /* of this socket alone, ever: see peers.h */
	_Atomic uint32_t wanted; /* enum pktinfo_kinds of the application */
	_Atomic uint32_t device; /* ifindex of SO_BINDTODEVICE, or 0 */
	_Atomic int family;	 /* AF_INET or AF_INET6 */
	_Atomic int mode;	 /* enum sock_mode */
	/* lock_generation() of the process that bound it, or 0: elsewhere */
	_Atomic uint32_t generation;
	_Atomic uint32_t multicast_ifindex; /* see struct slot */
	_Atomic uint32_t mover; /* lock_generation() of who connects it, or 0 */
	_Atomic bool lent;	/* connected, from an address that we gave it */
	_Atomic uint32_t pins;	/* odd while `source` changes */
	struct local source;	/* SOCK_PINNED; last, for it is long */
};

#define SOCKS_PER_CHUNK 128
#define SOCK_CHUNKS 512

/* All there are, for the counters. */
extern _Atomic(struct sock *) sock_chunks[SOCK_CHUNKS];

#define SOCK_AREA                                                           \
	{                                                                   \
		.at = sock_chunks, .pointers = SOCK_CHUNKS,                 \
		.elements = SOCKS_PER_CHUNK, .stride = sizeof(struct sock), \
		.in_use = offsetof(struct sock, fds),                       \
	}

/* fds are looked up in chunks; those beyond the last are never ours. */
#define SOCK_FDS_PER_CHUNK 1024
#define SOCK_FD_CHUNKS 1024

/* What the fd of this number is. */
struct slot {
	_Atomic(struct sock *) sock;
	/*
	 * That IP_MULTICAST_IF was set to by number: it cannot be read.  Of one
	 * of our sockets it is in its sock, which all its fds share.
	 */
	_Atomic uint32_t multicast_ifindex;
	_Atomic uint32_t doubts; /* there were so many when `sock` was set */
};

/* For what is inline here. */
extern HIDDEN _Atomic(struct slot *) sock_slots[SOCK_FD_CHUNKS];
struct sock *sock_probe_slowly(int fd, struct sock *sock);

static inline struct slot *sock_slot(int fd)
{
	const unsigned int n = (unsigned int)fd;
	struct slot *chunk;

	if (n >= SOCK_FDS_PER_CHUNK * SOCK_FD_CHUNKS)
		return NULL;
	chunk = atomic_load_explicit(&sock_slots[n / SOCK_FDS_PER_CHUNK],
				     memory_order_acquire);
	return chunk ? &chunk[n % SOCK_FDS_PER_CHUNK] : NULL;
}

/* A sock, or what stands for none; NULL: nobody has seen fd yet. */
static inline struct sock *sock_occupant(int fd)
{
	struct slot *slot = sock_slot(fd);

	return slot ? atomic_load_explicit(&slot->sock, memory_order_acquire)
		    : NULL;
}

/* Of this socket alone, ever: see peers.h. */
static inline uint64_t sock_id(const struct sock *sock)
{
	return atomic_load(&sock->id);
}

/* AF_INET or AF_INET6. */
static inline sa_family_t sock_family(const struct sock *sock)
{
	return (sa_family_t)atomic_load(&sock->family);
}

/* What the application itself has switched on, enum pktinfo_kinds. */
static inline uint32_t sock_wanted(const struct sock *sock)
{
	return atomic_load(&sock->wanted);
}

/* The interface that SO_BINDTODEVICE binds it to, or 0. */
static inline uint32_t sock_ifindex(const struct sock *sock)
{
	return atomic_load(&sock->device);
}

static inline enum sock_mode sock_mode(const struct sock *sock)
{
	return (enum sock_mode)atomic_load_explicit(&sock->mode,
						    memory_order_relaxed);
}

/* Whether the kernel leaves all to us. */
static inline bool sock_is_armed(const struct sock *sock)
{
	const enum sock_mode mode = sock ? sock_mode(sock) : SOCK_NOT_OURS;

	return mode == SOCK_ARMED || mode == SOCK_PINNED;
}

/* The socket that fd is known to be, or NULL.  No lock, no system call. */
static inline struct sock *sock_known(int fd)
{
	struct sock *sock = sock_occupant(fd);

	return sock_is_armed(sock) ? sock : NULL;
}

/*
 * The same, but looks at an fd that nobody has seen yet, and switches it on
 * when it is ours: for calls that only sockets understand.  Keeps errno.
 */
static inline struct sock *sock_probe(int fd)
{
	struct sock *sock = sock_occupant(fd);

	return LIKELY(sock_is_armed(sock)) ? sock : sock_probe_slowly(fd, sock);
}

/* Whether fd may be a UDP socket, as far as is known. */
bool sock_may_be_udp(int fd);

/*
 * Whether fd was a new UDP socket, which has done nothing yet.  From now on it
 * counts as a client's, or as bound to one address.
 */
bool sock_settle(int fd);

/*
 * Tracks fd, which answers a peer and is not bound to a port by number.
 * Returns its sock, or NULL, and nothing was changed.  Keeps errno.
 */
struct sock *sock_adopt(int fd, int family);

/* What is sent to the peer of `sock` without an address comes from `local`. */
void sock_pin(struct sock *sock, const struct local *local);

/* Whether it does; *local then gets it. */
bool sock_is_pinned(const struct sock *sock, struct local *local);

void sock_unpin(struct sock *sock);

/*
 * Whether this thread may connect it from another address: no other one of this
 * process does so just now.  Then sock_end_move has to follow.
 */
bool sock_begin_move(struct sock *sock);
void sock_end_move(struct sock *sock);

/* Whether it was connected from an address that we gave it. */
void sock_set_lent(struct sock *sock, bool lent);
bool sock_is_lent(const struct sock *sock);

/* Whether this process bound it to a port by number. */
bool sock_has_own_port(const struct sock *sock);

/* The device that fd is bound to, or 0.  socket(7) SO_BINDTODEVICE. */
uint32_t sock_device(int fd, const struct sock *sock);

/* The interface that IP_MULTICAST_IF of fd was set to by number, or 0. */
uint32_t sock_multicast_ifindex(int fd);

/*
 * Looks at fd again, after a receive that showed it cannot be what we took it
 * for.  Keeps errno.
 */
void sock_review(int fd);

/* Whether no socket is to become ours. */
bool sock_is_off(void);

/* Whether none is, for to look at one is forbidden; those that are stay. */
void sock_look_at_no_more(bool yes);

/*
 * From now on no socket is ours; `put_back`: each delivers what its application
 * wants, but for those that whoever forked us goes on to use.  sock_go_on looks
 * at all of them anew.  Both keep errno.
 */
void sock_stop(bool put_back);
void sock_go_on(void);

/* fd is a new socket of this kind; what it was before is forgotten. */
void sock_created(int fd, int domain, int type, int protocol);

/*
 * fd was bound to this address, which may give a packet(7) socket another
 * protocol.  Keeps errno.
 */
void sock_bound_packets(int fd, const struct sockaddr *addr, socklen_t len);

/* fd may be anything now: closed, or received from elsewhere. */
void sock_forget(int fd);

/* All fds from first to last are closed. */
void sock_forget_range(unsigned int first, unsigned int last);

/* `to` means what `fd` means. */
void sock_duplicated(int fd, int to);

/* Whether bind(2) to this address binds to the wildcard. */
bool sock_is_wildcard(const struct sockaddr *addr, socklen_t len);

/*
 * Before a bind(2) to the wildcard: switches fd on, so that no datagram can be
 * queued before.  Answers NULL when fd is not ours to switch, or is tracked
 * already.  port_be: of that address.  After the bind, sock_bound says how that
 * went.  Both keep errno.
 */
struct sock *sock_binding(int fd, in_port_t port_be);
void sock_bound(int fd, struct sock *sock, bool succeeded);

/*
 * setsockopt and getsockopt for options that we have a hand in.  False:
 * nothing to do, call libc's.  Otherwise *result and errno are as libc's.
 */
bool sock_set_option(int fd, int level, int name, const void *value,
		     socklen_t len, int *result);
bool sock_get_option(int fd, int level, int name, void *value, socklen_t *len,
		     int *result);

#endif
