/* SPDX-License-Identifier: MIT */
/* Decides whether a socket answers a peer that asked another one, and does it.
 */
#include "state/follow.h"

#include "base/log.h"
#include "base/name_calls.h"
#include "base/option.h"
#include "base/real.h"
#include "common/name.h"
#include "state/peers.h"
#include "state/pktinfo.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>

#ifndef SO_BINDTOIFINDEX
#define SO_BINDTOIFINDEX 62
#endif

static _Atomic bool forbidden;

void follow_forbid(bool yes)
{
	atomic_store(&forbidden, yes);
}

static bool is_address(const struct sockaddr *addr, socklen_t len)
{
	return addr && len >= sizeof(struct sockaddr_in) &&
	       len <= sizeof(struct sockaddr_storage);
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
	    !is_address(to, len) || !peers_claim(0, to, len, &local))
		return NULL;
	if (!read_address(fd, &bound) || bound.sin6_port) {
		errno = saved;
		return NULL;
	}
	sock = sock_adopt(fd, bound.sin6_family);
	if (sock)
		peers_learn(atomic_load(&sock->id), to, len, &local);
	return sock;
}

/* A socket that is to be connected, to whom, and from where. */
struct plan {
	int fd;
	struct sock *sock; /* NULL: not ours so far */
	const struct sockaddr *peer;
	socklen_t len;
	struct local local;	   /* the address that the peer asked */
	struct sockaddr_in6 bound; /* what it is bound to, of either family */
	struct sockaddr_in6 asked; /* `local`, in that family, without a port */
};

/* The name of `local` on a socket of this family.  False: there is none. */
static bool make_name(const struct local *local, sa_family_t family,
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

/* Whether both name the same address; their ports do not matter. */
static bool is_same_address(struct sockaddr_in6 a, struct sockaddr_in6 b)
{
	/* Both families keep the port at the same place. */
	a.sin6_port = b.sin6_port;
	return !memcmp(&a, &b, name_length(a.sin6_family));
}

static bool is_at_asked(const struct plan *plan)
{
	struct sockaddr_in6 name;

	return name_read(plan->fd, &name) && is_same_address(name, plan->asked);
}

static bool is_wildcard(const struct plan *plan)
{
	return sock_is_wildcard((const struct sockaddr *)&plan->bound,
				name_length(plan->bound.sin6_family));
}

static int connect_to_peer(const struct plan *plan)
{
	return real.connect(plan->fd, plan->peer, plan->len);
}

/* The address where what is sent to multicast groups comes from.  ip(7). */
static bool set_multicast(const struct plan *plan, struct in_addr address,
			  uint32_t ifindex)
{
	struct ip_mreqn group = { .imr_address = address,
				  .imr_ifindex = (int)ifindex };

	if (!real.setsockopt(plan->fd, IPPROTO_IP, IP_MULTICAST_IF, &group,
			     sizeof(group)))
		return true;
	/* A socket that is bound to a device takes no other interface. */
	group.imr_ifindex = (int)sock_device(plan->fd, plan->sock);
	return group.imr_ifindex && !ifindex &&
	       !real.setsockopt(plan->fd, IPPROTO_IP, IP_MULTICAST_IF, &group,
				sizeof(group));
}

/* Gives fd its IPv4 address.  False: it has none, or another. */
static bool lend_v4(const struct plan *plan)
{
	struct sockaddr_in6 group;
	const struct local all_hosts = {
		.family = AF_INET,
		.v4.s_addr = htonl(INADDR_ALLHOSTS_GROUP),
	};
	struct in_addr before;
	socklen_t len = sizeof(before);
	bool lent;

	make_name(&all_hosts, plan->bound.sin6_family, &group);
	if (real.getsockopt(plan->fd, IPPROTO_IP, IP_MULTICAST_IF, &before,
			    &len) ||
	    !set_multicast(plan, plan->local.v4, 0))
		return false;
	lent = name_connect(plan->fd, &group);
	set_multicast(plan, before, sock_multicast_ifindex(plan->fd));
	return lent;
}

/*
 * The same of IPv6.  A link-local address also binds the socket to its
 * interface, until it is disconnected: without that the kernel refuses it as
 * the source of what goes to a peer of wider scope.
 */
static bool lend_v6(const struct plan *plan)
{
	struct sockaddr_in6 self = plan->asked, peer = { 0 };

	memcpy(&peer, plan->peer,
	       plan->len < sizeof(peer) ? plan->len : sizeof(peer));
	self.sin6_port = peer.sin6_port;
	return name_connect(plan->fd, &self);
}

static bool lend_address(const struct plan *plan)
{
	return plan->local.family == AF_INET ? lend_v4(plan) : lend_v6(plan);
}

/* A port that the kernel chose is given back by a disconnect. */
static void keep_port(const struct plan *plan)
{
	struct sockaddr_in6 now;

	if (plan->bound.sin6_port && name_read(plan->fd, &now) &&
	    !now.sin6_port)
		name_bind(plan->fd, &plan->bound);
}

/* To nobody, and else as it was: on its port, and bound to its device. */
static void disconnect(const struct plan *plan)
{
	const uint32_t device = sock_device(plan->fd, plan->sock);

	name_disconnect(plan->fd);
	if (device)
		option_set(plan->fd, SOL_SOCKET, SO_BINDTOIFINDEX, (int)device);
	if (!plan->sock || !sock_has_own_port(plan->sock))
		keep_port(plan);
}

/* The application's own connect, and what is sent then gets its source. */
static int pin(struct plan *plan)
{
	static _Atomic bool logged;
	const int result = connect_to_peer(plan);
	const int saved = errno;

	if (result)
		return result;
	if (!plan->sock)
		plan->sock = sock_adopt(plan->fd, plan->bound.sin6_family);
	if (plan->sock)
		sock_pin(plan->sock, &plan->local);
	if (!atomic_exchange(&logged, true))
		log_event(LOG_ERROR, plan->fd,
			  "cannot be bound to the address that its peer asked; "
			  "what it sends comes from there all the same");
	errno = saved;
	return result;
}

/*
 * Whether the application's own connect comes first, and the other two only
 * where it chose wrong: for a socket that is connected already, and for IPv6,
 * where a socket whose second connect fails would hear nobody but itself: its
 * peer outlives a disconnect (__udp_disconnect).
 */
static bool is_careful(const struct plan *plan)
{
	return !is_wildcard(plan) ||
	       (plan->local.family == AF_INET6 && plan->sock &&
		sock_has_own_port(plan->sock));
}

static int connect_from(struct plan *plan)
{
	int result;

	if (is_careful(plan)) {
		result = connect_to_peer(plan);
		if (result || is_at_asked(plan))
			return result;
		if (!plan->sock || !sock_has_own_port(plan->sock))
			return pin(plan);
		disconnect(plan);
	}
	if (!lend_address(plan))
		return pin(plan);
	result = connect_to_peer(plan);
	if (!result && is_at_asked(plan))
		return 0;
	if (result) {
		const int error = errno;

		disconnect(plan);
		errno = error;
		return result;
	}
	disconnect(plan);
	return pin(plan);
}

/*
 * Whether the peer is a client, and fd can get the address that it asked: it is
 * ours, or not bound yet.
 */
static bool make_plan(struct plan *plan)
{
	const uint64_t id = plan->sock ? atomic_load(&plan->sock->id) : 0;

	return peers_claim(id, plan->peer, plan->len, &plan->local) &&
	       read_address(plan->fd, &plan->bound) &&
	       make_name(&plan->local, plan->bound.sin6_family, &plan->asked) &&
	       (plan->sock || (is_wildcard(plan) && !plan->bound.sin6_port));
}

/*
 * A handler must not see, jump out of, nor a cancellation stop, a connect that
 * is half done.
 */
static int connect_undisturbed(struct plan *plan)
{
	sigset_t all, before;
	int cancelable, result;

	pthread_testcancel();
	sigfillset(&all);
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelable);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	result = connect_from(plan);
	/* A handler that waits may jump out of the last of these. */
	(void)pthread_setcancelstate(cancelable, NULL);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return result;
}

/* connect(2) of a socket that is to be pinned no longer. */
static bool connect_unpinned(int fd, struct sock *sock,
			     const struct sockaddr *addr, socklen_t len,
			     int *result)
{
	if (!sock || sock_mode(sock) != SOCK_PINNED)
		return false;
	/* The kernel keeps the peer when it refuses another. */
	*result = real.connect(fd, addr, len);
	if (!*result)
		sock_unpin(sock);
	return true;
}

bool follow_connect(int fd, const struct sockaddr *addr, socklen_t len,
		    int *result)
{
	struct plan plan = { .fd = fd, .peer = addr, .len = len };
	const int saved = errno;

	sock_settle(fd);
	if (!addr || len < sizeof(addr->sa_family) || sock_is_off() ||
	    !peers_are_open())
		return false;
	plan.sock = sock_probe(fd);
	if (addr->sa_family == AF_UNSPEC || !is_address(addr, len) ||
	    !sock_may_be_udp(fd) || !make_plan(&plan)) {
		errno = saved;
		return connect_unpinned(fd, plan.sock, addr, len, result);
	}
	if (plan.sock)
		sock_unpin(plan.sock);
	*result = atomic_load(&forbidden) ? pin(&plan)
					  : connect_undisturbed(&plan);
	if (!*result) {
		log_event(LOG_DEBUG, fd,
			  "connected from the address that its peer asked");
		errno = saved;
	}
	return true;
}
