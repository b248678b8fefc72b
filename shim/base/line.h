/* SPDX-License-Identifier: MIT */
/* Builds a line of text, async-signal-safe; text that is too long is cut. */
#ifndef REPLYFROM_LINE_H
#define REPLYFROM_LINE_H

#include <netinet/in.h>
#include <stddef.h>

struct line {
	size_t length;
	char text[320];
};

void line_add(struct line *line, const char *text);
void line_add_at_most(struct line *line, const char *text, size_t most);
void line_add_number(struct line *line, unsigned long number);

/* An address of either family and its port, in the format of RFC 5952. */
void line_add_name(struct line *line, const struct sockaddr_in6 *name);

/* Ends it with a newline; other newlines become blanks. */
void line_end(struct line *line);

#endif
