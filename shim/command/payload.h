/* SPDX-License-Identifier: MIT */
/* What `replyfrom ask` sends, and what counts as an answer to it. */
#ifndef REPLYFROM_PAYLOAD_H
#define REPLYFROM_PAYLOAD_H

#include "command/protocol.h"

/*
 * Reads the user's choice: the name of a protocol, bytes in hex, "@FILE", or
 * "-" for standard input.  Returns NULL, or why it cannot be used.
 */
const char *payload_choose(const char *text, struct payload *choice);

/* Whether the text names one of the protocols. */
bool payload_is_protocol(const char *text);

/*
 * Makes the payload for one server: as `choice` says, or, where that is NULL,
 * of the protocol that is usual on the port of `to`.  False: none is known
 * there, so it is a line of text, and any datagram counts as an answer.
 */
bool payload_make(struct payload *payload, const struct payload *choice,
		  const struct sockaddr_in6 *to);

bool payload_is_answer(const struct payload *payload, const uint8_t *answer,
		       size_t bytes);

/* The names of all protocols: "dns, ntp, ...". */
const char *payload_names(void);

#endif
