/* SPDX-License-Identifier: MIT */
/*
 * What the library did, counted where it writes anyway, for `replyfrom status`
 * to add up from outside.
 */
#ifndef REPLYFROM_COUNT_H
#define REPLYFROM_COUNT_H

#include <stdint.h>

/* Of a thread: those of two threads share no cache line. */
enum {
	COUNT_SEEN,	 /* datagrams */
	COUNT_REWRITTEN, /* replies that got their source from us */
	COUNT_OWN,	 /* those that had one already */
	COUNT_UNKNOWN,	 /* sent plainly: nothing is known of the peer */
	COUNT_REFUSED,	 /* sent plainly: the kernel refused the source */
	COUNTS_OF_THREAD,
};

/* Of a table of peers, written under its lock. */
enum {
	COUNT_REMEMBERED, /* peers, now */
	COUNT_BOUND,	  /* that there can be, at most */
	COUNT_EVICTED,
	COUNT_CONFLICTS, /* one peer asked two addresses in one batch */
	COUNTS_OF_TABLE,
};

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
#define COUNT_VERSION 2

/*
 * Begins a page of the library's data, where `replyfrom status` finds it by its
 * magic.  Readers check `magic` and `version` first; all else may be otherwise
 * in another version.
 */
#define COUNT_ALIGNMENT 4096

struct count_block {
	char magic[8];
	uint32_t version;
	uint32_t bytes;		 /* of this block */
	struct count_area socks; /* no counters: how many are in use */
	struct count_area threads;
	struct count_area tables;
	/* Calls of handlers that passed through. */
	const _Atomic unsigned long *reentrant;
};

extern const struct count_block count_block;

#endif
