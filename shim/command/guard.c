/* SPDX-License-Identifier: MIT */
/* Runs a part of the command in a child, for a limited time. */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "command/guard.h"

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

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
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

enum guard_outcome guard_read(int fd, int most_ms, size_t most_bytes,
			      struct guard_output *output)
{
	const int64_t begin_ms = now_ms();
	const int64_t last_ms = begin_ms + (int64_t)most_ms * GUARD_TIMES;
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	int64_t end_ms = begin_ms + most_ms;
	size_t room = 0;

	*output = (struct guard_output){ NULL, 0 };
	for (;;) {
		const int64_t left_ms = end_ms - now_ms();
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
		end_ms = now_ms() + most_ms;
		if (end_ms > last_ms)
			end_ms = last_ms;
	}
	output->at[output->bytes] = '\0';
	return GUARD_DONE;
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

enum guard_outcome guard_run(void (*work)(void *data), void *data,
			     struct guard_output *output)
{
	static unsigned int late_count;
	const int most_ms =
		late_count < GUARD_MOST_LATE ? GUARD_MS : GUARD_HURRY_MS;
	enum guard_outcome outcome = GUARD_FAILED;
	int ends[2];
	pid_t child;

	*output = (struct guard_output){ NULL, 0 };
	reap();
	(void)fflush(stdout);
	if (pipe2(ends, O_CLOEXEC))
		return GUARD_FAILED;
	child = fork();
	if (!child)
		be_child(work, data, ends[1]);
	(void)close(ends[1]);
	if (child > 0) {
		outcome =
			guard_read(ends[0], most_ms, GUARD_MOST_BYTES, output);
		if (outcome == GUARD_DONE && !take_end(output))
			outcome = GUARD_FAILED;
		end_child(child);
	}
	late_count += outcome == GUARD_LATE;
	(void)close(ends[0]);
	return outcome;
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
