/* SPDX-License-Identifier: MIT */
/* What an fd is: one of our sockets, or none of our business. */
#ifndef REPLYFROM_SOCK_H
#define REPLYFROM_SOCK_H

#include "pktinfo.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/*
 * A UDP socket bound to the wildcard, switched on to deliver pktinfo.  All fds
 * that dup(2) made of it share one.  Never unmapped: a pointer stays readable
 * after close(2), though it may then mean another socket.
 */
struct sock {
	_Atomic uint64_t cookie; /* SO_COOKIE, or 0 where unknown */
	_Atomic uint32_t fds;	 /* that mean this socket; 0: free for reuse */
	_Atomic uint32_t id;	 /* of this socket alone, ever */
	_Atomic uint32_t wanted; /* enum pktinfo_kinds of the application */
	_Atomic uint32_t device; /* ifindex of SO_BINDTODEVICE, or 0 */
	_Atomic int family;	 /* AF_INET or AF_INET6 */
};

/* The socket that fd is known to be, or NULL.  No lock, no system call. */
struct sock *sock_known(int fd);

/*
 * The same, but looks at an fd that nobody has seen yet, and switches it on
 * when it is ours: for calls that only sockets understand.  Keeps errno.
 */
struct sock *sock_probe(int fd);

/*
 * Looks at fd again, after a receive that showed it cannot be what we took it
 * for.  Keeps errno.
 */
void sock_review(int fd);

/* fd is a new socket of this kind; what it was before is forgotten. */
void sock_created(int fd, int domain, int type, int protocol);

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
 * already.  After the bind, sock_bound says how that went.  Both keep errno.
 */
struct sock *sock_binding(int fd);
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
