/* SPDX-License-Identifier: MIT */
/* Lists of ports as people write them: "53, 5000-5010, tftp". */
#ifndef REPLYFROM_PORT_LIST_H
#define REPLYFROM_PORT_LIST_H

#include "common/ports.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

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
