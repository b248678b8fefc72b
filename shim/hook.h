/* SPDX-License-Identifier: MIT */
/* What the hooks that receive and those that send have in common. */
#ifndef REPLYFROM_HOOK_H
#define REPLYFROM_HOOK_H

#include <limits.h>
#include <stddef.h>
#include <sys/uio.h>

/* A buffer, of which the kernel takes no more than this.  read(2). */
static inline struct iovec hook_buffer(const void *buf, size_t len)
{
	const size_t most = (size_t)INT_MAX & ~(size_t)4095;

	return (struct iovec){
		.iov_base = (void *)buf,
		.iov_len = len < most ? len : most,
	};
}

#endif
