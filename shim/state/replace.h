/* SPDX-License-Identifier: MIT */
/* Puts another socket, bound elsewhere, in the place of one. */
#ifndef REPLYFROM_REPLACE_H
#define REPLYFROM_REPLACE_H

#include "base/counter.h"
#include "state/sock.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/*
 * Replaces the socket of fd, which is of `sock` and bound to a port by number,
 * by one that is bound to `name` and, unless `peer` is NULL, connected to that:
 * with the same options, file flags and registrations in epoll sets, and with
 * what waits in its queue.  It is armed when `mode` is.
 *
 * False, and fd as it was, when that cannot be done.  Keeps errno.
 */
bool replace_socket(int fd, struct sock *sock, const struct sockaddr_in6 *name,
		    const struct sockaddr *peer, enum sock_mode mode);

/*
 * What connect(2) to this peer would bind an unbound socket to that has the
 * options of fd.  False: it would fail.  By another socket: once connected, fd
 * would hear nobody else, in IPv6 not even after AF_UNSPEC.  Keeps errno.
 */
bool replace_preview(int fd, const struct sockaddr *peer,
		     struct sockaddr_in6 *name);

/* How many sockets were replaced. */
extern counter replace_count;

/* What epoll_ctl(2) did, of which fd's next socket has to be told. */
void replace_note_epoll(int epoll, int operation, int fd,
			const struct epoll_event *event);

#endif
