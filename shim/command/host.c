/* SPDX-License-Identifier: MIT */
/* Asks the kernel from which address, and where, it would send an answer. */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "command/host.h"

#include "command/route.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A network of clients; `probe` stands for one of them. */
struct network {
	struct address probe;
	char text[HOST_TEXT_BYTES]; /* "" for those that are far */
	bool reachable;
	struct address source; /* that the kernel answers this client from */
};

enum {
	MOST_ADDRESSES = 1 << 16,
	MOST_NETWORKS = 1 << 10,
	SLOTS = 2 * MOST_ADDRESSES, /* a power of two */
	NONE = -1,
};

struct host {
	struct host_addresses *found;
	struct address *addresses; /* of found->list, in the same order */
	int *networks;		   /* the one that each is in, or NONE */
	int *slots; /* hash table of `addresses`: 1 and more; 0: empty */
	struct network near[MOST_NETWORKS];
	int near_count;
	struct network far[2]; /* IPv4, IPv6 */
};

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

/* Where this address is in the hash table, or would be.  FNV-1a. */
static int *slot_of(const struct host *host, const struct address *address)
{
	uint32_t hash = 2166136261U;

	for (size_t i = 0; i < address_bytes(address->family); i++)
		hash = (hash ^ address->bytes[i]) * 16777619U;
	for (uint32_t i = hash;; i++) {
		int *slot = &host->slots[i % SLOTS];

		if (!*slot || address_is(&host->addresses[*slot - 1], address))
			return slot;
	}
}

static bool is_own_address(const struct host *host,
			   const struct address *address)
{
	return *slot_of(host, address);
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
		if (!is_own_address(host, neighbour))
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

static bool is_inet(const struct ifaddrs *at)
{
	return at->ifa_addr && (at->ifa_addr->sa_family == AF_INET ||
				at->ifa_addr->sa_family == AF_INET6);
}

static void add_address(struct host *host, const struct ifaddrs *at)
{
	struct host_addresses *found = host->found;
	struct address address;
	struct host_address *entry;
	int *slot;

	if (!is_inet(at))
		return;
	address = address_of(at->ifa_addr);
	slot = slot_of(host, &address);
	if (!is_global(&address) || !(at->ifa_flags & IFF_UP) || *slot)
		return;
	if (found->count == MOST_ADDRESSES) {
		found->more++;
		return;
	}
	entry = &found->list[found->count];
	*entry = (struct host_address){ .family = address.family };
	(void)inet_ntop(address.family, address.bytes, entry->text,
			sizeof(entry->text));
	(void)snprintf(entry->device, sizeof(entry->device), "%s",
		       at->ifa_name);
	host->networks[found->count] = NONE;
	host->addresses[found->count] = address;
	*slot = ++found->count;
}

static void find_source(struct network *network)
{
	struct route route;

	network->reachable = route_find(&network->probe, NULL, &route);
	network->source = route.source;
}

/* The place of this network among those that are known, or NONE. */
static int place_network(struct host *host, const struct network *network)
{
	for (int i = 0; i < host->near_count; i++)
		if (host->near[i].probe.family == network->probe.family &&
		    !strcmp(host->near[i].text, network->text))
			return i;
	if (host->near_count == MOST_NETWORKS) {
		host->found->more++;
		return NONE;
	}
	host->near[host->near_count] = *network;
	find_source(&host->near[host->near_count]);
	return host->near_count++;
}

/* The clients that are known to be near: on a network of ours. */
static void add_network(struct host *host, const struct ifaddrs *at)
{
	struct network network = { .reachable = false };
	struct address address;
	unsigned int bits;
	int slot;

	if (!is_inet(at))
		return;
	address = address_of(at->ifa_addr);
	slot = *slot_of(host, &address);
	if (!slot)
		return;
	bits = prefix_bits(at->ifa_netmask);
	network.probe = address;
	/* A tunnel's other end; ours, where it has a network. */
	if (at->ifa_flags & IFF_POINTOPOINT && at->ifa_dstaddr)
		network.probe = address_of(at->ifa_dstaddr);
	describe_network(&network.probe, bits, network.text);
	if (is_own_address(host, &network.probe) &&
	    !find_neighbour(host, &address, bits, &network.probe))
		return;
	host->networks[slot - 1] = place_network(host, &network);
}

/* False: a client of this network that asks this address is answered from it,
 * or there is no way to it. */
static bool answered_wrong(const struct address *address,
			   const struct network *client)
{
	return client->reachable && client->source.family == address->family &&
	       !address_is(&client->source, address);
}

/* Nobody's, as nobody is there: RFC 5737, RFC 3849. */
static void find_far(struct host *host)
{
	host->far[0].probe = address_read(AF_INET, "203.0.113.255");
	host->far[1].probe = address_read(AF_INET6, "2001:db8:ffff:ffff::ffff");
	find_source(&host->far[0]);
	find_source(&host->far[1]);
}

static const struct network *far_of(const struct host *host, int family)
{
	return &host->far[family == AF_INET6];
}

static void judge_address(const struct host *host, int i)
{
	const struct address *address = &host->addresses[i];
	const int own = host->networks[i];
	struct host_address *entry = &host->found->list[i];

	if ((own != NONE && answered_wrong(address, &host->near[own])) ||
	    answered_wrong(address, far_of(host, address->family))) {
		entry->wrong = true;
		return;
	}
	for (int n = 0; n < host->near_count && !entry->wrong; n++) {
		if (!answered_wrong(address, &host->near[n]))
			continue;
		entry->wrong = true;
		memcpy(entry->client, host->near[n].text,
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
	struct host_address *entry = &host->found->list[i];
	char bridge[HOST_TEXT_BYTES + 32], name[IF_NAMESIZE];
	struct route route;

	(void)snprintf(bridge, sizeof(bridge), "/sys/class/net/%s/bridge",
		       entry->device);
	if (flags & (IFF_LOOPBACK | IFF_POINTOPOINT | IFF_NOARP) ||
	    !access(bridge, F_OK))
		return;
	if (route_find(&far_of(host, address->family)->probe, address,
		       &route) &&
	    if_indextoname(route.device, name) &&
	    strcmp(name, entry->device) != 0)
		memcpy(entry->leaves_by, name, sizeof(name));
}

static void judge_all(struct host *host, const struct ifaddrs *all)
{
	for (const struct ifaddrs *at = all; at; at = at->ifa_next)
		add_address(host, at);
	for (const struct ifaddrs *at = all; at; at = at->ifa_next)
		add_network(host, at);
	find_far(host);
	for (int i = 0; i < host->found->count; i++)
		judge_address(host, i);
	for (const struct ifaddrs *at = all; at; at = at->ifa_next) {
		struct address address;
		int slot;

		if (!is_inet(at))
			continue;
		address = address_of(at->ifa_addr);
		slot = *slot_of(host, &address);
		if (slot &&
		    !strcmp(host->found->list[slot - 1].device, at->ifa_name))
			find_way_out(host, slot - 1, at->ifa_flags);
	}
}

static bool make_room(struct host *host)
{
	host->found->list = calloc(MOST_ADDRESSES, sizeof(*host->found->list));
	host->addresses = calloc(MOST_ADDRESSES, sizeof(*host->addresses));
	host->networks = calloc(MOST_ADDRESSES, sizeof(*host->networks));
	host->slots = calloc(SLOTS, sizeof(*host->slots));
	return host->found->list && host->addresses && host->networks &&
	       host->slots;
}

bool host_addresses(struct host_addresses *found)
{
	static struct host host;
	struct ifaddrs *all = NULL;
	bool known;

	*found = (struct host_addresses){ .count = 0 };
	host = (struct host){ .found = found };
	known = make_room(&host) && !getifaddrs(&all) && route_open();
	if (known)
		judge_all(&host, all);
	route_close();
	if (all)
		freeifaddrs(all);
	free(host.addresses);
	free(host.networks);
	free(host.slots);
	return known;
}
// NOLINTEND(concurrency-mt-unsafe)
