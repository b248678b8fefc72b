/* SPDX-License-Identifier: MIT */
/* How far apart words are. */
#include "common/nearest.h"

#include "unit.h"

#include <string.h>

TEST(letters_are_added_removed_and_replaced)
{
	static const struct {
		const char *a, *b;
		size_t distance;
	} pairs[] = { { "check", "check", 0 }, { "chekc", "check", 2 },
		      { "chck", "check", 1 },  { "checks", "check", 1 },
		      { "chack", "check", 1 }, { "", "check", 5 },
		      { "ask", "", 3 } };

	for (size_t i = 0; i < COUNT(pairs); i++)
		assert_int_equal(nearest_distance(pairs[i].a, pairs[i].b),
				 pairs[i].distance);
}

TEST(long_words_are_compared_as_far_as_there_is_room)
{
	char a[1000], b[1000];

	memset(a, 'a', sizeof(a) - 1);
	memset(b, 'b', sizeof(b) - 1);
	a[sizeof(a) - 1] = b[sizeof(b) - 1] = '\0';

	assert_int_equal(nearest_distance(a, b), 32);
	assert_int_equal(nearest_distance(a, "a"), 31);
}
