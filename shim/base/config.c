/* SPDX-License-Identifier: MIT */
/* Reads the REPLYFROM_* table from the environment. */
#include "base/config.h"

#include "base/line.h"
#include "base/quiet.h"
#include "common/variable.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const struct config defaults = {
	.peers = PRESET_PEERS,
	.ttl_s = PRESET_TTL,
	.follow_ms = PRESET_FOLLOW_MS,
	.deepbind = PRESET_DEEPBIND,
};

static bool parse_number(const char *text, const struct variable *variable,
			 uint32_t *value)
{
	uint32_t n;

	if (!variable_read_digits(&text, variable->most, &n) || *text ||
	    n < variable->least)
		return false;
	*value = n;
	return true;
}

static bool parse_word(const char *text, const struct variable *variable,
		       uint32_t *value)
{
	const char *word = variable->accepted + sizeof(ONE_OF) - 1;
	const size_t length = strlen(text);

	for (uint32_t n = 0; *word; n++) {
		const size_t end = strcspn(word, ",");

		if (end == length && !memcmp(word, text, length)) {
			*value = n;
			return true;
		}
		word += end + strspn(word + end, ", ");
	}
	return false;
}

static bool parse_ports(const char *text, struct config *config)
{
	static uint32_t ports[PORTS_COUNT / PORTS_PER_WORD];

	if (!strcmp(text, "all"))
		return true;
	if (!variable_read_ports(text, ports))
		return false;
	config->only_ports = ports;
	return true;
}

static bool parse_place(const char *text, struct config *config)
{
	/* A copy: some programs write their title over the environment. */
	static char path[PATH_MAX];
	const size_t length = strlen(text);

	if (!strcmp(text, "stderr"))
		return true;
	if (!strcmp(text, QUIET_SYSLOG)) {
		config->log_to = QUIET_SYSLOG;
		return true;
	}
	if (text[0] != '/' || length >= sizeof(path))
		return false;
	memcpy(path, text, length + 1);
	config->log_to = path;
	return true;
}

static bool read_variable(const char *text, const struct variable *variable,
			  struct config *config)
{
	uint32_t *value = (uint32_t *)((char *)config + variable->offset);

	switch (variable->kind) {
	case VARIABLE_NUMBER:
		return parse_number(text, variable, value);
	case VARIABLE_WORD:
		return parse_word(text, variable, value);
	case VARIABLE_PORTS:
		return parse_ports(text, config);
	case VARIABLE_PLACE:
		return parse_place(text, config);
	}
	return true;
}

/* To stderr: REPLYFROM_LOG_TO may not have been read yet. */
static void report(const struct variable *variable, const char *value)
{
	const size_t most = 80; /* of a value that may be anything */
	struct line line = { 0 };

	line_add(&line, "replyfrom: ");
	line_add(&line, variable->name);
	line_add(&line, "=");
	line_add_at_most(&line, value, most);
	line_add(&line, " is not ");
	line_add(&line, variable->accepted);
	line_add(&line, "; using the default");
	quiet_write(&line, NULL);
}

static void read_environment(struct config *config)
{
	for (const struct variable *v = variables; v->name; v++) {
		/* Read before the application can change it.  A
		 * privileged program ignores it: secure_getenv(3). */
		const char *text = secure_getenv(v->name);

		if (text && !read_variable(text, v, config))
			report(v, text);
	}
}

const struct config *_Atomic config_read;

const struct config *config_get_slowly(void)
{
	static struct config config;
	static _Atomic bool begun;
	int saved = errno;

	/* Another thread reads it now, or this one was interrupted. */
	if (atomic_exchange(&begun, true))
		return &defaults;
	config = defaults;
	read_environment(&config);
	atomic_store_explicit(&config_read, &config, memory_order_release);
	errno = saved;
	return &config;
}
