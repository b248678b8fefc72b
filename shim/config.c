/* SPDX-License-Identifier: MIT */
/* Reads the REPLYFROM_* table from the environment. */
#include "config.h"

#include "log.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct option {
	const char *name;
	size_t offset; /* of its uint32_t in struct config */
	uint32_t least;
	uint32_t most;
	const char *const *words; /* in place of numbers from 0 */
};

/* As enum log_level has them. */
static const char *const log_words[] = { "off", "error", "info", NULL };

/* The README explains each in the same order. */
static const struct option options[] = {
	{ "REPLYFROM_PEERS", offsetof(struct config, peers), 16, 4194304,
	  NULL },
	{ "REPLYFROM_TTL", offsetof(struct config, ttl_s), 1, 86400, NULL },
	{ "REPLYFROM_FOLLOW_MS", offsetof(struct config, follow_ms), 0, 60000,
	  NULL },
	{ "REPLYFROM_IFINDEX", offsetof(struct config, ifindex), 0, 1, NULL },
	{ "REPLYFROM_LOG", offsetof(struct config, log), 0, 0, log_words },
	{ "REPLYFROM_DISABLE", offsetof(struct config, disable), 0, 1, NULL },
};

static const struct config defaults = {
	.peers = 65536,
	.ttl_s = 120, /* conntrack's time for a UDP stream */
	.follow_ms = 2000,
};

static bool parse(const char *text, const struct option *option,
		  uint32_t *value)
{
	uint32_t n = 0;

	/* Not strtoul: it takes "-1", " 1" and what follows. */
	for (const char *c = text; *c; c++) {
		if (*c < '0' || *c > '9' || n > option->most / 10)
			return false;
		n = n * 10 + (uint32_t)(*c - '0');
	}
	if (!*text || n < option->least || n > option->most)
		return false;
	*value = n;
	return true;
}

static bool parse_word(const char *text, const struct option *option,
		       uint32_t *value)
{
	for (uint32_t n = 0; option->words[n]; n++) {
		if (strcmp(text, option->words[n]) != 0)
			continue;
		*value = n;
		return true;
	}
	return false;
}

/* Its value, or a line that says what is wrong with it. */
static void read_option(const char *text, const struct option *option,
			struct config *config)
{
	uint32_t *value = (uint32_t *)((char *)config + option->offset);

	if (option->words) {
		if (!parse_word(text, option, value))
			log_bad_word(option->name, text, option->words);
	} else if (!parse(text, option, value)) {
		log_bad_value(option->name, text, option->least, option->most);
	}
}

static void read_environment(struct config *config)
{
	const struct option *option = options;
	const struct option *end = option + sizeof(options) / sizeof(*options);

	for (; option < end; option++) {
		/* Before the application can have set it.  A privileged
		 * program takes nothing from its user: secure_getenv(3). */
		const char *text = secure_getenv(option->name);

		if (text)
			read_option(text, option, config);
	}
}

const struct config *_Atomic config_read;

const struct config *config_get_slowly(void)
{
	static struct config config;
	static _Atomic bool begun;
	int saved = errno;

	/* Somebody reads it right now: a thread, or we, interrupted. */
	if (atomic_exchange(&begun, true))
		return &defaults;
	config = defaults;
	read_environment(&config);
	atomic_store_explicit(&config_read, &config, memory_order_release);
	errno = saved;
	return &config;
}
