/* SPDX-License-Identifier: MIT */
/* Writes one line in a way that the application cannot notice. */
#ifndef REPLYFROM_QUIET_H
#define REPLYFROM_QUIET_H

#include "base/line.h"
#include "common/variable.h"

#include <stdbool.h>

/*
 * Ends the line and writes it there; to stderr only where quiet_has_stderr().
 * What cannot be written at once is lost: then it returns false.  Changes
 * errno, is async-signal-safe and no cancellation point, raises no signal and
 * leaves no fd open.
 */
bool quiet_write(struct line *line, enum log_place to);

/*
 * fd 2 was closed, or is a duplicate from now on.  Without this it is what it
 * was when quiet_has_stderr() was called for the first time.  Changes errno.
 */
void quiet_stderr_is(bool there);

/*
 * Whether fd 2 is still the file that was meant: fclose(3) and the like pass no
 * hook, and what is opened next as 2 is no stderr.  Nor is a socket, for under
 * inetd(8) a client is behind it; but for those of AF_UNIX with a connection,
 * such as the journal's.  Changes errno.
 */
bool quiet_has_stderr(void);

#endif
