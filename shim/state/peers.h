/* SPDX-License-Identifier: MIT */
/* Remembers to which local address each peer's datagram was sent. */
#ifndef REPLYFROM_PEERS_H
#define REPLYFROM_PEERS_H

#include "base/attribute.h"
#include "state/peers_thread.h"
#include "state/pktinfo.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/*
 * In all of these `sock` is the id of a socket: its port, if it was bound to
 * one by number, in the lower 16 bits, and above them a number of its own; 0 is
 * a socket that is not tracked.  `peer`, of `len` bytes, is the address as a
 * call on that socket gave or took it; an IPv4 peer and its v4-mapped form are
 * one.  They take the table's leaf lock, keep errno, and are
 * async-signal-safe: a handler that interrupts one of them gets the answer of
 * an empty table, and its datagram is not remembered.
 */

/* How many peers are remembered when no memory can be mapped for the table. */
#define PEERS_SPARE 512
#define PEERS_ARE_FEW                                                    \
	"no more than 512 peers are remembered, for there is no memory " \
	"for more"

static inline uint64_t peers_id(uint64_t number, in_port_t port_be)
{
	return number << 16 | port_be;
}

/* The port that the socket was bound to by number, or 0. */
static inline in_port_t peers_port_be(uint64_t sock)
{
	return (in_port_t)(sock & 0xffff);
}

/*
 * Gets what memory the first peers need.  Now, for a server may be about to
 * forbid itself mmap(2) and getrandom(2).  False: there is none, and no more
 * than PEERS_SPARE are remembered, or fewer.
 */
bool peers_open(void);

/*
 * A datagram of `peer` to `local` was read; `peeked` when it stays in the
 * queue.  Forgets another when REPLYFROM_PEERS are remembered.
 */
void peers_remember(uint64_t sock, const struct sockaddr *peer, socklen_t len,
		    const struct local *local, bool peeked);

bool peers_recall_slowly(uint64_t sock, const struct sockaddr *peer,
			 socklen_t len, struct local *local, bool *queued);

/*
 * The address that what is written to `peer` comes from, by the table in
 * peers_client.h; *queued: it is the next of a batch.  False, and *local is of
 * no use, when the kernel chooses, for nothing is answered.
 */
ALWAYS_INLINE bool peers_recall(uint64_t sock, const struct sockaddr *peer,
				socklen_t len, struct local *local,
				bool *queued)
{
	const uint32_t version = peers_thread.last.version;

	atomic_signal_fence(memory_order_seq_cst);
	*queued = false;
	/* The first answer is never too late. */
	if (LIKELY(!peers_thread.last.answered &&
		   peers_is_last(sock, peer, len) &&
		   peers_recall_last(version, local)))
		return true;
	return peers_recall_slowly(sock, peer, len, local, queued);
}

/* Whether there may be any: peers_open() was called.  Takes no lock. */
bool peers_are_open(void);

/*
 * As peers_recall, but not for another port of the peer's host: for connect(2),
 * and for a socket that is not tracked.
 */
bool peers_claim(uint64_t sock, const struct sockaddr *peer, socklen_t len,
		 struct local *local);

/* `sock` answers `peer`, which asked `local` on another socket. */
void peers_learn(uint64_t sock, const struct sockaddr *peer, socklen_t len,
		 const struct local *local);

/* A queued recall that came to nothing: the next one shall find it again. */
void peers_unrecall(uint64_t sock, const struct sockaddr *peer, socklen_t len,
		    const struct local *local);

/* The kernel refuses `local` as a source: no longer recall it for `peer`. */
void peers_forget(uint64_t sock, const struct sockaddr *peer, socklen_t len,
		  const struct local *local);

/* Empties the table and sets its bounds anew; for tests, single-threaded. */
void peers_reset(uint32_t bound, uint32_t ttl_s);

#endif
