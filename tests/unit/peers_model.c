/* SPDX-License-Identifier: MIT */
/*
 * The table against a model of it: an array, and what peers.h promises word by
 * word.  Random steps, the same ones at every run.
 */
#include "state/peers.h"

#include "clock.h"
#include "settings.h"
#include "story.h"
#include "unit.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

enum {
	SOCKS = 2,
	HOSTS = 3,
	PORTS = 6,
	LOCALS = 4,
	MOST_PEERS = 16, /* so many are compared to find the one to forget */
	TTL_S = 40,
	BATCH = 64,
	WALKS = 400,
	STEPS = 5000,
};

/* Drawn by the shim, so that each run has the same collisions. */
static uint64_t table_seed;

static uint64_t drawn;

/* In place of that, what a fuzzer chose (tests/fuzz/peers.c); 0 at its end. */
static const uint8_t *tape, *tape_end;

static uint32_t draw(uint32_t below)
{
	if (tape)
		return tape < tape_end ? *tape++ % below : 0;
	/* Knuth's MMIX generator: its upper bits are good enough. */
	drawn = drawn * 6364136223846793005U + 1442695040888963407U;
	return (uint32_t)(drawn >> 33) % below;
}

ssize_t __wrap_getrandom(void *buf, size_t bytes, unsigned int flags);

ssize_t __wrap_getrandom(void *buf, size_t bytes, unsigned int flags)
{
	uint64_t seed = table_seed;

	(void)flags;
	for (size_t i = 0; i < bytes; i++) {
		seed = seed * 6364136223846793005U + 1442695040888963407U;
		((unsigned char *)buf)[i] = (unsigned char)(seed >> 56);
	}
	return (ssize_t)bytes;
}

/* Who is meant: a port of a host, on a socket. */
struct who {
	uint32_t sock;
	uint32_t host;
	uint32_t port;
};

struct known {
	struct who who;
	uint32_t local; /* asked last; LOCALS: the kernel shall choose */
	uint32_t heard_s;
	uint32_t batch;
	uint32_t asked[BATCH]; /* in that batch, and not recalled yet */
	uint32_t asked_count;
	bool answered;
	bool used;
};

static struct {
	struct known known[MOST_PEERS];
	uint32_t bound;
	uint32_t batch;
	enum { READING, DRAINED, ANSWERING } state;
	struct who heard_last[SOCKS][HOSTS];
	bool heard[SOCKS][HOSTS];
	struct who read_last;
	bool is_read_last_answered;
} model;

static const char *local_text(uint32_t local)
{
	static const char *const texts[] = { "10.0.0.1", "10.0.0.2", "10.0.0.3",
					     "10.0.0.4", "" };

	return texts[local];
}

static struct address address_of(struct who who)
{
	/* Three ways to be a host: IPv4, IPv6, link-local. */
	static const char *const hosts[] = { "192.0.2.9", "2001:db8::9",
					     "fe80::9" };
	const uint16_t port = (uint16_t)(5300 + who.port);

	return who.host ? v6_scoped(hosts[who.host], port, 7)
			: v4(hosts[who.host], port);
}

static bool is_same(struct who a, struct who b)
{
	return a.sock == b.sock && a.host == b.host && a.port == b.port;
}

static bool is_fresh(const struct known *known)
{
	return clock_s - known->heard_s <= TTL_S;
}

static struct known *model_find(struct who who)
{
	for (uint32_t i = 0; i < model.bound; i++)
		if (model.known[i].used && is_same(model.known[i].who, who))
			return &model.known[i];
	return NULL;
}

/* Past their time before the rest, then unanswered ones, then the oldest. */
static uint32_t worth(const struct known *known)
{
	const uint32_t age_s = clock_s - known->heard_s;

	return (is_fresh(known) ? 2000000U : 0U) +
	       (is_fresh(known) && known->answered ? 1000000U : 0U) + 1000000U -
	       age_s;
}

static struct known *model_insert(struct who who)
{
	struct known *least = &model.known[0];

	for (uint32_t i = 0; i < model.bound; i++) {
		struct known *known = &model.known[i];

		if (!known->used) {
			least = known;
			break;
		}
		if (worth(known) < worth(least))
			least = known;
	}
	*least = (struct known){ .who = who, .used = true };
	return least;
}

static void model_remember(struct who who, uint32_t local, bool peeked)
{
	struct known *known = model_find(who);

	if (!known)
		known = model_insert(who);
	known->local = local;
	known->heard_s = clock_s;
	model.read_last = who;
	model.is_read_last_answered = false;
	model.heard_last[who.sock][who.host] = who;
	model.heard[who.sock][who.host] = true;
	if (peeked)
		return;
	if (model.state != READING) {
		model.state = READING;
		model.batch++;
	}
	if (known->batch != model.batch)
		known->asked_count = 0;
	known->batch = model.batch;
	assert_true(known->asked_count < BATCH);
	known->asked[known->asked_count++] = local;
}

static struct known *model_find_for_answer(struct who who)
{
	struct known *known = model_find(who);

	if ((!known || !is_fresh(known)) && model.heard[who.sock][who.host])
		known = model_find(model.heard_last[who.sock][who.host]);
	return known && is_fresh(known) ? known : NULL;
}

static uint32_t take_first(struct known *known)
{
	const uint32_t first = known->asked[0];

	known->asked_count--;
	memmove(&known->asked[0], &known->asked[1],
		known->asked_count * sizeof(known->asked[0]));
	return first;
}

/* LOCALS: nothing, or the kernel shall choose. */
static uint32_t model_recall(struct who who)
{
	struct known *known = model_find_for_answer(who);

	if (!known)
		return LOCALS;
	if (model.state == READING)
		model.state = ANSWERING;
	known->answered = true;
	if (model.state == DRAINED && known->batch == model.batch &&
	    known->asked_count)
		return take_first(known);
	return known->local;
}

static void model_put_back(struct who who, uint32_t local)
{
	struct known *known = model_find_for_answer(who);

	if (!known || known->batch != model.batch)
		return;
	assert_true(known->asked_count < BATCH);
	memmove(&known->asked[1], &known->asked[0],
		known->asked_count * sizeof(known->asked[0]));
	known->asked[0] = local;
	known->asked_count++;
}

static void model_forget(struct who who, uint32_t local)
{
	struct known *known = model_find_for_answer(who);

	if (known && known->local == local)
		known->local = LOCALS;
}

static struct who draw_who(void)
{
	return (struct who){
		.sock = draw(SOCKS),
		.host = draw(HOSTS),
		.port = draw(PORTS),
	};
}

/* Nobody promises what a peek means while its peer's batch is answered. */
static bool is_amid_answers(struct who who)
{
	const struct known *known = model_find(who);

	return model.state == DRAINED && known && known->batch == model.batch &&
	       known->asked_count;
}

/* As no random walk has it, but a fuzzer will. */
static bool is_batch_full(struct who who)
{
	const struct known *known = model_find(who);

	return known && known->asked_count == BATCH;
}

static void step_hear(bool peeked)
{
	const struct who who = draw_who();
	/* Runs of one address, and now and then a multicast group. */
	const uint32_t local =
		draw(16) ? draw(4) * draw(2) % LOCALS : (uint32_t)LOCALS;

	if (is_batch_full(who))
		return;
	if (is_amid_answers(who))
		peeked = false;
	if (peeked)
		peek(who.sock, address_of(who), local_text(local));
	else
		hear(who.sock, address_of(who), local_text(local));
	model_remember(who, local, peeked);
}

/* The first answer to what was read last: peers_bound.c has its own test. */
static bool is_never_too_late(struct who who)
{
	return is_same(who, model.read_last) && !model.is_read_last_answered;
}

static void step_answer(uint32_t step)
{
	const struct who who = draw_who();
	const struct address peer = address_of(who);
	const struct known *known = model_find(who);
	struct local local = { 0 };
	bool queued = false;
	uint32_t expected;

	if (is_never_too_late(who) && known && !is_fresh(known))
		return;
	if (is_same(who, model.read_last))
		model.is_read_last_answered = true;
	expected = model_recall(who);
	if (!peers_recall(who.sock, &peer.any, peer.len, &local, &queued))
		local = local_of("");
	if (strcmp(text_of(&local), local_text(expected)) != 0)
		fail_msg("step %u: answers %s, not %s, on %u to %u port %u",
			 step, text_of(&local), local_text(expected), who.sock,
			 who.host, who.port);
	if (queued && draw(4) == 0) {
		put_back(who.sock, peer, local_text(expected));
		model_put_back(who, expected);
	}
}

static void step_forget(void)
{
	const struct who who = draw_who();
	const uint32_t local = draw(LOCALS);

	/* What a refusal does to a batch has a test of its own. */
	if (model.state != ANSWERING)
		return;
	forget(who.sock, address_of(who), local_text(local));
	model_forget(who, local);
}

/* Whether two hosts would share one place for what a host asked last. */
static bool do_hosts_collide(void)
{
	peers_reset(MOST_PEERS, TTL_S);
	for (uint32_t i = 0; i < SOCKS * HOSTS; i++)
		hear(i / HOSTS, address_of((struct who){ .host = i % HOSTS }),
		     "10.0.0.1");
	for (uint32_t i = 0; i < SOCKS * HOSTS; i++) {
		const struct who other_port = { .host = i % HOSTS, .port = 1 };

		if (strcmp(answer(i / HOSTS, address_of(other_port)),
			   "nothing") == 0)
			return true;
	}
	return false;
}

static void begin_walk(uint32_t walk)
{
	settings_reset();
	drawn = walk;
	do
		table_seed++;
	while (do_hosts_collide());
	model = (__typeof__(model)){ .bound = 2 + draw(MOST_PEERS - 1) };
	peers_reset(model.bound, TTL_S);
	/* As the model: reading, in a batch that nobody knows of. */
	peers_drained();
	model.state = DRAINED;
	model.batch = 1;
}

static void take_step(uint32_t step, bool with_peeks)
{
	/* So no two are equally old. */
	clock_s += draw(50) ? 1 : draw(2 * TTL_S) + 1;
	switch (draw(8)) {
	case 0:
	case 1:
	case 2:
		step_hear(with_peeks && draw(4) == 0);
		break;
	case 3:
		peers_drained();
		if (model.state == READING)
			model.state = DRAINED;
		break;
	case 4:
		step_forget();
		break;
	default:
		step_answer(step);
	}
}

static void walk_at_random(bool with_peeks)
{
	for (uint32_t walk = 0; walk < WALKS; walk++) {
		begin_walk(walk);
		for (uint32_t step = 0; step < STEPS; step++)
			take_step(step, with_peeks);
	}
}

static void any_order_of_calls_answers_as_the_model(void **state)
{
	(void)state;

	walk_at_random(false);
}

static void any_order_of_calls_and_peeks_answers_as_the_model(void **state)
{
	(void)state;

	walk_at_random(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order_of_calls_answers_as_the_model),
		cmocka_unit_test(
			any_order_of_calls_and_peeks_answers_as_the_model),
	};

	return cmocka_run_group_tests(tests, end_when_stuck, NULL);
}
