/* SPDX-License-Identifier: MIT */
/* Who is a client, and which source a write to it gets. */
#ifndef REPLYFROM_PEERS_CLIENT_H
#define REPLYFROM_PEERS_CLIENT_H

#include "state/peers_table.h"

/*
 * The source of what is written to the peer of this key, with the lock;
 * `is_send` unless it is connect(2).  False: the kernel's choice.
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
 * Whether this process wrote to the peer first.  Asked for a socket without a
 * port of its own number: such are made anew for each question.
 */
bool peers_is_outbound_anywhere(const struct peers_key *key);

/* A peer that was answered by a new socket writes to that: it is a client. */
void peers_confirm_claim(const struct peers_key *key);

/* Remembers that a peer is no client of this socket, or why it is one. */
void peers_note_kind(const struct peers_key *key, enum peers_kind kind,
		     const struct local *local, uint32_t now);

#endif
