/* SPDX-License-Identifier: MIT */
/* Formats text where a signal handler must not call snprintf or inet_ntop. */
#include "base/line.h"

#include "common/name.h"

#include <stdbool.h>
#include <string.h>

#define GROUPS 8 /* of an IPv6 address */

void line_add_at_most(struct line *line, const char *text, size_t most)
{
	const size_t room = sizeof(line->text) - 1 - line->length;
	const size_t bytes = strnlen(text, most < room ? most : room);

	memcpy(line->text + line->length, text, bytes);
	line->length += bytes;
}

void line_add(struct line *line, const char *text)
{
	line_add_at_most(line, text, sizeof(line->text));
}

/* `base` is 16 at most. */
static void add_digits(struct line *line, unsigned long number, unsigned base)
{
	char text[24];
	char *at = text + sizeof(text);

	*--at = '\0';
	do {
		*--at = "0123456789abcdef"[number % base];
		number /= base;
	} while (number);
	line_add(line, at);
}

void line_add_number(struct line *line, unsigned long number)
{
	add_digits(line, number, 10);
}

static void add_v4(struct line *line, const uint8_t *bytes)
{
	for (int i = 0; i < 4; i++) {
		line_add_number(line, bytes[i]);
		if (i < 3)
			line_add(line, ".");
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

static void add_v6(struct line *line, const struct in6_addr *address)
{
	const int most = IN6_IS_ADDR_V4MAPPED(address) ? GROUPS - 2 : GROUPS;
	int longest = 0;
	bool is_due = false; /* a colon before the next group */

	for (int n = 1; n < most; n++)
		if (zeroes(address, n) > zeroes(address, longest))
			longest = n;
	for (int n = 0; n < most; n++) {
		if (n == longest && zeroes(address, n) > 1) {
			line_add(line, "::");
			n += zeroes(address, n) - 1;
			is_due = false;
			continue;
		}
		if (is_due)
			line_add(line, ":");
		add_digits(line, group(address, n), 16);
		is_due = true;
	}
	if (most == GROUPS)
		return;
	line_add(line, ":");
	add_v4(line, &address->s6_addr[12]);
}

void line_add_name(struct line *line, const struct sockaddr_in6 *name)
{
	struct sockaddr_in v4;

	if (name->sin6_family == AF_INET) {
		memcpy(&v4, name, sizeof(v4));
		add_v4(line, (const uint8_t *)&v4.sin_addr);
	} else {
		line_add(line, "[");
		add_v6(line, &name->sin6_addr);
		line_add(line, "]");
	}
	line_add(line, ":");
	line_add_number(line, name_port(name));
}

void line_end(struct line *line)
{
	for (size_t i = 0; i < line->length; i++)
		if (line->text[i] == '\n' || line->text[i] == '\r')
			line->text[i] = ' ';
	line->text[line->length++] = '\n';
}
