/* SPDX-License-Identifier: MIT */
/* The same by eBPF: what comes in is recorded, and what goes out points back.
 */
#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>

struct peer {
	__u32 addr_be;
	__u32 port_be;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct peer);
	__type(value, __u32);
} asked SEC(".maps");

SEC("cgroup_skb/ingress") int record(struct __sk_buff *skb)
{
	struct iphdr ip;
	struct udphdr udp;
	struct peer peer;

	if (skb->protocol != bpf_htons(ETH_P_IP) ||
	    bpf_skb_load_bytes(skb, 0, &ip, sizeof(ip)) ||
	    ip.protocol != IPPROTO_UDP ||
	    bpf_skb_load_bytes(skb, ip.ihl * sizeof(__u32), &udp, sizeof(udp)))
		return 1;
	peer.addr_be = ip.saddr;
	peer.port_be = udp.source;
	bpf_map_update_elem(&asked, &peer, &ip.daddr, BPF_ANY);
	return 1;
}

SEC("cgroup/sendmsg4") int point_back(struct bpf_sock_addr *to)
{
	struct peer peer = {
		.addr_be = to->user_ip4,
		.port_be = to->user_port,
	};
	__u32 *local = bpf_map_lookup_elem(&asked, &peer);

	if (local)
		to->msg_src_ip4 = *local;
	return 1;
}

char terms[] SEC("license") = "Dual MIT/GPL";
