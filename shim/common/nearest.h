/* SPDX-License-Identifier: MIT */
/* Which name a misspelt one was meant for. */
#ifndef REPLYFROM_NEAREST_H
#define REPLYFROM_NEAREST_H

#include <stddef.h>

/*
 * How many letters have to be added, removed or replaced, of words of up to 32.
 * Levenshtein's distance.
 */
size_t nearest_distance(const char *a, const char *b);

/*
 * The name that `word` was meant for, or NULL: the nearest, up to two letters
 * apart and not all of them.  `names` is the first; each has another one so
 * many bytes behind it, and the last is NULL.
 */
const char *nearest_name(const char *word, const char *const *names,
			 size_t stride);

#endif
