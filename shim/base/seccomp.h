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
 * A filter may be new to us: errno is known from before the recvmsg(2) that it
 * refuses.  That ends with the first that succeeds, unless it is for good: a
 * filter may be that of one thread only.
 */
void seccomp_watch(bool for_good);

/*
 * Whether it is a filter that makes recvmsg(2), or sendmsg(2), fail with this,
 * whatever it is asked.  Filters may be inherited, and then not be read.  Keeps
 * errno; when it is one, and for recvmsg(2), errno is as before that call.
 */
bool seccomp_refuses_recvmsg(int error);
bool seccomp_refuses_sendmsg(int error);

#endif
