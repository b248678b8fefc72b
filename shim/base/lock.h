/* SPDX-License-Identifier: MIT */
/*
 * A leaf lock that a signal handler, a fork or a lost holder cannot jam.
 *
 * A call is inside while it holds a lock.  If a signal handler interrupts it
 * and makes another call, that one is refused until the call inside has
 * released the lock.  The handler may return; or leave by siglongjmp(3), and
 * the call inside never goes on; or switch to another stack by swapcontext(3),
 * and the call inside goes on later.  A jump and a switch cannot be told apart
 * by any address on a stack.  If a jump was taken for a switch, the thread
 * would be refused for ever; if a switch was taken for a jump, two calls would
 * change the same state.
 *
 * So once a call of the library was interrupted, all locks block signals, and
 * no handler runs inside.  Until then they do not, so that in programs whose
 * handlers do not interrupt such calls, a request makes no more system calls
 * than without the library.  Three things interrupt a call inside all the same:
 * a signal that a call or an instruction raises (SIGSEGV, SIGTRAP, SIGSYS),
 * which cannot be blocked; SIGKILL in a vfork child, which has this thread's
 * memory; and the first interruption of all.  What the next call of the thread
 * then does:
 *
 * | the call inside  | signals now | so it is             | the next one     |
 * |------------------|-------------|----------------------|------------------|
 * | has blocked them | blocked     | interrupted          | is refused       |
 * | has blocked them | not blocked | gone                 | takes the lock   |
 * | was the first    | either      | interrupted, or gone | is refused, for  |
 * |                  |             |                      | LOCK_OVERDUE_S   |
 *
 * Where the application blocks all signals, or a seccomp filter forbids to
 * block them, calls may be refused more often: their replies are sent plainly.
 * Two calls change the same state only if the first interruption was a switch
 * from a user-level thread inside, which does not run again in LOCK_OVERDUE_S.
 */
#ifndef REPLYFROM_LOCK_H
#define REPLYFROM_LOCK_H

#include "base/attribute.h"
#include "base/counter.h"

#include <signal.h>
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
	LOCK_INHERITED, /* held, but the last holder will not go on */
};

/* How many times lock_take() returned LOCK_REFUSED. */
extern counter lock_refusals;

/* Where this thread is: outside or inside of a lock, any of them. */
enum lock_place {
	LOCK_OUTSIDE,
	LOCK_INSIDE,
	LOCK_INSIDE_BLOCKED, /* inside, with signals blocked */
	/* A vfork child was here, and knows of no lock: see lock_is_borrowed */
	LOCK_BORROWED,
};

/* In less time a user-level thread is switched back. */
#define LOCK_OVERDUE_S 10

/* For the inline functions below, and for readers without a lock. */
extern HIDDEN _Atomic uint32_t lock_page[];
extern HIDDEN _Thread_local enum lock_place lock_inside;

/* The generation of this process when it has none yet. */
uint32_t lock_begin_generation(void);

/*
 * A number that differs between a process and what it forked, however it
 * forked (MADV_WIPEONFORK, madvise(2)); a vfork child has its parent's.
 */
static inline uint32_t lock_generation(void)
{
	uint32_t mine = atomic_load_explicit(lock_page, memory_order_relaxed);

	return LIKELY(mine) ? mine : lock_begin_generation();
}

/*
 * Returns LOCK_REFUSED as the table above says, and when another thread does
 * not release the lock: the first time after seconds (after a moment where
 * SANDBOX_WAITS in sandbox.h is forbidden), and from then on at once.
 * After LOCK_INHERITED the state behind the lock may be half-written: its
 * holder is a thread of the process that forked this one, or is gone.
 * Async-signal-safe; keeps errno.
 */
enum lock_result lock_take(struct lock *lock);
void lock_release(struct lock *lock);

/*
 * What to block where no handler may interrupt the library: all signals but
 * those that a call or an instruction of its own may raise, such as SIGSYS by a
 * seccomp filter.  Blocked, those would end the process.
 */
sigset_t lock_signals(void);

/* A call was interrupted: from now on locks block signals. */
void lock_be_wary(void);

/*
 * Begins a new generation in each child of fork(3) at once, so that
 * lock_is_borrowed() knows the process, and has a thread that ends inside let
 * go.  To be called once, when the library is loaded.
 */
void lock_watch(void);

/*
 * Whether this is a child that shares its parent's memory, by vfork(2) or
 * clone(2) CLONE_VM.  Its fds are its own, so nothing that it does to them may
 * change what the parent has noted.  Such a child is refused all locks, until
 * the parent goes on.  Makes a system call, so ask only where something would
 * change.  False where SANDBOX_WAITS in sandbox.h is forbidden.  Keeps errno.
 */
bool lock_is_borrowed(void);

/*
 * Whether the process of this generation has ended, as far as is known: a
 * daemon's often has.  Keeps errno.
 */
bool lock_generation_is_gone(uint32_t generation);

#endif
