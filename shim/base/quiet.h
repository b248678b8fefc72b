/* SPDX-License-Identifier: MIT */
/* Writes one line in a way that the application cannot notice. */
#ifndef REPLYFROM_QUIET_H
#define REPLYFROM_QUIET_H

#include "base/text_buffer.h"
#include "common/variable.h"

#include <stdbool.h>

/*
 * Ends the line and writes it there; to stderr only if quiet_has_stderr().
 * Returns false, and the line is lost, if it cannot be written at once.
 * Changes errno; is async-signal-safe and no cancellation point; raises no
 * signal and leaves no fd open.
 */
bool quiet_write(struct text_buffer *line, enum log_place to);

/*
 * Notes that fd 2 was closed (false), or was made a duplicate of another fd
 * (true).  Until then the file that fd 2 is at the first quiet_has_stderr()
 * counts as stderr.  Changes errno.
 */
void quiet_stderr_is(bool there);

/*
 * Whether fd 2 is still the file that counts as stderr: fclose(3) passes no
 * hook, and another file may be opened as fd 2.  A socket never counts, because
 * under inetd(8) it leads to a client; except a connected one of AF_UNIX, such
 * as the journal's.  Changes errno.
 */
bool quiet_has_stderr(void);

#endif
