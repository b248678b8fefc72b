/* SPDX-License-Identifier: MIT */
/* The table while several threads change it: what it answers was asked. */
#include "peers.h"

#include "address.h"
#include "clock.h"
#include "settings.h"
#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum {
	SOCK = 1,
	THREADS = 4,
	STEPS = 2000000,
	PEERS = 64,
	BOUND = 24, /* so that peers take each other's places all the time */
	FLAVOURS = 2,
};

/* Peer n asks an address whose bytes all tell n, of one flavour or another. */
static unsigned char byte_of(uint32_t n, uint32_t flavour)
{
	return (unsigned char)(1 + n * FLAVOURS + flavour);
}

static struct local local_of_peer(uint32_t n, uint32_t flavour)
{
	struct local local = { .family = AF_INET6 };

	memset(&local.v6, byte_of(n, flavour), sizeof(local.v6));
	return local;
}

/* Different hosts: one port of a host may be answered in place of another. */
static struct address address_of_peer(uint32_t n)
{
	char text[sizeof("2001:db8::ffff")];

	(void)snprintf(text, sizeof(text), "2001:db8::%x", n + 1);
	return v6(text, 5300);
}

static struct address addresses[PEERS];
static _Atomic uint32_t wrong;
static _Atomic uint32_t right;

static void note_answer(uint32_t n, const struct local *local)
{
	for (uint32_t flavour = 0; flavour < FLAVOURS; flavour++) {
		const struct local asked = local_of_peer(n, flavour);

		if (local_equal(local, &asked)) {
			atomic_fetch_add(&right, 1);
			return;
		}
	}
	atomic_fetch_add(&wrong, 1);
}

static void *hear_and_answer(void *seed)
{
	uint64_t drawn = *(const uint32_t *)seed;
	struct local local;
	bool queued;

	for (int i = 0; i < STEPS; i++) {
		uint32_t n, flavour;

		drawn = drawn * 6364136223846793005U + 1442695040888963407U;
		n = (uint32_t)(drawn >> 33) % PEERS;
		flavour = (uint32_t)(drawn >> 60) % FLAVOURS;
		local = local_of_peer(n, flavour);
		if (drawn >> 63)
			peers_remember(SOCK, &addresses[n].any,
				       addresses[n].len, &local, false);
		if (peers_recall(SOCK, &addresses[n].any, addresses[n].len,
				 &local, &queued))
			note_answer(n, &local);
	}
	return NULL;
}

static void no_answer_is_another_peer_s_or_half_of_two(void **state)
{
	static const uint32_t seeds[THREADS] = { 1, 2, 3, 4 };
	pthread_t threads[THREADS];

	(void)state;
	settings_reset();
	peers_reset(BOUND, 120);
	for (uint32_t n = 0; n < PEERS; n++)
		addresses[n] = address_of_peer(n);

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
						hear_and_answer,
						(void *)&seeds[i]),
				 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);

	assert_int_equal(wrong, 0);
	assert_true(right > STEPS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_answer_is_another_peer_s_or_half_of_two),
	};

	return cmocka_run_group_tests(tests, end_when_stuck, NULL);
}
