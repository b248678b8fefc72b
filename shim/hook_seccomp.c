/* SPDX-License-Identifier: MIT */
/* The application restricts itself: stop before we are killed for it. */
#include "hook_seccomp.h"

#include "lock.h"
#include "log.h"
#include "real.h"
#include "seccomp.h"
#include "sock.h"

#include <linux/seccomp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* Whether it may kill for a call by which we look at sockets. */
static bool forbids_looks(const struct sock_fprog *filter)
{
	return seccomp_kills(filter, SYS_mmap) ||
	       seccomp_kills(filter, SYS_getsockopt) ||
	       seccomp_kills(filter, SYS_setsockopt) ||
	       seccomp_kills(filter, SYS_getsockname);
}

/* The same, of those by which a thread waits for another's lock. */
static bool forbids_waits(const struct sock_fprog *filter)
{
#ifdef SYS_clock_nanosleep
	if (seccomp_kills(filter, SYS_clock_nanosleep))
		return true;
#endif
#ifdef SYS_nanosleep
	if (seccomp_kills(filter, SYS_nanosleep))
		return true;
#endif
	return seccomp_kills(filter, SYS_sched_yield) ||
	       seccomp_kills(filter, SYS_sigaltstack);
}

/* The same, of those by which a line is written, wherever to. */
static bool forbids_lines(const struct sock_fprog *filter)
{
	const uint32_t calls[] = {
		SYS_rt_sigprocmask, SYS_rt_sigpending, SYS_rt_sigtimedwait,
		SYS_getpid,	    SYS_getsockname,   SYS_write,
		SYS_openat,	    SYS_socket,	       SYS_sendto,
		SYS_close,
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		if (seccomp_kills(filter, calls[i]))
			return true;
	return false;
}

/*
 * Before a mode is set, NULL being the strict one.  The sockets are put back
 * now, while that is allowed; when nothing came of it they are looked at anew.
 */
static bool stop_before(const struct sock_fprog *filter)
{
	static _Atomic bool told;

	if (filter && !seccomp_kills_us(filter)) {
		if (forbids_looks(filter))
			sock_look_at_no_more();
		if (forbids_waits(filter))
			lock_call_no_more();
		if (forbids_lines(filter))
			log_no_more();
		return false;
	}
	sock_stop(true);
	if (!atomic_exchange(&told, true))
		log_event(LOG_ERROR, -1,
			  "a seccomp filter kills for recvmsg or sendmsg: from "
			  "now on all is as without replyfrom");
	return true;
}

long hook_seccomp(unsigned int operation, unsigned int flags, void *argument)
{
	const bool strict = operation == SECCOMP_SET_MODE_STRICT;
	bool stopped = false;
	long result;

	if (strict || (operation == SECCOMP_SET_MODE_FILTER && argument))
		stopped = stop_before(strict ? NULL : argument);
	result = real.syscall(SYS_seccomp, operation, flags, argument);
	if (stopped && result < 0)
		sock_go_on();
	return result;
}

/* As libc does, reads as many arguments as an operation may have. */
EXPORTED int prctl(int operation, ...)
{
	unsigned long a[4];
	bool stopped = false, strict;
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
		stopped = stop_before(strict ? NULL : (void *)a[1]);
	result = real.prctl(operation, a[0], a[1], a[2], a[3]);
	if (stopped && result < 0)
		sock_go_on();
	return result;
}
