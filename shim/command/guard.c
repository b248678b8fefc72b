/* SPDX-License-Identifier: MIT */
/* Runs a part of the command in a child, for a limited time. */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "command/guard.h"

#include "command/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The last byte of a child that came to its end. */
static const char complete = 'C';

static int output_fd = -1;

void guard_write(const void *from, size_t bytes)
{
	const char *at = from;

	while (bytes) {
		ssize_t n = write(output_fd, at, bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			_exit(EXIT_FAILURE);
		at += n;
		bytes -= (size_t)n;
	}
}

/*
 * One that is left behind has none of the command's files, or a pipe to
 * another program would stay open; and what it could do ends with us.
 */
__attribute__((noreturn)) static void be_child(void (*work)(void *data),
					       void *data, int output)
{
	const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* A command that was started without these has its pipe there. */
	output_fd = fcntl(output, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (nothing < 0 || dup2(nothing, fd) < 0)
			_exit(EXIT_FAILURE);
	work(data);
	guard_write(&complete, sizeof(complete));
	_exit(EXIT_SUCCESS);
}

/* Makes room for more; false, and errno: there is none. */
static bool grow(struct guard_output *output, size_t most_bytes, size_t *room)
{
	const size_t more = *room ? *room * 2 : 1 << 14;
	char *at;

	if (output->bytes < *room)
		return true;
	errno = EFBIG;
	at = more <= most_bytes ? realloc(output->at, more) : NULL;
	if (!at)
		return false;
	output->at = at;
	*room = more;
	return true;
}

static enum guard_outcome read_for(int fd, int most_ms, int total_ms,
				   size_t most_bytes,
				   struct guard_output *output)
{
	const int64_t last_ms = command_now_ms(CLOCK_MONOTONIC) + total_ms;
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	int64_t end_ms = command_now_ms(CLOCK_MONOTONIC) + most_ms;
	size_t room = 0;

	*output = (struct guard_output){ NULL, 0 };
	for (;;) {
		const int64_t left_ms = (end_ms < last_ms ? end_ms : last_ms) -
					command_now_ms(CLOCK_MONOTONIC);
		ssize_t n;

		errno = ETIME;
		if (left_ms <= 0)
			return GUARD_LATE;
		if (poll(&ready, 1, (int)left_ms) <= 0)
			continue;
		if (!grow(output, most_bytes, &room))
			return GUARD_FAILED;
		n = read(fd, output->at + output->bytes, room - output->bytes);
		if (n < 0 && errno != EINTR)
			return GUARD_FAILED;
		if (n == 0)
			break;
		if (n < 0)
			continue;
		output->bytes += (size_t)n;
		end_ms = command_now_ms(CLOCK_MONOTONIC) + most_ms;
	}
	output->at[output->bytes] = '\0';
	return GUARD_DONE;
}

enum guard_outcome guard_read(int fd, int most_ms, size_t most_bytes,
			      struct guard_output *output)
{
	return read_for(fd, most_ms, most_ms * GUARD_TIMES, most_bytes, output);
}

/* Whether the child came to its end, which is its last byte. */
static bool take_end(struct guard_output *output)
{
	return output->bytes && output->at[--output->bytes] == complete;
}

/* Does not wait: a child that is stuck in the kernel does not end. */
static void end_child(pid_t child)
{
	(void)kill(child, SIGKILL);
	(void)waitpid(child, NULL, WNOHANG);
}

/* Children that ended after they were left. */
static void reap(void)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

/* What children took that were not quick. */
static int64_t slow_ms;

void guard_begin(void)
{
	slow_ms = 0;
}

/* How long the next child may be silent, and how long it may take. */
static void share_time(int *most_ms, int *total_ms)
{
	const int64_t left_ms = GUARD_TOTAL_MS - slow_ms;
	const int64_t whole_ms = (int64_t)GUARD_MS * GUARD_TIMES;

	*most_ms = *total_ms = GUARD_QUICK_MS;
	if (left_ms <= GUARD_QUICK_MS)
		return;
	*most_ms = GUARD_MS;
	*total_ms = (int)(left_ms < whole_ms ? left_ms : whole_ms);
}

/* One that is late counts in full, as all that follow may be late at once. */
static void count_time(enum guard_outcome outcome, int64_t taken_ms,
		       const struct guard_output *output)
{
	const int64_t quick_ms =
		GUARD_QUICK_MS + (int64_t)(output->bytes / GUARD_QUICK_BYTES);

	if (outcome == GUARD_LATE)
		slow_ms += taken_ms;
	else if (taken_ms > quick_ms)
		slow_ms += taken_ms - quick_ms;
}

/* What the child wrote, as long as it has time. */
static enum guard_outcome await(int fd, struct guard_output *output)
{
	const int64_t begin_ms = command_now_ms(CLOCK_MONOTONIC);
	enum guard_outcome outcome;
	int most_ms, total_ms;

	share_time(&most_ms, &total_ms);
	outcome = read_for(fd, most_ms, total_ms, GUARD_MOST_BYTES, output);
	count_time(outcome, command_now_ms(CLOCK_MONOTONIC) - begin_ms, output);
	if (outcome == GUARD_DONE && !take_end(output))
		outcome = GUARD_FAILED;
	return outcome;
}

enum guard_outcome guard_run(void (*work)(void *data), void *data,
			     struct guard_output *output)
{
	enum guard_outcome outcome = GUARD_FAILED;
	int ends[2];
	pid_t child;

	*output = (struct guard_output){ NULL, 0 };
	reap();
	(void)fflush(stdout);
	if (slow_ms >= GUARD_TOTAL_MS + GUARD_LAST_MS)
		return GUARD_SKIPPED;
	if (pipe2(ends, O_CLOEXEC))
		return GUARD_FAILED;
	child = fork();
	if (!child)
		be_child(work, data, ends[1]);
	(void)close(ends[1]);
	if (child > 0) {
		outcome = await(ends[0], output);
		end_child(child);
	}
	(void)close(ends[0]);
	return outcome;
}

/* A file that a child reads. */
struct file_request {
	const char *path;
	size_t most_bytes;
	int input; /* as our standard input may be the file that is named */
};

/* Writes errno, or 0 and what the file has. */
static void read_in_child(void *data)
{
	const struct file_request *request = data;
	struct guard_output output = { NULL, 0 };
	int fd = -1, error = 0;

	(void)dup2(request->input, STDIN_FILENO);
	/* Not blocked by a FIFO that is not written. */
	fd = open(request->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || guard_read(fd, GUARD_MS, request->most_bytes, &output) !=
			      GUARD_DONE)
		error = errno;
	guard_write(&error, sizeof(error));
	if (!error)
		guard_write(output.at, output.bytes);
}

enum guard_outcome guard_read_file(const char *path, size_t most_bytes,
				   struct guard_output *output)
{
	struct file_request request = { path, most_bytes,
					fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC,
					      STDERR_FILENO + 1) };
	enum guard_outcome outcome = guard_run(read_in_child, &request, output);
	size_t at = 0;
	int error = outcome == GUARD_FAILED ? errno : ETIME;

	if (request.input >= 0)
		(void)close(request.input);
	if (outcome == GUARD_DONE &&
	    guard_take(output, &at, &error, sizeof(error)) && !error) {
		output->bytes -= at;
		memmove(output->at, output->at + at, output->bytes);
		output->at[output->bytes] = '\0';
		return GUARD_DONE;
	}
	errno = error;
	return outcome == GUARD_DONE ? GUARD_FAILED : outcome;
}

bool guard_take(struct guard_output *output, size_t *at, void *to, size_t bytes)
{
	if (bytes > output->bytes - *at)
		return false;
	memcpy(to, output->at + *at, bytes);
	*at += bytes;
	return true;
}
// NOLINTEND(concurrency-mt-unsafe)
