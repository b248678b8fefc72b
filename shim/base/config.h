/* SPDX-License-Identifier: MIT */
/* The REPLYFROM_* environment variables, read once. */
#ifndef REPLYFROM_CONFIG_H
#define REPLYFROM_CONFIG_H

#include "base/attribute.h"
#include "common/port_list.h"
#include "common/variable.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* NULL until the environment was read.  For config_get() only. */
extern HIDDEN const struct config *_Atomic config_read;
const struct config *config_get_slowly(void);

/*
 * Reads the environment at the first call.  An unusable value is reported in
 * one line on stderr, and the default is used.  Keeps errno.
 */
static inline const struct config *config_get(void)
{
	const struct config *known =
		atomic_load_explicit(&config_read, memory_order_acquire);

	return LIKELY(known) ? known : config_get_slowly();
}

/* Whether REPLYFROM_ONLY_PORTS includes this port (in host byte order). */
static inline bool config_wants_port(uint16_t port)
{
	const uint32_t *only = config_get()->only_ports;

	return !only || ports_has(only, port);
}

#endif
