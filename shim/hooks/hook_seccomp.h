/* SPDX-License-Identifier: MIT */
/* A seccomp filter is installed. */
#ifndef REPLYFROM_HOOK_SECCOMP_H
#define REPLYFROM_HOOK_SECCOMP_H

#include <sys/syscall.h>

/* The mmap(2) that libc calls: where there are two, the second one. */
#ifdef SYS_mmap2
#define HOOK_SYS_MMAP SYS_mmap2
#else
#define HOOK_SYS_MMAP SYS_mmap
#endif

/* seccomp(2), for which libc has no function.  Returns what syscall(2) does. */
long hook_seccomp(unsigned int operation, unsigned int flags, void *argument);

#endif
