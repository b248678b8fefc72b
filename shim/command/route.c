/* SPDX-License-Identifier: MIT */
/* Asks the kernel for routes.  rtnetlink(7). */
#include "command/route.h"

#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static int netlink = -1;

size_t address_bytes(int family)
{
	return family == AF_INET ? sizeof(struct in_addr)
				 : sizeof(struct in6_addr);
}

bool address_is(const struct address *a, const struct address *b)
{
	return a->family == b->family &&
	       !memcmp(a->bytes, b->bytes, address_bytes(a->family));
}

struct address address_of(const struct sockaddr *name)
{
	struct address address = { .family = name->sa_family };

	if (name->sa_family == AF_INET)
		memcpy(address.bytes,
		       &((const struct sockaddr_in *)(const void *)name)
				->sin_addr,
		       sizeof(struct in_addr));
	else
		memcpy(address.bytes,
		       &((const struct sockaddr_in6 *)(const void *)name)
				->sin6_addr,
		       sizeof(struct in6_addr));
	return address;
}

struct request {
	struct nlmsghdr header;
	struct rtmsg route;
	/* Of which append_attribute() writes. */
	// cppcheck-suppress unusedStructMember
	char attributes[2 * RTA_SPACE(sizeof(struct in6_addr))];
};

static void append_attribute(struct request *request, unsigned short type,
			     const struct address *address)
{
	const size_t bytes = address_bytes(address->family);
	struct rtattr attribute = { .rta_len =
					    (unsigned short)RTA_LENGTH(bytes),
				    .rta_type = type };
	char *at = (char *)request + NLMSG_ALIGN(request->header.nlmsg_len);

	memcpy(at, &attribute, sizeof(attribute));
	memcpy(at + RTA_LENGTH(0), address->bytes, bytes);
	request->header.nlmsg_len =
		NLMSG_ALIGN(request->header.nlmsg_len) + attribute.rta_len;
}

static void read_route(const char *reply, size_t bytes, int family,
		       struct route *route)
{
	size_t at = NLMSG_SPACE(sizeof(struct rtmsg));
	struct rtattr attribute;

	route->source.family = family;
	while (at + sizeof(attribute) <= bytes) {
		const char *data = reply + at + RTA_LENGTH(0);
		size_t data_bytes;

		memcpy(&attribute, reply + at, sizeof(attribute));
		if (attribute.rta_len < RTA_LENGTH(0) ||
		    at + attribute.rta_len > bytes)
			return;
		data_bytes = attribute.rta_len - RTA_LENGTH(0);
		if (attribute.rta_type == RTA_PREFSRC &&
		    data_bytes == address_bytes(family))
			memcpy(route->source.bytes, data, data_bytes);
		if (attribute.rta_type == RTA_OIF &&
		    data_bytes == sizeof(route->device))
			memcpy(&route->device, data, data_bytes);
		at += RTA_ALIGN(attribute.rta_len);
	}
}

bool route_find(const struct address *to, const struct address *from,
		struct route *route)
{
	struct request request = {
		.header = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)),
			    .nlmsg_type = RTM_GETROUTE,
			    .nlmsg_flags = NLM_F_REQUEST },
		.route = { .rtm_family = (unsigned char)to->family }
	};
	const unsigned char bits =
		(unsigned char)(8 * address_bytes(to->family));
	char reply[4096];
	struct nlmsghdr header;
	ssize_t n;

	*route = (struct route){ 0 };
	request.route.rtm_dst_len = bits;
	append_attribute(&request, RTA_DST, to);
	if (from) {
		request.route.rtm_src_len = bits;
		append_attribute(&request, RTA_SRC, from);
	}
	if (send(netlink, &request, request.header.nlmsg_len, 0) < 0)
		return false;
	n = recv(netlink, reply, sizeof(reply), 0);
	if (n < (ssize_t)NLMSG_SPACE(sizeof(struct rtmsg)))
		return false;
	memcpy(&header, reply, sizeof(header));
	if (header.nlmsg_type != RTM_NEWROUTE)
		return false;
	read_route(reply, (size_t)n, to->family, route);
	return true;
}

bool route_open(void)
{
	const struct timeval second = { .tv_sec = 1 };

	netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	return netlink >= 0 && !setsockopt(netlink, SOL_SOCKET, SO_RCVTIMEO,
					   &second, sizeof(second));
}

void route_close(void)
{
	if (netlink >= 0)
		(void)close(netlink);
	netlink = -1;
}
