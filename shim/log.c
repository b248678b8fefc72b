/* SPDX-License-Identifier: MIT */
/* Writes a line to stderr in one write(2), so that lines do not mix. */
#include "log.h"

#include "real.h"

#include <stdio.h>

#define LINE_BYTES 256

void log_bad_value(const char *name, const char *value, uint32_t least,
		   uint32_t most)
{
	char line[LINE_BYTES];
	int length = snprintf(line, sizeof(line),
			      "replyfrom: %s=%.80s is not a number from %u to "
			      "%u; using the default\n",
			      name, value, least, most);

	/* One line, whatever the value has in it. */
	for (int i = 0; i < length - 1; i++)
		if (line[i] == '\n' || line[i] == '\r')
			line[i] = ' ';
	if (length > 0 && (size_t)length < sizeof(line))
		(void)!real.write(STDERR_FILENO, line, (size_t)length);
}
