/* SPDX-License-Identifier: MIT */
/* A batch of receives, and the answers to it in the same order. */
#include "state/peers.h"
#include "state/peers_open.h"

#include "child.h"
#include "clock.h"
#include "settings.h"
#include "story.h"
#include "unit.h"

#include <stdio.h>

enum { SOCK = 1, OTHER_SOCK = 2 };

static struct address peer;
static struct address other_peer;

BEFORE_EACH(new_thread_s_table)
{
	settings_reset();
	peers_reset(1000, 120);
	/* Whatever the test before left this thread in the middle of. */
	peers_drained();
	peer = v4("192.0.2.9", 5300);
	other_peer = v4("192.0.2.10", 5300);
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

TEST(a_batch_is_answered_in_its_order)
{
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");
	hear(SOCK, peer, "10.0.0.1");
	peers_drained();

	const char *sources = answers(3);

	assert_string_equal(sources, "10.0.0.1 10.0.0.2 10.0.0.1");
}

TEST(a_batch_that_needs_its_order_is_counted_once)
{
	const unsigned long before =
		atomic_load(&peers_counts[COUNT_CONFLICTS]);

	hear(SOCK, other_peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.1");
	assert_int_equal(peers_counts[COUNT_CONFLICTS], before);

	hear(SOCK, peer, "10.0.0.2");
	hear(SOCK, peer, "10.0.0.1");

	assert_int_equal(peers_counts[COUNT_CONFLICTS], before + 1);
}

TEST(a_run_of_equal_addresses_keeps_its_length)
{
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

TEST(addresses_differ_by_their_interface_too)
{
	const struct local one = local_through("fe80::1", 1);
	const struct local two = local_through("fe80::1", 2);

	peers_remember(SOCK, &peer.any, peer.len, &one, false);
	peers_remember(SOCK, &peer.any, peer.len, &two, false);
	peers_drained();

	const char *sources = answers(2);

	assert_string_equal(sources, "fe80::1%1 fe80::1%2");
}

TEST(after_a_batch_the_last_address_answers)
{
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");
	peers_drained();

	const char *sources = answers(4);

	assert_string_equal(sources, "10.0.0.1 10.0.0.2 10.0.0.2 10.0.0.2");
}

TEST(what_was_not_drained_is_no_batch)
{
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");

	const char *sources = answers(2);

	assert_string_equal(sources, "10.0.0.2 10.0.0.2");
}

TEST(draining_after_an_answer_makes_no_batch)
{
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");
	(void)answer(SOCK, peer);
	peers_drained();

	const char *source = answer(SOCK, peer);

	assert_string_equal(source, "10.0.0.2");
}

TEST(draining_twice_changes_nothing)
{
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");
	peers_drained();
	(void)answer(SOCK, peer);
	peers_drained();

	const char *source = answer(SOCK, peer);

	assert_string_equal(source, "10.0.0.2");
}

/* A server's loop: poll, recvfrom up to EAGAIN, answer all. */
TEST(one_batch_follows_the_other)
{
	for (int i = 0; i < 3; i++) {
		hear(SOCK, peer, "10.0.0.1");
		hear(SOCK, peer, "10.0.0.2");
		peers_drained();

		assert_string_equal(answers(2), "10.0.0.1 10.0.0.2");
	}
}

TEST(a_receive_after_the_batch_ends_it)
{
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");
	peers_drained();
	hear(SOCK, peer, "10.0.0.3");

	const char *source = answer(SOCK, peer);

	assert_string_equal(source, "10.0.0.3");
}

TEST(a_receive_from_another_peer_ends_the_batch_too)
{
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");
	peers_drained();
	hear(SOCK, other_peer, "10.0.0.3");

	const char *source = answer(SOCK, peer);

	assert_string_equal(source, "10.0.0.2");
}

TEST(an_unanswered_batch_is_replaced_by_the_next)
{
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");
	peers_drained();
	hear(SOCK, peer, "10.0.0.3");
	hear(SOCK, peer, "10.0.0.4");
	peers_drained();

	const char *sources = answers(3);

	assert_string_equal(sources, "10.0.0.3 10.0.0.4 10.0.0.4");
}

TEST(each_peer_of_a_batch_has_its_own_order)
{
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

TEST(each_socket_of_a_batch_has_its_own_order)
{
	hear(SOCK, peer, "10.0.0.1");
	hear(OTHER_SOCK, peer, "10.0.0.3");
	hear(SOCK, peer, "10.0.0.2");
	hear(OTHER_SOCK, peer, "10.0.0.4");
	peers_drained();

	assert_string_equal(answers(2), "10.0.0.1 10.0.0.2");
	assert_string_equal(answer(OTHER_SOCK, peer), "10.0.0.3");
	assert_string_equal(answer(OTHER_SOCK, peer), "10.0.0.4");
}

TEST(a_multicast_question_keeps_its_place_in_a_batch)
{
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "");
	hear(SOCK, peer, "10.0.0.2");
	peers_drained();

	const char *sources = answers(3);

	assert_string_equal(sources, "10.0.0.1 nothing 10.0.0.2");
}

TEST(an_answer_in_a_batch_s_order_is_queued)
{
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");
	peers_drained();

	bool queued = is_queued();

	assert_true(queued);
}

TEST(an_answer_after_the_batch_is_not_queued)
{
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");
	peers_drained();
	(void)answers(2);

	bool queued = is_queued();

	assert_false(queued);
}

TEST(an_answer_to_the_last_address_is_not_queued)
{
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");

	bool queued = is_queued();

	assert_false(queued);
}

TEST(what_is_put_back_is_found_again)
{
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");
	peers_drained();
	(void)answer(SOCK, peer);
	put_back(SOCK, peer, "10.0.0.1");

	const char *sources = answers(3);

	assert_string_equal(sources, "10.0.0.1 10.0.0.2 10.0.0.2");
}

/* As sendmmsg does with the rest of what it could not send. */
TEST(what_is_put_back_from_the_last_on_is_in_order)
{
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

TEST(what_is_put_back_after_a_receive_is_gone)
{
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

TEST(another_thread_puts_nothing_into_our_batch)
{
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");
	peers_drained();
	in_thread(put_back_in_thread, NULL);

	const char *source = answer(SOCK, peer);

	assert_string_equal(source, "10.0.0.1");
}

TEST(another_thread_answers_to_the_last_address)
{
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");
	peers_drained();

	const char *source = answer_elsewhere(SOCK, peer);

	assert_string_equal(source, "10.0.0.2");
}

TEST(another_thread_s_answer_leaves_our_batch)
{
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

TEST(another_thread_does_not_drain_for_us)
{
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

TEST(a_peer_heard_by_another_thread_leaves_its_batch)
{
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");
	peers_drained();
	in_thread(hear_in_thread, NULL);

	const char *source = answer(SOCK, peer);

	assert_string_equal(source, "10.0.0.9");
}

/* recv with MSG_PEEK | MSG_TRUNC to learn the length, then recv. */
TEST(peeking_at_each_datagram_leaves_the_order)
{
	peek(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.1");
	peek(SOCK, peer, "10.0.0.2");
	hear(SOCK, peer, "10.0.0.2");
	peers_drained();

	const char *sources = answers(2);

	assert_string_equal(sources, "10.0.0.1 10.0.0.2");
}

TEST(a_peek_alone_is_no_part_of_a_batch)
{
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");
	peek(SOCK, peer, "10.0.0.3");
	peers_drained();

	const char *sources = answers(3);

	assert_string_equal(sources, "10.0.0.1 10.0.0.2 10.0.0.3");
}

TEST(a_refused_address_is_not_recalled_later_in_the_batch)
{
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

TEST(a_batch_of_a_thousand_keeps_its_order)
{
	hear_alternately(1000);
	peers_drained();

	for (size_t i = 0; i < 1000; i++)
		assert_string_equal(answer(SOCK, peer),
				    i % 2 ? "10.0.0.2" : "10.0.0.1");
}

TEST(a_batch_too_long_to_keep_is_answered_from_the_last)
{
	hear_alternately(1100);
	peers_drained();

	const char *sources = answers(2);

	assert_string_equal(sources, "10.0.0.2 10.0.0.2");
}

TEST(after_a_batch_too_long_the_next_keeps_its_order)
{
	hear_alternately(1100);
	peers_drained();
	(void)answer(SOCK, peer);
	hear_alternately(4);
	peers_drained();

	const char *sources = answers(4);

	assert_string_equal(sources, "10.0.0.1 10.0.0.2 10.0.0.1 10.0.0.2");
}

TEST(batches_without_end_keep_their_order)
{
	for (int i = 0; i < 2000; i++) {
		hear_alternately(3);
		peers_drained();
		/* The third is never answered. */
		assert_string_equal(answers(2), "10.0.0.1 10.0.0.2");
	}
}

/* Whoever was answered stays; the strangers push each other out. */
TEST(a_peer_forgotten_for_others_gives_its_room_back)
{
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
