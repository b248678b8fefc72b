/* SPDX-License-Identifier: MIT */
/* Finds the processes that a word on the command line means. */
#ifndef REPLYFROM_TARGET_H
#define REPLYFROM_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { TARGET_USERS = 8 };

struct target {
	pid_t *pids; /* the caller frees them */
	size_t count;
	uid_t late[TARGET_USERS]; /* users who come last */
	size_t late_count;
};

/* Whether the word is a number, and so a PID, if it is any. */
bool target_is_number(const char *word);

/*
 * A PID; or a systemd unit, with or without ".service"; or the name of a
 * process or of its program.  count is 0 where there is none.
 */
struct target target_find(const char *word);

/*
 * Those that run the program of this absolute path, which has no symbolic
 * links, or one that was there before it.
 */
struct target target_find_program(const char *path);

/* All processes but this one. */
struct target target_all(void);

/*
 * Moves processes of the same user as the one at `nth`, which is late, behind
 * all others that come after it: a user may have many that never answer.
 */
void target_postpone(struct target *target, size_t nth);

#endif
