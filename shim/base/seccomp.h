/* SPDX-License-Identifier: MIT */
/* Predicts what a seccomp filter will do.  seccomp(2). */
#ifndef REPLYFROM_SECCOMP_H
#define REPLYFROM_SECCOMP_H

#include <stdbool.h>
#include <stdint.h>

struct sock_fprog;

/*
 * Whether the filter may kill or trap for the system call with this number on
 * this architecture.  If it decides by the call's arguments, any outcome counts
 * as possible.  Also true for a filter that the kernel will refuse.
 */
bool seccomp_kills(const struct sock_fprog *filter, uint32_t number);

/*
 * Whether a filter, which may be inherited and cannot be read then, is why
 * recvmsg(2) or sendmsg(2) failed with `error`.  Keeps errno.
 */
bool seccomp_refuses_recvmsg(int error);
bool seccomp_refuses_sendmsg(int error);

#endif
