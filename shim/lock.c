/* SPDX-License-Identifier: MIT */
/* Takes and releases the leaf locks, and notices forks. */
#include "lock.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define SPINS 100
#define YIELDS 1000
#define NAPS 2000 /* of a millisecond each */

/*
 * Where on its stack this thread is inside a lock, and in which: a signal
 * handler may find it so, and who comes after one that jumped.
 */
static _Thread_local const char *inside;
static _Thread_local struct lock *held;

/* The kernel hands a forked child this page zeroed. */
static _Atomic uint32_t *_Atomic wiped;
/* The last generation of this process and its ancestors: not wiped. */
static _Atomic uint32_t generations;
/* The process of the first one. */
static _Atomic pid_t first_process;

static void forked_child(void)
{
	atomic_store(wiped, 0);
}

static _Atomic uint32_t *wiped_page(void)
{
	static _Atomic uint32_t unwiped;
	size_t bytes = (size_t)sysconf(_SC_PAGESIZE);
	_Atomic uint32_t *none = NULL;
	void *page = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page != MAP_FAILED && !madvise(page, bytes, MADV_WIPEONFORK)) {
		if (atomic_compare_exchange_strong(&wiped, &none, page))
			return page;
		munmap(page, bytes);
		return none;
	}
	/* Before Linux 4.14: fork(3) alone is noticed. */
	if (page != MAP_FAILED)
		munmap(page, bytes);
	if (atomic_compare_exchange_strong(&wiped, &none, &unwiped)) {
		pthread_atfork(NULL, NULL, forked_child);
		return &unwiped;
	}
	return none;
}

static uint32_t new_generation(_Atomic uint32_t *page)
{
	uint32_t none = 0, next = atomic_fetch_add(&generations, 1) + 1;

	if (next == 1)
		atomic_store(&first_process, getpid());
	return atomic_compare_exchange_strong(page, &none, next) ? next : none;
}

uint32_t lock_generation(void)
{
	_Atomic uint32_t *page =
		atomic_load_explicit(&wiped, memory_order_acquire);
	uint32_t mine;
	int saved = errno;

	if (!page)
		page = wiped_page();
	mine = atomic_load_explicit(page, memory_order_relaxed);
	if (!mine)
		mine = new_generation(page);
	errno = saved;
	return mine;
}

bool lock_generation_is_gone(uint32_t generation)
{
	int saved = errno;
	bool gone = generation == 1 && kill(first_process, 0) && errno == ESRCH;

	errno = saved;
	return gone;
}

/* What a lock's holder is when a handler jumped out of it. */
#define LOST UINT64_MAX

static uint32_t generation_of(uint64_t holder)
{
	return (uint32_t)(holder >> 32);
}

/* The lower half is where this thread has what each has of its own. */
static uint64_t holder_here(void)
{
	return (uint64_t)lock_generation() << 32 |
	       (uint32_t)((uintptr_t)&inside >> 3);
}

/* Waits for the holder.  Answers as lock_take. */
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
		/* The holder stayed behind in the process that forked us. */
		if (holder && generation_of(holder) != generation_of(mine) &&
		    atomic_compare_exchange_strong(&lock->holder, &holder,
						   mine))
			return LOCK_INHERITED;
		if (holder && holder == atomic_load(&lock->given_up))
			return LOCK_REFUSED;
		if (i >= SPINS + YIELDS)
			nanosleep(&nap, NULL);
		else if (i >= SPINS)
			sched_yield();
	}
	atomic_store(&lock->given_up, holder);
	return LOCK_REFUSED;
}

/*
 * This thread is inside a lock.  A signal handler's frames lie deeper than
 * those that it interrupted, unless they are on a stack of their own; where
 * ours lie no deeper, the others are gone, and with them who would have let go.
 */
static bool was_left_by_jump(const char *here)
{
	uint64_t mine = holder_here();
	stack_t stack;

	if (here < inside || sigaltstack(NULL, &stack) ||
	    (stack.ss_flags & SS_ONSTACK))
		return false;
	atomic_compare_exchange_strong(&held->holder, &mine, LOST);
	inside = NULL;
	return true;
}

enum lock_result lock_take(struct lock *lock)
{
	const char *here = __builtin_frame_address(0);
	enum lock_result result = LOCK_HELD;
	uint64_t holder = 0, mine;
	int saved = errno;

	if (inside && !was_left_by_jump(here)) {
		errno = saved;
		return LOCK_REFUSED;
	}
	mine = holder_here();
	held = lock;
	inside = here;
	atomic_signal_fence(memory_order_seq_cst);
	if (!atomic_compare_exchange_strong_explicit(&lock->holder, &holder,
						     mine, memory_order_acquire,
						     memory_order_relaxed))
		result = wait_for(lock, mine);
	if (result == LOCK_REFUSED)
		inside = NULL;
	errno = saved;
	return result;
}

void lock_release(struct lock *lock)
{
	if (atomic_load_explicit(&lock->given_up, memory_order_relaxed))
		atomic_store(&lock->given_up, 0);
	atomic_store_explicit(&lock->holder, 0, memory_order_release);
	atomic_signal_fence(memory_order_seq_cst);
	inside = NULL;
}
