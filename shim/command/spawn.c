/* SPDX-License-Identifier: MIT */
/* Starts programs, and waits for them. */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "command/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Between two looks whether a program has ended. */
enum { NAP_MS = 5 };

/* Runs it with standard output into `out`, or as it is (-1): a child, or -1. */
static pid_t start(char *const *arguments, int out, bool is_quiet)
{
	posix_spawn_file_actions_t actions;
	pid_t child = -1;

	(void)posix_spawn_file_actions_init(&actions);
	if (out >= 0)
		(void)posix_spawn_file_actions_adddup2(&actions, out,
						       STDOUT_FILENO);
	if (is_quiet)
		(void)posix_spawn_file_actions_addopen(
			&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	if (posix_spawnp(&child, *arguments, &actions, NULL, arguments,
			 environ))
		child = -1;
	(void)posix_spawn_file_actions_destroy(&actions);
	return child;
}

/* Whether it ends in time, and with success; errno as of spawn(). */
static bool succeeds(pid_t child, int most_ms)
{
	const struct timespec nap = { .tv_nsec = NAP_MS * 1000000L };
	int status = -1;
	pid_t ended;

	errno = ENOENT;
	if (child < 0)
		return false;
	while (!(ended = waitpid(child, &status, WNOHANG)) && most_ms > 0) {
		(void)nanosleep(&nap, NULL);
		most_ms -= NAP_MS;
	}
	if (ended)
		return ended == child && !status;
	(void)kill(child, SIGKILL);
	errno = ETIME;
	return false;
}

bool spawn_read(char *const *arguments, bool is_quiet,
		struct guard_output *output)
{
	int ends[2], error;
	pid_t child;
	bool is_read;

	if (pipe2(ends, O_CLOEXEC))
		return false;
	child = start(arguments, ends[1], is_quiet);
	(void)close(ends[1]);
	is_read = guard_read(ends[0], SPAWN_MS, SPAWN_MOST_BYTES, output) ==
		  GUARD_DONE;
	error = errno;
	(void)close(ends[0]);
	if (!is_read && child > 0)
		(void)kill(child, SIGKILL);
	if (succeeds(child, SPAWN_MS) && is_read)
		return true;
	error = is_read ? errno : error;
	free(output->at);
	errno = error;
	return false;
}

bool spawn(char *const *arguments, int most_ms)
{
	return succeeds(start(arguments, -1, true), most_ms);
}
// NOLINTEND(concurrency-mt-unsafe)
