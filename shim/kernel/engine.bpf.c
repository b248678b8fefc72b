/* SPDX-License-Identifier: MIT */
/*
 * Answers from the address asked, in the kernel: for programs that no preload
 * reaches.  A datagram is recorded when the application reads it; what goes out
 * to its sender gets the address that it was sent to as its source.
 */
#include "kernel/engine.h"
#include "kernel/peers.bpf.h"
#include "kernel/tables.bpf.h"
#include "kernel/types.bpf.h"

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

/* -- requests -- */

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

static __always_inline bool is_served(struct sock *sk)
{
	return bpf_sk_storage_get(&marks, sk, 0, 0) && is_wildcard(sk);
}

/* A negative length: the application only peeked. */
SEC("fentry/skb_consume_udp")
int BPF_PROG(on_read, struct sock *sk, struct sk_buff *skb, int len)
{
	if (len >= 0 && is_served(sk))
		read_datagram(sk, skb);
	return 0;
}

/*
 * In its place where that is inlined in udp_recvmsg(): also a datagram that is
 * dropped afterwards, for its checksum is wrong, counts as read.
 */
SEC("fexit/__skb_recv_udp")
int BPF_PROG(on_receive, struct sock *sk, unsigned int flags, int *off,
	     int *error, struct sk_buff *skb)
{
	if (skb && !(flags & MSG_PEEK) && is_served(sk))
		read_datagram(sk, skb);
	return 0;
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
