/* SPDX-License-Identifier: MIT */
/* Hides what differs from run to run, with the shim and without. */
#include "mask.h"

#include <ctype.h>
#include <linux/in6.h>
#include <netinet/in.h>
#include <string.h>

/* The kernel chooses ports from here on. */
#define FIRST_EPHEMERAL 32768

/* The libc that has no names for them. */
#define SCM_TIMESTAMPS                 \
	{                              \
		29, 35, 37, 63, 64, 65 \
	}
#define IPV6_ORIGDSTADDR 74
#ifndef IPV6_FLOWINFO
#define IPV6_FLOWINFO 11
#endif

bool mask_sources;

/* Hides which of our addresses an answer came from, chosen ports and names. */
void mask_address(char *name, size_t room)
{
	sa_family_t family;
	const size_t chosen_bytes = 8;
	const size_t v4_at = 4, v6_at = 8, mapped_at = 20;
	static const char mapped[12] = { [10] = (char)0xff, [11] = (char)0xff };

	if (room < 3)
		return;
	memcpy(&family, name, sizeof(family));
	/* unix(7): Autobind feature */
	for (size_t i = 3; family == AF_UNIX && !name[2] && i < chosen_bytes &&
			   i < room && isxdigit((unsigned char)name[i]);
	     i++)
		name[i] = 'U';
	if (family != AF_INET && family != AF_INET6)
		return;
	if ((unsigned char)name[2] >= FIRST_EPHEMERAL >> 8) {
		name[2] = 'P';
		if (room > 3)
			name[3] = 'P';
	}
	if (!mask_sources)
		return;
	if (family == AF_INET && room > v4_at && name[v4_at] == 127) {
		memset(name + v4_at, 'A', room < 8 ? room - v4_at : 4);
	} else if (family == AF_INET6 && room > v6_at) {
		if (room > mapped_at &&
		    !memcmp(name + v6_at, mapped, sizeof(mapped)))
			memset(name + mapped_at, 'A',
			       room < 24 ? room - mapped_at : 4);
		else
			memset(name + v6_at, 'A',
			       room < 24 ? room - v6_at : 16);
	}
}

/* Times, and the flow label, which the kernel makes of a random number. */
static bool is_random(const struct cmsghdr *c)
{
	static const int types[] = SCM_TIMESTAMPS;

	if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_FLOWINFO)
		return true;
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == types[i])
			return true;
	return false;
}

/* Hides in one control message what differs from run to run. */
void mask_cmsg(const struct cmsghdr *c, char *data, size_t bytes)
{
	const size_t offender_at = 16;

	if (is_random(c))
		memset(data, 'T', bytes);
	else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS)
		memset(data, 'P',
		       bytes < sizeof(pid_t) ? bytes : sizeof(pid_t));
	else if ((c->cmsg_level == IPPROTO_IP &&
		  c->cmsg_type == IP_ORIGDSTADDR) ||
		 (c->cmsg_level == IPPROTO_IPV6 &&
		  c->cmsg_type == IPV6_ORIGDSTADDR))
		mask_address(data, bytes);
	else if (((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
		  (c->cmsg_level == IPPROTO_IPV6 &&
		   c->cmsg_type == IPV6_RECVERR)) &&
		 bytes > offender_at)
		mask_address(data + offender_at, bytes - offender_at);
}

static void hide(unsigned char *packet, size_t bytes, size_t at, size_t n)
{
	for (size_t i = at; i < at + n && i < bytes; i++)
		packet[i] = 'H';
}

void mask_transport(unsigned char *packet, size_t bytes, int protocol)
{
	const size_t checksum_at = 6;

	/* Sequence numbers, and times. */
	if (protocol == IPPROTO_TCP)
		hide(packet, bytes, 0, bytes);
	if (protocol != IPPROTO_UDP && protocol != IPPROTO_UDPLITE)
		return;
	for (size_t at = 0; at < 4; at += 2)
		if (at < bytes && packet[at] >= FIRST_EPHEMERAL >> 8)
			hide(packet, bytes, at, 2);
	hide(packet, bytes, checksum_at, 2);
}

/* The packet's number or flow label, its checksum, and the addresses. */
void mask_ip(unsigned char *packet, size_t bytes)
{
	const size_t v6_bytes = 40;
	size_t header = v6_bytes;
	int protocol;

	if (bytes < v6_bytes / 2) {
		hide(packet, bytes, 0, bytes);
		return;
	}
	if (packet[0] >> 4 == 4) {
		header = (size_t)(packet[0] & 0xf) * 4;
		protocol = packet[9];
		hide(packet, bytes, 4, 2);
		hide(packet, bytes, 10, 2);
		if (mask_sources)
			hide(packet, bytes, 12, 8);
	} else {
		protocol = packet[6];
		hide(packet, bytes, 1, 3);
		if (mask_sources)
			hide(packet, bytes, 8, 32);
	}
	if (header < bytes)
		mask_transport(packet + header, bytes - header, protocol);
}

void mask_sent(unsigned char *packet, size_t bytes)
{
	static const unsigned char loopback[12] = { 0 };
	const size_t header = 14;
	const unsigned char *type = packet + sizeof(loopback);

	if (bytes > header && !memcmp(packet, loopback, sizeof(loopback)) &&
	    ((type[0] == 0x08 && type[1] == 0) ||
	     (type[0] == 0x86 && type[1] == 0xdd)))
		mask_ip(packet + header, bytes - header);
}
