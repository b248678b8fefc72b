/* SPDX-License-Identifier: MIT */
/*
 * A leaf lock that a signal handler, a fork or a lost holder cannot jam.
 *
 * A call that interrupts another one of its thread inside is refused until that
 * one is through.  What interrupts is a handler, which returns; or jumps out by
 * siglongjmp(3), and the call inside never goes on; or switches to another
 * stack by swapcontext(3), and the call inside goes on later.  No address on a
 * stack tells these two apart: were a jump taken for a switch, the thread would
 * be refused for ever; were a switch taken for a jump, two would change the
 * same state.
 *
 * So from when something was first seen to interrupt a call of ours, all locks
 * block signals, and no handler runs inside.  Up to then they do not: where
 * handlers leave our calls alone, a request makes no more system calls than
 * without us.  What may interrupt all the same is a signal that a call or an
 * instruction raises (SIGSEGV, SIGTRAP, SIGSYS), which cannot be blocked;
 * SIGKILL in a vfork child, which has this thread's memory; and the first of
 * all, if it comes inside a lock:
 *
 * | the call inside  | signals now | so it is             | the next one     |
 * |------------------|-------------|----------------------|------------------|
 * | has blocked them | blocked     | interrupted          | is refused       |
 * | has blocked them | not blocked | gone                 | takes the lock   |
 * | was the first    | either      | interrupted, or gone | is refused, for  |
 * |                  |             |                      | LOCK_OVERDUE_S   |
 *
 * Where the application blocks all signals, or a filter refuses that, calls may
 * be refused more often: their replies are plain.  Two change the same state
 * only if the first of all was a user-level thread, stopped inside a lock, that
 * others of its thread do not let go on for LOCK_OVERDUE_S.
 */
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

/* Where this thread is, in respect of all locks. */
enum lock_place {
	LOCK_OUTSIDE,
	LOCK_INSIDE,
	LOCK_INSIDE_BLOCKED, /* and signals are blocked meanwhile */
	/* A vfork child was here, and knows of no lock: see lock_is_borrowed */
	LOCK_BORROWED,
};

/* A user-level thread that was switched is back long before. */
#define LOCK_OVERDUE_S 10

/* For what is inline here, and for who reads without a lock. */
extern HIDDEN _Atomic uint32_t *_Atomic lock_page;
extern HIDDEN _Thread_local enum lock_place lock_inside;

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

/*
 * Returns LOCK_REFUSED as the table above says, and when the holder does not
 * let go: after seconds, and from then on at once.  After LOCK_INHERITED the
 * state behind the lock may be half-written: the holder stayed behind in the
 * process that forked us, or is gone.  Async-signal-safe; keeps errno.
 */
enum lock_result lock_take(struct lock *lock);
void lock_release(struct lock *lock);

/* Something has interrupted a call of ours: from now on locks block signals. */
void lock_be_wary(void);

/*
 * Whether no lock makes a system call, which may be forbidden: none is then
 * waited for for long, and what a handler jumped out of stays locked.
 */
void lock_call_no_more(bool yes);

/*
 * Notices each fork(3) at once, so that lock_is_borrowed() knows this process.
 * To be called once, when the library is loaded.
 */
void lock_watch_forks(void);

/*
 * Whether we are a child with the memory of its parent, by vfork(2) or
 * clone(2) CLONE_VM: its fds are its own, so nothing that it does to them may
 * change what the parent knows.  It is then refused all locks, up to when the
 * parent goes on.  A system call, so ask only where something would change.
 * False where calls are forbidden.  Keeps errno.
 */
bool lock_is_borrowed(void);

/*
 * Whether the process of this generation has ended, as far as is known: a
 * daemon's often has.  Keeps errno.
 */
bool lock_generation_is_gone(uint32_t generation);

#endif
