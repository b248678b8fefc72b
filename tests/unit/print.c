/* SPDX-License-Identifier: MIT */
/* Other people's texts, as they are printed. */
#include "command/print.h"

#include "unit.h"

#include <string.h>

static void expect(const char *text, const char *expected)
{
	char clean[256];

	assert_int_equal(print_clean(text, clean, sizeof(clean)),
			 strlen(expected));
	assert_string_equal(clean, expected);
}

TEST(printable_text_is_left_as_it_is)
{
	expect("nsd: server 1 ~\\", "nsd: server 1 ~\\");
	expect("f\xc3\xbcr \xe2\x82\xac \xf0\x9f\x98\x80",
	       "f\xc3\xbcr \xe2\x82\xac \xf0\x9f\x98\x80");
}

TEST(control_characters_are_shown_as_numbers)
{
	expect("a\x1b[31m\n\x7f", "a\\x1b[31m\\x0a\\x7f");
	expect("\xc2\x9b", "\\xc2\\x9b"); /* CSI, of C1 */
	expect("\x9b", "\\x9b");
}

TEST(what_is_no_utf8_is_shown_as_numbers)
{
	expect("\xc0\xaf", "\\xc0\\xaf");	   /* overlong */
	expect("\xe0\x80\xaf", "\\xe0\\x80\\xaf"); /* overlong */
	expect("\xed\xa0\x80", "\\xed\\xa0\\x80"); /* a surrogate */
	expect("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
	expect("\xe2\x82", "\\xe2\\x82"); /* cut */
}

TEST(what_changes_its_neighbours_is_shown_as_numbers)
{
	/* NOLINTNEXTLINE(misc-misleading-bidirectional): on purpose */
	expect("\xe2\x80\xae", "\\xe2\\x80\\xae"); /* right to left */
	expect("\xe2\x80\x8b", "\\xe2\\x80\\x8b"); /* no width */
	expect("\xef\xbb\xbf", "\\xef\\xbb\\xbf");
	expect("\xf3\xa0\x80\x81", "\\xf3\\xa0\\x80\\x81"); /* a tag */
}

TEST(what_has_no_room_is_left_out_whole)
{
	char clean[6];

	assert_int_equal(print_clean("ab\x1b", clean, sizeof(clean)), 2);
	assert_string_equal(clean, "ab");
	assert_int_equal(print_clean("abcd\xc3\xbc", clean, sizeof(clean)), 4);
}
