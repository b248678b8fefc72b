/* SPDX-License-Identifier: MIT */
/* A batch of receives, and the answers to it in the same order. */
#include "state/peers.h"

#include "child.h"
#include "clock.h"
#include "settings.h"
#include "story.h"
#include "unit.h"

#include <stdio.h>

enum { SOCK = 1, OTHER_SOCK = 2 };

static struct address peer;
static struct address other_peer;

static int new_thread_s_table(void **state)
{
	(void)state;
	settings_reset();
	peers_reset(1000, 120);
	/* Whatever the test before left this thread in the middle of. */
	peers_drained();
	peer = v4("192.0.2.9", 5300);
	other_peer = v4("192.0.2.10", 5300);
	return 0;
}

/* The peer's next answers, as one text. */
static const char *answers(size_t count)
{
	static char text[1024];

	size_t length = 0;

	for (size_t i = 0; i < count && length < sizeof(text); i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length,
					   "%s%s", i ? " " : "",
					   answer(SOCK, peer));
	return text;
}

static bool is_queued(void)
{
	struct local local;
	bool queued;

	assert_true(peers_recall(SOCK, &peer.any, peer.len, &local, &queued));
	return queued;
}

static void a_batch_is_answered_in_its_order(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");
	hear(SOCK, peer, "10.0.0.1");
	peers_drained();

	const char *sources = answers(3);

	assert_string_equal(sources, "10.0.0.1 10.0.0.2 10.0.0.1");
}

static void a_batch_that_needs_its_order_is_counted_once(void **state)
{
	const unsigned long before =
		atomic_load(&peers_counts[COUNT_CONFLICTS]);

	(void)state;
	hear(SOCK, other_peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.1");
	assert_int_equal(peers_counts[COUNT_CONFLICTS], before);

	hear(SOCK, peer, "10.0.0.2");
	hear(SOCK, peer, "10.0.0.1");

	assert_int_equal(peers_counts[COUNT_CONFLICTS], before + 1);
}

static void a_run_of_equal_addresses_keeps_its_length(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");
	hear(SOCK, peer, "10.0.0.2");
	hear(SOCK, peer, "10.0.0.3");
	peers_drained();

	const char *sources = answers(5);

	assert_string_equal(sources, "10.0.0.1 10.0.0.1 10.0.0.2 10.0.0.2 "
				     "10.0.0.3");
}

static void addresses_differ_by_their_interface_too(void **state)
{
	const struct local one = local_through("fe80::1", 1);
	const struct local two = local_through("fe80::1", 2);

	(void)state;
	peers_remember(SOCK, &peer.any, peer.len, &one, false);
	peers_remember(SOCK, &peer.any, peer.len, &two, false);
	peers_drained();

	const char *sources = answers(2);

	assert_string_equal(sources, "fe80::1%1 fe80::1%2");
}

static void after_a_batch_the_last_address_answers(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");
	peers_drained();

	const char *sources = answers(4);

	assert_string_equal(sources, "10.0.0.1 10.0.0.2 10.0.0.2 10.0.0.2");
}

static void what_was_not_drained_is_no_batch(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");

	const char *sources = answers(2);

	assert_string_equal(sources, "10.0.0.2 10.0.0.2");
}

static void draining_after_an_answer_makes_no_batch(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");
	(void)answer(SOCK, peer);
	peers_drained();

	const char *source = answer(SOCK, peer);

	assert_string_equal(source, "10.0.0.2");
}

static void draining_twice_changes_nothing(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");
	peers_drained();
	(void)answer(SOCK, peer);
	peers_drained();

	const char *source = answer(SOCK, peer);

	assert_string_equal(source, "10.0.0.2");
}

/* A server's loop: poll, recvfrom up to EAGAIN, answer all. */
static void one_batch_follows_the_other(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		hear(SOCK, peer, "10.0.0.1");
		hear(SOCK, peer, "10.0.0.2");
		peers_drained();

		assert_string_equal(answers(2), "10.0.0.1 10.0.0.2");
	}
}

static void a_receive_after_the_batch_ends_it(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");
	peers_drained();
	hear(SOCK, peer, "10.0.0.3");

	const char *source = answer(SOCK, peer);

	assert_string_equal(source, "10.0.0.3");
}

static void a_receive_from_another_peer_ends_the_batch_too(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");
	peers_drained();
	hear(SOCK, other_peer, "10.0.0.3");

	const char *source = answer(SOCK, peer);

	assert_string_equal(source, "10.0.0.2");
}

static void an_unanswered_batch_is_replaced_by_the_next(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");
	peers_drained();
	hear(SOCK, peer, "10.0.0.3");
	hear(SOCK, peer, "10.0.0.4");
	peers_drained();

	const char *sources = answers(3);

	assert_string_equal(sources, "10.0.0.3 10.0.0.4 10.0.0.4");
}

static void each_peer_of_a_batch_has_its_own_order(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, other_peer, "10.0.0.2");
	hear(SOCK, peer, "10.0.0.3");
	hear(SOCK, other_peer, "10.0.0.4");
	peers_drained();

	assert_string_equal(answer(SOCK, other_peer), "10.0.0.2");
	assert_string_equal(answer(SOCK, peer), "10.0.0.1");
	assert_string_equal(answer(SOCK, other_peer), "10.0.0.4");
	assert_string_equal(answer(SOCK, peer), "10.0.0.3");
}

static void each_socket_of_a_batch_has_its_own_order(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	hear(OTHER_SOCK, peer, "10.0.0.3");
	hear(SOCK, peer, "10.0.0.2");
	hear(OTHER_SOCK, peer, "10.0.0.4");
	peers_drained();

	assert_string_equal(answers(2), "10.0.0.1 10.0.0.2");
	assert_string_equal(answer(OTHER_SOCK, peer), "10.0.0.3");
	assert_string_equal(answer(OTHER_SOCK, peer), "10.0.0.4");
}

static void a_multicast_question_keeps_its_place_in_a_batch(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "");
	hear(SOCK, peer, "10.0.0.2");
	peers_drained();

	const char *sources = answers(3);

	assert_string_equal(sources, "10.0.0.1 nothing 10.0.0.2");
}

static void an_answer_in_a_batch_s_order_is_queued(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");
	peers_drained();

	bool queued = is_queued();

	assert_true(queued);
}

static void an_answer_after_the_batch_is_not_queued(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");
	peers_drained();
	(void)answers(2);

	bool queued = is_queued();

	assert_false(queued);
}

static void an_answer_to_the_last_address_is_not_queued(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");

	bool queued = is_queued();

	assert_false(queued);
}

static void what_is_put_back_is_found_again(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");
	peers_drained();
	(void)answer(SOCK, peer);
	put_back(SOCK, peer, "10.0.0.1");

	const char *sources = answers(3);

	assert_string_equal(sources, "10.0.0.1 10.0.0.2 10.0.0.2");
}

/* As sendmmsg does with the rest of what it could not send. */
static void what_is_put_back_from_the_last_on_is_in_order(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");
	hear(SOCK, peer, "10.0.0.3");
	peers_drained();
	(void)answers(3);
	put_back(SOCK, peer, "10.0.0.3");
	put_back(SOCK, peer, "10.0.0.2");

	const char *sources = answers(2);

	assert_string_equal(sources, "10.0.0.2 10.0.0.3");
}

static void what_is_put_back_after_a_receive_is_gone(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");
	peers_drained();
	(void)answer(SOCK, peer);
	hear(SOCK, peer, "10.0.0.3");
	put_back(SOCK, peer, "10.0.0.1");

	const char *source = answer(SOCK, peer);

	assert_string_equal(source, "10.0.0.3");
}

static void *put_back_in_thread(void *context)
{
	(void)context;
	put_back(SOCK, peer, "10.0.0.9");
	return NULL;
}

static void another_thread_puts_nothing_into_our_batch(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");
	peers_drained();
	in_thread(put_back_in_thread, NULL);

	const char *source = answer(SOCK, peer);

	assert_string_equal(source, "10.0.0.1");
}

static void another_thread_answers_to_the_last_address(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");
	peers_drained();

	const char *source = answer_elsewhere(SOCK, peer);

	assert_string_equal(source, "10.0.0.2");
}

static void another_thread_s_answer_leaves_our_batch(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");
	peers_drained();
	(void)answer_elsewhere(SOCK, peer);

	const char *sources = answers(2);

	assert_string_equal(sources, "10.0.0.1 10.0.0.2");
}

static void *drain_in_thread(void *context)
{
	(void)context;
	peers_drained();
	return NULL;
}

static void another_thread_does_not_drain_for_us(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");
	in_thread(drain_in_thread, NULL);

	const char *source = answer(SOCK, peer);

	assert_string_equal(source, "10.0.0.2");
}

static void *hear_in_thread(void *context)
{
	(void)context;
	hear(SOCK, peer, "10.0.0.9");
	peers_drained();
	return NULL;
}

static void a_peer_heard_by_another_thread_leaves_its_batch(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");
	peers_drained();
	in_thread(hear_in_thread, NULL);

	const char *source = answer(SOCK, peer);

	assert_string_equal(source, "10.0.0.9");
}

/* recv with MSG_PEEK | MSG_TRUNC to learn the length, then recv. */
static void peeking_at_each_datagram_leaves_the_order(void **state)
{
	(void)state;
	peek(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.1");
	peek(SOCK, peer, "10.0.0.2");
	hear(SOCK, peer, "10.0.0.2");
	peers_drained();

	const char *sources = answers(2);

	assert_string_equal(sources, "10.0.0.1 10.0.0.2");
}

static void a_peek_alone_is_no_part_of_a_batch(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");
	peek(SOCK, peer, "10.0.0.3");
	peers_drained();

	const char *sources = answers(3);

	assert_string_equal(sources, "10.0.0.1 10.0.0.2 10.0.0.3");
}

static void a_refused_address_is_not_recalled_later_in_the_batch(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");
	hear(SOCK, peer, "10.0.0.1");
	peers_drained();
	(void)answer(SOCK, peer);
	forget(SOCK, peer, "10.0.0.1");

	const char *sources = answers(2);

	assert_string_equal(sources, "10.0.0.2 nothing");
}

/* The address changes with each datagram. */
static void hear_alternately(size_t datagrams)
{
	for (size_t i = 0; i < datagrams; i++)
		hear(SOCK, peer, i % 2 ? "10.0.0.2" : "10.0.0.1");
}

static void a_batch_of_a_thousand_keeps_its_order(void **state)
{
	(void)state;
	hear_alternately(1000);
	peers_drained();

	for (size_t i = 0; i < 1000; i++)
		assert_string_equal(answer(SOCK, peer),
				    i % 2 ? "10.0.0.2" : "10.0.0.1");
}

static void a_batch_too_long_to_keep_is_answered_from_the_last(void **state)
{
	(void)state;
	hear_alternately(1100);
	peers_drained();

	const char *sources = answers(2);

	assert_string_equal(sources, "10.0.0.2 10.0.0.2");
}

static void after_a_batch_too_long_the_next_keeps_its_order(void **state)
{
	(void)state;
	hear_alternately(1100);
	peers_drained();
	(void)answer(SOCK, peer);
	hear_alternately(4);
	peers_drained();

	const char *sources = answers(4);

	assert_string_equal(sources, "10.0.0.1 10.0.0.2 10.0.0.1 10.0.0.2");
}

static void batches_without_end_keep_their_order(void **state)
{
	(void)state;
	for (int i = 0; i < 2000; i++) {
		hear_alternately(3);
		peers_drained();
		/* The third is never answered. */
		assert_string_equal(answers(2), "10.0.0.1 10.0.0.2");
	}
}

/* Whoever was answered stays; the strangers push each other out. */
static void a_peer_forgotten_for_others_gives_its_room_back(void **state)
{
	(void)state;
	peers_reset(16, 120);
	hear(SOCK, peer, "10.0.0.1");
	(void)answer(SOCK, peer);
	hear_alternately(2);
	for (uint16_t port = 1; port < 2000; port++) {
		const struct address stranger = v4("192.0.2.11", port);

		hear(SOCK, stranger, "10.0.0.1");
		hear(SOCK, stranger, "10.0.0.2");
	}
	peers_drained();

	const char *sources = answers(2);

	assert_string_equal(sources, "10.0.0.1 10.0.0.2");
}

#define TEST(name) cmocka_unit_test_setup(name, new_thread_s_table)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_batch_is_answered_in_its_order),
		TEST(a_batch_that_needs_its_order_is_counted_once),
		TEST(a_run_of_equal_addresses_keeps_its_length),
		TEST(addresses_differ_by_their_interface_too),
		TEST(after_a_batch_the_last_address_answers),
		TEST(what_was_not_drained_is_no_batch),
		TEST(draining_after_an_answer_makes_no_batch),
		TEST(draining_twice_changes_nothing),
		TEST(one_batch_follows_the_other),
		TEST(a_receive_after_the_batch_ends_it),
		TEST(a_receive_from_another_peer_ends_the_batch_too),
		TEST(an_unanswered_batch_is_replaced_by_the_next),
		TEST(each_peer_of_a_batch_has_its_own_order),
		TEST(each_socket_of_a_batch_has_its_own_order),
		TEST(a_multicast_question_keeps_its_place_in_a_batch),
		TEST(an_answer_in_a_batch_s_order_is_queued),
		TEST(an_answer_after_the_batch_is_not_queued),
		TEST(an_answer_to_the_last_address_is_not_queued),
		TEST(what_is_put_back_is_found_again),
		TEST(what_is_put_back_from_the_last_on_is_in_order),
		TEST(what_is_put_back_after_a_receive_is_gone),
		TEST(another_thread_puts_nothing_into_our_batch),
		TEST(another_thread_answers_to_the_last_address),
		TEST(another_thread_s_answer_leaves_our_batch),
		TEST(another_thread_does_not_drain_for_us),
		TEST(a_peer_heard_by_another_thread_leaves_its_batch),
		TEST(peeking_at_each_datagram_leaves_the_order),
		TEST(a_peek_alone_is_no_part_of_a_batch),
		TEST(a_refused_address_is_not_recalled_later_in_the_batch),
		TEST(a_batch_of_a_thousand_keeps_its_order),
		TEST(a_batch_too_long_to_keep_is_answered_from_the_last),
		TEST(after_a_batch_too_long_the_next_keeps_its_order),
		TEST(batches_without_end_keep_their_order),
		TEST(a_peer_forgotten_for_others_gives_its_room_back),
	};

	return cmocka_run_group_tests(tests, end_when_stuck, NULL);
}
