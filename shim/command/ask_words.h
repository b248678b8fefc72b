/* SPDX-License-Identifier: MIT */
/* Tells hosts, ports and payload apart in `replyfrom ask`'s arguments. */
#ifndef REPLYFROM_ASK_WORDS_H
#define REPLYFROM_ASK_WORDS_H

#include "common/port_list.h"

#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ASK_MOST_HOSTS = 256 };

struct ask_words {
	const char *hosts[ASK_MOST_HOSTS]; /* "HOST" or "HOST:PORT" */
	size_t host_count;
	const char *ports;   /* of hosts without their own; or NULL */
	const char *payload; /* or NULL */
};

/*
 * HOST... PORTS [PAYLOAD], or HOST:PORT... [PAYLOAD].  `words` ends with NULL.
 * Returns an exit status; unless it is 0, a line was written to stderr.
 */
int ask_words_read(char **words, struct ask_words *result);

struct host_port {
	char host[NI_MAXHOST];
	const char *port; /* "": none */
};

/* "10.1.2.3", "10.1.2.3:53", "fe80::2%eth0" or "[fe80::2%eth0]:53" */
void host_port_split(const char *word, struct host_port *split);

/*
 * Says why a socket could not be opened, by errno; `bind` is the value of
 * --bind, or NULL.  An exit status.
 */
int ask_fail_to_open(const char *host, const char *bind);

struct ask_ports {
	const char *text; /* as it was read */
	uint32_t set[PORTS_WORDS];
	size_t count;
};

/*
 * As port_list_read(), with the services of /etc/services.  False: it is no
 * such list; `text` is set all the same.
 */
bool ask_ports_read(const char *text, struct ask_ports *ports);

#endif
