/* SPDX-License-Identifier: MIT */
/* Memory of our own, never the application's heap. */
#ifndef REPLYFROM_MAP_H
#define REPLYFROM_MAP_H

#include <stddef.h>
#include <sys/mman.h>

/* So many zeroes, or NULL and errno. */
static inline void *map_memory(size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

#endif
