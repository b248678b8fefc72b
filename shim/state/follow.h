/* SPDX-License-Identifier: MIT */
/* Servers that answer from a socket that they connect, or from a new one. */
#ifndef REPLYFROM_FOLLOW_H
#define REPLYFROM_FOLLOW_H

#include "state/sock.h"

#include <stdbool.h>
#include <sys/socket.h>

/*
 * connect(2), when the peer has asked one of our sockets, or fd is one that was
 * followed: it is then bound to the address that the peer asked.  False: there
 * is nothing to do, call libc's.  Otherwise *result and errno are as libc's.
 */
bool follow_connect(int fd, const struct sockaddr *addr, socklen_t len,
		    int *result);

/* Whether no socket is bound or replaced: a filter kills for that. */
void follow_no_more(bool yes);

/*
 * Before an answer on fd, which is no socket of ours yet, to `to`: a new one
 * that answers a peer becomes ours.  Answers its sock, or NULL.  Keeps errno.
 */
struct sock *follow_send(int fd, const struct sockaddr *to, socklen_t len);

/*
 * A peer that `sock` has not heard of may have asked another socket: if so it
 * is remembered.  Keeps errno.
 */
bool follow_peer(struct sock *sock, const struct sockaddr *to, socklen_t len);

#endif
