/* SPDX-License-Identifier: MIT */
/* A system call without libc, for when libc's own cannot be found yet. */
#ifndef REPLYFROM_RAW_H
#define REPLYFROM_RAW_H

#include <sys/syscall.h>

#define RAW_ARGUMENTS 6

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
long raw_call(long number, const long arguments[RAW_ARGUMENTS]);

#endif
