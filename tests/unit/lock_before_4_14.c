/* SPDX-License-Identifier: MIT */
/* The lock on a kernel without MADV_WIPEONFORK, which came with Linux 4.14. */
#include "base/lock.h"

#include "child.h"
#include "unit.h"

#include <errno.h>
#include <sys/mman.h>

static unsigned int refusals;

int __wrap_madvise(void *at, size_t bytes, int advice);

int __wrap_madvise(void *at, size_t bytes, int advice)
{
	(void)at;
	(void)bytes;
	assert_int_equal(advice, MADV_WIPEONFORK);
	refusals++;
	errno = EINVAL;
	return -1;
}

TEST(the_kernel_s_refusal_is_not_the_application_s_errno)
{
	errno = ENOTTY;

	(void)lock_generation();

	assert_int_equal(refusals, 1);
	assert_int_equal(errno, ENOTTY);
}

TEST(a_process_keeps_its_generation)
{
	uint32_t before = lock_generation();

	uint32_t after = lock_generation();

	assert_int_equal(after, before);
}

static int is_of_another_generation(void *context)
{
	return lock_generation() != *(uint32_t *)context;
}

TEST(a_forked_child_is_of_another_generation)
{
	uint32_t generation = lock_generation();

	lock_watch();

	int differs = in_child(is_of_another_generation, &generation);

	assert_int_equal(differs, true);
}
