/* SPDX-License-Identifier: MIT */
/*
 * Notes which address a connected socket sends from, and who connects it right
 * now.
 */
#include "state/sock.h"

#include "base/lock.h"
#include "state/peers_id.h"

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
	if (sock_mode(sock) == SOCK_PINNED && !lock_is_borrowed())
		atomic_store(&sock->mode, SOCK_ARMED);
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
