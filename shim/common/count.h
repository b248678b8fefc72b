/* SPDX-License-Identifier: MIT */
/*
 * What the library did, counted where it writes anyway, for `replyfrom status`
 * to add up from outside.
 */
#ifndef REPLYFROM_COUNT_H
#define REPLYFROM_COUNT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* They wrap.  Where two threads have one, some of what both count is lost. */
typedef _Atomic unsigned long counter;

/* A cache line of most processors, which counters have for themselves. */
#define COUNT_LINE 64

/* Of a thread: those of two threads share no cache line. */
enum {
	COUNT_SEEN,	 /* datagrams */
	COUNT_REWRITTEN, /* replies that got their source from us */
	COUNT_OWN,	 /* those that had one already */
	COUNT_UNKNOWN,	 /* sent plainly: nothing is known of the peer */
	COUNT_REFUSED,	 /* sent plainly: the kernel refused the source */
	COUNTS_OF_THREAD,
};

/* So many threads have a line of their own; more share them. */
#define COUNT_LINES 256

/* Of a table of peers, written under its lock. */
enum {
	COUNT_REMEMBERED, /* peers, now */
	COUNT_BOUND,	  /* that there can be, at most */
	COUNT_EVICTED,
	COUNT_CONFLICTS, /* one peer asked two addresses in one batch */
	COUNTS_OF_TABLE,
};

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

/* An array of what has counters, or an array of pointers to such arrays. */
struct count_area {
	const void *at;
	uint32_t pointers; /* so many, NULL or to an array; 0: it is one */
	uint32_t elements; /* of each array */
	uint32_t stride;   /* of an element, in bytes */
	uint32_t offset;   /* of its counters in an element, in bytes */
	uint32_t in_use;   /* of a uint32_t that is 0 in one not in use */
};

#define COUNT_MAGIC "replyfm"
#define COUNT_VERSION 1

/*
 * The exported symbol replyfrom_counts.  Whoever reads it checks `magic` and
 * `version` first; all else may be otherwise in another version.
 */
struct count_block {
	char magic[8];
	uint32_t version;
	uint32_t bytes;		 /* of this block */
	struct count_area socks; /* no counters: how many are in use */
	struct count_area threads;
	struct count_area tables;
	const counter *replaced;  /* sockets */
	const counter *reentrant; /* calls of handlers that passed through */
};

extern const struct count_block replyfrom_counts;

#endif
