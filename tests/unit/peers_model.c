/* SPDX-License-Identifier: MIT */
/*
 * The table against a model of it: an array, and what peers.h promises word by
 * word.  Random steps, the same ones at every run.
 */
#include "state/peers.h"
#include "state/peers_id.h"
#include "state/peers_open.h"

#include "clock.h"
#include "settings.h"
#include "story.h"
#include "unit.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

enum {
	SOCKS = 4,
	HOSTS = 2,
	PORTS = 4,
	NO_SOCK = SOCKS, /* of the process */
	LOCALS = 4,
	MOST_PEERS = 16, /* so many are compared to find the one to forget */
	TTL_S = 40,
	FOLLOW_S = 12,
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

/* Two of a service, one of another, and one whose port the kernel chose. */
static const uint16_t sock_ports[SOCKS + 1] = { 53, 53, 69, 0, 0 };

struct known {
	struct who who;
	uint32_t local; /* asked last; LOCALS: the kernel shall choose */
	uint32_t heard_s;
	uint32_t unanswered;
	enum peers_kind kind;
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
	/* Of each host: 1 + the place of the peer that was heard last. */
	uint32_t heard_last[SOCKS][HOSTS];
	uint32_t hand; /* where the next to forget is looked for */
	uint32_t used;
	uint32_t walk;
	struct who read_last;
	bool is_read_last_answered;
} model;

static const char *local_text(uint32_t local)
{
	static const char *const texts[] = { "10.0.0.1", "10.0.0.2", "10.0.0.3",
					     "10.0.0.4", "" };

	return texts[local];
}

static uint64_t id_of(uint32_t sock)
{
	return peers_id(sock + 1, htons(sock_ports[sock]));
}

/* Three ways to be a host: IPv4, IPv6, link-local; two of them in each walk. */
static struct address address_of(struct who who)
{
	static const char *const hosts[] = { "192.0.2.9", "2001:db8::9",
					     "fe80::9" };
	const uint32_t host = (who.host + model.walk) % COUNT(hosts);
	const uint16_t port = (uint16_t)(5300 + who.port);

	return host ? v6_scoped(hosts[host], port, 7) : v4(hosts[host], port);
}

static bool is_same_peer(struct who a, struct who b)
{
	return a.host == b.host && a.port == b.port;
}

static bool is_same(struct who a, struct who b)
{
	return a.sock == b.sock && is_same_peer(a, b);
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

/* Whether a request of its was read lately, and is not answered yet. */
static bool is_waiting(const struct known *known)
{
	return known->unanswered && clock_s - known->heard_s <= FOLLOW_S;
}

static bool is_outbound(const struct known *known)
{
	return known->kind == PEERS_OUTBOUND || known->kind == PEERS_CLAIMED;
}

/* Those that asked and were not answered, or are past their time, go first. */
static uint64_t rank(const struct known *known)
{
	const bool is_kept =
		is_outbound(known) || (known->answered && is_fresh(known));

	return (uint64_t)!is_kept << 32 | (clock_s - known->heard_s);
}

/* Of equals the first from where the last one was. */
static uint32_t model_worst(void)
{
	const uint32_t start = model.hand < model.used ? model.hand : 0;
	uint32_t best = start;

	for (uint32_t i = 0; i < model.used; i++) {
		const uint32_t n = (start + i) % model.used;

		if (rank(&model.known[n]) > rank(&model.known[best]))
			best = n;
	}
	return best;
}

static struct known *model_victim(void)
{
	const uint32_t worst = model_worst();

	model.hand = worst + 1;
	return &model.known[worst];
}

/* Whether one more takes the place of nobody that waits for an answer. */
static bool model_has_room(void)
{
	return model.used < model.bound || model.used <= 1 ||
	       !is_waiting(&model.known[model_worst()]);
}

static struct known *model_insert(struct who who)
{
	struct known *known = model.used < model.bound
				      ? &model.known[model.used++]
				      : model_victim();

	*known = (struct known){ .who = who, .used = true };
	return known;
}

static void note_answer(struct known *known)
{
	known->answered = true;
	if (known->unanswered)
		known->unanswered--;
}

static void note_kind(struct who who, enum peers_kind kind, uint32_t local)
{
	struct known *known = model_find(who);

	if (!known && !model_has_room())
		return;
	if (!known)
		known = model_insert(who);
	known->kind = kind;
	known->answered = true;
	known->local = local;
	known->heard_s = clock_s;
}

/* Where it is remembered that a socket wrote to a peer first. */
static struct who first_writer(struct who who)
{
	if (!sock_ports[who.sock])
		who.sock = NO_SOCK;
	return who;
}

static bool is_outbound_anywhere(struct who who)
{
	const struct known *known = model_find(first_writer(who));

	return !sock_ports[who.sock] && known && is_outbound(known);
}

/* A peer that a new socket answered writes to that one. */
static void model_confirm_claim(struct who who)
{
	struct known *known = model_find(first_writer(who));

	if (!sock_ports[who.sock] && known && known->kind == PEERS_CLAIMED)
		known->kind = PEERS_LEARNED;
}

static void model_remember(struct who who, uint32_t local, bool peeked)
{
	struct known *known = model_find(who);

	if (!known) {
		known = model_insert(who);
		known->kind = is_outbound_anywhere(who) ? PEERS_OUTBOUND
							: PEERS_ASKED;
	}
	if (known->kind == PEERS_LEARNED)
		model_confirm_claim(who);
	if (known->kind != PEERS_OUTBOUND)
		known->kind = PEERS_ASKED;
	known->local = local;
	known->heard_s = clock_s;
	model.read_last = who;
	model.is_read_last_answered = false;
	model.heard_last[who.sock][who.host] =
		(uint32_t)(known - model.known) + 1;
	if (peeked)
		return;
	if (known->kind != PEERS_OUTBOUND || !known->unanswered)
		known->unanswered++;
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

/*
 * Its request on another socket that is answered from this one: the newest that
 * waits, if nobody wrote to it first, or else the newest to the same port.
 */
static struct known *model_find_elsewhere(struct who who)
{
	struct known *waiting = NULL, *sibling = NULL;
	bool was_first = is_outbound_anywhere(who);

	for (uint32_t i = 0; i < model.used; i++) {
		struct known *known = &model.known[i];
		const uint16_t port = sock_ports[known->who.sock];

		if (known->who.sock == who.sock ||
		    !is_same_peer(known->who, who))
			continue;
		if (is_outbound(known))
			was_first = true;
		if (known->kind != PEERS_ASKED || known->local == LOCALS)
			continue;
		if (is_waiting(known) &&
		    (!waiting || known->heard_s > waiting->heard_s))
			waiting = known;
		if (is_fresh(known) && port && port == sock_ports[who.sock] &&
		    (!sibling || known->heard_s > sibling->heard_s))
			sibling = known;
	}
	return waiting && (!was_first || waiting == sibling) ? waiting
							     : sibling;
}

static uint32_t model_learn(struct who who, struct known *found)
{
	const uint32_t local = found->local;
	note_answer(found);
	if (!sock_ports[who.sock] && !found->unanswered)
		note_kind(first_writer(who), PEERS_CLAIMED, LOCALS);
	note_kind(who, PEERS_LEARNED, local);
	return local;
}

/* Another port of its host waits on this socket: that one's, or LOCALS. */
static uint32_t model_answer_host(struct who who)
{
	const uint32_t place = model.heard_last[who.sock][who.host];
	struct known *known = place ? &model.known[place - 1] : NULL;
	uint32_t local;

	if (!known || known->who.sock != who.sock ||
	    known->who.host != who.host || !known->unanswered ||
	    !is_fresh(known) || known->local == LOCALS)
		return LOCALS;
	local = known->local;
	note_answer(known);
	note_kind(who, PEERS_FOR_HOST, local);
	return local;
}

static uint32_t model_answer_stranger(struct who who)
{
	const struct known *known = model_find(who);
	struct known *found = model_find_elsewhere(who);
	uint32_t local = LOCALS;

	if (found)
		return model_learn(who, found);
	if (known && known->kind == PEERS_LEARNED && known->local != LOCALS &&
	    is_fresh(known))
		return known->local;
	if ((!known || known->kind == PEERS_FOR_HOST) &&
	    !is_outbound_anywhere(who))
		local = model_answer_host(who);
	if (local == LOCALS && !known)
		note_kind(first_writer(who), PEERS_OUTBOUND, LOCALS);
	return local;
}

static uint32_t model_answer_outbound(struct known *known)
{
	const uint32_t local = is_waiting(known) ? known->local : LOCALS;

	known->kind = PEERS_OUTBOUND;
	known->unanswered = 0;
	known->heard_s = clock_s;
	return local;
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
	struct known *known = model_find(who);

	if (model.state == READING)
		model.state = ANSWERING;
	if (known && is_outbound(known))
		return model_answer_outbound(known);
	if (!known || known->kind != PEERS_ASKED || !is_fresh(known))
		return model_answer_stranger(who);
	note_answer(known);
	if (model.state == DRAINED && known->batch == model.batch &&
	    known->asked_count)
		return take_first(known);
	return known->local;
}

static void model_put_back(struct who who, uint32_t local)
{
	struct known *known = model_find(who);

	if (!known || known->batch != model.batch)
		return;
	assert_true(known->asked_count < BATCH);
	memmove(&known->asked[1], &known->asked[0],
		known->asked_count * sizeof(known->asked[0]));
	known->asked[0] = local;
	known->asked_count++;
}

/* On this socket, and where it would be found from there. */
static void model_forget(struct who who, uint32_t local)
{
	struct known *known = model_find(who);

	for (uint32_t i = 0; known && i < model.used; i++) {
		struct known *other = &model.known[i];

		if (other->local == local &&
		    (other == known || (is_same_peer(other->who, who) &&
					other->kind <= PEERS_CLAIMED)))
			other->local = LOCALS;
	}
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
		peek(id_of(who.sock), address_of(who), local_text(local));
	else
		hear(id_of(who.sock), address_of(who), local_text(local));
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

	if (is_never_too_late(who) && known &&
	    (!is_fresh(known) || is_outbound(known)))
		return;
	if (is_same(who, model.read_last))
		model.is_read_last_answered = true;
	expected = model_recall(who);
	if (!peers_recall(id_of(who.sock), &peer.any, peer.len, &local,
			  &queued))
		local = local_of("");
	if (strcmp(text_of(&local), local_text(expected)) != 0)
		fail_msg("step %u: answers %s, not %s, on %u to %u port %u",
			 step, text_of(&local), local_text(expected), who.sock,
			 who.host, who.port);
	if (queued && draw(4) == 0) {
		put_back(id_of(who.sock), peer, local_text(expected));
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
	forget(id_of(who.sock), address_of(who), local_text(local));
	model_forget(who, local);
}

/* Whether two hosts would share one place for what a host asked last. */
static bool do_hosts_collide(void)
{
	peers_reset(MOST_PEERS, TTL_S);
	for (uint32_t i = 0; i < SOCKS * HOSTS; i++)
		hear(id_of(i / HOSTS),
		     address_of((struct who){ .host = i % HOSTS }), "10.0.0.1");
	for (uint32_t i = 0; i < SOCKS * HOSTS; i++) {
		const struct who other_port = { .host = i % HOSTS, .port = 1 };

		if (strcmp(answer(id_of(i / HOSTS), address_of(other_port)),
			   "nothing") == 0)
			return true;
	}
	return false;
}

static void begin_walk(uint32_t walk)
{
	settings_reset();
	settings.follow_ms = FOLLOW_S * 1000;
	drawn = walk;
	model = (__typeof__(model)){ .walk = walk };
	do
		table_seed++;
	while (do_hosts_collide());
	model.bound = 2 + draw(MOST_PEERS - 1);
	peers_reset(model.bound, TTL_S);
	peers_open();
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

TEST(any_order_of_calls_answers_as_the_model)
{
	walk_at_random(false);
}

TEST(any_order_of_calls_and_peeks_answers_as_the_model)
{
	walk_at_random(true);
}
