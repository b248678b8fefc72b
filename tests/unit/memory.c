/* SPDX-License-Identifier: MIT */
/* Maps memory with a page behind it that must not be touched. */
#include "memory.h"

#include "unit.h"

#include <errno.h>
#include <sys/mman.h>

bool memory_is_out;
unsigned int memory_refusals;
unsigned int memory_mapped;
unsigned int memory_unmapped;

void *__real_mmap(void *at, size_t bytes, int protection, int flags, int fd,
		  off_t offset);
void *__wrap_mmap(void *at, size_t bytes, int protection, int flags, int fd,
		  off_t offset);
int __real_munmap(void *at, size_t bytes);
int __wrap_munmap(void *at, size_t bytes);

static size_t page_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* From the start to the page behind it. */
static size_t guarded(size_t bytes)
{
	const size_t page = page_bytes();

	return (bytes + page - 1) / page * page + page;
}

void *__wrap_mmap(void *at, size_t bytes, int protection, int flags, int fd,
		  off_t offset)
{
	char *mapping;

	if (memory_is_out) {
		memory_refusals++;
		errno = ENOMEM;
		return MAP_FAILED;
	}
	memory_mapped++;
	mapping =
		__real_mmap(at, guarded(bytes), protection, flags, fd, offset);
	if (mapping != MAP_FAILED)
		(void)mprotect(mapping + guarded(bytes) - page_bytes(),
			       page_bytes(), PROT_NONE);
	return mapping;
}

int __wrap_munmap(void *at, size_t bytes)
{
	memory_unmapped++;
	return __real_munmap(at, guarded(bytes));
}

void memory_reset(void)
{
	memory_is_out = false;
	memory_refusals = 0;
	memory_mapped = 0;
	memory_unmapped = 0;
}
