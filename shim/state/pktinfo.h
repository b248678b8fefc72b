/* SPDX-License-Identifier: MIT */
/* Reads, strips and appends the control messages that carry an address. */
#ifndef REPLYFROM_PKTINFO_H
#define REPLYFROM_PKTINFO_H

#include "base/attribute.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

/* The address that a datagram was sent to: the source of its answer. */
struct local {
	sa_family_t family; /* AF_UNSPEC: none, the kernel chooses */
	uint32_t ifindex;   /* of the interface it came in by; 0: any */
	union {
		struct in_addr v4;
		struct in6_addr v6;
	};
};

RACY static inline bool local_equal(const struct local *a,
				    const struct local *b)
{
	if (a->family != b->family || a->ifindex != b->ifindex)
		return false;
	if (LIKELY(a->family == AF_INET))
		return a->v4.s_addr == b->v4.s_addr;
	return a->family != AF_INET6 || IN6_ARE_ADDR_EQUAL(&a->v6, &b->v6);
}

/*
 * By its fields: to read as a whole what was just written in parts makes the
 * processor wait.
 */
RACY ALWAYS_INLINE void local_copy(struct local *to, const struct local *from)
{
	to->family = from->family;
	to->ifindex = from->ifindex;
	if (LIKELY(from->family == AF_INET))
		to->v4 = from->v4;
	else
		to->v6 = from->v6;
}

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

/* The destination of a message, which decides what can name its source. */
enum pktinfo_target {
	PKTINFO_TO_V4,	   /* an IPv4 peer of an AF_INET socket */
	PKTINFO_TO_MAPPED, /* an IPv4 peer of an AF_INET6 socket */
	PKTINFO_TO_V6,
};

static inline void pktinfo_read_v4(const struct in_pktinfo *info,
				   struct local *local)
{
	/*
	 * Not ipi_addr: a broadcast address is no source.  ip(7).  But what was
	 * queued before the option was set has nothing else.
	 */
	struct in_addr source = info->ipi_spec_dst;

	if (UNLIKELY(!source.s_addr) &&
	    !IN_MULTICAST(ntohl(info->ipi_addr.s_addr)))
		source = info->ipi_addr;
	local->family = source.s_addr ? AF_INET : AF_UNSPEC;
	local->ifindex = (uint32_t)info->ipi_ifindex;
	local->v4 = source;
}

/* pktinfo_read() if another control message comes first.  Slower. */
bool pktinfo_search(const struct msghdr *msg, struct local *local);

/*
 * Finds the local address in a received message's control messages.  Returns
 * false, and leaves *local alone, when there is none.  IP_PKTINFO wins over
 * IPV6_PKTINFO: for an IPv4 broadcast on a dual-stack socket only the former is
 * usable.  A multicast address is no source: local->family is AF_UNSPEC.
 * ip(7) IP_PKTINFO, RFC 3542 section 6.1.
 */
static inline bool pktinfo_read(const struct msghdr *msg, struct local *local)
{
	struct cmsghdr c;
	struct in_pktinfo info;

	/* Mostly IP_PKTINFO is the only one. */
	if (UNLIKELY(!msg->msg_control ||
		     msg->msg_controllen < CMSG_LEN(sizeof(info))))
		return pktinfo_search(msg, local);
	memcpy(&c, msg->msg_control, sizeof(c));
	if (UNLIKELY(c.cmsg_level != IPPROTO_IP || c.cmsg_type != IP_PKTINFO ||
		     c.cmsg_len != CMSG_LEN(sizeof(info))))
		return pktinfo_search(msg, local);
	memcpy(&info, (const char *)msg->msg_control + CMSG_LEN(0),
	       sizeof(info));
	pktinfo_read_v4(&info, local);
	return true;
}

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
 * SIZE_MAX when the kernel will refuse what is there.  *ifindex gets the
 * interface that the last IP_PKTINFO, or to PKTINFO_TO_V6 the last
 * IPV6_PKTINFO, names, or 0.
 */
bool pktinfo_carried(const struct msghdr *msg, enum pktinfo_target target,
		     size_t *end, uint32_t *ifindex);

/* Begins a control message with `bytes` zeroes as data, and returns these. */
ALWAYS_INLINE char *pktinfo_begin(char *control, int level, int type,
				  size_t bytes)
{
	const struct cmsghdr c = {
		.cmsg_len = CMSG_LEN(bytes),
		.cmsg_level = level,
		.cmsg_type = type,
	};

	memset(control, 0, CMSG_SPACE(bytes));
	memcpy(control, &c, sizeof(c));
	return control + CMSG_LEN(0);
}

/*
 * Writes the control message that makes `local` the source, by the interface of
 * this index if it is not 0, at `control`, which is aligned for a cmsghdr and
 * has room for an in6_pktinfo.  Returns its length in bytes.  `local` is of
 * family AF_INET or AF_INET6.
 */
ALWAYS_INLINE size_t pktinfo_append(char *control, const struct local *local,
				    uint32_t ifindex)
{
	char *at; /* by its fields: see local_copy */

	if (LIKELY(local->family == AF_INET)) {
		at = pktinfo_begin(control, IPPROTO_IP, IP_PKTINFO,
				   sizeof(struct in_pktinfo));
		memcpy(at + offsetof(struct in_pktinfo, ipi_ifindex), &ifindex,
		       sizeof(ifindex));
		memcpy(at + offsetof(struct in_pktinfo, ipi_spec_dst),
		       &local->v4, sizeof(local->v4));
		return CMSG_SPACE(sizeof(struct in_pktinfo));
	}
	at = pktinfo_begin(control, IPPROTO_IPV6, IPV6_PKTINFO,
			   sizeof(struct in6_pktinfo));
	memcpy(at + offsetof(struct in6_pktinfo, ipi6_ifindex), &ifindex,
	       sizeof(ifindex));
	memcpy(at + offsetof(struct in6_pktinfo, ipi6_addr), &local->v6,
	       sizeof(local->v6));
	return CMSG_SPACE(sizeof(struct in6_pktinfo));
}

/*
 * Sets *name to `local` as an address for bind(2) on a socket of this family,
 * with port 0; for AF_INET6 an IPv4 address is v4-mapped.  False: there is
 * none.
 */
bool local_name(const struct local *local, sa_family_t family,
		struct sockaddr_in6 *name);

#endif
