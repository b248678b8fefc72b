/* SPDX-License-Identifier: MIT */
/* Memory for one batch call, which may be too much for a thread's stack. */
#ifndef REPLYFROM_SCRATCH_H
#define REPLYFROM_SCRATCH_H

#include <stddef.h>

/*
 * Answers what `body` answers, which gets `context` and at least `bytes` bytes
 * aligned as by malloc and not cleared; NULL when there is no memory.  Takes no
 * lock, allocates nothing from the application's heap, and gives the memory
 * back also when the thread is cancelled in `body`.
 */
int scratch_with(size_t bytes, int (*body)(void *memory, void *context),
		 void *context);

#endif
