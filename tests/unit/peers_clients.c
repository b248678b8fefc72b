/* SPDX-License-Identifier: MIT */
/* The source of what is written to a peer: see the table in shim/README.md. */
#include "state/peers.h"
#include "state/peers_id.h"
#include "state/peers_open.h"

#include "clock.h"
#include "settings.h"
#include "story.h"
#include "unit.h"

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

/* A peer that asked this socket, before we wrote to it. */

TEST(a_client_is_answered_from_the_address_that_it_asked)
{
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(answer(SOCK, peer), "10.0.0.1");
}

TEST(a_client_is_pushed_to_from_there)
{
	hear(SOCK, peer, "10.0.0.1");
	(void)answer(SOCK, peer);
	clock_s += 100;

	assert_string_equal(answer(SOCK, peer), "10.0.0.1");
	assert_string_equal(answer(SOCK, peer), "10.0.0.1");
}

TEST(a_client_of_two_sockets_is_answered_by_each)
{
	hear(SOCK, peer, "10.0.0.1");
	hear(OTHER_SOCK, peer, "10.0.0.2");

	assert_string_equal(answer(SOCK, peer), "10.0.0.1");
	assert_string_equal(answer(OTHER_SOCK, peer), "10.0.0.2");
}

TEST(a_client_past_its_time_is_no_client)
{
	hear(SOCK, peer, "10.0.0.1");
	(void)answer(SOCK, peer);
	clock_s += 121;

	assert_string_equal(answer(SOCK, peer), "nothing");
}

/* A peer that was written to first. */

TEST(an_outbound_peer_gets_no_address)
{
	assert_string_equal(answer(SOCK, peer), "nothing");
	assert_string_equal(answer(SOCK, peer), "nothing");
}

TEST(an_outbound_peer_is_answered_once)
{
	(void)answer(SOCK, peer);
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(answer(SOCK, peer), "10.0.0.1");
	assert_string_equal(answer(SOCK, peer), "nothing");
}

TEST(an_outbound_peer_is_answered_once_however_often_it_asks)
{
	(void)answer(SOCK, peer);
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(answer(SOCK, peer), "10.0.0.1");
	assert_string_equal(answer(SOCK, peer), "nothing");
}

TEST(an_outbound_peer_is_answered_once_though_others_ask)
{
	(void)answer(SOCK, peer);
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, v4("192.0.2.66", 6600), "10.0.0.2");

	assert_string_equal(answer(SOCK, peer), "10.0.0.1");
	assert_string_equal(answer(SOCK, peer), "nothing");
}

TEST(an_outbound_peer_is_answered_for_each_request)
{
	(void)answer(SOCK, peer);
	hear(SOCK, peer, "10.0.0.1");
	(void)answer(SOCK, peer);
	hear(SOCK, peer, "10.0.0.2");

	assert_string_equal(answer(SOCK, peer), "10.0.0.2");
	assert_string_equal(answer(SOCK, peer), "nothing");
}

TEST(an_outbound_peer_is_not_answered_late)
{
	(void)answer(SOCK, peer);
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, v4("192.0.2.66", 6600), "10.0.0.2");
	clock_s += 3;

	assert_string_equal(answer(SOCK, peer), "nothing");
}

TEST(an_outbound_peer_of_an_ephemeral_socket_is_answered_once)
{
	(void)answer(EPHEMERAL, peer);
	hear(EPHEMERAL, peer, "10.0.0.1");

	assert_string_equal(answer(EPHEMERAL, peer), "10.0.0.1");
	assert_string_equal(answer(EPHEMERAL, peer), "nothing");
}

TEST(whom_an_ephemeral_socket_asked_is_outbound_to_all)
{
	const uint64_t next = peers_id(5, 0);

	(void)answer(EPHEMERAL, peer);
	hear(next, peer, "10.0.0.1");

	assert_string_equal(answer(next, peer), "10.0.0.1");
	assert_string_equal(answer(next, peer), "nothing");
}

TEST(what_a_connect_used_up_is_not_sent_to_again)
{
	(void)answer(SOCK, peer);
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(claimed(SOCK, peer), "10.0.0.1");
	assert_string_equal(answer(SOCK, peer), "nothing");
}

/* Requests that are forged in the name of a peer that we ask ourselves. */

TEST(a_forged_request_after_our_first_steers_no_new_socket)
{
	(void)claimed(UNBOUND, peer);
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(claimed(UNBOUND, peer), "nothing");
	assert_string_equal(answer(EPHEMERAL, peer), "nothing");
}

TEST(a_forged_request_after_an_ephemeral_s_steers_no_new_socket)
{
	(void)answer(EPHEMERAL, peer);
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(claimed(UNBOUND, peer), "nothing");
}

/* Nobody can tell it from a client's. */
TEST(a_forged_request_before_our_first_steers_one_query)
{
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(claimed(UNBOUND, peer), "10.0.0.1");
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.1");
	assert_string_equal(claimed(UNBOUND, peer), "nothing");
	assert_string_equal(answer(EPHEMERAL, peer), "nothing");
}

TEST(a_forged_request_steers_no_other_service)
{
	(void)answer(OTHER_SOCK, peer);
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(answer(OTHER_SOCK, peer), "nothing");
}

TEST(a_forged_request_of_another_port_steers_nothing)
{
	(void)answer(SOCK, peer);
	hear(SOCK, other_port, "10.0.0.1");

	assert_string_equal(answer(SOCK, peer), "nothing");
}

TEST(a_forged_request_that_is_old_steers_nothing)
{
	hear(SOCK, peer, "10.0.0.1");
	clock_s += 3;

	assert_string_equal(claimed(UNBOUND, peer), "nothing");
}

/* A peer that asked another socket of the same port. */

TEST(a_sibling_answers_its_clients)
{
	hear(SOCK, peer, "10.0.0.1");
	(void)answer(SOCK, peer);
	clock_s += 100;

	assert_string_equal(answer(SIBLING, peer), "10.0.0.1");
	assert_string_equal(answer(SIBLING, peer), "10.0.0.1");
}

TEST(a_sibling_answers_what_was_asked_last)
{
	hear(SOCK, peer, "10.0.0.1");
	(void)answer(SIBLING, peer);
	hear(SOCK, peer, "10.0.0.2");

	assert_string_equal(answer(SIBLING, peer), "10.0.0.2");
}

TEST(a_sibling_answers_until_the_ttl_ends)
{
	hear(SOCK, peer, "10.0.0.1");
	clock_s += 121;

	assert_string_equal(answer(SIBLING, peer), "nothing");
}

TEST(a_sibling_does_not_answer_another_port)
{
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(answer(SIBLING, other_port), "nothing");
}

TEST(sockets_whose_port_the_kernel_chose_are_no_siblings)
{
	hear(peers_id(5, 0), peer, "10.0.0.1");
	(void)answer(peers_id(5, 0), peer);

	assert_string_equal(answer(EPHEMERAL, peer), "nothing");
}

/* A peer whose request on another socket waits. */

TEST(another_socket_answers_what_waits)
{
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(answer(OTHER_SOCK, peer), "10.0.0.1");
}

TEST(another_socket_does_not_answer_what_was_answered)
{
	hear(SOCK, peer, "10.0.0.1");
	(void)answer(SOCK, peer);

	assert_string_equal(answer(OTHER_SOCK, peer), "nothing");
}

TEST(another_socket_does_not_answer_late)
{
	hear(SOCK, peer, "10.0.0.1");
	clock_s += 3;

	assert_string_equal(answer(OTHER_SOCK, peer), "nothing");
}

TEST(another_socket_goes_on_as_it_answered)
{
	hear(SOCK, peer, "10.0.0.1");
	(void)answer(OTHER_SOCK, peer);
	clock_s += 100;

	assert_string_equal(answer(OTHER_SOCK, peer), "10.0.0.1");
	assert_string_equal(answer(OTHER_SOCK, peer), "10.0.0.1");
}

TEST(another_socket_goes_on_until_the_ttl_ends)
{
	hear(SOCK, peer, "10.0.0.1");
	(void)answer(OTHER_SOCK, peer);
	clock_s += 121;

	assert_string_equal(answer(OTHER_SOCK, peer), "nothing");
}

TEST(a_newer_request_moves_what_was_learned)
{
	hear(SOCK, peer, "10.0.0.1");
	(void)answer(OTHER_SOCK, peer);
	hear(SOCK, peer, "10.0.0.2");

	assert_string_equal(answer(OTHER_SOCK, peer), "10.0.0.2");
	assert_string_equal(answer(OTHER_SOCK, peer), "10.0.0.2");
}

TEST(a_newer_request_that_was_answered_moves_nothing)
{
	hear(SOCK, peer, "10.0.0.1");
	(void)answer(OTHER_SOCK, peer);
	hear(SOCK, peer, "10.0.0.2");
	(void)answer(SOCK, peer);

	assert_string_equal(answer(OTHER_SOCK, peer), "10.0.0.1");
}

TEST(the_newest_of_two_that_wait_is_answered)
{
	hear(SOCK, peer, "10.0.0.1");
	clock_s++;
	hear(EPHEMERAL, peer, "10.0.0.2");

	assert_string_equal(answer(OTHER_SOCK, peer), "10.0.0.2");
	assert_string_equal(answer(OTHER_SOCK, peer), "10.0.0.1");
}

TEST(an_ephemeral_socket_answers_what_waits)
{
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(answer(EPHEMERAL, peer), "10.0.0.1");
	assert_string_equal(answer(EPHEMERAL, peer), "10.0.0.1");
}

TEST(a_request_of_its_own_outranks_what_was_learned)
{
	hear(SOCK, peer, "10.0.0.1");
	(void)answer(OTHER_SOCK, peer);
	hear(OTHER_SOCK, peer, "10.0.0.2");

	assert_string_equal(answer(OTHER_SOCK, peer), "10.0.0.2");
}

TEST(what_a_socket_learned_is_no_request_for_another)
{
	hear(SOCK, peer, "10.0.0.1");
	(void)answer(OTHER_SOCK, peer);

	assert_string_equal(answer(EPHEMERAL, peer), "nothing");
}

TEST(what_is_told_to_be_learned_is)
{
	const struct local local = local_of("10.0.0.2");

	peers_learn(EPHEMERAL, &peer.any, peer.len, &local);

	assert_string_equal(answer(EPHEMERAL, peer), "10.0.0.2");
}

/* A host, of which another port waits on this socket. */

TEST(a_host_is_answered_on_another_port)
{
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(answer(SOCK, other_port), "10.0.0.1");
}

TEST(a_host_is_used_up_by_its_answer)
{
	hear(SOCK, peer, "10.0.0.1");
	(void)answer(SOCK, other_port);

	assert_string_equal(answer(SOCK, other_port), "nothing");
	assert_string_equal(answer(SOCK, v4("192.0.2.9", 5302)), "nothing");
}

TEST(a_host_that_was_answered_is_not_answered_on_another_port)
{
	hear(SOCK, peer, "10.0.0.1");
	(void)answer(SOCK, peer);

	assert_string_equal(answer(SOCK, other_port), "nothing");
}

TEST(a_host_that_asks_again_is_answered_there_again)
{
	hear(SOCK, peer, "10.0.0.1");
	(void)answer(SOCK, other_port);
	hear(SOCK, peer, "10.0.0.2");

	assert_string_equal(answer(SOCK, other_port), "10.0.0.2");
}

TEST(a_host_of_another_socket_is_not_answered)
{
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(answer(OTHER_SOCK, other_port), "nothing");
}

TEST(a_host_s_port_that_was_written_to_first_is_no_client)
{
	(void)answer(SOCK, other_port);
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(answer(SOCK, other_port), "nothing");
}

TEST(a_port_past_its_time_gets_nothing_of_its_host_s)
{
	hear(SOCK, other_port, "10.0.0.2");
	(void)answer(SOCK, other_port);
	clock_s += 121;
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(answer(SOCK, other_port), "nothing");
}

TEST(the_exact_peer_comes_before_its_host)
{
	hear(OTHER_SOCK, other_port, "10.0.0.2");
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(answer(SOCK, other_port), "10.0.0.2");
	assert_string_equal(answer(SOCK, peer), "10.0.0.1");
}

TEST(three_clients_of_a_host_get_their_own)
{
	const struct address third = v4("192.0.2.9", 5302);

	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, other_port, "10.0.0.2");
	hear(SOCK, third, "10.0.0.3");

	assert_string_equal(answer(OTHER_SOCK, peer), "10.0.0.1");
	assert_string_equal(answer(OTHER_SOCK, other_port), "10.0.0.2");
	assert_string_equal(answer(OTHER_SOCK, third), "10.0.0.3");
}

/* Whom a flood does not make us forget. */

/* So many requests of others, none answered. */
static void flood(uint32_t n)
{
	struct address forged = v4("0.0.0.0", 9);

	for (uint32_t i = 0; i < n; i++) {
		forged.v4.sin_addr.s_addr = htonl(0x0b000000 + i);
		hear(SOCK, forged, "10.0.0.7");
	}
}

TEST(a_flood_of_forged_requests_leaves_an_outbound_peer)
{
	(void)claimed(UNBOUND, peer);
	flood(140000);
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(claimed(UNBOUND, peer), "nothing");
}

TEST(a_flood_leaves_an_outbound_peer_of_a_claim)
{
	hear(SOCK, peer, "10.0.0.1");
	(void)claimed(UNBOUND, peer);
	flood(140000);
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(claimed(UNBOUND, peer), "nothing");
}

TEST(a_flood_leaves_an_outbound_peer_past_its_time)
{
	(void)answer(OTHER_SOCK, peer);
	clock_s += 121;
	flood(2000);
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(answer(OTHER_SOCK, peer), "nothing");
}

/* Who reads packets. */

TEST(who_reads_packets_recalls_nothing)
{
	hear(SOCK, peer, "10.0.0.1");
	peers_read_packets();

	assert_string_equal(answer(SOCK, peer), "nothing");
}

TEST(who_has_read_packets_answers_no_copy_of_them)
{
	peers_read_packets();
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");

	assert_string_equal(answer(SOCK, peer), "nothing");
	assert_string_equal(claimed(SOCK, peer), "nothing");
	assert_string_equal(answer_elsewhere(SOCK, peer), "nothing");
}

TEST(who_has_read_packets_goes_on_so_when_all_is_read)
{
	peers_read_packets();
	hear(SOCK, peer, "10.0.0.1");
	peers_drained();
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(answer(SOCK, peer), "nothing");
}

TEST(another_thread_reads_no_packets)
{
	hear(SOCK, peer, "10.0.0.1");
	peers_read_packets();

	assert_string_equal(answer_elsewhere(SOCK, peer), "10.0.0.1");
}
