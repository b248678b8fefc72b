/* SPDX-License-Identifier: MIT */
/* Which peer is forgotten for a new one: the table is looked at in rounds. */
#include "state/peers_table.h"

/* Number of peers that are compared to find the one to forget. */
#define EVICTION_WINDOW 16
/* How many evictions before its use something is brought into the caches. */
#define AHEAD 6

/*
 * Whose is highest is forgotten: the oldest of those that asked and are not
 * fresh or were not answered, or else of all.  A flood of forged requests must
 * not make us forget to whom we wrote first.
 */
static inline bool is_kept(const struct peer *peer, uint32_t now)
{
	return peers_is_outbound(peer) ||
	       (peer->entry.answered && peers_is_fresh(peer, now));
}

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
 * The round goes on behind the victim, so that of a second's peers the oldest
 * go first.  Where all that were compared are kept it goes on behind them, so
 * that a flood takes one of sixteen that stand together.  Not where half of the
 * table is like that: those who wait would be met too soon again.
 */
static void move_hand(const struct peer *victim, uint32_t now)
{
	const uint32_t most = peers_table.used / EVICTION_WINDOW / 2;
	const bool kept = is_kept(victim, now);

	if (kept && peers_table.kept_in_a_row < most) {
		peers_table.kept_in_a_row++;
		peers_table.hand += EVICTION_WINDOW;
		return;
	}
	if (!kept)
		peers_table.kept_in_a_row = 0;
	peers_table.hand = victim->index + 1;
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
	/* To look for a page that is not there takes long, too. */
	if (peer->hh.hh_prev)
		__builtin_prefetch(peer->hh.hh_prev, 1);
	if (peer->hh.hh_next)
		__builtin_prefetch(peer->hh.hh_next, 1);
	if (peer->older)
		__builtin_prefetch(&peers_nth(peer->older - 1)->newer, 1);
}

ALWAYS_INLINE void prefetch_peer(const struct peer *peer)
{
	for (size_t at = 0; at < sizeof(*peer); at += COUNT_LINE)
		__builtin_prefetch((const char *)peer + at, 1);
}

/*
 * What an eviction touches was used last when the round came by here before, a
 * whole table ago.  So the caches get it some evictions earlier, while the
 * server does other work; the peers go in order, mostly.
 */
ALWAYS_INLINE void prefetch_victims(void)
{
	const uint32_t around = peers_table.hand + AHEAD;
	const uint32_t compared = around + EVICTION_WINDOW;

	if (compared >= peers_table.used)
		return;
	prefetch_around(peers_nth(around));
	prefetch_peer(peers_nth(compared));
}

void peers_move_on(const struct peer *victim, uint32_t now)
{
	move_hand(victim, now);
	prefetch_victims();
}
