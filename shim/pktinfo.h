/* SPDX-License-Identifier: MIT */
/* Reads, strips and appends the control messages that carry an address. */
#ifndef REPLYFROM_PKTINFO_H
#define REPLYFROM_PKTINFO_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* The address that a datagram was sent to: the source of its answer. */
struct local {
	sa_family_t family; /* AF_UNSPEC: the kernel shall choose */
	uint32_t ifindex;   /* of the interface it came in by; 0: any */
	union {
		struct in_addr v4;
		struct in6_addr v6;
	};
};

bool local_equal(const struct local *a, const struct local *b);

/* Which of the two kinds an application asked to receive. */
enum pktinfo_kinds {
	PKTINFO_NONE = 0,
	PKTINFO_V4 = 1 << 0, /* IP_PKTINFO */
	PKTINFO_V6 = 1 << 1, /* IPV6_RECVPKTINFO */
	PKTINFO_BOTH = PKTINFO_V4 | PKTINFO_V6,
};

/* Room for both kinds, which a dual-stack socket delivers together. */
#define PKTINFO_SPACE                            \
	(CMSG_SPACE(sizeof(struct in_pktinfo)) + \
	 CMSG_SPACE(sizeof(struct in6_pktinfo)))

/* Whom a message goes to, which decides what names its source. */
enum pktinfo_target {
	PKTINFO_TO_V4,	   /* an IPv4 peer of an AF_INET socket */
	PKTINFO_TO_MAPPED, /* an IPv4 peer of an AF_INET6 socket */
	PKTINFO_TO_V6,
};

/*
 * Finds the local address in a received message's control messages.  Answers
 * false, and leaves *local alone, when there is none.  IP_PKTINFO wins over
 * IPV6_PKTINFO: for an IPv4 broadcast on a dual-stack socket only the former is
 * usable.  A multicast destination is no source and answers AF_UNSPEC.
 * ip(7) IP_PKTINFO, RFC 3542 section 6.1.
 */
bool pktinfo_read(const struct msghdr *msg, struct local *local);

/*
 * Copies the control messages of `from` to `to`, without the kinds that are
 * not `wanted`, cut as the kernel would have cut them (put_cmsg): sets
 * to->msg_controllen to the bytes used and to->msg_flags to those of `from`,
 * with MSG_CTRUNC as it would have been.  Both may share one buffer.
 */
void pktinfo_strip(const struct msghdr *from, struct msghdr *to,
		   enum pktinfo_kinds wanted);

/*
 * Whether a message that is to be sent carries a source of its own.  The last
 * control message of a kind wins, as in the kernel (ip_cmsg_send).  *end gets
 * the byte offset behind the last control message, where the next one belongs;
 * SIZE_MAX when the kernel will refuse what is there.
 */
bool pktinfo_carried(const struct msghdr *msg, enum pktinfo_target target,
		     size_t *end);

/*
 * The interface that the last IP_PKTINFO, or to PKTINFO_TO_V6 the last
 * IPV6_PKTINFO, of a message to be sent names, or 0.
 */
uint32_t pktinfo_interface(const struct msghdr *msg,
			   enum pktinfo_target target);

/*
 * Writes the control message that makes `local` the source at `control`, which
 * is aligned for a cmsghdr and has PKTINFO_SPACE bytes.  Answers its length in
 * bytes.  `local` is of family AF_INET or AF_INET6.
 */
size_t pktinfo_append(void *control, const struct local *local);

#endif
