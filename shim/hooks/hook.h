/* SPDX-License-Identifier: MIT */
/* Helpers for the hooks. */
#ifndef REPLYFROM_HOOK_H
#define REPLYFROM_HOOK_H

#include "base/real.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

/* A buffer, cut to the most that the kernel transfers.  read(2). */
static inline struct iovec hook_buffer(const void *buf, size_t len)
{
	const size_t most = (size_t)INT_MAX & ~(size_t)4095;

	return (struct iovec){
		.iov_base = (void *)buf,
		.iov_len = len < most ? len : most,
	};
}

/*
 * Whether read(2), readv(2) and writev(2) do with these buffers what recvmsg(2)
 * and sendmsg(2) do: not with more than IOV_MAX, or without room for any bytes.
 */
static inline bool hook_may_transfer(const struct iovec *iov, int count)
{
	size_t bytes = 0;

	if (count > IOV_MAX)
		return false;
	for (int i = 0; iov && i < count && !bytes; i++)
		bytes = iov[i].iov_len;
	return bytes != 0;
}

/* To be called before fd is closed. */
void hook_closing(int fd);

/*
 * Notes that fd, from socketpair(2) or accept(2), is never tracked, and returns
 * it.  This saves a probe later, which a sandbox might not allow.
 */
int hook_not_ours(int fd);

/* seccomp(2), for which libc has no function.  Returns what syscall(2) does. */
long hook_seccomp(unsigned int operation, unsigned int flags, void *argument);

#endif
