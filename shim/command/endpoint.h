/* SPDX-License-Identifier: MIT */
/* Sends a payload to a server's addresses, and receives the answers. */
#ifndef REPLYFROM_ENDPOINT_H
#define REPLYFROM_ENDPOINT_H

#include "command/payload.h"

#include <netdb.h>
#include <stddef.h>

enum {
	MOST_ENDPOINTS = 256,
	ENDPOINT_TEXT = NI_MAXHOST,
};

enum endpoint_verdict {
	ENDPOINT_SILENT,
	ENDPOINT_RIGHT,
	ENDPOINT_WRONG,
	ENDPOINT_REFUSED,
	ENDPOINT_FAILED, /* it cannot be sent to */
};

/*
 * An address and port that is asked.  Each has a socket of its own, so that the
 * port of an answer shows which question it belongs to; the socket is not
 * connected, so that it receives answers from other addresses too.
 */
struct endpoint {
	struct sockaddr_in6 asked; /* with room for either family */
	struct payload payload;
	bool is_text; /* no protocol is known on that port */
	int fd;
	bool done;
	enum endpoint_verdict verdict;
	int error;		  /* errno, when it failed */
	struct sockaddr_in6 from; /* who answered */
};

/* The numeric address, with its interface where it has one. */
void endpoint_text(const struct sockaddr_in6 *name, char *text);

/*
 * Opens the socket, on the address `from`, or any if NULL.  False, and errno:
 * that failed.
 */
bool endpoint_open(struct endpoint *endpoint, const struct sockaddr_in6 *from);

/* Asks those that have not answered, and listens for so long. */
void endpoints_ask(struct endpoint *endpoints, size_t count, int wait_ms);

#endif
