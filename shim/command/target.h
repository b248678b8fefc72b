/* SPDX-License-Identifier: MIT */
/* Finds the processes that a word on the command line means. */
#ifndef REPLYFROM_TARGET_H
#define REPLYFROM_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct target {
	pid_t *pids; /* in ascending order; the caller frees them */
	size_t count;
};

/* Whether the word is a number, and so a PID, if it is any. */
bool target_is_number(const char *word);

/*
 * A PID; or a systemd unit, with or without ".service"; or the name of a
 * process or of its program.  count is 0 where there is none.
 */
struct target target_find(const char *word);

/* All processes but this one. */
struct target target_all(void);

#endif
