/* SPDX-License-Identifier: MIT */
/* Runs other programs, such as systemctl(1), and reads what they print. */
#ifndef REPLYFROM_SPAWN_H
#define REPLYFROM_SPAWN_H

#include "command/guard.h"

#include <stdbool.h>

/*
 * A program may be silent for so long, and print so much.  One that is late is
 * killed.
 */
enum { SPAWN_MS = 10000, SPAWN_MOST_BYTES = 1 << 20 };

/*
 * Runs a program, which is searched for in PATH, and reads its standard output,
 * which the caller frees.  What it prints on standard error is not shown where
 * it `is_quiet`.  False, and errno: it failed (ENOENT), is late, or prints too
 * much; there is nothing to free.
 */
bool spawn_read(char *const *arguments, bool is_quiet,
		struct guard_output *output);

/*
 * Runs a program for that long at most; its standard error is not shown.
 * False, and errno: it failed (ENOENT), or is late (ETIME).
 */
bool spawn(char *const *arguments, int most_ms);

#endif
