/* SPDX-License-Identifier: MIT */
/*
 * The table of variables: base/config.c reads the environment with it, the
 * command prints it, and tests compare libreplyfrom(7) with it.
 */
#include "common/variable.h"

#include <stddef.h>
#include <strings.h>

#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)

#define NUMBER(suffix, member, from, to, default, told)                     \
	{                                                                   \
		.name = "REPLYFROM_" suffix, .preset = TEXT(default),       \
		.accepted = "a number from " #from " to " #to,              \
		.effect = (told), .otherwise = "using the default",         \
		.kind = VARIABLE_NUMBER,                                    \
		.offset = offsetof(struct config, member), .least = (from), \
		.most = (to),                                               \
	}

#define SWITCH(suffix, member, default, if_bad, told)                     \
	{                                                                 \
		.name = "REPLYFROM_" suffix, .preset = TEXT(default),     \
		.accepted = "1, yes, true or on, or 0, no, false or off", \
		.effect = (told), .otherwise = (if_bad),                  \
		.kind = VARIABLE_SWITCH,                                  \
		.offset = offsetof(struct config, member),                \
	}

const struct variable variables[] = {
	NUMBER("PEERS", peers, 16, 4194304, PRESET_PEERS,
	       "Maximum number of peers to remember. When it is reached, each "
	       "new peer replaces one of sixteen that are compared: one that "
	       "was never answered, or else the one that was heard from "
	       "longest ago. Where there is no memory for so many, for example "
	       "by RLIMIT_AS, at most 512 are remembered, and that is logged "
	       "with REPLYFROM_LOG=error."),
	NUMBER("TTL", ttl_s, 1, 86400, PRESET_TTL,
	       "Seconds for which a peer is remembered after its last "
	       "datagram. Later answers leave as without replyfrom, except the "
	       "first one to the datagram that a thread read last."),
	NUMBER("FOLLOW_MS", follow_ms, 0, 60000, PRESET_FOLLOW_MS,
	       "Milliseconds in which a request may be answered from a socket "
	       "on another port than the one that it was sent to, as TFTP "
	       "servers do. 0: never."),
	SWITCH("IFINDEX", ifindex, 0, "using the default",
	       "1: answers also leave through the interface on which the "
	       "request arrived. This breaks asymmetric routes and tunnels."),
	{ .name = "REPLYFROM_ONLY_PORTS",
	  .preset = "all",
	  .accepted = "all or a list of ports, ranges and services, such as "
		      "53,5000-5010,tftp",
	  .effect = "Handle only sockets that the application binds to these "
		    "ports, and those whose port the kernel chooses: these "
		    "may answer for the others, as in TFTP. A service is a "
		    "name of a UDP service in services(5), also one with a "
		    "hyphen; a range is of numbers.",
	  .otherwise = "all ports are handled",
	  .kind = VARIABLE_PORTS },
	{ .name = "REPLYFROM_LOG",
	  .preset = "off",
	  .accepted = ONE_OF "off, error, info, debug",
	  .effect = "What to log. error: what could not be done for a socket; "
		    "info: also which sockets answer from the address asked, "
		    "and sources that the kernel refused; debug: also sockets "
		    "that are left alone, and those bound to the address that "
		    "their peer asked. At most about 20 lines are logged in "
		    "10 seconds.",
	  .otherwise = "using the default",
	  .kind = VARIABLE_WORD,
	  .offset = offsetof(struct config, log) },
	{ .name = "REPLYFROM_LOG_TO",
	  .preset = "stderr",
	  .accepted = ONE_OF "stderr, syslog",
	  .effect = "Where to log. Lines go to syslog instead if the program "
		    "has closed its stderr, or was started without one.",
	  .otherwise = "using the default",
	  .kind = VARIABLE_WORD,
	  .offset = offsetof(struct config, log_to) },
	SWITCH("DEEPBIND", deepbind, PRESET_DEEPBIND, "using the default",
	       "0: leave plugins alone that the application loads with "
	       "RTLD_DEEPBIND, as PHP loads its extensions; their calls go "
	       "to libc."),
	SWITCH("DISABLE", disable, 0, "replyfrom is disabled",
	       "1: the library does nothing."),
	{ .name = NULL },
};

bool variable_read_digits(const char **text, uint32_t most, uint32_t *value)
{
	/* Not strtoul: it accepts "-1", " 1" and more. */
	const char *c = *text;
	uint32_t n = 0;

	for (; *c >= '0' && *c <= '9'; c++) {
		if (n > most / 10)
			return false;
		n = n * 10 + (uint32_t)(*c - '0');
	}
	if (c == *text || n > most)
		return false;
	*text = c;
	*value = n;
	return true;
}

bool variable_read_switch(const char *text, uint32_t *value)
{
	static const struct {
		const char *text;
		uint32_t value;
	} words[] = {
		{ "", 0 },	{ "0", 0 },    { "no", 0 },
		{ "false", 0 }, { "off", 0 },  { "1", 1 },
		{ "yes", 1 },	{ "true", 1 }, { "on", 1 },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcasecmp(text, words[i].text)) {
			*value = words[i].value;
			return true;
		}
	return false;
}
