/* SPDX-License-Identifier: MIT */
/* Sets of ports, and lists as people write them: "53, 5000-5010, tftp". */
#ifndef REPLYFROM_PORT_LIST_H
#define REPLYFROM_PORT_LIST_H

#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

/* A set has a bit for each port. */
#define PORTS_COUNT 65536
#define PORTS_PER_WORD 32
#define PORTS_WORDS (PORTS_COUNT / PORTS_PER_WORD)

/* Whether this port's bit is set. */
static inline bool ports_has(const uint32_t *ports, uint16_t port)
{
	return ports[port / PORTS_PER_WORD] >> port % PORTS_PER_WORD & 1;
}

/*
 * Sets the bit of each port that is listed, of PORTS_WORDS words.  Between
 * ports, ranges and names of UDP services stand commas, blanks or both.  Names
 * are looked up in services(5) by `call`, which is syscall(2) or libc's own.
 * False, and some bits may be set: it is no such list.
 */
bool port_list_read(const char *text, __typeof__(&syscall) call,
		    uint32_t *ports);

#endif
