/* SPDX-License-Identifier: MIT */
/* libc's syscall(2): the calls that we hook are hooked by their numbers too. */
#include "base/raw.h"
#include "base/real.h"
#include "hooks/hook.h"
#include "hooks/receive.h"
#include "state/sock.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/prctl.h>
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
static bool connect_or_send(long number, const long a[RAW_ARGUMENTS],
			    long *result)
{
	int cancelable;

	if (!sock_may_be_udp(INT(0)))
		return false;
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelable);
	switch (number) {
#ifdef SYS_socket
	case SYS_connect:
		*result = connect(INT(0), AT(1), UINT(2));
		break;
	case SYS_sendto:
		*result =
			sendto(INT(0), AT(1), SIZE(2), INT(3), AT(4), UINT(5));
		break;
	case SYS_sendmsg:
		*result = sendmsg(INT(0), AT(1), INT(2));
		break;
#endif
	default:
		*result = sendmmsg(INT(0), AT(1), UINT(2), INT(3));
	}
	(void)pthread_setcancelstate(cancelable, NULL);
	return true;
}

static ssize_t recvmsg_by_number(int fd, struct msghdr *msg, int flags)
{
	return real.syscall(SYS_recvmsg, fd, msg, flags);
}

static ssize_t recvfrom_by_number(int fd, void *buf, size_t len, int flags,
				  struct sockaddr *from, socklen_t *fromlen)
{
	int saved = errno;
	ssize_t n;

	if (receive_from(fd, buf, len, flags, from, fromlen, &n,
			 recvmsg_by_number))
		return n;
	/* A filter may have refused recvmsg(2), which is tried first. */
	errno = saved;
	return real.syscall(SYS_recvfrom, fd, buf, len, flags, from, fromlen);
}

static ssize_t read_by_number(int fd, void *buf, size_t len)
{
	ssize_t n;

	return read_buffer(fd, buf, len, &n, recvmsg_by_number)
		       ? n
		       : real.syscall(SYS_read, fd, buf, len);
}

static ssize_t readv_by_number(int fd, const struct iovec *iov, int count)
{
	ssize_t n;

	return read_vector(fd, iov, count, &n, recvmsg_by_number)
		       ? n
		       : real.syscall(SYS_readv, fd, iov, count);
}

#ifdef SYS_recvmmsg
static int recvmmsg_by_number(int fd, struct mmsghdr *msgs, unsigned int n,
			      batch_flags flags, struct timespec *timeout)
{
	return (int)real.syscall(SYS_recvmmsg, fd, msgs, n, flags, timeout);
}
#endif

#ifdef SYS_recvmmsg_time64
static int recvmmsg_time64_by_number(int fd, struct mmsghdr *msgs,
				     unsigned int n, batch_flags flags,
				     struct timespec *timeout)
{
	return (int)real.syscall(SYS_recvmmsg_time64, fd, msgs, n, flags,
				 timeout);
}
#endif

/* Calls the hook of this number; false when there is none. */
static bool call_hook(long number, const long a[RAW_ARGUMENTS], long *result)
{
	switch (number) {
#ifdef SYS_socket
	case SYS_socket:
		*result = socket(INT(0), INT(1), INT(2));
		break;
	case SYS_socketpair:
		*result = socketpair(INT(0), INT(1), INT(2), AT(3));
		break;
	case SYS_bind:
		*result = bind(INT(0), AT(1), UINT(2));
		break;
	case SYS_accept4:
		*result = hook_not_ours(
			(int)real.syscall(number, a[0], a[1], a[2], a[3]));
		break;
	case SYS_recvfrom:
		*result = recvfrom_by_number(INT(0), AT(1), SIZE(2), INT(3),
					     AT(4), AT(5));
		break;
	case SYS_recvmsg:
		*result = receive_message(recvmsg_by_number, INT(0), AT(1),
					  INT(2));
		break;
	case SYS_setsockopt:
		*result = setsockopt(INT(0), INT(1), INT(2), AT(3), UINT(4));
		break;
	case SYS_getsockopt:
		*result = getsockopt(INT(0), INT(1), INT(2), AT(3), AT(4));
		break;
	case SYS_connect:
	case SYS_sendto:
	case SYS_sendmsg:
#endif
	case SYS_sendmmsg:
		return connect_or_send(number, a, result);
#ifdef SYS_accept
	case SYS_accept:
		*result = hook_not_ours(
			(int)real.syscall(number, a[0], a[1], a[2]));
		break;
#endif
#ifdef SYS_recvmmsg
	case SYS_recvmmsg:
		*result = receive_messages(recvmmsg_by_number, INT(0), AT(1),
					   UINT(2), INT(3), AT(4));
		break;
#endif
#ifdef SYS_recvmmsg_time64
	case SYS_recvmmsg_time64:
		*result = receive_messages(recvmmsg_time64_by_number, INT(0),
					   AT(1), UINT(2), INT(3), AT(4));
		break;
#endif
	case SYS_read:
		*result = read_by_number(INT(0), AT(1), SIZE(2));
		break;
	case SYS_readv:
		*result = readv_by_number(INT(0), AT(1), INT(2));
		break;
	case SYS_close:
		hook_closing(INT(0));
		return false;
	case SYS_dup:
		*result = dup(INT(0));
		break;
#ifdef SYS_dup2
	case SYS_dup2:
		*result = dup2(INT(0), INT(1));
		break;
#endif
	case SYS_dup3:
		*result = dup3(INT(0), INT(1), INT(2));
		break;
#ifdef SYS_fcntl64
	case SYS_fcntl64:
#endif
	case SYS_fcntl:
		/* Not libc's fcntl(): it changes F_GETOWN and locks. */
		if (INT(1) != F_DUPFD && INT(1) != F_DUPFD_CLOEXEC)
			return false;
		*result = fcntl(INT(0), INT(1), INT(2));
		break;
#ifdef SYS_close_range
	case SYS_close_range:
		*result = close_range(UINT(0), UINT(1), INT(2));
		break;
#endif
	case SYS_prctl:
		*result = prctl(INT(0), a[1], a[2], a[3], a[4]);
		break;
#ifdef SYS_seccomp
	case SYS_seccomp:
		*result = hook_seccomp(UINT(0), UINT(1), AT(2));
		break;
#endif
	default:
		return false;
	}
	return true;
}

/*
 * The number of arguments is not known: like libc, reads as many as any call
 * may have.
 */
EXPORTED READS_ALL_ARGUMENTS long syscall(long number, ...)
{
	long a[RAW_ARGUMENTS], result;
	va_list list;

	va_start(list, number);
	for (int i = 0; i < RAW_ARGUMENTS; i++)
		a[i] = va_arg(list, long);
	va_end(list);
	if (call_hook(number, a, &result))
		return result;
	return real.syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
