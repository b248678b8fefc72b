/* SPDX-License-Identifier: MIT */
/*
 * The table of variables: base/config.c reads the environment with it, the
 * command prints it, and tests compare libreplyfrom(7) with it.
 */
#include "common/variable.h"

#include "common/ports.h"

#include <stddef.h>

#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)

#define NUMBER(suffix, member, from, to, default, told)                     \
	{                                                                   \
		.name = "REPLYFROM_" suffix, .preset = TEXT(default),       \
		.accepted = "a number from " #from " to " #to,              \
		.effect = (told), .kind = VARIABLE_NUMBER,                  \
		.offset = offsetof(struct config, member), .least = (from), \
		.most = (to),                                               \
	}

const struct variable variables[] = {
	NUMBER("PEERS", peers, 16, 4194304, PRESET_PEERS,
	       "Maximum number of peers to remember. When it is reached, one "
	       "of "
	       "sixteen is evicted: one that was never answered, or else the "
	       "one that was not heard for the longest time."),
	NUMBER("TTL", ttl_s, 1, 86400, PRESET_TTL,
	       "Seconds after which a peer that sent nothing more is answered "
	       "as without replyfrom, except for the first answer to the "
	       "datagram that a thread read last."),
	NUMBER("FOLLOW_MS", follow_ms, 0, 60000, PRESET_FOLLOW_MS,
	       "Milliseconds in which a request may be answered from a socket "
	       "on another port than the one that it was sent to, as TFTP "
	       "servers do. 0: never."),
	NUMBER("IFINDEX", ifindex, 0, 1, 0,
	       "1: answers also leave through the interface on which the "
	       "request arrived. This breaks asymmetric routes and tunnels."),
	{ .name = "REPLYFROM_ONLY_PORTS",
	  .preset = "all",
	  .accepted = "all or a list of ports and ranges, such as "
		      "53,5000-5010",
	  .effect = "Handle only sockets that the application binds to these "
		    "ports, and those whose port the kernel chooses: these "
		    "may answer for the others, as in TFTP.",
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
	  .kind = VARIABLE_WORD,
	  .offset = offsetof(struct config, log) },
	{ .name = "REPLYFROM_LOG_TO",
	  .preset = "stderr",
	  .accepted = "stderr, syslog or the absolute path of a file",
	  .effect = "Where to log. A file is created, readable by its owner "
		    "only; a symbolic link is not followed. The file is "
		    "opened for each line, so it has to be reachable after a "
		    "chroot or a change of the user, too.",
	  .kind = VARIABLE_PLACE },
	NUMBER("DEEPBIND", deepbind, 0, 1, PRESET_DEEPBIND,
	       "0: leave plugins alone that the application loads with "
	       "RTLD_DEEPBIND, as PHP loads its extensions; their calls go to "
	       "libc."),
	NUMBER("DISABLE", disable, 0, 1, 0, "1: do nothing."),
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

bool variable_read_ports(const char *text, uint32_t *ports)
{
	uint32_t first, last;

	for (;; text++) {
		if (!variable_read_digits(&text, PORTS_COUNT - 1, &first))
			return false;
		last = first;
		if (*text == '-') {
			text++;
			if (!variable_read_digits(&text, PORTS_COUNT - 1,
						  &last))
				return false;
		}
		if (!first || first > last || (*text && *text != ','))
			return false;
		for (uint32_t n = first; n <= last; n++)
			ports[n / PORTS_PER_WORD] |= 1U << n % PORTS_PER_WORD;
		if (!*text)
			return true;
	}
}
