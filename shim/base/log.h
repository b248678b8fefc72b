/* SPDX-License-Identifier: MIT */
/* Logs events, one line each, as REPLYFROM_LOG says. */
#ifndef REPLYFROM_LOG_H
#define REPLYFROM_LOG_H

#include <stdbool.h>

/* Values of REPLYFROM_LOG; each includes those before it. */
enum log_level { LOG_OFF, LOG_ERROR, LOG_INFO, LOG_DEBUG };

/*
 * Logs what was, or was not, done with the UDP socket fd, or with all (-1), if
 * REPLYFROM_LOG includes the level, to REPLYFROM_LOG_TO.  The rate is limited.
 * Keeps errno; otherwise as quiet_write() in quiet.h.
 */
void log_event(enum log_level level, int fd, const char *what);

/* See quiet_stderr_is() in quiet.h.  Keeps errno. */
void log_stderr_is(bool there);

#endif
