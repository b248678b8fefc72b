/* SPDX-License-Identifier: MIT */
/* Programs that fail, or do not end. */
#include "command/spawn.h"

#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

int __real_nanosleep(const struct timespec *nap, struct timespec *left);
int __wrap_nanosleep(const struct timespec *nap, struct timespec *left);

/* Time passes twenty times as fast. */
int __wrap_nanosleep(const struct timespec *nap, struct timespec *left)
{
	const struct timespec shorter = { .tv_sec = nap->tv_sec / 20,
					  .tv_nsec = nap->tv_nsec / 20 };

	return __real_nanosleep(&shorter, left);
}

/* Arguments of a shell that runs this. */
#define SHELL(command)                              \
	(char *const[])                             \
	{                                           \
		"sh", "-c", (char *)(command), NULL \
	}

TEST(what_a_program_prints_is_read)
{
	struct guard_output output;

	assert_true(spawn_read(SHELL("echo hello; echo >&2 not this"), true,
			       &output));

	assert_string_equal(output.at, "hello\n");
	free(output.at);
}

TEST(a_program_that_fails_and_one_that_is_not_there_are_refused)
{
	char *const nothing[] = { "/nowhere", NULL };
	struct guard_output output;

	assert_true(spawn(SHELL("exit 0"), 1000));
	assert_false(spawn(SHELL("exit 1"), 1000));
	assert_int_equal(errno, ENOENT);
	assert_false(spawn(nothing, 1000));
	assert_int_equal(errno, ENOENT);
	assert_false(spawn_read(SHELL("echo hello; exit 1"), true, &output));
	assert_int_equal(errno, ENOENT);
	assert_false(spawn_read(nothing, true, &output));
	assert_int_equal(errno, ENOENT);
}

TEST(a_program_that_does_not_end_is_late)
{
	const time_t begin = time(NULL);

	assert_false(spawn(SHELL("exec sleep 60"), 2000));

	assert_int_equal(errno, ETIME);
	assert_in_range(time(NULL) - begin, 0, 20);
}

TEST(a_program_that_ends_its_output_and_stays_is_late)
{
	const time_t begin = time(NULL);
	struct guard_output output;

	assert_false(spawn_read(SHELL("exec >&- sleep 60"), true, &output));

	assert_int_equal(errno, ETIME);
	assert_in_range(time(NULL) - begin, 0, 20);
}

TEST(a_program_that_prints_without_an_end_is_refused)
{
	struct guard_output output;

	assert_false(spawn_read(SHELL("exec yes"), true, &output));

	assert_int_equal(errno, EFBIG);
}
