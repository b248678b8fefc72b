/* SPDX-License-Identifier: MIT */
/* One line to stderr for what a person should know. */
#ifndef REPLYFROM_LOG_H
#define REPLYFROM_LOG_H

#include <stdint.h>

/* REPLYFROM_LOG: these and what comes before them. */
enum log_level { LOG_OFF, LOG_ERROR, LOG_INFO };

/* An unusable variable: its name, its value, and the range of what is. */
void log_bad_value(const char *name, const char *value, uint32_t least,
		   uint32_t most);

/* The same, for one that has words, NULL at their end. */
void log_bad_word(const char *name, const char *value,
		  const char *const *words);

/*
 * What was, or was not, done with fd, or with all (-1), when that is wanted.
 * Keeps errno, and is async-signal-safe.
 */
void log_event(enum log_level level, int fd, const char *what);

#endif
