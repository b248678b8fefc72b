/* SPDX-License-Identifier: MIT */
/* A leaf lock that a signal handler, a fork or a lost holder cannot jam. */
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
	_Atomic uint64_t given_up; /* a holder that did not let go in time */
};

enum lock_result {
	LOCK_REFUSED, /* do without: this thread is inside a lock already */
	LOCK_HELD,
	LOCK_INHERITED, /* held, but who had it will not go on */
};

/* How many times it did not let a caller in. */
extern counter lock_refusals;

/* What lock_take and lock_release need; lock.c says of what kind. */
extern HIDDEN _Atomic uint32_t *_Atomic lock_page;
extern HIDDEN _Thread_local const char *lock_inside;
extern HIDDEN _Thread_local struct lock *lock_held;
enum lock_result lock_take_slowly(struct lock *lock, const char *here);
void lock_renounce(struct lock *lock);

/* The generation of this process when it has none yet. */
uint32_t lock_begin_generation(void);

/*
 * A number that differs between a process and what it forked, however it
 * forked (MADV_WIPEONFORK, madvise(2)); a vfork child has its parent's.
 */
static inline uint32_t lock_generation(void)
{
	_Atomic uint32_t *page =
		atomic_load_explicit(&lock_page, memory_order_acquire);
	uint32_t mine =
		page ? atomic_load_explicit(page, memory_order_relaxed) : 0;

	return LIKELY(mine) ? mine : lock_begin_generation();
}

/* The lower half is where this thread has what each has of its own. */
static inline uint64_t lock_holder(uint32_t generation)
{
	return (uint64_t)generation << 32 |
	       (uint32_t)((uintptr_t)&lock_inside >> 3);
}

/*
 * Answers LOCK_REFUSED to a signal handler that interrupted a thread inside
 * any of these locks, and when the holder does not let go: after seconds, and
 * from then on at once.  After LOCK_INHERITED the state behind the lock may be
 * half-written: the holder stayed behind in the process that forked us, or is
 * this thread, which a handler took out of there by siglongjmp(3).
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
 * Whether no lock makes a system call, which may be forbidden: none is then
 * waited for for long, and what a handler jumped out of stays locked.
 */
void lock_call_no_more(bool yes);

/*
 * Whether who was inside of something, with a frame at this place of this
 * thread's stack, was taken out of there by siglongjmp(3) in a handler.  Such a
 * handler's frames lie deeper than those that it interrupted, unless they are
 * on a stack of their own; where ours, at `here`, lie no deeper, the others are
 * gone.  Keeps errno.
 */
bool lock_is_left(const char *inside, const char *here);

/*
 * Whether we are a vfork child, whose memory is its parent's, as far as is
 * known: the first process'.
 */
bool lock_is_borrowed(void);

/*
 * Whether the process of this generation has ended, as far as is known: a
 * daemon's often has.  Keeps errno.
 */
bool lock_generation_is_gone(uint32_t generation);

#endif
