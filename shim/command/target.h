/* SPDX-License-Identifier: MIT */
/* Sends a payload to a server's addresses, and hears who answers. */
#ifndef REPLYFROM_TARGET_H
#define REPLYFROM_TARGET_H

#include "command/payload.h"

#include <netdb.h>
#include <stddef.h>

enum {
	MOST_TARGETS = 256,
	TARGET_TEXT = NI_MAXHOST,
};

enum target_verdict {
	TARGET_SILENT,
	TARGET_RIGHT,
	TARGET_WRONG,
	TARGET_REFUSED,
	TARGET_FAILED, /* it cannot be sent to */
};

/*
 * An address and port that is asked.  Each has a socket of its own, so that the
 * port of an answer shows which question it belongs to; the socket is not
 * connected, so that it hears a server that answers from another address.
 */
struct target {
	struct sockaddr_in6 asked; /* with room for either family */
	struct payload payload;
	bool is_text; /* no protocol is known on that port */
	int fd;
	bool done;
	enum target_verdict verdict;
	int error;		  /* errno, when it failed */
	struct sockaddr_in6 from; /* who answered */
};

/* The numeric address, with its interface where it has one. */
void target_text(const struct sockaddr_in6 *name, char *text);

/*
 * Opens the socket, on the address `from`, or any if NULL.  False, and errno:
 * that failed.
 */
bool target_open(struct target *target, const struct sockaddr_in6 *from);

/* Asks those that have not answered, and listens for so long. */
void targets_ask(struct target *targets, size_t count, int wait_ms);

#endif
