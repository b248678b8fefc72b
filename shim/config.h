/* SPDX-License-Identifier: MIT */
/* The REPLYFROM_* environment variables, read once. */
#ifndef REPLYFROM_CONFIG_H
#define REPLYFROM_CONFIG_H

#include "attribute.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define CONFIG_PORTS 65536
#define CONFIG_PORTS_PER_WORD 32

struct config {
	uint32_t peers;	    /* remembered at a time, at most */
	uint32_t ttl_s;	    /* a peer unheard for longer is not used */
	uint32_t follow_ms; /* a new socket may answer for so long; 0: none */
	uint32_t log;	    /* enum log_level */
	uint32_t ifindex;   /* 1: answer through the interface asked on */
	uint32_t deepbind;  /* 1: also what is loaded with RTLD_DEEPBIND */
	uint32_t disable;   /* 1: touch nothing */
	/* The bits of ports whose sockets are ours to touch; NULL: all. */
	const uint32_t *only_ports;
	const char *log_to; /* a path, or CONFIG_SYSLOG; NULL: stderr */
};

#define CONFIG_SYSLOG "syslog"

/* NULL until the environment was read; for what is inline here. */
extern HIDDEN const struct config *_Atomic config_read;
const struct config *config_get_slowly(void);

/*
 * Reads the environment at the first call, and reports an unusable value in one
 * line on stderr; the default then holds.  Keeps errno.
 */
static inline const struct config *config_get(void)
{
	const struct config *known =
		atomic_load_explicit(&config_read, memory_order_acquire);

	return LIKELY(known) ? known : config_get_slowly();
}

/* Whether this port's bit is set. */
static inline bool config_has_port(const uint32_t *ports, uint16_t port)
{
	return ports[port / CONFIG_PORTS_PER_WORD] >>
		       port % CONFIG_PORTS_PER_WORD &
	       1;
}

/* Whether a socket that is bound to this port is ours to touch. */
static inline bool config_wants_port(uint16_t port)
{
	const uint32_t *only = config_get()->only_ports;

	return !only || config_has_port(only, port);
}

#endif
