/* SPDX-License-Identifier: MIT */
/* Memory from mmap(2), never from the application's heap. */
#ifndef REPLYFROM_MEMORY_H
#define REPLYFROM_MEMORY_H

#include "base/attribute.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>

/*
 * A seccomp filter kills for mmap(2) or munmap(2).  Weak: one variable for all
 * files that include this.
 */
__attribute__((weak)) HIDDEN _Atomic bool memory_forbidden;

/* Returns zeroed memory, or NULL and errno. */
static inline void *memory_map(size_t bytes)
{
	void *at;

	if (atomic_load_explicit(&memory_forbidden, memory_order_relaxed)) {
		errno = ENOMEM;
		return NULL;
	}
	at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

/* Unmaps it, unless that is forbidden. */
static inline void memory_unmap(void *at, size_t bytes)
{
	if (!atomic_load_explicit(&memory_forbidden, memory_order_relaxed))
		munmap(at, bytes);
}

#endif
