/* SPDX-License-Identifier: MIT */
/*
 * Recognises the sockets that need us, and switches pktinfo on.
 *
 * Nothing here takes a lock: a slot's occupant counts once in its sock's `fds`,
 * and both change by single atomic operations, so that a signal handler, a
 * fork or a vfork child may come in between any two of them.
 *
 * A child with the memory of its parent, by vfork(2), has fds of its own: what
 * they are is not noted, nor what happens to them.  Where something would
 * change, lock_is_borrowed() asks whether we are such a child.
 */
#include "state/sock.h"

#include "base/config.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/name_calls.h"
#include "base/option.h"
#include "base/real.h"
#include "common/mark.h"
#include "common/name.h"
#include "state/peers.h"

#include <errno.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>

#ifndef SO_BINDTOIFINDEX
#define SO_BINDTOIFINDEX 62
#endif
#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif

/*
 * What a slot holds when it is not one of our sockets, and whose mode says so;
 * NULL: never seen.
 */
enum {
	OTHER,
	PACKETS,
	UDP,
	UDP_EXAMINED,
	UDP_FRESH_V4,
	UDP_FRESH_V6,
	UDP_OWN,
	KINDS
};
static struct sock kinds[KINDS];
/* Not a UDP socket. */
#define other (&kinds[OTHER])
/* The same, which reads UDP datagrams past the socket they are for. */
#define packets (&kinds[PACKETS])
/* A UDP socket not bound to the wildcard, as far as we know. */
#define udp (&kinds[UDP])
/* The same, found by examine(): other fds may mean it, and bind it. */
#define examined (&kinds[UDP_EXAMINED])
/* The same, made by socket(), with none of the options that we look at. */
#define fresh_v4 (&kinds[UDP_FRESH_V4])
#define fresh_v6 (&kinds[UDP_FRESH_V6])
/* The same, with some of them: no other fd means it. */
#define own (&kinds[UDP_OWN])

static struct slot first_slots[SOCK_FDS_PER_CHUNK];
_Atomic(struct slot *) sock_slots[SOCK_FD_CHUNKS] = { first_slots };
_Atomic(struct sock *) sock_chunks[SOCK_CHUNKS];
static _Atomic uint64_t last_number; /* of a socket, for its id */
static _Atomic uint32_t sock_count;

/* A bit for each sock: somebody has it.  So many are looked at in one step. */
#define SOCKS_PER_WORD 64
static _Atomic uint64_t taken[SOCK_CHUNKS * SOCKS_PER_CHUNK / SOCKS_PER_WORD];
static _Atomic uint32_t hand; /* where to look for a free one next */

/*
 * 1 + the index of the sock with a cookie, in one of a few places from where
 * the cookie says.  Only a hint: what is found there is looked at.
 */
#define COOKIES 16384
#define COOKIE_PLACES 8
static _Atomic uint32_t by_cookie[COOKIES];

/*
 * How often a socket came from elsewhere, which other fds may mean as well, and
 * how often by then one that may be bound.  What an fd was taken for before
 * that is looked at again.
 */
static _Atomic uint32_t doubts, doubts_of_bound;
static _Atomic bool off;   /* no socket is to be ours from now on */
static _Atomic bool blind; /* nor is one to be looked at */

static inline bool is_tracked(const struct sock *sock)
{
	return sock && (sock < kinds || sock >= kinds + KINDS);
}

static bool is_not_udp(const struct sock *sock)
{
	return sock == other || sock == packets;
}

static bool is_new(const struct sock *sock)
{
	return sock == fresh_v4 || sock == fresh_v6 || sock == own;
}

static struct slot *make_slot(int fd)
{
	unsigned int n = (unsigned int)fd;
	struct slot *found = sock_slot(fd), *chunk, *none = NULL;

	if (found || n >= SOCK_FDS_PER_CHUNK * SOCK_FD_CHUNKS)
		return found;
	chunk = map_memory(SOCK_FDS_PER_CHUNK * sizeof(*chunk));
	if (chunk && !atomic_compare_exchange_strong(
			     &sock_slots[n / SOCK_FDS_PER_CHUNK], &none, chunk))
		unmap_memory(chunk, SOCK_FDS_PER_CHUNK * sizeof(*chunk));
	return sock_slot(fd);
}

/* What fd was taken for, unless that has become doubtful. */
static struct sock *occupant(int fd)
{
	const struct slot *slot = sock_slot(fd);
	struct sock *sock = sock_occupant(fd);
	const uint32_t seen = slot ? atomic_load(&slot->doubts) : 0;

	if (!sock || is_not_udp(sock) || is_tracked(sock))
		return sock;
	return seen >= (sock == examined ? atomic_load(&doubts_of_bound)
					 : atomic_load(&doubts))
		       ? sock
		       : NULL;
}

/* Another socket has come from elsewhere; `bound`: it may be. */
static void doubt(bool bound)
{
	const uint32_t n = atomic_fetch_add(&doubts, 1) + 1;

	if (bound)
		atomic_store(&doubts_of_bound, n);
}

/* The word and the bit that say whether the nth sock is taken. */
static bool take(uint32_t n)
{
	const uint64_t bit = (uint64_t)1 << n % SOCKS_PER_WORD;

	return !(atomic_fetch_or(&taken[n / SOCKS_PER_WORD], bit) & bit);
}

static void release(struct sock *sock)
{
	const uint64_t bit = (uint64_t)1 << sock->index % SOCKS_PER_WORD;

	if (atomic_fetch_sub(&sock->fds, 1) == 1)
		atomic_fetch_and(&taken[sock->index / SOCKS_PER_WORD], ~bit);
}

/* What was noted for an fd, from now on for its socket. */
static void take_over_multicast(struct slot *slot, struct sock *sock)
{
	const uint32_t ifindex = atomic_load(&slot->multicast_ifindex);

	if (!ifindex)
		return;
	atomic_store(&sock->multicast_ifindex, ifindex);
	atomic_store(&slot->multicast_ifindex, 0);
}

/* Puts `sock` (counted already, when it is tracked) into the slot of fd. */
static void occupy(int fd, struct sock *sock)
{
	struct slot *slot = sock ? make_slot(fd) : sock_slot(fd);
	struct sock *before = sock;

	if (slot) {
		if (is_tracked(sock))
			take_over_multicast(slot, sock);
		atomic_store(&slot->doubts, atomic_load(&doubts));
		before = atomic_exchange(&slot->sock, sock);
	}
	if (is_tracked(before))
		release(before);
}

/* One more fd means `sock`; false when none did any more. */
static bool hold(struct sock *sock)
{
	uint32_t fds = atomic_load(&sock->fds);

	while (fds && !atomic_compare_exchange_weak(&sock->fds, &fds, fds + 1))
		;
	return fds != 0;
}

/* The nth of sock_count, or NULL while it is being added. */
static struct sock *nth_sock(uint32_t n)
{
	struct sock *chunk = atomic_load_explicit(
		&sock_chunks[n / SOCKS_PER_CHUNK], memory_order_acquire);

	return chunk ? &chunk[n % SOCKS_PER_CHUNK] : NULL;
}

static bool add_chunk(void)
{
	struct sock *chunk = map_memory(SOCKS_PER_CHUNK * sizeof(*chunk));
	struct sock *none;

	for (size_t i = 0; chunk && i < SOCK_CHUNKS; i++) {
		none = NULL;
		if (!atomic_compare_exchange_strong(&sock_chunks[i], &none,
						    chunk))
			continue;
		atomic_fetch_add(&sock_count, SOCKS_PER_CHUNK);
		return true;
	}
	if (chunk)
		unmap_memory(chunk, SOCKS_PER_CHUNK * sizeof(*chunk));
	return false;
}

/* The first free one of a word, from this bit on, or NULL. */
static struct sock *take_of_word(uint32_t word, uint32_t from)
{
	uint64_t unused = ~atomic_load(&taken[word]) & UINT64_MAX << from;

	for (; unused; unused &= unused - 1) {
		const uint32_t n = word * SOCKS_PER_WORD +
				   (uint32_t)__builtin_ctzll(unused);

		if (!take(n))
			continue;
		nth_sock(n)->index = n;
		atomic_store(&nth_sock(n)->fds, 1);
		return nth_sock(n);
	}
	return NULL;
}

/*
 * Round and round: the one free for longest keeps its cookie for longest.  Last
 * the word where this began, from its first bit on.
 */
static struct sock *claim_free(void)
{
	const uint32_t words = atomic_load(&sock_count) / SOCKS_PER_WORD;
	const uint32_t start = atomic_load(&hand);

	for (uint32_t i = 0; words && i <= words; i++) {
		struct sock *sock =
			take_of_word((start / SOCKS_PER_WORD + i) % words,
				     i ? 0 : start % SOCKS_PER_WORD);

		if (!sock)
			continue;
		atomic_store(&hand, sock->index + 1);
		return sock;
	}
	return NULL;
}

/* A sock of a new id that one fd means, or NULL. */
static struct sock *new_sock(int family, in_port_t port_be, uint32_t wanted)
{
	struct sock *sock;

	while (!(sock = claim_free())) {
		if (!add_chunk())
			return NULL;
	}
	atomic_store(&sock->id,
		     peers_id(atomic_fetch_add(&last_number, 1) + 1, port_be));
	atomic_store(&sock->cookie, 0);
	atomic_store(&sock->family, family);
	atomic_store(&sock->wanted, wanted);
	atomic_store(&sock->device, 0);
	atomic_store(&sock->mode, SOCK_ARMED);
	atomic_store(&sock->generation, 0);
	atomic_store(&sock->lent, false);
	atomic_store(&sock->multicast_ifindex, 0);
	atomic_store(&sock->mover, 0);
	return sock;
}

/* Releases one that must not be found as one that is switched on. */
static void abandon(struct sock *sock)
{
	atomic_store(&sock->cookie, 0);
	release(sock);
}

static _Atomic uint32_t *place_of(uint64_t cookie, uint32_t n)
{
	return &by_cookie[(cookie + n) % COOKIES];
}

/* From now on `sock` is found by this cookie, if that is not 0. */
static void set_cookie(struct sock *sock, uint64_t cookie)
{
	_Atomic uint32_t *place = place_of(cookie, 0);

	atomic_store(&sock->cookie, cookie);
	for (uint32_t n = 0; cookie && n < COOKIE_PLACES; n++) {
		const uint32_t index = atomic_load(place_of(cookie, n));

		if (index && atomic_load(&nth_sock(index - 1)->fds))
			continue;
		place = place_of(cookie, n);
		break;
	}
	if (cookie)
		atomic_store(place, sock->index + 1);
}

/* The sock of this cookie, or NULL. */
static struct sock *find_cookie(uint64_t cookie)
{
	for (uint32_t n = 0; cookie && n < COOKIE_PLACES; n++) {
		const uint32_t index = atomic_load(place_of(cookie, n));
		struct sock *sock = index ? nth_sock(index - 1) : NULL;

		if (sock && atomic_load(&sock->cookie) == cookie)
			return sock;
	}
	return NULL;
}

/*
 * The socket of this cookie, with one fd more, or NULL.  Also one that no fd
 * means any more: it was sent away by SCM_RIGHTS, and has come back.
 */
static struct sock *hold_by_cookie(uint64_t cookie)
{
	struct sock *sock = find_cookie(cookie);

	if (!sock)
		return NULL;
	if (!hold(sock)) {
		if (!take(sock->index))
			return NULL;
		atomic_store(&sock->fds, 1);
	}
	if (atomic_load(&sock->cookie) == cookie)
		return sock;
	release(sock);
	return NULL;
}

static uint64_t cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	if (real.getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len))
		return 0;
	return cookie;
}

static uint32_t read_device(int fd)
{
	int index = 0;
	struct ifreq request = { 0 };
	socklen_t len = sizeof(request.ifr_name);

	if (option_get(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &index))
		return (uint32_t)index;
	/* Before Linux 5.0. */
	if (real.getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, request.ifr_name,
			    &len) ||
	    !request.ifr_name[0] || ioctl(fd, SIOCGIFINDEX, &request))
		return 0;
	return (uint32_t)request.ifr_ifindex;
}

uint32_t sock_device(int fd, const struct sock *sock)
{
	return sock ? atomic_load(&sock->device) : read_device(fd);
}

static int lowat_of(int fd)
{
	int lowat = 0;

	option_get(fd, SOL_SOCKET, SO_RCVLOWAT, &lowat);
	return lowat;
}

/* Puts `next` in the place of our mark, or of nothing. */
static void mark(int fd, int lowat, uint32_t next)
{
	if (lowat == NO_MARK || is_mark(lowat))
		option_set(fd, SOL_SOCKET, SO_RCVLOWAT, (int)next);
}

/*
 * What the application has switched on so far, before we do.  False: that
 * cannot be told, so it must not change.
 */
static bool read_wanted(int fd, int family, int lowat, uint32_t *wanted)
{
	int v4 = 0, v6 = 0;

	if (is_mark(lowat)) {
		*wanted = (uint32_t)lowat & PKTINFO_BOTH;
		return true;
	}
	/* The kernel's is never 0: it could not be read, and be our mark. */
	if (!lowat || !option_get(fd, IPPROTO_IP, IP_PKTINFO, &v4) ||
	    (family == AF_INET6 &&
	     !option_get(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &v6)))
		return false;
	*wanted = (v4 ? PKTINFO_V4 : 0U) | (v6 ? PKTINFO_V6 : 0U);
	return true;
}

static bool switch_on(int fd, int family)
{
	bool v4 = option_set(fd, IPPROTO_IP, IP_PKTINFO, 1);

	if (family == AF_INET)
		return v4;
	return option_set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
}

static void switch_back(int fd, const struct sock *sock)
{
	if (!(sock->wanted & PKTINFO_V4))
		option_set(fd, IPPROTO_IP, IP_PKTINFO, 0);
	if (sock->family == AF_INET6 && !(sock->wanted & PKTINFO_V6))
		option_set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 0);
	mark(fd, lowat_of(fd), NO_MARK);
}

/* Answers what fd is: `other`, `udp`, or NULL when it is not open. */
static struct sock *kind_of(int fd, int *family)
{
	int protocol, type;

	if (!option_get(fd, SOL_SOCKET, SO_PROTOCOL, &protocol))
		return errno == EBADF || errno == ENOTSOCK ? NULL : other;
	/* Raw sockets may have the protocol too. */
	if ((protocol != IPPROTO_UDP && protocol != IPPROTO_UDPLITE) ||
	    !option_get(fd, SOL_SOCKET, SO_TYPE, &type) || type != SOCK_DGRAM)
		return other;
	if (!option_get(fd, SOL_SOCKET, SO_DOMAIN, family) ||
	    (*family != AF_INET && *family != AF_INET6))
		return other;
	return udp;
}

bool sock_is_wildcard(const struct sockaddr *addr, socklen_t len)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6 = { 0 };
	struct in_addr mapped;

	if (!addr || len < sizeof(v4))
		return false;
	/* AF_UNSPEC: taken for AF_INET by bind(2), with 0.0.0.0 only. */
	if (addr->sa_family == AF_INET || addr->sa_family == AF_UNSPEC) {
		memcpy(&v4, addr, sizeof(v4));
		return v4.sin_addr.s_addr == INADDR_ANY;
	}
	/* Without its scope a sockaddr_in6 is still one.  RFC 2133. */
	if (addr->sa_family != AF_INET6 ||
	    len < offsetof(struct sockaddr_in6, sin6_scope_id))
		return false;
	memcpy(&v6, addr, len < sizeof(v6) ? len : sizeof(v6));
	memcpy(&mapped, &v6.sin6_addr.s6_addr[12], sizeof(mapped));
	return IN6_IS_ADDR_UNSPECIFIED(&v6.sin6_addr) ||
	       (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr) &&
		mapped.s_addr == INADDR_ANY);
}

/*
 * The port that fd is bound to, or 0.  *is_wildcard: to no address, and it is a
 * port of ours.
 */
static in_port_t read_port(int fd, bool *is_wildcard)
{
	struct sockaddr_in6 name;

	*is_wildcard = false;
	if (!name_read(fd, &name))
		return 0;
	*is_wildcard =
		name_port(&name) && config_wants_port(name_port(&name)) &&
		sock_is_wildcard((const struct sockaddr *)&name, sizeof(name));
	return name.sin6_port;
}

static bool is_wildcard_bound(int fd)
{
	bool is_wildcard;

	read_port(fd, &is_wildcard);
	return is_wildcard;
}

bool sock_is_off(void)
{
	return config_get()->disable ||
	       atomic_load_explicit(&off, memory_order_relaxed) ||
	       atomic_load_explicit(&blind, memory_order_relaxed);
}

/* What is known of an fd that is to be tracked. */
enum origin {
	FRESH,	/* it has none of the options that we look at */
	OWN,	/* no other fd means it */
	SHARED, /* another may */
};

/* Switches fd on and answers its sock, with one fd more; NULL: cannot. */
static struct sock *track(int fd, int family, in_port_t port_be,
			  enum origin origin)
{
	const bool fresh = origin == FRESH;
	uint64_t cookie = cookie_of(fd);
	struct sock *sock = origin == SHARED ? hold_by_cookie(cookie) : NULL;
	int lowat = fresh ? NO_MARK : lowat_of(fd);
	uint32_t wanted = PKTINFO_NONE;

	if (origin == SHARED)
		doubt(true);
	if (!sock) {
		if (!fresh && !read_wanted(fd, family, lowat, &wanted))
			return NULL;
		sock = new_sock(family, port_be, wanted);
		if (!sock)
			return NULL;
		if (!fresh)
			atomic_store(&sock->device, read_device(fd));
		set_cookie(sock, cookie);
	}
	if (switch_on(fd, family)) {
		mark(fd, lowat, MARK | sock->wanted);
		return sock;
	}
	switch_back(fd, sock);
	abandon(sock);
	log_event(LOG_ERROR, fd,
		  "cannot be made to tell the address asked; "
		  "replies leave as without replyfrom");
	return NULL;
}

/*
 * Whether we switched fd on when it was bound to the wildcard, though
 * connect(2) may have given it an address since.
 */
static bool is_switched_on(int fd)
{
	struct sock *sock = hold_by_cookie(cookie_of(fd));

	if (sock)
		release(sock);
	return sock || is_mark(lowat_of(fd));
}

/* An fd that nobody has seen yet, or that is not what we took it for. */
static struct sock *examine(int fd)
{
	int saved = errno, family;
	struct sock *sock, *tracked;
	in_port_t port_be;
	bool is_wildcard;

	if (lock_is_borrowed() || !make_slot(fd))
		return NULL;
	sock = sock_is_off() ? other : kind_of(fd, &family);
	if (sock == udp) {
		sock = examined;
		doubt(false);
		port_be = read_port(fd, &is_wildcard);
		tracked = is_wildcard || is_switched_on(fd)
				  ? track(fd, family, port_be, SHARED)
				  : NULL;
		if (tracked)
			sock = tracked;
		log_event(tracked ? LOG_INFO : LOG_DEBUG, fd,
			  tracked ? SOCK_TOLD : SOCK_UNTOUCHED);
	}
	occupy(fd, sock);
	errno = saved;
	return is_tracked(sock) ? sock : NULL;
}

struct sock *sock_probe_slowly(int fd, struct sock *sock)
{
	if (sock == packets)
		peers_read_packets();
	if (is_not_udp(sock))
		return NULL;
	sock = occupant(fd);
	/* Nobody receives on a new socket: it was bound behind our back. */
	return !sock || is_new(sock) ? examine(fd) : NULL;
}

bool sock_may_be_udp(int fd)
{
	return !is_not_udp(sock_occupant(fd));
}

bool sock_settle(int fd)
{
	struct sock *seen = occupant(fd);

	/*
	 * If fd is a vfork child's, ours is looked at when it is bound; unless
	 * it has been meanwhile.
	 */
	return is_new(seen) && atomic_compare_exchange_strong(
				       &sock_slot(fd)->sock, &seen, udp);
}

struct sock *sock_adopt(int fd, int family)
{
	int saved = errno;
	struct sock *sock = NULL;

	if (sock_is_off() || lock_is_borrowed())
		return NULL;
	if (make_slot(fd))
		sock = track(fd, family, 0, SHARED);
	if (sock) {
		atomic_store(&sock->generation, lock_generation());
		occupy(fd, sock);
	}
	errno = saved;
	return sock;
}

void sock_pin(struct sock *sock, const struct local *local)
{
	atomic_fetch_add(&sock->pins, 1);
	local_copy(&sock->source, local);
	atomic_fetch_add(&sock->pins, 1);
	atomic_store(&sock->mode, SOCK_PINNED);
}

RACY bool sock_is_pinned(const struct sock *sock, struct local *local)
{
	const uint32_t pins = atomic_load(&sock->pins);

	if (sock_mode(sock) != SOCK_PINNED || pins % 2)
		return false;
	local_copy(local, &sock->source);
	atomic_thread_fence(memory_order_acquire);
	return atomic_load(&sock->pins) == pins;
}

void sock_unpin(struct sock *sock)
{
	int pinned = SOCK_PINNED;

	if (sock_mode(sock) != SOCK_PINNED || lock_is_borrowed())
		return;
	atomic_compare_exchange_strong(&sock->mode, &pinned, SOCK_ARMED);
}

bool sock_begin_move(struct sock *sock)
{
	const uint32_t mine = lock_generation();
	uint32_t mover = atomic_load(&sock->mover);

	/* One of another process stayed behind in it. */
	return mover != mine &&
	       atomic_compare_exchange_strong(&sock->mover, &mover, mine);
}

void sock_end_move(struct sock *sock)
{
	atomic_store(&sock->mover, 0);
}

void sock_set_lent(struct sock *sock, bool lent)
{
	atomic_store(&sock->lent, lent);
}

bool sock_is_lent(const struct sock *sock)
{
	return atomic_load(&sock->lent);
}

bool sock_has_own_port(const struct sock *sock)
{
	return atomic_load(&sock->generation) &&
	       peers_port_be(atomic_load(&sock->id));
}

sa_family_t sock_family(const struct sock *sock)
{
	return (sa_family_t)atomic_load(&sock->family);
}

uint32_t sock_multicast_ifindex(int fd)
{
	const struct slot *slot = sock_slot(fd);
	const struct sock *sock = sock_occupant(fd);

	if (is_tracked(sock))
		return atomic_load(&sock->multicast_ifindex);
	return slot ? atomic_load(&slot->multicast_ifindex) : 0;
}

void sock_review(int fd)
{
	if (!sock_is_off())
		examine(fd);
}

void sock_look_at_no_more(bool yes)
{
	atomic_store(&blind, yes);
}

/* Whether another process may have it still, for that one bound it. */
static bool is_inherited(const struct sock *sock)
{
	const uint32_t generation = atomic_load(&sock->generation);

	return generation != lock_generation() &&
	       !lock_generation_is_gone(generation);
}

/* Every fd is `kind` now.  `put_back`: those of ours are as without us. */
static void renounce(struct sock *kind, bool put_back)
{
	for (unsigned int fd = 0; fd < SOCK_FDS_PER_CHUNK * SOCK_FD_CHUNKS;
	     fd++) {
		struct sock *sock = sock_occupant((int)fd);

		if (!atomic_load(&sock_slots[fd / SOCK_FDS_PER_CHUNK]))
			fd |= SOCK_FDS_PER_CHUNK - 1;
		if (!sock)
			continue;
		if (put_back && is_tracked(sock) && !is_inherited(sock))
			switch_back((int)fd, sock);
		occupy((int)fd, kind);
	}
}

void sock_stop(bool put_back)
{
	int saved = errno;

	if (lock_is_borrowed())
		return;
	atomic_store(&off, true);
	renounce(other, put_back && !atomic_load(&blind));
	errno = saved;
}

void sock_go_on(void)
{
	renounce(NULL, false);
	atomic_store(&off, false);
}

/* IP_MULTICAST_IF of fd was set to this interface, or by an address: 0. */
static void note_multicast(int fd, uint32_t ifindex)
{
	struct sock *sock = sock_occupant(fd);
	struct slot *slot = ifindex ? make_slot(fd) : sock_slot(fd);

	if (is_tracked(sock))
		atomic_store(&sock->multicast_ifindex, ifindex);
	else if (slot)
		atomic_store(&slot->multicast_ifindex, ifindex);
}

/* Whether IP comes to a packet socket of this protocol, not ARP or LLDP. */
static bool is_ip(uint16_t protocol_be)
{
	return protocol_be == htons(ETH_P_ALL) ||
	       protocol_be == htons(ETHERTYPE_IP) ||
	       protocol_be == htons(ETHERTYPE_IPV6);
}

/* packet(7), where 0 is what bind(2) will say; raw(7). */
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
	/* Else it is the one that it was made with. */
	if (name.sll_family == AF_PACKET && name.sll_protocol &&
	    !lock_is_borrowed())
		occupy(fd, is_ip(name.sll_protocol) ? packets : other);
	errno = saved;
}

/* What a new socket of this kind is. */
static struct sock *kind_of_new(int domain, int type, int protocol)
{
	type &= ~(SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (reads_packets(domain, type, protocol))
		return packets;
	if (type != SOCK_DGRAM || (protocol != 0 && protocol != IPPROTO_UDP &&
				   protocol != IPPROTO_UDPLITE))
		return other;
	if (domain == AF_INET)
		return fresh_v4;
	return domain == AF_INET6 ? fresh_v6 : other;
}

/*
 * Whether fd, where something new is, is a vfork child's.  A system call only
 * where something is known of ours, or it has been such a child's before.
 */
static bool is_borrowed(int fd)
{
	const struct sock *sock = sock_occupant(fd);

	return ((sock && sock != other) || lock_inside == LOCK_BORROWED) &&
	       lock_is_borrowed();
}

void sock_created(int fd, int domain, int type, int protocol)
{
	if (is_borrowed(fd))
		return;
	occupy(fd, kind_of_new(domain, type, protocol));
	note_multicast(fd, 0);
}

/*
 * What is not a UDP socket is forgotten without a system call: should fd be a
 * vfork child's, ours is looked at again.  False: it may be a UDP socket.
 */
static bool forget_other(int fd)
{
	struct slot *slot = sock_slot(fd);
	struct sock *seen = other;

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
	occupy(fd, NULL);
	note_multicast(fd, 0);
}

void sock_forget_range(unsigned int first, unsigned int last)
{
	unsigned int end = SOCK_FDS_PER_CHUNK * SOCK_FD_CHUNKS - 1;

	if (lock_is_borrowed())
		return;
	for (unsigned int fd = first; fd <= last && fd <= end; fd++) {
		if (!atomic_load(&sock_slots[fd / SOCK_FDS_PER_CHUNK]))
			fd |= SOCK_FDS_PER_CHUNK - 1;
		else
			sock_forget((int)fd);
	}
}

/* Whether the same is known of both, and neither is a UDP socket so far. */
static bool are_alike(int fd, int to)
{
	const struct sock *sock = sock_occupant(fd);

	return sock == sock_occupant(to) && (!sock || is_not_udp(sock)) &&
	       !sock_multicast_ifindex(fd) && !sock_multicast_ifindex(to);
}

void sock_duplicated(int fd, int to)
{
	struct sock *sock = sock_occupant(fd);

	if (fd == to || are_alike(fd, to) || lock_is_borrowed())
		return;
	if (is_tracked(sock)) {
		if (!hold(sock))
			sock = NULL;
	} else if (!is_not_udp(sock)) {
		/* One may be bound by the other: look when they are used. */
		sock = NULL;
		occupy(fd, NULL);
	}
	occupy(to, sock);
	note_multicast(to, sock_multicast_ifindex(fd));
}

struct sock *sock_binding(int fd, in_port_t port_be)
{
	int saved = errno, family;
	struct sock *kind = occupant(fd), *sock = NULL;

	if (is_not_udp(kind) || is_tracked(kind) || sock_is_off() ||
	    lock_is_borrowed() || !make_slot(fd))
		return NULL;
	if (kind == fresh_v4 || kind == fresh_v6)
		sock = track(fd, kind == fresh_v4 ? AF_INET : AF_INET6, port_be,
			     FRESH);
	else if (kind_of(fd, &family) != udp)
		sock = NULL;
	else if (kind == own)
		sock = track(fd, family, port_be, OWN);
	else if (is_switched_on(fd))
		examine(fd);
	else
		sock = track(fd, family, port_be, SHARED);
	errno = saved;
	return sock;
}

void sock_bound(int fd, struct sock *sock, bool succeeded)
{
	int saved = errno;

	/* A second bind(2) fails and leaves the first. */
	if (succeeded)
		atomic_store(&sock->generation, lock_generation());
	if (succeeded || is_wildcard_bound(fd)) {
		occupy(fd, sock);
	} else {
		switch_back(fd, sock);
		abandon(sock);
	}
	errno = saved;
}

/* The kind that an option of pktinfo switches, or PKTINFO_NONE. */
static uint32_t kind_of_option(int level, int name)
{
	if (level == IPPROTO_IP && name == IP_PKTINFO)
		return PKTINFO_V4;
	if (level == IPPROTO_IPV6 && name == IPV6_RECVPKTINFO)
		return PKTINFO_V6;
	return PKTINFO_NONE;
}

static bool is_device_option(int level, int name)
{
	return level == SOL_SOCKET &&
	       (name == SO_BINDTODEVICE || name == SO_BINDTOIFINDEX);
}

static bool is_mark_option(int level, int name)
{
	return level == SOL_SOCKET && name == SO_RCVLOWAT;
}

static bool is_multicast_option(int level, int name)
{
	return level == IPPROTO_IP && name == IP_MULTICAST_IF;
}

/* The interface that a value of IP_MULTICAST_IF names by number, or 0. */
static uint32_t named_interface(const void *value, socklen_t len)
{
	struct ip_mreqn group = { 0 };

	if (len >= sizeof(group))
		memcpy(&group, value, sizeof(group));
	return (uint32_t)group.imr_ifindex;
}

/* The application switched a kind on or off: note it, and stay on. */
static void note_wanted(int fd, struct sock *sock, int level, int name,
			uint32_t kind, const void *value, socklen_t len)
{
	int on = 0;

	/* One byte will do for the kernel, in IPv4, and none is 0. */
	if (!option_get(fd, level, name, &on))
		memcpy(&on, value, len < sizeof(on) ? len : sizeof(on));
	if (on) {
		atomic_fetch_or(&sock->wanted, kind);
	} else {
		atomic_fetch_and(&sock->wanted, ~kind);
		option_set(fd, level, name, 1);
	}
	mark(fd, lowat_of(fd), MARK | sock->wanted);
}

bool sock_set_option(int fd, int level, int name, const void *value,
		     socklen_t len, int *result)
{
	uint32_t kind = kind_of_option(level, name);
	struct sock *sock;
	int saved;

	if (is_multicast_option(level, name)) {
		*result = real.setsockopt(fd, level, name, value, len);
		if (!*result && !lock_is_borrowed())
			note_multicast(fd, named_interface(value, len));
		return true;
	}
	if (!kind && !is_device_option(level, name) &&
	    !is_mark_option(level, name))
		return false;
	if (lock_is_borrowed())
		return false;
	sock = occupant(fd);
	/* No longer fresh: look at its options when it is bound. */
	if (is_new(sock)) {
		occupy(fd, own);
		return false;
	}
	sock = sock_probe(fd);
	if (!sock || is_mark_option(level, name) || atomic_load(&blind))
		return false;
	*result = real.setsockopt(fd, level, name, value, len);
	if (*result)
		return true;
	saved = errno;
	if (kind)
		note_wanted(fd, sock, level, name, kind, value, len);
	else
		atomic_store(&sock->device, read_device(fd));
	errno = saved;
	return true;
}

/* Where the kernel gave our mark, gives what was there before. */
static void hide_mark(int fd, void *value, socklen_t len)
{
	const int before = NO_MARK;
	int saved = errno, lowat;

	/* With less room than an int there is but a part of it. */
	if (len < sizeof(lowat))
		lowat = lowat_of(fd);
	else
		memcpy(&lowat, value, sizeof(lowat));
	/* The kernel's is never 0: it could not be read. */
	if (is_mark(lowat) || !lowat)
		memcpy(value, &before, len);
	errno = saved;
}

bool sock_get_option(int fd, int level, int name, void *value, socklen_t *len,
		     int *result)
{
	uint32_t kind = kind_of_option(level, name);
	struct sock *sock = NULL;
	int on;

	if ((kind || is_mark_option(level, name)) && !is_new(occupant(fd)))
		sock = sock_probe(fd);
	if (!sock)
		return false;
	*result = real.getsockopt(fd, level, name, value, len);
	if (*result)
		return true;
	if (!kind) {
		hide_mark(fd, value, *len);
		return true;
	}
	/* With less room than an int the kernel answers IPv4 in one byte. */
	on = (atomic_load(&sock->wanted) & kind) != 0;
	if (kind == PKTINFO_V4 && *len == sizeof(unsigned char))
		*(unsigned char *)value = (unsigned char)on;
	else if (*len <= sizeof(on))
		memcpy(value, &on, *len);
	return true;
}
