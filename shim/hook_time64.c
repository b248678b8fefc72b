/* SPDX-License-Identifier: MIT */
/*
 * The names by which 32-bit programs with 64-bit time call the hooks.  Since
 * Linux 5.1 the kernel itself has the options that differ, such as
 * SO_RCVTIMEO_NEW; what older ones lack, glibc's own functions made up for.
 */
#include "real.h"

#include <stdarg.h>
#include <stdint.h>
#include <time.h>

#if defined(__GLIBC__) && defined(__TIMESIZE) && __TIMESIZE == 32

/* What such a program has as struct timespec.  glibc's struct_timespec.h */
struct timespec64 {
	int64_t tv_sec;
#if __BYTE_ORDER == __BIG_ENDIAN
	int32_t padding;
#endif
	int32_t tv_nsec;
#if __BYTE_ORDER == __LITTLE_ENDIAN
	int32_t padding;
#endif
};

ssize_t __recvmsg64(int fd, struct msghdr *msg, int flags);
int __recvmmsg64(int fd, struct mmsghdr *msgs, unsigned int n, int flags,
		 struct timespec64 *timeout);
ssize_t __sendmsg64(int fd, const struct msghdr *msg, int flags);
int __sendmmsg64(int fd, struct mmsghdr *msgs, unsigned int n, int flags);
int __setsockopt64(int fd, int level, int name, const void *value,
		   socklen_t len);
int __getsockopt64(int fd, int level, int name, void *value, socklen_t *len);
int __fcntl_time64(int fd, int command, ...);

EXPORTED ssize_t __recvmsg64(int fd, struct msghdr *msg, int flags)
{
	return recvmsg(fd, msg, flags);
}

EXPORTED int __recvmmsg64(int fd, struct mmsghdr *msgs, unsigned int n,
			  int flags, struct timespec64 *timeout)
{
	struct timespec left = { 0 };
	int received;

	if (!timeout)
		return recvmmsg(fd, msgs, n, flags, NULL);
	/* A time that does not fit is not lived to see. */
	left.tv_sec = timeout->tv_sec > INT32_MAX ? INT32_MAX
						  : (time_t)timeout->tv_sec;
	left.tv_nsec = timeout->tv_nsec;
	received = recvmmsg(fd, msgs, n, flags, &left);
	if (received >= 0) {
		timeout->tv_sec = left.tv_sec;
		timeout->tv_nsec = left.tv_nsec;
	}
	return received;
}

EXPORTED ssize_t __sendmsg64(int fd, const struct msghdr *msg, int flags)
{
	return sendmsg(fd, msg, flags);
}

EXPORTED int __sendmmsg64(int fd, struct mmsghdr *msgs, unsigned int n,
			  int flags)
{
	return sendmmsg(fd, msgs, n, flags);
}

EXPORTED int __setsockopt64(int fd, int level, int name, const void *value,
			    socklen_t len)
{
	return setsockopt(fd, level, name, value, len);
}

EXPORTED int __getsockopt64(int fd, int level, int name, void *value,
			    socklen_t *len)
{
	return getsockopt(fd, level, name, value, len);
}

EXPORTED int __fcntl_time64(int fd, int command, ...)
{
	va_list list;
	void *argument;

	va_start(list, command);
	argument = va_arg(list, void *);
	va_end(list);
	return fcntl(fd, command, argument);
}

#endif
