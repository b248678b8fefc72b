/* SPDX-License-Identifier: MIT */
/*
 * The puppet's calls by their numbers, and as the headers name them: a 32-bit
 * program with 64-bit time gets other names there.
 */
#include "puppet.h"

#include <linux/net.h>
#include <sys/syscall.h>
#include <unistd.h>

ssize_t by_number_recvfrom(int fd, void *buf, size_t bytes, int flags,
			   struct sockaddr *from, socklen_t *fromlen)
{
	return syscall(SYS_recvfrom, fd, buf, bytes, flags, from, fromlen);
}

#ifdef SYS_socketcall
/* As i386 called the kernel before 4.3. */
ssize_t by_socketcall_recvfrom(int fd, void *buf, size_t bytes, int flags,
			       struct sockaddr *from, socklen_t *fromlen)
{
	unsigned long words[] = { (unsigned long)fd,
				  (unsigned long)buf,
				  bytes,
				  (unsigned long)flags,
				  (unsigned long)from,
				  (unsigned long)fromlen };

	return syscall(SYS_socketcall, SYS_RECVFROM, words);
}
#endif

ssize_t by_number_recvmsg(int fd, struct msghdr *msg, int flags)
{
	return syscall(SYS_recvmsg, fd, msg, flags);
}

int by_number_recvmmsg(int fd, struct mmsghdr *msgs, unsigned int n, int flags,
		       struct timespec *timeout)
{
	return (int)syscall(SYS_recvmmsg, fd, msgs, n, flags, timeout);
}

int by_time64_number_recvmmsg(int fd, struct mmsghdr *msgs, unsigned int n,
			      int flags, struct timespec *timeout)
{
#ifdef SYS_recvmmsg_time64
	return (int)syscall(SYS_recvmmsg_time64, fd, msgs, n, flags, timeout);
#else
	return (int)syscall(SYS_recvmmsg, fd, msgs, n, flags, timeout);
#endif
}

ssize_t by_number_read(int fd, void *buf, size_t bytes)
{
	return syscall(SYS_read, fd, buf, bytes);
}

ssize_t by_number_sendto(int fd, const void *buf, size_t bytes, int flags,
			 const struct sockaddr *to, socklen_t tolen)
{
	return syscall(SYS_sendto, fd, buf, bytes, flags, to, tolen);
}

ssize_t by_number_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	return syscall(SYS_sendmsg, fd, msg, flags);
}

int by_number_sendmmsg(int fd, struct mmsghdr *msgs, unsigned int n, int flags)
{
	return (int)syscall(SYS_sendmmsg, fd, msgs, n, flags);
}

ssize_t by_header_recvmsg(int fd, struct msghdr *msg, int flags)
{
	return recvmsg(fd, msg, flags);
}

int by_header_recvmmsg(int fd, struct mmsghdr *msgs, unsigned int n, int flags,
		       struct timespec *timeout)
{
	return recvmmsg(fd, msgs, n, flags, timeout);
}

ssize_t by_header_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	return sendmsg(fd, msg, flags);
}

int by_header_sendmmsg(int fd, struct mmsghdr *msgs, unsigned int n, int flags)
{
	return sendmmsg(fd, msgs, n, flags);
}
