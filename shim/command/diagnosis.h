/* SPDX-License-Identifier: MIT */
/* The lines of `replyfrom doctor`, and the exit status that they come to. */
#ifndef REPLYFROM_DIAGNOSIS_H
#define REPLYFROM_DIAGNOSIS_H

#include <stdbool.h>

enum diagnosis {
	DIAGNOSIS_OK,
	DIAGNOSIS_NOTE,	   /* to be known; nothing is wrong */
	DIAGNOSIS_UNKNOWN, /* it could not be looked at */
	DIAGNOSIS_WRONG,
};

/* As lines, or as one JSON object. */
void diagnosis_begin(bool json);

/* `about` is one word; `next` is what to do, or NULL. */
__attribute__((format(printf, 4, 5))) void
diagnosis_say(enum diagnosis what, const char *about, const char *next,
	      const char *format, ...);

/* Returns the exit status. */
int diagnosis_end(void);

/* In place of all lines: there is nothing to look at.  The exit status. */
int diagnosis_fail(const char *word, const char *why);

#endif
