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

/* More than this makes it another word. */
enum { NEAREST_MOST = 2 };

#endif
