/* SPDX-License-Identifier: MIT */
/* Who is a client, and which source a write to it gets. */
#ifndef REPLYFROM_PEERS_CLIENT_H
#define REPLYFROM_PEERS_CLIENT_H

#include "state/peers_table.h"

/*
 * Finds the source of what is sent to the peer of this key, and notes that it
 * is sent.  is_send: false for connect(2).  False: the kernel chooses the
 * source.  For this and all functions here the caller holds peers_lock.
 *
 * | the peer                               | the source is the address        |
 * |----------------------------------------|----------------------------------|
 * | asked this socket, before we wrote     | that it asked last; while this   |
 * |                                        | thread answers a batch, the next |
 * |                                        | of the batch (*queued is true)   |
 * | was written to first, and asked since  | that it asked, once              |
 * | was written to first                   | none                             |
 * | asked another socket of the same port  | that it asked last               |
 * | asked another socket, lately, and was  | that it asked; never if we wrote |
 * | not answered yet                       | to the peer first                |
 * | has not asked, but another port of its | that this one asked, once        |
 * | host, on this socket: not answered yet |                                  |
 * | any other                              | none; it was written to first    |
 * | any, and peers_read_packets was called | none                             |
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
