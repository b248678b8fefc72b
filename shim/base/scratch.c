/* SPDX-License-Identifier: MIT */
/* Provides blocks of memory, and keeps a few for later calls. */
#include "base/scratch.h"

#include "base/memory.h"

#include <stdatomic.h>
#include <stddef.h>

/* Number of blocks that are kept instead of being unmapped. */
#define KEPT 32
#define LEAST_BYTES ((size_t)64 * 1024)
#define STACK_BYTES 2048

struct block {
	size_t bytes;
	_Alignas(max_align_t) char memory[];
};

static _Atomic(struct block *) kept[KEPT];

static struct block *take_block(size_t bytes)
{
	size_t whole = LEAST_BYTES;
	struct block *block;

	while (whole < bytes + sizeof(*block))
		whole *= 2;
	for (size_t i = 0; i < KEPT; i++) {
		if (!atomic_load_explicit(&kept[i], memory_order_relaxed))
			continue;
		block = atomic_exchange(&kept[i], NULL);
		if (block && block->bytes >= whole)
			return block;
		if (block)
			memory_unmap(block, block->bytes);
	}
	block = memory_map(whole);
	if (block)
		block->bytes = whole;
	return block;
}

static void give_block_back(struct block *const *lent)
{
	struct block *block = *lent, *none;

	if (!block)
		return;
	for (size_t i = 0; i < KEPT; i++) {
		none = NULL;
		if (atomic_compare_exchange_strong(&kept[i], &none, block))
			return;
	}
	memory_unmap(block, block->bytes);
}

/*
 * A block is given back also when the thread is cancelled.  Not by
 * pthread_cleanup_push: a signal handler that jumps out of here would leave its
 * frame in a list.
 */
int scratch_with(size_t bytes, int (*body)(void *memory, void *context),
		 void *context)
{
	_Alignas(max_align_t) char stack[STACK_BYTES];

	if (bytes <= sizeof(stack))
		return body(stack, context);

	struct block *const block __attribute__((cleanup(give_block_back))) =
		take_block(bytes);

	return body(block ? block->memory : NULL, context);
}
