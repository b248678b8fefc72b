/* SPDX-License-Identifier: MIT */
/* Writes one line in a way that the application cannot notice. */
#ifndef REPLYFROM_QUIET_H
#define REPLYFROM_QUIET_H

#include "base/line.h"

#include <stdbool.h>

#define QUIET_SYSLOG "syslog"

/*
 * Ends the line and writes it to `to`: a path, QUIET_SYSLOG, or NULL for
 * stderr.  A line that cannot be written at once is lost.  Changes errno;
 * async-signal-safe; not a cancellation point; raises no signal and leaves no
 * fd open.
 */
void quiet_write(struct line *line, const char *to);

/* false: do not write to fd 2 any more.  See log_stderr_is() in log.h. */
void quiet_stderr_is(bool there);

#endif
