/* SPDX-License-Identifier: MIT */
/* Takes and releases the leaf locks, and notices forks. */
#include "base/lock.h"

#include "base/sandbox.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define SPINS 100
#define YIELDS 1000
#define NAPS 2000 /* of a millisecond each */

_Thread_local enum lock_place lock_inside;
/* The signal mask of this thread before it went inside, if blocked. */
static _Thread_local sigset_t mask_before;
/* When another call was first refused since then, or 0. */
static _Thread_local time_t refused_at_s;

counter lock_refusals;

/* The largest page size of the architecture. */
#if defined(__x86_64__) || defined(__i386__) || defined(__s390x__) || \
	defined(__riscv)
#define PAGE_BYTES 4096
#else
#define PAGE_BYTES 65536
#endif

/*
 * The words of lock_page: the generation, and the pid of the process whose own
 * memory this is.  In a forked child the kernel has zeroed them.
 */
enum { GENERATION, OWNER };
_Alignas(PAGE_BYTES) _Atomic uint32_t lock_page[PAGE_BYTES / sizeof(uint32_t)];
/* The last generation of this process and its ancestors: not lock_page. */
static _Atomic uint32_t generations;
/* See lock_be_wary(). */
static _Atomic bool wary;
/* The pid of generation 1; 0: it is not known, or cannot be seen. */
static _Atomic pid_t first_process;

uint32_t lock_begin_generation(void)
{
	const int saved = errno;
	const pid_t owner = sandbox_forbids(SANDBOX_WAITS) ? 0 : getpid();
	uint32_t none = 0, next;

	/* Refused before Linux 4.14; then only fork(3) is noticed. */
	if (!atomic_load(&generations))
		(void)madvise(lock_page, sizeof(lock_page), MADV_WIPEONFORK);
	next = atomic_fetch_add(&generations, 1) + 1;
	/* The first one of a PID namespace does not see it. */
	if (next == 1 || owner == 1)
		atomic_store(&first_process, next == 1 ? owner : 0);
	atomic_store(&lock_page[OWNER], (uint32_t)owner);
	if (!atomic_compare_exchange_strong(&lock_page[GENERATION], &none,
					    next))
		next = none;
	errno = saved;
	return next;
}

static void begin_in_child(void)
{
	atomic_store(&lock_page[GENERATION], 0);
	lock_begin_generation();
}

/* Its value is a lock that the thread has taken. */
static pthread_key_t key;
static bool has_key;

/* Its generation, and a number that no other thread of this process has. */
static uint64_t this_thread(struct lock *lock)
{
	static _Atomic uint32_t threads;
	static _Thread_local uint32_t number;

	if (UNLIKELY(!number)) {
		if (has_key)
			(void)pthread_setspecific(key, lock);
		number = atomic_fetch_add(&threads, 1) + 1;
	}
	return (uint64_t)lock_generation() << 32 | number;
}

/* In `holder`: the thread that held the lock is gone. */
#define LOST UINT64_MAX

static void let_go(struct lock *lock)
{
	uint64_t mine = this_thread(lock);

	atomic_compare_exchange_strong(&lock->holder, &mine, LOST);
}

/* The thread ends: it was cancelled, or a handler called pthread_exit(3). */
static void end_thread(void *lock)
{
	if (lock_inside != LOCK_OUTSIDE)
		let_go(lock);
}

void lock_watch(void)
{
	/* For later keys pthread_setspecific(3) of glibc allocates memory. */
	const pthread_key_t keys = 32;

	lock_generation();
	pthread_atfork(NULL, NULL, begin_in_child);
	has_key = !pthread_key_create(&key, end_thread);
	if (!has_key || key < keys)
		return;
	has_key = false;
	(void)pthread_key_delete(key);
}

bool lock_generation_is_gone(uint32_t generation)
{
	int saved = errno;
	bool gone = generation == 1 && !sandbox_forbids(SANDBOX_WAITS) &&
		    first_process && kill(first_process, 0) && errno == ESRCH;

	errno = saved;
	return gone;
}

bool lock_is_borrowed(void)
{
	const uint32_t owner =
		lock_generation() ? atomic_load(&lock_page[OWNER]) : 0;

	if (!owner || sandbox_forbids(SANDBOX_WAITS) ||
	    (uint32_t)getpid() == owner)
		return false;
	if (lock_inside == LOCK_OUTSIDE)
		lock_inside = LOCK_BORROWED;
	return true;
}

static uint32_t generation_of(uint64_t holder)
{
	return (uint32_t)(holder >> 32);
}

/* Waits for the holder.  Returns what lock_take() does. */
static enum lock_result wait_for(struct lock *lock, uint64_t mine)
{
	const struct timespec nap = { .tv_nsec = 1000000 };
	uint64_t holder = 0;

	for (int i = 0; i < SPINS + YIELDS + NAPS; i++) {
		holder = 0;
		if (atomic_compare_exchange_weak_explicit(
			    &lock->holder, &holder, mine, memory_order_acquire,
			    memory_order_relaxed))
			return LOCK_HELD;
		/* It is another user-level thread of this one. */
		if (holder == mine)
			return LOCK_REFUSED;
		/* The holder stayed behind in the process that forked us. */
		if (holder && generation_of(holder) != generation_of(mine) &&
		    atomic_compare_exchange_strong(&lock->holder, &holder,
						   mine))
			return LOCK_INHERITED;
		if (holder && holder == atomic_load(&lock->given_up))
			return LOCK_REFUSED;
		if (sandbox_forbids(SANDBOX_WAITS))
			continue;
		if (i >= SPINS + YIELDS)
			nanosleep(&nap, NULL);
		else if (i >= SPINS)
			sched_yield();
	}
	atomic_store(&lock->given_up, holder);
	return LOCK_REFUSED;
}

sigset_t lock_signals(void)
{
	static const int raised[] = { SIGBUS,  SIGFPE, SIGILL,
				      SIGSEGV, SIGSYS, SIGTRAP };
	sigset_t signals;

	sigfillset(&signals);
	for (size_t i = 0; i < sizeof(raised) / sizeof(*raised); i++)
		sigdelset(&signals, raised[i]);
	return signals;
}

void lock_be_wary(void)
{
	atomic_store(&wary, true);
}

/*
 * Blocks signals, and returns `before`, set to the mask before that.  NULL: not
 * needed so far, or a filter refuses it or may kill for it.
 */
static const sigset_t *block_signals(sigset_t *before)
{
	sigset_t signals;

	if (LIKELY(!atomic_load_explicit(&wary, memory_order_relaxed)) ||
	    sandbox_forbids(SANDBOX_WAITS))
		return NULL;
	signals = lock_signals();
	return pthread_sigmask(SIG_SETMASK, &signals, before) ? NULL : before;
}

/* Whether `mask` has all that block_signals() blocks. */
static bool has_all(const sigset_t *mask)
{
	const sigset_t blocked = lock_signals();

	for (int number = 1; number < SIGSYS; number++)
		if (number != SIGKILL && number != SIGSTOP &&
		    sigismember(&blocked, number) && !sigismember(mask, number))
			return false;
	return true;
}

/* Whether the call of this thread that is inside has taken too long. */
static bool is_overdue(void)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if (!refused_at_s)
		refused_at_s = now.tv_sec + 1;
	return now.tv_sec + 1 - refused_at_s > LOCK_OVERDUE_S;
}

/*
 * Whether this thread, which is not outside, may enter.  See lock.h.  `before`
 * is what block_signals() returned.
 */
static COLD bool may_enter_again(struct lock *lock, const sigset_t *before)
{
	if (lock_inside == LOCK_BORROWED)
		return !lock_is_borrowed();
	lock_be_wary();
	if (lock_inside == LOCK_INSIDE_BLOCKED ? !before || has_all(before)
					       : !is_overdue())
		return false;
	let_go(lock);
	return true;
}

/* By one store, so that a handler sees the state before it or after it. */
static void enter(const sigset_t *before)
{
	lock_inside = before ? LOCK_INSIDE_BLOCKED : LOCK_INSIDE;
	atomic_signal_fence(memory_order_seq_cst);
	refused_at_s = 0;
	if (before)
		mask_before = *before;
}

static void leave(void)
{
	sigset_t before;

	atomic_signal_fence(memory_order_seq_cst);
	if (LIKELY(lock_inside != LOCK_INSIDE_BLOCKED)) {
		lock_inside = LOCK_OUTSIDE;
		return;
	}
	/* A copy: a handler that cannot be blocked may enter afterwards. */
	before = mask_before;
	atomic_signal_fence(memory_order_seq_cst);
	lock_inside = LOCK_OUTSIDE;
	atomic_signal_fence(memory_order_seq_cst);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

enum lock_result lock_take(struct lock *lock)
{
	sigset_t mask;
	const int saved = errno;
	const sigset_t *before = block_signals(&mask);
	enum lock_result result = LOCK_REFUSED;

	if (LIKELY(lock_inside == LOCK_OUTSIDE) ||
	    may_enter_again(lock, before)) {
		enter(before);
		result = wait_for(lock, this_thread(lock));
		if (result == LOCK_REFUSED)
			leave();
	} else if (before) {
		(void)pthread_sigmask(SIG_SETMASK, before, NULL);
	}
	if (result == LOCK_REFUSED)
		atomic_fetch_add(&lock_refusals, 1);
	errno = saved;
	return result;
}

void lock_release(struct lock *lock)
{
	if (atomic_load_explicit(&lock->given_up, memory_order_relaxed))
		atomic_store(&lock->given_up, 0);
	atomic_store_explicit(&lock->holder, 0, memory_order_release);
	leave();
}
