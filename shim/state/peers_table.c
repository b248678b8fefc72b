/* SPDX-License-Identifier: MIT */
/* The table's memory, its entries, and which of them are forgotten. */
#include <stddef.h>

static void *table_memory(size_t bytes);
static void table_clear(void *at, size_t bytes);

#define HASH_NONFATAL_OOM 1
#define uthash_malloc(bytes) table_memory(bytes)
#define uthash_free(at, bytes) ((void)(at))
#define uthash_bzero(at, bytes) table_clear(at, bytes)
#include "state/peers_table.h"

#include "base/config.h"
#include "base/memory.h"
#include "base/probe.h"
#include "state/peers_open.h"

#include <errno.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>

struct lock peers_lock;
struct peers_table peers_table;

_Alignas(COUNT_LINE) counter peers_counts[COUNTS_OF_TABLE];

static void *table_memory(size_t bytes)
{
	return bytes == sizeof(peers_table.uthash) ? (void *)&peers_table.uthash
						   : peers_table.buckets;
}

static void table_clear(void *at, size_t bytes)
{
	/* The buckets are clean: see peers_forget_all. */
	if (at != peers_table.buckets)
		memset(at, 0, bytes);
}

static size_t bucket_bytes(uint32_t log2)
{
	return sizeof(UT_hash_bucket) << log2;
}

static size_t hint_count(uint32_t log2)
{
	return (size_t)HINTS_PER_BUCKET << log2;
}

static size_t region_bytes(uint32_t log2)
{
	return bucket_bytes(log2) +
	       2 * hint_count(log2) * sizeof(*peers_table.hints);
}

void peers_forget_all(void)
{
	peers_drop_last();
	peers_table.head = NULL;
	peers_table.used = 0;
	count_set(&peers_counts[COUNT_REMEMBERED], 0);
	queue_drop_all();
	if (!peers_table.buckets)
		return;
	memset(peers_table.buckets, 0, bucket_bytes(peers_table.log2));
	memset(peers_table.chains, 0,
	       hint_count(peers_table.log2) * sizeof(*peers_table.chains));
}

static bool draw_seeds(uint64_t *seeds, size_t bytes)
{
	/* AT_RANDOM: for where getrandom is forbidden, or not ready. */
	/* getauxval(3) returns pointers as numbers. */
	const unsigned char
		*spare = // NOLINTNEXTLINE(performance-no-int-to-ptr)
		(const unsigned char *)getauxval(AT_RANDOM);
	const size_t spare_bytes = 16;

	if (getrandom(seeds, bytes, GRND_NONBLOCK) == (ssize_t)bytes)
		return true;
	for (size_t i = 0; spare && i < bytes; i++)
		((unsigned char *)seeds)[i] =
			(unsigned char)(spare[i % spare_bytes] + i);
	return spare != NULL;
}

/*
 * Where no memory can be mapped (RLIMIT_AS, or mlockall(2) with RLIMIT_MEMLOCK)
 * PEERS_SPARE are remembered here.  What is not used takes no memory.
 */
#define SPARE_LOG2 9
_Static_assert(1 << SPARE_LOG2 == PEERS_SPARE, "a bucket for each");
_Static_assert(PEERS_PER_CHUNK == PEERS_SPARE, "a chunk");
static struct peer spare_peers[PEERS_PER_CHUNK];
/* As region_bytes() counts. */
static _Alignas(UT_hash_bucket) char spare_region
	[(sizeof(UT_hash_bucket) + sizeof(uint32_t) * HINTS_PER_BUCKET * 2)
	 << SPARE_LOG2];

static void free_memory(void *at, size_t bytes)
{
	if (at && at != spare_peers && at != spare_region)
		memory_unmap(at, bytes);
}

/* Makes room for the buckets, outside the lock, and opens the peers_table. */
static bool open_table(void)
{
	const struct config *config = config_get();
	uint32_t bound = peers_table.bound ? peers_table.bound : config->peers,
		 log2 = 4;
	uint64_t seeds[KEY_WORDS];
	void *region;

	while ((1U << log2) < bound)
		log2++;
	region = memory_map(region_bytes(log2));
	if (!region) {
		region = spare_region;
		if (log2 > SPARE_LOG2) {
			log2 = SPARE_LOG2;
			bound = PEERS_SPARE;
		}
	}
	if (draw_seeds(seeds, sizeof(seeds)) && peers_take_lock()) {
		if (!peers_table.buckets) {
			memcpy(peers_table.seeds, seeds, sizeof(seeds));
			peers_table.log2 = log2;
			peers_table.bucket_mask = (1U << log2) - 1;
			peers_table.hint_mask = (uint32_t)hint_count(log2) - 1;
			peers_table.hints = (uint32_t *)((char *)region +
							 bucket_bytes(log2));
			peers_table.chains =
				peers_table.hints + hint_count(log2);
			peers_table.bound = bound;
			count_set(&peers_counts[COUNT_BOUND], bound);
			if (!peers_table.ttl_s)
				peers_table.ttl_s = config->ttl_s;
			peers_table.buckets = region;
			region = NULL;
		}
		peers_release_lock();
	}
	free_memory(region, region_bytes(log2));
	return peers_table.buckets != NULL;
}

/* Makes room for more peers, outside the lock.  False: there is no memory. */
static bool add_chunk(void)
{
	const size_t bytes = PEERS_PER_CHUNK * sizeof(struct peer);
	struct peer *chunk = memory_map(bytes);
	const bool mapped = chunk;

	if (!peers_take_lock()) {
		free_memory(chunk, bytes);
		return true;
	}
	if (!chunk && !peers_table.capacity)
		chunk = spare_peers;
	if (chunk && peers_table.capacity < CHUNKS * PEERS_PER_CHUNK) {
		peers_table.chunks[peers_table.capacity / PEERS_PER_CHUNK] =
			chunk;
		peers_table.capacity += PEERS_PER_CHUNK;
		chunk = NULL;
	}
	peers_release_lock();
	free_memory(chunk, bytes);
	return mapped;
}

bool peers_key_of_v6(const struct sockaddr *peer, socklen_t len,
		     struct peers_key *key)
{
	struct sockaddr_in6 v6 = { 0 };
	uint32_t word[sizeof(v6.sin6_addr) / sizeof(uint32_t)];

	if (peer->sa_family != AF_INET6 ||
	    len < offsetof(struct sockaddr_in6, sin6_scope_id))
		return false;
	memcpy(&v6, peer, len < sizeof(v6) ? len : sizeof(v6));
	memcpy(word, &v6.sin6_addr, sizeof(word));
	if (IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr))
		word[1] ^= v6.sin6_scope_id;
	memcpy(key->addr, word, sizeof(word));
	key->port_be = v6.sin6_port;
	return true;
}

struct peer *peers_find(const struct peers_key *key, uint32_t hashv)
{
	struct peer *peer;

	HASH_FIND_BYHASHVALUE(hh, peers_table.head, key, sizeof(*key), hashv,
			      peer);
	return peer;
}

bool peers_is_waiting(const struct peer *peer, uint32_t now)
{
	const uint32_t ms_per_s = 1000;

	return peer->entry.unanswered &&
	       peers_age(peer, now) <=
		       config_get()->follow_ms * TICKS_PER_S / ms_per_s +
			       TICKS_PER_S;
}

void peers_begin_change(struct peer *peer)
{
	atomic_store_explicit(&peer->entry.version, 0, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
}

void peers_end_change(struct peer *peer)
{
	atomic_store_explicit(&peer->entry.version, ++peers_table.versions,
			      memory_order_release);
}

/* All but its place; its version is 0 already. */
RACY static void clear(struct peer *peer)
{
	*peer = (struct peer){ .index = peer->index };
}

void peers_link(struct peer *peer, uint32_t anywhere)
{
	uint32_t *chain = peers_chain_of(anywhere);

	if (peer->is_linked || peer->entry.kind > PEERS_CLAIMED)
		return;
	peer->is_linked = true;
	peer->newer = 0;
	peer->older = *chain;
	if (peer->older)
		peers_nth(peer->older - 1)->newer = peer->index + 1;
	*chain = peer->index + 1;
}

void peers_unlink(struct peer *peer)
{
	if (!peer->is_linked)
		return;
	peer->is_linked = false;
	if (peer->older)
		peers_nth(peer->older - 1)->newer = peer->newer;
	if (peer->newer)
		peers_nth(peer->newer - 1)->older = peer->older;
	else
		*peers_chain_of(peers_hash(&peer->key).anywhere) = peer->older;
}

/* Memory for one more peer: unused, or of one that has to go; or NULL. */
static struct peer *free_peer(uint32_t now)
{
	struct peer *peer;
	uint32_t index = peers_table.used;

	if (index < peers_table.bound && index < peers_table.capacity) {
		peers_table.used++;
		count_set(&peers_counts[COUNT_REMEMBERED], peers_table.used);
		peer = peers_nth(index);
		peer->index = index;
	} else if (index > 1) {
		peer = peers_victim(now);
		peers_move_on(peer, now);
		queue_drop(&peer->queue);
		count_add(&peers_counts[COUNT_EVICTED], 1);
		PROBE3(evicted, peer->key.sock, peer->key.addr,
		       peer->key.port_be);
		HASH_DELETE(hh, peers_table.head, peer);
		peers_unlink(peer);
	} else {
		return NULL;
	}
	peers_begin_change(peer);
	clear(peer);
	return peer;
}

struct peer *peers_insert(const struct peers_key *key,
			  struct peers_hashes hashes, uint32_t now)
{
	struct peer *peer = free_peer(now);

	if (!peer)
		return NULL;
	peer->key = *key;
	HASH_ADD_BYHASHVALUE(hh, peers_table.head, key, sizeof(*key),
			     hashes.peer, peer);
	return peer;
}

bool peers_have_room(uint32_t now)
{
	return (peers_table.used < peers_table.bound &&
		peers_table.used < peers_table.capacity) ||
	       peers_table.used <= 1 ||
	       !peers_is_waiting(peers_victim(now), now);
}

void peers_reserve(void)
{
	/* For so many threads at once; one more forgets another peer. */
	const uint32_t few = 64;
	const int saved = errno;
	uint32_t now;

	if (peers_table.used + few <= peers_table.capacity ||
	    peers_table.capacity >= peers_table.bound)
		return;
	/* What was refused is not asked for again at each datagram. */
	now = peers_now();
	if (now - peers_table.refused_at >= TICKS_PER_S && !add_chunk())
		peers_table.refused_at = now;
	errno = saved;
}

bool peers_open(void)
{
	int saved = errno;

	if (!peers_table.buckets && open_table() && !peers_table.capacity)
		add_chunk();
	errno = saved;
	return peers_table.buckets &&
	       (void *)peers_table.buckets != spare_region &&
	       peers_table.chunks[0] != spare_peers;
}

bool peers_are_open(void)
{
	return peers_table.buckets != NULL;
}

void peers_reset(uint32_t bound, uint32_t ttl_s)
{
	peers_forget_all();
	peers_thread.state = PEERS_READING;
	for (uint32_t n = 0; n < peers_table.capacity; n += PEERS_PER_CHUNK)
		free_memory(peers_table.chunks[n / PEERS_PER_CHUNK],
			    PEERS_PER_CHUNK * sizeof(struct peer));
	free_memory(peers_table.buckets, region_bytes(peers_table.log2));
	memset(spare_region, 0, sizeof(spare_region));
	memset(&peers_table, 0, sizeof(peers_table));
	peers_table.bound = bound;
	peers_table.ttl_s = ttl_s;
}
