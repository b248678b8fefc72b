/* SPDX-License-Identifier: MIT */
/* Prints other people's texts so that a terminal shows them, and no more. */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "command/print.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of one byte: "\xNN". */
enum { ESCAPED_BYTES = 4 };

static bool has_colors;

/* Code points that are invisible, or change how their neighbours look. */
static bool is_harmful(uint32_t code)
{
	static const uint32_t ranges[][2] = {
		{ 0x0000, 0x001f },   { 0x007f, 0x009f }, /* C0, C1 */
		{ 0x00ad, 0x00ad },   { 0x034f, 0x034f },
		{ 0x061c, 0x061c },   { 0x115f, 0x1160 },
		{ 0x17b4, 0x17b5 },   { 0x180b, 0x180f },
		{ 0x200b, 0x200f },   { 0x2028, 0x202e },
		{ 0x2060, 0x206f },   { 0x3164, 0x3164 },
		{ 0xd800, 0xf8ff }, /* surrogates, private use */
		{ 0xfdd0, 0xfdef },   { 0xfe00, 0xfe0f },
		{ 0xfeff, 0xfeff },   { 0xffa0, 0xffa0 },
		{ 0xfff0, 0xffff },   { 0x1bca0, 0x1bca3 },
		{ 0x1d173, 0x1d17a }, { 0xe0000, UINT32_MAX },
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++)
		if (code >= ranges[i][0] && code <= ranges[i][1])
			return true;
	return (code & 0xfffe) == 0xfffe; /* not characters */
}

/* How many bytes a character says that it has; 0: it is none.  RFC 3629. */
static size_t claimed_bytes(uint8_t first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc2)
		return 0;
	if (first < 0xe0)
		return 2;
	if (first < 0xf0)
		return 3;
	return first < 0xf5 ? 4 : 0;
}

/* The bytes of the harmless character that a text begins with; or 0. */
static size_t harmless_bytes(const char *text)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const uint8_t *at = (const uint8_t *)text;
	const size_t bytes = claimed_bytes(*at);
	uint32_t code = bytes > 1 ? *at & (0x7fU >> bytes) : *at;

	for (size_t i = 1; i < bytes; i++) {
		if ((at[i] & 0xc0) != 0x80) /* the final 0 as well */
			return 0;
		code = code << 6 | (at[i] & 0x3f);
	}
	return bytes && code >= least[bytes] && !is_harmful(code) ? bytes : 0;
}

size_t print_clean(const char *text, char *clean, size_t room)
{
	size_t length = 0;

	while (text && *text) {
		const size_t bytes = harmless_bytes(text);
		char escaped[ESCAPED_BYTES + 1];

		(void)snprintf(escaped, sizeof(escaped), "\\x%02x",
			       (unsigned int)(uint8_t)*text);
		if (length + (bytes ? bytes : ESCAPED_BYTES) >= room)
			break;
		memcpy(clean + length, bytes ? text : escaped,
		       bytes ? bytes : ESCAPED_BYTES);
		length += bytes ? bytes : ESCAPED_BYTES;
		text += bytes ? bytes : 1;
	}
	if (room)
		clean[length] = '\0';
	return length;
}

size_t print_columns(const char *clean)
{
	size_t columns = 0;

	for (; *clean; clean++)
		columns += ((uint8_t)*clean & 0xc0) != 0x80;
	return columns;
}

static void print_to(FILE *to, const char *text)
{
	const size_t room = strlen(text) * ESCAPED_BYTES + 1;
	char *clean = malloc(room);

	if (!clean)
		return;
	(void)print_clean(text, clean, room);
	(void)fputs(clean, to);
	free(clean);
}

static void print_list(FILE *to, const char *format, va_list list)
{
	char *text;

	if (vasprintf(&text, format, list) < 0)
		return;
	print_to(to, text);
	free(text);
}

void print(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	print_list(stdout, format, list);
	va_end(list);
}

void print_line(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	print_list(stdout, format, list);
	va_end(list);
	(void)putchar('\n');
}

void print_failure(const char *format, ...)
{
	va_list list;

	(void)fputs("replyfrom: ", stderr);
	va_start(list, format);
	print_list(stderr, format, list);
	va_end(list);
	(void)fputc('\n', stderr);
}

void print_json(const char *text)
{
	const size_t room = strlen(text) * ESCAPED_BYTES + 1;
	char *clean = malloc(room);

	(void)putchar('"');
	if (clean)
		(void)print_clean(text, clean, room);
	for (const char *c = clean; c && *c; c++) {
		if (*c == '"' || *c == '\\')
			(void)putchar('\\');
		(void)putchar(*c);
	}
	(void)putchar('"');
	free(clean);
}

bool print_can_control(void)
{
	const char *terminal = getenv("TERM");

	return isatty(STDOUT_FILENO) && terminal && *terminal &&
	       strcmp(terminal, "dumb") != 0;
}

bool print_set_color(const char *when)
{
	const char *none = getenv("NO_COLOR");

	if (!when || !strcmp(when, "auto"))
		has_colors = print_can_control() && !(none && *none);
	else if (!strcmp(when, "always") || !strcmp(when, "never"))
		has_colors = *when == 'a';
	else
		return false;
	return true;
}

void print_in(enum print_color color, const char *text)
{
	static const char *const begin[] = { [PRINT_RED] = "\033[1;31m",
					     [PRINT_GREEN] = "\033[32m",
					     [PRINT_YELLOW] = "\033[33m" };
	const bool colored = has_colors && color != PRINT_PLAIN;

	if (colored)
		(void)fputs(begin[color], stdout);
	print_to(stdout, text);
	if (colored)
		(void)fputs("\033[0m", stdout);
}

static bool make_row_room(struct print_table *table)
{
	const size_t room = table->room ? table->room * 2 : 64;
	enum print_color *colors;
	char **cells;

	if (table->rows < table->room)
		return true;
	cells = realloc(table->cells, room * table->columns * sizeof(*cells));
	if (!cells)
		return false;
	table->cells = cells;
	colors = realloc(table->colors, room * sizeof(*colors));
	if (!colors)
		return false;
	table->colors = colors;
	table->room = room;
	return true;
}

bool print_add_row(struct print_table *table, const char *const *cells,
		   enum print_color color)
{
	if (!make_row_room(table))
		return false;
	for (size_t i = 0; i < table->columns; i++) {
		char clean[PRINT_CELL_BYTES];

		(void)print_clean(cells[i], clean, sizeof(clean));
		table->cells[table->rows * table->columns + i] = strdup(clean);
	}
	table->colors[table->rows++] = color;
	return true;
}

static const char *cell(const struct print_table *table, size_t row,
			size_t column)
{
	const char *text = table->cells[row * table->columns + column];

	return text ? text : "";
}

static void print_row(const struct print_table *table, size_t row,
		      const size_t *widths)
{
	const size_t last = table->columns - 1;

	for (size_t i = 0; i < last; i++) {
		const char *text = cell(table, row, i);

		print_in(table->whole_rows ? table->colors[row] : PRINT_PLAIN,
			 text);
		print("%*s", (int)(widths[i] - print_columns(text) + 2), "");
	}
	print_in(table->colors[row], cell(table, row, last));
	(void)putchar('\n');
}

void print_table(struct print_table *table)
{
	size_t widths[PRINT_MOST_COLUMNS] = { 0 };

	for (size_t i = 0; i < table->rows * table->columns; i++) {
		const char *text = table->cells[i] ? table->cells[i] : "";
		const size_t columns = print_columns(text);

		if (columns > widths[i % table->columns])
			widths[i % table->columns] = columns;
	}
	for (size_t row = 0; row < table->rows; row++)
		print_row(table, row, widths);
	for (size_t i = 0; i < table->rows * table->columns; i++)
		free(table->cells[i]);
	free(table->cells);
	free(table->colors);
	table->cells = NULL;
	table->colors = NULL;
	table->rows = table->room = 0;
}
// NOLINTEND(concurrency-mt-unsafe)
