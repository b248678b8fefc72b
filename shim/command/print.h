/* SPDX-License-Identifier: MIT */
/*
 * Prints lines of text.  Names of processes, files, interfaces and units are
 * other people's, so everything goes through print_clean().
 */
#ifndef REPLYFROM_PRINT_H
#define REPLYFROM_PRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/*
 * Copies text, as far as there is room: printable ASCII and harmless UTF-8 as
 * they are, each other byte as \xNN.  Harmless means valid, visible and without
 * influence on what stands beside it: no control or format characters, no
 * change of direction.  Returns the length of the copy; text may be NULL.
 */
size_t print_clean(const char *text, char *clean, size_t room);

/* How many columns a clean text takes, if none of it is double-width. */
size_t print_columns(const char *clean);

/* Adds to the current line on stdout, and ends it. */
__attribute__((format(printf, 1, 2))) void print(const char *format, ...);
__attribute__((format(printf, 1, 2))) void print_line(const char *format, ...);

/* A line on stderr that starts with "replyfrom: ". */
__attribute__((format(printf, 1, 2))) void print_failure(const char *format,
							 ...);

/* A string of JSON, with its quotes: print_clean() of the text, escaped. */
void print_json(const char *text);

enum print_color { PRINT_PLAIN, PRINT_RED, PRINT_GREEN, PRINT_YELLOW };

/* Whether stdout is a terminal that obeys escape sequences, as TERM says. */
bool print_can_control(void);

/*
 * "auto": on such terminals, unless NO_COLOR is set and not empty
 * (no-color.org); "always", "never".  NULL is "auto".  False: it is something
 * else.
 */
bool print_set_color(const char *when);

/* Adds a word in this color, where there are colors. */
void print_in(enum print_color color, const char *text);

/* A table, whose last column may be as wide as it likes. */
enum { PRINT_MOST_COLUMNS = 12, PRINT_CELL_BYTES = 4096 };

struct print_table {
	size_t columns;
	size_t rows;
	size_t room;
	char **cells;		  /* of one row after the other; clean */
	bool whole_rows;	  /* colors are of all cells */
	enum print_color *colors; /* of the last cell of each row */
};

/* Adds a row, cells of which may be NULL.  False: no memory. */
bool print_add_row(struct print_table *table, const char *const *cells,
		   enum print_color color);

/* Prints all rows, the first of which is the heading, and frees them. */
void print_table(struct print_table *table);

#endif
