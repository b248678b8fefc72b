/* SPDX-License-Identifier: MIT */
/* What `replyfrom ask` sends, and what counts as an answer to it. */
#ifndef REPLYFROM_QUESTION_H
#define REPLYFROM_QUESTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { QUESTION_MOST_BYTES = 512 };

struct question {
	size_t bytes;
	uint8_t data[QUESTION_MOST_BYTES];
	bool (*answered)(const struct question *question, const uint8_t *answer,
			 size_t bytes);
};

/*
 * Makes one with a transaction id of its own.  `payload` is one of
 * question_names, or hex digits in pairs; NULL: what is usual on this port.
 * False: it is none.
 */
bool question_make(struct question *question, const char *payload,
		   unsigned int port);

extern const char question_names[];

#endif
