/* SPDX-License-Identifier: MIT */
/*
 * Keeps what each fd is, and the socks.
 *
 * Nothing here takes a lock: a slot's occupant counts once in its sock's `fds`,
 * and both change by single atomic operations, so that a signal handler, a
 * fork or a vfork child may come in between any two of them.
 */
#include "state/sock_table.h"

#include "base/memory.h"
#include "state/peers_id.h"

#include <stddef.h>

struct sock sock_kinds[SOCK_KINDS];

static struct slot first_slots[SOCK_FDS_PER_CHUNK];
_Atomic(struct slot *) sock_slots[SOCK_FD_CHUNKS] = { first_slots };
/* The first need no memory to be mapped. */
static struct sock first_socks[SOCKS_PER_CHUNK];
_Atomic(struct sock *) sock_chunks[SOCK_CHUNKS] = { first_socks };
static _Atomic uint64_t last_number; /* of a socket, for its id */
static _Atomic uint32_t sock_count = SOCKS_PER_CHUNK;

/* A bit for each sock that is in use, looked at in words of 64. */
#define SOCKS_PER_WORD 64
static _Atomic uint64_t taken[SOCK_CHUNKS * SOCKS_PER_CHUNK / SOCKS_PER_WORD];
static _Atomic uint32_t hand; /* where to look for a free one next */

/*
 * 1 + the index of the sock with a cookie, in one of a few places from where
 * the cookie says.  Only a hint: the sock found there is checked.
 */
#define COOKIES 16384
#define COOKIE_PLACES 8
static _Atomic uint32_t by_cookie[COOKIES];

/*
 * Counts the sockets found that did not come from socket(2) here, and the count
 * at the last one that may be bound.  Other fds may be the same socket, so what
 * was noted of an fd before that is looked at again.
 */
static _Atomic uint32_t shared_seen, shared_bound_seen;

struct slot *sock_make_slot(int fd)
{
	unsigned int n = (unsigned int)fd;
	struct slot *found = sock_slot(fd), *chunk, *none = NULL;

	if (found || n >= SOCK_FDS)
		return found;
	chunk = memory_map(SOCK_FDS_PER_CHUNK * sizeof(*chunk));
	if (chunk && !atomic_compare_exchange_strong(
			     &sock_slots[n / SOCK_FDS_PER_CHUNK], &none, chunk))
		memory_unmap(chunk, SOCK_FDS_PER_CHUNK * sizeof(*chunk));
	return sock_slot(fd);
}

struct sock *sock_believed(int fd)
{
	struct sock *sock = sock_occupant(fd);
	uint32_t seen;

	if (!sock || sock_is_not_udp(sock) || sock_is_armed(sock))
		return sock;
	seen = atomic_load(&sock_slot(fd)->shared_seen);
	return seen < atomic_load(sock == SOCK_EXAMINED ? &shared_bound_seen
							: &shared_seen)
		       ? NULL
		       : sock;
}

void sock_note_shared(bool bound)
{
	const uint32_t n = atomic_fetch_add(&shared_seen, 1) + 1;

	if (bound)
		atomic_store(&shared_bound_seen, n);
}

/* Takes the nth sock.  False: it is taken already. */
static bool take_index(uint32_t n)
{
	const uint64_t bit = (uint64_t)1 << n % SOCKS_PER_WORD;

	return !(atomic_fetch_or(&taken[n / SOCKS_PER_WORD], bit) & bit);
}

void sock_unref(struct sock *sock)
{
	const uint64_t bit = (uint64_t)1 << sock->index % SOCKS_PER_WORD;

	if (atomic_fetch_sub(&sock->fds, 1) == 1)
		atomic_fetch_and(&taken[sock->index / SOCKS_PER_WORD], ~bit);
}

/* Moves what was noted for an fd to its sock. */
static void take_over_multicast(struct slot *slot, struct sock *sock)
{
	const uint32_t ifindex = atomic_load(&slot->multicast_ifindex);

	if (!ifindex)
		return;
	atomic_store(&sock->multicast_ifindex, ifindex);
	atomic_store(&slot->multicast_ifindex, 0);
}

void sock_occupy(int fd, struct sock *sock)
{
	struct slot *slot = sock ? sock_make_slot(fd) : sock_slot(fd);
	struct sock *before = sock;

	if (slot) {
		if (sock_is_armed(sock))
			take_over_multicast(slot, sock);
		atomic_store(&slot->shared_seen, atomic_load(&shared_seen));
		before = atomic_exchange(&slot->sock, sock);
	}
	if (sock_is_armed(before))
		sock_unref(before);
}

bool sock_ref(struct sock *sock)
{
	uint32_t fds = atomic_load(&sock->fds);

	while (fds && !atomic_compare_exchange_weak(&sock->fds, &fds, fds + 1))
		;
	return fds != 0;
}

/* The nth of sock_count. */
static struct sock *nth_sock(uint32_t n)
{
	struct sock *chunk = atomic_load_explicit(
		&sock_chunks[n / SOCKS_PER_CHUNK], memory_order_acquire);

	return &chunk[n % SOCKS_PER_CHUNK];
}

static bool add_sock_chunk(void)
{
	const size_t bytes = SOCKS_PER_CHUNK * sizeof(struct sock);
	uint32_t count = atomic_load(&sock_count);
	struct sock *none = NULL, *chunk;

	if (count == SOCK_CHUNKS * SOCKS_PER_CHUNK ||
	    !(chunk = memory_map(bytes)))
		return false;
	if (!atomic_compare_exchange_strong(
		    &sock_chunks[count / SOCKS_PER_CHUNK], &none, chunk))
		memory_unmap(chunk, bytes);
	/* Also if another thread added the chunk, and did not get here yet. */
	atomic_compare_exchange_strong(&sock_count, &count,
				       count + SOCKS_PER_CHUNK);
	return true;
}

/*
 * Takes them in turn, so that a sock that was released keeps its cookie for
 * long.
 */
static struct sock *take_free_sock(void)
{
	const uint32_t count = atomic_load(&sock_count);
	const uint32_t start = atomic_load(&hand);

	for (uint32_t i = 0; i < count; i++) {
		const uint32_t n = (start + i) % count;
		struct sock *sock = nth_sock(n);

		if (atomic_load(&taken[n / SOCKS_PER_WORD]) == UINT64_MAX) {
			/* The rest of the word. */
			i += SOCKS_PER_WORD - 1 - n % SOCKS_PER_WORD;
		} else if (take_index(n)) {
			sock->index = n;
			atomic_store(&sock->fds, 1);
			atomic_store(&hand, n + 1);
			return sock;
		}
	}
	return NULL;
}

struct sock *sock_new(int family, in_port_t port_be, uint32_t wanted)
{
	struct sock *sock;

	while (!(sock = take_free_sock())) {
		if (!add_sock_chunk())
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

static _Atomic uint32_t *place_of(uint64_t cookie, uint32_t n)
{
	return &by_cookie[(cookie + n) % COOKIES];
}

void sock_set_cookie(struct sock *sock, uint64_t cookie)
{
	uint32_t n = 0;

	atomic_store(&sock->cookie, cookie);
	for (; n < COOKIE_PLACES; n++) {
		const uint32_t index = atomic_load(place_of(cookie, n));

		if (!index || !atomic_load(&nth_sock(index - 1)->fds))
			break;
	}
	/* The first one, if all are taken. */
	atomic_store(place_of(cookie, n % COOKIE_PLACES), sock->index + 1);
}

/* The sock of this cookie, or NULL. */
static struct sock *find_cookie(uint64_t cookie)
{
	for (uint32_t n = 0; cookie && n < COOKIE_PLACES; n++) {
		const uint32_t index = atomic_load(place_of(cookie, n));

		if (index &&
		    atomic_load(&nth_sock(index - 1)->cookie) == cookie)
			return nth_sock(index - 1);
	}
	return NULL;
}

struct sock *sock_ref_by_cookie(uint64_t cookie)
{
	struct sock *sock = find_cookie(cookie);

	if (!sock)
		return NULL;
	if (!sock_ref(sock)) {
		if (!take_index(sock->index))
			return NULL;
		atomic_store(&sock->fds, 1);
	}
	if (atomic_load(&sock->cookie) == cookie)
		return sock;
	sock_unref(sock);
	return NULL;
}

uint32_t sock_multicast_ifindex(int fd)
{
	const struct slot *slot = sock_slot(fd);
	const struct sock *sock = sock_occupant(fd);

	if (sock_is_armed(sock))
		return atomic_load(&sock->multicast_ifindex);
	return slot ? atomic_load(&slot->multicast_ifindex) : 0;
}

void sock_note_multicast(int fd, uint32_t ifindex)
{
	struct sock *sock = sock_occupant(fd);
	struct slot *slot = ifindex ? sock_make_slot(fd) : sock_slot(fd);

	if (sock_is_armed(sock))
		atomic_store(&sock->multicast_ifindex, ifindex);
	else if (slot)
		atomic_store(&slot->multicast_ifindex, ifindex);
}
