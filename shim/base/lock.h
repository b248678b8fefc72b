/* SPDX-License-Identifier: MIT */
/* A leaf lock: signal handlers, forks and lost holders cannot block it. */
#ifndef REPLYFROM_LOCK_H
#define REPLYFROM_LOCK_H

#include "base/attribute.h"
#include "base/counter.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lock {
	_Atomic uint64_t holder;   /* lock_generation() and thread, or 0 */
	_Atomic uint64_t given_up; /* a holder that kept it for too long */
};

enum lock_result {
	LOCK_REFUSED, /* not held: the caller does without */
	LOCK_HELD,
	LOCK_INHERITED, /* held, but its last holder never released it */
};

/* How often LOCK_REFUSED was returned. */
extern counter lock_refusals;

/* For lock_take() and lock_release() only; described in lock.c. */
extern HIDDEN _Atomic uint32_t *_Atomic lock_page;
extern HIDDEN _Thread_local const char *lock_inside;
extern HIDDEN _Thread_local struct lock *lock_held;
enum lock_result lock_take_slowly(struct lock *lock, const char *here);
void lock_renounce(struct lock *lock);

/* Gives this process a generation, if it has none, and returns it. */
uint32_t lock_begin_generation(void);

/*
 * A number that differs between a process and its forked children, by whatever
 * call they were forked (MADV_WIPEONFORK, madvise(2)).  A vfork child has its
 * parent's.
 */
static inline uint32_t lock_generation(void)
{
	_Atomic uint32_t *page =
		atomic_load_explicit(&lock_page, memory_order_acquire);
	uint32_t mine =
		page ? atomic_load_explicit(page, memory_order_relaxed) : 0;

	return LIKELY(mine) ? mine : lock_begin_generation();
}

/* Lower half: an address in this thread's TLS, which identifies it. */
static inline uint64_t lock_holder(uint32_t generation)
{
	return (uint64_t)generation << 32 |
	       (uint32_t)((uintptr_t)&lock_inside >> 3);
}

/*
 * Returns LOCK_REFUSED to a signal handler that interrupted a thread inside any
 * of these locks, and if the holder does not release it: after seconds, and
 * from then on immediately.  After LOCK_INHERITED the data that the lock guards
 * may be half-written: the holder is in the process that forked this one, or is
 * this thread, which a signal handler took out of there with siglongjmp(3).
 * Async-signal-safe; keeps errno.
 */
__attribute__((always_inline)) static inline enum lock_result
lock_take(struct lock *lock)
{
	_Atomic uint32_t *page =
		atomic_load_explicit(&lock_page, memory_order_acquire);
	uint32_t generation =
		page ? atomic_load_explicit(page, memory_order_relaxed) : 0;
	const char *here = __builtin_frame_address(0);
	uint64_t none = 0;

	if (generation && !lock_inside) {
		lock_held = lock;
		lock_inside = here;
		atomic_signal_fence(memory_order_seq_cst);
		if (atomic_compare_exchange_strong_explicit(
			    &lock->holder, &none, lock_holder(generation),
			    memory_order_acquire, memory_order_relaxed))
			return LOCK_HELD;
		lock_inside = NULL;
	}
	return lock_take_slowly(lock, here);
}

static inline void lock_release(struct lock *lock)
{
	if (atomic_load_explicit(&lock->given_up, memory_order_relaxed))
		lock_renounce(lock);
	atomic_store_explicit(&lock->holder, 0, memory_order_release);
	atomic_signal_fence(memory_order_seq_cst);
	lock_inside = NULL;
}

/*
 * `yes`: no lock makes system calls any more, because a seccomp filter may
 * forbid them.  Locks are then not waited for long, and one that a handler
 * jumped out of stays locked.
 */
void lock_call_no_more(bool yes);

/*
 * Whether the function with a frame at `inside` on this thread's stack was left
 * by siglongjmp(3) from a signal handler.  A handler's frames are deeper than
 * those that it interrupted, unless it has a stack of its own.  So if the frame
 * at `here` is not deeper than `inside`, the function has been left.  Keeps
 * errno.
 */
bool lock_is_left(const char *inside, const char *here);

/*
 * Whether this is a vfork child, which shares its parent's memory.  Only
 * children of the first process are recognised.
 */
bool lock_is_borrowed(void);

/*
 * Whether the process of this generation has ended, as a daemon's first process
 * often has.  Only the first one is recognised.  Keeps errno.
 */
bool lock_generation_is_gone(uint32_t generation);

#endif
