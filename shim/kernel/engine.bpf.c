/* SPDX-License-Identifier: MIT */
/*
 * Answers from the address asked, in the kernel: for programs that no preload
 * reaches.  A datagram is recorded when the application reads it; what goes out
 * to its sender gets the address that it was sent to as its source.
 */
#include "kernel/engine.h"

#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <stdbool.h>

enum { AF_INET = 2, AF_INET6 = 10, SOCK_DGRAM = 2, RTN_LOCAL = 2 };
enum { RTN_BROADCAST = 3, PACKET_HOST = 0, CGROUP_LEVELS = 32 };

/* Of the kernel's own structs only what is read here; libbpf fills in where. */
#pragma clang attribute push(__attribute__((preserve_access_index)), \
			     apply_to = record)
struct net {
	__u64 net_cookie;
};
struct net_pointer {
	struct net *net;
};
struct kernfs_node {
	__u64 id;
	const char *name;
};
struct cgroup_subsys_state {
	struct cgroup_subsys_state *parent;
};
struct cgroup {
	struct cgroup_subsys_state self;
	struct kernfs_node *kn;
};
struct css_set {
	struct cgroup *dfl_cgrp;
};
struct task_struct {
	struct css_set *cgroups;
};
struct sock_cgroup_data {
	struct cgroup *cgroup;
};
struct sock_common {
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	struct net_pointer skc_net;
	struct in6_addr skc_v6_rcv_saddr;
};
struct sock {
	struct sock_common __sk_common;
	struct sock_cgroup_data sk_cgrp_data;
};
struct udp_sock;
struct sk_buff {
	unsigned char *head;
	__u16 transport_header;
	__u16 network_header;
	__be16 protocol;
	__u8 pkt_type : 3;
};
struct fib_config {
	__u8 fc_dst_len;
	__u8 fc_type;
	__be32 fc_dst;
};
struct rt6key {
	struct in6_addr addr;
	int plen;
};
struct fib6_info {
	struct rt6key fib6_dst;
	__u8 fib6_type;
};
struct nl_info {
	struct net *nl_net;
};
struct bpf_iter_meta;
struct bpf_iter__udp {
	struct bpf_iter_meta *meta;
	struct udp_sock *udp_sk;
};
#pragma clang attribute pop

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

/* -- which sockets -- */

static __always_inline bool in_scope(struct cgroup *cgroup)
{
	for (int level = 0; cgroup && level < CGROUP_LEVELS; level++) {
		struct kernfs_node *kn = BPF_CORE_READ(cgroup, kn);
		struct scope by_id = { .id = BPF_CORE_READ(kn, id) };
		struct scope by_name = { 0 };

		bpf_probe_read_kernel_str(by_name.name, sizeof(by_name.name),
					  BPF_CORE_READ(kn, name));
		if (bpf_map_lookup_elem(&scopes, &by_id) ||
		    bpf_map_lookup_elem(&scopes, &by_name))
			return true;
		/* `self` is a cgroup's first member. */
		cgroup = (void *)BPF_CORE_READ(cgroup, self.parent);
	}
	return false;
}

SEC("cgroup/sock_create") int mark_new(struct bpf_sock *sk)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	if (sk->type == SOCK_DGRAM &&
	    (sk->protocol == IPPROTO_UDP || sk->protocol == IPPROTO_UDPLITE) &&
	    in_scope(BPF_CORE_READ(task, cgroups, dfl_cgrp)))
		bpf_sk_storage_get(&marks, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	return 1;
}

/* Read once after each change of the scopes, in each network namespace. */
SEC("iter/udp") int mark_existing(struct bpf_iter__udp *ctx)
{
	struct udp_sock *udp = ctx->udp_sk;
	struct sock *sk = (void *)udp;
	struct mark *mark;

	if (!udp)
		return 0;
	if (!in_scope(BPF_CORE_READ(sk, sk_cgrp_data.cgroup))) {
		bpf_sk_storage_delete(&marks, udp);
		return 0;
	}
	if (bpf_sk_storage_get(&marks, udp, 0, 0))
		return 0;
	mark = bpf_sk_storage_get(&marks, udp, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (mark)
		mark->existed_before = 1;
	return 0;
}

/* -- which addresses can't be a source -- */

static __always_inline void
note_address(struct net *net, const struct in6_addr *addr, bool may_send)
{
	struct unusable_key key = { .addr = *addr, .netns = net->net_cookie };
	const __u8 one = 1;

	if (may_send)
		bpf_map_delete_elem(&unusable, &key);
	else
		bpf_map_update_elem(&unusable, &key, &one, BPF_ANY);
}

SEC("fentry/fib_table_insert")
int BPF_PROG(add_ipv4, struct net *net, void *table, struct fib_config *route)
{
	const struct in6_addr addr = mapped(route->fc_dst);

	if (route->fc_dst_len == 32 &&
	    (route->fc_type == RTN_LOCAL || route->fc_type == RTN_BROADCAST))
		note_address(net, &addr, route->fc_type == RTN_LOCAL);
	return 0;
}

SEC("fentry/fib_table_delete")
int BPF_PROG(remove_ipv4, struct net *net, void *table,
	     struct fib_config *route)
{
	const struct in6_addr addr = mapped(route->fc_dst);

	if (route->fc_dst_len == 32 && route->fc_type == RTN_LOCAL)
		note_address(net, &addr, false);
	return 0;
}

static __always_inline void note_ipv6(struct fib6_info *route,
				      struct nl_info *info, bool may_send)
{
	struct in6_addr addr;

	if (route->fib6_type != RTN_LOCAL || route->fib6_dst.plen != 128)
		return;
	BPF_CORE_READ_INTO(&addr, route, fib6_dst.addr);
	/* Each interface has link-local addresses, and the same ones at that.
	 */
	if (!is_link_local(&addr))
		note_address(info->nl_net, &addr, may_send);
}

SEC("fentry/fib6_add")
int BPF_PROG(add_ipv6, void *root, struct fib6_info *route,
	     struct nl_info *info)
{
	note_ipv6(route, info, true);
	return 0;
}

SEC("fentry/fib6_del")
int BPF_PROG(remove_ipv6, struct fib6_info *route, struct nl_info *info)
{
	note_ipv6(route, info, false);
	return 0;
}

/* -- peers -- */

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

static __always_inline struct peer *find(const struct peer_key *key)
{
	struct peer *peer = bpf_map_lookup_elem(&regulars, key);

	return peer ? peer : bpf_map_lookup_elem(&newcomers, key);
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
		peer = bpf_map_lookup_elem(&newcomers, key);
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

/* Whether the application has neither bound nor connected it to an address. */
static __always_inline bool is_wildcard(struct sock *sk)
{
	const struct in6_addr *bound = &sk->__sk_common.skc_v6_rcv_saddr;

	if (sk->__sk_common.skc_dport || sk->__sk_common.skc_rcv_saddr)
		return false;
	return sk->__sk_common.skc_family == AF_INET ||
	       !(bound->s6_addr32[0] | bound->s6_addr32[1] |
		 bound->s6_addr32[2] | bound->s6_addr32[3]);
}

static __always_inline void read_ipv4(const void *header, struct peer_key *key,
				      struct place *place)
{
	struct iphdr ip;

	bpf_probe_read_kernel(&ip, sizeof(ip), header);
	key->addr = mapped(ip.saddr);
	/* No group: the kernel chooses. */
	if ((ip.daddr & bpf_htonl(0xf0000000)) != bpf_htonl(0xe0000000))
		place->local = mapped(ip.daddr);
}

static __always_inline void read_ipv6(const void *header, struct peer_key *key,
				      struct place *place)
{
	struct ipv6hdr ip;

	bpf_probe_read_kernel(&ip, sizeof(ip), header);
	key->addr = ip.saddr;
	/* A link-local source to any other peer would need an interface. */
	if (ip.daddr.s6_addr[0] != 0xff &&
	    (!is_link_local(&ip.daddr) || is_link_local(&ip.saddr)))
		place->local = ip.daddr;
}

static __always_inline void read_datagram(struct sock *sk, struct sk_buff *skb)
{
	const void *header = skb->head + skb->network_header;
	struct peer_key key = {
		.netns = sk->__sk_common.skc_net.net->net_cookie,
	};
	struct place place = { .port = sk->__sk_common.skc_num };
	struct udphdr udp;

	if (!bpf_sk_storage_get(&marks, sk, 0, 0) || !is_wildcard(sk))
		return;
	if (skb->protocol == bpf_htons(ETH_P_IP))
		read_ipv4(header, &key, &place);
	else
		read_ipv6(header, &key, &place);
	if (BPF_CORE_READ_BITFIELD(skb, pkt_type) != PACKET_HOST)
		place.local = (struct in6_addr){ 0 };
	bpf_probe_read_kernel(&udp, sizeof(udp),
			      skb->head + skb->transport_header);
	key.port = bpf_ntohs(udp.source);
	remember(&key, &place);
	COUNT(seen);
}

/* A negative length: the application only peeked. */
SEC("fentry/skb_consume_udp")
int BPF_PROG(on_read, struct sock *sk, struct sk_buff *skb, int len)
{
	if (len >= 0)
		read_datagram(sk, skb);
	return 0;
}

/* -- answers -- */

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

static __always_inline bool choose(struct peer *peer, __u32 port,
				   struct in6_addr *local)
{
	const __u64 now = bpf_ktime_get_ns();
	int n;

	if (peer->outbound) {
		peer->heard_ns = now;
		return false;
	}
	if (now - peer->heard_ns > ttl_ns || !lock(peer))
		return false;
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

/* So that no forged datagram steers what is sent to a server of ours. */
static __always_inline void note_outbound(const struct peer_key *key,
					  const struct mark *mark)
{
	struct peer peer = {
		.heard_ns = bpf_ktime_get_ns(),
		.outbound = 1,
	};

	if (mark->existed_before)
		return;
	bpf_map_update_elem(&regulars, key, &peer, BPF_NOEXIST);
	COUNT(outbound);
}

static __always_inline bool is_usable(const struct in6_addr *local, __u64 netns)
{
	struct unusable_key key = { .addr = *local, .netns = netns };

	if (is_any(local))
		return false;
	if (!bpf_map_lookup_elem(&unusable, &key))
		return true;
	COUNT(unusable);
	return false;
}

/* The address that this message to `to` leaves from; false: as it is. */
static __always_inline bool recall(struct bpf_sock_addr *ctx,
				   const struct mark *mark, struct in6_addr *to,
				   struct in6_addr *local)
{
	struct peer_key key = {
		.addr = *to,
		.netns = bpf_get_netns_cookie(ctx),
		.port = bpf_ntohs((__u16)ctx->user_port),
	};
	struct bpf_sock *sk = ctx->sk;
	struct peer *peer = find(&key);

	if (!peer) {
		note_outbound(&key, mark);
		COUNT(unknown);
		return false;
	}
	return choose(peer, sk->src_port, local) && is_usable(local, key.netns);
}

static __always_inline struct mark *mark_of(struct bpf_sock_addr *ctx)
{
	struct bpf_sock *sk = ctx->sk;

	return sk ? bpf_sk_storage_get(&marks, sk, 0, 0) : NULL;
}

SEC("cgroup/sendmsg4") int answer_ipv4(struct bpf_sock_addr *ctx)
{
	struct mark *mark = mark_of(ctx);
	struct in6_addr to = mapped(ctx->user_ip4), local;

	if (!mark)
		return 1;
	if (ctx->msg_src_ip4) {
		COUNT(own_source);
	} else if (recall(ctx, mark, &to, &local)) {
		ctx->msg_src_ip4 = local.s6_addr32[3];
		COUNT(rewritten);
	}
	return 1;
}

static __always_inline struct in6_addr asked_ip6(struct bpf_sock_addr *ctx)
{
	struct in6_addr to;

	to.s6_addr32[0] = ctx->user_ip6[0];
	to.s6_addr32[1] = ctx->user_ip6[1];
	to.s6_addr32[2] = ctx->user_ip6[2];
	to.s6_addr32[3] = ctx->user_ip6[3];
	return to;
}

SEC("cgroup/sendmsg6") int answer_ipv6(struct bpf_sock_addr *ctx)
{
	struct mark *mark = mark_of(ctx);
	struct in6_addr to = asked_ip6(ctx), local;

	if (!mark)
		return 1;
	if (ctx->msg_src_ip6[0] | ctx->msg_src_ip6[1] | ctx->msg_src_ip6[2] |
	    ctx->msg_src_ip6[3]) {
		COUNT(own_source);
	} else if (recall(ctx, mark, &to, &local)) {
		ctx->msg_src_ip6[0] = local.s6_addr32[0];
		ctx->msg_src_ip6[1] = local.s6_addr32[1];
		ctx->msg_src_ip6[2] = local.s6_addr32[2];
		ctx->msg_src_ip6[3] = local.s6_addr32[3];
		COUNT(rewritten);
	}
	return 1;
}

/* Of a socket without a port of its own; the kernel can't bind another. */
static __always_inline bool connects_to(struct bpf_sock_addr *ctx,
					struct in6_addr *to,
					struct in6_addr *local)
{
	struct peer_key key = {
		.addr = *to,
		.netns = bpf_get_netns_cookie(ctx),
		.port = bpf_ntohs((__u16)ctx->user_port),
	};
	struct bpf_sock *sk = ctx->sk;
	struct peer *peer;

	if (!mark_of(ctx) || sk->src_port)
		return false;
	peer = find(&key);
	return peer && !peer->outbound && choose(peer, 0, local) &&
	       is_usable(local, key.netns);
}

SEC("cgroup/connect4") int connect_ipv4(struct bpf_sock_addr *ctx)
{
	struct sockaddr_in from = { .sin_family = AF_INET };
	struct in6_addr to = mapped(ctx->user_ip4), local;

	if (!connects_to(ctx, &to, &local))
		return 1;
	from.sin_addr.s_addr = local.s6_addr32[3];
	if (!bpf_bind(ctx, (struct sockaddr *)&from, sizeof(from)))
		COUNT(bound);
	return 1;
}

SEC("cgroup/connect6") int connect_ipv6(struct bpf_sock_addr *ctx)
{
	struct sockaddr_in6 from = { .sin6_family = AF_INET6 };
	struct in6_addr to = asked_ip6(ctx);

	if (!connects_to(ctx, &to, &from.sin6_addr))
		return 1;
	if (!bpf_bind(ctx, (struct sockaddr *)&from, sizeof(from)))
		COUNT(bound);
	return 1;
}

/* fentry and what reads the kernel's memory is for GPL-compatible programs. */
char terms[] SEC("license") = "Dual MIT/GPL";
