/* SPDX-License-Identifier: MIT */
/* Forks and waits; starts a thread and waits. */
#include "child.h"

#include "unit.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
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

struct call {
	int (*body)(void *context);
	void *context;
};

static int make(void *call)
{
	const struct call *c = call;

	return c->body(c->context);
}

/* By clone(2), for ThreadSanitizer makes a fork(2) of vfork(2). */
int in_vfork_child(int (*body)(void *context), void *context)
{
	static _Alignas(16) char stack[65536];
	struct call call = { .body = body, .context = context };
	int status, child = clone(make, stack + sizeof(stack),
				  CLONE_VM | CLONE_VFORK | SIGCHLD, &call);

	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void in_thread(void *(*body)(void *context), void *context)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, body, context), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
}
