/* SPDX-License-Identifier: MIT */
/* What the kernel says of an fd, and what we switch on there. */
#ifndef REPLYFROM_SOCK_LOOK_H
#define REPLYFROM_SOCK_LOOK_H

#include "state/sock_table.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

/* All change errno, and make system calls. */

/* SO_COOKIE, or 0. */
uint64_t sock_cookie(int fd);

/* The index of the interface that SO_BINDTODEVICE binds fd to, or 0. */
uint32_t sock_read_device(int fd);

int sock_lowat(int fd);

/* Puts `next` in the place of our mark, or of nothing.  See common/mark.h. */
void sock_mark(int fd, int lowat, uint32_t next);

/*
 * What the application has switched on so far, before we do.  False: that
 * cannot be told, so it must not change.
 */
bool sock_read_wanted(int fd, int family, int lowat, uint32_t *wanted);

/* Switches pktinfo on.  False: the kernel refuses. */
bool sock_switch_on(int fd, int family);

/* As the application wants it. */
void sock_switch_back(int fd, const struct sock *sock);

/* What fd is: SOCK_OTHER, SOCK_UDP, or NULL when it is not open. */
struct sock *sock_kind(int fd, int *family);

/*
 * The port that fd is bound to, in network byte order, or 0.  *is_wildcard: to
 * no address, and it is a port of ours.
 */
in_port_t sock_read_port(int fd, bool *is_wildcard);

bool sock_is_wildcard_bound(int fd);

#endif
