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
	struct block *block = NULL;

	while (whole < bytes + sizeof(*block))
		whole *= 2;
	for (size_t i = 0; i < KEPT && !block; i++) {
		if (atomic_load_explicit(&kept[i], memory_order_relaxed))
			block = atomic_exchange(&kept[i], NULL);
		if (block && block->bytes < whole) {
			memory_unmap(block, block->bytes);
			block = NULL;
		}
	}
	if (!block) {
		block = memory_map(whole);
		if (block)
			block->bytes = whole;
	}
	return block;
}

static void give_block_back(struct block *const *lent)
{
	struct block *block = *lent, *none;

	for (size_t i = 0; i < KEPT; i++) {
		none = NULL;
		if (atomic_compare_exchange_strong(&kept[i], &none, block))
			return;
	}
	memory_unmap(block, block->bytes);
}

/*
 * Given back also when the thread is cancelled.  Not by pthread_cleanup_push: a
 * signal handler that jumps out of here would leave its frame in a list.
 */
static int with_block(struct block *const block,
		      int (*body)(void *memory, void *context), void *context)
{
	struct block *const lent __attribute__((cleanup(give_block_back))) =
		block;

	return body(lent->memory, context);
}

int scratch_with(size_t bytes, int (*body)(void *memory, void *context),
		 void *context)
{
	_Alignas(max_align_t) char stack[STACK_BYTES];
	struct block *block;

	if (bytes <= sizeof(stack))
		return body(stack, context);
	block = take_block(bytes);
	return block ? with_block(block, body, context) : body(NULL, context);
}
