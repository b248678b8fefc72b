/* SPDX-License-Identifier: MIT */
/* Whose address what is written to a peer comes from: see the table in peers.h.
 */
#include "state/peers.h"

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

/* A peer that asked this socket, before we wrote to it. */

static void a_client_is_answered_from_the_address_that_it_asked(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(answer(SOCK, peer), "10.0.0.1");
}

static void a_client_is_pushed_to_from_there(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	(void)answer(SOCK, peer);
	clock_s += 100;

	assert_string_equal(answer(SOCK, peer), "10.0.0.1");
	assert_string_equal(answer(SOCK, peer), "10.0.0.1");
}

static void a_client_of_two_sockets_is_answered_by_each(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	hear(OTHER_SOCK, peer, "10.0.0.2");

	assert_string_equal(answer(SOCK, peer), "10.0.0.1");
	assert_string_equal(answer(OTHER_SOCK, peer), "10.0.0.2");
}

static void a_client_past_its_time_is_no_client(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	(void)answer(SOCK, peer);
	clock_s += 121;

	assert_string_equal(answer(SOCK, peer), "nothing");
}

/* A peer that was written to first. */

static void an_outbound_peer_gets_no_address(void **state)
{
	(void)state;

	assert_string_equal(answer(SOCK, peer), "nothing");
	assert_string_equal(answer(SOCK, peer), "nothing");
}

static void an_outbound_peer_is_answered_once(void **state)
{
	(void)state;
	(void)answer(SOCK, peer);
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(answer(SOCK, peer), "10.0.0.1");
	assert_string_equal(answer(SOCK, peer), "nothing");
}

static void
an_outbound_peer_is_answered_once_however_often_it_asks(void **state)
{
	(void)state;
	(void)answer(SOCK, peer);
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(answer(SOCK, peer), "10.0.0.1");
	assert_string_equal(answer(SOCK, peer), "nothing");
}

static void an_outbound_peer_is_answered_once_though_others_ask(void **state)
{
	(void)state;
	(void)answer(SOCK, peer);
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, v4("192.0.2.66", 6600), "10.0.0.2");

	assert_string_equal(answer(SOCK, peer), "10.0.0.1");
	assert_string_equal(answer(SOCK, peer), "nothing");
}

static void an_outbound_peer_is_answered_for_each_request(void **state)
{
	(void)state;
	(void)answer(SOCK, peer);
	hear(SOCK, peer, "10.0.0.1");
	(void)answer(SOCK, peer);
	hear(SOCK, peer, "10.0.0.2");

	assert_string_equal(answer(SOCK, peer), "10.0.0.2");
	assert_string_equal(answer(SOCK, peer), "nothing");
}

static void an_outbound_peer_is_not_answered_late(void **state)
{
	(void)state;
	(void)answer(SOCK, peer);
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, v4("192.0.2.66", 6600), "10.0.0.2");
	clock_s += 3;

	assert_string_equal(answer(SOCK, peer), "nothing");
}

static void
an_outbound_peer_of_an_ephemeral_socket_is_answered_once(void **state)
{
	(void)state;
	(void)answer(EPHEMERAL, peer);
	hear(EPHEMERAL, peer, "10.0.0.1");

	assert_string_equal(answer(EPHEMERAL, peer), "10.0.0.1");
	assert_string_equal(answer(EPHEMERAL, peer), "nothing");
}

static void whom_an_ephemeral_socket_asked_is_outbound_to_all(void **state)
{
	const uint64_t next = peers_id(5, 0);

	(void)state;
	(void)answer(EPHEMERAL, peer);
	hear(next, peer, "10.0.0.1");

	assert_string_equal(answer(next, peer), "10.0.0.1");
	assert_string_equal(answer(next, peer), "nothing");
}

static void what_a_connect_used_up_is_not_sent_to_again(void **state)
{
	(void)state;
	(void)answer(SOCK, peer);
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(claimed(SOCK, peer), "10.0.0.1");
	assert_string_equal(answer(SOCK, peer), "nothing");
}

/* Requests that are forged in the name of a peer that we ask ourselves. */

static void a_forged_request_after_our_first_steers_no_new_socket(void **state)
{
	(void)state;
	(void)claimed(UNBOUND, peer);
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(claimed(UNBOUND, peer), "nothing");
	assert_string_equal(answer(EPHEMERAL, peer), "nothing");
}

static void
a_forged_request_after_an_ephemeral_s_steers_no_new_socket(void **state)
{
	(void)state;
	(void)answer(EPHEMERAL, peer);
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(claimed(UNBOUND, peer), "nothing");
}

/* Nobody can tell it from a client's. */
static void a_forged_request_before_our_first_steers_one_query(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(claimed(UNBOUND, peer), "10.0.0.1");
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.1");
	assert_string_equal(claimed(UNBOUND, peer), "nothing");
	assert_string_equal(answer(EPHEMERAL, peer), "nothing");
}

static void a_forged_request_steers_no_other_service(void **state)
{
	(void)state;
	(void)answer(OTHER_SOCK, peer);
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(answer(OTHER_SOCK, peer), "nothing");
}

static void a_forged_request_of_another_port_steers_nothing(void **state)
{
	(void)state;
	(void)answer(SOCK, peer);
	hear(SOCK, other_port, "10.0.0.1");

	assert_string_equal(answer(SOCK, peer), "nothing");
}

static void a_forged_request_that_is_old_steers_nothing(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	clock_s += 3;

	assert_string_equal(claimed(UNBOUND, peer), "nothing");
}

/* A peer that asked another socket of the same port. */

static void a_sibling_answers_its_clients(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	(void)answer(SOCK, peer);
	clock_s += 100;

	assert_string_equal(answer(SIBLING, peer), "10.0.0.1");
	assert_string_equal(answer(SIBLING, peer), "10.0.0.1");
}

static void a_sibling_answers_what_was_asked_last(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	(void)answer(SIBLING, peer);
	hear(SOCK, peer, "10.0.0.2");

	assert_string_equal(answer(SIBLING, peer), "10.0.0.2");
}

static void a_sibling_answers_until_the_ttl_ends(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	clock_s += 121;

	assert_string_equal(answer(SIBLING, peer), "nothing");
}

static void a_sibling_does_not_answer_another_port(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(answer(SIBLING, other_port), "nothing");
}

static void sockets_whose_port_the_kernel_chose_are_no_siblings(void **state)
{
	(void)state;
	hear(peers_id(5, 0), peer, "10.0.0.1");
	(void)answer(peers_id(5, 0), peer);

	assert_string_equal(answer(EPHEMERAL, peer), "nothing");
}

/* A peer whose request on another socket waits. */

static void another_socket_answers_what_waits(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(answer(OTHER_SOCK, peer), "10.0.0.1");
}

static void another_socket_does_not_answer_what_was_answered(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	(void)answer(SOCK, peer);

	assert_string_equal(answer(OTHER_SOCK, peer), "nothing");
}

static void another_socket_does_not_answer_late(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	clock_s += 3;

	assert_string_equal(answer(OTHER_SOCK, peer), "nothing");
}

static void another_socket_goes_on_as_it_answered(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	(void)answer(OTHER_SOCK, peer);
	clock_s += 100;

	assert_string_equal(answer(OTHER_SOCK, peer), "10.0.0.1");
	assert_string_equal(answer(OTHER_SOCK, peer), "10.0.0.1");
}

static void another_socket_goes_on_until_the_ttl_ends(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	(void)answer(OTHER_SOCK, peer);
	clock_s += 121;

	assert_string_equal(answer(OTHER_SOCK, peer), "nothing");
}

static void a_newer_request_moves_what_was_learned(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	(void)answer(OTHER_SOCK, peer);
	hear(SOCK, peer, "10.0.0.2");

	assert_string_equal(answer(OTHER_SOCK, peer), "10.0.0.2");
	assert_string_equal(answer(OTHER_SOCK, peer), "10.0.0.2");
}

static void a_newer_request_that_was_answered_moves_nothing(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	(void)answer(OTHER_SOCK, peer);
	hear(SOCK, peer, "10.0.0.2");
	(void)answer(SOCK, peer);

	assert_string_equal(answer(OTHER_SOCK, peer), "10.0.0.1");
}

static void the_newest_of_two_that_wait_is_answered(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	clock_s++;
	hear(EPHEMERAL, peer, "10.0.0.2");

	assert_string_equal(answer(OTHER_SOCK, peer), "10.0.0.2");
	assert_string_equal(answer(OTHER_SOCK, peer), "10.0.0.1");
}

static void an_ephemeral_socket_answers_what_waits(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(answer(EPHEMERAL, peer), "10.0.0.1");
	assert_string_equal(answer(EPHEMERAL, peer), "10.0.0.1");
}

static void a_request_of_its_own_outranks_what_was_learned(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	(void)answer(OTHER_SOCK, peer);
	hear(OTHER_SOCK, peer, "10.0.0.2");

	assert_string_equal(answer(OTHER_SOCK, peer), "10.0.0.2");
}

static void what_a_socket_learned_is_no_request_for_another(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	(void)answer(OTHER_SOCK, peer);

	assert_string_equal(answer(EPHEMERAL, peer), "nothing");
}

static void what_is_told_to_be_learned_is(void **state)
{
	(void)state;
	const struct local local = local_of("10.0.0.2");

	peers_learn(EPHEMERAL, &peer.any, peer.len, &local);

	assert_string_equal(answer(EPHEMERAL, peer), "10.0.0.2");
}

/* A host, of which another port waits on this socket. */

static void a_host_is_answered_on_another_port(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(answer(SOCK, other_port), "10.0.0.1");
}

static void a_host_is_used_up_by_its_answer(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	(void)answer(SOCK, other_port);

	assert_string_equal(answer(SOCK, other_port), "nothing");
	assert_string_equal(answer(SOCK, v4("192.0.2.9", 5302)), "nothing");
}

static void
a_host_that_was_answered_is_not_answered_on_another_port(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	(void)answer(SOCK, peer);

	assert_string_equal(answer(SOCK, other_port), "nothing");
}

static void a_host_that_asks_again_is_answered_there_again(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	(void)answer(SOCK, other_port);
	hear(SOCK, peer, "10.0.0.2");

	assert_string_equal(answer(SOCK, other_port), "10.0.0.2");
}

static void a_host_of_another_socket_is_not_answered(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(answer(OTHER_SOCK, other_port), "nothing");
}

static void a_host_s_port_that_was_written_to_first_is_no_client(void **state)
{
	(void)state;
	(void)answer(SOCK, other_port);
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(answer(SOCK, other_port), "nothing");
}

static void a_port_past_its_time_gets_nothing_of_its_host_s(void **state)
{
	(void)state;
	hear(SOCK, other_port, "10.0.0.2");
	(void)answer(SOCK, other_port);
	clock_s += 121;
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(answer(SOCK, other_port), "nothing");
}

static void the_exact_peer_comes_before_its_host(void **state)
{
	(void)state;
	hear(OTHER_SOCK, other_port, "10.0.0.2");
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(answer(SOCK, other_port), "10.0.0.2");
	assert_string_equal(answer(SOCK, peer), "10.0.0.1");
}

static void three_clients_of_a_host_get_their_own(void **state)
{
	(void)state;
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

static void a_flood_of_forged_requests_leaves_an_outbound_peer(void **state)
{
	(void)state;
	(void)claimed(UNBOUND, peer);
	flood(140000);
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(claimed(UNBOUND, peer), "nothing");
}

static void a_flood_leaves_an_outbound_peer_of_a_claim(void **state)
{
	(void)state;
	hear(SOCK, peer, "10.0.0.1");
	(void)claimed(UNBOUND, peer);
	flood(140000);
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(claimed(UNBOUND, peer), "nothing");
}

static void a_flood_leaves_an_outbound_peer_past_its_time(void **state)
{
	(void)state;
	(void)answer(OTHER_SOCK, peer);
	clock_s += 121;
	flood(2000);
	hear(SOCK, peer, "10.0.0.1");

	assert_string_equal(answer(OTHER_SOCK, peer), "nothing");
}

#define TEST(name) cmocka_unit_test_setup(name, new_table)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_client_is_answered_from_the_address_that_it_asked),
		TEST(a_client_is_pushed_to_from_there),
		TEST(a_client_of_two_sockets_is_answered_by_each),
		TEST(a_client_past_its_time_is_no_client),
		TEST(an_outbound_peer_gets_no_address),
		TEST(an_outbound_peer_is_answered_once),
		TEST(an_outbound_peer_is_answered_once_however_often_it_asks),
		TEST(an_outbound_peer_is_answered_once_though_others_ask),
		TEST(an_outbound_peer_is_answered_for_each_request),
		TEST(an_outbound_peer_is_not_answered_late),
		TEST(an_outbound_peer_of_an_ephemeral_socket_is_answered_once),
		TEST(whom_an_ephemeral_socket_asked_is_outbound_to_all),
		TEST(what_a_connect_used_up_is_not_sent_to_again),
		TEST(a_forged_request_after_our_first_steers_no_new_socket),
		TEST(a_forged_request_after_an_ephemeral_s_steers_no_new_socket),
		TEST(a_forged_request_before_our_first_steers_one_query),
		TEST(a_forged_request_steers_no_other_service),
		TEST(a_forged_request_of_another_port_steers_nothing),
		TEST(a_forged_request_that_is_old_steers_nothing),
		TEST(a_sibling_answers_its_clients),
		TEST(a_sibling_answers_what_was_asked_last),
		TEST(a_sibling_answers_until_the_ttl_ends),
		TEST(a_sibling_does_not_answer_another_port),
		TEST(sockets_whose_port_the_kernel_chose_are_no_siblings),
		TEST(another_socket_answers_what_waits),
		TEST(another_socket_does_not_answer_what_was_answered),
		TEST(another_socket_does_not_answer_late),
		TEST(another_socket_goes_on_as_it_answered),
		TEST(another_socket_goes_on_until_the_ttl_ends),
		TEST(a_newer_request_moves_what_was_learned),
		TEST(a_newer_request_that_was_answered_moves_nothing),
		TEST(the_newest_of_two_that_wait_is_answered),
		TEST(an_ephemeral_socket_answers_what_waits),
		TEST(a_request_of_its_own_outranks_what_was_learned),
		TEST(what_a_socket_learned_is_no_request_for_another),
		TEST(what_is_told_to_be_learned_is),
		TEST(a_host_is_answered_on_another_port),
		TEST(a_host_is_used_up_by_its_answer),
		TEST(a_host_that_was_answered_is_not_answered_on_another_port),
		TEST(a_host_that_asks_again_is_answered_there_again),
		TEST(a_host_of_another_socket_is_not_answered),
		TEST(a_host_s_port_that_was_written_to_first_is_no_client),
		TEST(a_port_past_its_time_gets_nothing_of_its_host_s),
		TEST(the_exact_peer_comes_before_its_host),
		TEST(three_clients_of_a_host_get_their_own),
		TEST(a_flood_of_forged_requests_leaves_an_outbound_peer),
		TEST(a_flood_leaves_an_outbound_peer_of_a_claim),
		TEST(a_flood_leaves_an_outbound_peer_past_its_time),
	};

	return cmocka_run_group_tests(tests, end_when_stuck, NULL);
}
