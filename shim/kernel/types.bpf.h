/* SPDX-License-Identifier: MIT */
/* The includes of programs for the kernel, and its structs as far as they are
 * read. */
#ifndef REPLYFROM_KERNEL_TYPES_BPF_H
#define REPLYFROM_KERNEL_TYPES_BPF_H

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
enum { MSG_PEEK = 2 };

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

#endif
