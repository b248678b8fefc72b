/* SPDX-License-Identifier: MIT */
/* Which peer asked, that very port, and waits for an answer. */
#include "state/peers.h"
#include "state/peers_id.h"
#include "state/peers_open.h"

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

BEFORE_EACH(new_table)
{
	settings_reset();
	clock_ms = 0;
	peers_reset(1000, 120);
	peers_open();
	peers_drained();
	peer = v4("192.0.2.9", 5300);
	other_port = v4("192.0.2.9", 5301);
}

/* Opening. */

TEST(an_opened_table_is_open)
{
	assert_true(peers_are_open());
}

TEST(a_table_that_nobody_opened_has_nothing)
{
	peers_reset(1000, 120);

	assert_false(peers_are_open());
	assert_string_equal(claimed(SOCK, peer), "nothing");
	assert_string_equal(answer(SOCK, peer), "nothing");
	assert_false(peers_are_open());
}

/* On the socket that was asked. */

TEST(a_peer_that_asked_is_claimed)
{
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(claimed(SOCK, peer), "10.0.0.1");
}

TEST(the_address_asked_last_is_claimed)
{
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");

	assert_string_equal(claimed(SOCK, peer), "10.0.0.2");
}

TEST(a_claim_takes_the_next_of_a_batch)
{
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");
	peers_drained();

	assert_string_equal(claimed(SOCK, peer), "10.0.0.1");
	assert_string_equal(claimed(SOCK, peer), "10.0.0.2");
}

TEST(another_port_of_its_host_is_not_claimed)
{
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(claimed(SOCK, other_port), "nothing");
	assert_string_equal(claimed(UNBOUND, other_port), "nothing");
}

TEST(a_mapped_peer_is_claimed_in_ipv4_form)
{
	hear(SOCK, v6("::ffff:192.0.2.9", 5300), "10.0.0.1");

	assert_string_equal(claimed(SOCK, peer), "10.0.0.1");
}

TEST(what_is_not_claimed_leaves_the_address_alone)
{
	struct local local = local_of("10.9.9.9");

	assert_false(peers_claim(SOCK, &peer.any, peer.len, &local));
	assert_string_equal(text_of(&local), "10.9.9.9");
}

TEST(an_address_cut_short_is_not_claimed)
{
	hear(SOCK, peer, "10.0.0.1");
	peer.len--;

	assert_string_equal(claimed(SOCK, peer), "nothing");
}

TEST(a_peer_is_claimed_until_its_ttl_ends)
{
	hear(SOCK, peer, "10.0.0.1");

	clock_s += 120;
	assert_string_equal(claimed(SOCK, peer), "10.0.0.1");
	clock_s++;
	assert_string_equal(claimed(SOCK, peer), "nothing");
}

TEST(a_peer_is_claimed_again_and_again)
{
	hear(SOCK, peer, "10.0.0.1");
	(void)claimed(SOCK, peer);

	assert_string_equal(claimed(SOCK, peer), "10.0.0.1");
}

TEST(a_peer_that_was_peeked_at_is_claimed)
{
	peek(SOCK, peer, "10.0.0.1");

	assert_string_equal(claimed(SOCK, peer), "10.0.0.1");
}

TEST(a_multicast_question_is_claimed_by_nobody)
{
	hear(SOCK, peer, "");

	assert_string_equal(claimed(SOCK, peer), "nothing");
	assert_string_equal(claimed(UNBOUND, peer), "nothing");
}

/* On a socket that is bound to nothing. */

TEST(a_waiting_request_is_claimed)
{
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(claimed(UNBOUND, peer), "10.0.0.1");
}

TEST(a_request_is_good_for_one_claim)
{
	hear(SOCK, peer, "10.0.0.1");
	(void)claimed(UNBOUND, peer);

	assert_string_equal(claimed(UNBOUND, peer), "nothing");
}

TEST(each_request_is_good_for_one_claim)
{
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(claimed(UNBOUND, peer), "10.0.0.1");
	assert_string_equal(claimed(UNBOUND, peer), "10.0.0.1");
	assert_string_equal(claimed(UNBOUND, peer), "nothing");
}

TEST(a_claim_leaves_the_peer_to_its_socket)
{
	hear(SOCK, peer, "10.0.0.1");
	(void)claimed(UNBOUND, peer);

	assert_string_equal(claimed(SOCK, peer), "10.0.0.1");
	assert_string_equal(answer(SOCK, peer), "10.0.0.1");
}

TEST(a_peek_is_not_to_be_claimed)
{
	peek(SOCK, peer, "10.0.0.1");

	assert_string_equal(claimed(UNBOUND, peer), "nothing");
}

TEST(an_answer_uses_a_request_up)
{
	hear(SOCK, peer, "10.0.0.1");
	(void)answer(SOCK, peer);

	assert_string_equal(claimed(UNBOUND, peer), "nothing");
}

TEST(a_claim_of_its_socket_uses_a_request_up)
{
	hear(SOCK, peer, "10.0.0.1");
	(void)claimed(SOCK, peer);

	assert_string_equal(claimed(UNBOUND, peer), "nothing");
}

TEST(answers_to_nothing_are_no_debt)
{
	peek(SOCK, peer, "10.0.0.1");
	(void)answer(SOCK, peer);
	(void)answer(SOCK, peer);
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(claimed(UNBOUND, peer), "10.0.0.1");
}

TEST(a_claim_ends_after_follow_ms)
{
	settings.follow_ms = 500;
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.1");

	clock_ms = 500;
	assert_string_equal(claimed(UNBOUND, peer), "10.0.0.1");
	clock_ms = 520;
	assert_string_equal(claimed(UNBOUND, peer), "nothing");
}

TEST(a_long_follow_ms_does_not_wrap)
{
	settings.follow_ms = 60000;
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.1");

	clock_s += 60;
	assert_string_equal(claimed(UNBOUND, peer), "10.0.0.1");
	clock_s++;
	assert_string_equal(claimed(UNBOUND, peer), "nothing");
}

TEST(follow_ms_0_leaves_nothing_to_claim)
{
	settings.follow_ms = 0;
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(claimed(UNBOUND, peer), "nothing");
	assert_string_equal(claimed(SOCK, peer), "10.0.0.1");
}

TEST(a_request_after_a_long_time_can_be_claimed)
{
	hear(SOCK, peer, "10.0.0.1");
	clock_s += 3;
	hear(SOCK, peer, "10.0.0.2");

	assert_string_equal(claimed(UNBOUND, peer), "10.0.0.2");
}

TEST(a_flood_does_not_wrap_the_count)
{
	for (uint32_t i = 0; i < UINT16_MAX + 2; i++)
		hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(claimed(UNBOUND, peer), "10.0.0.1");
	assert_string_equal(claimed(UNBOUND, peer), "10.0.0.1");
	assert_string_equal(claimed(UNBOUND, peer), "10.0.0.1");
}

TEST(a_refused_address_is_not_claimed)
{
	hear(SOCK, peer, "10.0.0.1");
	forget(SOCK, peer, "10.0.0.1");

	assert_string_equal(claimed(UNBOUND, peer), "nothing");
}

TEST(an_address_that_was_refused_elsewhere_is_not_claimed)
{
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.1");
	(void)answer(OTHER_SOCK, peer);
	forget(OTHER_SOCK, peer, "10.0.0.1");

	assert_string_equal(claimed(UNBOUND, peer), "nothing");
}

TEST(a_claim_keeps_errno)
{
	hear(SOCK, peer, "10.0.0.1");
	errno = ENOTTY;

	(void)claimed(SOCK, peer);
	(void)claimed(UNBOUND, peer);
	(void)claimed(OTHER_SOCK, other_port);

	assert_int_equal(errno, ENOTTY);
}
