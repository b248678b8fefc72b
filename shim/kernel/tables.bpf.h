/* SPDX-License-Identifier: MIT */
/* The engine's maps, settings and counters, and IPv6 addresses. */
#ifndef REPLYFROM_KERNEL_TABLES_BPF_H
#define REPLYFROM_KERNEL_TABLES_BPF_H

#include "kernel/engine.h"
#include "kernel/types.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct mark);
} marks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, SCOPES);
	__type(key, struct scope);
	__type(value, __u8);
} scopes SEC(".maps");

/* Two maps, so that a flood of one-time peers evicts no regular one. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, DEFAULT_PEERS);
	__type(key, struct peer_key);
	__type(value, struct peer);
} newcomers SEC(".maps"), regulars SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, UNUSABLE);
	__type(key, struct unusable_key);
	__type(value, __u8);
} unusable SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct counters);
} counts SEC(".maps");

const volatile __u64 ttl_ns = 120000000000;
/* A request not answered for so long isn't part of a batch. */
const volatile __u64 batch_ns = 1000000000;
/* How long a request may be answered from another port, as by TFTP servers. */
const volatile __u64 follow_ns = 2000000000;

#define COUNT(counter)                                                      \
	do {                                                                \
		__u32 zero_ = 0;                                            \
		struct counters *c_ = bpf_map_lookup_elem(&counts, &zero_); \
		if (c_)                                                     \
			c_->counter++;                                      \
	} while (0)

static __always_inline bool is_any(const struct in6_addr *addr)
{
	return !(addr->s6_addr32[0] | addr->s6_addr32[1] | addr->s6_addr32[2] |
		 addr->s6_addr32[3]);
}

static __always_inline bool is_equal(const struct in6_addr *a,
				     const struct in6_addr *b)
{
	return a->s6_addr32[0] == b->s6_addr32[0] &&
	       a->s6_addr32[1] == b->s6_addr32[1] &&
	       a->s6_addr32[2] == b->s6_addr32[2] &&
	       a->s6_addr32[3] == b->s6_addr32[3];
}

static __always_inline bool is_link_local(const struct in6_addr *addr)
{
	return (addr->s6_addr32[0] & bpf_htonl(0xffc00000)) ==
	       bpf_htonl(0xfe800000);
}

static __always_inline struct in6_addr mapped(__be32 addr)
{
	struct in6_addr out = { 0 };

	out.s6_addr32[2] = bpf_htonl(0xffff);
	out.s6_addr32[3] = addr;
	return out;
}

#endif
