/* SPDX-License-Identifier: MIT */
/* The table: (socket, peer) -> the local address that the peer asked. */
#ifndef REPLYFROM_PEERS_TABLE_H
#define REPLYFROM_PEERS_TABLE_H

#include "base/attribute.h"
#include "base/lock.h"
#include "state/peers.h"
#include "state/queue.h"

#include <limits.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* A key's bytes are compared as words. */
#define HASH_KEYCMP(a, b, bytes) (!peers_key_equal((a), (b)))
#include <uthash.h>

/* All buckets from the start: a rehash would take milliseconds. */
#undef HASH_INITIAL_NUM_BUCKETS
#undef HASH_INITIAL_NUM_BUCKETS_LOG2
#undef HASH_BKT_CAPACITY_THRESH
#define HASH_INITIAL_NUM_BUCKETS (1U << peers_table.log2)
#define HASH_INITIAL_NUM_BUCKETS_LOG2 peers_table.log2
#define HASH_BKT_CAPACITY_THRESH UINT_MAX

#define PEERS_PER_CHUNK 512
#define CHUNKS (4194304 / PEERS_PER_CHUNK)
#define HINTS_PER_BUCKET 2
/* Clock ticks in a uint32_t: they wrap after two years. */
#define TICKS_PER_S 64
/* Mostly a hash chain has one or two peers; no attacker can make it longer. */
#define MOST_STEPS 8

/* Words, so that they stay in registers. */
struct peers_key {
	/*
	 * An in6_addr, v4-mapped for IPv4.  A link-local address has its scope
	 * where it has zeroes otherwise: RFC 4291, section 2.5.6.
	 */
	uint64_t addr[2];
	uint64_t sock;
	uint32_t port_be;
	uint32_t unused;
};

#define KEY_WORDS (sizeof(struct peers_key) / sizeof(uint32_t))

/* Instead of an id: all sockets of the process, or one that is not tracked. */
#define NO_SOCK 0
/* Number of sockets of one peer that are compared, the newest first. */
#define MOST_SOCKS 16

static inline uint32_t peers_upper(uint64_t word)
{
	return (uint32_t)(word >> 32);
}

RACY static inline bool peers_key_has_host(const struct peers_key *a,
					   const struct peers_key *b)
{
	return a->addr[1] == b->addr[1] && a->sock == b->sock &&
	       a->addr[0] == b->addr[0];
}

RACY static inline bool peers_key_equal(const struct peers_key *a,
					const struct peers_key *b)
{
	return peers_key_has_host(a, b) && a->port_be == b->port_be;
}

/* Whether it is the same peer, on whichever socket. */
static inline bool peers_key_has_peer(const struct peers_key *a,
				      const struct peers_key *b)
{
	return a->addr[1] == b->addr[1] && a->addr[0] == b->addr[0] &&
	       a->port_be == b->port_be;
}

/* What a look-up reads comes first, and is in one line of the cache. */
struct peer {
	struct peers_entry entry;
	UT_hash_handle hh;
	struct peers_key key;
	struct local local; /* AF_UNSPEC: the kernel chooses */
	uint64_t batch;	    /* that it was heard in last */
	struct queue queue; /* the addresses of that batch, if they differ */
	uint32_t index;
	uint32_t heard;	    /* in ticks; if outbound: heard or written to */
	uint16_t datagrams; /* of that batch */
	/* In its chain, if it asked or is outbound; neighbours: 1 + an index */
	bool is_linked;
	uint32_t newer;
	uint32_t older;
};

/* The hashes of a key. */
struct peers_hashes {
	uint32_t peer;	   /* of the whole key */
	uint32_t host;	   /* without the port */
	uint32_t anywhere; /* without the socket */
};

/*
 * Guards peers_table, peers_counts and all queues, except what remember_again()
 * and recall_known() in peers.c do.  A leaf: nothing is locked, logged or
 * mapped under it.
 */
extern HIDDEN struct lock peers_lock;

struct peers_table {
	struct peer *head;
	UT_hash_table uthash;
	UT_hash_bucket *_Atomic buckets; /* NULL until the table opens */
	uint32_t log2;			 /* of the number of buckets */
	uint32_t bucket_mask;
	uint32_t hint_mask;
	uint32_t *hints;  /* by host: 1 + the peer that was heard last */
	uint32_t *chains; /* of peers by hashes.anywhere: 1 + the newest */
	uint64_t seeds[KEY_WORDS];
	struct peer *chunks[CHUNKS];
	_Atomic uint32_t capacity; /* peers that there is memory for */
	_Atomic uint32_t used;
	_Atomic uint32_t refused_at; /* the tick when there was no memory */
	uint32_t bound;
	uint32_t ttl_s;
	uint32_t hand;		/* where the next eviction looks */
	uint32_t kept_in_a_row; /* how often all compared were kept */
	uint32_t versions;
};
extern HIDDEN struct peers_table peers_table;

/* Empties the table.  The caller holds the lock, or is the only thread. */
void peers_forget_all(void);

/* False: it was not taken, see LOCK_REFUSED in lock.h. */
static inline bool peers_take_lock(void)
{
	enum lock_result result = lock_take(&peers_lock);

	/* A fork caught another thread in the middle of a change, or that
	 * thread ended there. */
	if (result == LOCK_INHERITED)
		peers_forget_all();
	return result != LOCK_REFUSED;
}

static inline void peers_release_lock(void)
{
	lock_release(&peers_lock);
}

bool peers_key_of_v6(const struct sockaddr *peer, socklen_t len,
		     struct peers_key *key);

/* Makes the key of a peer on a socket.  False: not an IP address. */
static inline bool peers_key_of(uint64_t sock, const struct sockaddr *peer,
				socklen_t len, struct peers_key *key)
{
	struct sockaddr_in v4;
	uint32_t word[2] = { htonl(0xffff) };

	key->sock = sock;
	/* sendto(2) takes AF_UNSPEC for AF_INET on a socket of that family. */
	if (UNLIKELY((peer->sa_family != AF_INET &&
		      peer->sa_family != AF_UNSPEC) ||
		     len < sizeof(v4)))
		return peers_key_of_v6(peer, len, key);
	memcpy(&v4, peer, sizeof(v4));
	word[1] = v4.sin_addr.s_addr;
	key->addr[0] = 0;
	memcpy(&key->addr[1], word, sizeof(key->addr[1]));
	key->port_be = v4.sin_port;
	return true;
}

/*
 * Strongly universal, so that no sender can choose collisions: multiply-shift
 * and pair-multiply-shift, M. Thorup, "High Speed Hashing for Integers and
 * Strings", sections 3.3 and 3.4.
 */
static inline struct peers_hashes peers_hash(const struct peers_key *key)
{
	const uint64_t *seed = peers_table.seeds;
	const uint64_t address = seed[0] +
				 (seed[1] + peers_upper(key->addr[0])) *
					 (seed[2] + (uint32_t)key->addr[0]) +
				 (seed[3] + peers_upper(key->addr[1])) *
					 (seed[4] + (uint32_t)key->addr[1]);
	const uint64_t port = seed[5] * key->port_be;
	const uint64_t sock = seed[6] * (uint32_t)key->sock +
			      seed[7] * peers_upper(key->sock);

	return (struct peers_hashes){
		.peer = peers_upper(address + sock + port),
		.host = peers_upper(address + sock),
		.anywhere = peers_upper(address + port),
	};
}

static inline uint32_t peers_now(void)
{
	const uint32_t ns_per_tick = 1000000000 / TICKS_PER_S;
	struct timespec now = { 0 };

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint32_t)now.tv_sec * TICKS_PER_S +
	       (uint32_t)now.tv_nsec / ns_per_tick;
}

static inline struct peer *peers_nth(uint32_t n)
{
	return &peers_table.chunks[n / PEERS_PER_CHUNK][n % PEERS_PER_CHUNK];
}

/* The peer of this key, or NULL.  The caller holds the lock. */
struct peer *peers_find(const struct peers_key *key, uint32_t hashv);

/*
 * Adds a peer, and forgets another one if there is no memory.  NULL: there is
 * no memory at all.  The caller holds the lock, and called peers_reserve().
 */
struct peer *peers_insert(const struct peers_key *key,
			  struct peers_hashes hashes, uint32_t now);

/* Whether a peer can be added without forgetting one that is not answered. */
bool peers_have_room(uint32_t now);

/*
 * The peer to forget for a new one; the same until peers_move_on().  The caller
 * of both holds the lock.
 */
struct peer *peers_victim(uint32_t now);

/* The victim is forgotten: the next peers_victim() compares those behind it. */
void peers_move_on(const struct peer *victim, uint32_t now);

/* Allocates memory for a few more peers, outside the lock.  Keeps errno. */
void peers_reserve(void);

/* For those without the lock: its version is 0 in between, and then new. */
void peers_begin_change(struct peer *peer);
void peers_end_change(struct peer *peer);

/*
 * Puts the peer into its chain, of those with the same hash `anywhere`, as the
 * newest.  Not one of kind PEERS_LEARNED or PEERS_FOR_HOST: with a new socket
 * for each answer these would hide the peer that asked.
 */
void peers_link(struct peer *peer, uint32_t anywhere);
void peers_unlink(struct peer *peer);

/* Whether the peer still has this version.  See peers_glance(). */
RACY static inline bool peers_is_unchanged(const struct peer *peer,
					   uint32_t version)
{
	atomic_thread_fence(memory_order_acquire);
	return atomic_load_explicit(&peer->entry.version,
				    memory_order_relaxed) == version;
}

/*
 * The peer of this key, without the lock.  What the caller reads of it is valid
 * if peers_is_unchanged() returns true afterwards.  NULL: it was not found in a
 * few steps, or is being changed, perhaps by the call that a handler
 * interrupted; take the lock.
 */
RACY ALWAYS_INLINE struct peer *peers_glance(const struct peers_key *key,
					     uint32_t hashv, uint32_t *version)
{
	const UT_hash_handle *hh =
		peers_table.buckets[hashv & peers_table.bucket_mask].hh_head;
	struct peer *peer;

	for (int i = 0;
	     LIKELY(hh) && UNLIKELY(hh->hashv != hashv) && i < MOST_STEPS; i++)
		hh = hh->hh_next;
	if (UNLIKELY(!hh || lock_inside))
		return NULL;
	peer = (struct peer *)((char *)hh - offsetof(struct peer, hh));
	__builtin_prefetch(&peer->index);
	*version = atomic_load_explicit(&peer->entry.version,
					memory_order_acquire);
	return LIKELY(*version && peers_key_equal(&peer->key, key)) ? peer
								    : NULL;
}

/*
 * Ticks since the peer was heard, plus those of a second: another thread may
 * hear it after `now`.
 */
RACY static inline uint32_t peers_age(const struct peer *peer, uint32_t now)
{
	return now - peer->heard + TICKS_PER_S;
}

/* Whether it was heard in the last REPLYFROM_TTL seconds. */
RACY static inline bool peers_is_fresh(const struct peer *peer, uint32_t now)
{
	return peers_age(peer, now) <= (peers_table.ttl_s + 1) * TICKS_PER_S;
}

/* Whether this process wrote to the peer first, or it counts as such. */
static inline bool peers_is_outbound(const struct peer *peer)
{
	return peer->entry.kind == PEERS_OUTBOUND ||
	       peer->entry.kind == PEERS_CLAIMED;
}

/*
 * Whether a request of this peer was read in the last REPLYFROM_FOLLOW_MS, and
 * is not answered yet.
 */
bool peers_is_waiting(const struct peer *peer, uint32_t now);

static inline uint32_t *peers_chain_of(uint32_t anywhere)
{
	return &peers_table.chains[anywhere & peers_table.hint_mask];
}

#endif
