/* SPDX-License-Identifier: MIT */
/* A leaf lock that a signal handler, a fork or a lost holder cannot jam. */
#ifndef REPLYFROM_LOCK_H
#define REPLYFROM_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct lock {
	_Atomic uint64_t holder;   /* lock_generation() and thread, or 0 */
	_Atomic uint64_t given_up; /* a holder that did not let go in time */
};

enum lock_result {
	LOCK_REFUSED, /* do without: this thread is inside a lock already */
	LOCK_HELD,
	LOCK_INHERITED, /* held, but who had it will not go on */
};

/*
 * Answers LOCK_REFUSED to a signal handler that interrupted a thread inside
 * any of these locks, and when the holder does not let go: after seconds, and
 * from then on at once.  After LOCK_INHERITED the state behind the lock may be
 * half-written: the holder stayed behind in the process that forked us, or is
 * this thread, which a handler took out of there by siglongjmp(3).
 * Async-signal-safe; keeps errno.
 */
enum lock_result lock_take(struct lock *lock);

void lock_release(struct lock *lock);

/*
 * Whether the process of this generation has ended, as far as is known: a
 * daemon's often has.  Keeps errno.
 */
bool lock_generation_is_gone(uint32_t generation);

/*
 * A number that differs between a process and what it forked, however it
 * forked (MADV_WIPEONFORK, madvise(2)); a vfork child has its parent's.
 */
uint32_t lock_generation(void);

#endif
