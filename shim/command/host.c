/* SPDX-License-Identifier: MIT */
/* Asks the kernel from which address, and where, it would send an answer. */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "command/host.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

/* An address in network order; IPv4 has the first four bytes. */
struct address {
	int family;
	uint8_t bytes[sizeof(struct in6_addr)];
};

/* A network of clients; `probe` stands for one of them. */
struct network {
	struct address probe;
	char text[HOST_TEXT_BYTES]; /* "" for those that are far */
};

/* What the kernel says of a route. */
struct route {
	struct address source;
	unsigned int device;
};

struct host {
	struct host_address *list;
	struct address addresses[HOST_MOST_ADDRESSES];
	struct network
		networks[HOST_MOST_ADDRESSES]; /* .probe.family 0: none */
	int count;
	int netlink;
};

static size_t address_bytes(int family)
{
	return family == AF_INET ? sizeof(struct in_addr)
				 : sizeof(struct in6_addr);
}

static bool same(const struct address *a, const struct address *b)
{
	return a->family == b->family &&
	       !memcmp(a->bytes, b->bytes, address_bytes(a->family));
}

static struct address address_of(const struct sockaddr *name)
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

static struct address address_read(int family, const char *text)
{
	struct address address = { .family = family };

	(void)inet_pton(family, text, address.bytes);
	return address;
}

/* Neither loopback nor link-local: those are not asked from another host. */
static bool is_global(const struct address *address)
{
	const uint8_t *b = address->bytes;

	if (address->family == AF_INET)
		return b[0] != 127 && !(b[0] == 169 && b[1] == 254);
	return !IN6_IS_ADDR_LOOPBACK(
		       (const struct in6_addr *)(const void *)b) &&
	       !IN6_IS_ADDR_LINKLOCAL((const struct in6_addr *)(const void *)b);
}

static bool is_ours(const struct host *host, const struct address *address)
{
	for (int i = 0; i < host->count; i++)
		if (same(&host->addresses[i], address))
			return true;
	return false;
}

struct request {
	struct nlmsghdr header;
	struct rtmsg route;
	/* Of which append() writes. */
	// cppcheck-suppress unusedStructMember
	char attributes[2 * RTA_SPACE(sizeof(struct in6_addr))];
};

static void append(struct request *request, unsigned short type,
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

/* rtnetlink(7) RTM_GETROUTE.  `from` may be NULL.  False: there is no way. */
static bool find_route(const struct host *host, const struct address *to,
		       const struct address *from, struct route *route)
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
	append(&request, RTA_DST, to);
	if (from) {
		request.route.rtm_src_len = bits;
		append(&request, RTA_SRC, from);
	}
	if (send(host->netlink, &request, request.header.nlmsg_len, 0) < 0)
		return false;
	n = recv(host->netlink, reply, sizeof(reply), 0);
	if (n < (ssize_t)NLMSG_SPACE(sizeof(struct rtmsg)))
		return false;
	memcpy(&header, reply, sizeof(header));
	if (header.nlmsg_type != RTM_NEWROUTE)
		return false;
	read_route(reply, (size_t)n, to->family, route);
	return true;
}

static unsigned int prefix_bits(const struct sockaddr *mask)
{
	struct address address;
	unsigned int bits = 0;

	if (!mask)
		return 0;
	address = address_of(mask);
	while (bits < 8 * address_bytes(address.family) &&
	       address.bytes[bits / 8] & 0x80 >> bits % 8)
		bits++;
	return bits;
}

/* Another host in the network of an address: the first that is not us. */
static bool find_neighbour(const struct host *host,
			   const struct address *address, unsigned int bits,
			   struct address *neighbour)
{
	const unsigned int all =
		(unsigned int)(8 * address_bytes(address->family));
	const unsigned int host_bits = all - bits;
	const unsigned int mask = host_bits >= 8 ? 255 : (1U << host_bits) - 1;
	unsigned int most = mask < 255 ? mask : 254;
	uint8_t *last;

	*neighbour = *address;
	last = &neighbour->bytes[all / 8 - 1];
	/* The first and the last are no host's, but for a /31.  RFC 3021. */
	if (address->family == AF_INET && host_bits > 1 && host_bits < 8)
		most--;
	for (unsigned int i = host_bits > 1; i <= most; i++) {
		*last = (uint8_t)((*last & ~mask) | i);
		if (!is_ours(host, neighbour))
			return true;
	}
	return false;
}

static void describe_network(const struct address *address, unsigned int bits,
			     char *text)
{
	struct address network = *address;
	char written[INET6_ADDRSTRLEN] = "?";

	for (unsigned int i = bits; i < 8 * address_bytes(address->family); i++)
		network.bytes[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
	(void)inet_ntop(network.family, network.bytes, written,
			sizeof(written));
	(void)snprintf(text, HOST_TEXT_BYTES, "%s/%u", written, bits);
}

static void add_address(struct host *host, const struct ifaddrs *at,
			size_t room)
{
	struct address address;
	struct host_address *entry;

	if (!at->ifa_addr || (at->ifa_addr->sa_family != AF_INET &&
			      at->ifa_addr->sa_family != AF_INET6))
		return;
	address = address_of(at->ifa_addr);
	if (!is_global(&address) || !(at->ifa_flags & IFF_UP) ||
	    is_ours(host, &address) || (size_t)host->count == room ||
	    host->count == HOST_MOST_ADDRESSES)
		return;
	entry = &host->list[host->count];
	*entry = (struct host_address){ .family = address.family };
	(void)inet_ntop(address.family, address.bytes, entry->text,
			sizeof(entry->text));
	(void)snprintf(entry->device, sizeof(entry->device), "%s",
		       at->ifa_name);
	host->addresses[host->count++] = address;
}

/* The clients that are known to be near: on a network of ours. */
static void add_network(struct host *host, const struct ifaddrs *at)
{
	struct address address;
	unsigned int bits;

	if (!at->ifa_addr || (at->ifa_addr->sa_family != AF_INET &&
			      at->ifa_addr->sa_family != AF_INET6))
		return;
	address = address_of(at->ifa_addr);
	for (int i = 0; i < host->count; i++) {
		struct network *network = &host->networks[i];

		if (!same(&host->addresses[i], &address))
			continue;
		bits = prefix_bits(at->ifa_netmask);
		network->probe = address;
		/* A tunnel's other end; ours, where it has a network. */
		if (at->ifa_flags & IFF_POINTOPOINT && at->ifa_dstaddr)
			network->probe = address_of(at->ifa_dstaddr);
		describe_network(&network->probe, bits, network->text);
		if (is_ours(host, &network->probe) &&
		    !find_neighbour(host, &address, bits, &network->probe))
			network->probe.family = 0;
	}
}

/* False: a client of this network that asks this address is answered from it,
 * or there is no way to it. */
static bool answered_wrong(const struct host *host,
			   const struct address *address,
			   const struct address *client)
{
	struct route route;

	return client->family == address->family &&
	       find_route(host, client, NULL, &route) &&
	       !same(&route.source, address);
}

/* Nobody's, as nobody is there: RFC 5737, RFC 3849. */
static struct address far_client(int family)
{
	return address_read(family, family == AF_INET
					    ? "203.0.113.255"
					    : "2001:db8:ffff:ffff::ffff");
}

static void judge(const struct host *host, int i)
{
	const struct address *address = &host->addresses[i];
	const struct address far = far_client(address->family);
	struct host_address *entry = &host->list[i];

	if (answered_wrong(host, address, &host->networks[i].probe) ||
	    answered_wrong(host, address, &far)) {
		entry->wrong = true;
		return;
	}
	for (int n = 0; n < host->count && !entry->wrong; n++) {
		if (!answered_wrong(host, address, &host->networks[n].probe))
			continue;
		entry->wrong = true;
		memcpy(entry->client, host->networks[n].text,
		       sizeof(entry->client));
	}
}

/*
 * Answers to far clients that leave by another device than their address is on.
 * Not of loopback, a bridge or a tunnel: their addresses are asked by way of
 * the others.
 */
static void find_way_out(const struct host *host, int i, unsigned int flags)
{
	const struct address *address = &host->addresses[i];
	const struct address far = far_client(address->family);
	struct host_address *entry = &host->list[i];
	char bridge[HOST_TEXT_BYTES + 32], name[IF_NAMESIZE];
	struct route route;

	(void)snprintf(bridge, sizeof(bridge), "/sys/class/net/%s/bridge",
		       entry->device);
	if (flags & (IFF_LOOPBACK | IFF_POINTOPOINT | IFF_NOARP) ||
	    !access(bridge, F_OK))
		return;
	if (find_route(host, &far, address, &route) &&
	    if_indextoname(route.device, name) &&
	    strcmp(name, entry->device) != 0)
		memcpy(entry->leaves_by, name, sizeof(name));
}

static unsigned int flags_of(const struct ifaddrs *list, const char *device)
{
	for (; list; list = list->ifa_next)
		if (!strcmp(list->ifa_name, device))
			return list->ifa_flags;
	return 0;
}

int host_addresses(struct host_address *list, size_t room)
{
	const struct timeval second = { .tv_sec = 1 };
	static struct host host;
	struct ifaddrs *all;

	host = (struct host){ .list = list };
	if (getifaddrs(&all))
		return -1;
	host.netlink =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (host.netlink < 0) {
		freeifaddrs(all);
		return -1;
	}
	(void)setsockopt(host.netlink, SOL_SOCKET, SO_RCVTIMEO, &second,
			 sizeof(second));
	for (const struct ifaddrs *at = all; at; at = at->ifa_next)
		add_address(&host, at, room);
	for (const struct ifaddrs *at = all; at; at = at->ifa_next)
		add_network(&host, at);
	for (int i = 0; i < host.count; i++) {
		judge(&host, i);
		find_way_out(&host, i, flags_of(all, list[i].device));
	}
	(void)close(host.netlink);
	freeifaddrs(all);
	return host.count;
}
// NOLINTEND(concurrency-mt-unsafe)
