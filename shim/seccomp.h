/* SPDX-License-Identifier: MIT */
/* Reads what a seccomp filter will do.  seccomp(2). */
#ifndef REPLYFROM_SECCOMP_H
#define REPLYFROM_SECCOMP_H

#include <stdbool.h>
#include <stdint.h>

struct sock_fprog;

/*
 * Whether the filter may kill, or trap, for the call of this number made by a
 * program like this one.  Whatever it decides by the call's arguments it may
 * do. True as well for a filter that the kernel will refuse.
 */
bool seccomp_kills(const struct sock_fprog *filter, uint32_t number);

/* Whether it may for a call that we make in place of the application's. */
bool seccomp_kills_us(const struct sock_fprog *filter);

/*
 * Whether it is a filter that makes recvmsg(2), or sendmsg(2), fail with this,
 * whatever it is asked.  Filters may be inherited, and then not be read.  Keeps
 * errno.
 */
bool seccomp_refuses_recvmsg(int error);
bool seccomp_refuses_sendmsg(int error);

#endif
