/* SPDX-License-Identifier: MIT */
/* Who is a client, and which source a write to it gets. */
#ifndef REPLYFROM_PEERS_CLIENT_H
#define REPLYFROM_PEERS_CLIENT_H

#include "state/peers_table.h"

/* The caller of each function in this file holds peers_lock. */

/*
 * Sets *local to the source of a datagram to the peer of this key, as the table
 * "Who is a client" in shim/README.md says, and notes that the peer is written
 * to.  Returns false if the kernel should choose the source.  is_send is false
 * for connect(2).  *queued must be false before the call; it is set to true if
 * the source was taken from the addresses of a batch.
 */
bool peers_find_source(const struct peers_key *key, struct peers_hashes hashes,
		       bool is_send, struct local *local, bool *queued);

/*
 * Whether any socket of this process that has no own port wrote to the peer
 * first: such sockets are often made for one query.  False if key->sock has
 * one.
 */
bool peers_is_outbound_anywhere(const struct peers_key *key);

/* A peer that was answered by a new socket wrote to it: it is a client. */
void peers_confirm_claim(const struct peers_key *key);

/*
 * Sets the kind and the local address of a peer, which is added if there is
 * room: why it is a client of this socket, or why not.
 */
void peers_note_kind(const struct peers_key *key, enum peers_kind kind,
		     const struct local *local, uint32_t now);

#endif
