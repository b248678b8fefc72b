/* SPDX-License-Identifier: MIT */
/* System calls without libc, while libc's syscall() is not known yet. */
#ifndef REPLYFROM_RAW_H
#define REPLYFROM_RAW_H

#define RAW_ARGUMENTS 6

/* For a function that reads six arguments where fewer may have been passed. */
#define READS_ALL_ARGUMENTS __attribute__((no_sanitize("address")))

/*
 * Returns what syscall(2) returns.  Fails with ENOSYS on architectures that
 * raw.c does not know.
 */
long raw_call(long number, const long arguments[RAW_ARGUMENTS]);

#endif
