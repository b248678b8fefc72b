/* SPDX-License-Identifier: MIT */
/* Asks the kernel about an fd, and switches its pktinfo on and off. */
#ifndef REPLYFROM_SOCK_LOOK_H
#define REPLYFROM_SOCK_LOOK_H

#include "state/sock_table.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

/* All functions here change errno, and make system calls. */

/* SO_COOKIE, or 0. */
uint64_t sock_cookie(int fd);

/* The index of the interface that SO_BINDTODEVICE binds fd to, or 0. */
uint32_t sock_read_device(int fd);

/* SO_RCVLOWAT, where the mark is; 0: it cannot be read. */
int sock_lowat(int fd);

/*
 * Sets SO_RCVLOWAT to `next`, unless the application has set it: `lowat` is
 * what it was.  See common/mark.h.
 */
void sock_mark(int fd, int lowat, uint32_t next);

/*
 * Reads the kinds of pktinfo that the application has switched on.  To be
 * called before sock_switch_on().  False: they cannot be read, so leave the
 * socket alone.
 */
bool sock_read_wanted(int fd, int family, int lowat, uint32_t *wanted);

/* Switches pktinfo on.  False: the kernel refuses. */
bool sock_switch_on(int fd, int family);

/* Switches off what the application has not switched on itself. */
void sock_switch_back(int fd, const struct sock *sock);

/*
 * What fd is: SOCK_OTHER, SOCK_UDP (then *family is set), or NULL when it is
 * not open or no socket.
 */
struct sock *sock_kind(int fd, int *family);

/*
 * The port that fd is bound to, in network byte order, or 0.  *is_wildcard: it
 * is bound to the wildcard, and REPLYFROM_ONLY_PORTS includes the port.
 */
in_port_t sock_read_port(int fd, bool *is_wildcard);

#endif
