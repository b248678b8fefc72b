/* SPDX-License-Identifier: MIT */
/* The table while several threads change it: what it answers was asked. */
#include "state/peers.h"
#include "state/peers_open.h"

#include "address.h"
#include "base/lock.h"
#include "clock.h"
#include "settings.h"
#include "state/queue.h"
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

/* Queues are of one pool: only who has the lock may change any. */
static _Atomic uint32_t unguarded;

bool __wrap_queue_append(struct queue *queue, const struct local *local,
			 uint16_t count);
bool __real_queue_append(struct queue *queue, const struct local *local,
			 uint16_t count);
void __wrap_queue_drop(struct queue *queue);
void __real_queue_drop(struct queue *queue);

bool __wrap_queue_append(struct queue *queue, const struct local *local,
			 uint16_t count)
{
	if (!lock_inside)
		atomic_fetch_add(&unguarded, 1);
	return __real_queue_append(queue, local, count);
}

void __wrap_queue_drop(struct queue *queue)
{
	if (!lock_inside)
		atomic_fetch_add(&unguarded, 1);
	__real_queue_drop(queue);
}

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

static void prepare(void)
{
	settings_reset();
	peers_reset(BOUND, 120);
	for (uint32_t n = 0; n < PEERS; n++)
		addresses[n] = address_of_peer(n);
}

TEST(no_answer_is_another_peer_s_or_half_of_two)
{
	static const uint32_t seeds[THREADS] = { 1, 2, 3, 4 };
	pthread_t threads[THREADS];

	prepare();

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

static void hear(uint32_t flavour)
{
	const struct local local = local_of_peer(0, flavour);

	peers_remember(SOCK, &addresses[0].any, addresses[0].len, &local,
		       false);
}

static void *begin_a_queue(void *unused)
{
	(void)unused;
	hear(0);
	hear(1);
	return NULL;
}

/* The generation, while it is hidden: who asks for it next is interrupted. */
static uint32_t hidden;

uint32_t __wrap_lock_begin_generation(void);
uint32_t __real_lock_begin_generation(void);

uint32_t __wrap_lock_begin_generation(void)
{
	pthread_t other;

	if (!hidden)
		return __real_lock_begin_generation();
	*lock_page = hidden;
	hidden = 0;
	assert_int_equal(pthread_create(&other, NULL, begin_a_queue, NULL), 0);
	assert_int_equal(pthread_join(other, NULL), 0);
	return *lock_page;
}

TEST(a_queue_that_another_thread_begins_meanwhile_is_its_own)
{
	prepare();
	hear(0);

	hidden = *lock_page;
	*lock_page = 0;
	hear(0);

	assert_int_equal(hidden, 0);
	assert_int_equal(unguarded, 0);
}
