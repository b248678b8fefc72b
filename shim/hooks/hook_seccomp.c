/* SPDX-License-Identifier: MIT */
/* Before a seccomp filter is installed, stops all that it would kill for. */
#include "base/lock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/real.h"
#include "base/seccomp.h"
#include "hooks/hook.h"
#include "state/follow.h"
#include "state/peers.h"
#include "state/sock.h"

#include <linux/seccomp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* Parts of the library, whose system calls a filter may kill for. */
enum {
	ANSWERS = 1 << 0, /* receives and sends */
	MEMORY = 1 << 1,
	LOOKS = 1 << 2,	  /* asks the kernel about an fd not seen before */
	FOLLOWS = 1 << 3, /* a socket gets its address by connect(2) */
	WAITS = 1 << 4,	  /* waits for a lock, or blocks signals inside one */
	LINES = 1 << 5,	  /* logs, to stderr or syslog */
	ALL = (1 << 6) - 1,
};

/* Younger than some headers. */
#define FILTER_FLAG_NEW_LISTENER (1U << 3)

static _Atomic unsigned int given_up;

static const struct {
	unsigned int needed_for;
	uint32_t number;
} calls[] = {
	{ MEMORY | LOOKS, HOOK_SYS_MMAP },
	{ MEMORY | LOOKS, SYS_munmap },
	{ LOOKS | FOLLOWS | LINES, SYS_getsockopt },
	{ LOOKS | FOLLOWS, SYS_setsockopt },
	{ LOOKS | FOLLOWS | LINES, SYS_getsockname },
	{ LINES, SYS_socket },
	{ FOLLOWS, SYS_bind },
	{ LINES, SYS_close },
	{ LINES, SYS_sendto },
	{ WAITS, SYS_kill },
	{ WAITS | LINES, SYS_getpid },
	{ WAITS, SYS_sched_yield },
#ifdef SYS_nanosleep
	{ WAITS, SYS_nanosleep },
#endif
#ifdef SYS_clock_nanosleep
	{ WAITS, SYS_clock_nanosleep },
#endif
#ifdef SYS_ppoll
	{ LINES, SYS_ppoll },
#endif
	{ WAITS | FOLLOWS | LINES, SYS_rt_sigprocmask },
	{ LINES, SYS_rt_sigpending },
	{ LINES, SYS_rt_sigtimedwait },
	{ LINES, SYS_write },
	{ LINES, SYS_statx },
};

/* The parts that it may kill for; NULL is the strict mode. */
static unsigned int forbidden_by(const struct sock_fprog *filter)
{
	unsigned int forbidden = 0;

	if (!filter)
		return ALL;
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		if ((calls[i].needed_for & ~forbidden) &&
		    seccomp_kills(filter, calls[i].number))
			forbidden |= calls[i].needed_for;
	if (!peers_are_open() && seccomp_kills(filter, SYS_getrandom))
		forbidden |= LOOKS;
	if (seccomp_kills_us(filter))
		forbidden |= ANSWERS;
	return forbidden;
}

static void do_without(unsigned int what, bool yes)
{
	if (what & MEMORY)
		atomic_store(&memory_forbidden, yes);
	if (what & LOOKS)
		sock_forbid_looks(yes);
	if (what & FOLLOWS)
		follow_forbid(yes);
	if (what & WAITS)
		lock_forbid_calls(yes);
	if (what & LINES)
		log_forbid(yes);
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

	/* This also maps the page that locks need, while mmap(2) is allowed. */
	if (lock_is_borrowed())
		return 0;
	seccomp_watch(true);
	what = forbidden_by(filter);
	what &= ~atomic_fetch_or(&given_up, what);
	if (what & ANSWERS) {
		sock_stop(true);
		if (!atomic_exchange(&told, true))
			log_event(LOG_ERROR, -1,
				  "a seccomp filter kills for recvmsg or "
				  "sendmsg: from now on all is as without "
				  "replyfrom");
	}
	do_without(what, true);
	return what;
}

static void take_up_again(unsigned int what)
{
	atomic_fetch_and(&given_up, ~what);
	do_without(what, false);
	if (what & ANSWERS)
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
	if (what &&
	    (result < 0 || (result && !(flags & FILTER_FLAG_NEW_LISTENER))))
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
