/* SPDX-License-Identifier: MIT */
/* Memory for one batch call, too large for a thread's stack. */
#ifndef REPLYFROM_SCRATCH_H
#define REPLYFROM_SCRATCH_H

#include <stddef.h>

/*
 * Calls `body` with `context` and at least `bytes` bytes of memory, aligned as
 * by malloc(3) and not cleared, or NULL if there is none.  Returns what `body`
 * returns.  Takes no lock, uses nothing of the application's heap, and releases
 * the memory even if the thread is cancelled in `body`.
 */
int scratch_with(size_t bytes, int (*body)(void *memory, void *context),
		 void *context);

#endif
