/* SPDX-License-Identifier: MIT */
/* What the programs in the kernel and their loader share: maps' contents. */
#ifndef REPLYFROM_KERNEL_ENGINE_H
#define REPLYFROM_KERNEL_ENGINE_H

#include <linux/in6.h>
#include <linux/types.h>

enum {
	SCOPE_NAME_BYTES = 128,
	SCOPES = 1024,
	UNUSABLE = 16384,
	DEFAULT_PEERS = 65536,
	PLACES = 4, /* two bits in peer.order */
	WAITING_AT_MOST = 32,
};

/* A cgroup by the name of its directory, or by its id with an empty name. */
struct scope {
	__u64 id;
	char name[SCOPE_NAME_BYTES];
};

/* Of a socket that the engine serves. */
struct mark {
	/* It may have clients that were never seen, so that a peer that it
	 * writes to first isn't taken for a server of ours. */
	__u32 existed_before;
};

/* IPv4 addresses are v4-mapped. */
struct peer_key {
	struct in6_addr addr;
	__u64 netns;
	__u64 port; /* host byte order */
};

/* Where a peer's datagram was sent to. */
struct place {
	struct in6_addr local; /* unspecified: the kernel chooses */
	__u32 port;	       /* host byte order */
};

struct peer {
	__u64 heard_ns;
	__u64 order; /* places of unanswered requests, two bits each */
	__u32 busy;  /* guards all but heard_ns: one CPU at a time */
	__u32 reader;
	__u8 waiting; /* how many are in `order` */
	__u8 last;
	__u8 next;
	__u8 used;     /* bits: which places are valid */
	__u8 answered; /* since the last request */
	__u8 outbound; /* a host that was written to first is no client */
	struct place places[PLACES];
};

/* An address that can't be a source: a broadcast address, or one removed. */
struct unusable_key {
	struct in6_addr addr;
	__u64 netns;
};

#define COUNTERS(X)                              \
	X(seen, "datagrams seen")                \
	X(rewritten, "replies rewritten")        \
	X(bound, "sockets bound before connect") \
	X(own_source, "already with a source")   \
	X(unknown, "sent plainly, peer unknown") \
	X(unusable, "sent plainly, source gone") \
	X(outbound, "peers written to first")

struct counters {
#define X(name, text) __u64 name;
	COUNTERS(X)
#undef X
};

#endif
