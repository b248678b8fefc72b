/* SPDX-License-Identifier: MIT */
/* Writes the drop-in by which systemd preloads the library into a service. */
#ifndef REPLYFROM_DROP_IN_H
#define REPLYFROM_DROP_IN_H

#include "command/unit.h"

#include <stdbool.h>
#include <stdio.h>

/*
 * Writes it to `out`, with what the unit's hardening needs beside the variable;
 * `program` is the file that it starts, or NULL where that is not known.  What
 * an operator has to see or do is in its comments and on stderr as well. False,
 * and errno: no memory.
 */
bool drop_in_write(FILE *out, const struct unit *unit, const char *program);

/*
 * Writes the one that has the engine in the kernel serve the unit whenever it
 * starts.  False, and errno: it cannot.
 */
bool drop_in_write_attach(FILE *out, const struct unit *unit);

/* Where it is installed, and that directory; both have PATH_MAX bytes. */
void drop_in_paths(const struct unit *unit, char *directory, char *path);

/*
 * The drop-in at this path, which the caller frees; "" where none is.  NULL,
 * and errno: it cannot be read.
 */
char *drop_in_read(const char *path);

/* Whether it has lines of a kind that replyfrom does not write. */
bool drop_in_is_edited(const char *text);

/* Whether this drop-in has the engine in the kernel serve the unit. */
bool drop_in_attaches(const char *text);

#endif
