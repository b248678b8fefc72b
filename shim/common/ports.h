/* SPDX-License-Identifier: MIT */
/* A set of ports, one bit each. */
#ifndef REPLYFROM_PORTS_H
#define REPLYFROM_PORTS_H

#include <stdbool.h>
#include <stdint.h>

#define PORTS_COUNT 65536
#define PORTS_PER_WORD 32
#define PORTS_WORDS (PORTS_COUNT / PORTS_PER_WORD)

/* Whether this port's bit is set. */
static inline bool ports_has(const uint32_t *ports, uint16_t port)
{
	return ports[port / PORTS_PER_WORD] >> port % PORTS_PER_WORD & 1;
}

#endif
