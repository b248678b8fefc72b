/* SPDX-License-Identifier: MIT */
/* Before a seccomp filter is installed, stops all that it would kill for. */
#include "base/lock.h"
#include "base/log.h"
#include "base/real.h"
#include "base/sandbox.h"
#include "base/seccomp.h"
#include "hooks/hook.h"
#include "state/peers_open.h"
#include "state/sock.h"

#include <linux/seccomp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static const struct {
	unsigned int needed_for;
	uint32_t number;
} calls[] = {
#ifdef SYS_mmap2 /* which libc calls where there are two */
	{ SANDBOX_MEMORY | SANDBOX_LOOKS, SYS_mmap2 },
#else
	{ SANDBOX_MEMORY | SANDBOX_LOOKS, SYS_mmap },
#endif
	{ SANDBOX_MEMORY | SANDBOX_LOOKS, SYS_munmap },
	{ SANDBOX_LOOKS | SANDBOX_FOLLOWS | SANDBOX_LINES, SYS_getsockopt },
	{ SANDBOX_LOOKS | SANDBOX_FOLLOWS, SYS_setsockopt },
	{ SANDBOX_LOOKS | SANDBOX_FOLLOWS | SANDBOX_LINES, SYS_getsockname },
	{ SANDBOX_LINES, SYS_socket },
	{ SANDBOX_FOLLOWS, SYS_bind },
	{ SANDBOX_LINES, SYS_close },
	{ SANDBOX_LINES, SYS_sendto },
	{ SANDBOX_WAITS, SYS_kill },
	{ SANDBOX_WAITS | SANDBOX_LINES, SYS_getpid },
	{ SANDBOX_WAITS, SYS_sched_yield },
	{ SANDBOX_WAITS, SYS_nanosleep },
#ifdef SYS_clock_nanosleep
	{ SANDBOX_WAITS, SYS_clock_nanosleep },
#endif
	{ SANDBOX_LINES, SYS_ppoll },
	{ SANDBOX_WAITS | SANDBOX_FOLLOWS | SANDBOX_LINES, SYS_rt_sigprocmask },
	{ SANDBOX_LINES, SYS_rt_sigpending },
	{ SANDBOX_LINES, SYS_rt_sigtimedwait },
	{ SANDBOX_LINES, SYS_write },
	{ SANDBOX_LINES, SYS_statx },
	{ SANDBOX_ANSWERS, SYS_recvmsg },
	{ SANDBOX_ANSWERS, SYS_sendmsg },
#ifdef SYS_socketcall
	{ SANDBOX_ANSWERS, SYS_socketcall },
#endif
};

/* The parts that it may kill for; NULL is the strict mode. */
static unsigned int forbidden_by(const struct sock_fprog *filter)
{
	unsigned int forbidden = 0;

	if (!filter)
		return SANDBOX_ALL;
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		if ((calls[i].needed_for & ~forbidden) &&
		    seccomp_kills(filter, calls[i].number))
			forbidden |= calls[i].needed_for;
	if (!peers_are_open() && seccomp_kills(filter, SYS_getrandom))
		forbidden |= SANDBOX_LOOKS;
	return forbidden;
}

/*
 * Called before a filter is installed; NULL is the strict mode.  Sets the
 * options of sockets back now, while that is allowed.  If the filter is not
 * installed after all, take_up_again() undoes this.  Returns the parts that
 * were given up.
 */
static unsigned int give_up(const struct sock_fprog *filter)
{
	static _Atomic bool told;
	unsigned int what;

	/* Also begins a generation, while madvise(2) is allowed. */
	if (lock_is_borrowed())
		return 0;
	what = forbidden_by(filter) & ~atomic_load(&sandbox_given_up);
	if (what & SANDBOX_ANSWERS) {
		sock_stop(true);
		if (!atomic_exchange(&told, true))
			log_event(LOG_ERROR, -1,
				  "a seccomp filter kills for recvmsg or "
				  "sendmsg: from now on all is as without "
				  "replyfrom");
	}
	/* Only now: sock_stop() and log_event() heed it. */
	what &= ~atomic_fetch_or(&sandbox_given_up, what);
	return what;
}

static void take_up_again(unsigned int what)
{
	atomic_fetch_and(&sandbox_given_up, ~what);
	if (what & SANDBOX_ANSWERS)
		sock_go_on();
}

long hook_seccomp(unsigned int operation, unsigned int flags, void *argument)
{
	/* With other flags libseccomp only tests whether this call exists. */
	const bool strict =
		operation == SECCOMP_SET_MODE_STRICT && !flags && !argument;
	unsigned int what = 0;
	long result;

	if (strict || (operation == SECCOMP_SET_MODE_FILTER && argument))
		what = give_up(strict ? NULL : argument);
	result = real.syscall(SYS_seccomp, operation, flags, argument);
	/* Positive: the listener's fd, or with TSYNC a thread in the way. */
	if (what && (result < 0 ||
		     (result && !(flags & SECCOMP_FILTER_FLAG_NEW_LISTENER))))
		take_up_again(what);
	return result;
}

/* As libc does, reads as many arguments as an operation may have. */
EXPORTED int prctl(int operation, ...)
{
	unsigned long a[4];
	unsigned int what = 0;
	bool strict;
	va_list list;
	int result;

	va_start(list, operation);
	for (int i = 0; i < 4; i++)
		a[i] = va_arg(list, unsigned long);
	va_end(list);
	strict = a[0] == SECCOMP_MODE_STRICT;
	if (operation == PR_SET_SECCOMP &&
	    (strict || (a[0] == SECCOMP_MODE_FILTER && a[1])))
		// NOLINTNEXTLINE(performance-no-int-to-ptr): it was one
		what = give_up(strict ? NULL : (void *)a[1]);
	result = real.prctl(operation, a[0], a[1], a[2], a[3]);
	if (what && result)
		take_up_again(what);
	return result;
}
