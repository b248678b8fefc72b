/* SPDX-License-Identifier: MIT */
/* Remembers to which local address each peer's datagram was sent. */
#ifndef REPLYFROM_PEERS_H
#define REPLYFROM_PEERS_H

#include "pktinfo.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/*
 * In all of these `sock` is the id of a socket, and `peer`, of `len` bytes, the
 * address as a call on that socket gave or took it; an IPv4 peer and its
 * v4-mapped form are one.  They take the table's leaf lock, keep errno, and are
 * async-signal-safe: a handler that interrupts one of them gets the answer of
 * an empty table, and its datagram is not remembered.
 */

/*
 * Gets what memory the first peers need.  Now, for a server may be about to
 * forbid itself mmap(2) and getrandom(2).
 */
void peers_open(void);

/*
 * A datagram of `peer` to `local` was read; `peeked` when it stays in the
 * queue.  Forgets another when REPLYFROM_PEERS are remembered.
 */
void peers_remember(uint32_t sock, const struct sockaddr *peer, socklen_t len,
		    const struct local *local, bool peeked);

/*
 * This thread has read what there was: a whole recvmmsg(2), or up to EAGAIN.
 * What it read since it last sent or last had read everything is a batch, and
 * its answers are taken to come in the same order.
 */
void peers_drained(void);

/*
 * The address that an answer to `peer` shall come from.  False, and *local
 * untouched, when nothing is known of it or the kernel shall choose.
 *
 * It is the address this peer asked last; while this thread answers a batch,
 * the first that it asked there and that was not recalled yet (*queued is then
 * true).  For a peer that has not asked it is the address that another port of
 * its host asked last.
 */
bool peers_recall(uint32_t sock, const struct sockaddr *peer, socklen_t len,
		  struct local *local, bool *queued);

/* Whether there may be any: peers_open() was called.  Takes no lock. */
bool peers_are_open(void);

/*
 * Whether `peer` asked this socket, that very port: *local gets the address
 * that it asked last, and this counts as an answer.
 */
bool peers_find(uint32_t sock, const struct sockaddr *peer, socklen_t len,
		struct local *local);

/*
 * The same, when a datagram of it was read, not merely peeked at, and waits for
 * an answer for REPLYFROM_FOLLOW_MS at most.  Each is good for one claim.
 */
bool peers_claim(uint32_t sock, const struct sockaddr *peer, socklen_t len,
		 struct local *local);

/* A queued recall that came to nothing: the next one shall find it again. */
void peers_unrecall(uint32_t sock, const struct sockaddr *peer, socklen_t len,
		    const struct local *local);

/* The kernel refuses `local` as a source: no longer recall it for `peer`. */
void peers_forget(uint32_t sock, const struct sockaddr *peer, socklen_t len,
		  const struct local *local);

/* Empties the table and sets its bounds anew; for tests, single-threaded. */
void peers_reset(uint32_t bound, uint32_t ttl_s);

#endif
