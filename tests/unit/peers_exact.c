/* SPDX-License-Identifier: MIT */
/* Which peer asked, that very port, and waits for an answer. */
#include "state/peers.h"

#include "clock.h"
#include "settings.h"
#include "story.h"
#include "unit.h"

#include <errno.h>

/* Two sockets of a service, one of another, one whose port the kernel chose. */
#define SOCK peers_id(1, htons(53))
#define SIBLING peers_id(2, htons(53))
#define OTHER_SOCK peers_id(3, htons(69))
#define EPHEMERAL peers_id(4, 0)
/* One that is not tracked: new, and bound to nothing. */
#define UNBOUND ((uint64_t)0)

static struct address peer;
static struct address other_port; /* of its host */

static int new_table(void **state)
{
	(void)state;
	settings_reset();
	clock_ms = 0;
	peers_reset(1000, 120);
	peers_open();
	peers_drained();
	peer = v4("192.0.2.9", 5300);
	other_port = v4("192.0.2.9", 5301);
	return 0;
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
	assert_string_equal(claimed(SOCK, peer), "nothing");
	assert_string_equal(answer(SOCK, peer), "nothing");
	assert_false(peers_are_open());
}

/* On the socket that was asked. */

static void a_peer_that_asked_is_claimed(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(claimed(SOCK, peer), "10.0.0.1");
}

static void the_address_asked_last_is_claimed(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");

	assert_string_equal(claimed(SOCK, peer), "10.0.0.2");
}

static void a_claim_takes_the_next_of_a_batch(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");
	peers_drained();

	assert_string_equal(claimed(SOCK, peer), "10.0.0.1");
	assert_string_equal(claimed(SOCK, peer), "10.0.0.2");
}

static void another_port_of_its_host_is_not_claimed(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(claimed(SOCK, other_port), "nothing");
	assert_string_equal(claimed(UNBOUND, other_port), "nothing");
}

static void a_mapped_peer_is_claimed_in_ipv4_form(void **state)
{
	(void)state;
	hear(SOCK, v6("::ffff:192.0.2.9", 5300), "10.0.0.1");

	assert_string_equal(claimed(SOCK, peer), "10.0.0.1");
}

static void what_is_not_claimed_leaves_the_address_alone(void **state)
{
	(void)state;
	struct local local = local_of("10.9.9.9");

	assert_false(peers_claim(SOCK, &peer.any, peer.len, &local));
	assert_string_equal(text_of(&local), "10.9.9.9");
}

static void an_address_cut_short_is_not_claimed(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	peer.len--;

	assert_string_equal(claimed(SOCK, peer), "nothing");
}

static void a_peer_is_claimed_until_its_ttl_ends(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");

	clock_s += 120;
	assert_string_equal(claimed(SOCK, peer), "10.0.0.1");
	clock_s++;
	assert_string_equal(claimed(SOCK, peer), "nothing");
}

static void a_peer_is_claimed_again_and_again(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	(void)claimed(SOCK, peer);

	assert_string_equal(claimed(SOCK, peer), "10.0.0.1");
}

static void a_peer_that_was_peeked_at_is_claimed(void **state)
{
	(void)state;
	peek(SOCK, peer, "10.0.0.1");

	assert_string_equal(claimed(SOCK, peer), "10.0.0.1");
}

static void a_multicast_question_is_claimed_by_nobody(void **state)
{
	(void)state;
	hear(SOCK, peer, "");

	assert_string_equal(claimed(SOCK, peer), "nothing");
	assert_string_equal(claimed(UNBOUND, peer), "nothing");
}

/* On a socket that is bound to nothing. */

static void a_waiting_request_is_claimed(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(claimed(UNBOUND, peer), "10.0.0.1");
}

static void a_request_is_good_for_one_claim(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	(void)claimed(UNBOUND, peer);

	assert_string_equal(claimed(UNBOUND, peer), "nothing");
}

static void each_request_is_good_for_one_claim(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(claimed(UNBOUND, peer), "10.0.0.1");
	assert_string_equal(claimed(UNBOUND, peer), "10.0.0.1");
	assert_string_equal(claimed(UNBOUND, peer), "nothing");
}

static void a_claim_leaves_the_peer_to_its_socket(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	(void)claimed(UNBOUND, peer);

	assert_string_equal(claimed(SOCK, peer), "10.0.0.1");
	assert_string_equal(answer(SOCK, peer), "10.0.0.1");
}

static void a_peek_is_not_to_be_claimed(void **state)
{
	(void)state;
	peek(SOCK, peer, "10.0.0.1");

	assert_string_equal(claimed(UNBOUND, peer), "nothing");
}

static void an_answer_uses_a_request_up(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	(void)answer(SOCK, peer);

	assert_string_equal(claimed(UNBOUND, peer), "nothing");
}

static void a_claim_of_its_socket_uses_a_request_up(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	(void)claimed(SOCK, peer);

	assert_string_equal(claimed(UNBOUND, peer), "nothing");
}

static void answers_to_nothing_are_no_debt(void **state)
{
	(void)state;
	peek(SOCK, peer, "10.0.0.1");
	(void)answer(SOCK, peer);
	(void)answer(SOCK, peer);
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(claimed(UNBOUND, peer), "10.0.0.1");
}

static void a_claim_ends_after_follow_ms(void **state)
{
	(void)state;
	settings.follow_ms = 500;
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.1");

	clock_ms = 500;
	assert_string_equal(claimed(UNBOUND, peer), "10.0.0.1");
	clock_ms = 520;
	assert_string_equal(claimed(UNBOUND, peer), "nothing");
}

static void a_long_follow_ms_does_not_wrap(void **state)
{
	(void)state;
	settings.follow_ms = 60000;
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.1");

	clock_s += 60;
	assert_string_equal(claimed(UNBOUND, peer), "10.0.0.1");
	clock_s++;
	assert_string_equal(claimed(UNBOUND, peer), "nothing");
}

static void follow_ms_0_leaves_nothing_to_claim(void **state)
{
	(void)state;
	settings.follow_ms = 0;
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(claimed(UNBOUND, peer), "nothing");
	assert_string_equal(claimed(SOCK, peer), "10.0.0.1");
}

static void a_request_after_a_long_time_can_be_claimed(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	clock_s += 3;
	hear(SOCK, peer, "10.0.0.2");

	assert_string_equal(claimed(UNBOUND, peer), "10.0.0.2");
}

static void a_flood_does_not_wrap_the_count(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < UINT16_MAX + 2; i++)
		hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(claimed(UNBOUND, peer), "10.0.0.1");
	assert_string_equal(claimed(UNBOUND, peer), "10.0.0.1");
	assert_string_equal(claimed(UNBOUND, peer), "10.0.0.1");
}

static void a_refused_address_is_not_claimed(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	forget(SOCK, peer, "10.0.0.1");

	assert_string_equal(claimed(UNBOUND, peer), "nothing");
}

static void an_address_that_was_refused_elsewhere_is_not_claimed(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.1");
	(void)answer(OTHER_SOCK, peer);
	forget(OTHER_SOCK, peer, "10.0.0.1");

	assert_string_equal(claimed(UNBOUND, peer), "nothing");
}

static void a_claim_keeps_errno(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	errno = ENOTTY;

	(void)claimed(SOCK, peer);
	(void)claimed(UNBOUND, peer);
	(void)claimed(OTHER_SOCK, other_port);

	assert_int_equal(errno, ENOTTY);
}

#define TEST(name) cmocka_unit_test_setup(name, new_table)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_opened_table_is_open),
		TEST(a_table_that_nobody_opened_has_nothing),
		TEST(a_peer_that_asked_is_claimed),
		TEST(the_address_asked_last_is_claimed),
		TEST(a_claim_takes_the_next_of_a_batch),
		TEST(another_port_of_its_host_is_not_claimed),
		TEST(a_mapped_peer_is_claimed_in_ipv4_form),
		TEST(what_is_not_claimed_leaves_the_address_alone),
		TEST(an_address_cut_short_is_not_claimed),
		TEST(a_peer_is_claimed_until_its_ttl_ends),
		TEST(a_peer_is_claimed_again_and_again),
		TEST(a_peer_that_was_peeked_at_is_claimed),
		TEST(a_multicast_question_is_claimed_by_nobody),
		TEST(a_waiting_request_is_claimed),
		TEST(a_request_is_good_for_one_claim),
		TEST(each_request_is_good_for_one_claim),
		TEST(a_claim_leaves_the_peer_to_its_socket),
		TEST(a_peek_is_not_to_be_claimed),
		TEST(an_answer_uses_a_request_up),
		TEST(a_claim_of_its_socket_uses_a_request_up),
		TEST(answers_to_nothing_are_no_debt),
		TEST(a_claim_ends_after_follow_ms),
		TEST(a_long_follow_ms_does_not_wrap),
		TEST(follow_ms_0_leaves_nothing_to_claim),
		TEST(a_request_after_a_long_time_can_be_claimed),
		TEST(a_flood_does_not_wrap_the_count),
		TEST(a_refused_address_is_not_claimed),
		TEST(an_address_that_was_refused_elsewhere_is_not_claimed),
		TEST(a_claim_keeps_errno),
	};

	return cmocka_run_group_tests(tests, end_when_stuck, NULL);
}
