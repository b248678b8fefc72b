/* SPDX-License-Identifier: MIT */
/*
 * Reads the library's counters out of the memory of another process, which does
 * not notice.  The library's block begins a page of its data (common/count.h).
 */
#include "command/counters.h"

#include "common/count.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

/* Far more than the library has; another may have written anything there. */
enum {
	MOST_PAGES = 1024,
	MOST_POINTERS = 1024,
	MOST_ARRAY_BYTES = 1 << 22,
	MOST_BYTES = 1 << 25, /* of all arrays */
};

/* So many of MOST_BYTES have not been read yet. */
static size_t bytes_left;

static enum counters_outcome outcome_of(int error)
{
	if (error == ESRCH || error == ENOENT)
		return COUNTERS_GONE;
	return error == EPERM || error == EACCES ? COUNTERS_DENIED
						 : COUNTERS_UNREADABLE;
}

/* Whether all of it was read.  False, and errno: it was not. */
static bool peek(const struct process *process, uint64_t at, void *to,
		 size_t bytes)
{
	struct iovec here = { .iov_base = to, .iov_len = bytes };
	struct iovec there = {
		// NOLINTNEXTLINE(performance-no-int-to-ptr): in its memory
		.iov_base = (void *)(uintptr_t)at,
		.iov_len = bytes,
	};
	ssize_t n = process_vm_readv(process->pid, &here, 1, &there, 1, 0);

	if (n >= 0 && (size_t)n < bytes)
		errno = EFAULT;
	return n >= 0 && (size_t)n == bytes;
}

/* The page of the library's data that begins with the block; 0: none does. */
static uint64_t find_block(const struct process *process)
{
	unsigned int pages = 0;

	for (size_t i = 0; i < process->data_count; i++) {
		const struct process_mapping *data = &process->data[i];

		for (uint64_t at = data->start;
		     at < data->end && pages++ < MOST_PAGES;
		     at += COUNT_ALIGNMENT) {
			char magic[sizeof(COUNT_MAGIC)];

			if (peek(process, at, magic, sizeof(magic)) &&
			    !memcmp(magic, COUNT_MAGIC, sizeof(magic)))
				return at;
		}
	}
	return 0;
}

/* Of `count` counters of 64 or 32 bits, as this program has them. */
static bool is_sensible(const struct count_area *area, size_t count)
{
	const uint64_t counters = count * sizeof(unsigned long);
	const uint64_t array = (uint64_t)area->elements * area->stride;

	return area->pointers <= MOST_POINTERS && array <= MOST_ARRAY_BYTES &&
	       area->stride >= counters && area->stride >= sizeof(uint32_t) &&
	       area->offset <= area->stride - counters &&
	       area->in_use <= area->stride - sizeof(uint32_t);
}

static void add_element(const char *element, const struct count_area *area,
			size_t count, uint64_t *sums, uint64_t *used)
{
	uint32_t in_use;

	memcpy(&in_use, element + area->in_use, sizeof(in_use));
	*used += in_use != 0;
	for (size_t i = 0; i < count; i++) {
		unsigned long value;

		memcpy(&value, element + area->offset + i * sizeof(value),
		       sizeof(value));
		sums[i] += value;
	}
}

static bool add_array(const struct process *process, uint64_t at,
		      const struct count_area *area, size_t count,
		      uint64_t *sums, uint64_t *used)
{
	const size_t bytes = (size_t)area->elements * area->stride;
	char *elements;
	bool known;

	if (bytes > bytes_left)
		return false;
	bytes_left -= bytes;
	elements = malloc(bytes + 1);
	known = elements && (!bytes || peek(process, at, elements, bytes));
	for (uint32_t i = 0; known && i < area->elements; i++)
		add_element(elements + (size_t)i * area->stride, area, count,
			    sums, used);
	free(elements);
	return known;
}

static bool add_area(const struct process *process,
		     const struct count_area *area, size_t count,
		     uint64_t *sums, uint64_t *used)
{
	uintptr_t arrays[MOST_POINTERS];

	if (!is_sensible(area, count))
		return false;
	if (!area->pointers)
		return add_array(process, (uintptr_t)area->at, area, count,
				 sums, used);
	if (!peek(process, (uintptr_t)area->at, arrays,
		  area->pointers * sizeof(*arrays)))
		return false;
	/* They are used one after the other. */
	for (uint32_t i = 0; i < area->pointers && arrays[i]; i++)
		if (!add_array(process, arrays[i], area, count, sums, used))
			return false;
	return true;
}

static bool read_counter(const struct process *process, const volatile void *at,
			 uint64_t *value)
{
	unsigned long read;

	if (!peek(process, (uintptr_t)at, &read, sizeof(read)))
		return false;
	*value = read;
	return true;
}

static enum counters_outcome read_figures(const struct process *process,
					  const struct count_block *block,
					  uint64_t *to)
{
	uint64_t threads[COUNTS_OF_THREAD] = { 0 };
	uint64_t tables[COUNTS_OF_TABLE] = { 0 }, unused = 0;

	to[FIGURE_SOCKETS] = 0;
	errno = EINVAL; /* unless reading fails */
	if (!add_area(process, &block->socks, 0, NULL, &to[FIGURE_SOCKETS]) ||
	    !add_area(process, &block->threads, COUNTS_OF_THREAD, threads,
		      &unused) ||
	    !add_area(process, &block->tables, COUNTS_OF_TABLE, tables,
		      &unused) ||
	    !read_counter(process, block->reentrant, &to[FIGURE_REENTRANT]))
		return outcome_of(errno);
	to[FIGURE_SEEN] = threads[COUNT_SEEN];
	to[FIGURE_REWRITTEN] = threads[COUNT_REWRITTEN];
	to[FIGURE_OWN] = threads[COUNT_OWN];
	to[FIGURE_UNKNOWN] = threads[COUNT_UNKNOWN];
	to[FIGURE_REFUSED] = threads[COUNT_REFUSED];
	to[FIGURE_REMEMBERED] = tables[COUNT_REMEMBERED];
	to[FIGURE_BOUND] = tables[COUNT_BOUND];
	to[FIGURE_EVICTED] = tables[COUNT_EVICTED];
	to[FIGURE_CONFLICTS] = tables[COUNT_CONFLICTS];
	return COUNTERS_READ;
}

/* Whether the library there is for programs of this program's word size. */
static enum counters_outcome check_class(const struct process *process)
{
	const unsigned char class =
		sizeof(long) > sizeof(int32_t) ? ELFCLASS64 : ELFCLASS32;
	unsigned char start[EI_NIDENT];

	if (process->base > UINTPTR_MAX)
		return COUNTERS_OTHER_CLASS;
	if (!peek(process, process->base, start, sizeof(start)))
		return outcome_of(errno);
	if (memcmp(start, ELFMAG, SELFMAG) != 0)
		return COUNTERS_UNREADABLE;
	return start[EI_CLASS] == class ? COUNTERS_READ : COUNTERS_OTHER_CLASS;
}

enum counters_outcome counters_read(const struct process *process,
				    uint64_t figures[FIGURES])
{
	struct count_block block;
	enum counters_outcome outcome;
	uint64_t at;

	if (!process->readable)
		return COUNTERS_DENIED;
	if (!process->loaded)
		return COUNTERS_NOT_LOADED;
	outcome = check_class(process);
	if (outcome != COUNTERS_READ)
		return outcome;
	at = find_block(process);
	/* Before there was such a page, or not mapped yet. */
	if (!at)
		return COUNTERS_OTHER_VERSION;
	if (!peek(process, at, &block, sizeof(block)))
		return outcome_of(errno);
	if (block.version != COUNT_VERSION || block.bytes != sizeof(block))
		return COUNTERS_OTHER_VERSION;
	bytes_left = MOST_BYTES;
	return read_figures(process, &block, figures);
}
