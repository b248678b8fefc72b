/* SPDX-License-Identifier: MIT */
/* The environment's table: any value is taken as it should be, or one line. */
// NOLINTBEGIN(bugprone-suspicious-include): its table is its own
#include "../../shim/config.c"
// NOLINTEND(bugprone-suspicious-include)

#include "fuzz.h"
#include "real.h"

#include <stdio.h>

static unsigned int lines;

static ssize_t note_line(int fd, const void *text, size_t bytes)
{
	const char *line = text;

	(void)fd;
	lines++;
	assert(bytes && line[bytes - 1] == '\n');
	assert(!memchr(line, '\n', bytes - 1) &&
	       !memchr(line, '\r', bytes - 1));
	assert(!strncmp(line, "replyfrom: REPLYFROM_", 21));
	return (ssize_t)bytes;
}

/* In other words than config.c: what strtoul would say. */
static int is_usable(const struct option *option, const char *text,
		     unsigned long *value)
{
	const size_t digits = strspn(text, "0123456789");

	if (option->words) {
		for (*value = 0; option->words[*value]; ++*value)
			if (!strcmp(text, option->words[*value]))
				return 1;
		return 0;
	}
	*value = strtoul(text, NULL, 10);
	return digits && !text[digits] && *value >= option->least &&
	       *value <= option->most;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	const size_t count = sizeof(options) / sizeof(*options);
	const struct option *option;
	struct config config = defaults;
	uint32_t was, is;
	unsigned long value;
	char text[256];

	if (!bytes || bytes > sizeof(text))
		return 0;
	option = &options[data[0] % count];
	memcpy(text, data + 1, bytes - 1);
	text[bytes - 1] = '\0';
	memcpy(&was, (char *)&config + option->offset, sizeof(was));
	real.write = note_line;
	lines = 0;

	// NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread
	(void)setenv(option->name, text, 1);
	read_environment(&config);
	(void)unsetenv(option->name); // NOLINT(concurrency-mt-unsafe)

	memcpy(&is, (char *)&config + option->offset, sizeof(is));
	if (is_usable(option, text, &value)) {
		assert(is == value && !lines);
		return 0;
	}
	assert(is == was && lines == 1);
	return 0;
}
