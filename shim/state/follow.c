/* SPDX-License-Identifier: MIT */
/* Connects a socket to a client from the address that the client asked. */
#include "state/follow.h"

#include "base/calls.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/real.h"
#include "base/sandbox.h"
#include "common/sockaddr.h"
#include "state/peers.h"
#include "state/peers_open.h"
#include "state/pktinfo.h"
#include "state/sock_look.h"
#include "state/sock_table.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>

static bool is_address(const struct sockaddr *addr, socklen_t len)
{
	return addr && len >= sizeof(struct sockaddr_in) &&
	       len <= sizeof(struct sockaddr_storage);
}

/* Reads what fd is bound to.  False: not an address of either family. */
static bool read_address(int fd, struct sockaddr_in6 *bound)
{
	return sockaddr_read(fd, bound) && (bound->sin6_family == AF_INET ||
					    bound->sin6_family == AF_INET6);
}

struct sock *follow_send(int fd, const struct sockaddr *to, socklen_t len)
{
	struct sockaddr_in6 bound;
	struct local local;
	struct sock *sock;
	const struct sock *kind = sock_settle(fd);
	int saved = errno;

	if (!kind || !peers_are_open() || sock_is_off() ||
	    !is_address(to, len) || !peers_claim(0, to, len, &local))
		return NULL;
	if (!read_address(fd, &bound) || bound.sin6_port) {
		errno = saved;
		return NULL;
	}
	sock = sock_adopt(fd, bound.sin6_family, kind);
	if (sock)
		peers_learn(sock_id(sock), to, len, &local);
	return sock;
}

/* A socket to connect, its peer, and its local address. */
struct plan {
	int fd;
	struct sock *sock;	 /* NULL: not tracked so far */
	const struct sock *kind; /* what sock_settle() returned */
	const struct sockaddr *peer;
	socklen_t len;
	struct local local; /* the address that the peer asked */
	uint32_t device;    /* see device_of() */
	bool is_device_known;
	struct sockaddr_in6 bound; /* what it is bound to: see find_bound */
	struct sockaddr_in6 asked; /* `local`, in that family, without a port */
	bool is_pinned;		   /* it has been pinned to `local` */
	bool is_multicast_set;	   /* IP_MULTICAST_IF is `local` for a moment */
	struct in_addr multicast;  /* what IP_MULTICAST_IF was before */
};

/* Whether both name the same address; their ports do not matter. */
static bool is_same_address(struct sockaddr_in6 a, struct sockaddr_in6 b)
{
	/* Both families keep the port at the same place. */
	a.sin6_port = b.sin6_port;
	return !memcmp(&a, &b, sockaddr_length(a.sin6_family));
}

/* Whether fd has the address asked; *name gets the one that it has. */
static bool is_at_asked(const struct plan *plan, struct sockaddr_in6 *name)
{
	return sockaddr_read(plan->fd, name) &&
	       is_same_address(*name, plan->asked);
}

static bool is_wildcard(const struct plan *plan)
{
	return sock_is_wildcard((const struct sockaddr *)&plan->bound,
				sockaddr_length(plan->bound.sin6_family));
}

static bool has_own_port(const struct plan *plan)
{
	return plan->sock && sock_has_own_port(plan->sock);
}

static int connect_to_peer(const struct plan *plan)
{
	return real.connect(plan->fd, plan->peer, plan->len);
}

/*
 * The device that the socket was bound to before, or 0.  Not only one that the
 * application set: a BPF program of the cgroup may have set another when the
 * socket was made, such as that of ip-vrf(8).
 */
static uint32_t device_of(struct plan *plan)
{
	if (plan->is_device_known)
		return plan->device;
	plan->is_device_known = true;
	plan->device = plan->sock ? sock_ifindex(plan->sock) : 0;
	if (!plan->device)
		plan->device = sock_read_device(plan->fd);
	return plan->device;
}

/* Sets the source of what is sent to multicast groups.  ip(7). */
static bool set_multicast(struct plan *plan, struct in_addr address,
			  uint32_t ifindex)
{
	struct ip_mreqn group = { .imr_address = address,
				  .imr_ifindex = (int)ifindex };

	if (!real.setsockopt(plan->fd, IPPROTO_IP, IP_MULTICAST_IF, &group,
			     sizeof(group)))
		return true;
	/* A socket that is bound to a device takes no other interface. */
	group.imr_ifindex = (int)device_of(plan);
	return group.imr_ifindex && !ifindex &&
	       !real.setsockopt(plan->fd, IPPROTO_IP, IP_MULTICAST_IF, &group,
				sizeof(group));
}

/* False: its address, or interface, has gone and cannot be set again. */
static bool can_set_multicast_back(struct plan *plan)
{
	const uint32_t ifindex = sock_multicast_ifindex(plan->fd);

	return (!plan->multicast.s_addr && !ifindex) ||
	       set_multicast(plan, plan->multicast, ifindex);
}

/* Gives fd its IPv4 address: see follow.h.  False: it has none, or another. */
static bool lend_v4(struct plan *plan)
{
	struct sockaddr_in6 group;
	const struct local all_hosts = {
		.family = AF_INET,
		.v4.s_addr = htonl(INADDR_ALLHOSTS_GROUP),
	};
	socklen_t len = sizeof(plan->multicast);

	local_name(&all_hosts, plan->bound.sin6_family, &group);
	if (real.getsockopt(plan->fd, IPPROTO_IP, IP_MULTICAST_IF,
			    &plan->multicast, &len) ||
	    !can_set_multicast_back(plan) ||
	    !set_multicast(plan, plan->local.v4, 0))
		return false;
	plan->is_multicast_set = true;
	return sockaddr_connect(plan->fd, &group);
}

/*
 * Gives fd its IPv6 address: see follow.h.  A link-local one also binds the
 * socket to its interface, until it is disconnected: without that the kernel
 * refuses it as the source of what goes to a peer of wider scope.
 */
static bool lend_v6(const struct plan *plan)
{
	struct sockaddr_in6 self = plan->asked, peer = { 0 };

	memcpy(&peer, plan->peer,
	       plan->len < sizeof(peer) ? plan->len : sizeof(peer));
	self.sin6_port = peer.sin6_port;
	return sockaddr_connect(plan->fd, &self);
}

static bool is_link_local(const struct plan *plan)
{
	return IN6_IS_ADDR_LINKLOCAL(&plan->asked.sin6_addr);
}

/* A port that the kernel chose is given back by a disconnect; others stay. */
static void keep_port(const struct plan *plan)
{
	if (plan->bound.sin6_port)
		real.bind(plan->fd, (const struct sockaddr *)&plan->bound,
			  sockaddr_length(plan->bound.sin6_family));
}

/* Removes the peer; keeps the port and the device.  connect(2) AF_UNSPEC. */
static void disconnect(struct plan *plan)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };
	const uint32_t device = device_of(plan);

	real.connect(plan->fd, &none, sizeof(none));
	if (device)
		sockopt_set(plan->fd, SOL_SOCKET, SO_BINDTOIFINDEX,
			    (int)device);
	if (!has_own_port(plan))
		keep_port(plan);
}

/* What is sent on fd to its peer gets its source message by message. */
static void pin(struct plan *plan)
{
	static _Atomic bool logged;

	if (!plan->sock)
		plan->sock = sock_adopt(plan->fd, plan->bound.sin6_family,
					plan->kind);
	plan->is_pinned = true;
	if (plan->sock)
		sock_pin(plan->sock, &plan->local);
	if (!atomic_exchange(&logged, true))
		log_event(LOG_ERROR, plan->fd,
			  "cannot be bound to the address that its peer asked; "
			  "what it sends comes from there all the same");
}

/* Connects as the application said, and pins the socket. */
static int connect_pinned(struct plan *plan)
{
	if (connect_to_peer(plan))
		return -1;
	pin(plan);
	return 0;
}

/* False: the kernel did not give fd the address asked; fd has no peer. */
static bool connect_twice(struct plan *plan)
{
	struct sockaddr_in6 name;
	const bool lent =
		plan->local.family == AF_INET ? lend_v4(plan) : lend_v6(plan);
	/* No peer knows a new socket's port yet, so there is time to check. */
	const bool in_vain = lent && plan->local.family == AF_INET6 &&
			     !has_own_port(plan) && !is_at_asked(plan, &name);
	const bool connected = lent && !in_vain && !connect_to_peer(plan);
	bool moved;

	/* Only now, so that the two connects follow at once. */
	if (plan->is_multicast_set)
		set_multicast(plan, plan->multicast,
			      sock_multicast_ifindex(plan->fd));
	moved = connected && is_at_asked(plan, &name);
	if (lent && !moved)
		disconnect(plan);
	if (plan->sock)
		sock_set_lent(plan->sock, moved);
	return moved;
}

/* Whether both are mapped from IPv4, or neither. */
static bool is_same_family(const struct sockaddr_in6 *a,
			   const struct sockaddr_in6 *b)
{
	return !IN6_IS_ADDR_V4MAPPED(&a->sin6_addr) ==
	       !IN6_IS_ADDR_V4MAPPED(&b->sin6_addr);
}

/*
 * The application's own connect comes first where a disconnect does not cost
 * the port, for the kernel often chooses the right address: two connects lose
 * what the client sends meanwhile, and the kernel finds the socket more slowly.
 * Also on a connected socket, whose address the kernel keeps.
 */
static int move(struct plan *plan)
{
	struct sockaddr_in6 name;

	/*
	 * Before the first connect: one to a link-local address binds the
	 * socket to a device, and what a client sends between the connects is
	 * lost, so nothing else is done there.
	 */
	if (is_link_local(plan) || has_own_port(plan))
		(void)device_of(plan);
	if (has_own_port(plan) || !is_wildcard(plan)) {
		if (connect_to_peer(plan))
			return -1;
		if (is_at_asked(plan, &name))
			return 0;
		/* A port to lose, or what a peer of the other family left. */
		if (!has_own_port(plan) ||
		    !is_same_family(&name, &plan->asked)) {
			pin(plan);
			return 0;
		}
		disconnect(plan);
	}
	return connect_twice(plan) ? 0 : connect_pinned(plan);
}

/*
 * Another thread that connects the same socket would take our address in
 * IP_MULTICAST_IF for the application's.
 */
static int connect_from(struct plan *plan)
{
	int result;

	if (!plan->sock)
		return move(plan);
	if (!sock_begin_move(plan->sock))
		return connect_pinned(plan);
	result = move(plan);
	sock_end_move(plan->sock);
	return result;
}

/*
 * False: fd is bound to no address of either family.  A socket with its own
 * port counts as on the wildcard, without a call: a disconnect brings it there.
 */
static bool find_bound(struct plan *plan)
{
	if (!has_own_port(plan))
		return read_address(plan->fd, &plan->bound);
	plan->bound.sin6_family = sock_family(plan->sock);
	return true;
}

/*
 * Whether the peer is a client, and fd can get the address that it asked: it is
 * ours, or not bound yet.
 */
static bool make_plan(struct plan *plan)
{
	const uint64_t id = plan->sock ? sock_id(plan->sock) : 0;

	return peers_claim(id, plan->peer, plan->len, &plan->local) &&
	       find_bound(plan) &&
	       local_name(&plan->local, plan->bound.sin6_family,
			  &plan->asked) &&
	       (plan->sock || (is_wildcard(plan) && !plan->bound.sin6_port));
}

/*
 * Blocks signals and cancellation: no handler may see or leave a connect that
 * is half done.
 */
static int undisturbed(int (*connect_by)(struct plan *), struct plan *plan)
{
	const sigset_t all = lock_signals();
	sigset_t before;
	bool blocked;
	int cancelable, result;

	pthread_testcancel();
	/* A filter may refuse it.  First, for a handler may jump before it. */
	blocked = !pthread_sigmask(SIG_SETMASK, &all, &before);
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelable);
	result = connect_by(plan);
	/* A handler that waits may jump out of the last of these. */
	(void)pthread_setcancelstate(cancelable, NULL);
	if (blocked)
		(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return result;
}

/*
 * The kernel would keep the address that we gave the socket for its former
 * peer.  It keeps that peer when it refuses another.
 */
static int connect_from_anywhere(struct plan *plan)
{
	if (connect_to_peer(plan))
		return -1;
	sock_set_lent(plan->sock, false);
	if (plan->peer->sa_family == AF_UNSPEC || !has_own_port(plan))
		return 0;
	disconnect(plan);
	return connect_to_peer(plan);
}

/* connect(2) to AF_UNSPEC, or to a peer that is no client. */
static int connect_to_other(struct plan *plan)
{
	struct sock *sock = plan->sock;
	int result;

	result = sock && sock_is_lent(sock) && !sandbox_forbids(SANDBOX_FOLLOWS)
			 ? undisturbed(connect_from_anywhere, plan)
			 : connect_to_peer(plan);
	if (sock && !result)
		sock_unpin(sock);
	return result;
}

int follow_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct plan plan = { .fd = fd, .peer = addr, .len = len };
	const int saved = errno;
	int result;

	plan.kind = sock_settle(fd);
	if (!addr || len < sizeof(addr->sa_family) || !peers_are_open() ||
	    !sock_may_be_udp(fd))
		return connect_to_peer(&plan);
	plan.sock = sock_is_off() ? sock_known(fd) : sock_probe(fd);
	if (sock_is_off() || addr->sa_family == AF_UNSPEC ||
	    !is_address(addr, len) || !sock_may_be_udp(fd) ||
	    !make_plan(&plan) ||
	    /* Nothing is noted of an untracked one: see sock_adopt(). */
	    (plan.sock && lock_is_borrowed())) {
		errno = saved;
		return connect_to_other(&plan);
	}
	result = sandbox_forbids(SANDBOX_FOLLOWS)
			 ? connect_pinned(&plan)
			 : undisturbed(connect_from, &plan);
	if (!result) {
		/* Else the kernel keeps the peer, so what it asked. */
		if (plan.sock && !plan.is_pinned)
			sock_unpin(plan.sock);
		log_event(LOG_DEBUG, fd,
			  "connected from the address that its peer asked");
		errno = saved;
	}
	return result;
}
