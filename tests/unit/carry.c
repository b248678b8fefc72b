/* SPDX-License-Identifier: MIT */
/* Whose a carried datagram is, told in the order they were carried. */
#include "state/carry.h"

#include "address.h"
#include "memory.h"
#include "unit.h"

#include <arpa/inet.h>
#include <stdio.h>

/* What carry.c has names for. */
enum { MOST = 4096 };

static struct sock tracked;
static struct address carrier;
static struct address stranger;

static int nothing_carried(void **state)
{
	(void)state;
	memory_reset();
	carry_reset(&tracked);
	tracked = (struct sock){ .carried = tracked.carried };
	carrier = v4("10.0.0.1", 40000);
	stranger = v4("192.0.2.66", 6600);
	return 0;
}

static void begin(struct address address)
{
	assert_true(carry_begin(&tracked, &address.any, address.len));
}

static void add(struct address peer, const char *asked)
{
	const struct local local = local_of(asked);

	carry_add(&tracked, &peer.any, peer.len, &local);
}

/* "192.0.2.9:5300 asked 10.0.0.1" is received from there; or "nobody". */
static const char *unveil_peeked(struct address from, bool peeked)
{
	static char text[128];
	char name[INET6_ADDRSTRLEN] = "";
	struct sockaddr_in6 room = from.v6;
	struct msghdr msg = { .msg_name = &room, .msg_namelen = from.len };
	struct local local = { 0 };
	struct address of = { 0 };

	if (!carry_unveil(&tracked, &msg, &local, peeked))
		return "nobody";
	of.v6 = room;
	of.len = msg.msg_namelen;
	assert_int_equal(of.len, of.any.sa_family == AF_INET ? sizeof(of.v4)
							     : sizeof(of.v6));
	if (of.any.sa_family == AF_INET)
		(void)inet_ntop(AF_INET, &of.v4.sin_addr, name, sizeof(name));
	else
		(void)inet_ntop(AF_INET6, &of.v6.sin6_addr, name, sizeof(name));
	(void)snprintf(text, sizeof(text), "%s:%u asked %s", name,
		       ntohs(of.v6.sin6_port), text_of(&local));
	return text;
}

static const char *unveil(struct address from)
{
	return unveil_peeked(from, false);
}

static void what_was_never_carried_is_nobody_s(void **state)
{
	(void)state;

	const char *whose = unveil(stranger);

	assert_string_equal(whose, "nobody");
	assert_false(carry_is_pending(&tracked));
}

static void names_are_told_in_their_order(void **state)
{
	(void)state;
	begin(carrier);
	add(v4("192.0.2.9", 5300), "10.0.0.1");
	add(v4("192.0.2.10", 5301), "10.0.0.2");

	assert_string_equal(unveil(carrier), "192.0.2.9:5300 asked 10.0.0.1");
	assert_string_equal(unveil(carrier), "192.0.2.10:5301 asked 10.0.0.2");
}

static void the_last_name_ends_it(void **state)
{
	(void)state;
	begin(carrier);
	add(v4("192.0.2.9", 5300), "10.0.0.1");
	assert_true(carry_is_pending(&tracked));

	(void)unveil(carrier);

	assert_false(carry_is_pending(&tracked));
	assert_string_equal(unveil(carrier), "nobody");
}

static void a_peek_leaves_the_name(void **state)
{
	(void)state;
	begin(carrier);
	add(v4("192.0.2.9", 5300), "10.0.0.1");
	add(v4("192.0.2.10", 5301), "10.0.0.2");

	(void)unveil_peeked(carrier, true);

	assert_string_equal(unveil_peeked(carrier, true),
			    "192.0.2.9:5300 asked 10.0.0.1");
	assert_string_equal(unveil(carrier), "192.0.2.9:5300 asked 10.0.0.1");
	assert_string_equal(unveil(carrier), "192.0.2.10:5301 asked 10.0.0.2");
}

/* They may overtake what is carried. */
static void datagrams_of_others_take_no_name(void **state)
{
	(void)state;
	begin(carrier);
	add(v4("192.0.2.9", 5300), "10.0.0.1");

	assert_string_equal(unveil(stranger), "nobody");
	assert_string_equal(unveil(v4("10.0.0.1", 40001)), "nobody");
	assert_string_equal(unveil(v4("10.0.0.2", 40000)), "nobody");
	assert_string_equal(unveil(v6("::ffff:10.0.0.1", 40000)), "nobody");
	assert_string_equal(unveil(carrier), "192.0.2.9:5300 asked 10.0.0.1");
}

static void a_datagram_without_a_name_takes_none(void **state)
{
	(void)state;
	begin(carrier);
	add(v4("192.0.2.9", 5300), "10.0.0.1");

	assert_string_equal(unveil((struct address){ 0 }), "nobody");
	assert_true(carry_is_pending(&tracked));
}

static void a_datagram_of_a_longer_name_takes_none(void **state)
{
	struct address long_one = carrier;

	(void)state;
	long_one.len = sizeof(long_one.room);
	begin(carrier);
	add(v4("192.0.2.9", 5300), "10.0.0.1");

	assert_string_equal(unveil(long_one), "nobody");
}

static void ipv6_names_are_told(void **state)
{
	(void)state;
	carrier = v6("2001:db8::1", 40000);
	begin(carrier);
	add(v6("2001:db8::9", 5300), "2001:db8::1");

	assert_string_equal(unveil(v6("2001:db8::2", 40000)), "nobody");
	assert_string_equal(unveil(carrier),
			    "2001:db8::9:5300 asked 2001:db8::1");
}

static void mapped_names_are_told(void **state)
{
	(void)state;
	carrier = v6("::ffff:10.0.0.1", 40000);
	begin(carrier);
	add(v6("::ffff:192.0.2.9", 5300), "10.0.0.1");

	assert_string_equal(unveil(carrier),
			    "::ffff:192.0.2.9:5300 asked 10.0.0.1");
}

static void a_carrier_s_scope_does_not_matter(void **state)
{
	(void)state;
	begin(v6_scoped("fe80::1", 40000, 3));
	add(v6_scoped("fe80::9", 5300, 3), "fe80::1");

	const char *whose = unveil(v6_scoped("fe80::1", 40000, 2));

	assert_string_equal(whose, "fe80::9:5300 asked fe80::1");
}

/* The socket is replaced once more before all were read. */
static void two_carriers_have_one_order(void **state)
{
	const struct address next = v4("10.0.0.2", 40002);

	(void)state;
	begin(carrier);
	add(v4("192.0.2.9", 5300), "10.0.0.1");
	add(v4("192.0.2.10", 5301), "10.0.0.1");
	begin(next);
	assert_string_equal(unveil(carrier), "192.0.2.9:5300 asked 10.0.0.1");
	add(v4("192.0.2.9", 5300), "10.0.0.1");
	assert_string_equal(unveil(carrier), "192.0.2.10:5301 asked 10.0.0.1");
	add(v4("192.0.2.10", 5301), "10.0.0.1");

	assert_string_equal(unveil(next), "192.0.2.9:5300 asked 10.0.0.1");
	assert_string_equal(unveil(next), "192.0.2.10:5301 asked 10.0.0.1");
	assert_false(carry_is_pending(&tracked));
}

/* Its port is another's by now. */
static void a_carrier_that_is_done_is_a_stranger(void **state)
{
	(void)state;
	begin(carrier);
	add(v4("192.0.2.9", 5300), "10.0.0.1");
	(void)unveil(carrier);
	begin(v4("10.0.0.2", 40002));
	add(v4("192.0.2.9", 5300), "10.0.0.2");

	const char *whose = unveil(carrier);

	assert_string_equal(whose, "nobody");
}

static void what_is_undone_leaves_the_names_before(void **state)
{
	(void)state;
	begin(carrier);
	add(v4("192.0.2.9", 5300), "10.0.0.1");
	add(v4("192.0.2.10", 5301), "10.0.0.1");
	begin(v4("10.0.0.2", 40002));
	(void)unveil(carrier);
	add(v4("192.0.2.9", 5300), "10.0.0.1");

	carry_undo(&tracked);

	assert_string_equal(unveil(carrier), "192.0.2.9:5300 asked 10.0.0.1");
	assert_string_equal(unveil(carrier), "192.0.2.10:5301 asked 10.0.0.1");
	assert_false(carry_is_pending(&tracked));
}

static void what_is_undone_has_not_had_its_carrier(void **state)
{
	const struct address failed = v4("10.0.0.2", 40002);

	(void)state;
	begin(carrier);
	add(v4("192.0.2.9", 5300), "10.0.0.1");
	begin(failed);
	carry_undo(&tracked);
	begin(v4("10.0.0.3", 40003));

	assert_string_equal(unveil(failed), "nobody");
	assert_string_equal(unveil(carrier), "192.0.2.9:5300 asked 10.0.0.1");
}

static void a_reset_forgets_all_names(void **state)
{
	(void)state;
	begin(carrier);
	add(v4("192.0.2.9", 5300), "10.0.0.1");

	carry_reset(&tracked);

	assert_false(carry_is_pending(&tracked));
	assert_string_equal(unveil(carrier), "nobody");
}

static void as_many_as_fit_are_told(void **state)
{
	(void)state;
	begin(carrier);
	for (int i = 0; i < MOST; i++)
		add(v4("192.0.2.9", (uint16_t)(1000 + i)), "10.0.0.1");

	for (int i = 0; i < MOST; i++) {
		char expected[64];

		(void)snprintf(expected, sizeof(expected),
			       "192.0.2.9:%d asked 10.0.0.1", 1000 + i);
		assert_string_equal(unveil(carrier), expected);
	}
	assert_false(carry_is_pending(&tracked));
}

static void more_than_fit_are_their_carrier_s(void **state)
{
	(void)state;
	begin(carrier);
	for (int i = 0; i < MOST + 1; i++)
		add(v4("192.0.2.9", (uint16_t)(1000 + i)), "10.0.0.1");

	assert_string_equal(unveil(carrier), "192.0.2.9:1000 asked 10.0.0.1");
	for (int i = 1; i < MOST; i++)
		assert_string_not_equal(unveil(carrier), "nobody");
	assert_string_equal(unveil(carrier), "nobody");
}

static void the_room_is_used_round_and_round(void **state)
{
	(void)state;
	begin(carrier);

	for (uint32_t i = 0; i < 3 * MOST; i++) {
		add(v4("192.0.2.9", (uint16_t)(1000 + i)), "10.0.0.1");
		add(v4("192.0.2.10", (uint16_t)(1000 + i)), "10.0.0.1");
		assert_string_not_equal(unveil(carrier), "nobody");
		assert_string_not_equal(unveil(carrier), "nobody");
	}
	assert_false(carry_is_pending(&tracked));
}

static void without_memory_nothing_is_carried(void **state)
{
	struct sock poor = { 0 };

	(void)state;
	memory_is_out = true;

	assert_false(carry_begin(&poor, &carrier.any, carrier.len));
	assert_false(carry_is_pending(&poor));
	carry_reset(&poor);
}

static void memory_is_mapped_once(void **state)
{
	(void)state;
	begin(carrier);
	memory_reset();

	begin(carrier);

	assert_int_equal(memory_mapped, 0);
}

#define TEST(name) cmocka_unit_test_setup(name, nothing_carried)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_never_carried_is_nobody_s),
		TEST(names_are_told_in_their_order),
		TEST(the_last_name_ends_it),
		TEST(a_peek_leaves_the_name),
		TEST(datagrams_of_others_take_no_name),
		TEST(a_datagram_without_a_name_takes_none),
		TEST(a_datagram_of_a_longer_name_takes_none),
		TEST(ipv6_names_are_told),
		TEST(mapped_names_are_told),
		TEST(a_carrier_s_scope_does_not_matter),
		TEST(two_carriers_have_one_order),
		TEST(a_carrier_that_is_done_is_a_stranger),
		TEST(what_is_undone_leaves_the_names_before),
		TEST(what_is_undone_has_not_had_its_carrier),
		TEST(a_reset_forgets_all_names),
		TEST(as_many_as_fit_are_told),
		TEST(more_than_fit_are_their_carrier_s),
		TEST(the_room_is_used_round_and_round),
		TEST(without_memory_nothing_is_carried),
		TEST(memory_is_mapped_once),
	};

	return cmocka_run_group_tests(tests, end_when_stuck, NULL);
}
