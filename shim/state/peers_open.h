/* SPDX-License-Identifier: MIT */
/* Makes the table of peers, and empties it. */
#ifndef REPLYFROM_PEERS_OPEN_H
#define REPLYFROM_PEERS_OPEN_H

#include <stdbool.h>
#include <stdint.h>

/* How many peers are remembered when no memory can be mapped for the table. */
#define PEERS_SPARE 512
#define PEERS_ARE_FEW                                                    \
	"no more than 512 peers are remembered, for there is no memory " \
	"for more"

/*
 * Allocates the memory that the first peers need.  To be called early, because
 * a server may forbid itself mmap(2) and getrandom(2) later.  False: there is
 * none, and PEERS_SPARE peers at most are remembered.  Keeps errno; takes the
 * table's leaf lock, and is async-signal-safe.
 */
bool peers_open(void);

/* False: peers_open() did not run yet, so there are no peers.  No lock. */
bool peers_are_open(void);

/* Empties the table and sets its bounds anew; for tests, single-threaded. */
void peers_reset(uint32_t bound, uint32_t ttl_s);

#endif
