/* SPDX-License-Identifier: MIT */
/* The names behind a carrier's, first in, first out. */
#include "state/carry.h"

#include "base/map.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

/* A queue that is longer ends with datagrams that seem to be the carrier's. */
#define MOST_CARRIED 4096

struct passenger {
	struct sockaddr_in6 name;
	socklen_t len;
	struct local local;
};

/* Belongs to one sock for good: a late reader finds it mapped. */
struct carried {
	struct sockaddr_in6 carrier;
	struct sockaddr_in6 before; /* the carrier of those carried once more */
	_Atomic uint32_t first;	    /* they count on, modulo MOST_CARRIED */
	_Atomic uint32_t end;
	uint32_t first_before; /* when the carrier began */
	uint32_t end_before;
	struct passenger passengers[MOST_CARRIED];
};

bool carry_is_pending(const struct sock *sock)
{
	const struct carried *carried = sock->carried;

	return carried &&
	       atomic_load_explicit(&carried->first, memory_order_relaxed) !=
		       atomic_load_explicit(&carried->end,
					    memory_order_acquire);
}

void carry_reset(struct sock *sock)
{
	if (!sock->carried)
		return;
	atomic_store(&sock->carried->first, 0);
	atomic_store(&sock->carried->end, 0);
}

bool carry_begin(struct sock *sock, const struct sockaddr *carrier,
		 socklen_t len)
{
	if (!sock->carried)
		sock->carried = map_memory(sizeof(*sock->carried));
	if (!sock->carried)
		return false;
	sock->carried->before = sock->carried->carrier;
	/* Its port may be another's by now. */
	if (!carry_is_pending(sock))
		sock->carried->before = (struct sockaddr_in6){ 0 };
	sock->carried->first_before = atomic_load(&sock->carried->first);
	sock->carried->end_before = atomic_load(&sock->carried->end);
	memcpy(&sock->carried->carrier, carrier, len);
	return true;
}

void carry_undo(struct sock *sock)
{
	struct carried *carried = sock->carried;

	carried->carrier = carried->before;
	atomic_store(&carried->first, carried->first_before);
	atomic_store(&carried->end, carried->end_before);
}

void carry_add(struct sock *sock, const struct sockaddr *name, socklen_t len,
	       const struct local *local)
{
	struct carried *carried = sock->carried;
	uint32_t end = atomic_load(&carried->end);
	struct passenger *passenger = &carried->passengers[end % MOST_CARRIED];

	if (end - atomic_load(&carried->first) == MOST_CARRIED)
		return;
	memcpy(&passenger->name, name, len);
	passenger->len = len;
	passenger->local = *local;
	atomic_store_explicit(&carried->end, end + 1, memory_order_release);
}

/* Scope and flow are no part of it. */
static bool is_from(const struct msghdr *msg,
		    const struct sockaddr_in6 *carrier)
{
	struct sockaddr_in6 name = { 0 };

	if (msg->msg_namelen < sizeof(struct sockaddr_in) ||
	    msg->msg_namelen > sizeof(name))
		return false;
	memcpy(&name, msg->msg_name, msg->msg_namelen);
	if (name.sin6_family != carrier->sin6_family ||
	    name.sin6_port != carrier->sin6_port)
		return false;
	if (name.sin6_family == AF_INET6)
		return IN6_ARE_ADDR_EQUAL(&name.sin6_addr, &carrier->sin6_addr);
	return !memcmp(&((struct sockaddr_in *)&name)->sin_addr,
		       &((const struct sockaddr_in *)carrier)->sin_addr,
		       sizeof(struct in_addr));
}

bool carry_unveil_slowly(struct sock *sock, struct msghdr *msg,
			 struct local *local, bool peeked)
{
	struct carried *carried = sock->carried;
	struct passenger *passenger;
	uint32_t first;

	if (!carry_is_pending(sock) || (!is_from(msg, &carried->carrier) &&
					!is_from(msg, &carried->before)))
		return false;
	first = atomic_load(&carried->first);
	passenger = &carried->passengers[first % MOST_CARRIED];
	if (!peeked)
		atomic_store(&carried->first, first + 1);
	memcpy(msg->msg_name, &passenger->name, passenger->len);
	msg->msg_namelen = passenger->len;
	*local = passenger->local;
	return true;
}
