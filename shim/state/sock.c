/* SPDX-License-Identifier: MIT */
/*
 * Recognises the sockets that need us, and switches pktinfo on.
 *
 * Nothing here takes a lock: a slot's occupant counts once in its sock's `fds`,
 * and both change by single atomic operations, so that a signal handler, a
 * fork or a vfork child may come in between any two of them.
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
#include "state/carry.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
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
enum { OTHER, UDP, UDP_EXAMINED, UDP_FRESH_V4, UDP_FRESH_V6, UDP_OWN, KINDS };
static struct sock kinds[KINDS];
/* Not a UDP socket. */
#define other (&kinds[OTHER])
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
static _Atomic uint32_t last_id;
static _Atomic uint32_t sock_count;
static _Atomic uint32_t hand; /* where to look for a free sock next */
static _Atomic bool off;      /* no socket is to be ours from now on */
static _Atomic bool blind;    /* nor is one to be looked at */

static inline bool is_tracked(const struct sock *sock)
{
	return sock && (sock < kinds || sock >= kinds + KINDS);
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

/* Puts `sock` (counted already, when it is tracked) into the slot of fd. */
static void occupy(int fd, struct sock *sock)
{
	struct slot *slot = sock ? make_slot(fd) : sock_slot(fd);
	struct sock *before = sock;

	if (slot)
		before = atomic_exchange(&slot->sock, sock);
	if (is_tracked(before))
		atomic_fetch_sub(&before->fds, 1);
}

/* One more fd means `sock`; false when none did any more. */
static bool hold(struct sock *sock)
{
	uint32_t fds = atomic_load(&sock->fds);

	while (fds && !atomic_compare_exchange_weak(&sock->fds, &fds, fds + 1))
		;
	return fds != 0;
}

static bool claim(struct sock *sock)
{
	uint32_t unused = 0;

	return atomic_compare_exchange_strong(&sock->fds, &unused, 1);
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

/* Round and round: the one free for longest keeps its cookie for longest. */
static struct sock *claim_free(void)
{
	uint32_t count = atomic_load(&sock_count);
	uint32_t start = atomic_load(&hand);

	for (uint32_t i = 0; i < count; i++) {
		struct sock *sock = nth_sock((start + i) % count);

		if (!sock || !claim(sock))
			continue;
		atomic_store(&hand, (start + i + 1) % count);
		return sock;
	}
	return NULL;
}

/* A sock of a new id that one fd means, or NULL. */
static struct sock *new_sock(int family, uint32_t wanted)
{
	struct sock *sock;

	while (!(sock = claim_free())) {
		if (!add_chunk())
			return NULL;
	}
	atomic_store(&sock->id, atomic_fetch_add(&last_id, 1) + 1);
	atomic_store(&sock->cookie, 0);
	atomic_store(&sock->family, family);
	atomic_store(&sock->wanted, wanted);
	atomic_store(&sock->device, 0);
	atomic_store(&sock->mode, SOCK_ARMED);
	atomic_store(&sock->generation, 0);
	atomic_store(&sock->port_be, 0);
	atomic_store(&sock->was_unbound, false);
	atomic_store(&sock->settled, false);
	carry_reset(sock);
	return sock;
}

static void release(struct sock *sock)
{
	atomic_fetch_sub(&sock->fds, 1);
}

/* The same, of one that must not be found as one that is switched on. */
static void abandon(struct sock *sock)
{
	atomic_store(&sock->cookie, 0);
	release(sock);
}

/*
 * The socket of this cookie, with one fd more, or NULL.  Also one that no fd
 * means any more: a vfork child closed our fd, not its own, and the application
 * goes on using it.
 */
static struct sock *hold_by_cookie(uint64_t cookie)
{
	uint32_t count = atomic_load(&sock_count);

	for (uint32_t i = 0; cookie && i < count; i++) {
		struct sock *sock = nth_sock(i);

		if (!sock || atomic_load(&sock->cookie) != cookie)
			continue;
		/* Both fail when another thread comes in between. */
		while (!hold(sock) && !claim(sock))
			;
		if (atomic_load(&sock->cookie) == cookie)
			return sock;
		release(sock);
	}
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

/* The device that fd is bound to, or 0.  socket(7) SO_BINDTODEVICE. */
static uint32_t device_of(int fd)
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

/* Whether fd is bound to the wildcard and one of our ports. */
static bool is_wildcard_bound(int fd)
{
	struct sockaddr_in6 name;

	return name_read(fd, &name) && name_port(&name) &&
	       config_wants_port(name_port(&name)) &&
	       sock_is_wildcard((const struct sockaddr *)&name, sizeof(name));
}

/*
 * Forgets what other fds were taken for, which may mean the same socket: it has
 * come from elsewhere, and may be `bound` now.
 */
static void doubt(bool bound)
{
	for (unsigned int i = 0; i < SOCK_FD_CHUNKS; i++) {
		struct slot *chunk = atomic_load(&sock_slots[i]);

		for (unsigned int n = 0; chunk && n < SOCK_FDS_PER_CHUNK; n++) {
			struct sock *kind = atomic_load(&chunk[n].sock);

			if (kind && kind != other && !is_tracked(kind) &&
			    (bound || kind != examined))
				atomic_compare_exchange_strong(&chunk[n].sock,
							       &kind, NULL);
		}
	}
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
static struct sock *track(int fd, int family, enum origin origin)
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
		sock = new_sock(family, wanted);
		if (!sock)
			return NULL;
		if (!fresh)
			atomic_store(&sock->device, device_of(fd));
		atomic_store(&sock->cookie, cookie);
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
 * connect(2) may have given it an address since, and a vfork child forgotten
 * it.
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

	if (!make_slot(fd))
		return NULL;
	sock = sock_is_off() ? other : kind_of(fd, &family);
	if (sock == udp) {
		sock = examined;
		doubt(false);
		tracked = is_wildcard_bound(fd) || is_switched_on(fd)
				  ? track(fd, family, SHARED)
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

struct sock *sock_known_followed(struct sock *sock)
{
	return carry_is_pending(sock) ? sock : NULL;
}

struct sock *sock_probe_slowly(int fd, struct sock *sock)
{
	if (is_tracked(sock))
		return sock_known_followed(sock);
	/* Nobody receives on a new socket: it was bound behind our back. */
	return !sock || is_new(sock) ? examine(fd) : NULL;
}

struct sock *sock_any(int fd)
{
	struct sock *sock = sock_occupant(fd);

	return is_tracked(sock) ? sock : NULL;
}

bool sock_may_be_udp(int fd)
{
	return sock_occupant(fd) != other;
}

bool sock_settle(int fd)
{
	if (!is_new(sock_occupant(fd)))
		return false;
	occupy(fd, udp);
	return true;
}

struct sock *sock_adopt(int fd, int family, enum sock_mode mode)
{
	int saved = errno;
	struct sock *sock = NULL;

	if (sock_is_off())
		return NULL;
	if (make_slot(fd) && mode == SOCK_ARMED) {
		sock = track(fd, family, SHARED);
	} else if (sock_slot(fd)) {
		sock = new_sock(family, PKTINFO_NONE);
		if (sock)
			atomic_store(&sock->was_unbound, true);
	}
	if (sock) {
		atomic_store(&sock->generation, lock_generation());
		atomic_store(&sock->mode, mode);
		atomic_store(&sock->settled, true);
		occupy(fd, sock);
	}
	errno = saved;
	return sock;
}

void sock_arm(int fd, const struct sock *sock)
{
	int saved = errno;

	switch_on(fd, sock->family);
	mark(fd, lowat_of(fd), MARK | sock->wanted);
	errno = saved;
}

void sock_disarm(int fd, const struct sock *sock)
{
	int saved = errno;

	switch_back(fd, sock);
	errno = saved;
}

void sock_unbound(int fd)
{
	occupy(fd, udp);
}

struct sock *sock_nth(uint32_t n)
{
	return n < atomic_load(&sock_count) ? nth_sock(n) : NULL;
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
		if (put_back && is_tracked(sock) &&
		    atomic_load(&sock->mode) != SOCK_FOLLOWED &&
		    !sock_is_inherited(sock))
			switch_back((int)fd, sock);
		occupy((int)fd, kind);
	}
}

void sock_stop(bool put_back)
{
	int saved = errno;

	atomic_store(&off, true);
	renounce(other, put_back && !atomic_load(&blind));
	errno = saved;
}

void sock_go_on(void)
{
	renounce(NULL, false);
	atomic_store(&off, false);
}

void sock_created(int fd, int domain, int type, int protocol)
{
	struct sock *sock = other;

	if ((type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) == SOCK_DGRAM &&
	    (protocol == 0 || protocol == IPPROTO_UDP ||
	     protocol == IPPROTO_UDPLITE)) {
		if (domain == AF_INET)
			sock = fresh_v4;
		else if (domain == AF_INET6)
			sock = fresh_v6;
	}
	occupy(fd, sock);
}

void sock_forget(int fd)
{
	if (sock_occupant(fd))
		occupy(fd, NULL);
}

void sock_forget_range(unsigned int first, unsigned int last)
{
	unsigned int end = SOCK_FDS_PER_CHUNK * SOCK_FD_CHUNKS - 1;

	for (unsigned int fd = first; fd <= last && fd <= end; fd++) {
		if (!atomic_load(&sock_slots[fd / SOCK_FDS_PER_CHUNK]))
			fd |= SOCK_FDS_PER_CHUNK - 1;
		else
			sock_forget((int)fd);
	}
}

void sock_duplicated(int fd, int to)
{
	struct sock *sock = sock_occupant(fd);

	if (fd == to)
		return;
	if (is_tracked(sock)) {
		if (!hold(sock))
			sock = NULL;
	} else if (sock != other) {
		/* One may be bound by the other: look when they are used. */
		sock = NULL;
		occupy(fd, NULL);
	} else if (sock_occupant(to) && sock_occupant(to) != other) {
		/* A vfork child does so to its own fd, not to ours. */
		sock = NULL;
	}
	occupy(to, sock);
}

struct sock *sock_binding(int fd)
{
	int saved = errno, family;
	struct sock *kind = sock_occupant(fd), *sock = NULL;

	if (kind == other || is_tracked(kind) || sock_is_off() ||
	    !make_slot(fd))
		return NULL;
	if (kind == fresh_v4 || kind == fresh_v6)
		sock = track(fd, kind == fresh_v4 ? AF_INET : AF_INET6, FRESH);
	else if (kind_of(fd, &family) != udp)
		sock = NULL;
	else if (kind == own)
		sock = track(fd, family, OWN);
	else if (is_switched_on(fd))
		examine(fd);
	else
		sock = track(fd, family, SHARED);
	errno = saved;
	return sock;
}

void sock_bound(int fd, struct sock *sock, bool succeeded)
{
	int saved = errno;

	/* A second bind(2) fails and leaves the first. */
	if (succeeded || is_wildcard_bound(fd)) {
		occupy(fd, sock);
	} else {
		switch_back(fd, sock);
		abandon(sock);
	}
	errno = saved;
}

bool sock_is_inherited(const struct sock *sock)
{
	const uint32_t generation = atomic_load(&sock->generation);

	return generation != lock_generation() &&
	       !lock_generation_is_gone(generation);
}

void sock_own(struct sock *sock, const struct sockaddr *addr)
{
	struct sockaddr_in v4;

	/* Both families keep the port at the same place. */
	memcpy(&v4, addr, sizeof(v4));
	atomic_store(&sock->port_be, v4.sin_port);
	atomic_store(&sock->generation, lock_generation());
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

	if (!kind && !is_device_option(level, name) &&
	    !is_mark_option(level, name))
		return false;
	sock = sock_occupant(fd);
	/* No longer fresh: look at its options when it is bound. */
	if (is_new(sock)) {
		occupy(fd, own);
		return false;
	}
	sock = sock_probe(fd);
	if (!sock || is_mark_option(level, name) ||
	    sock->mode == SOCK_FOLLOWED || atomic_load(&blind))
		return false;
	*result = real.setsockopt(fd, level, name, value, len);
	if (*result)
		return true;
	saved = errno;
	if (kind)
		note_wanted(fd, sock, level, name, kind, value, len);
	else
		atomic_store(&sock->device, device_of(fd));
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

	if ((kind || is_mark_option(level, name)) && !is_new(sock_occupant(fd)))
		sock = sock_probe(fd);
	if (!sock || sock->mode == SOCK_FOLLOWED)
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
