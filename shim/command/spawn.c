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
#include <unistd.h>

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

static bool succeeds(pid_t child)
{
	int status = -1;

	return child > 0 && waitpid(child, &status, 0) == child && !status;
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
	error = is_read ? ENOENT : errno;
	(void)close(ends[0]);
	if (!is_read && child > 0)
		(void)kill(child, SIGKILL);
	if (succeeds(child) && is_read)
		return true;
	free(output->at);
	errno = error;
	return false;
}

bool spawn(char *const *arguments)
{
	return succeeds(start(arguments, -1, true));
}
// NOLINTEND(concurrency-mt-unsafe)
