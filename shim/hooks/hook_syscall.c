/* SPDX-License-Identifier: MIT */
/* libc's syscall(2): the calls that we hook are hooked by their numbers too. */
#include "hooks/receive.h"

#include <pthread.h>
#include <stdarg.h>
#include <sys/syscall.h>

/* The nth argument as the type that the hook takes. */
#define INT(n) ((int)a[n])
#define UINT(n) ((unsigned int)a[n])
#define SIZE(n) ((size_t)a[n])
#define AT(n) ((void *)a[n]) // NOLINT(performance-no-int-to-ptr): it was one

/*
 * These hooks are cancellation points and syscall(2) is none, so cancellation
 * is disabled meanwhile.  A handler that jumps out of here leaves it disabled;
 * as these calls do not wait for long, that is unlikely.
 */
static long connect_or_send(long number, const long a[CALL_ARGUMENTS])
{
	int cancelable;
	long result;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelable);
	if (number == SYS_connect)
		result = connect(INT(0), AT(1), UINT(2));
	else if (number == SYS_sendto)
		result = sendto(INT(0), AT(1), SIZE(2), INT(3), AT(4), UINT(5));
	else if (number == SYS_sendmsg)
		result = sendmsg(INT(0), AT(1), INT(2));
	else
		result = sendmmsg(INT(0), AT(1), UINT(2), INT(3));
	(void)pthread_setcancelstate(cancelable, NULL);
	return result;
}

static ssize_t recvmsg_by_number(int fd, struct msghdr *msg, int flags)
{
	return real.syscall(SYS_recvmsg, fd, msg, flags);
}

/* Not inlined, so that other calls need no room for control messages. */

static __attribute__((noinline)) long
recvfrom_by_number(const long a[CALL_ARGUMENTS])
{
	ssize_t n;

	if (receive_from(INT(0), AT(1), SIZE(2), INT(3), AT(4), AT(5), &n,
			 recvmsg_by_number))
		return n;
	return real.syscall(SYS_recvfrom, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static __attribute__((noinline)) long
recvmsg_from_socket(const long a[CALL_ARGUMENTS])
{
	return receive_message(recvmsg_by_number, INT(0), AT(1), INT(2));
}

static __attribute__((noinline)) long
read_or_readv(long number, const long a[CALL_ARGUMENTS])
{
	const struct iovec one = hook_buffer(AT(1), SIZE(2));
	const bool is_read = number == SYS_read;
	ssize_t n;

	return read_vector(INT(0), is_read ? &one : AT(1), is_read ? 1 : INT(2),
			   &n, recvmsg_by_number)
		       ? n
		       : real.syscall(number, a[0], a[1], a[2]);
}

static int recvmmsg_by_number(int fd, struct mmsghdr *msgs, unsigned int n,
			      batch_flags flags, struct timespec *timeout)
{
	return (int)real.syscall(SYS_recvmmsg, fd, msgs, n, flags, timeout);
}

#ifdef SYS_recvmmsg_time64
static int recvmmsg_time64_by_number(int fd, struct mmsghdr *msgs,
				     unsigned int n, batch_flags flags,
				     struct timespec *timeout)
{
	return (int)real.syscall(SYS_recvmmsg_time64, fd, msgs, n, flags,
				 timeout);
}
#endif

/* The call with these arguments, by its hook if it has one. */
static long call_by_number(long number, const long a[CALL_ARGUMENTS])
{
	switch (number) {
	case SYS_socket:
		return socket(INT(0), INT(1), INT(2));
	case SYS_socketpair:
		return socketpair(INT(0), INT(1), INT(2), AT(3));
	case SYS_bind:
		return bind(INT(0), AT(1), UINT(2));
#ifdef SYS_accept
	case SYS_accept:
#endif
	case SYS_accept4:
		return hook_not_ours(
			(int)real.syscall(number, a[0], a[1], a[2], a[3]));
	case SYS_setsockopt:
		return setsockopt(INT(0), INT(1), INT(2), AT(3), UINT(4));
	case SYS_getsockopt:
		return getsockopt(INT(0), INT(1), INT(2), AT(3), AT(4));
	case SYS_connect:
	case SYS_sendto:
	case SYS_sendmsg:
	case SYS_sendmmsg:
		if (sock_may_be_udp(INT(0)))
			return connect_or_send(number, a);
		break;
	case SYS_recvfrom:
		return recvfrom_by_number(a);
	case SYS_recvmsg:
		return recvmsg_from_socket(a);
	case SYS_recvmmsg:
		return receive_messages(recvmmsg_by_number, INT(0), AT(1),
					UINT(2), INT(3), AT(4));
#ifdef SYS_recvmmsg_time64
	case SYS_recvmmsg_time64:
		return receive_messages(recvmmsg_time64_by_number, INT(0),
					AT(1), UINT(2), INT(3), AT(4));
#endif
	case SYS_read:
	case SYS_readv:
		return read_or_readv(number, a);
	case SYS_close:
		hook_closing(INT(0));
		break;
	case SYS_dup:
		return dup(INT(0));
#ifdef SYS_dup2
	case SYS_dup2:
		return dup2(INT(0), INT(1));
#endif
	case SYS_dup3:
		return dup3(INT(0), INT(1), INT(2));
#ifdef SYS_fcntl64
	case SYS_fcntl64:
#endif
	case SYS_fcntl:
		/* Not libc's fcntl(): it changes F_GETOWN and locks. */
		if (INT(1) == F_DUPFD || INT(1) == F_DUPFD_CLOEXEC)
			return fcntl(INT(0), INT(1), INT(2));
		break;
#ifdef SYS_close_range
	case SYS_close_range:
		return close_range(UINT(0), UINT(1), INT(2));
#endif
	case SYS_prctl:
		return prctl(INT(0), a[1], a[2], a[3], a[4]);
	case SYS_seccomp:
		return hook_seccomp(UINT(0), UINT(1), AT(2));
	}
	return real.syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* As libc does, reads as many arguments as any call may have. */
EXPORTED READS_ALL_ARGUMENTS long syscall(long number, ...)
{
	long a[CALL_ARGUMENTS];
	va_list list;

	va_start(list, number);
	for (int i = 0; i < CALL_ARGUMENTS; i++)
		a[i] = va_arg(list, long);
	va_end(list);
	return call_by_number(number, a);
}
