/* SPDX-License-Identifier: MIT */
/* The table: (socket, peer) -> the local address that the peer asked. */
#include "state/peers.h"

#include "base/config.h"
#include "base/lock.h"
#include "base/map.h"
#include "base/probe.h"
#include "state/queue.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>
#include <time.h>

static void *table_memory(size_t bytes);
static void table_clear(void *at, size_t bytes);

#define HASH_NONFATAL_OOM 1
#define uthash_malloc(bytes) table_memory(bytes)
#define uthash_free(at, bytes) ((void)(at))
#define uthash_bzero(at, bytes) table_clear(at, bytes)
#define HASH_KEYCMP(a, b, bytes) (!key_equal((a), (b)))
#include <uthash.h>

/* All buckets from the start: a rehash would take milliseconds. */
#undef HASH_INITIAL_NUM_BUCKETS
#undef HASH_INITIAL_NUM_BUCKETS_LOG2
#undef HASH_BKT_CAPACITY_THRESH
#define HASH_INITIAL_NUM_BUCKETS (1U << table.log2)
#define HASH_INITIAL_NUM_BUCKETS_LOG2 table.log2
#define HASH_BKT_CAPACITY_THRESH UINT_MAX

#define PEERS_PER_CHUNK 512
#define CHUNKS (4194304 / PEERS_PER_CHUNK)
#define HINTS_PER_BUCKET 2
/* So many are compared to find the one to forget. */
#define EVICTION_WINDOW 16
/* Of the clock: it wraps after two years. */
#define TICKS_PER_S 64
/* A chain is mostly of one or two; an attacker does not choose its length. */
#define MOST_STEPS 8

/* Words, so that they stay in registers. */
struct key {
	/*
	 * An in6_addr; of IPv4 the v4-mapped form.  Of a link-local one the
	 * scope is where that has zeroes: RFC 4291, section 2.5.6.
	 */
	uint64_t addr[2];
	uint64_t sock;
	uint32_t port_be;
	uint32_t unused;
};

#define KEY_WORDS (sizeof(struct key) / sizeof(uint32_t))

/* In place of a socket: all of the process, or one that is not tracked. */
#define NO_SOCK 0
/* So many sockets that one peer wrote to are compared, the newest first. */
#define MOST_SOCKS 16

static inline uint32_t upper(uint64_t word)
{
	return (uint32_t)(word >> 32);
}

RACY static inline bool key_has_host(const struct key *a, const struct key *b)
{
	return a->addr[1] == b->addr[1] && a->sock == b->sock &&
	       a->addr[0] == b->addr[0];
}

RACY static inline bool key_equal(const struct key *a, const struct key *b)
{
	return key_has_host(a, b) && a->port_be == b->port_be;
}

/* Whether it is the same peer, on whichever socket. */
static inline bool key_has_peer(const struct key *a, const struct key *b)
{
	return a->addr[1] == b->addr[1] && a->addr[0] == b->addr[0] &&
	       a->port_be == b->port_be;
}

/* What a look-up reads comes first, and is in one line of the cache. */
struct peer {
	struct peers_entry entry;
	UT_hash_handle hh;
	struct key key;
	struct local local; /* AF_UNSPEC: the kernel shall choose */
	uint64_t batch;	    /* that it was heard in last */
	struct queue queue; /* the addresses of that batch, if they differ */
	uint32_t index;
	uint32_t heard;	    /* in ticks; an outbound one: or written to */
	uint16_t datagrams; /* of that batch */
	/* In its chain, if it asked or is outbound: 1 + an index, or 0. */
	bool is_linked;
	uint32_t newer;
	uint32_t older;
};

/* The hashes of a key: all of it, without its port, and without its socket. */
struct hashes {
	uint32_t peer;
	uint32_t host;
	uint32_t anywhere;
};

/*
 * Guards `table`, `peers_counts` and all queues, but for what remember_again
 * does.  A leaf: no calls under it.
 */
static struct lock lock;

static struct {
	struct peer *head;
	UT_hash_table uthash;
	UT_hash_bucket *_Atomic buckets; /* NULL until the table opens */
	uint32_t log2;			 /* of the number of buckets */
	uint32_t bucket_mask;
	uint32_t hint_mask;
	uint32_t *hints;  /* by host: 1 + the peer that was heard last */
	uint32_t *chains; /* of peers by hashes.anywhere: 1 + the newest */
	uint64_t seeds[KEY_WORDS + 1];
	struct peer *chunks[CHUNKS];
	_Atomic uint32_t capacity; /* peers that there is memory for */
	_Atomic uint32_t used;
	uint32_t bound;
	uint32_t ttl_s;
	uint32_t hand; /* where the next eviction looks */
	uint32_t versions;
} table;

_Alignas(COUNT_LINE) counter peers_counts[COUNTS_OF_TABLE];

static _Atomic uint32_t threads;

_Alignas(COUNT_LINE) counter
	peers_lines[COUNT_LINES][COUNT_LINE / sizeof(counter)];

_Thread_local struct peers_thread peers_thread = { .counts = *peers_lines };

static void *table_memory(size_t bytes)
{
	return bytes == sizeof(table.uthash) ? (void *)&table.uthash
					     : table.buckets;
}

static void table_clear(void *at, size_t bytes)
{
	/* The buckets are clean: see forget_all. */
	if (at != table.buckets)
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
	return bucket_bytes(log2) + 2 * hint_count(log2) * sizeof(*table.hints);
}

/* Whoever writes it right now will see that the peer has changed. */
static inline void drop_last(void)
{
	_Atomic uint64_t *sock = &peers_thread.last.sock;
	uint64_t seen = atomic_load_explicit(sock, memory_order_relaxed);

	if (seen != PEERS_WRITTEN)
		atomic_compare_exchange_strong_explicit(sock, &seen, 0,
							memory_order_relaxed,
							memory_order_relaxed);
}

static void forget_all(void)
{
	drop_last();
	table.head = NULL;
	table.used = 0;
	count_set(&peers_counts[COUNT_REMEMBERED], 0);
	queue_drop_all();
	if (!table.buckets)
		return;
	memset(table.buckets, 0, bucket_bytes(table.log2));
	memset(table.chains, 0, hint_count(table.log2) * sizeof(*table.chains));
}

static inline bool take_lock(void)
{
	enum lock_result result = lock_take(&lock);

	/* A fork caught another thread in the middle of a change. */
	if (result == LOCK_INHERITED)
		forget_all();
	return result != LOCK_REFUSED;
}

static bool draw_seeds(uint64_t *seeds, size_t bytes)
{
	/* AT_RANDOM: for where getrandom is forbidden, or not ready. */
	/* getauxval(3) answers pointers as numbers. */
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

/* Makes room for the buckets, outside the lock, and opens the table. */
static bool open_table(void)
{
	const struct config *config = config_get();
	uint32_t bound = table.bound ? table.bound : config->peers, log2 = 4;
	uint64_t seeds[KEY_WORDS + 1];
	void *region;

	while ((1U << log2) < bound)
		log2++;
	region = map_memory(region_bytes(log2));
	if (!region)
		return false;
	if (draw_seeds(seeds, sizeof(seeds)) && take_lock()) {
		if (!table.buckets) {
			memcpy(table.seeds, seeds, sizeof(seeds));
			table.log2 = log2;
			table.bucket_mask = (1U << log2) - 1;
			table.hint_mask = (uint32_t)hint_count(log2) - 1;
			table.hints = (uint32_t *)((char *)region +
						   bucket_bytes(log2));
			table.chains = table.hints + hint_count(log2);
			table.bound = bound;
			count_set(&peers_counts[COUNT_BOUND], bound);
			if (!table.ttl_s)
				table.ttl_s = config->ttl_s;
			table.buckets = region;
			region = NULL;
		}
		lock_release(&lock);
	}
	if (region)
		unmap_memory(region, region_bytes(log2));
	return table.buckets != NULL;
}

/* Makes room for more peers, outside the lock. */
static void add_chunk(void)
{
	const size_t bytes = PEERS_PER_CHUNK * sizeof(struct peer);
	struct peer *chunk = map_memory(bytes);

	if (!chunk || !take_lock()) {
		if (chunk)
			unmap_memory(chunk, bytes);
		return;
	}
	if (table.capacity < CHUNKS * PEERS_PER_CHUNK) {
		table.chunks[table.capacity / PEERS_PER_CHUNK] = chunk;
		table.capacity += PEERS_PER_CHUNK;
		chunk = NULL;
	}
	lock_release(&lock);
	if (chunk)
		unmap_memory(chunk, bytes);
}

static bool key_of_v6(const struct sockaddr *peer, socklen_t len,
		      struct key *key)
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

static inline bool key_of(uint64_t sock, const struct sockaddr *peer,
			  socklen_t len, struct key *key)
{
	struct sockaddr_in v4;
	uint32_t word[2] = { htonl(0xffff) };

	key->sock = sock;
	/* sendto(2) takes AF_UNSPEC for AF_INET on a socket of that family. */
	if (UNLIKELY((peer->sa_family != AF_INET &&
		      peer->sa_family != AF_UNSPEC) ||
		     len < sizeof(v4)))
		return key_of_v6(peer, len, key);
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
static inline struct hashes hash(const struct key *key)
{
	const uint64_t *seed = table.seeds;
	const uint64_t address = seed[0] +
				 (seed[1] + upper(key->addr[0])) *
					 (seed[2] + (uint32_t)key->addr[0]) +
				 (seed[3] + upper(key->addr[1])) *
					 (seed[4] + (uint32_t)key->addr[1]);
	const uint64_t port = seed[5] * key->port_be;
	const uint64_t sock =
		seed[6] * (uint32_t)key->sock + seed[7] * upper(key->sock);

	return (struct hashes){
		.peer = upper(address + sock + port),
		.host = upper(address + sock),
		.anywhere = upper(address + port),
	};
}

static inline uint32_t now_ticks(void)
{
	const uint32_t ns_per_tick = 1000000000 / TICKS_PER_S;
	struct timespec now = { 0 };

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint32_t)now.tv_sec * TICKS_PER_S +
	       (uint32_t)now.tv_nsec / ns_per_tick;
}

static struct peer *nth_peer(uint32_t n)
{
	return &table.chunks[n / PEERS_PER_CHUNK][n % PEERS_PER_CHUNK];
}

static inline struct peer *find(const struct key *key, uint32_t hashv)
{
	struct peer *peer;

	HASH_FIND_BYHASHVALUE(hh, table.head, key, sizeof(*key), hashv, peer);
	return peer;
}

/* Whether it is what it was at that version.  See glance. */
RACY static inline bool is_unchanged(const struct peer *peer, uint32_t version)
{
	atomic_thread_fence(memory_order_acquire);
	return atomic_load_explicit(&peer->entry.version,
				    memory_order_relaxed) == version;
}

/*
 * Without the lock: the peer of this key, if it is found in a few steps and
 * nobody changes it right now.  What is read of it holds if it is_unchanged
 * afterwards.  NULL, also to a handler that interrupted a change: take the
 * lock.
 */
RACY ALWAYS_INLINE struct peer *glance(const struct key *key, uint32_t hashv,
				       uint32_t *version)
{
	const UT_hash_handle *hh =
		table.buckets[hashv & table.bucket_mask].hh_head;
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
	return LIKELY(*version && key_equal(&peer->key, key)) ? peer : NULL;
}

/*
 * In ticks, since it was heard, and a second more: another thread may hear it
 * after we looked at the clock.
 */
RACY static inline uint32_t age(const struct peer *peer, uint32_t now)
{
	return now - peer->heard + TICKS_PER_S;
}

RACY static inline bool is_fresh(const struct peer *peer, uint32_t now)
{
	return age(peer, now) <= (table.ttl_s + 1) * TICKS_PER_S;
}

static inline bool is_outbound(const struct peer *peer)
{
	return peer->entry.kind == PEERS_OUTBOUND ||
	       peer->entry.kind == PEERS_CLAIMED;
}

/*
 * Whose is highest is forgotten: the oldest of those that asked and are not
 * fresh or were not answered, or else of all.  A flood of forged requests must
 * not make us forget to whom we wrote first.
 */
static inline uint64_t eviction_rank(const struct peer *peer, uint32_t now)
{
	const bool is_kept = is_outbound(peer) ||
			     (peer->entry.answered && is_fresh(peer, now));

	return (uint64_t)!is_kept << 32 | age(peer, now);
}

/* The one to forget, of those next in the round. */
static struct peer *victim(uint32_t now)
{
	struct peer *best = NULL;
	uint64_t highest = 0;
	uint32_t n = table.hand < table.used ? table.hand : 0;

	for (uint32_t i = 0; i < EVICTION_WINDOW; i++) {
		struct peer *peer = nth_peer(n);
		const uint64_t rank = eviction_rank(peer, now);

		if (!best || rank > highest) {
			best = peer;
			highest = rank;
		}
		n = n + 1 < table.used ? n + 1 : 0;
	}
	return best;
}

/* Others see that it changes, and that it has. */
static void begin_change(struct peer *peer)
{
	atomic_store_explicit(&peer->entry.version, 0, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
}

static void end_change(struct peer *peer)
{
	atomic_store_explicit(&peer->entry.version, ++table.versions,
			      memory_order_release);
}

/* All but its place; its version is 0 already. */
RACY static void clear(struct peer *peer)
{
	*peer = (struct peer){ .index = peer->index };
}

static inline uint32_t *chain_of(uint32_t anywhere)
{
	return &table.chains[anywhere & table.hint_mask];
}

/*
 * As the newest of those that share its hash without the socket.  Not what was
 * only learned there: a socket for each answer would hide who asked.
 */
static void link_peer(struct peer *peer, uint32_t anywhere)
{
	uint32_t *chain = chain_of(anywhere);

	if (peer->is_linked || peer->entry.kind > PEERS_CLAIMED)
		return;
	peer->is_linked = true;
	peer->newer = 0;
	peer->older = *chain;
	if (peer->older)
		nth_peer(peer->older - 1)->newer = peer->index + 1;
	*chain = peer->index + 1;
}

static void unlink_peer(struct peer *peer)
{
	if (!peer->is_linked)
		return;
	peer->is_linked = false;
	if (peer->older)
		nth_peer(peer->older - 1)->newer = peer->newer;
	if (peer->newer)
		nth_peer(peer->newer - 1)->older = peer->older;
	else
		*chain_of(hash(&peer->key).anywhere) = peer->older;
}

/*
 * Memory for one more peer: unused, or of one that has to go.  NULL: there
 * might be more; if there is none, let `may_evict`.
 */
static struct peer *free_peer(uint32_t now, bool may_evict)
{
	struct peer *peer;
	uint32_t index = table.used;

	if (index < table.bound && index < table.capacity) {
		table.used++;
		count_set(&peers_counts[COUNT_REMEMBERED], table.used);
		peer = nth_peer(index);
		peer->index = index;
	} else if (index > 1 && (may_evict || index >= table.bound)) {
		peer = victim(now);
		/* Behind it, so that of a second's the oldest go first. */
		table.hand = peer->index + 1;
		queue_drop(&peer->queue);
		count_add(&peers_counts[COUNT_EVICTED], 1);
		PROBE3(evicted, peer->key.sock, peer->key.addr,
		       peer->key.port_be);
		HASH_DELETE(hh, table.head, peer);
		unlink_peer(peer);
	} else {
		return NULL;
	}
	begin_change(peer);
	clear(peer);
	return peer;
}

/* The same, of this key. */
static struct peer *insert(const struct key *key, struct hashes hashes,
			   uint32_t now, bool may_evict)
{
	struct peer *peer = free_peer(now, may_evict);

	if (!peer)
		return NULL;
	peer->key = *key;
	HASH_ADD_BYHASHVALUE(hh, table.head, key, sizeof(*key), hashes.peer,
			     peer);
	return peer;
}

/* A thread that is new, also by fork, gets a number. */
static inline void know_thread(void)
{
	const uint32_t generation = lock_generation();
	uint32_t number;

	if (LIKELY(peers_thread.generation == generation))
		return;
	number = atomic_fetch_add(&threads, 1) + 1;
	peers_thread.generation = generation;
	peers_thread.batch = (uint64_t)number << 32;
	peers_thread.state = PEERS_READING;
	peers_thread.counts = peers_lines[number % COUNT_LINES];
}

/* Which batch this thread is in: no other's, in any process, is equal. */
static inline uint64_t current_batch(void)
{
	know_thread();
	return peers_thread.batch;
}

/* The peer asks another address than before: from now on a queue is needed. */
static void begin_queue(struct peer *peer)
{
	if (queue_is_empty(&peer->queue) && !queue_is_lost(&peer->queue)) {
		queue_append(&peer->queue, &peer->local, peer->datagrams);
		count_add(&peers_counts[COUNT_CONFLICTS], 1);
	}
}

/* The batch that a datagram which is read now belongs to. */
static inline uint64_t reading_batch(void)
{
	uint64_t batch = current_batch();

	if (peers_thread.state != PEERS_READING) {
		peers_thread.state = PEERS_READING;
		batch = ++peers_thread.batch;
	}
	return batch;
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
 * The same, to any address.  A queue is only needed once they went to different
 * ones; until then they are counted.
 */
static inline void note_in_batch(struct peer *peer, const struct local *local,
				 bool is_same)
{
	const uint64_t batch = reading_batch();

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
	    peer->batch == current_batch() && !is_same)
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
	struct key key;
	struct hashes hashes;
};

static inline void keep_last(const struct datagram *d, struct peer *peer,
			     uint32_t version, uint32_t now)
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
	last->heard = now;
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
	uint32_t *hint = &table.hints[d->hashes.host & table.hint_mask];

	/* Mostly it is there already: leave the cache line clean then. */
	// cppcheck-suppress duplicateConditionalAssign
	if (*hint != peer->index + 1)
		*hint = peer->index + 1;
}

/*
 * A peer that asks the address that it asked before, as mostly: nothing of it
 * changes that others rely on, so this takes no lock.  False: that is not so,
 * or somebody changes it right now.
 */
RACY ALWAYS_INLINE bool remember_again(const struct datagram *d)
{
	uint32_t version, now;
	struct peer *peer = glance(&d->key, d->hashes.peer, &version);

	if (UNLIKELY(!peer || d->peeked || peer->queue.first ||
		     peer->entry.kind > PEERS_CLAIMED ||
		     d->local->family == AF_UNSPEC ||
		     !local_equal(&peer->local, d->local)))
		return false;
	now = now_ticks();
	if (UNLIKELY(!is_unchanged(peer, version)))
		return false;
	/* Not its queue, which somebody may have begun: that needs the lock. */
	count_in_batch(peer, reading_batch());
	note_request(peer);
	peer->heard = now;
	keep_last(d, peer, version, now);
	note_host(d, peer);
	return true;
}

/* What is known of the peer for sockets without a port of their own. */
static struct peer *find_anywhere(const struct key *key)
{
	struct key anywhere = *key;

	anywhere.sock = NO_SOCK;
	return find(&anywhere, hash(&anywhere).peer);
}

/*
 * Whether this process wrote to the peer first.  Asked for a socket without a
 * port of its own number: such are made anew for each question.
 */
static bool is_outbound_anywhere(const struct key *key)
{
	const struct peer *peer =
		peers_port_be(key->sock) ? NULL : find_anywhere(key);

	return peer && is_outbound(peer);
}

/* A peer that was answered by a new socket writes to that: it is a client. */
static void confirm_claim(const struct key *key)
{
	struct peer *peer =
		peers_port_be(key->sock) ? NULL : find_anywhere(key);

	if (!peer || peer->entry.kind != PEERS_CLAIMED)
		return;
	begin_change(peer);
	unlink_peer(peer);
	peer->entry.kind = PEERS_LEARNED;
	end_change(peer);
}

/* Any datagram, with the lock.  False: no memory, and there might be. */
static bool remember(const struct datagram *d, bool may_evict)
{
	const uint32_t now = now_ticks();
	struct peer *peer = find(&d->key, d->hashes.peer);
	bool is_same;

	if (!peer) {
		peer = insert(&d->key, d->hashes, now, may_evict);
		if (peer && is_outbound_anywhere(&d->key))
			peer->entry.kind = PEERS_OUTBOUND;
	}
	if (!peer)
		return false;
	begin_change(peer);
	if (peer->entry.kind == PEERS_LEARNED)
		confirm_claim(&d->key);
	if (peer->entry.kind > PEERS_CLAIMED)
		peer->entry.kind = PEERS_ASKED;
	link_peer(peer, d->hashes.anywhere);
	is_same = local_equal(&peer->local, d->local);
	if (d->peeked) {
		note_peeked(peer, is_same);
	} else {
		note_in_batch(peer, d->local, is_same);
		note_request(peer);
	}
	peer->local = *d->local;
	peer->heard = now;
	end_change(peer);
	if (d->local->family == AF_UNSPEC || !queue_is_empty(&peer->queue))
		drop_last();
	else
		keep_last(d, peer, peer->entry.version, now);
	note_host(d, peer);
	return true;
}

/* Memory for one more peer, outside the lock.  Keeps errno. */
static void reserve(void)
{
	const int saved = errno;

	if (table.used == table.capacity && table.capacity < table.bound)
		add_chunk();
	errno = saved;
}

/* Remembers with the lock, and sees to the memory. */
static __attribute__((noinline)) void remember_locked(const struct datagram *d)
{
	bool done;

	if (!take_lock())
		return;
	done = remember(d, false);
	lock_release(&lock);
	if (done)
		return;
	reserve();
	if (take_lock()) {
		remember(d, true);
		lock_release(&lock);
	}
}

void peers_open(void)
{
	int saved = errno;

	if (!table.buckets && open_table() && !table.capacity)
		add_chunk();
	errno = saved;
}

HOT void peers_remember(uint64_t sock, const struct sockaddr *peer,
			socklen_t len, const struct local *local, bool peeked)
{
	struct datagram d;

	if (UNLIKELY(!table.buckets)) {
		peers_open();
		if (!table.buckets)
			return;
	}
	if (UNLIKELY(!key_of(sock, peer, len, &d.key)))
		return;
	d.name = peer;
	d.len = len;
	d.local = local;
	d.peeked = peeked;
	d.hashes = hash(&d.key);
	__builtin_prefetch(&table.hints[d.hashes.host & table.hint_mask]);
	if (UNLIKELY(!remember_again(&d)))
		remember_locked(&d);
}

void peers_drained(void)
{
	if (peers_thread.state == PEERS_READING)
		peers_thread.state = PEERS_DRAINED;
}

void peers_read_packets(void)
{
	drop_last();
	peers_thread.state = PEERS_PACKETS;
}

/* The peer of this key's host that was heard last, as far as is known. */
static struct peer *find_host(const struct key *key, uint32_t hashv)
{
	uint32_t hint = table.hints[hashv & table.hint_mask];
	struct peer *peer;

	if (!hint || hint > table.used)
		return NULL;
	peer = nth_peer(hint - 1);
	return key_has_host(&peer->key, key) ? peer : NULL;
}

/* Whether a request of this peer was read lately, and is not answered yet. */
static bool is_waiting(const struct peer *peer, uint32_t now)
{
	const uint32_t ms_per_s = 1000;

	return peer->entry.unanswered &&
	       age(peer, now) <=
		       config_get()->follow_ms * TICKS_PER_S / ms_per_s +
			       TICKS_PER_S;
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
	return !than || age(peer, now) < age(than, now);
}

static void consider(struct elsewhere *e, const struct key *key,
		     struct peer *peer, uint32_t now)
{
	const bool is_asked = peer->entry.kind == PEERS_ASKED &&
			      peer->local.family != AF_UNSPEC;
	const in_port_t port_be = peers_port_be(key->sock);

	if (is_outbound(peer))
		e->is_outbound = true;
	if (is_asked && is_waiting(peer, now) &&
	    is_newer(peer, e->waiting, now))
		e->waiting = peer;
	if (is_asked && is_fresh(peer, now) && port_be &&
	    port_be == peers_port_be(peer->key.sock) &&
	    is_newer(peer, e->sibling, now))
		e->sibling = peer;
}

static struct elsewhere look_elsewhere(const struct key *key,
				       struct hashes hashes, uint32_t now)
{
	struct elsewhere e = { .is_outbound = is_outbound_anywhere(key) };
	uint32_t next = *chain_of(hashes.anywhere);
	struct peer *peer;

	for (int i = 0; next && i < MOST_SOCKS; i++, next = peer->older) {
		peer = nth_peer(next - 1);
		if (peer->key.sock != key->sock &&
		    key_has_peer(&peer->key, key))
			consider(&e, key, peer, now);
	}
	return e;
}

/*
 * The peer's request on another socket that is answered from this one: it
 * waits, or came to a socket of the same port.  NULL: there is none.
 */
static struct peer *find_elsewhere(const struct key *key, struct hashes hashes,
				   uint32_t now)
{
	const struct elsewhere e = look_elsewhere(key, hashes, now);
	const bool may_wait = config_get()->follow_ms && !e.is_outbound;

	if (e.waiting && (may_wait || e.waiting == e.sibling))
		return e.waiting;
	return e.sibling;
}

/* Whether one more takes the place of nobody that waits for an answer. */
static bool has_room(uint32_t now)
{
	return (table.used < table.bound && table.used < table.capacity) ||
	       table.used <= 1 || !is_waiting(victim(now), now);
}

/* Remembers that a peer is no client of this socket, or why it is one. */
static void note_kind(const struct key *key, enum peers_kind kind,
		      const struct local *local, uint32_t now)
{
	const struct hashes hashes = hash(key);
	struct peer *peer = find(key, hashes.peer);

	if (!peer && has_room(now))
		peer = insert(key, hashes, now, true);
	if (!peer)
		return;
	begin_change(peer);
	if (kind > PEERS_CLAIMED)
		unlink_peer(peer);
	peer->entry.kind = (uint8_t)kind;
	link_peer(peer, hashes.anywhere);
	peer->entry.answered = true;
	peer->local = *local;
	peer->heard = now;
	end_change(peer);
}

/*
 * What is written to an outbound peer is unasked.  Whom a socket without a port
 * of its own number writes to is remembered for the process: see
 * is_outbound_anywhere.
 */
static void note_outbound(const struct key *key, enum peers_kind kind,
			  uint32_t now)
{
	const struct local none = { .family = AF_UNSPEC };
	struct key outbound = *key;

	if (!peers_port_be(key->sock))
		outbound.sock = NO_SOCK;
	note_kind(&outbound, kind, &none, now);
}

/*
 * Takes the source of an answer from what is known of another socket.  When all
 * requests are answered, the peer counts as written to first, for what asks
 * next may be forged in the name of one that we ask ourselves.
 */
static bool learn(const struct key *key, struct peer *found, bool is_remembered,
		  struct local *local, uint32_t now)
{
	*local = found->local;
	peers_note_answer(&found->entry);
	if (!peers_port_be(key->sock) && !found->entry.unanswered)
		note_outbound(key, PEERS_CLAIMED, now);
	if (is_remembered)
		note_kind(key, PEERS_LEARNED, local, now);
	return true;
}

/* Another port of its host waits for an answer: it is this one. */
static bool answer_host(const struct key *key, struct hashes hashes,
			struct local *local, uint32_t now)
{
	struct peer *peer = find_host(key, hashes.host);

	if (!peer || !peer->entry.unanswered || !is_fresh(peer, now) ||
	    peer->local.family == AF_UNSPEC)
		return false;
	*local = peer->local;
	peers_note_answer(&peer->entry);
	note_kind(key, PEERS_FOR_HOST, local, now);
	return true;
}

/* A write to a peer that has not asked this socket, as far as is known. */
static bool answer_stranger(const struct key *key, struct hashes hashes,
			    bool is_send, struct local *local)
{
	const uint32_t now = now_ticks();
	struct peer *known = find(key, hashes.peer);
	struct peer *found = find_elsewhere(key, hashes, now);

	if (found)
		return learn(key, found, is_send, local, now);
	if (known && known->entry.kind == PEERS_LEARNED &&
	    known->local.family != AF_UNSPEC && is_fresh(known, now)) {
		*local = known->local;
		return true;
	}
	if (is_send && (!known || known->entry.kind == PEERS_FOR_HOST) &&
	    !is_outbound_anywhere(key) && answer_host(key, hashes, local, now))
		return true;
	if (!known || key->sock == NO_SOCK)
		note_outbound(key, PEERS_OUTBOUND, now);
	return false;
}

/* A write to a peer that this process wrote to first: what it asked, once. */
static bool answer_outbound(struct peer *peer, struct local *local)
{
	const uint32_t now = now_ticks();
	const bool waits = is_waiting(peer, now);

	if (waits)
		*local = peer->local;
	/* Another version, so that what a thread read last is answered too. */
	begin_change(peer);
	peer->entry.kind = PEERS_OUTBOUND;
	peer->entry.unanswered = 0;
	peer->heard = now;
	end_change(peer);
	return waits && local->family != AF_UNSPEC;
}

/*
 * A write to a peer that asked this socket: the first address of its batch, or
 * the last one of all.
 */
static bool answer_client(struct peer *peer, struct local *local, bool *queued)
{
	if (peers_thread.state == PEERS_DRAINED &&
	    peer->batch == current_batch())
		*queued = queue_take(&peer->queue, local);
	if (!*queued)
		*local = peer->local;
	peers_note_answer(&peer->entry);
	return local->family != AF_UNSPEC;
}

/* The source of what is written to this peer.  False: the kernel's choice. */
static bool find_source(const struct key *key, struct hashes hashes,
			bool is_send, struct local *local, bool *queued)
{
	struct peer *peer = find(key, hashes.peer);

	if (peer && is_outbound(peer))
		return answer_outbound(peer, local);
	if (peer && peer->entry.kind == PEERS_ASKED &&
	    is_fresh(peer, now_ticks()))
		return answer_client(peer, local, queued);
	return answer_stranger(key, hashes, is_send, local);
}

/* The next answer does not belong to the datagrams that are read now. */
static inline void note_answering(void)
{
	if (peers_thread.state == PEERS_READING)
		peers_thread.state = PEERS_ANSWERING;
}

/* What is known of a peer without the lock. */
enum knowledge {
	KNOWN_SOURCE,
	KNOWN_NONE, /* it is outbound, and has asked nothing since */
	NOT_KNOWN,  /* look again, with the lock */
};

/* A write that changes nothing of its peer, so without the lock. */
RACY static inline enum knowledge
recall_known(const struct key *key, uint32_t hashv, struct local *local)
{
	uint32_t version, now;
	struct peer *peer = glance(key, hashv, &version);
	struct local source;
	bool was_first;

	if (!peer || peer->queue.first || peer->entry.kind > PEERS_CLAIMED)
		return NOT_KNOWN;
	now = now_ticks();
	source = peer->local;
	was_first = peer->entry.kind == PEERS_OUTBOUND;
	if (was_first ? peer->entry.unanswered
		      : source.family == AF_UNSPEC || !is_fresh(peer, now))
		return NOT_KNOWN;
	if (!is_unchanged(peer, version))
		return NOT_KNOWN;
	note_answering();
	if (was_first) {
		peer->heard = now;
		return KNOWN_NONE;
	}
	peers_note_answer(&peer->entry);
	*local = source;
	return KNOWN_SOURCE;
}

/* A push to the peer that this thread read last. */
static bool recall_last_again(uint64_t sock, const struct sockaddr *peer,
			      socklen_t len, uint32_t version,
			      struct local *local)
{
	return peers_is_last(sock, peer, len) &&
	       peers_thread.last.entry->kind == PEERS_ASKED &&
	       now_ticks() - peers_thread.last.heard <=
		       table.ttl_s * TICKS_PER_S &&
	       peers_recall_last(version, local);
}

bool peers_recall_slowly(uint64_t sock, const struct sockaddr *peer,
			 socklen_t len, struct local *local, bool *queued)
{
	const uint32_t version = peers_thread.last.version;
	struct hashes hashes;
	enum knowledge knowledge;
	struct local source;
	struct key key;
	bool found, taken = false;

	atomic_signal_fence(memory_order_seq_cst);
	if (!table.buckets || peers_thread.state == PEERS_PACKETS ||
	    !key_of(sock, peer, len, &key))
		return false;
	know_thread();
	if (recall_last_again(sock, peer, len, version, local))
		return true;
	hashes = hash(&key);
	knowledge = recall_known(&key, hashes.peer, local);
	if (knowledge != NOT_KNOWN)
		return knowledge == KNOWN_SOURCE;
	reserve();
	if (!take_lock())
		return false;
	note_answering();
	found = find_source(&key, hashes, true, &source, &taken);
	lock_release(&lock);
	if (!found)
		return false;
	*local = source;
	*queued = taken;
	return true;
}

bool peers_are_open(void)
{
	return table.buckets != NULL;
}

bool peers_claim(uint64_t sock, const struct sockaddr *peer, socklen_t len,
		 struct local *local)
{
	struct local source;
	struct key key;
	bool found, queued = false;

	if (!table.buckets || peers_thread.state == PEERS_PACKETS ||
	    !key_of(sock, peer, len, &key))
		return false;
	reserve();
	if (!take_lock())
		return false;
	found = find_source(&key, hash(&key), false, &source, &queued);
	lock_release(&lock);
	if (found)
		*local = source;
	return found;
}

void peers_learn(uint64_t sock, const struct sockaddr *peer, socklen_t len,
		 const struct local *local)
{
	struct key key;

	if (!table.buckets || !key_of(sock, peer, len, &key))
		return;
	reserve();
	if (!take_lock())
		return;
	note_kind(&key, PEERS_LEARNED, local, now_ticks());
	lock_release(&lock);
}

/* Locks, and returns a peer that was just answered; NULL, and not locked. */
static struct peer *lock_for(uint64_t sock, const struct sockaddr *peer,
			     socklen_t len)
{
	struct peer *found;
	struct key key;

	if (!table.buckets || !key_of(sock, peer, len, &key) || !take_lock())
		return NULL;
	found = find(&key, hash(&key).peer);
	if (!found)
		lock_release(&lock);
	return found;
}

void peers_unrecall(uint64_t sock, const struct sockaddr *peer, socklen_t len,
		    const struct local *local)
{
	struct peer *found = lock_for(sock, peer, len);

	if (!found)
		return;
	if (found->batch == current_batch())
		queue_put_back(&found->queue, local);
	lock_release(&lock);
}

static void forget_local(struct peer *peer, const struct local *local)
{
	begin_change(peer);
	if (local_equal(&peer->local, local))
		peer->local.family = AF_UNSPEC;
	queue_forget(&peer->queue, local);
	end_change(peer);
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
	next = *chain_of(hash(&found->key).anywhere);
	for (int i = 0; next && i < MOST_SOCKS; i++, next = other->older) {
		other = nth_peer(next - 1);
		if (key_has_peer(&other->key, &found->key))
			forget_local(other, local);
	}
	lock_release(&lock);
}

void peers_reset(uint32_t bound, uint32_t ttl_s)
{
	forget_all();
	for (uint32_t n = 0; n < table.capacity; n += PEERS_PER_CHUNK)
		unmap_memory(table.chunks[n / PEERS_PER_CHUNK],
			     PEERS_PER_CHUNK * sizeof(struct peer));
	if (table.buckets)
		unmap_memory(table.buckets, region_bytes(table.log2));
	memset(&table, 0, sizeof(table));
	table.bound = bound;
	table.ttl_s = ttl_s;
}
