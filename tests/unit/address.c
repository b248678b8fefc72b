/* SPDX-License-Identifier: MIT */
/* Makes addresses of text, and text of addresses. */
#include "address.h"

#include "unit.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

struct in_addr in4(const char *text)
{
	struct in_addr address;

	assert_int_equal(inet_pton(AF_INET, text, &address), 1);
	return address;
}

struct in6_addr in6(const char *text)
{
	struct in6_addr address;

	assert_int_equal(inet_pton(AF_INET6, text, &address), 1);
	return address;
}

struct address v4(const char *text, uint16_t port)
{
	return (struct address){
		.v4 = { .sin_family = AF_INET,
			.sin_addr = in4(text),
			.sin_port = htons(port) },
		.len = sizeof(struct sockaddr_in),
	};
}

struct address v6(const char *text, uint16_t port)
{
	return v6_scoped(text, port, 0);
}

struct address v6_scoped(const char *text, uint16_t port, uint32_t scope)
{
	return (struct address){
		.v6 = { .sin6_family = AF_INET6,
			.sin6_addr = in6(text),
			.sin6_port = htons(port),
			.sin6_scope_id = scope },
		.len = sizeof(struct sockaddr_in6),
	};
}

struct local local_of(const char *text)
{
	return local_through(text, 0);
}

struct local local_through(const char *text, uint32_t ifindex)
{
	if (!*text)
		return (struct local){ .ifindex = ifindex };
	if (strchr(text, ':'))
		return (struct local){ .family = AF_INET6,
				       .ifindex = ifindex,
				       .v6 = in6(text) };
	return (struct local){ .family = AF_INET,
			       .ifindex = ifindex,
			       .v4 = in4(text) };
}

const char *text_of(const struct local *local)
{
	static _Thread_local char text[INET6_ADDRSTRLEN + IF_NAMESIZE];

	*text = '\0';
	if (local->family != AF_UNSPEC)
		assert_non_null(inet_ntop(local->family, &local->v6, text,
					  INET6_ADDRSTRLEN));
	if (local->ifindex)
		(void)snprintf(text + strlen(text), IF_NAMESIZE, "%%%u",
			       local->ifindex);
	return text;
}
