/* SPDX-License-Identifier: MIT */
/* The environment: any value is taken as it should be, or told in one line. */
// NOLINTBEGIN(bugprone-suspicious-include): how it reads is its own
#include "base/config.c"
// NOLINTEND(bugprone-suspicious-include)

#include "base/real.h"
#include "fuzz.h"

#include <limits.h>
#include <regex.h>

static const struct variable *variable;
static unsigned int lines;

static ssize_t note_line(int fd, const void *text, size_t bytes)
{
	static const char begin[] = "replyfrom: ";
	const size_t before = sizeof(begin) - 1;
	const char *line = text;

	(void)fd;
	lines++;
	assert(bytes && line[bytes - 1] == '\n');
	assert(!memchr(line, '\n', bytes - 1) &&
	       !memchr(line, '\r', bytes - 1));
	assert(!strncmp(line, begin, before));
	assert(!strncmp(line + before, variable->name, strlen(variable->name)));
	return (ssize_t)bytes;
}

/* In other words than config.c, all of these: whether it has to be taken. */

static bool is_number(const char *text, uint32_t value, uint32_t was)
{
	const unsigned long n = strtoul(text, NULL, 10);
	const size_t digits = strspn(text, "0123456789");
	const bool is_usable = digits && !text[digits] &&
			       n >= variable->least && n <= variable->most;

	assert(value == (is_usable ? n : was));
	return is_usable;
}

static bool is_switch(const char *text, uint32_t value, uint32_t was)
{
	static const char *const words[] = { "",  "0",	 "no",	 "false", "off",
					     "1", "yes", "true", "on" };

	for (size_t n = 0; n < sizeof(words) / sizeof(*words); n++)
		if (!strcasecmp(text, words[n])) {
			assert(value == n / 5);
			return true;
		}
	assert(value == was || !strcmp(variable->name, "REPLYFROM_DISABLE"));
	return false;
}

static bool is_word(const char *text, uint32_t value)
{
	static const char *const words[] = { "off", "error", "info", "debug" };

	for (uint32_t n = 0; n < sizeof(words) / sizeof(*words); n++)
		if (!strcasecmp(text, words[n])) {
			assert(value == n);
			return true;
		}
	assert(!value);
	return false;
}

static bool is_place(const char *text, uint32_t value)
{
	const bool is_syslog = !strcasecmp(text, "syslog");

	assert(value == (is_syslog ? LOG_TO_SYSLOG : LOG_TO_STDERR));
	return is_syslog || !strcasecmp(text, "stderr");
}

#define PORT "[0-9]{1,5}(-[0-9]{1,5})?"
#define BLANKS "[ \t]*"

/* Marks the ports of a list; false: it is none. */
static bool mark_ports(char *list, bool *marks)
{
	static regex_t form;
	char *rest, *dash;

	if (!form.re_nsub)
		assert(!regcomp(&form,
				"^" BLANKS PORT "((" BLANKS "," BLANKS
				"|[ \t]+)" PORT ")*" BLANKS "$",
				REG_EXTENDED));
	if (regexec(&form, list, 0, NULL, 0))
		return false;
	for (char *part = strtok_r(list, ", \t", &rest); part;
	     part = strtok_r(NULL, ", \t", &rest)) {
		const unsigned long first = strtoul(part, &dash, 10);
		const unsigned long last =
			*dash ? strtoul(dash + 1, NULL, 10) : first;

		if (!first || first > last || last >= PORTS_COUNT)
			return false;
		memset(marks + first, true, last - first + 1);
	}
	return true;
}

static bool is_list(char *text, const struct config *config)
{
	bool marks[PORTS_COUNT] = { false };

	const bool is_all = !strcasecmp(text, "all");

	/* What services there are is the host's. */
	if (!is_all && text[strspn(text, "0123456789-, \t")])
		return config->only_ports;
	if (is_all || !mark_ports(text, marks)) {
		assert(!config->only_ports);
		return is_all;
	}
	assert(config->only_ports);
	atomic_store(&config_read, config);
	for (uint32_t port = 0; port < PORTS_COUNT; port++)
		assert(config_wants_port((uint16_t)port) == marks[port]);
	return true;
}

/* config.c has room for one reading, which is all that there are. */
static void forget_ports(void)
{
	struct config config = defaults;
	const bool taken = parse_ports("1", &config);

	assert(taken && config.only_ports);
	memset((uint32_t *)config.only_ports, 0, PORTS_COUNT / CHAR_BIT);
}

static bool is_taken(char *text, const struct config *config)
{
	const size_t offset = variable->offset;
	uint32_t was, is;

	memcpy(&was, (const char *)&defaults + offset, sizeof(was));
	memcpy(&is, (const char *)config + offset, sizeof(is));
	switch (variable->kind) {
	case VARIABLE_NUMBER:
		return is_number(text, is, was);
	case VARIABLE_SWITCH:
		return is_switch(text, is, was);
	case VARIABLE_WORD:
		return variable->offset == offsetof(struct config, log)
			       ? is_word(text, is)
			       : is_place(text, is);
	case VARIABLE_PORTS:
		return is_list(text, config);
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct config config = defaults;
	char text[256];
	size_t count = 1;

	if (!bytes || bytes > sizeof(text))
		return 0;
	while (variables[count].name)
		count++;
	variable = &variables[data[0] % count];
	memcpy(text, data + 1, bytes - 1);
	text[bytes - 1] = '\0';
	real_resolve(); /* or the first call does, and undoes this */
	real.write = note_line;
	lines = 0;
	forget_ports();

	// NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread
	(void)setenv(variable->name, text, 1);
	read_variables(&config);
	(void)unsetenv(variable->name); // NOLINT(concurrency-mt-unsafe)

	assert(lines == !is_taken(text, &config));
	return 0;
}
