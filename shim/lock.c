/* SPDX-License-Identifier: MIT */
/* Takes and releases the leaf locks, and notices forks. */
#include "lock.h"

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

/* This thread is inside a lock: only a signal handler can find it set. */
static _Thread_local bool inside;

/* The kernel hands a forked child this page zeroed. */
static _Atomic uint32_t *_Atomic wiped;
/* The last generation of this process and its ancestors: not wiped. */
static _Atomic uint32_t generations;

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

/* Waits for the holder.  Answers as lock_take. */
static enum lock_result wait_for(struct lock *lock, uint32_t mine)
{
	const struct timespec nap = { .tv_nsec = 1000000 };
	uint32_t holder;

	for (int i = 0; i < SPINS + YIELDS + NAPS; i++) {
		holder = 0;
		if (atomic_compare_exchange_weak_explicit(
			    &lock->holder, &holder, mine, memory_order_acquire,
			    memory_order_relaxed))
			return LOCK_HELD;
		/* The holder stayed behind in the process that forked us. */
		if (holder && holder != mine &&
		    atomic_compare_exchange_strong(&lock->holder, &holder,
						   mine))
			return LOCK_INHERITED;
		if (i >= SPINS + YIELDS)
			nanosleep(&nap, NULL);
		else if (i >= SPINS)
			sched_yield();
	}
	return LOCK_REFUSED;
}

enum lock_result lock_take(struct lock *lock)
{
	uint32_t holder = 0, mine;
	enum lock_result result = LOCK_HELD;
	int saved = errno;

	if (inside)
		return LOCK_REFUSED;
	mine = lock_generation();
	inside = true;
	atomic_signal_fence(memory_order_seq_cst);
	if (!atomic_compare_exchange_strong_explicit(&lock->holder, &holder,
						     mine, memory_order_acquire,
						     memory_order_relaxed))
		result = wait_for(lock, mine);
	if (result == LOCK_REFUSED)
		inside = false;
	errno = saved;
	return result;
}

void lock_release(struct lock *lock)
{
	atomic_store_explicit(&lock->holder, 0, memory_order_release);
	atomic_signal_fence(memory_order_seq_cst);
	inside = false;
}
