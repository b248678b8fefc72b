/* SPDX-License-Identifier: MIT */
/* Finds, hides and supplies the address in a datagram's control messages. */
#include "state/pktinfo.h"

#include "common/mark.h"

#include <string.h>

_Static_assert(PKTINFO_BOTH == MARK_KINDS, "a mark has these bits for them");

/* The bytes that there are from byte `at` on. */
static size_t control_left(const struct msghdr *msg, size_t at)
{
	return msg->msg_control && at < msg->msg_controllen
		       ? msg->msg_controllen - at
		       : 0;
}

/*
 * Copies the header of the control message at byte `at` to *c.  False: there is
 * none, or its length cannot be right.  By offset, for CMSG_NXTHDR reads the
 * length of a header that may not be there, and trusts it.
 */
static bool cmsg_at(const struct msghdr *msg, size_t at, struct cmsghdr *c)
{
	const size_t left = control_left(msg, at);

	if (left < sizeof(*c))
		return false;
	memcpy(c, (const char *)msg->msg_control + at, sizeof(*c));
	return c->cmsg_len >= sizeof(*c) && c->cmsg_len <= left;
}

static const void *cmsg_data(const struct msghdr *msg, size_t at)
{
	return (const char *)msg->msg_control + at + CMSG_LEN(0);
}

static bool cmsg_is(const struct cmsghdr *c, int level, int type, size_t bytes)
{
	return c->cmsg_level == level && c->cmsg_type == type &&
	       c->cmsg_len == CMSG_LEN(bytes);
}

static void read_v6(const struct in6_pktinfo *info, struct local *local)
{
	struct in_pktinfo mapped = { .ipi_ifindex = (int)info->ipi6_ifindex };

	if (IN6_IS_ADDR_V4MAPPED(&info->ipi6_addr)) {
		memcpy(&mapped.ipi_addr, &info->ipi6_addr.s6_addr[12],
		       sizeof(mapped.ipi_addr));
		pktinfo_read_v4(&mapped, local);
		return;
	}
	*local = (struct local){
		.family = IN6_IS_ADDR_MULTICAST(&info->ipi6_addr) ? AF_UNSPEC
								  : AF_INET6,
		.ifindex = info->ipi6_ifindex,
		.v6 = info->ipi6_addr,
	};
}

bool pktinfo_search(const struct msghdr *msg, struct local *local)
{
	struct in_pktinfo v4;
	struct in6_pktinfo v6;
	struct cmsghdr c;
	bool found = false;

	for (size_t at = 0; cmsg_at(msg, at, &c);
	     at += CMSG_ALIGN(c.cmsg_len)) {
		if (cmsg_is(&c, IPPROTO_IP, IP_PKTINFO, sizeof(v4))) {
			memcpy(&v4, cmsg_data(msg, at), sizeof(v4));
			pktinfo_read_v4(&v4, local);
			return true;
		}
		if (cmsg_is(&c, IPPROTO_IPV6, IPV6_PKTINFO, sizeof(v6))) {
			memcpy(&v6, cmsg_data(msg, at), sizeof(v6));
			read_v6(&v6, local);
			found = true;
		}
	}
	return found;
}

static bool is_unwanted(const struct cmsghdr *c, enum pktinfo_kinds wanted)
{
	if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
		return !(wanted & PKTINFO_V4);
	if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO)
		return !(wanted & PKTINFO_V6);
	return false;
}

/* Copies a control message to the room that is left, as put_cmsg does. */
static size_t put(struct msghdr *to, size_t used, const struct cmsghdr *c,
		  const void *data)
{
	size_t room = to->msg_control ? to->msg_controllen - used : 0;
	size_t space = CMSG_ALIGN(c->cmsg_len);
	struct cmsghdr cut = *c;
	char *at;

	if (room < sizeof(cut)) {
		to->msg_flags |= MSG_CTRUNC;
		return 0;
	}
	at = (char *)to->msg_control + used;
	if (c->cmsg_len > room) {
		to->msg_flags |= MSG_CTRUNC;
		cut.cmsg_len = room;
	}
	memmove(at + CMSG_LEN(0), data, cut.cmsg_len - CMSG_LEN(0));
	memcpy(at, &cut, sizeof(cut));
	return space < room ? space : room;
}

void pktinfo_strip(const struct msghdr *from, struct msghdr *to,
		   enum pktinfo_kinds wanted)
{
	const struct msghdr source = *from;
	struct cmsghdr c;
	size_t used = 0;

	to->msg_flags = source.msg_flags & ~MSG_CTRUNC;
	for (size_t at = 0; cmsg_at(&source, at, &c);
	     at += CMSG_ALIGN(c.cmsg_len))
		if (!is_unwanted(&c, wanted))
			used += put(to, used, &c, cmsg_data(&source, at));
	/* The library's buffer overflowed, and the application's is smaller. */
	if (source.msg_flags & MSG_CTRUNC)
		to->msg_flags |= MSG_CTRUNC;
	to->msg_controllen = used;
}

/*
 * Sets *carried if this control message names a source, or takes it back, and
 * *ifindex if it names an interface.
 */
static void note_named(const struct msghdr *msg, size_t at,
		       const struct cmsghdr *c, enum pktinfo_target target,
		       bool *carried, uint32_t *ifindex)
{
	struct in_pktinfo v4;
	struct in6_pktinfo v6;
	struct in_addr mapped;

	if (target != PKTINFO_TO_V6 &&
	    cmsg_is(c, IPPROTO_IP, IP_PKTINFO, sizeof(v4))) {
		memcpy(&v4, cmsg_data(msg, at), sizeof(v4));
		*carried = v4.ipi_spec_dst.s_addr != 0;
		if (v4.ipi_ifindex)
			*ifindex = (uint32_t)v4.ipi_ifindex;
	}
	if (target == PKTINFO_TO_V4 || c->cmsg_level != IPPROTO_IPV6 ||
	    c->cmsg_len < CMSG_LEN(sizeof(v6)))
		return;
	memcpy(&v6, cmsg_data(msg, at), sizeof(v6));
	memcpy(&mapped, &v6.ipi6_addr.s6_addr[12], sizeof(mapped));
	if (target == PKTINFO_TO_MAPPED) {
		if (c->cmsg_type == IPV6_PKTINFO &&
		    IN6_IS_ADDR_V4MAPPED(&v6.ipi6_addr))
			*carried = mapped.s_addr != 0;
	} else if (c->cmsg_type == IPV6_PKTINFO ||
		   c->cmsg_type == IPV6_2292PKTINFO) {
		/* Zeroes do not take back what came before. */
		*carried |= !IN6_IS_ADDR_UNSPECIFIED(&v6.ipi6_addr);
		if (cmsg_is(c, IPPROTO_IPV6, IPV6_PKTINFO, sizeof(v6)) &&
		    v6.ipi6_ifindex)
			*ifindex = v6.ipi6_ifindex;
	}
}

bool pktinfo_carried(const struct msghdr *msg, enum pktinfo_target target,
		     size_t *end, uint32_t *ifindex)
{
	struct cmsghdr c;
	bool carried = false;
	size_t at = 0;

	*ifindex = 0;
	for (; cmsg_at(msg, at, &c); at += CMSG_ALIGN(c.cmsg_len))
		note_named(msg, at, &c, target, &carried, ifindex);
	/* From a 32-bit process no bytes may follow.  net/compat.c. */
	if (control_left(msg, at) >=
	    (sizeof(long) < sizeof(uint64_t) ? 1 : sizeof(c))) {
		*end = SIZE_MAX;
		return false;
	}
	*end = at;
	return carried;
}

bool local_name(const struct local *local, sa_family_t family,
		struct sockaddr_in6 *name)
{
	const struct sockaddr_in v4 = { .sin_family = AF_INET,
					.sin_addr = local->v4 };

	*name = (struct sockaddr_in6){ .sin6_family = family };
	if (family == AF_INET) {
		memcpy(name, &v4, sizeof(v4));
		return local->family == AF_INET;
	}
	if (local->family == AF_INET) {
		memset(&name->sin6_addr.s6_addr[10], 0xff, 2);
		memcpy(&name->sin6_addr.s6_addr[12], &local->v4,
		       sizeof(local->v4));
		return true;
	}
	name->sin6_addr = local->v6;
	if (IN6_IS_ADDR_LINKLOCAL(&local->v6))
		name->sin6_scope_id = local->ifindex;
	return local->family == AF_INET6;
}
