/* SPDX-License-Identifier: MIT */
/*
 * Linked into what is built for its coverage: counts are written at exit(3)
 * only, and tests end in other ways as well.
 */
#include <signal.h>
#include <unistd.h>

void __gcov_dump(void);

/* In front of libc's. */
_Noreturn void _exit(int status)
{
	/* The test may have left no room for a file. */
	(void)signal(SIGXFSZ, SIG_IGN);
	__gcov_dump();
	_Exit(status);
}

static void end(int number)
{
	/* It may be in the middle of something; then the counts are lost. */
	// NOLINTNEXTLINE(bugprone-signal-handler,cert-sig30-c)
	__gcov_dump();
	(void)signal(number, SIG_DFL);
	(void)raise(number);
}

/* What has no handler of its own by then is ended by this. */
__attribute__((constructor)) static void prepare(void)
{
	struct sigaction action;

	if (!sigaction(SIGTERM, NULL, &action) && action.sa_handler == SIG_DFL)
		(void)signal(SIGTERM, end);
}
