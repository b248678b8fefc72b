/* SPDX-License-Identifier: MIT */
/* A system call without libc, for when libc's own cannot be found yet. */
#ifndef REPLYFROM_RAW_H
#define REPLYFROM_RAW_H

#define RAW_ARGUMENTS 6

/* Of who reads as many from the caller, who may have given fewer. */
#define READS_ALL_ARGUMENTS __attribute__((no_sanitize("address")))

/*
 * Answers as syscall(2).  Fails with ENOSYS on a machine whose way into the
 * kernel nobody has told us.
 */
long raw_call(long number, const long arguments[RAW_ARGUMENTS]);

#endif
