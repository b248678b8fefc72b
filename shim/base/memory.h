/* SPDX-License-Identifier: MIT */
/* Memory from mmap(2), never from the application's heap. */
#ifndef REPLYFROM_MEMORY_H
#define REPLYFROM_MEMORY_H

#include "base/sandbox.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

/* Returns zeroed memory, or NULL and errno. */
static inline void *memory_map(size_t bytes)
{
	void *at;

	if (sandbox_forbids(SANDBOX_MEMORY)) {
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
	if (!sandbox_forbids(SANDBOX_MEMORY))
		munmap(at, bytes);
}

#endif
