/* SPDX-License-Identifier: MIT */
/* Writes one line such that the application notices nothing. */
#ifndef REPLYFROM_QUIET_H
#define REPLYFROM_QUIET_H

#include "base/line.h"

#include <stdbool.h>

#define QUIET_SYSLOG "syslog"

/*
 * Ends the line and writes it to `to`: a path, QUIET_SYSLOG, or NULL, which is
 * stderr.  What cannot be written at once is lost.  Changes errno, is
 * async-signal-safe and no cancellation point, raises no signal and leaves no
 * fd open.
 */
void quiet_write(struct line *line, const char *to);

/* fd 2 is closed, or is a duplicate: what is opened as 2 is no stderr. */
void quiet_stderr_is(bool there);

#endif
