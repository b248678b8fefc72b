/* SPDX-License-Identifier: MIT */
/* Sets of ports, and lists as people write them: "53, 5000-5010, tftp". */
#ifndef REPLYFROM_PORT_LIST_H
#define REPLYFROM_PORT_LIST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

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
 * Opens, reads and closes the file of service names, services(5).  The library
 * passes libc's own functions, the command the usual ones.
 */
struct port_list_services {
	int (*open)(void); /* an fd, or -1 */
	ssize_t (*read)(int fd, void *data, size_t bytes);
	int (*close)(int fd);
};

/*
 * Sets the bit of each port that is listed, of PORTS_WORDS words.  Between
 * ports, ranges and names of UDP services stand commas, blanks or both.  False,
 * and some bits may be set: it is no such list.
 */
bool port_list_read(const char *text, const struct port_list_services *services,
		    uint32_t *ports);

#endif
