/* SPDX-License-Identifier: MIT */
/* Writes a line to stderr in one write(2), so that lines do not mix. */
#include "log.h"

#include "config.h"
#include "real.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LINE_BYTES 256

/* One line, whatever the value has in it. */
static void write_line(char *line, int length)
{
	for (int i = 0; i < length - 1; i++)
		if (line[i] == '\n' || line[i] == '\r')
			line[i] = ' ';
	if (length > 0 && length < LINE_BYTES)
		(void)!real.write(STDERR_FILENO, line, (size_t)length);
}

void log_bad_value(const char *name, const char *value, uint32_t least,
		   uint32_t most)
{
	char line[LINE_BYTES] = "";

	write_line(line, snprintf(line, sizeof(line),
				  "replyfrom: %s=%.80s is not a number from %u "
				  "to %u; using the default\n",
				  name, value, least, most));
}

void log_bad_word(const char *name, const char *value, const char *const *words)
{
	char line[LINE_BYTES] = "", list[LINE_BYTES / 4] = "";

	for (; *words; words++) {
		strncat(list, *words, sizeof(list) - strlen(list) - 1);
		if (words[1])
			strncat(list, ", ", sizeof(list) - strlen(list) - 1);
	}
	write_line(line, snprintf(line, sizeof(line),
				  "replyfrom: %s=%.80s is none of %s; using "
				  "the default\n",
				  name, value, list));
}

void log_event(enum log_level level, int fd, const char *what)
{
	char line[LINE_BYTES] = "";
	int saved = errno;

	if (config_get()->log < (uint32_t)level)
		return;
	if (fd < 0)
		write_line(line, snprintf(line, sizeof(line), "replyfrom: %s\n",
					  what));
	else
		write_line(line, snprintf(line, sizeof(line),
					  "replyfrom: fd %d: %s\n", fd, what));
	errno = saved;
}
