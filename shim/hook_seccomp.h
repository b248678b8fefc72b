/* SPDX-License-Identifier: MIT */
/* A seccomp filter is installed. */
#ifndef REPLYFROM_HOOK_SECCOMP_H
#define REPLYFROM_HOOK_SECCOMP_H

/* seccomp(2), for which libc has no name, as syscall(2) answers. */
long hook_seccomp(unsigned int operation, unsigned int flags, void *argument);

#endif
