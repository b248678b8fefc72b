/* SPDX-License-Identifier: MIT */
/* Formats text where a signal handler must not call snprintf or gmtime. */
#include "base/line.h"

#include "common/name.h"

#include <stdbool.h>
#include <string.h>

#define GROUPS 8 /* of an IPv6 address */

void line_add_at_most(struct line *line, const char *text, size_t most)
{
	const size_t room = sizeof(line->text) - 1 - line->length;
	size_t bytes = strnlen(text, most);

	if (bytes > room)
		bytes = room;
	memcpy(line->text + line->length, text, bytes);
	line->length += bytes;
}

void line_add(struct line *line, const char *text)
{
	line_add_at_most(line, text, sizeof(line->text));
}

/* At least `least` digits; the base is 16 at most. */
static void add_digits(struct line *line, unsigned long number, unsigned base,
		       int least)
{
	char text[24];
	char *at = text + sizeof(text);

	*--at = '\0';
	do {
		*--at = "0123456789abcdef"[number % base];
		number /= base;
		least--;
	} while (number || least > 0);
	line_add(line, at);
}

void line_add_number(struct line *line, unsigned long number)
{
	add_digits(line, number, 10, 1);
}

static void add_part(struct line *line, uint32_t number, const char *behind)
{
	add_digits(line, number, 10, 2);
	line_add(line, behind);
}

/* H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days */
void line_add_time(struct line *line, uint32_t seconds)
{
	const uint32_t day_s = 86400, hour_s = 3600, minute_s = 60;
	const uint32_t days = seconds / day_s + 719468;
	const uint32_t era = days / 146097, in_era = days % 146097;
	const uint32_t year_of_era =
		(in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) /
		365;
	const uint32_t in_year = in_era - (365 * year_of_era + year_of_era / 4 -
					   year_of_era / 100);
	const uint32_t march = (5 * in_year + 2) / 153; /* months since then */
	const uint32_t day = in_year - (153 * march + 2) / 5 + 1;
	const uint32_t month = march < 10 ? march + 3 : march - 9;

	add_part(line, year_of_era + era * 400 + (month <= 2), "-");
	add_part(line, month, "-");
	add_part(line, day, "T");
	add_part(line, seconds % day_s / hour_s, ":");
	add_part(line, seconds % hour_s / minute_s, ":");
	add_part(line, seconds % minute_s, "Z");
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
		add_digits(line, group(address, n), 16, 1);
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
