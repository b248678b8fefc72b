/* SPDX-License-Identifier: MIT */
/* Lines that are put together without libc, compared with what libc says. */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "base/text_buffer.h"

#include "unit.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define RANDOM_ADDRESSES 20000

static struct text_buffer line;

BEFORE_EACH(empty_line)
{
	memset(&line, 0, sizeof(line));
}

static void assert_line(const char *text)
{
	assert_int_equal(line.length, strlen(text));
	assert_memory_equal(line.text, text, line.length);
	empty_line();
}

TEST(numbers_are_decimal)
{
	const unsigned long numbers[] = { 0, 1, 9, 10, 65535, ~0UL };
	char text[32];

	for (size_t i = 0; i < COUNT(numbers); i++) {
		(void)snprintf(text, sizeof(text), "%lu", numbers[i]);

		text_buffer_add_number(&line, numbers[i]);

		assert_line(text);
	}
}

TEST(an_ipv4_name_has_its_port_behind_a_colon)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET,
				  .sin_port = htons(53) };
	struct sockaddr_in6 name = { 0 };

	(void)inet_pton(AF_INET, "10.1.200.3", &v4.sin_addr);
	memcpy(&name, &v4, sizeof(v4));

	text_buffer_add_sockaddr(&line, &name);

	assert_line("10.1.200.3:53");
}

static void assert_v6(const struct in6_addr *address)
{
	const struct sockaddr_in6 name = { .sin6_family = AF_INET6,
					   .sin6_addr = *address,
					   .sin6_port = htons(65535) };
	char text[INET6_ADDRSTRLEN], whole[INET6_ADDRSTRLEN + 16];

	assert_non_null(inet_ntop(AF_INET6, address, text, sizeof(text)));
	(void)snprintf(whole, sizeof(whole), "[%s]:65535", text);

	text_buffer_add_sockaddr(&line, &name);

	assert_line(whole);
}

TEST(an_ipv6_name_is_as_inet_ntop_has_it)
{
	const char *const texts[] = {
		"::1:2",
		"::1",
		"1::",
		"1::8",
		"1:0:3:0:5:0:7:8",
		"1:0:0:4:0:0:0:8",
		"1:0:0:4:5:0:0:8",
		"::ffff:10.1.2.3",
		"fe80::2",
		"1:2:3:4:5:6:7:8",
		"0:2:3:4:5:6:7:0",
		"::3:4:5:6:7:8",
		"1:2:3:4:5:6::",
	};
	struct in6_addr address;

	address = in6addr_any;
	assert_v6(&address);
	for (size_t i = 0; i < COUNT(texts); i++) {
		assert_int_equal(inet_pton(AF_INET6, texts[i], &address), 1);
		/* "::1:2" is an IPv4 address to inet_ntop(3), and not here. */
		if (i)
			assert_v6(&address);
	}
}

/* The upper half of a linear congruence of D. Knuth's. */
static uint32_t draw(void)
{
	static uint64_t state = 1;

	state = state * 6364136223846793005U + 1442695040888963407U;
	return (uint32_t)(state >> 32);
}

/* With many zeroes. */
TEST(so_is_any_other)
{
	for (int i = 0; i < RANDOM_ADDRESSES; i++) {
		struct in6_addr address = in6addr_any;

		for (size_t n = 0; n < sizeof(address); n++)
			if (draw() % 3 == 0)
				address.s6_addr[n] = (uint8_t)draw();
		address.s6_addr[0] |= 1;
		assert_v6(&address);
	}
}

TEST(what_is_too_much_is_cut)
{
	for (int i = 0; i < 1000; i++)
		text_buffer_add(&line, "abc");
	text_buffer_end(&line);

	assert_int_equal(line.length, sizeof(line.text));
	assert_int_equal(line.text[line.length - 1], '\n');
}

TEST(a_text_is_cut_where_it_shall_be)
{
	text_buffer_add_at_most(&line, "abcdef", 3);
	text_buffer_add_at_most(&line, "gh", 3);

	assert_line("abcgh");
}

TEST(a_line_has_no_control_characters_but_for_the_newline_at_its_end)
{
	text_buffer_add(&line, "a\nb\033[31mc\177\302\233\303\204\302\240\t~");

	text_buffer_end(&line);

	assert_line("a?b?[31mc?\302?\303\204\302\240\t~\n");
}
// NOLINTEND(concurrency-mt-unsafe)
