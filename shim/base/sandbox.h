/* SPDX-License-Identifier: MIT */
/* The parts of the library that are given up for a seccomp filter. */
#ifndef REPLYFROM_SANDBOX_H
#define REPLYFROM_SANDBOX_H

#include "base/attribute.h"

#include <stdatomic.h>
#include <stdbool.h>

/* Each makes system calls for which a filter may kill the process. */
enum sandbox_part {
	SANDBOX_ANSWERS = 1 << 0, /* receives and sends */
	SANDBOX_MEMORY = 1 << 1,  /* maps and unmaps it */
	/* Asks the kernel about an fd not seen before.  Without that, sockets
	 * that are tracked stay so. */
	SANDBOX_LOOKS = 1 << 2,
	SANDBOX_FOLLOWS = 1 << 3, /* a socket gets its address by connect(2) */
	/* Waits for a lock, blocks signals inside one, or asks which process
	 * this is, and whether another one is there.  Without that, a thread
	 * waits for a lock only for a moment, and a lock that a handler jumped
	 * out of stays locked. */
	SANDBOX_WAITS = 1 << 4,
	SANDBOX_LINES = 1 << 5, /* logs, to stderr or syslog */
	SANDBOX_ALL = (1 << 6) - 1,
};

/*
 * The parts that are given up, set in hooks/hook_seccomp.c.  Weak: one variable
 * for all files that include this.
 */
__attribute__((weak)) HIDDEN _Atomic unsigned int sandbox_given_up;

static inline bool sandbox_forbids(enum sandbox_part part)
{
	return atomic_load(&sandbox_given_up) & part;
}

#endif
