/* SPDX-License-Identifier: MIT */
/* The UDP protocols that `replyfrom ask` knows a request of. */
#ifndef REPLYFROM_PROTOCOL_H
#define REPLYFROM_PROTOCOL_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PAYLOAD_MOST_BYTES = 1472 }; /* one Ethernet frame holds it */

struct payload {
	const struct protocol *protocol; /* NULL: bytes of the user's */
	size_t bytes;
	uint8_t data[PAYLOAD_MOST_BYTES];
};

struct protocol {
	const char *name;
	unsigned int ports[2]; /* where it is usual; 0: no second one */
	/* Fills in `data` and `bytes`, with a new transaction id. */
	void (*make)(struct payload *payload, const struct sockaddr_in6 *to);
	/* Whether a datagram is the answer to it. */
	bool (*is_answer)(const struct payload *payload, const uint8_t *answer,
			  size_t bytes);
};

/* The last one has no name.  The one that echoes a line of text is first. */
extern const struct protocol protocols[];

#endif
