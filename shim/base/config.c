/* SPDX-License-Identifier: MIT */
/* Reads the REPLYFROM_* table from the environment. */
#include "base/config.h"

#include "base/quiet.h"
#include "base/real.h"
#include "base/text_buffer.h"
#include "common/nearest.h"
#include "common/port_list.h"
#include "common/variable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

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

		if (end == length && !strncasecmp(word, text, length)) {
			*value = n;
			return true;
		}
		word += end + strspn(word + end, ", ");
	}
	return false;
}

static bool parse_ports(const char *text, struct config *config)
{
	static uint32_t ports[PORTS_WORDS];

	if (!strcasecmp(text, "all"))
		return true;
	if (!port_list_read(text, real.syscall, ports))
		return false;
	config->only_ports = ports;
	return true;
}

static bool read_variable(const char *text, const struct variable *variable,
			  struct config *config)
{
	uint32_t *value = (uint32_t *)((char *)config + variable->offset);

	switch (variable->kind) {
	case VARIABLE_NUMBER:
		return parse_number(text, variable, value);
	case VARIABLE_SWITCH:
		return variable_read_switch(text, value);
	case VARIABLE_WORD:
		return parse_word(text, variable, value);
	case VARIABLE_PORTS:
		return parse_ports(text, config);
	}
	return true;
}

/* An entry that is looked for, and what is known of it. */
struct entry_search {
	const char *entry;
	size_t length; /* of the part that has matched */
	bool differs;
	bool found;
};

static void look_at(struct entry_search *search, char c)
{
	search->differs |= search->entry[search->length] != c;
	if (!c) {
		search->found |= !search->differs;
		search->differs = false;
		search->length = 0;
	} else if (!search->differs) {
		search->length++;
	}
}

/* The environment that our parent was started with.  proc(5). */
static int open_environment(void)
{
	struct text_buffer path = { 0 };

	text_buffer_add(&path, "/proc/");
	text_buffer_add_number(&path, (unsigned long)getppid());
	text_buffer_add(&path, "/environ");
	path.text[path.length] = '\0';
	return (int)real.syscall(SYS_openat, AT_FDCWD, path.text,
				 O_RDONLY | O_CLOEXEC);
}

/*
 * Whether our parent was started with this entry of environ(7), "NAME=value",
 * and with our LD_PRELOAD: then it has reported it.  False where the parent
 * cannot be looked at.
 */
static bool parent_reported(const char *entry)
{
	static const char name[] = "LD_PRELOAD=";
	const char *preload = secure_getenv("LD_PRELOAD");
	struct entry_search searches[] = {
		{ .entry = entry },
		{ .entry = preload ? preload - (sizeof(name) - 1) : "" },
	};
	const int fd = preload ? open_environment() : -1;
	char data[1024];
	ssize_t n;

	if (fd < 0)
		return false;
	while ((n = real.read(fd, data, sizeof(data))) > 0)
		for (ssize_t i = 0; i < n; i++) {
			look_at(&searches[0], data[i]);
			look_at(&searches[1], data[i]);
		}
	(void)real.close(fd);
	return searches[0].found && searches[1].found;
}

enum { MOST_SHOWN = 80 }; /* of a text that may be anything */

/* To stderr: where else it may go is not known yet. */
static void report_value(const struct variable *variable, const char *value)
{
	struct text_buffer line = { 0 };

	text_buffer_add(&line, "replyfrom: ");
	text_buffer_add(&line, variable->name);
	text_buffer_add(&line, "=");
	text_buffer_add_at_most(&line, value, MOST_SHOWN);
	text_buffer_add(&line, " is not ");
	text_buffer_add(&line, variable->accepted);
	text_buffer_add(&line, "; ");
	text_buffer_add(&line, variable->otherwise);
	quiet_write(&line, LOG_TO_STDERR);
}

static void read_variables(struct config *config)
{
	for (const struct variable *v = variables; v->name; v++) {
		/* Read before the application can change it.  A
		 * privileged program ignores it: secure_getenv(3). */
		const char *text = secure_getenv(v->name);

		if (!text || read_variable(text, v, config))
			continue;
		/* The kill switch: any unusable value disables the library. */
		if (v->offset == offsetof(struct config, disable))
			config->disable = 1;
		if (!parent_reported(text - strlen(v->name) - 1))
			report_value(v, text);
	}
}

static void check_name(const char *entry)
{
	const size_t length = strcspn(entry, "=");
	char name[MOST_SHOWN] = "";
	struct text_buffer line = { 0 };
	const char *nearest;

	memcpy(name, entry, length < sizeof(name) ? length : sizeof(name) - 1);
	nearest = nearest_name(name, &variables->name, sizeof(*variables));
	if ((nearest && !strcmp(nearest, name)) || parent_reported(entry))
		return;
	text_buffer_add(&line, "replyfrom: ");
	text_buffer_add(&line, name);
	text_buffer_add(&line, ": unknown variable");
	if (nearest) {
		text_buffer_add(&line, " (did you mean ");
		text_buffer_add(&line, nearest);
		text_buffer_add(&line, "?)");
	}
	quiet_write(&line, LOG_TO_STDERR);
}

static void check_names(void)
{
	static const char prefix[] = "REPLYFROM_";

	/* A privileged program does not report what its user has set. */
	if (getauxval(AT_SECURE))
		return;
	for (char **entry = environ; entry && *entry; entry++)
		if (!strncmp(*entry, prefix, sizeof(prefix) - 1))
			check_name(*entry);
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
	read_variables(&config);
	check_names();
	atomic_store_explicit(&config_read, &config, memory_order_release);
	errno = saved;
	return &config;
}
