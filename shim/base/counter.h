/* SPDX-License-Identifier: MIT */
/* A counter that costs next to nothing; common/count.h says what is counted. */
#ifndef REPLYFROM_COUNTER_H
#define REPLYFROM_COUNTER_H

#include <stdatomic.h>

/* They wrap.  Where two threads have one, some of what both count is lost. */
typedef _Atomic unsigned long counter;

/* A cache line of most processors, which counters have for themselves. */
#define COUNT_LINE 64

/* So many threads have a line of their own; more share them. */
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
