/* SPDX-License-Identifier: MIT */
/* Remembers to which address a peer's datagrams were sent, in the order that
 * they were read, and chooses one for an answer. */
#ifndef REPLYFROM_KERNEL_PEERS_BPF_H
#define REPLYFROM_KERNEL_PEERS_BPF_H

#include "kernel/tables.bpf.h"

static __always_inline bool lock(struct peer *peer)
{
	for (int tries = 0; tries < 64; tries++)
		if (!__sync_val_compare_and_swap(&peer->busy, 0, 1))
			return true;
	return false;
}

static __always_inline void unlock(struct peer *peer)
{
	__sync_lock_test_and_set(&peer->busy, 0);
}

/* One that is no regular; or is by now, as another processor moved it. */
static __always_inline struct peer *find_newcomer(const struct peer_key *key)
{
	struct peer *peer = bpf_map_lookup_elem(&newcomers, key);

	return peer ? peer : bpf_map_lookup_elem(&regulars, key);
}

static __always_inline struct peer *find(const struct peer_key *key)
{
	struct peer *peer = bpf_map_lookup_elem(&regulars, key);

	return peer ? peer : find_newcomer(key);
}

static __always_inline __u8 place_of(struct peer *peer,
				     const struct place *place)
{
	__u8 n;

	for (n = 0; n < PLACES; n++)
		if (peer->used & 1 << n &&
		    peer->places[n].port == place->port &&
		    is_equal(&peer->places[n].local, &place->local))
			return n;
	n = peer->next % PLACES;
	peer->next = n + 1;
	if (peer->used & 1 << n)
		peer->waiting = 0; /* some wait for the old one */
	peer->used |= 1 << n;
	peer->places[n] = *place;
	return n;
}

static __always_inline void append(struct peer *peer, __u8 n)
{
	if (!peer->waiting)
		peer->order = 0;
	if (peer->waiting >= WAITING_AT_MOST) {
		peer->order >>= 2;
		peer->waiting = WAITING_AT_MOST - 1;
	}
	peer->order |= (__u64)n << 2 * (peer->waiting % WAITING_AT_MOST);
	peer->waiting++;
}

/* A thread that reads on after it answered has dropped what still waits. */
static __always_inline void note_request(struct peer *peer,
					 const struct place *place, __u64 now)
{
	const __u32 thread = (__u32)bpf_get_current_pid_tgid();

	if ((peer->answered && peer->reader == thread) ||
	    now - peer->heard_ns > batch_ns)
		peer->waiting = 0;
	peer->last = place_of(peer, place);
	append(peer, peer->last);
	peer->reader = thread;
	peer->answered = 0;
	peer->outbound = 0;
	peer->heard_ns = now;
}

static __always_inline void remember_new(const struct peer_key *key,
					 const struct place *place, __u64 now)
{
	struct peer peer = {
		.heard_ns = now,
		.reader = (__u32)bpf_get_current_pid_tgid(),
		.waiting = 1,
		.next = 1,
		.used = 1,
	};

	peer.places[0] = *place;
	bpf_map_update_elem(&newcomers, key, &peer, BPF_NOEXIST);
}

/* One that was answered and asks again: no flood of others evicts it. */
static __always_inline void promote(const struct peer_key *key)
{
	struct peer *peer = bpf_map_lookup_elem(&newcomers, key);
	struct peer copy;

	if (!peer || !lock(peer))
		return;
	copy = *peer;
	unlock(peer);
	copy.busy = 0;
	bpf_map_update_elem(&regulars, key, &copy, BPF_NOEXIST);
	bpf_map_delete_elem(&newcomers, key);
}

static __always_inline void remember(const struct peer_key *key,
				     const struct place *place)
{
	const __u64 now = bpf_ktime_get_ns();
	struct peer *peer = bpf_map_lookup_elem(&regulars, key);
	bool is_regular = peer;

	if (!peer)
		peer = find_newcomer(key);
	if (!peer) {
		remember_new(key, place, now);
		return;
	}
	if ((peer->outbound && now - peer->heard_ns < ttl_ns) || !lock(peer))
		return;
	is_regular |= !peer->answered;
	note_request(peer, place, now);
	unlock(peer);
	if (!is_regular)
		promote(key);
}

/* Takes the first request to this port out of `order`; its place, or -1. */
static __always_inline int take(struct peer *peer, __u32 port)
{
	for (__u32 i = 0; i < WAITING_AT_MOST; i++) {
		const __u64 before = ((__u64)1 << 2 * i) - 1;
		const __u32 n = peer->order >> 2 * i & (PLACES - 1);

		if (i >= peer->waiting)
			break;
		if (peer->places[n].port != port)
			continue;
		peer->order =
			(peer->order & before) | (peer->order >> 2 & ~before);
		peer->waiting--;
		return n;
	}
	return -1;
}

/* The last one that was sent to this port. */
static __always_inline int find_port(struct peer *peer, __u32 port)
{
	if (peer->places[peer->last % PLACES].port == port)
		return peer->last % PLACES;
	for (int n = 0; n < PLACES; n++)
		if (peer->used & 1 << n && peer->places[n].port == port)
			return n;
	return -1;
}

/* An answer from another port, as TFTP's: once for each request. */
static __always_inline int follow(struct peer *peer, __u32 port, __u64 now)
{
	struct place place;
	__u32 n = peer->last % PLACES;

	if (!peer->waiting || now - peer->heard_ns > follow_ns)
		return -1;
	take(peer, peer->places[n].port);
	if (!port)
		return n;
	place = peer->places[n];
	place.port = port;
	return place_of(peer, &place);
}

/*
 * Without the lock, which a program that was preempted may keep for long.
 * False also if the place changes meanwhile.
 */
static __always_inline bool peek(struct peer *peer, __u32 port,
				 struct in6_addr *local)
{
	const int n = find_port(peer, port);
	struct place place;

	if (n < 0)
		return false;
	place = peer->places[n % PLACES];
	barrier();
	*local = peer->places[n % PLACES].local;
	return place.port == port && is_equal(&place.local, local);
}

static __always_inline bool choose(struct peer *peer, __u32 port,
				   struct in6_addr *local)
{
	const __u64 now = bpf_ktime_get_ns();
	int n;

	if (peer->outbound) {
		peer->heard_ns = now;
		return false;
	}
	if (now - peer->heard_ns > ttl_ns)
		return false;
	if (!lock(peer))
		return peek(peer, port, local);
	n = take(peer, port);
	if (n < 0)
		n = find_port(peer, port);
	if (n < 0)
		n = follow(peer, port, now);
	peer->answered = 1;
	if (n >= 0)
		*local = peer->places[n % PLACES].local;
	unlock(peer);
	return n >= 0;
}

#endif
