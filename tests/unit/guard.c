/* SPDX-License-Identifier: MIT */
/* Children that look at what may never answer. */
#include "command/guard.h"

#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* While it flies, where nothing comes the time passes at once. */
static bool time_flies;
static int64_t flown_ms;

/* Only so much passes, whenever something comes; 0: all that does. */
static int step_ms;

int __real_poll(struct pollfd *fds, nfds_t count, int wait_ms);
int __wrap_poll(struct pollfd *fds, nfds_t count, int wait_ms);
int __real_clock_gettime(clockid_t id, struct timespec *now);
int __wrap_clock_gettime(clockid_t id, struct timespec *now);

int __wrap_poll(struct pollfd *fds, nfds_t count, int wait_ms)
{
	const int ready = __real_poll(fds, count, time_flies ? 0 : wait_ms);

	if (ready)
		flown_ms += step_ms;
	else if (time_flies)
		flown_ms += wait_ms;
	return ready;
}

int __wrap_clock_gettime(clockid_t id, struct timespec *now)
{
	const int failed = __real_clock_gettime(id, now);

	if (step_ms)
		*now = (struct timespec){ 0 };
	now->tv_sec += (time_t)(flown_ms / 1000);
	now->tv_nsec += (long)(flown_ms % 1000) * 1000000;
	return failed;
}

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

static void go_on(void *data)
{
	const struct timespec nap = { .tv_nsec = 2000000 };

	guard_write(data, 1);
	(void)nanosleep(&nap, NULL);
}

static void go_on_for_a_while(void *data)
{
	for (int i = 0; i < 5; i++)
		go_on(data);
}

static void go_on_for_ever(void *data)
{
	for (;;)
		go_on(data);
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

/* Runs it while each step takes `ms`, however many bytes one has. */
static enum guard_outcome run_in_steps(void (*work)(void *data), int ms,
				       struct guard_output *output)
{
	enum guard_outcome outcome;

	guard_begin();
	flown_ms = 0;
	step_ms = ms;
	outcome = guard_run(work, "x", output);
	step_ms = 0;
	return outcome;
}

/* As on a busy machine; it has GUARD_MS for each step. */
TEST(a_child_that_goes_on_is_awaited)
{
	struct guard_output output;

	assert_int_equal(
		run_in_steps(go_on_for_a_while, GUARD_MS * 2 / 3, &output),
		GUARD_DONE);

	assert_int_equal(output.bytes, 5);
	assert_in_range(flown_ms, GUARD_MS + 1, GUARD_MS * GUARD_TIMES);
	free(output.at);
}

TEST(a_child_that_does_not_end_is_left_behind)
{
	struct guard_output output;

	assert_int_equal(run_in_steps(go_on_for_ever, GUARD_MS / 2, &output),
			 GUARD_LATE);

	assert_in_range(flown_ms, GUARD_MS * GUARD_TIMES,
			GUARD_MS * (GUARD_TIMES + 1));
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

/* How many of so many stuck children have this outcome. */
static int run_stuck(int children, enum guard_outcome outcome)
{
	int count = 0;

	time_flies = true;
	flown_ms = 0;
	for (int i = 0; i < children; i++) {
		struct guard_output output;

		count += guard_run(get_stuck, "", &output) == outcome;
		free(output.at);
	}
	time_flies = false;
	return count;
}

TEST(many_that_are_stuck_take_so_long_together)
{
	guard_begin();

	/* Ten for 2 s, then 200 for 50 ms, and then none. */
	assert_in_range(run_stuck(300, GUARD_LATE), 150, 215);

	assert_in_range(flown_ms, GUARD_TOTAL_MS,
			GUARD_TOTAL_MS + GUARD_LAST_MS + GUARD_MS);
	assert_int_equal(run_stuck(2, GUARD_SKIPPED), 2);
	assert_int_equal(flown_ms, 0);
	guard_begin();
}

TEST(one_that_is_quick_is_read_after_some_that_are_stuck)
{
	struct guard_output output;

	guard_begin();
	(void)run_stuck(20, GUARD_LATE);

	assert_int_equal(guard_run(say_hello, "hello", &output), GUARD_DONE);

	free(output.at);
	guard_begin();
}

/* How many of so many children that take `ms` at each step are read. */
static int run_slow(int children, int ms)
{
	int count = 0;

	guard_begin();
	flown_ms = 0;
	step_ms = ms;
	for (int i = 0; i < children; i++) {
		struct guard_output output;

		count += guard_run(say_hello, "x", &output) == GUARD_DONE;
		free(output.at);
	}
	step_ms = 0;
	return count;
}

TEST(those_that_are_quick_take_none_of_the_time)
{
	/* Each in two or three steps. */
	assert_int_equal(run_slow(300, GUARD_QUICK_MS / 3), 300);

	(void)run_stuck(GUARD_TOTAL_MS / GUARD_MS, GUARD_LATE);
	assert_in_range(flown_ms, GUARD_TOTAL_MS - GUARD_MS / 2,
			GUARD_TOTAL_MS);
	guard_begin();
}

TEST(those_that_answer_slowly_take_so_long_together)
{
	assert_in_range(run_slow(100, GUARD_MS / 2), 5, 20);

	assert_in_range(flown_ms, GUARD_TOTAL_MS,
			GUARD_TOTAL_MS + GUARD_LAST_MS + 2 * GUARD_MS);
	guard_begin();
}

TEST(a_file_is_read_with_a_0_behind_it)
{
	struct guard_output output;
	char path[] = "/tmp/replyfrom-XXXXXX";
	const int fd = mkstemp(path);

	assert_int_equal(write(fd, "hello", 5), 5);

	assert_int_equal(guard_read_file(path, 1 << 14, &output), GUARD_DONE);

	assert_int_equal(output.bytes, 5);
	assert_string_equal(output.at, "hello");
	free(output.at);
	(void)close(fd);
	(void)unlink(path);
}

TEST(a_file_that_is_not_there_or_does_not_end_is_told_apart)
{
	struct guard_output output;

	assert_int_equal(guard_read_file("/nowhere", 1 << 14, &output),
			 GUARD_FAILED);
	assert_int_equal(errno, ENOENT);
	free(output.at);

	assert_int_equal(guard_read_file("/dev/zero", 1 << 14, &output),
			 GUARD_FAILED);
	assert_int_equal(errno, EFBIG);
	free(output.at);
}

TEST(standard_input_is_a_file_as_well)
{
	const int before = dup(STDIN_FILENO);
	struct guard_output output;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "hello", 5), 5);
	(void)close(ends[1]);
	assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);

	assert_int_equal(guard_read_file("/dev/stdin", 1 << 14, &output),
			 GUARD_DONE);

	assert_string_equal(output.at, "hello");
	free(output.at);
	(void)close(ends[0]);
	if (before >= 0)
		(void)dup2(before, STDIN_FILENO);
	(void)close(before);
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
