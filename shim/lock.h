/* SPDX-License-Identifier: MIT */
/* A leaf lock that a signal handler, a fork or a lost holder cannot jam. */
#ifndef REPLYFROM_LOCK_H
#define REPLYFROM_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct lock {
	_Atomic uint32_t holder; /* lock_generation() of the holder, or 0 */
};

enum lock_result {
	LOCK_REFUSED, /* do without: this thread is inside a lock already */
	LOCK_HELD,
	LOCK_INHERITED, /* held, but a thread that fork left behind had it */
};

/*
 * Answers LOCK_REFUSED to a signal handler that interrupted a thread inside
 * any of these locks, and when the holder did not let go within seconds.  After
 * LOCK_INHERITED the state behind the lock may be half-written.
 * Async-signal-safe; keeps errno.
 */
enum lock_result lock_take(struct lock *lock);

void lock_release(struct lock *lock);

/*
 * A number that differs between a process and what it forked, however it
 * forked (MADV_WIPEONFORK, madvise(2)); a vfork child has its parent's.
 */
uint32_t lock_generation(void);

#endif
