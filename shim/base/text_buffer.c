/* SPDX-License-Identifier: MIT */
/* Formats text where a signal handler must not call snprintf or inet_ntop. */
#include "base/text_buffer.h"

#include "common/sockaddr.h"

#include <stdbool.h>
#include <string.h>

#define GROUPS 8 /* of an IPv6 address */

void text_buffer_add_at_most(struct text_buffer *line, const char *text,
			     size_t most)
{
	const size_t room = sizeof(line->text) - 1 - line->length;
	const size_t bytes = strnlen(text, most < room ? most : room);

	memcpy(line->text + line->length, text, bytes);
	line->length += bytes;
}

void text_buffer_add(struct text_buffer *line, const char *text)
{
	text_buffer_add_at_most(line, text, sizeof(line->text));
}

/* `base` is 16 at most. */
static void add_digits(struct text_buffer *line, unsigned long number,
		       unsigned base)
{
	char text[24];
	char *at = text + sizeof(text);

	*--at = '\0';
	do {
		*--at = "0123456789abcdef"[number % base];
		number /= base;
	} while (number);
	text_buffer_add(line, at);
}

void text_buffer_add_number(struct text_buffer *line, unsigned long number)
{
	add_digits(line, number, 10);
}

static void add_v4(struct text_buffer *line, const uint8_t *bytes)
{
	for (int i = 0; i < 4; i++) {
		text_buffer_add_number(line, bytes[i]);
		if (i < 3)
			text_buffer_add(line, ".");
	}
}

static unsigned int group(const struct in6_addr *address, int n)
{
	const uint8_t *at = &address->s6_addr[(size_t)n * 2];

	return (unsigned int)at[0] << 8 | at[1];
}

/* How many consecutive groups from the nth on are zero. */
static int zeroes(const struct in6_addr *address, int n)
{
	int count = 0;

	while (n + count < GROUPS && !group(address, n + count))
		count++;
	return count;
}

static void add_v6(struct text_buffer *line, const struct in6_addr *address)
{
	const int most = IN6_IS_ADDR_V4MAPPED(address) ? GROUPS - 2 : GROUPS;
	int longest = 0;
	bool is_due = false; /* a colon before the next group */

	for (int n = 1; n < most; n++)
		if (zeroes(address, n) > zeroes(address, longest))
			longest = n;
	for (int n = 0; n < most; n++) {
		if (n == longest && zeroes(address, n) > 1) {
			text_buffer_add(line, "::");
			n += zeroes(address, n) - 1;
			is_due = false;
			continue;
		}
		if (is_due)
			text_buffer_add(line, ":");
		add_digits(line, group(address, n), 16);
		is_due = true;
	}
	if (most == GROUPS)
		return;
	text_buffer_add(line, ":");
	add_v4(line, &address->s6_addr[12]);
}

void text_buffer_add_sockaddr(struct text_buffer *line,
			      const struct sockaddr_in6 *name)
{
	struct sockaddr_in v4;

	if (name->sin6_family == AF_INET) {
		memcpy(&v4, name, sizeof(v4));
		add_v4(line, (const uint8_t *)&v4.sin_addr);
	} else {
		text_buffer_add(line, "[");
		add_v6(line, &name->sin6_addr);
		text_buffer_add(line, "]");
	}
	text_buffer_add(line, ":");
	text_buffer_add_number(line, sockaddr_port(name));
}

/* A terminal acts on these: of ASCII, and U+0080 to U+009F in UTF-8. */
static bool is_control(const char *text, size_t i)
{
	const unsigned char c = (unsigned char)text[i];

	return (c < ' ' && c != '\t') || c == 0x7f ||
	       (c >= 0x80 && c < 0xa0 && i && text[i - 1] == '\xc2');
}

void text_buffer_end(struct text_buffer *line)
{
	for (size_t i = 0; i < line->length; i++)
		if (is_control(line->text, i))
			line->text[i] = '?';
	line->text[line->length++] = '\n';
}
