/* SPDX-License-Identifier: MIT */
/* How many peers are remembered, for how long, and who is forgotten first. */
#include "state/peers.h"
#include "state/peers_open.h"

#include "clock.h"
#include "settings.h"
#include "story.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

enum { SOCK = 1, BOUND = 16, TTL_S = 120 };

BEFORE_EACH(small_table)
{
	settings_reset();
	peers_reset(BOUND, TTL_S);
}

/* Hosts, for one of a host's ports may be answered in place of another. */
static struct address host(uint32_t n)
{
	struct address peer = v4("10.0.0.0", 5300);

	peer.v4.sin_addr.s_addr = htonl(0x0a000000 + n);
	return peer;
}

/* The hosts from first to last ask, one a second. */
static void hear_hosts(uint32_t first, uint32_t last)
{
	for (uint32_t n = first; n <= last; n++) {
		hear(SOCK, host(n), "198.51.100.1");
		clock_s++;
	}
}

static bool is_known(uint32_t n)
{
	return strcmp(answer(SOCK, host(n)), "nothing") != 0;
}

static uint32_t count_known(uint32_t first, uint32_t last)
{
	uint32_t known = 0;

	/* The newest first: whoever is not known gets known by being asked. */
	for (uint32_t n = last; n >= first; n--)
		known += is_known(n);
	return known;
}

TEST(an_address_is_used_up_to_its_time)
{
	hear(SOCK, host(1), "198.51.100.1");

	clock_s += TTL_S;

	assert_true(is_known(1));
}

TEST(an_address_is_not_used_after_its_time)
{
	hear_hosts(1, 2);

	clock_s += TTL_S + 1;

	assert_false(is_known(1));
}

TEST(the_first_answer_to_what_was_read_last_is_never_too_late)
{
	hear(SOCK, host(1), "198.51.100.1");

	clock_s += TTL_S + 1;

	assert_true(is_known(1));
	assert_false(is_known(1));
}

/* A flood: they cannot be told apart by their time. */
TEST(of_a_second_s_peers_the_newest_are_known)
{
	for (uint32_t n = 1; n <= 3 * BOUND + 5; n++)
		hear(SOCK, host(n), "198.51.100.1");

	assert_int_equal(count_known(2 * BOUND + 6, 3 * BOUND + 5), BOUND);
}

TEST(a_peer_heard_again_is_used_for_longer)
{
	hear(SOCK, host(1), "198.51.100.1");
	clock_s += TTL_S;
	hear(SOCK, host(1), "198.51.100.1");

	clock_s += TTL_S;

	assert_true(is_known(1));
}

TEST(a_peer_peeked_at_again_is_used_for_longer)
{
	hear(SOCK, host(1), "198.51.100.1");
	clock_s += TTL_S;
	peek(SOCK, host(1), "198.51.100.1");

	clock_s += TTL_S;

	assert_true(is_known(1));
}

TEST(answering_a_peer_does_not_keep_it)
{
	hear(SOCK, host(1), "198.51.100.1");
	clock_s += TTL_S;
	(void)answer(SOCK, host(1));

	clock_s++;

	assert_false(is_known(1));
}

TEST(a_peer_that_comes_back_after_its_time_is_known)
{
	hear(SOCK, host(1), "198.51.100.1");
	clock_s += TTL_S + 1;

	hear(SOCK, host(1), "198.51.100.2");

	assert_string_equal(answer(SOCK, host(1)), "198.51.100.2");
}

TEST(a_peer_past_its_time_gets_nothing_of_its_host_s)
{
	hear(SOCK, v4("192.0.2.9", 5300), "198.51.100.1");
	clock_s += TTL_S;
	hear(SOCK, v4("192.0.2.9", 5301), "198.51.100.2");
	clock_s++;

	const char *source = answer(SOCK, v4("192.0.2.9", 5300));

	assert_string_equal(source, "nothing");
}

TEST(another_port_past_its_time_answers_nobody)
{
	hear(SOCK, v4("192.0.2.9", 5300), "198.51.100.1");
	clock_s += TTL_S + 1;

	const char *source = answer(SOCK, v4("192.0.2.9", 5301));

	assert_string_equal(source, "nothing");
}

/* CLOCK_MONOTONIC counts from the boot; half of 2^32 s are 68 years. */
TEST(a_clock_that_wraps_does_no_harm)
{
	const uint32_t before = clock_s;

	clock_s = UINT32_MAX;
	hear(SOCK, host(1), "198.51.100.1");
	clock_s += 2;

	bool known = is_known(1);

	clock_s = before;
	assert_true(known);
}

TEST(as_many_as_the_bound_are_remembered)
{
	hear_hosts(1, BOUND);

	assert_int_equal(count_known(1, BOUND), BOUND);
}

TEST(never_more_than_the_bound_are_remembered)
{
	hear_hosts(1, 5 * BOUND);

	assert_int_equal(count_known(1, 5 * BOUND), BOUND);
}

/* More than one block of memory, and not a whole number of them. */
TEST(a_large_bound_holds_too)
{
	const uint32_t bound = 1300;

	peers_reset(bound, 86400);

	hear_hosts(1, 3 * bound);

	assert_int_equal(count_known(1, 3 * bound), bound);
}

TEST(a_bound_below_a_block_of_memory_holds_too)
{
	const uint32_t bound = 100;

	peers_reset(bound, 86400);

	hear_hosts(1, 2000);

	assert_int_equal(count_known(1, 2000), bound);
}

TEST(the_newest_is_remembered_whoever_had_to_go)
{
	hear_hosts(1, BOUND);

	for (uint32_t n = BOUND + 1; n < 10 * BOUND; n++) {
		hear_hosts(n, n);
		assert_true(is_known(n));
	}
}

TEST(the_least_recently_heard_is_forgotten_first)
{
	hear_hosts(1, BOUND);

	hear_hosts(BOUND + 1, BOUND + 1);

	assert_int_equal(count_known(2, BOUND + 1), BOUND);
	assert_false(is_known(1));
}

TEST(being_heard_again_saves_from_being_forgotten)
{
	hear_hosts(1, BOUND);
	hear_hosts(1, 1);

	hear_hosts(BOUND + 1, BOUND + 1);

	assert_true(is_known(1));
	assert_false(is_known(2));
}

TEST(whoever_was_never_answered_is_forgotten_first)
{
	hear_hosts(1, BOUND);
	for (uint32_t n = 1; n < BOUND; n++)
		(void)answer(SOCK, host(n));

	hear_hosts(BOUND + 1, BOUND + 1);

	assert_true(is_known(1));
	assert_false(is_known(BOUND));
}

TEST(of_the_answered_the_least_recently_heard_goes)
{
	hear_hosts(1, BOUND);
	(void)count_known(1, BOUND);

	hear_hosts(BOUND + 1, BOUND + 1);

	assert_false(is_known(1));
	assert_true(is_known(2));
}

TEST(whoever_is_past_its_time_goes_before_all)
{
	hear_hosts(1, 1);
	(void)answer(SOCK, host(1));
	clock_s += TTL_S;
	hear_hosts(2, BOUND);

	hear_hosts(BOUND + 1, BOUND + 1);

	assert_int_equal(count_known(2, BOUND + 1), BOUND);
}

TEST(being_answered_on_another_port_counts_as_answered)
{
	struct address other_port = host(1);

	other_port.v4.sin_port = htons(5301);
	hear_hosts(1, 1);
	(void)answer(SOCK, other_port);
	hear_hosts(2, BOUND);

	hear_hosts(BOUND + 1, BOUND + 1);

	assert_true(is_known(1));
}

/* More of them than are compared to find the one to forget. */
TEST(a_flood_of_strangers_leaves_an_answered_peer)
{
	peers_reset(1000, TTL_S);
	hear(SOCK, host(1), "198.51.100.1");
	(void)answer(SOCK, host(1));

	for (uint32_t n = 2; n < 50000; n++)
		hear(SOCK, host(n), "198.51.100.1");

	assert_true(is_known(1));
}

/* By default, with a thousand clients: libreplyfrom(7), "What a forger can do".
 */
TEST(a_million_forged_sources_leave_nearly_all_that_were_answered)
{
	enum { CLIENTS = 1000, FORGED = 1000000 };

	peers_reset(65536, TTL_S);
	for (uint32_t n = 1; n <= CLIENTS; n++) {
		hear(SOCK, host(n), "198.51.100.1");
		(void)answer(SOCK, host(n));
	}

	for (uint32_t n = 1; n <= FORGED; n++)
		hear(SOCK, host(CLIENTS + n), "198.51.100.2");

	/* One of each sixteen that stand together makes room. */
	assert_in_range(count_known(1, CLIENTS), CLIENTS / 10 * 9, CLIENTS);
}

/* Also where the round comes to the end of the table, and begins anew. */
TEST(who_waits_among_answered_clients_outlives_half_a_table_of_new_ones)
{
	enum { PEERS = 4096, ROUNDS = 8 };
	uint32_t next = 1;

	peers_reset(PEERS, TTL_S);
	for (; next <= PEERS; next++) {
		hear(SOCK, host(next), "198.51.100.1");
		(void)answer(SOCK, host(next));
	}

	for (uint32_t round = 0; round < ROUNDS; round++) {
		const uint32_t waiting = next++;

		hear(SOCK, host(waiting), "198.51.100.1");
		for (uint32_t n = 0; n < PEERS / 2; n++, next++) {
			hear(SOCK, host(next), "198.51.100.1");
			(void)answer(SOCK, host(next));
		}
		assert_true(is_known(waiting));
		(void)answer(SOCK, host(waiting));
	}
}

TEST(another_socket_s_peers_count_too)
{
	hear(SOCK, host(1), "198.51.100.1");
	clock_s++;

	for (uint32_t n = 1; n <= BOUND; n++)
		hear(SOCK + n, host(1 + n), "198.51.100.1");

	assert_false(is_known(1));
}

TEST(a_forgotten_address_still_counts)
{
	hear_hosts(1, BOUND);
	forget(SOCK, host(1), "198.51.100.1");

	hear_hosts(BOUND + 1, BOUND + 1);

	assert_int_equal(count_known(2, BOUND + 1), BOUND);
}

TEST(a_host_whose_port_was_forgotten_is_not_mixed_up)
{
	struct address other_port = host(1);

	hear_hosts(1, BOUND + 1);
	other_port.v4.sin_port = htons(5301);

	const char *source = answer(SOCK, other_port);

	assert_string_equal(source, "nothing");
}

TEST(a_reset_table_is_empty)
{
	hear_hosts(1, BOUND);

	peers_reset(BOUND, TTL_S);

	assert_int_equal(count_known(1, BOUND), 0);
}

static unsigned long table_count(int which)
{
	return atomic_load(&peers_counts[which]);
}

TEST(the_remembered_are_counted)
{
	hear_hosts(1, 3);
	assert_int_equal(table_count(COUNT_REMEMBERED), 3);
	assert_int_equal(table_count(COUNT_BOUND), BOUND);

	peers_reset(BOUND, TTL_S);

	assert_int_equal(table_count(COUNT_REMEMBERED), 0);
}

TEST(those_who_had_to_go_are_counted)
{
	const unsigned long before = table_count(COUNT_EVICTED);

	hear_hosts(1, BOUND);
	assert_int_equal(table_count(COUNT_EVICTED), before);

	hear_hosts(BOUND + 1, BOUND + 3);

	assert_int_equal(table_count(COUNT_EVICTED), before + 3);
	assert_int_equal(table_count(COUNT_REMEMBERED), BOUND);
}
