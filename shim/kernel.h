/* SPDX-License-Identifier: MIT */
/* A system call without libc, for when libc's own cannot be found yet. */
#ifndef REPLYFROM_KERNEL_H
#define REPLYFROM_KERNEL_H

#include <sys/syscall.h>

#define KERNEL_ARGUMENTS 6

/* Of two, the one that libc calls. */
#ifdef SYS_fcntl64
#define FCNTL SYS_fcntl64
#else
#define FCNTL SYS_fcntl
#endif

/*
 * Answers as syscall(2).  Fails with ENOSYS on a machine whose way into the
 * kernel nobody has told us.
 */
long kernel_call(long number, const long arguments[KERNEL_ARGUMENTS]);

#endif
