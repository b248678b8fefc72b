/* SPDX-License-Identifier: MIT */
/* The verbs of peers.h, as the tests tell them. */
#ifndef STORY_H
#define STORY_H

#include "address.h"

#include <stdbool.h>
#include <stdint.h>

/* `peer` asked `local` on `sock`; "" asked a multicast group. */
void hear(uint64_t sock, struct address peer, const char *local);

/* The same, but the datagram stays in the queue. */
void peek(uint64_t sock, struct address peer, const char *local);

/* The text of the address that answers `peer`; "nothing" when there is none. */
const char *answer(uint64_t sock, struct address peer);

/* The same of the address that a connect(2) to `peer` gets. */
const char *claimed(uint64_t sock, struct address peer);

/* As `answer`, without its consequences for a batch: asked by another thread.
 */
const char *answer_elsewhere(uint64_t sock, struct address peer);

/* A recall that came to nothing. */
void put_back(uint64_t sock, struct address peer, const char *local);

void forget(uint64_t sock, struct address peer, const char *local);

/* What threads counted since the last call: "1 seen 2 own ", or "". */
const char *counted(void);

#endif
