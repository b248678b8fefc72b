/* SPDX-License-Identifier: MIT */
/* Finds libc's own versions of the interposed names. */
#include "base/real.h"

#include "base/object.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>

#ifdef SYS_fcntl64
#define FCNTL SYS_fcntl64
#else
#define FCNTL SYS_fcntl
#endif
#if HAS_TIME32_NAME
#undef SYS_recvmmsg
#define SYS_recvmmsg SYS_recvmmsg_time64
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

/*
 * Calls syscall(2), also where dlsym() has not found it yet.  Like libc, reads
 * as many arguments as any call may have.
 */
READS_ALL_ARGUMENTS static long ask_kernel(long number, ...)
{
	__typeof__(&syscall) call;
	long a[CALL_ARGUMENTS];
	void *found;
	va_list list;

	va_start(list, number);
	for (int i = 0; i < CALL_ARGUMENTS; i++)
		a[i] = va_arg(list, long);
	va_end(list);
	real_resolve();
	call = real.syscall;
	if (call == ask_kernel) {
		found = object_libc_function("syscall");
		if (!found) {
			errno = ENOSYS;
			return -1;
		}
		memcpy(&call, &found, sizeof(call));
	}
	return call(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/*
 * The initial value of an entry in `real`: calls libc's function if
 * real_resolve() finds it, otherwise the kernel.  Each has its own parameters.
 * If one function with the most parameters served for all, most callers would
 * pass fewer, and it might store the missing ones into the caller's stack.
 */
#define EARLY_AS(type, name, parameters, arguments, ...)    \
	static type early_##name parameters                 \
	{                                                   \
		real_resolve();                             \
		if (real.name != early_##name)              \
			return real.name arguments;         \
		return (type)ask_kernel(SYS_##__VA_ARGS__); \
	}

/* EARLY_AS() where the system call has this name and these arguments. */
#define EARLY(type, name, parameters, ...) \
	EARLY_AS(type, name, parameters, (__VA_ARGS__), name, __VA_ARGS__)

EARLY(int, socket, (int domain, int type, int protocol), domain, type, protocol)
EARLY(int, socketpair, (int domain, int type, int protocol, int *fds), domain,
      type, protocol, fds)
EARLY(int, bind, (int fd, const struct sockaddr *addr, socklen_t len), fd, addr,
      len)
EARLY(int, connect, (int fd, const struct sockaddr *addr, socklen_t len), fd,
      addr, len)
EARLY_AS(int, accept, (int fd, struct sockaddr *addr, socklen_t *len),
	 (fd, addr, len), accept4, fd, addr, len, 0)
EARLY(int, accept4, (int fd, struct sockaddr *addr, socklen_t *len, int flags),
      fd, addr, len, flags)
EARLY(ssize_t, recvfrom,
      (int fd, void *buf, size_t len, int flags, struct sockaddr *from,
       socklen_t *fromlen),
      fd, buf, len, flags, from, fromlen)
EARLY(ssize_t, recvmsg, (int fd, struct msghdr *msg, int flags), fd, msg, flags)
EARLY(int, recvmmsg,
      (int fd, struct mmsghdr *msgs, unsigned int n, batch_flags flags,
       struct timespec *timeout),
      fd, msgs, n, flags, timeout)
EARLY_AS(ssize_t, recv, (int fd, void *buf, size_t len, int flags),
	 (fd, buf, len, flags), recvfrom, fd, buf, len, flags, 0L, 0L)
EARLY(ssize_t, read, (int fd, void *buf, size_t len), fd, buf, len)
EARLY(ssize_t, readv, (int fd, const struct iovec *iov, int n), fd, iov, n)
EARLY_AS(ssize_t, __recvfrom_chk,
	 (int fd, void *buf, size_t len, size_t buf_bytes, int flags,
	  struct sockaddr *from, socklen_t *fromlen),
	 (fd, buf, len, buf_bytes, flags, from, fromlen), recvfrom, fd, buf,
	 len < buf_bytes ? len : buf_bytes, flags, from, fromlen)
EARLY_AS(ssize_t, __recv_chk,
	 (int fd, void *buf, size_t len, size_t buf_bytes, int flags),
	 (fd, buf, len, buf_bytes, flags), recvfrom, fd, buf,
	 len < buf_bytes ? len : buf_bytes, flags, 0L, 0L)
EARLY_AS(ssize_t, __read_chk, (int fd, void *buf, size_t len, size_t buf_bytes),
	 (fd, buf, len, buf_bytes), read, fd, buf,
	 len < buf_bytes ? len : buf_bytes)
EARLY(ssize_t, sendto,
      (int fd, const void *buf, size_t len, int flags,
       const struct sockaddr *to, socklen_t tolen),
      fd, buf, len, flags, to, tolen)
EARLY(ssize_t, sendmsg, (int fd, const struct msghdr *msg, int flags), fd, msg,
      flags)
EARLY(int, sendmmsg,
      (int fd, struct mmsghdr *msgs, unsigned int n, batch_flags flags), fd,
      msgs, n, flags)
EARLY_AS(ssize_t, send, (int fd, const void *buf, size_t len, int flags),
	 (fd, buf, len, flags), sendto, fd, buf, len, flags, 0L, 0L)
EARLY(ssize_t, write, (int fd, const void *buf, size_t len), fd, buf, len)
EARLY(ssize_t, writev, (int fd, const struct iovec *iov, int n), fd, iov, n)
EARLY(int, setsockopt,
      (int fd, int level, int name, const void *value, socklen_t len), fd,
      level, name, value, len)
EARLY(int, getsockopt,
      (int fd, int level, int name, void *value, socklen_t *len), fd, level,
      name, value, len)
EARLY(int, close, (int fd), fd)
EARLY(int, dup, (int fd), fd)
EARLY(int, dup3, (int fd, int to, int flags), fd, to, flags)
EARLY(int, close_range, (unsigned int first, unsigned int last, int flags),
      first, last, flags)

static int early_dup2(int fd, int to)
{
	real_resolve();
	if (real.dup2 != early_dup2)
		return real.dup2(fd, to);
	/* dup3 fails for this, and not every architecture has SYS_dup2. */
	if (fd == to)
		return ask_kernel(FCNTL, fd, F_GETFD) < 0 ? -1 : fd;
	return (int)ask_kernel(SYS_dup3, fd, to, 0);
}

static void early_closefrom(int first)
{
	real_resolve();
	if (real.closefrom != early_closefrom)
		real.closefrom(first);
	else
		ask_kernel(SYS_close_range, first, ~0U, 0);
}

static int early_fcntl(int fd, int command, ...)
{
	va_list list;
	void *argument;

	va_start(list, command);
	argument = va_arg(list, void *);
	va_end(list);
	real_resolve();
	if (real.fcntl != early_fcntl)
		return real.fcntl(fd, command, argument);
	return (int)ask_kernel(FCNTL, fd, command, argument);
}

static int early_prctl(int operation, ...)
{
	unsigned long a[4];
	va_list list;

	va_start(list, operation);
	for (int i = 0; i < 4; i++)
		a[i] = va_arg(list, unsigned long);
	va_end(list);
	real_resolve();
	if (real.prctl != early_prctl)
		return real.prctl(operation, a[0], a[1], a[2], a[3]);
	return (int)ask_kernel(SYS_prctl, operation, a[0], a[1], a[2], a[3]);
}

#if HAS_TIME64_NAMES
EARLY_AS(ssize_t, __recvmsg64, (int fd, struct msghdr *msg, int flags),
	 (fd, msg, flags), recvmsg, fd, msg, flags)
EARLY_AS(int, __recvmmsg64,
	 (int fd, struct mmsghdr *msgs, unsigned int n, int flags,
	  struct timespec *timeout),
	 (fd, msgs, n, flags, timeout), recvmmsg_time64, fd, msgs, n, flags,
	 timeout)
#endif

struct real_libc real = {
#define X(name) .name = early_##name,
#define early_fcntl64 early_fcntl
#define early_syscall ask_kernel
	INTERPOSED(X)
#undef early_fcntl64
#undef early_syscall
#undef X
};

/*
 * Set while dlsym() runs: it may allocate, and so call a hook.  volatile: gcc
 * assumes that dlsym() calls nothing here, and would remove the store.
 */
static _Thread_local volatile bool resolving;

void real_resolve(void)
{
	void *found;

	if (resolving)
		return;
	resolving = true;
	/* memcpy: ISO C cannot cast object pointers to functions. */
#define X(name)                          \
	found = dlsym(RTLD_NEXT, #name); \
	if (found)                       \
		memcpy(&real.name, &found, sizeof(real.name));
	INTERPOSED(X)
#undef X
	/* The application's dlerror() must not report failures from here. */
	(void)dlerror(); // NOLINT(concurrency-mt-unsafe): it is per thread
	resolving = false;
}
