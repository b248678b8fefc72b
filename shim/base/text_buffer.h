/* SPDX-License-Identifier: MIT */
/* Builds a line of text, async-signal-safe; text that is too long is cut. */
#ifndef REPLYFROM_TEXT_BUFFER_H
#define REPLYFROM_TEXT_BUFFER_H

#include <netinet/in.h>
#include <stddef.h>

struct text_buffer {
	size_t length;
	char text[320];
};

void text_buffer_add(struct text_buffer *line, const char *text);
void text_buffer_add_at_most(struct text_buffer *line, const char *text,
			     size_t most);
void text_buffer_add_number(struct text_buffer *line, unsigned long number);

/* An address of either family and its port, in the format of RFC 5952. */
void text_buffer_add_sockaddr(struct text_buffer *line,
			      const struct sockaddr_in6 *name);

/* Ends it with a newline; other newlines become blanks. */
void text_buffer_end(struct text_buffer *line);

#endif
