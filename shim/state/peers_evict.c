/* SPDX-License-Identifier: MIT */
/*
 * Chooses the peer to forget for a new one.  A hand goes round the table, and
 * compares the next EVICTION_WINDOW peers.
 */
#include "state/peers_table.h"

/* Number of peers that are compared to find the one to forget. */
#define EVICTION_WINDOW 16
/* How many evictions before its use something is brought into the caches. */
#define AHEAD 6

/*
 * Whether the peer is forgotten only if all that are compared are kept: we
 * wrote to it first, or answered it in the last REPLYFROM_TTL seconds.  So a
 * flood of forged requests evicts its own peers.
 */
static inline bool is_kept(const struct peer *peer, uint32_t now)
{
	return peers_is_outbound(peer) ||
	       (peer->entry.answered && peers_is_fresh(peer, now));
}

/*
 * The highest rank is forgotten: of the peers that are not kept, or else of
 * all, the one that was not heard for longest.
 */
static inline uint64_t eviction_rank(const struct peer *peer, uint32_t now)
{
	return (uint64_t)!is_kept(peer, now) << 32 | peers_age(peer, now);
}

struct peer *peers_victim(uint32_t now)
{
	struct peer *best = NULL;
	uint64_t highest = 0;
	uint32_t n;

	if (peers_table.hand >= peers_table.used)
		peers_table.hand = 0;
	n = peers_table.hand;
	for (uint32_t i = 0; i < EVICTION_WINDOW; i++) {
		struct peer *peer = peers_nth(n);
		const uint64_t rank = eviction_rank(peer, now);

		if (!best || rank > highest) {
			best = peer;
			highest = rank;
		}
		n = n + 1 < peers_table.used ? n + 1 : 0;
	}
	return best;
}

/*
 * What taking a peer out of the table touches besides the peer.  Inline,
 * because gcc removes a call of a function that does nothing but prefetch.
 */
ALWAYS_INLINE void prefetch_around(const struct peer *peer)
{
	__builtin_prefetch(
		&peers_table.buckets[peer->hh.hashv & peers_table.bucket_mask],
		1);
	__builtin_prefetch(peers_chain_of(peers_hash(&peer->key).anywhere), 1);
	/* Not NULL: the processor would search for its page each time. */
	if (peer->hh.hh_prev)
		__builtin_prefetch(peer->hh.hh_prev, 1);
	if (peer->hh.hh_next)
		__builtin_prefetch(peer->hh.hh_next, 1);
	if (peer->older)
		__builtin_prefetch(&peers_nth(peer->older - 1)->newer, 1);
}

/*
 * The memory that an eviction touches was last used when the hand was here
 * before, so it has left the caches.  It is prefetched AHEAD evictions early;
 * the victims are mostly in the order of the table.
 */
ALWAYS_INLINE void prefetch_victims(void)
{
	const uint32_t around = peers_table.hand + AHEAD;
	const uint32_t compared = around + EVICTION_WINDOW;

	if (compared >= peers_table.used)
		return;
	prefetch_around(peers_nth(around));
	for (size_t at = 0; at < sizeof(struct peer); at += COUNT_LINE)
		__builtin_prefetch((char *)peers_nth(compared) + at, 1);
}

/*
 * Moves the hand behind the victim, so that of peers heard in the same second
 * the oldest goes first.  If all that were compared are kept, it moves behind
 * all of them, so that a flood takes one kept peer of sixteen.  Not if that
 * happened for half of the table: the hand would come back too soon to clients
 * that wait for an answer.
 */
void peers_move_on(const struct peer *victim, uint32_t now)
{
	const uint32_t most = peers_table.used / EVICTION_WINDOW / 2;
	const bool kept = is_kept(victim, now);

	if (kept && peers_table.kept_in_a_row < most) {
		peers_table.kept_in_a_row++;
		peers_table.hand += EVICTION_WINDOW;
	} else {
		if (!kept)
			peers_table.kept_in_a_row = 0;
		peers_table.hand = victim->index + 1;
	}
	prefetch_victims();
}
