/* SPDX-License-Identifier: MIT */
/* Children that look at what may never answer. */
#include "command/guard.h"

#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void say_hello(void *data)
{
	guard_write(data, strlen(data));
}

static void get_stuck(void *data)
{
	guard_write(data, strlen(data));
	for (;;)
		(void)pause();
}

static void go_on(void *data, int steps)
{
	const struct timespec nap = { .tv_nsec = 500000000 };

	for (int i = 0; i < steps; i++) {
		guard_write(data, 1);
		(void)nanosleep(&nap, NULL);
	}
}

static void go_on_slowly(void *data)
{
	go_on(data, 6);
}

static void go_on_for_a_minute(void *data)
{
	go_on(data, 120);
}

static void crash(void *data)
{
	guard_write(data, strlen(data));
	abort();
}

static void talk_for_ever(void *data)
{
	static const char block[65536];

	(void)data;
	for (;;)
		guard_write(block, sizeof(block));
}

TEST(what_a_child_wrote_is_returned)
{
	struct guard_output output;
	char text[6] = "";
	size_t at = 0;

	assert_int_equal(guard_run(say_hello, "hello", &output), GUARD_DONE);

	assert_int_equal(output.bytes, 5);
	assert_true(guard_take(&output, &at, text, 5));
	assert_string_equal(text, "hello");
	assert_false(guard_take(&output, &at, text, 1));
	free(output.at);
}

TEST(a_child_that_is_stuck_is_left_behind)
{
	const time_t begin = time(NULL);
	struct guard_output output;

	assert_int_equal(guard_run(get_stuck, "hello", &output), GUARD_LATE);

	assert_in_range(time(NULL) - begin, 1, 5);
	free(output.at);
}

/* As on a busy machine; it has GUARD_MS for each step. */
TEST(a_child_that_goes_on_is_awaited)
{
	struct guard_output output;

	assert_int_equal(guard_run(go_on_slowly, "x", &output), GUARD_DONE);

	assert_int_equal(output.bytes, 6);
	free(output.at);
}

TEST(a_child_that_does_not_end_is_left_behind)
{
	const time_t begin = time(NULL);
	struct guard_output output;

	assert_int_equal(guard_run(go_on_for_a_minute, "x", &output),
			 GUARD_LATE);

	assert_in_range(time(NULL) - begin, 8, 20);
	free(output.at);
}

TEST(a_child_that_crashes_said_nothing)
{
	struct guard_output output;

	assert_int_equal(guard_run(crash, "hello", &output), GUARD_FAILED);
	free(output.at);
}

TEST(a_child_may_write_only_so_much)
{
	struct guard_output output;

	assert_int_not_equal(guard_run(talk_for_ever, NULL, &output),
			     GUARD_DONE);
	assert_in_range(output.bytes, 0, GUARD_MOST_BYTES);
	free(output.at);
}

TEST(what_a_pipe_has_is_read_to_its_end)
{
	struct guard_output output;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "hello", 5), 5);
	(void)close(ends[1]);

	assert_int_equal(guard_read(ends[0], 1000, 1 << 14, &output),
			 GUARD_DONE);

	assert_int_equal(output.bytes, 5);
	assert_string_equal(output.at, "hello");
	(void)close(ends[0]);
	free(output.at);
}

TEST(a_pipe_that_does_not_end_is_left)
{
	struct guard_output output;
	int ends[2];

	assert_int_equal(pipe(ends), 0);

	assert_int_equal(guard_read(ends[0], 100, 1 << 14, &output),
			 GUARD_LATE);

	assert_int_equal(errno, ETIME);
	(void)close(ends[0]);
	(void)close(ends[1]);
	free(output.at);
}

TEST(of_a_file_only_so_much_is_read)
{
	const int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	struct guard_output output;

	assert_int_equal(guard_read(zero, 1000, 1 << 16, &output),
			 GUARD_FAILED);

	assert_int_equal(errno, EFBIG);
	assert_int_equal(output.bytes, 1 << 16);
	(void)close(zero);
	free(output.at);
}
