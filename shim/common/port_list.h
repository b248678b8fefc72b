/* SPDX-License-Identifier: MIT */
/* Lists of ports as people write them: "53, 5000-5010, tftp". */
#ifndef REPLYFROM_PORT_LIST_H
#define REPLYFROM_PORT_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PORT_LIST_PORTS 65536
#define PORT_LIST_PER_WORD 32
enum { PORT_LIST_WORDS = PORT_LIST_PORTS / PORT_LIST_PER_WORD };

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
 * Sets the bit of each listed port, in PORT_LIST_WORDS words.  A list has
 * ports, ranges and names of UDP services, separated by commas, blanks or both.
 * False: it is not such a list; some bits may be set.
 */
bool port_list_read(const char *text, const struct port_list_services *services,
		    uint32_t *ports);

static inline bool port_list_has(const uint32_t *ports, uint32_t port)
{
	return ports[port / PORT_LIST_PER_WORD] >> port % PORT_LIST_PER_WORD &
	       1;
}

#endif
