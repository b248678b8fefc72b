/* SPDX-License-Identifier: MIT */
/* Remembers a peer when its datagram is read, and recalls it when answering. */
#include "state/peers.h"

#include "state/peers_client.h"
#include "state/peers_open.h"
#include "state/peers_table.h"
#include "state/queue.h"

/* The peer asks another address than before: from now on a queue is needed. */
static void begin_queue(struct peer *peer)
{
	if (queue_is_empty(&peer->queue) && !queue_is_lost(&peer->queue)) {
		queue_append(&peer->queue, &peer->local, peer->datagrams);
		count_add(&peers_counts[COUNT_CONFLICTS], 1);
	}
}

/* The batch has one more datagram of this peer, to the same address. */
RACY static inline void count_in_batch(struct peer *peer, uint64_t batch)
{
	if (peer->batch != batch) {
		peer->batch = batch;
		peer->datagrams = 1;
	} else if (peer->datagrams < UINT16_MAX) {
		peer->datagrams++;
	}
}

/*
 * The batch has one more datagram of this peer, to any address.  A queue is
 * only needed once they went to different ones; until then they are counted.
 */
static inline void note_in_batch(struct peer *peer, const struct local *local,
				 bool is_same)
{
	const uint64_t batch = peers_reading_batch();

	if (peer->batch != batch && peer->queue.first)
		queue_drop(&peer->queue);
	if (peer->batch != batch || (is_same && queue_is_empty(&peer->queue))) {
		count_in_batch(peer, batch);
		return;
	}
	begin_queue(peer);
	if (!queue_is_lost(&peer->queue))
		queue_append(&peer->queue, local, 1);
}

/* An answer may go to what is only peeked at: the batch goes on as it was. */
static void note_peeked(struct peer *peer, bool is_same)
{
	if (peers_thread.state == PEERS_READING &&
	    peer->batch == peers_current_batch() && !is_same)
		begin_queue(peer);
}

/* To an outbound peer one answer is due at most: it sends by itself as well. */
RACY static inline void note_request(struct peer *peer)
{
	if (peer->entry.unanswered < UINT16_MAX &&
	    (LIKELY(peer->entry.kind != PEERS_OUTBOUND) ||
	     !peer->entry.unanswered))
		peer->entry.unanswered++;
}

/* A datagram of this peer was read: see peers_remember. */
struct datagram {
	const struct sockaddr *name;
	socklen_t len;
	const struct local *local;
	bool peeked;
	struct peers_key key;
	struct peers_hashes hashes;
};

static inline void keep_last(const struct datagram *d, struct peer *peer,
			     uint32_t version)
{
	struct peers_last *last = &peers_thread.last;
	uint64_t sock = atomic_load_explicit(&last->sock, memory_order_relaxed);

	/* Of two on this thread that write it, one only may. */
	if (UNLIKELY(sock == PEERS_WRITTEN ||
		     !atomic_compare_exchange_strong_explicit(
			     &last->sock, &sock, PEERS_WRITTEN,
			     memory_order_relaxed, memory_order_relaxed)))
		return;
	atomic_signal_fence(memory_order_seq_cst);
	if (LIKELY(d->name->sa_family == AF_INET)) {
		memcpy(last->name, d->name, sizeof(*last->name));
	} else {
		last->name[3] = 0;
		memcpy(last->name, d->name,
		       d->len < sizeof(struct sockaddr_in6)
			       ? d->len
			       : sizeof(struct sockaddr_in6));
	}
	local_copy(&last->local, d->local);
	last->version = version;
	last->entry = &peer->entry;
	last->answered = false;
	atomic_signal_fence(memory_order_seq_cst);
	atomic_store_explicit(&last->sock, PEERS_LAST(d->key.sock),
			      memory_order_relaxed);
}

RACY static inline void note_host(const struct datagram *d,
				  const struct peer *peer)
{
	uint32_t *hint =
		&peers_table.hints[d->hashes.host & peers_table.hint_mask];

	/* Mostly it is there already: leave the cache line clean then. */
	// cppcheck-suppress duplicateConditionalAssign
	if (*hint != peer->index + 1)
		*hint = peer->index + 1;
}

/*
 * The usual case: the peer asks the address that it asked before.  Nothing
 * changes that other threads rely on, so this takes no lock.  False: it is
 * another case, or another thread changes the peer right now.
 */
RACY ALWAYS_INLINE bool remember_again(const struct datagram *d)
{
	uint32_t version, now;
	struct peer *peer = peers_glance(&d->key, d->hashes.peer, &version);

	if (UNLIKELY(!peer || d->peeked || peer->queue.first ||
		     peer->entry.kind > PEERS_CLAIMED ||
		     d->local->family == AF_UNSPEC ||
		     !local_equal(&peer->local, d->local)))
		return false;
	now = peers_now();
	if (UNLIKELY(!peers_is_unchanged(peer, version)))
		return false;
	/* Not its queue: another thread may begin it, under the lock. */
	count_in_batch(peer, peers_reading_batch());
	note_request(peer);
	peer->heard = now;
	keep_last(d, peer, version);
	note_host(d, peer);
	return true;
}

/* Remembers any datagram, with the lock. */
static void remember(const struct datagram *d)
{
	const uint32_t now = peers_now();
	struct peer *peer = peers_find(&d->key, d->hashes.peer);
	bool is_same;

	if (!peer) {
		peer = peers_insert(&d->key, d->hashes, now);
		if (!peer)
			return;
		if (peers_is_outbound_anywhere(&d->key))
			peer->entry.kind = PEERS_OUTBOUND;
	}
	peers_begin_change(peer);
	if (peer->entry.kind == PEERS_LEARNED)
		peers_confirm_claim(&d->key);
	if (peer->entry.kind > PEERS_CLAIMED)
		peer->entry.kind = PEERS_ASKED;
	peers_link(peer, d->hashes.anywhere);
	is_same = local_equal(&peer->local, d->local);
	if (d->peeked) {
		note_peeked(peer, is_same);
	} else {
		note_in_batch(peer, d->local, is_same);
		note_request(peer);
	}
	peer->local = *d->local;
	peer->heard = now;
	peers_end_change(peer);
	if (d->local->family == AF_UNSPEC || !queue_is_empty(&peer->queue))
		peers_drop_last();
	else
		keep_last(d, peer, peer->entry.version);
	note_host(d, peer);
}

/* Allocates memory for a peer, takes the lock and remembers. */
static __attribute__((noinline)) void remember_locked(const struct datagram *d)
{
	/* Mostly the peer is new, and peers_link() will use its chain. */
	__builtin_prefetch(peers_chain_of(d->hashes.anywhere), 1);
	peers_reserve();
	if (!peers_take_lock())
		return;
	remember(d);
	peers_release_lock();
}

HOT void peers_remember(uint64_t sock, const struct sockaddr *peer,
			socklen_t len, const struct local *local, bool peeked)
{
	struct datagram d;

	if (UNLIKELY(peers_thread.state == PEERS_PACKETS))
		return;
	if (UNLIKELY(!peers_table.buckets)) {
		peers_open();
		if (!peers_table.buckets)
			return;
	}
	if (UNLIKELY(!peers_key_of(sock, peer, len, &d.key)))
		return;
	d.name = peer;
	d.len = len;
	d.local = local;
	d.peeked = peeked;
	d.hashes = peers_hash(&d.key);
	__builtin_prefetch(
		&peers_table.hints[d.hashes.host & peers_table.hint_mask]);
	if (UNLIKELY(!remember_again(&d)))
		remember_locked(&d);
}

/*
 * A send that changes nothing other threads rely on, so without the lock.
 * *found: there is a source; else the peer is outbound, and has asked nothing
 * since.  False: look again, with the lock.
 */
RACY static inline bool recall_known(const struct peers_key *key,
				     uint32_t hashv, struct local *local,
				     bool *found)
{
	uint32_t version, now;
	struct peer *peer = peers_glance(key, hashv, &version);
	struct local source;
	bool was_first;

	if (!peer || peer->queue.first || peer->entry.kind > PEERS_CLAIMED)
		return false;
	now = peers_now();
	source = peer->local;
	was_first = peer->entry.kind == PEERS_OUTBOUND;
	if (was_first
		    ? peer->entry.unanswered
		    : source.family == AF_UNSPEC || !peers_is_fresh(peer, now))
		return false;
	if (!peers_is_unchanged(peer, version))
		return false;
	peers_note_answering();
	*found = !was_first;
	if (was_first) {
		peer->heard = now;
	} else {
		peers_note_answer(&peer->entry);
		*local = source;
	}
	return true;
}

/*
 * Allocates memory for a peer, takes the lock and calls peers_find_source().
 * False: there is no source, and *local and *queued are as they were.
 */
static bool find_source_locked(const struct peers_key *key,
			       struct peers_hashes hashes, bool is_send,
			       struct local *local, bool *queued)
{
	struct local source;
	bool found, taken = false;

	peers_reserve();
	if (!peers_take_lock())
		return false;
	if (is_send)
		peers_note_answering();
	found = peers_find_source(key, hashes, is_send, &source, &taken);
	peers_release_lock();
	if (found) {
		*local = source;
		*queued = taken;
	}
	return found;
}

bool peers_recall_slowly(uint64_t sock, const struct sockaddr *peer,
			 socklen_t len, struct local *local, bool *queued)
{
	struct peers_hashes hashes;
	struct peers_key key;
	bool found;

	if (!peers_table.buckets || peers_thread.state == PEERS_PACKETS ||
	    !peers_key_of(sock, peer, len, &key))
		return false;
	peers_know_thread();
	hashes = peers_hash(&key);
	if (recall_known(&key, hashes.peer, local, &found))
		return found;
	return find_source_locked(&key, hashes, true, local, queued);
}

bool peers_claim(uint64_t sock, const struct sockaddr *peer, socklen_t len,
		 struct local *local)
{
	struct peers_key key;
	bool queued = false;

	return peers_table.buckets && peers_thread.state != PEERS_PACKETS &&
	       peers_key_of(sock, peer, len, &key) &&
	       find_source_locked(&key, peers_hash(&key), false, local,
				  &queued);
}

void peers_learn(uint64_t sock, const struct sockaddr *peer, socklen_t len,
		 const struct local *local)
{
	struct peers_key key;

	if (!peers_table.buckets || !peers_key_of(sock, peer, len, &key))
		return;
	peers_reserve();
	if (!peers_take_lock())
		return;
	peers_note_kind(&key, PEERS_LEARNED, local, peers_now());
	peers_release_lock();
}

/* Locks, and returns a peer that was just answered; NULL, and not locked. */
static struct peer *lock_for(uint64_t sock, const struct sockaddr *peer,
			     socklen_t len)
{
	struct peer *found;
	struct peers_key key;

	if (!peers_table.buckets || !peers_key_of(sock, peer, len, &key) ||
	    !peers_take_lock())
		return NULL;
	found = peers_find(&key, peers_hash(&key).peer);
	if (!found)
		peers_release_lock();
	return found;
}

void peers_unrecall(uint64_t sock, const struct sockaddr *peer, socklen_t len,
		    const struct local *local, bool queued)
{
	struct peer *found = lock_for(sock, peer, len);

	if (!found)
		return;
	if (queued && found->batch == peers_current_batch())
		queue_put_back(&found->queue, local);
	/* It gets one answer only. */
	if (!queued && found->entry.kind == PEERS_OUTBOUND) {
		peers_begin_change(found);
		found->entry.unanswered = 1;
		peers_end_change(found);
	}
	peers_release_lock();
}

static void forget_local(struct peer *peer, const struct local *local)
{
	peers_begin_change(peer);
	if (local_equal(&peer->local, local))
		peer->local.family = AF_UNSPEC;
	queue_forget(&peer->queue, local);
	peers_end_change(peer);
}

void peers_forget(uint64_t sock, const struct sockaddr *peer, socklen_t len,
		  const struct local *local)
{
	struct peer *found = lock_for(sock, peer, len), *other;
	uint32_t next;

	if (!found)
		return;
	forget_local(found, local);
	/* Nor is it to be found by way of another socket. */
	next = *peers_chain_of(peers_hash(&found->key).anywhere);
	for (int i = 0; next && i < MOST_SOCKS; i++, next = other->older) {
		other = peers_nth(next - 1);
		if (peers_key_has_peer(&other->key, &found->key))
			forget_local(other, local);
	}
	peers_release_lock();
}
