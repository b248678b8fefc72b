/* SPDX-License-Identifier: MIT */
/* Memory that is lent, and comes back. */
#include "base/scratch.h"

#include "base/memory.h"
#include "base/sandbox.h"
#include "memory.h"
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

enum { SMALL = 64, MEDIUM = 10000, LARGE = 1000000 };

BEFORE_EACH(nothing_counted)
{
	memory_reset();
	atomic_store(&sandbox_given_up, 0);
}

/* What a body saw and did. */
struct lent {
	size_t bytes;
	void *memory;
	int answer;
};

static int use(void *memory, void *context)
{
	struct lent *lent = context;

	lent->memory = memory;
	if (memory)
		memset(memory, 0xa5, lent->bytes);
	return lent->answer;
}

static struct lent lend(size_t bytes)
{
	struct lent lent = { .bytes = bytes };

	(void)scratch_with(bytes, use, &lent);
	return lent;
}

TEST(what_the_body_answers_is_answered)
{
	const size_t sizes[] = { 0, SMALL, MEDIUM, LARGE };

	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct lent lent = { .bytes = sizes[i], .answer = -7 };

		int answer = scratch_with(lent.bytes, use, &lent);

		assert_int_equal(answer, -7);
	}
}

/* Around each size of a block: a byte too few is a fault. */
TEST(every_byte_can_be_written)
{
	for (size_t block = 1024; block <= (size_t)1 << 20; block *= 2)
		for (size_t bytes = block - 64; bytes <= block + 8; bytes++) {
			struct lent lent = lend(bytes);

			assert_non_null(lent.memory);
		}
}

TEST(memory_is_aligned_as_by_malloc)
{
	const size_t sizes[] = { 1, SMALL, MEDIUM, LARGE };

	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct lent lent = lend(sizes[i]);

		assert_int_equal((uintptr_t)lent.memory % _Alignof(max_align_t),
				 0);
	}
}

TEST(a_little_is_lent_without_a_system_call)
{
	(void)lend(SMALL);

	assert_int_equal(memory_mapped + memory_unmapped, 0);
}

TEST(what_came_back_is_lent_again)
{
	struct lent first = lend(MEDIUM);

	memory_reset();

	struct lent second = lend(MEDIUM);

	assert_ptr_equal(second.memory, first.memory);
	assert_int_equal(memory_mapped + memory_unmapped, 0);
}

TEST(the_largest_batch_is_lent_without_a_system_call)
{
	(void)lend(LARGE);
	memory_reset();

	(void)lend(LARGE);

	assert_int_equal(memory_mapped + memory_unmapped, 0);
}

TEST(much_that_came_back_serves_for_less)
{
	struct lent large = lend(LARGE);

	struct lent medium = lend(MEDIUM);

	assert_ptr_equal(medium.memory, large.memory);
}

TEST(without_memory_the_body_gets_none)
{
	struct lent lent = { .bytes = (size_t)64 * LARGE, .answer = 5 };

	memory_is_out = true;
	lent.memory = &lent;

	int answer = scratch_with(lent.bytes, use, &lent);

	assert_null(lent.memory);
	assert_int_equal(answer, 5);
}

TEST(a_little_is_lent_without_memory_too)
{
	memory_is_out = true;

	struct lent lent = lend(SMALL);

	assert_non_null(lent.memory);
}

/* It kills for mmap(2) and for munmap(2): not even what is kept goes back. */
TEST(a_filter_that_kills_for_memory_is_a_lack_of_it)
{
	struct lent lent = { .bytes = (size_t)64 * LARGE, .answer = 5 };

	(void)lend(MEDIUM);
	memory_reset();
	atomic_store(&sandbox_given_up, SANDBOX_MEMORY);
	lent.memory = &lent;

	int answer = scratch_with(lent.bytes, use, &lent);

	assert_null(lent.memory);
	assert_int_equal(answer, 5);
	assert_int_equal(memory_mapped + memory_unmapped, 0);
	errno = ENOTTY;
	assert_null(memory_map(LARGE));
	assert_int_equal(errno, ENOTTY);
}

static int set_errno(void *memory, void *context)
{
	(void)memory;
	(void)context;
	errno = EAGAIN;
	return -1;
}

TEST(the_body_s_errno_is_kept)
{
	const size_t sizes[] = { SMALL, MEDIUM, LARGE };

	for (size_t i = 0; i < COUNT(sizes); i++) {
		errno = 0;

		(void)scratch_with(sizes[i], set_errno, NULL);

		assert_int_equal(errno, EAGAIN);
	}
}

static int get_errno(void *memory, void *context)
{
	(void)memory;
	*(int *)context = errno;
	return 0;
}

TEST(a_lack_of_memory_is_not_the_body_s_errno)
{
	int seen;

	memory_is_out = true;
	errno = ENOTTY;

	(void)scratch_with((size_t)64 * LARGE, get_errno, &seen);

	assert_int_equal(seen, ENOTTY);
}

/* A loan inside a loan, and so on. */
struct nested {
	unsigned int depth;
	unsigned int bytes;
	unsigned char mark; /* of the first loan; those inside differ */
	bool was_overwritten;
};

// NOLINTNEXTLINE(misc-no-recursion): that is what nested loans are.
static int nest(void *memory, void *context)
{
	struct nested *nested = context;
	const unsigned char mark =
		(unsigned char)(nested->mark + nested->depth);

	if (!memory)
		return -1;
	memset(memory, mark, nested->bytes);
	if (nested->depth) {
		nested->depth--;
		(void)scratch_with(nested->bytes, nest, nested);
		nested->depth++;
	}
	for (unsigned int i = 0; i < nested->bytes; i++)
		if (((unsigned char *)memory)[i] != mark)
			nested->was_overwritten = true;
	return 0;
}

TEST(loans_inside_a_loan_do_not_overlap)
{
	struct nested nested = { .depth = 40, .bytes = MEDIUM };

	int result = scratch_with(MEDIUM, nest, &nested);

	assert_int_equal(result, 0);
	assert_false(nested.was_overwritten);
}

TEST(of_many_loans_a_few_are_kept_for_later)
{
	struct nested nested = { .depth = 199, .bytes = MEDIUM };

	(void)scratch_with(MEDIUM, nest, &nested);
	memory_reset();

	(void)scratch_with(MEDIUM, nest, &nested);

	assert_in_range(memory_mapped, 1, 199);
	assert_int_equal(memory_unmapped, memory_mapped);
}

static int wait_for_cancellation(void *memory, void *context)
{
	(void)use(memory, context);
	do
		pthread_testcancel();
	while (memory);
	return 0;
}

static void *be_cancelled(void *context)
{
	(void)scratch_with(MEDIUM, wait_for_cancellation, context);
	return NULL;
}

/* So many loans at once that some have to be memory_mapped; answers how many.
 */
static unsigned int lend_many(void)
{
	struct nested nested = { .depth = 199, .bytes = MEDIUM };

	memory_reset();
	(void)scratch_with(MEDIUM, nest, &nested);
	return memory_mapped;
}

TEST(a_cancelled_thread_gives_its_memory_back)
{
	struct lent lent = { .bytes = MEDIUM };
	pthread_t thread;
	void *result;

	(void)lend_many();
	const unsigned int before = lend_many();

	assert_int_equal(pthread_create(&thread, NULL, be_cancelled, &lent), 0);
	assert_int_equal(pthread_cancel(thread), 0);
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_ptr_equal(result, PTHREAD_CANCELED);

	unsigned int after = lend_many();

	assert_int_equal(after, before);
}

static void *lend_in_thread(void *context)
{
	struct nested *nested = context;

	for (int i = 0; i < 2000; i++)
		(void)scratch_with(nested->bytes, nest, nested);
	return NULL;
}

TEST(threads_do_not_share_a_loan)
{
	struct nested nested[4];
	pthread_t threads[COUNT(nested)];

	for (size_t i = 0; i < COUNT(nested); i++) {
		nested[i] = (struct nested){ .depth = 1 + (unsigned int)i,
					     .bytes = 3000,
					     .mark = (unsigned char)(i * 16) };
		assert_int_equal(pthread_create(&threads[i], NULL,
						lend_in_thread, &nested[i]),
				 0);
	}
	for (size_t i = 0; i < COUNT(nested); i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_false(nested[i].was_overwritten);
	}
}
