/* SPDX-License-Identifier: MIT */
/* Remembers which local address each peer sent its datagrams to. */
#ifndef REPLYFROM_PEERS_H
#define REPLYFROM_PEERS_H

#include "base/attribute.h"
#include "state/peers_thread.h"
#include "state/pktinfo.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/*
 * In all functions here `sock` is the id of a socket, sock_id().  `peer`, of
 * `len` bytes, is the address as a call on that socket returned or took it; an
 * IPv4 peer and its v4-mapped form are the same peer.
 *
 * The functions take the table's leaf lock, keep errno, and are
 * async-signal-safe: in a handler that interrupts one of them, another finds
 * nothing, and remembers nothing.
 */

/*
 * Remembers that a datagram of `peer` to `local` was read; `peeked`: with
 * MSG_PEEK.  Forgets another peer if there are REPLYFROM_PEERS already.
 */
void peers_remember(uint64_t sock, const struct sockaddr *peer, socklen_t len,
		    const struct local *local, bool peeked);

/* peers_recall() if the peer is not what this thread read last, or answered. */
bool peers_recall_slowly(uint64_t sock, const struct sockaddr *peer,
			 socklen_t len, struct local *local, bool *queued);

/*
 * Sets *local to the source of a datagram to `peer`.  *queued: it was taken
 * from the addresses of a batch.  If the datagram is not sent, peers_unrecall()
 * has to be called.  False: the datagram is no answer, so the kernel
 * chooses; *local may be changed.  See peers_client.h.
 */
ALWAYS_INLINE bool peers_recall(uint64_t sock, const struct sockaddr *peer,
				socklen_t len, struct local *local,
				bool *queued)
{
	const uint32_t version = peers_thread.last.version;

	atomic_signal_fence(memory_order_seq_cst);
	*queued = false;
	/* The first answer may be late: REPLYFROM_TTL does not count. */
	if (LIKELY(!peers_thread.last.answered &&
		   peers_is_last(sock, peer, len) &&
		   peers_recall_last(version, local)))
		return true;
	return peers_recall_slowly(sock, peer, len, local, queued);
}

/*
 * peers_recall() for connect(2), and for a socket that is not tracked: another
 * port of the peer's host does not count.
 */
bool peers_claim(uint64_t sock, const struct sockaddr *peer, socklen_t len,
		 struct local *local);

/*
 * Remembers that what `sock` sends to `peer` is an answer, from the address
 * `local`.  The peer sent its request to another socket.
 */
void peers_learn(uint64_t sock, const struct sockaddr *peer, socklen_t len,
		 const struct local *local);

/* Undoes peers_recall() of what was not sent, but to a host's other port. */
void peers_unrecall(uint64_t sock, const struct sockaddr *peer, socklen_t len,
		    const struct local *local, bool queued);

/* No longer recalls `local` for `peer`: the kernel refuses it as a source. */
void peers_forget(uint64_t sock, const struct sockaddr *peer, socklen_t len,
		  const struct local *local);

#endif
