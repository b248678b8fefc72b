/* SPDX-License-Identifier: MIT */
/* Takes and releases the leaf locks, and notices forks. */
#include "base/lock.h"

#include "base/map.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

#define SPINS 100
#define YIELDS 1000
#define NAPS 2000 /* of a millisecond each */

/*
 * Where on its stack this thread is inside a lock, and in which: a signal
 * handler may find it so, and who comes after one that jumped.
 */
_Thread_local const char *lock_inside;
_Thread_local struct lock *lock_held;

counter lock_refusals;

/* The kernel hands a forked child this page zeroed. */
_Atomic uint32_t *_Atomic lock_page;
/* The last generation of this process and its ancestors: not lock_page. */
static _Atomic uint32_t generations;
/* No system call is made. */
static _Atomic bool silent;
/* The process of the first one. */
static _Atomic pid_t first_process;

static void forked_child(void)
{
	atomic_store(lock_page, 0);
}

static _Atomic uint32_t *wiped_page(void)
{
	static _Atomic uint32_t unwiped;
	size_t bytes = (size_t)sysconf(_SC_PAGESIZE);
	_Atomic uint32_t *none = NULL;
	void *page = map_memory(bytes);

	if (page && !madvise(page, bytes, MADV_WIPEONFORK)) {
		if (atomic_compare_exchange_strong(&lock_page, &none, page))
			return page;
		unmap_memory(page, bytes);
		return none;
	}
	/* Before Linux 4.14: fork(3) alone is noticed. */
	if (page)
		unmap_memory(page, bytes);
	if (atomic_compare_exchange_strong(&lock_page, &none, &unwiped)) {
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

uint32_t lock_begin_generation(void)
{
	_Atomic uint32_t *page =
		atomic_load_explicit(&lock_page, memory_order_acquire);
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
	bool gone = generation == 1 && !atomic_load(&silent) &&
		    kill(first_process, 0) && errno == ESRCH;

	errno = saved;
	return gone;
}

bool lock_is_borrowed(void)
{
	return lock_generation() == 1 && !atomic_load(&silent) &&
	       getpid() != first_process;
}

/* What a lock's holder is when a handler jumped out of it. */
#define LOST UINT64_MAX

static uint32_t generation_of(uint64_t holder)
{
	return (uint32_t)(holder >> 32);
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
		if (atomic_load(&silent))
			continue;
		if (i >= SPINS + YIELDS)
			nanosleep(&nap, NULL);
		else if (i >= SPINS)
			sched_yield();
	}
	atomic_store(&lock->given_up, holder);
	return LOCK_REFUSED;
}

bool lock_is_left(const char *inside, const char *here)
{
	int saved = errno;
	stack_t stack;
	bool left = here >= inside && !atomic_load(&silent) &&
		    !sigaltstack(NULL, &stack) &&
		    !(stack.ss_flags & SS_ONSTACK);

	errno = saved;
	return left;
}

/* This thread is inside a lock, or was. */
static bool was_left_by_jump(const char *here)
{
	uint64_t mine = lock_holder(lock_generation());

	if (!lock_is_left(lock_inside, here))
		return false;
	atomic_compare_exchange_strong(&lock_held->holder, &mine, LOST);
	lock_inside = NULL;
	return true;
}

enum lock_result lock_take_slowly(struct lock *lock, const char *here)
{
	enum lock_result result;
	int saved = errno;

	if (lock_inside && !was_left_by_jump(here)) {
		errno = saved;
		atomic_fetch_add(&lock_refusals, 1);
		return LOCK_REFUSED;
	}
	lock_held = lock;
	lock_inside = here;
	atomic_signal_fence(memory_order_seq_cst);
	result = wait_for(lock, lock_holder(lock_generation()));
	if (result == LOCK_REFUSED) {
		lock_inside = NULL;
		atomic_fetch_add(&lock_refusals, 1);
	}
	errno = saved;
	return result;
}

void lock_call_no_more(bool yes)
{
	atomic_store(&silent, yes);
}

void lock_renounce(struct lock *lock)
{
	atomic_store(&lock->given_up, 0);
}
