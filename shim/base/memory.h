/* SPDX-License-Identifier: MIT */
/* Memory from mmap(2), never from the application's heap. */
#ifndef REPLYFROM_MEMORY_H
#define REPLYFROM_MEMORY_H

#include "base/sandbox.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

/* Returns zeroed memory, or NULL.  Keeps errno. */
static inline void *memory_map(size_t bytes)
{
	const int saved = errno;
	void *at = MAP_FAILED;

	if (!sandbox_forbids(SANDBOX_MEMORY))
		at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	errno = saved;
	return at == MAP_FAILED ? NULL : at;
}

/* Unmaps it, unless that is forbidden.  Keeps errno. */
static inline void memory_unmap(void *at, size_t bytes)
{
	const int saved = errno;

	if (!sandbox_forbids(SANDBOX_MEMORY))
		munmap(at, bytes);
	errno = saved;
}

#endif
