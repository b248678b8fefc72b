/* SPDX-License-Identifier: MIT */
/* UDP sockets on the wildcard, and what a process has open.  proc(5). */
#ifndef REPLYFROM_WILDCARD_H
#define REPLYFROM_WILDCARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { WILDCARD_TEXT = 64 };

/* A UDP socket that is bound to the wildcard. */
struct wildcard {
	unsigned long inode;
	uint16_t port;
	bool v6;
	char text[WILDCARD_TEXT]; /* "udp 0.0.0.0:53" */
};

/*
 * Lists those of the process's network namespace, in memory that the caller
 * frees; `more` is how many there are beyond.
 */
struct wildcard *wildcard_list(pid_t pid, size_t *count, size_t *more);

/*
 * Calls `found` for each socket that the process has open, with its fd.  False,
 * and errno: they cannot be read.
 */
bool wildcard_sockets_of(pid_t pid,
			 void (*found)(unsigned long inode, int fd, void *data),
			 void *data);

struct socket_options {
	bool known;   /* the rest could be read */
	bool marked;  /* it was set up by the library, whoever has it now */
	bool pktinfo; /* the process itself asked for it.  ip(7) */
	bool v6_only;
};
struct socket_options wildcard_options_of(pid_t pid, int fd);

/* Whether this process has this socket open. */
bool wildcard_is_of(pid_t pid, unsigned long inode);

#endif
