/* SPDX-License-Identifier: MIT */
/* Who is a client: the peers that are answered. */
#include "state/peers_client.h"

#include "base/config.h"
#include "state/peers_id.h"

/*
 * The entry of this peer that all sockets without an own port share; NULL if
 * there is none, or the key's socket has its own port.
 */
static struct peer *find_anywhere(const struct peers_key *key)
{
	struct peers_key anywhere = *key;

	if (peers_port_be(key->sock))
		return NULL;
	anywhere.sock = NO_SOCK;
	return peers_find(&anywhere, peers_hash(&anywhere).peer);
}

bool peers_is_outbound_anywhere(const struct peers_key *key)
{
	const struct peer *peer = find_anywhere(key);

	return peer && peers_is_outbound(peer);
}

void peers_confirm_claim(const struct peers_key *key)
{
	struct peer *peer = find_anywhere(key);

	if (!peer || peer->entry.kind != PEERS_CLAIMED)
		return;
	peers_begin_change(peer);
	peers_unlink(peer);
	peer->entry.kind = PEERS_LEARNED;
	peers_end_change(peer);
}

/* The peer of this key's host that was heard last, as far as is known. */
static struct peer *find_host(const struct peers_key *key, uint32_t hashv)
{
	uint32_t hint = peers_table.hints[hashv & peers_table.hint_mask];
	struct peer *peer;

	if (!hint || hint > peers_table.used)
		return NULL;
	peer = peers_nth(hint - 1);
	return peers_key_has_host(&peer->key, key) ? peer : NULL;
}

/* What a peer did on other sockets than the one that is written to. */
struct elsewhere {
	struct peer *waiting; /* its newest request that was not answered */
	struct peer *sibling; /* the newest one on a socket of the same port */
	bool is_outbound;     /* some socket wrote to it first */
};

static bool is_newer(const struct peer *peer, const struct peer *than,
		     uint32_t now)
{
	return !than || peers_age(peer, now) < peers_age(than, now);
}

static void consider(struct elsewhere *e, const struct peers_key *key,
		     struct peer *peer, uint32_t now)
{
	const bool is_asked = peer->entry.kind == PEERS_ASKED &&
			      peer->local.family != AF_UNSPEC;
	const in_port_t port_be = peers_port_be(key->sock);

	if (peers_is_outbound(peer))
		e->is_outbound = true;
	if (is_asked && peers_is_waiting(peer, now) &&
	    is_newer(peer, e->waiting, now))
		e->waiting = peer;
	if (is_asked && peers_is_fresh(peer, now) && port_be &&
	    port_be == peers_port_be(peer->key.sock) &&
	    is_newer(peer, e->sibling, now))
		e->sibling = peer;
}

/*
 * The peer's request on another socket that is answered from this one: it
 * waits, or came to a socket of the same port.  NULL: there is none.
 */
static struct peer *find_elsewhere(const struct peers_key *key,
				   struct peers_hashes hashes, uint32_t now)
{
	struct elsewhere e = { .is_outbound = peers_is_outbound_anywhere(key) };
	uint32_t next = *peers_chain_of(hashes.anywhere);
	struct peer *peer;

	for (int i = 0; next && i < MOST_SOCKS; i++, next = peer->older) {
		peer = peers_nth(next - 1);
		if (peer->key.sock != key->sock &&
		    peers_key_has_peer(&peer->key, key))
			consider(&e, key, peer, now);
	}
	if (e.waiting && ((config_get()->follow_ms && !e.is_outbound) ||
			  e.waiting == e.sibling))
		return e.waiting;
	return e.sibling;
}

void peers_note_kind(const struct peers_key *key, enum peers_kind kind,
		     const struct local *local, uint32_t now)
{
	const struct peers_hashes hashes = peers_hash(key);
	struct peer *peer = peers_find(key, hashes.peer);

	if (!peer && peers_have_room(now))
		peer = peers_insert(key, hashes, now);
	if (!peer)
		return;
	peers_begin_change(peer);
	if (kind > PEERS_CLAIMED)
		peers_unlink(peer);
	peer->entry.kind = (uint8_t)kind;
	peers_link(peer, hashes.anywhere);
	peer->entry.answered = true;
	peer->local = *local;
	peer->heard = now;
	peers_end_change(peer);
}

/*
 * What is written to an outbound peer is unasked.  Whom a socket without a port
 * of its own number writes to is remembered for the process: see
 * peers_is_outbound_anywhere.
 */
static void note_outbound(const struct peers_key *key, enum peers_kind kind,
			  uint32_t now)
{
	const struct local none = { .family = AF_UNSPEC };
	struct peers_key outbound = *key;

	if (!peers_port_be(key->sock))
		outbound.sock = NO_SOCK;
	peers_note_kind(&outbound, kind, &none, now);
}

/*
 * Takes the source of an answer from what is known of another socket.  When all
 * requests are answered, the peer counts as written to first, for what asks
 * next may be forged in the name of one that we ask ourselves.
 */
static bool learn(const struct peers_key *key, struct peer *found,
		  bool is_remembered, struct local *local, uint32_t now)
{
	*local = found->local;
	peers_note_answer(&found->entry);
	if (!peers_port_be(key->sock) && !found->entry.unanswered)
		note_outbound(key, PEERS_CLAIMED, now);
	if (is_remembered)
		peers_note_kind(key, PEERS_LEARNED, local, now);
	return true;
}

/* Another port of its host, heard last, waits for an answer: it is this one. */
static bool answer_host(const struct peers_key *key, struct peers_hashes hashes,
			struct local *local, uint32_t now)
{
	struct peer *peer = find_host(key, hashes.host);

	if (!peer || !peer->entry.unanswered || !peers_is_fresh(peer, now) ||
	    peer->local.family == AF_UNSPEC)
		return false;
	*local = peer->local;
	peers_note_answer(&peer->entry);
	peers_note_kind(key, PEERS_FOR_HOST, local, now);
	return true;
}

/* A write to a peer that has not asked this socket, as far as is known. */
static bool answer_stranger(const struct peers_key *key,
			    struct peers_hashes hashes, bool is_send,
			    struct local *local)
{
	const uint32_t now = peers_now();
	struct peer *known = peers_find(key, hashes.peer);
	struct peer *found = find_elsewhere(key, hashes, now);

	if (found)
		return learn(key, found, is_send, local, now);
	if (known && known->entry.kind == PEERS_LEARNED &&
	    known->local.family != AF_UNSPEC && peers_is_fresh(known, now)) {
		*local = known->local;
		return true;
	}
	if (is_send && (!known || known->entry.kind == PEERS_FOR_HOST) &&
	    !peers_is_outbound_anywhere(key) &&
	    answer_host(key, hashes, local, now))
		return true;
	if (!known || key->sock == NO_SOCK)
		note_outbound(key, PEERS_OUTBOUND, now);
	return false;
}

/* A write to a peer that this process wrote to first: what it asked, once. */
static bool answer_outbound(struct peer *peer, struct local *local)
{
	const uint32_t now = peers_now();
	const bool waits = peers_is_waiting(peer, now);

	if (waits)
		*local = peer->local;
	/* Another version, so that what a thread read last is answered too. */
	peers_begin_change(peer);
	peer->entry.kind = PEERS_OUTBOUND;
	peer->entry.unanswered = 0;
	peer->heard = now;
	peers_end_change(peer);
	return waits && local->family != AF_UNSPEC;
}

/*
 * A write to a peer that asked this socket: the first address of its batch, or
 * the last one of all.
 */
static bool answer_client(struct peer *peer, struct local *local, bool *queued)
{
	if (peers_thread.state == PEERS_DRAINED &&
	    peer->batch == peers_current_batch())
		*queued = queue_take(&peer->queue, local);
	if (!*queued)
		*local = peer->local;
	peers_note_answer(&peer->entry);
	return local->family != AF_UNSPEC;
}

bool peers_find_source(const struct peers_key *key, struct peers_hashes hashes,
		       bool is_send, struct local *local, bool *queued)
{
	struct peer *peer = peers_find(key, hashes.peer);

	if (peer && peers_is_outbound(peer))
		return answer_outbound(peer, local);
	if (peer && peer->entry.kind == PEERS_ASKED &&
	    peers_is_fresh(peer, peers_now()))
		return answer_client(peer, local, queued);
	return answer_stranger(key, hashes, is_send, local);
}
