/* SPDX-License-Identifier: MIT */
/* One line for what a person should know. */
#ifndef REPLYFROM_LOG_H
#define REPLYFROM_LOG_H

#include <stdbool.h>

/* REPLYFROM_LOG: these and what comes before them. */
enum log_level { LOG_OFF, LOG_ERROR, LOG_INFO, LOG_DEBUG };

/*
 * What was, or was not, done with fd, a UDP socket, or with all (-1), when that
 * is wanted: to REPLYFROM_LOG_TO, and not too often.  Keeps errno, is
 * async-signal-safe and no cancellation point, raises no signal and leaves no
 * fd open.
 */
void log_event(enum log_level level, int fd, const char *what);

/* See quiet_stderr_is().  Keeps errno. */
void log_stderr_is(bool there);

/* Whether nothing is told: a filter kills for a call that it takes. */
void log_no_more(bool yes);

#endif
