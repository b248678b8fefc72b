/* SPDX-License-Identifier: MIT */
/* A counter that costs next to nothing; common/count.h says what is counted. */
#ifndef REPLYFROM_COUNTER_H
#define REPLYFROM_COUNTER_H

#include <stdatomic.h>

/* Wraps.  If two threads share one, some of their counts may be lost. */
typedef _Atomic unsigned long counter;

/* A cache line on most processors; counters share it with nothing else. */
#define COUNT_LINE 64

/* Number of threads that have a line of their own; later ones share. */
#define COUNT_LINES 256

static inline void count_add(counter *n, unsigned long more)
{
	/* Not fetch_add, which would lock the bus. */
#if defined(__x86_64__)
	__asm__("addq %1, %0" : "+m"(*n) : "er"(more) : "cc");
#else
	atomic_store_explicit(
		n, atomic_load_explicit(n, memory_order_relaxed) + more,
		memory_order_relaxed);
#endif
}

static inline void count_set(counter *n, unsigned long value)
{
	atomic_store_explicit(n, value, memory_order_relaxed);
}

#endif
