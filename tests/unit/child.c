/* SPDX-License-Identifier: MIT */
/* Forks and waits; starts a thread and waits. */
#include "child.h"

#include "unit.h"

#include <pthread.h>
#include <sys/wait.h>

int in_child(int (*body)(void *context), void *context)
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (!child) {
		/* alarm(2) is not inherited. */
		end_when_stuck();
		_exit(body(context));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int in_vfork_child(int (*body)(void *context), void *context)
{
	int status;
	// NOLINTBEGIN(clang-analyzer-*): it is vfork that is to be tried.
	pid_t child = vfork();

	if (!child)
		_exit(body(context));
	// NOLINTEND(clang-analyzer-*)
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void in_thread(void *(*body)(void *context), void *context)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, body, context), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
}
