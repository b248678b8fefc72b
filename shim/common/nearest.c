/* SPDX-License-Identifier: MIT */
/* Finds the name that a misspelt word was meant for. */
#include "common/nearest.h"

#include <string.h>

size_t nearest_distance(const char *a, const char *b)
{
	enum { MOST = 32 };
	size_t row[MOST + 1], length = strnlen(b, MOST);

	for (size_t j = 0; j <= length; j++)
		row[j] = j;
	for (size_t i = 1; *a && i <= MOST; i++, a++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= length; j++) {
			size_t best = diagonal + (*a != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[length];
}

const char *nearest_name(const char *word, const char *const *names,
			 size_t stride)
{
	const char *nearest = NULL;
	size_t least = 3;

	for (; *names; names = (const void *)((const char *)names + stride)) {
		const size_t n = nearest_distance(word, *names);

		if (n < least && n < strlen(*names)) {
			least = n;
			nearest = *names;
		}
	}
	return nearest;
}
