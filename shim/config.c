/* SPDX-License-Identifier: MIT */
/* Reads the REPLYFROM_* table from the environment. */
#include "config.h"

#include "log.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

struct option {
	const char *name;
	size_t offset; /* of its uint32_t in struct config */
	uint32_t least;
	uint32_t most;
};

/* The README explains each in the same order. */
static const struct option options[] = {
	{ "REPLYFROM_PEERS", offsetof(struct config, peers), 16, 4194304 },
	{ "REPLYFROM_TTL", offsetof(struct config, ttl_s), 1, 86400 },
	{ "REPLYFROM_FOLLOW_MS", offsetof(struct config, follow_ms), 0, 60000 },
	{ "REPLYFROM_IFINDEX", offsetof(struct config, ifindex), 0, 1 },
	{ "REPLYFROM_DISABLE", offsetof(struct config, disable), 0, 1 },
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

static void read_environment(struct config *config)
{
	const struct option *option = options;
	const struct option *end = option + sizeof(options) / sizeof(*options);

	for (; option < end; option++) {
		/* Before the application can have set it. */
		// NOLINTNEXTLINE(concurrency-mt-unsafe)
		const char *text = getenv(option->name);

		if (text &&
		    !parse(text, option,
			   (uint32_t *)((char *)config + option->offset)))
			log_bad_value(option->name, text, option->least,
				      option->most);
	}
}

const struct config *config_get(void)
{
	static struct config config;
	static _Atomic int state; /* 0: unread, 1: being read, 2: read */
	int unread = 0;
	int saved;

	if (atomic_load_explicit(&state, memory_order_acquire) == 2)
		return &config;
	/* Somebody reads it right now: a thread, or we, interrupted. */
	if (!atomic_compare_exchange_strong(&state, &unread, 1))
		return &defaults;
	saved = errno;
	config = defaults;
	read_environment(&config);
	atomic_store_explicit(&state, 2, memory_order_release);
	errno = saved;
	return &config;
}
