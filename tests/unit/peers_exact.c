/* SPDX-License-Identifier: MIT */
/* Which peer asked a socket, that very port, and waits for an answer. */
#include "state/peers.h"

#include "clock.h"
#include "settings.h"
#include "story.h"
#include "unit.h"

#include <errno.h>

enum { SOCK = 1, OTHER_SOCK = 2 };

static struct address peer;

static int new_table(void **state)
{
	(void)state;
	settings_reset();
	clock_ms = 0;
	peers_reset(1000, 120);
	peers_open();
	peers_drained();
	peer = v4("192.0.2.9", 5300);
	return 0;
}

static const char *found(uint32_t sock, struct address address)
{
	struct local local;

	return peers_find(sock, &address.any, address.len, &local)
		       ? text_of(&local)
		       : "nothing";
}

static const char *claimed(uint32_t sock, struct address address)
{
	struct local local;

	return peers_claim(sock, &address.any, address.len, &local)
		       ? text_of(&local)
		       : "nothing";
}

/* Opening. */

static void an_opened_table_is_open(void **state)
{
	(void)state;

	assert_true(peers_are_open());
}

static void a_table_that_nobody_opened_has_nothing(void **state)
{
	(void)state;
	peers_reset(1000, 120);

	assert_false(peers_are_open());
	assert_string_equal(found(SOCK, peer), "nothing");
	assert_string_equal(claimed(SOCK, peer), "nothing");
}

/* Finding. */

static void a_peer_that_asked_is_found(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(found(SOCK, peer), "10.0.0.1");
}

static void the_address_asked_last_is_found(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");
	peers_drained();

	assert_string_equal(found(SOCK, peer), "10.0.0.2");
}

static void another_port_of_its_host_is_not_found(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(found(SOCK, v4("192.0.2.9", 5301)), "nothing");
	assert_string_equal(claimed(SOCK, v4("192.0.2.9", 5301)), "nothing");
}

static void a_peer_of_another_socket_is_not_found(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(found(OTHER_SOCK, peer), "nothing");
	assert_string_equal(claimed(OTHER_SOCK, peer), "nothing");
}

static void a_mapped_peer_is_found_in_ipv4_form(void **state)
{
	(void)state;
	hear(SOCK, v6("::ffff:192.0.2.9", 5300), "10.0.0.1");

	assert_string_equal(found(SOCK, peer), "10.0.0.1");
}

static void what_is_not_found_leaves_the_address_alone(void **state)
{
	struct local local = local_of("10.9.9.9");

	(void)state;

	assert_false(peers_find(SOCK, &peer.any, peer.len, &local));
	assert_string_equal(text_of(&local), "10.9.9.9");
}

static void an_address_cut_short_is_not_found(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	peer.len--;

	assert_string_equal(found(SOCK, peer), "nothing");
}

static void a_peer_is_found_until_its_ttl_ends(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");

	clock_s += 120;
	assert_string_equal(found(SOCK, peer), "10.0.0.1");
	clock_s++;
	assert_string_equal(found(SOCK, peer), "nothing");
}

static void a_peer_is_found_again_and_again(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");

	(void)found(SOCK, peer);

	assert_string_equal(found(SOCK, peer), "10.0.0.1");
}

static void a_peer_that_was_peeked_at_is_found(void **state)
{
	(void)state;
	peek(SOCK, peer, "10.0.0.1");

	assert_string_equal(found(SOCK, peer), "10.0.0.1");
}

static void a_multicast_question_is_found_without_address(void **state)
{
	(void)state;
	hear(SOCK, peer, "");

	assert_string_equal(found(SOCK, peer), "");
}

/* Claiming. */

static void a_waiting_datagram_is_claimed(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(claimed(SOCK, peer), "10.0.0.1");
}

static void a_datagram_is_good_for_one_claim(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");

	(void)claimed(SOCK, peer);

	assert_string_equal(claimed(SOCK, peer), "nothing");
}

static void each_datagram_is_good_for_one_claim(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(claimed(SOCK, peer), "10.0.0.1");
	assert_string_equal(claimed(SOCK, peer), "10.0.0.1");
	assert_string_equal(claimed(SOCK, peer), "nothing");
}

static void a_claim_leaves_the_peer_to_be_found(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");

	(void)claimed(SOCK, peer);

	assert_string_equal(found(SOCK, peer), "10.0.0.1");
	assert_string_equal(answer(SOCK, peer), "10.0.0.1");
}

static void a_peek_is_not_to_be_claimed(void **state)
{
	(void)state;
	peek(SOCK, peer, "10.0.0.1");

	assert_string_equal(claimed(SOCK, peer), "nothing");
}

static void an_answer_consumes_a_claim(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");

	(void)answer(SOCK, peer);

	assert_string_equal(claimed(SOCK, peer), "nothing");
}

static void a_find_consumes_a_claim(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");

	(void)found(SOCK, peer);

	assert_string_equal(claimed(SOCK, peer), "nothing");
}

static void answers_to_nothing_are_no_debt(void **state)
{
	(void)state;
	peek(SOCK, peer, "10.0.0.1");
	(void)answer(SOCK, peer);
	(void)answer(SOCK, peer);
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(claimed(SOCK, peer), "10.0.0.1");
}

static void a_claim_ends_after_follow_ms(void **state)
{
	(void)state;
	settings.follow_ms = 500;
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.1");

	clock_ms = 500;
	assert_string_equal(claimed(SOCK, peer), "10.0.0.1");
	clock_ms = 520;
	assert_string_equal(claimed(SOCK, peer), "nothing");
}

static void a_long_follow_ms_does_not_wrap(void **state)
{
	(void)state;
	settings.follow_ms = 60000;
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.1");

	clock_s += 60;
	assert_string_equal(claimed(SOCK, peer), "10.0.0.1");
	clock_s++;
	assert_string_equal(claimed(SOCK, peer), "nothing");
}

static void a_claim_ends_with_the_ttl(void **state)
{
	(void)state;
	peers_reset(1000, 1);
	hear(SOCK, peer, "10.0.0.1");

	clock_s += 2;

	assert_string_equal(claimed(SOCK, peer), "nothing");
}

static void a_datagram_after_a_long_time_revives_the_claim(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	clock_s += 3;

	hear(SOCK, peer, "10.0.0.2");

	assert_string_equal(claimed(SOCK, peer), "10.0.0.2");
}

static void a_flood_does_not_wrap_the_count(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < UINT16_MAX + 2; i++)
		hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(claimed(SOCK, peer), "10.0.0.1");
	assert_string_equal(claimed(SOCK, peer), "10.0.0.1");
	assert_string_equal(claimed(SOCK, peer), "10.0.0.1");
}

static void a_refused_address_is_claimed_as_none(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");

	forget(SOCK, peer, "10.0.0.1");

	assert_string_equal(claimed(SOCK, peer), "");
}

static void looking_keeps_errno(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	errno = ENOTTY;

	(void)found(SOCK, peer);
	(void)claimed(SOCK, peer);
	(void)claimed(OTHER_SOCK, peer);

	assert_int_equal(errno, ENOTTY);
}

#define TEST(name) cmocka_unit_test_setup(name, new_table)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_opened_table_is_open),
		TEST(a_table_that_nobody_opened_has_nothing),
		TEST(a_peer_that_asked_is_found),
		TEST(the_address_asked_last_is_found),
		TEST(another_port_of_its_host_is_not_found),
		TEST(a_peer_of_another_socket_is_not_found),
		TEST(a_mapped_peer_is_found_in_ipv4_form),
		TEST(what_is_not_found_leaves_the_address_alone),
		TEST(an_address_cut_short_is_not_found),
		TEST(a_peer_is_found_until_its_ttl_ends),
		TEST(a_peer_is_found_again_and_again),
		TEST(a_peer_that_was_peeked_at_is_found),
		TEST(a_multicast_question_is_found_without_address),
		TEST(a_waiting_datagram_is_claimed),
		TEST(a_datagram_is_good_for_one_claim),
		TEST(each_datagram_is_good_for_one_claim),
		TEST(a_claim_leaves_the_peer_to_be_found),
		TEST(a_peek_is_not_to_be_claimed),
		TEST(an_answer_consumes_a_claim),
		TEST(a_find_consumes_a_claim),
		TEST(answers_to_nothing_are_no_debt),
		TEST(a_claim_ends_after_follow_ms),
		TEST(a_long_follow_ms_does_not_wrap),
		TEST(a_claim_ends_with_the_ttl),
		TEST(a_datagram_after_a_long_time_revives_the_claim),
		TEST(a_flood_does_not_wrap_the_count),
		TEST(a_refused_address_is_claimed_as_none),
		TEST(looking_keeps_errno),
	};

	return cmocka_run_group_tests(tests, end_when_stuck, NULL);
}
