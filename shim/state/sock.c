/* SPDX-License-Identifier: MIT */
/*
 * Recognises the sockets that need us, and switches pktinfo on.
 *
 * A vfork(2) child has the memory of its parent, but fds of its own: nothing is
 * noted of these.  Where something would change, lock_is_borrowed() tells
 * whether this is such a child.
 */
#include "state/sock.h"

#include "base/config.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/sandbox.h"
#include "common/mark.h"
#include "state/peers.h"
#include "state/sock_look.h"
#include "state/sock_table.h"

#include <errno.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <string.h>

static _Atomic bool off; /* see sock_stop() */

bool sock_is_off(void)
{
	return config_get()->disable ||
	       atomic_load_explicit(&off, memory_order_relaxed) ||
	       sandbox_forbids(SANDBOX_LOOKS);
}

/* Switches pktinfo of fd off, and releases its sock. */
static void untrack(int fd, struct sock *sock)
{
	sock_switch_back(fd, sock);
	atomic_store(&sock->cookie, 0); /* not to be found any more */
	sock_unref(sock);
}

/*
 * Switches pktinfo of fd, which was of this kind, on.  Returns its sock, after
 * counting one more fd; or NULL, if the kernel refuses.
 */
static struct sock *track(int fd, int family, in_port_t port_be,
			  const struct sock *kind)
{
	const bool shared = !sock_is_new(kind);
	const bool fresh = sock_is_fresh(kind);
	uint64_t cookie = sock_cookie(fd);
	struct sock *sock = shared ? sock_ref_by_cookie(cookie) : NULL;
	int lowat = fresh ? NO_MARK : sock_lowat(fd);
	uint32_t wanted = PKTINFO_NONE;

	if (shared)
		sock_note_shared(true);
	if (!sock) {
		if (!fresh && !sock_read_wanted(fd, family, lowat, &wanted))
			return NULL;
		sock = sock_new(family, port_be, wanted);
		if (!sock)
			return NULL;
		if (!fresh)
			atomic_store(&sock->device, sock_read_device(fd));
		sock_set_cookie(sock, cookie);
	}
	if (sock_switch_on(fd, family)) {
		sock_mark(fd, lowat, MARK | sock->wanted);
		return sock;
	}
	untrack(fd, sock);
	log_event(LOG_ERROR, fd,
		  "cannot be made to tell the address asked; "
		  "replies leave as without replyfrom");
	return NULL;
}

/*
 * Whether the library enabled pktinfo when fd was bound to the wildcard.
 * connect(2) may have given it an address since.
 */
static bool is_switched_on(int fd)
{
	struct sock *sock = sock_ref_by_cookie(sock_cookie(fd));

	if (sock)
		sock_unref(sock);
	return sock || is_mark(sock_lowat(fd));
}

/*
 * Looks at an fd that was not seen yet, or is not what it was taken for.
 * Returns its sock if it is tracked then.
 */
static struct sock *examine(int fd)
{
	int saved = errno, family;
	struct sock *sock, *tracked;
	in_port_t port_be;
	bool is_wildcard;

	if (lock_is_borrowed() || !sock_make_slot(fd))
		return NULL;
	sock = sock_is_off() ? SOCK_OTHER : sock_kind(fd, &family);
	if (sock == SOCK_UDP) {
		sock_note_shared(false);
		port_be = sock_read_port(fd, &is_wildcard);
		tracked = is_wildcard || is_switched_on(fd)
				  ? track(fd, family, port_be, SOCK_UDP)
				  : NULL;
		sock = tracked ? tracked : SOCK_EXAMINED;
		log_event(tracked ? LOG_INFO : LOG_DEBUG, fd,
			  tracked ? SOCK_TOLD : SOCK_UNTOUCHED);
	}
	sock_occupy(fd, sock);
	errno = saved;
	return sock_is_armed(sock) ? sock : NULL;
}

struct sock *sock_probe_slowly(int fd, struct sock *sock)
{
	if (sock == SOCK_PACKETS)
		peers_read_packets();
	if (sock_is_not_udp(sock))
		return NULL;
	sock = sock_believed(fd);
	/* No program receives on a new socket: it was bound without a hook. */
	return !sock || sock_is_new(sock) ? examine(fd) : NULL;
}

bool sock_may_be_udp(int fd)
{
	return !sock_is_not_udp(sock_occupant(fd));
}

const struct sock *sock_settle(int fd)
{
	struct sock *const seen = sock_believed(fd);
	struct sock *expected = seen;

	/*
	 * If fd is a vfork child's, the parent's fd of this number is looked at
	 * when it is bound.  If that has happened already, this fails.
	 */
	if (!sock_is_new(seen) ||
	    !atomic_compare_exchange_strong(&sock_slot(fd)->sock, &expected,
					    SOCK_UDP))
		return NULL;
	return seen;
}

struct sock *sock_adopt(int fd, int family, const struct sock *kind)
{
	int saved = errno;
	struct sock *sock = NULL;

	if (sock_is_off() || lock_is_borrowed())
		return NULL;
	if (sock_make_slot(fd))
		sock = track(fd, family, 0, kind);
	if (sock) {
		atomic_store(&sock->generation, lock_generation());
		sock_occupy(fd, sock);
	}
	errno = saved;
	return sock;
}

void sock_review(int fd)
{
	if (!sock_is_off())
		examine(fd);
}

/* Whether another process bound it, and may still use it. */
static bool is_inherited(const struct sock *sock)
{
	const uint32_t generation = atomic_load(&sock->generation);

	return generation != lock_generation() &&
	       !lock_generation_is_gone(generation);
}

/* The first fd from this one on that has a slot, or SOCK_FDS. */
static unsigned int next_with_slot(unsigned int fd)
{
	while (fd < SOCK_FDS && !sock_slot((int)fd))
		fd = (fd / SOCK_FDS_PER_CHUNK + 1) * SOCK_FDS_PER_CHUNK;
	return fd;
}

/*
 * Sets every slot to `kind`.  put_back: options of tracked sockets are set back
 * to what the application wants.
 */
static void reset_slots(struct sock *kind, bool put_back)
{
	for (unsigned int fd = next_with_slot(0); fd < SOCK_FDS;
	     fd = next_with_slot(fd + 1)) {
		struct sock *sock = sock_occupant((int)fd);

		if (!sock)
			continue;
		if (put_back && sock_is_armed(sock) && !is_inherited(sock))
			sock_switch_back((int)fd, sock);
		sock_occupy((int)fd, kind);
	}
}

void sock_forked(void)
{
	for (unsigned int fd = next_with_slot(0); fd < SOCK_FDS;
	     fd = next_with_slot(fd + 1)) {
		struct sock *seen = sock_occupant((int)fd);

		if (sock_is_fresh(seen))
			atomic_compare_exchange_strong(
				&sock_slot((int)fd)->sock, &seen, SOCK_OWN);
	}
}

void sock_stop(bool put_back)
{
	int saved = errno;

	if (lock_is_borrowed())
		return;
	atomic_store(&off, true);
	reset_slots(SOCK_OTHER, put_back && !sandbox_forbids(SANDBOX_LOOKS));
	errno = saved;
}

void sock_go_on(void)
{
	reset_slots(NULL, false);
	atomic_store(&off, false);
}

/* Whether IP comes to a packet socket of this protocol, not ARP or LLDP. */
static bool is_ip(uint16_t protocol_be)
{
	return protocol_be == htons(ETH_P_ALL) ||
	       protocol_be == htons(ETHERTYPE_IP) ||
	       protocol_be == htons(ETHERTYPE_IPV6);
}

/* packet(7), where bind(2) replaces protocol 0; raw(7). */
static bool reads_packets(int domain, int type, int protocol)
{
	if (domain == AF_PACKET)
		return !protocol || is_ip((uint16_t)protocol);
	return (domain == AF_INET || domain == AF_INET6) && type == SOCK_RAW &&
	       protocol == IPPROTO_UDP;
}

void sock_bound_packets(int fd, const struct sockaddr *addr, socklen_t len)
{
	const int saved = errno;
	struct sockaddr_ll name;

	if (len < sizeof(name))
		return;
	memcpy(&name, addr, sizeof(name));
	/* Otherwise the protocol stays the one of socket(2). */
	if (name.sll_family == AF_PACKET && name.sll_protocol &&
	    !lock_is_borrowed())
		sock_occupy(fd, is_ip(name.sll_protocol) ? SOCK_PACKETS
							 : SOCK_OTHER);
	errno = saved;
}

/* What a new socket of this kind is. */
static struct sock *kind_of_new(int domain, int type, int protocol)
{
	type &= ~(SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (reads_packets(domain, type, protocol))
		return SOCK_PACKETS;
	if (type != SOCK_DGRAM || (protocol != 0 && protocol != IPPROTO_UDP &&
				   protocol != IPPROTO_UDPLITE))
		return SOCK_OTHER;
	if (domain == AF_INET)
		return SOCK_FRESH_V4;
	return domain == AF_INET6 ? SOCK_FRESH_V6 : SOCK_OTHER;
}

/*
 * Whether fd, a new socket, is a vfork child's.  Makes a system call only if
 * something is noted for this number, or such a child ran on this thread
 * before.
 */
static bool is_borrowed(int fd)
{
	const struct sock *sock = sock_occupant(fd);

	return ((sock && sock != SOCK_OTHER) || lock_inside == LOCK_BORROWED) &&
	       lock_is_borrowed();
}

void sock_created(int fd, int domain, int type, int protocol)
{
	if (is_borrowed(fd))
		return;
	sock_occupy(fd, kind_of_new(domain, type, protocol));
	sock_note_multicast(fd, 0);
}

/*
 * Forgets an fd that is not a UDP socket, without a system call: if it is a
 * vfork child's, the parent's is looked at once more.  False: it may be a UDP
 * socket.
 */
static bool forget_other(int fd)
{
	struct slot *slot = sock_slot(fd);
	struct sock *seen = SOCK_OTHER;

	if (!slot)
		return true;
	if (atomic_load(&slot->multicast_ifindex))
		return false;
	return !atomic_load(&slot->sock) ||
	       atomic_compare_exchange_strong(&slot->sock, &seen, NULL);
}

void sock_forget(int fd)
{
	if (forget_other(fd) || lock_is_borrowed())
		return;
	sock_occupy(fd, NULL);
	sock_note_multicast(fd, 0);
}

void sock_forget_range(unsigned int first, unsigned int last)
{
	if (lock_is_borrowed())
		return;
	for (unsigned int fd = next_with_slot(first);
	     fd <= last && fd < SOCK_FDS; fd = next_with_slot(fd + 1))
		sock_forget((int)fd);
}

/* Whether the same is known of both, and neither is a UDP socket so far. */
static bool are_alike(int fd, int to)
{
	const struct sock *sock = sock_occupant(fd);

	return sock == sock_occupant(to) && (!sock || sock_is_not_udp(sock)) &&
	       !sock_multicast_ifindex(fd) && !sock_multicast_ifindex(to);
}

void sock_duplicated(int fd, int to)
{
	struct sock *sock = sock_occupant(fd);

	if (fd == to || are_alike(fd, to) || lock_is_borrowed())
		return;
	if (sock_is_armed(sock)) {
		if (!sock_ref(sock))
			sock = NULL;
	} else if (!sock_is_not_udp(sock)) {
		/* Binding one binds both: look at each when it is used. */
		sock = NULL;
		sock_occupy(fd, NULL);
	}
	sock_occupy(to, sock);
	sock_note_multicast(to, sock_multicast_ifindex(fd));
}

struct sock *sock_binding(int fd, in_port_t port_be)
{
	int saved = errno, family;
	struct sock *kind = sock_believed(fd), *sock = NULL;

	if (sock_is_not_udp(kind) || sock_is_armed(kind) || sock_is_off() ||
	    lock_is_borrowed() || !sock_make_slot(fd))
		return NULL;
	if (sock_is_fresh(kind)) {
		sock = track(fd, kind == SOCK_FRESH_V4 ? AF_INET : AF_INET6,
			     port_be, kind);
	} else if (sock_kind(fd, &family) == SOCK_UDP) {
		if (sock_is_new(kind) || !is_switched_on(fd))
			sock = track(fd, family, port_be, kind);
		else
			examine(fd);
	}
	errno = saved;
	return sock;
}

void sock_bound(int fd, struct sock *sock, bool succeeded)
{
	int saved = errno;
	bool is_wildcard = succeeded;

	if (succeeded)
		atomic_store(&sock->generation, lock_generation());
	else /* a second bind(2) fails and leaves the first */
		sock_read_port(fd, &is_wildcard);
	if (is_wildcard)
		sock_occupy(fd, sock);
	else
		untrack(fd, sock);
	errno = saved;
}
