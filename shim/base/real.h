/* SPDX-License-Identifier: MIT */
/* The interposed names, and libc's own version of each. */
#ifndef REPLYFROM_REAL_H
#define REPLYFROM_REAL_H

#include "base/attribute.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* As many as any system call has. */
#define CALL_ARGUMENTS 6

/* For a function that reads all of them where fewer may have been passed. */
#define READS_ALL_ARGUMENTS __attribute__((no_sanitize("address")))

/* The type of recvmmsg's and sendmmsg's flags, which differs on musl. */
#ifdef __GLIBC__
typedef int batch_flags;
#else
typedef unsigned int batch_flags;
#endif

/* Not declared in headers: fortified names, and names newer than the libc. */
ssize_t __recvfrom_chk(int fd, void *buf, size_t len, size_t buf_bytes,
		       int flags, struct sockaddr *from, socklen_t *fromlen);
ssize_t __recv_chk(int fd, void *buf, size_t len, size_t buf_bytes, int flags);
ssize_t __read_chk(int fd, void *buf, size_t len, size_t buf_bytes);
int fcntl64(int fd, int command, ...);
int close_range(unsigned int first, unsigned int last, int flags);
void closefrom(int first);

/*
 * Called by 32-bit programs with 64-bit time, except names that are aliases of
 * the same function.
 */
#if defined(__GLIBC__) && __TIMESIZE == 32
#define HAS_TIME64_NAMES 1
ssize_t __recvmsg64(int fd, struct msghdr *msg, int flags);
int __recvmmsg64(int fd, struct mmsghdr *msgs, unsigned int n, int flags,
		 struct timespec *timeout);
#define INTERPOSED_TIME64(X) \
	X(__recvmsg64)       \
	X(__recvmmsg64)
#else
#define HAS_TIME64_NAMES 0
#define INTERPOSED_TIME64(X)
#endif

/*
 * musl on architectures that had 32-bit time: its headers, and its dlsym(), map
 * recvmmsg to __recvmmsg_time64.  Old programs call the symbol recvmmsg, or
 * SYS_recvmmsg, with a 32-bit timeout.
 */
#if !defined(__GLIBC__) && defined(_REDIR_TIME64)
#define HAS_TIME32_NAME _REDIR_TIME64
#else
#define HAS_TIME32_NAME 0
#endif
#if HAS_TIME32_NAME
int recvmmsg_time32(int fd, struct mmsghdr *msgs, unsigned int n,
		    batch_flags flags, const int *timeout) __asm__("recvmmsg");
#endif

#define INTERPOSED(X)     \
	X(socket)         \
	X(socketpair)     \
	X(bind)           \
	X(connect)        \
	X(accept)         \
	X(accept4)        \
	X(recvfrom)       \
	X(recvmsg)        \
	X(recvmmsg)       \
	X(recv)           \
	X(read)           \
	X(readv)          \
	X(__recvfrom_chk) \
	X(__recv_chk)     \
	X(__read_chk)     \
	X(sendto)         \
	X(sendmsg)        \
	X(sendmmsg)       \
	X(send)           \
	X(write)          \
	X(writev)         \
	X(setsockopt)     \
	X(getsockopt)     \
	X(close)          \
	X(dup)            \
	X(dup2)           \
	X(dup3)           \
	X(fcntl)          \
	X(fcntl64)        \
	X(close_range)    \
	X(closefrom)      \
	X(prctl)          \
	X(syscall)        \
	INTERPOSED_TIME64(X)

struct real_libc {
#define X(name) __typeof__(&name) name;
	INTERPOSED(X)
#undef X
};

/*
 * An entry is never NULL.  At first it calls real_resolve() and then libc's
 * function.  It makes the system call itself while dlsym() runs (which may
 * allocate, and the allocator may call a hook), and if this libc has no such
 * function.
 */
extern HIDDEN struct real_libc real;

/* Fills `real` from the libraries behind this one.  dlsym(3) RTLD_NEXT. */
void real_resolve(void);

#endif
