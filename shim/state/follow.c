/* SPDX-License-Identifier: MIT */
/* Decides whether a socket answers a peer that asked another one, and does it.
 */
#include "state/follow.h"

#include "base/config.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/name_calls.h"
#include "base/real.h"
#include "common/name.h"
#include "state/carry.h"
#include "state/peers.h"
#include "state/pktinfo.h"
#include "state/replace.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

/* In the table of peers, those that we sent to first: nobody's client. */
#define CONTACTS 0

static void note_contact(const struct sockaddr *to, socklen_t len)
{
	const struct local none = { .family = AF_UNSPEC };

	peers_remember(CONTACTS, to, len, &none, true);
}

/* A datagram forged in the name of our server must not steer our questions. */
static bool is_contact(const struct sockaddr *to, socklen_t len)
{
	struct local none;

	return peers_find(CONTACTS, to, len, &none);
}

/* Whether the peer asked another socket of this port; it may be closed. */
static bool find_beside(const struct sock *sock, const struct sockaddr *to,
			socklen_t len, struct local *local)
{
	const uint32_t port = atomic_load(&sock->port_be);
	const struct sock *other;

	for (uint32_t n = 0; port && (other = sock_nth(n)); n++)
		if (other != sock && atomic_load(&other->port_be) == port &&
		    peers_find(atomic_load(&other->id), to, len, local))
			return true;
	return false;
}

/*
 * Whether the peer asked some socket, and was not answered yet.  A child may
 * have closed that.
 */
static bool find_waiting(const struct sock *sock, const struct sockaddr *to,
			 socklen_t len, struct local *local)
{
	const struct sock *other;

	if (!config_get()->follow_ms || is_contact(to, len))
		return false;
	for (uint32_t n = 0; (other = sock_nth(n)); n++)
		if (other != sock && atomic_load(&other->settled) &&
		    peers_claim(atomic_load(&other->id), to, len, local))
			return true;
	return false;
}

static bool is_address(const struct sockaddr *addr, socklen_t len)
{
	return addr && len >= sizeof(struct sockaddr_in) &&
	       len <= sizeof(struct sockaddr_storage);
}

bool follow_peer(struct sock *sock, const struct sockaddr *to, socklen_t len)
{
	struct local local;
	bool found;

	if (!is_address(to, len))
		return false;
	found = find_beside(sock, to, len, &local);
	if (!found && !atomic_exchange(&sock->settled, true)) {
		found = find_waiting(sock, to, len, &local);
		if (!found)
			note_contact(to, len);
	}
	if (found)
		peers_remember(atomic_load(&sock->id), to, len, &local, true);
	return found;
}

/* What fd is bound to.  False: that is no address of either family. */
static bool read_address(int fd, struct sockaddr_in6 *bound)
{
	return name_read(fd, bound) && (bound->sin6_family == AF_INET ||
					bound->sin6_family == AF_INET6);
}

struct sock *follow_send(int fd, const struct sockaddr *to, socklen_t len)
{
	struct sockaddr_in6 bound;
	struct local local;
	struct sock *sock;
	int saved = errno;

	if (!sock_settle(fd) || !peers_are_open() || sock_is_off() ||
	    !is_address(to, len))
		return NULL;
	if (!find_waiting(NULL, to, len, &local)) {
		note_contact(to, len);
		return NULL;
	}
	if (!read_address(fd, &bound) || bound.sin6_port) {
		errno = saved;
		return NULL;
	}
	sock = sock_adopt(fd, bound.sin6_family, SOCK_ARMED);
	if (sock)
		peers_remember(atomic_load(&sock->id), to, len, &local, true);
	return sock;
}

/* A socket that is to be connected, and to whom. */
struct plan {
	int fd;
	struct sock *sock; /* NULL: not ours so far */
	const struct sockaddr *peer;
	socklen_t len;
	struct sockaddr_in6 bound; /* to this, of either family */
	struct sockaddr_in6 next;  /* to be bound to that */
	struct local local;	   /* which is the address that was asked */
};

/* The name of `local` with this port on a socket of that family. */
static bool make_name(const struct local *local, sa_family_t family,
		      in_port_t port_be, struct sockaddr_in6 *name)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = port_be };

	*name = (struct sockaddr_in6){ .sin6_family = family,
				       .sin6_port = port_be };
	if (family == AF_INET) {
		v4.sin_addr = local->v4;
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

static struct sockaddr_in6 wildcard(sa_family_t family, in_port_t port_be)
{
	/* All zeroes in either family. */
	return (struct sockaddr_in6){ .sin6_family = family,
				      .sin6_port = port_be };
}

/* Bound to an address without a port is what a followed socket would stay. */
static void unbind(int fd, sa_family_t family)
{
	const struct sockaddr_in6 any = wildcard(family, 0);

	name_disconnect(fd);
	name_bind(fd, &any);
	name_disconnect(fd);
}

/* A socket that is not bound yet.  False: as before. */
static bool follow_unbound(struct plan *plan)
{
	const sa_family_t family = plan->bound.sin6_family;
	struct sock *sock;

	/* It was ours, and lost its port when it was disconnected. */
	if (plan->sock)
		sock_disarm(plan->fd, plan->sock);
	sock = sock_adopt(plan->fd, family, SOCK_FOLLOWED);
	if (!sock || !name_bind(plan->fd, &plan->next)) {
		sock_unbound(plan->fd);
		return false;
	}
	if (!real.connect(plan->fd, plan->peer, plan->len))
		return true;
	unbind(plan->fd, family);
	sock_unbound(plan->fd);
	return false;
}

/*
 * One that the kernel chose the port for gives it back when it is disconnected,
 * and may be bound to it again.  False: as before.
 */
static bool follow_ephemeral(struct plan *plan)
{
	const struct sockaddr_in6 any =
		wildcard(plan->bound.sin6_family, plan->bound.sin6_port);

	name_disconnect(plan->fd);
	if (name_bind(plan->fd, &plan->next)) {
		if (!real.connect(plan->fd, plan->peer, plan->len)) {
			sock_disarm(plan->fd, plan->sock);
			return true;
		}
		/* Its port is its own now, so there is another way only. */
		if (replace_socket(plan->fd, plan->sock, &any, NULL,
				   SOCK_ARMED))
			return false;
	}
	name_bind(plan->fd, &any);
	return false;
}

/* Whether no other process and no other fd has it, as far as is known. */
static bool is_ours_alone(const struct sock *sock)
{
	return atomic_load(&sock->fds) == 1 && !sock_is_inherited(sock);
}

/*
 * The same, but a parent may have it: it closes it, as a rule, and opens
 * another one to listen on, for this one hears just our peer once it is
 * connected.
 */
static bool is_inherited_at_most(const struct sock *sock)
{
	return atomic_load(&sock->fds) == 1 && atomic_load(&sock->generation);
}

/* False: as before. */
static bool replace(const struct plan *plan)
{
	if (!replace_socket(plan->fd, plan->sock, &plan->next, plan->peer,
			    SOCK_FOLLOWED))
		return false;
	atomic_store(&plan->sock->generation, lock_generation());
	return true;
}

/* False: as before. */
static bool rebind(struct plan *plan)
{
	const struct sock *sock = plan->sock;

	if (atomic_load(&sock->device))
		return false;
	if (atomic_load(&sock->mode) == SOCK_FOLLOWED)
		return memcmp(&plan->bound, &plan->next,
			      name_length(plan->next.sin6_family)) != 0 &&
		       is_ours_alone(sock) && replace(plan);
	if (atomic_load(&sock->port_be))
		return is_inherited_at_most(sock) && replace(plan);
	/* Who made it may have given it a port of its own. */
	return atomic_load(&sock->generation) && follow_ephemeral(plan);
}

/* Which address the peer asked, if we know and may tell. */
static bool find_asked(struct plan *plan)
{
	struct sock *sock = plan->sock;

	if (sock &&
	    peers_find(atomic_load(&sock->id), plan->peer, plan->len,
		       &plan->local) &&
	    (atomic_load(&sock->port_be) || !is_contact(plan->peer, plan->len)))
		return true;
	return (sock &&
		find_beside(sock, plan->peer, plan->len, &plan->local)) ||
	       find_waiting(sock, plan->peer, plan->len, &plan->local);
}

static bool is_bound_to_wildcard(const struct plan *plan)
{
	return sock_is_wildcard((const struct sockaddr *)&plan->bound,
				name_length(plan->bound.sin6_family));
}

/* Once, for it will be so each time. */
static void log_once(_Atomic bool *logged, int fd, const char *what)
{
	if (!atomic_exchange(logged, true))
		log_event(LOG_ERROR, fd, what);
}

/* The application's own connect, and what is sent then gets its source. */
static bool pin(struct plan *plan, int *result)
{
	static _Atomic bool logged;

	*result = real.connect(plan->fd, plan->peer, plan->len);
	if (*result)
		return true;
	plan->sock->source = plan->local;
	atomic_store(&plan->sock->mode, SOCK_PINNED);
	log_once(&logged, plan->fd,
		 "cannot be bound to the address that its peer asked; what it"
		 " sends comes from there all the same");
	return true;
}

static _Atomic bool forbidden;

void follow_no_more(bool yes)
{
	atomic_store(&forbidden, yes);
}

/* Whether the kernel does right by itself, or refuses. */
static bool is_chosen_anyway(const struct plan *plan)
{
	struct sockaddr_in6 name;

	/* It has an address already, which it would keep. */
	if (plan->sock && atomic_load(&plan->sock->mode) != SOCK_ARMED)
		return false;
	if (!replace_preview(plan->fd, plan->peer, &name))
		return true;
	name.sin6_port = plan->next.sin6_port;
	return !memcmp(&name, &plan->next, name_length(plan->next.sin6_family));
}

static bool connect_to_peer(struct plan *plan, int *result)
{
	const sa_family_t *family = &plan->bound.sin6_family;
	const bool may_bind = !atomic_load(&forbidden);
	int saved = errno, mode;
	bool done = false;

	if (!find_asked(plan) || !read_address(plan->fd, &plan->bound) ||
	    !make_name(&plan->local, *family, plan->bound.sin6_port,
		       &plan->next)) {
		errno = saved;
		return false;
	}
	*result = 0;
	if (may_bind && is_chosen_anyway(plan)) {
		*result = real.connect(plan->fd, plan->peer, plan->len);
		return true;
	}
	errno = saved;
	if (!plan->bound.sin6_port) {
		done = may_bind && follow_unbound(plan);
	} else if (plan->sock) {
		mode = atomic_load(&plan->sock->mode);
		/* One that is pinned has an address of its first peer's. */
		if (mode == SOCK_ARMED && !is_bound_to_wildcard(plan)) {
			errno = saved;
			return false;
		}
		done = mode != SOCK_PINNED && may_bind && rebind(plan);
		if (done) {
			atomic_store(&plan->sock->mode, SOCK_FOLLOWED);
		} else if (mode != SOCK_FOLLOWED) {
			errno = saved;
			return pin(plan, result);
		}
	}
	errno = saved;
	if (done)
		log_event(LOG_DEBUG, plan->fd,
			  "bound to the address that its peer asked");
	return done;
}

/* connect(2) to nobody: as it was before it was followed. */
static bool connect_to_nobody(struct plan *plan)
{
	static _Atomic bool logged;
	struct sock *sock = plan->sock;
	const in_port_t port_be = (in_port_t)atomic_load(&sock->port_be);
	struct sockaddr_in6 any;
	int saved = errno;
	bool done = true;

	if (!read_address(plan->fd, &plan->bound)) {
		errno = saved;
		return false;
	}
	any = wildcard(plan->bound.sin6_family, port_be);
	if (atomic_load(&sock->was_unbound))
		unbind(plan->fd, plan->bound.sin6_family);
	else
		done = is_ours_alone(sock) &&
		       replace_socket(plan->fd, sock, &any, NULL,
				      port_be ? SOCK_ARMED : SOCK_FOLLOWED);
	if (done && port_be) {
		atomic_store(&sock->mode, SOCK_ARMED);
	} else if (done) {
		name_disconnect(plan->fd);
		if (!carry_is_pending(sock))
			sock_unbound(plan->fd);
	} else {
		log_once(&logged, plan->fd,
			 "stays bound to the address that its peer asked");
	}
	errno = saved;
	return done;
}

bool follow_connect(int fd, const struct sockaddr *addr, socklen_t len,
		    int *result)
{
	struct plan plan = { .fd = fd, .peer = addr, .len = len };
	int mode;

	sock_settle(fd);
	if (!addr || len < sizeof(addr->sa_family) || sock_is_off() ||
	    !peers_are_open())
		return false;
	sock_probe(fd);
	plan.sock = sock_any(fd);
	mode = plan.sock ? atomic_load(&plan.sock->mode) : SOCK_ARMED;
	if (addr->sa_family == AF_UNSPEC) {
		*result = 0;
		if (mode == SOCK_PINNED)
			atomic_store(&plan.sock->mode, SOCK_ARMED);
		return mode == SOCK_FOLLOWED && !atomic_load(&forbidden) &&
		       connect_to_nobody(&plan);
	}
	if (!is_address(addr, len) || !sock_may_be_udp(fd))
		return false;
	if (connect_to_peer(&plan, result))
		return true;
	note_contact(addr, len);
	if (mode != SOCK_PINNED)
		return false;
	/* The kernel keeps the peer when it refuses another. */
	*result = real.connect(fd, addr, len);
	if (!*result)
		atomic_store(&plan.sock->mode, SOCK_ARMED);
	return true;
}
