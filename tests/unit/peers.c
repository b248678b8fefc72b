/* SPDX-License-Identifier: MIT */
/* Which address answers a peer. */
#include "state/peers.h"
#include "state/peers_id.h"
#include "state/peers_open.h"

#include "clock.h"
#include "memory.h"
#include "settings.h"
#include "story.h"
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/un.h>

enum { SOCK = 1, OTHER_SOCK = 2 };

static bool is_without_random;
/* volatile: the compiler knows that malloc changes no variable of ours. */
static volatile unsigned int heap_calls;

ssize_t __real_getrandom(void *buf, size_t bytes, unsigned int flags);
ssize_t __wrap_getrandom(void *buf, size_t bytes, unsigned int flags);
void *__real_malloc(size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__real_realloc(void *at, size_t bytes);
void *__wrap_realloc(void *at, size_t bytes);

ssize_t __wrap_getrandom(void *buf, size_t bytes, unsigned int flags)
{
	if (!is_without_random)
		return __real_getrandom(buf, bytes, flags);
	errno = ENOSYS;
	return -1;
}

void *__wrap_malloc(size_t bytes)
{
	heap_calls++;
	return __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
	heap_calls++;
	return __real_calloc(count, bytes);
}

void *__wrap_realloc(void *at, size_t bytes)
{
	heap_calls++;
	return __real_realloc(at, bytes);
}

BEFORE_EACH(empty_table)
{
	memory_reset();
	is_without_random = false;
	settings_reset();
	peers_reset(1000, 120);
}

TEST(a_peer_is_answered_from_the_address_it_asked)
{
	hear(SOCK, v4("192.0.2.9", 5300), "198.51.100.1");

	const char *source = answer(SOCK, v4("192.0.2.9", 5300));

	assert_string_equal(source, "198.51.100.1");
}

TEST(an_ipv6_peer_is_answered_from_the_address_it_asked)
{
	hear(SOCK, v6("2001:db8::9", 5300), "2001:db8::1");

	const char *source = answer(SOCK, v6("2001:db8::9", 5300));

	assert_string_equal(source, "2001:db8::1");
}

TEST(the_interface_is_remembered_with_the_address)
{
	const struct address peer = v6_scoped("fe80::9", 5300, 3);
	const struct local asked = local_through("fe80::1", 3);

	peers_remember(SOCK, &peer.any, peer.len, &asked, false);

	const char *source = answer(SOCK, peer);

	assert_string_equal(source, "fe80::1%3");
}

TEST(each_of_many_peers_has_its_own_address)
{
	const char *const local[] = { "10.0.0.1", "10.0.0.2", "10.0.0.3" };

	for (uint16_t port = 1; port <= 900; port++)
		hear(SOCK, v4("192.0.2.9", port), local[port % COUNT(local)]);

	for (uint16_t port = 1; port <= 900; port++)
		assert_string_equal(answer(SOCK, v4("192.0.2.9", port)),
				    local[port % COUNT(local)]);
}

TEST(the_address_asked_last_wins)
{
	const struct address peer = v4("192.0.2.9", 5300);

	hear(SOCK, peer, "198.51.100.1");
	hear(SOCK, peer, "198.51.100.2");

	const char *source = answer(SOCK, peer);

	assert_string_equal(source, "198.51.100.2");
}

TEST(a_peer_is_answered_as_often_as_the_server_likes)
{
	const struct address peer = v4("192.0.2.9", 5300);

	hear(SOCK, peer, "198.51.100.1");
	(void)answer(SOCK, peer);
	(void)answer(SOCK, peer);

	const char *source = answer(SOCK, peer);

	assert_string_equal(source, "198.51.100.1");
}

TEST(recall_from_an_empty_table_finds_nothing)
{
	const char *source = answer(SOCK, v4("192.0.2.9", 5300));

	assert_string_equal(source, "nothing");
}

TEST(recall_of_a_stranger_finds_nothing)
{
	hear(SOCK, v4("192.0.2.9", 5300), "198.51.100.1");

	const char *source = answer(SOCK, v4("192.0.2.10", 5300));

	assert_string_equal(source, "nothing");
}

TEST(recall_on_another_socket_is_not_of_the_host)
{
	hear(SOCK, v4("192.0.2.9", 5300), "198.51.100.1");

	const char *source = answer(OTHER_SOCK, v4("192.0.2.9", 5301));

	assert_string_equal(source, "nothing");
}

TEST(each_socket_has_its_own_answer_to_a_peer)
{
	const struct address peer = v4("192.0.2.9", 5300);

	hear(SOCK, peer, "198.51.100.1");
	hear(OTHER_SOCK, peer, "198.51.100.2");

	const char *source = answer(SOCK, peer);

	assert_string_equal(source, "198.51.100.1");
}

TEST(recall_of_nothing_leaves_the_result_alone)
{
	const struct address stranger = v4("192.0.2.10", 5300);
	struct local local, before;
	bool queued;

	memset(&local, 0xa5, sizeof(local));
	before = local;
	hear(SOCK, v4("192.0.2.9", 5300), "198.51.100.1");

	bool found = peers_recall(SOCK, &stranger.any, stranger.len, &local,
				  &queued);

	assert_false(found);
	assert_memory_equal(&local, &before, sizeof(local));
}

TEST(recall_of_a_multicast_asker_leaves_the_result_alone)
{
	const struct address peer = v4("192.0.2.9", 5300);
	struct local local, before;
	bool queued;

	memset(&local, 0xa5, sizeof(local));
	before = local;
	hear(SOCK, peer, "");

	bool found = peers_recall(SOCK, &peer.any, peer.len, &local, &queued);

	assert_false(found);
	assert_memory_equal(&local, &before, sizeof(local));
}

TEST(a_peer_heard_as_ipv4_is_found_as_mapped)
{
	hear(SOCK, v4("192.0.2.9", 5300), "198.51.100.1");

	const char *source = answer(SOCK, v6("::ffff:192.0.2.9", 5300));

	assert_string_equal(source, "198.51.100.1");
}

TEST(a_peer_heard_as_mapped_is_found_as_ipv4)
{
	hear(SOCK, v6("::ffff:192.0.2.9", 5300), "198.51.100.1");

	const char *source = answer(SOCK, v4("192.0.2.9", 5300));

	assert_string_equal(source, "198.51.100.1");
}

TEST(an_ipv4_compatible_address_is_another_peer)
{
	hear(SOCK, v4("192.0.2.9", 5300), "198.51.100.1");

	const char *source = answer(SOCK, v6("::192.0.2.9", 5300));

	assert_string_equal(source, "nothing");
}

TEST(an_unspecified_family_means_ipv4)
{
	struct address peer = v4("192.0.2.9", 5300);

	hear(SOCK, peer, "198.51.100.1");
	peer.v4.sin_family = AF_UNSPEC;

	const char *source = answer(SOCK, peer);

	assert_string_equal(source, "198.51.100.1");
}

TEST(padding_in_the_address_makes_no_other_peer)
{
	struct address peer = v4("192.0.2.9", 5300);

	hear(SOCK, peer, "198.51.100.1");
	hear(SOCK, v4("192.0.2.9", 1), "198.51.100.2");
	memset(peer.v4.sin_zero, 0xa5, sizeof(peer.v4.sin_zero));

	const char *source = answer(SOCK, peer);

	assert_string_equal(source, "198.51.100.1");
}

TEST(a_flow_label_makes_no_other_peer)
{
	struct address peer = v6("2001:db8::9", 5300);

	hear(SOCK, peer, "2001:db8::1");
	hear(SOCK, v6("2001:db8::9", 1), "2001:db8::2");
	peer.v6.sin6_flowinfo = htonl(0x12345);

	const char *source = answer(SOCK, peer);

	assert_string_equal(source, "2001:db8::1");
}

TEST(room_behind_the_address_makes_no_other_peer)
{
	struct address peer = v4("192.0.2.9", 5300);

	hear(SOCK, peer, "198.51.100.1");
	hear(SOCK, v4("192.0.2.9", 1), "198.51.100.2");
	peer.len = sizeof(peer.room);

	const char *source = answer(SOCK, peer);

	assert_string_equal(source, "198.51.100.1");
}

TEST(two_ports_of_a_host_are_two_peers)
{
	hear(SOCK, v4("192.0.2.9", 5300), "198.51.100.1");
	hear(SOCK, v4("192.0.2.9", 5301), "198.51.100.2");

	const char *source = answer(SOCK, v4("192.0.2.9", 5300));

	assert_string_equal(source, "198.51.100.1");
}

TEST(another_port_gets_what_its_host_asked_last)
{
	hear(SOCK, v4("192.0.2.9", 5300), "198.51.100.1");
	hear(SOCK, v4("192.0.2.9", 5301), "198.51.100.2");
	hear(SOCK, v4("192.0.2.9", 5300), "198.51.100.3");

	const char *source = answer(SOCK, v4("192.0.2.9", 5302));

	assert_string_equal(source, "198.51.100.3");
}

TEST(another_port_of_an_ipv6_host_gets_what_it_asked_last)
{
	hear(SOCK, v6("2001:db8::9", 5300), "2001:db8::1");

	const char *source = answer(SOCK, v6("2001:db8::9", 5301));

	assert_string_equal(source, "2001:db8::1");
}

TEST(another_port_of_a_mapped_host_gets_what_it_asked_last)
{
	hear(SOCK, v6("::ffff:192.0.2.9", 5300), "198.51.100.1");

	const char *source = answer(SOCK, v4("192.0.2.9", 5301));

	assert_string_equal(source, "198.51.100.1");
}

TEST(another_port_on_another_socket_finds_nothing)
{
	hear(SOCK, v4("192.0.2.9", 5300), "198.51.100.1");

	const char *source = answer(OTHER_SOCK, v4("192.0.2.9", 5301));

	assert_string_equal(source, "nothing");
}

TEST(an_answer_to_another_port_is_no_peer_of_its_own)
{
	hear(SOCK, v4("192.0.2.9", 5300), "198.51.100.1");
	(void)answer(SOCK, v4("192.0.2.9", 5301));
	hear(SOCK, v4("192.0.2.9", 5300), "198.51.100.2");

	const char *source = answer(SOCK, v4("192.0.2.9", 5301));

	assert_string_equal(source, "198.51.100.2");
}

TEST(link_local_peers_of_two_links_are_two)
{
	hear(SOCK, v6_scoped("fe80::9", 5300, 2), "2001:db8::2");
	hear(SOCK, v6_scoped("fe80::9", 5300, 3), "2001:db8::3");

	const char *source = answer(SOCK, v6_scoped("fe80::9", 5300, 2));

	assert_string_equal(source, "2001:db8::2");
}

TEST(a_link_local_host_of_another_link_is_another)
{
	hear(SOCK, v6_scoped("fe80::9", 5300, 2), "2001:db8::2");

	const char *source = answer(SOCK, v6_scoped("fe80::9", 5301, 3));

	assert_string_equal(source, "nothing");
}

TEST(the_scope_of_a_global_address_means_nothing)
{
	hear(SOCK, v6_scoped("2001:db8::9", 5300, 2), "2001:db8::1");
	hear(SOCK, v6_scoped("2001:db8::9", 1, 2), "2001:db8::2");

	const char *source = answer(SOCK, v6_scoped("2001:db8::9", 5300, 3));

	assert_string_equal(source, "2001:db8::1");
}

/* RFC 2133 had none. */
TEST(a_sockaddr_in6_without_its_scope_is_one)
{
	struct address peer = v6("2001:db8::9", 5300);

	hear(SOCK, peer, "2001:db8::1");
	hear(SOCK, v6("2001:db8::9", 1), "2001:db8::2");
	peer.len = offsetof(struct sockaddr_in6, sin6_scope_id);

	const char *source = answer(SOCK, peer);

	assert_string_equal(source, "2001:db8::1");
}

/* What lies behind the length that was given is not the application's word. */
TEST(a_scope_behind_the_length_is_not_read)
{
	struct address peer = v6_scoped("fe80::9", 5300, 7);

	hear(SOCK, v6("fe80::9", 5300), "2001:db8::1");
	peer.len = offsetof(struct sockaddr_in6, sin6_scope_id);

	const char *source = answer(SOCK, peer);

	assert_string_equal(source, "2001:db8::1");
}

TEST(an_ipv4_address_that_is_cut_is_no_peer)
{
	struct address peer = v4("192.0.2.9", 5300);

	hear(SOCK, peer, "198.51.100.1");
	peer.len--;

	const char *source = answer(SOCK, peer);

	assert_string_equal(source, "nothing");
}

TEST(an_ipv6_address_that_is_cut_is_no_peer)
{
	struct address peer = v6("2001:db8::9", 5300);

	hear(SOCK, peer, "2001:db8::1");
	peer.len = offsetof(struct sockaddr_in6, sin6_scope_id) - 1;

	const char *source = answer(SOCK, peer);

	assert_string_equal(source, "nothing");
}

TEST(a_cut_address_is_not_remembered)
{
	struct address peer = v4("192.0.2.9", 5300);

	peer.len--;
	hear(SOCK, peer, "198.51.100.1");
	peer.len++;

	const char *source = answer(SOCK, peer);

	assert_string_equal(source, "nothing");
}

TEST(another_family_is_no_peer)
{
	struct address peer = { .len = sizeof(struct sockaddr_un) };

	peer.any.sa_family = AF_UNIX;
	hear(SOCK, peer, "198.51.100.1");

	const char *source = answer(SOCK, peer);

	assert_string_equal(source, "nothing");
}

TEST(a_multicast_asker_leaves_the_choice_to_the_kernel)
{
	const struct address peer = v4("192.0.2.9", 5300);

	hear(SOCK, peer, "198.51.100.1");
	hear(SOCK, peer, "");

	const char *source = answer(SOCK, peer);

	assert_string_equal(source, "nothing");
}

TEST(a_multicast_asker_is_not_answered_as_its_host)
{
	hear(SOCK, v4("192.0.2.9", 5300), "");
	hear(SOCK, v4("192.0.2.9", 5301), "198.51.100.1");

	const char *source = answer(SOCK, v4("192.0.2.9", 5300));

	assert_string_equal(source, "nothing");
}

TEST(a_multicast_asker_that_asks_us_is_answered)
{
	const struct address peer = v4("192.0.2.9", 5300);

	hear(SOCK, peer, "");
	hear(SOCK, peer, "198.51.100.1");

	const char *source = answer(SOCK, peer);

	assert_string_equal(source, "198.51.100.1");
}

TEST(a_peeked_datagram_is_answered_too)
{
	peek(SOCK, v4("192.0.2.9", 5300), "198.51.100.1");

	const char *source = answer(SOCK, v4("192.0.2.9", 5300));

	assert_string_equal(source, "198.51.100.1");
}

TEST(a_forgotten_address_is_not_recalled)
{
	const struct address peer = v4("192.0.2.9", 5300);

	hear(SOCK, peer, "198.51.100.1");
	forget(SOCK, peer, "198.51.100.1");

	const char *source = answer(SOCK, peer);

	assert_string_equal(source, "nothing");
}

TEST(a_forgotten_peer_is_not_answered_as_its_host)
{
	const struct address peer = v4("192.0.2.9", 5300);

	hear(SOCK, peer, "198.51.100.1");
	hear(SOCK, v4("192.0.2.9", 5301), "198.51.100.1");
	forget(SOCK, peer, "198.51.100.1");

	const char *source = answer(SOCK, peer);

	assert_string_equal(source, "nothing");
}

TEST(forgetting_leaves_the_other_ports)
{
	hear(SOCK, v4("192.0.2.9", 5300), "198.51.100.1");
	hear(SOCK, v4("192.0.2.9", 5301), "198.51.100.1");
	forget(SOCK, v4("192.0.2.9", 5300), "198.51.100.1");

	const char *source = answer(SOCK, v4("192.0.2.9", 5301));

	assert_string_equal(source, "198.51.100.1");
}

/* It may have come while the refused one was on its way. */
TEST(forgetting_leaves_an_address_asked_since)
{
	const struct address peer = v4("192.0.2.9", 5300);

	hear(SOCK, peer, "198.51.100.2");
	forget(SOCK, peer, "198.51.100.1");

	const char *source = answer(SOCK, peer);

	assert_string_equal(source, "198.51.100.2");
}

TEST(a_forgotten_address_that_is_asked_again_is_recalled)
{
	const struct address peer = v4("192.0.2.9", 5300);

	hear(SOCK, peer, "198.51.100.1");
	forget(SOCK, peer, "198.51.100.1");
	hear(SOCK, peer, "198.51.100.1");

	const char *source = answer(SOCK, peer);

	assert_string_equal(source, "198.51.100.1");
}

TEST(what_answers_another_port_can_be_forgotten)
{
	hear(SOCK, v4("192.0.2.9", 5300), "198.51.100.1");
	(void)answer(SOCK, v4("192.0.2.9", 5301));
	forget(SOCK, v4("192.0.2.9", 5301), "198.51.100.1");

	const char *source = answer(SOCK, v4("192.0.2.9", 5301));

	assert_string_equal(source, "nothing");
}

TEST(forgetting_a_stranger_changes_nothing)
{
	hear(SOCK, v4("192.0.2.9", 5300), "198.51.100.1");
	forget(SOCK, v4("192.0.2.10", 5300), "198.51.100.1");

	const char *source = answer(SOCK, v4("192.0.2.9", 5300));

	assert_string_equal(source, "198.51.100.1");
}

TEST(remembering_keeps_errno)
{
	is_without_random = true;
	errno = ENOTTY;

	hear(SOCK, v4("192.0.2.9", 5300), "198.51.100.1");

	assert_int_equal(errno, ENOTTY);
}

TEST(recalling_and_forgetting_keep_errno)
{
	const struct address peer = v4("192.0.2.9", 5300);

	hear(SOCK, peer, "198.51.100.1");
	errno = ENOTTY;

	(void)answer(SOCK, peer);
	put_back(SOCK, peer, "198.51.100.1");
	forget(SOCK, peer, "198.51.100.1");
	(void)answer(SOCK, peer);

	assert_int_equal(errno, ENOTTY);
}

TEST(remembering_without_memory_keeps_errno)
{
	memory_is_out = true;
	errno = ENOTTY;

	hear(SOCK, v4("192.0.2.9", 5300), "198.51.100.1");

	assert_int_equal(errno, ENOTTY);
}

TEST(growing_without_memory_keeps_errno)
{
	hear(SOCK, v4("192.0.2.9", 1), "198.51.100.1");
	memory_is_out = true;
	errno = ENOTTY;

	for (uint16_t port = 2; port < 1000; port++)
		hear(SOCK, v4("192.0.2.9", port), "198.51.100.1");

	assert_int_equal(errno, ENOTTY);
}

TEST(without_memory_the_last_peers_are_remembered)
{
	memory_is_out = true;
	for (uint16_t port = 1; port <= 2000; port++)
		hear(SOCK, v4("192.0.2.9", port), "198.51.100.1");

	assert_int_equal(peers_counts[COUNT_REMEMBERED], PEERS_SPARE);
	for (uint16_t port = 2000; port > 2000 - PEERS_SPARE / 2; port--)
		assert_string_equal(answer(SOCK, v4("192.0.2.9", port)),
				    "198.51.100.1");
}

TEST(memory_that_is_refused_is_not_asked_for_at_each_datagram)
{
	memory_is_out = true;
	for (uint16_t port = 1; port <= 2000; port++)
		hear(SOCK, v4("192.0.2.9", port), "198.51.100.1");

	assert_in_range(memory_refusals, 1, 2);
}

TEST(memory_that_was_refused_is_asked_for_again_after_a_second)
{
	peers_reset(1000, 120);
	hear(SOCK, v4("192.0.2.9", 1), "198.51.100.1");
	memory_is_out = true;
	for (uint16_t port = 2; port <= 600; port++)
		hear(SOCK, v4("192.0.2.9", port), "198.51.100.1");
	memory_is_out = false;
	clock_s += 2;
	for (uint16_t port = 601; port <= 1200; port++)
		hear(SOCK, v4("192.0.2.9", port), "198.51.100.1");

	const char *source = answer(SOCK, v4("192.0.2.9", 1200 - 700));

	assert_string_equal(source, "198.51.100.1");
}

TEST(memory_that_comes_back_is_used)
{
	memory_is_out = true;
	hear(SOCK, v4("192.0.2.9", 5300), "198.51.100.1");
	memory_is_out = false;
	hear(SOCK, v4("192.0.2.9", 5300), "198.51.100.1");

	const char *source = answer(SOCK, v4("192.0.2.9", 5300));

	assert_string_equal(source, "198.51.100.1");
}

TEST(a_table_that_cannot_grow_forgets_instead)
{
	hear(SOCK, v4("192.0.2.9", 1), "198.51.100.1");
	memory_is_out = true;
	for (uint16_t port = 2; port < 1000; port++)
		hear(SOCK, v4("192.0.2.9", port), "198.51.100.1");
	hear(SOCK, v4("192.0.2.10", 5300), "198.51.100.2");

	const char *source = answer(SOCK, v4("192.0.2.10", 5300));

	assert_string_equal(source, "198.51.100.2");
}

/* As a seccomp filter has it, or a kernel before 3.17. */
TEST(a_table_without_getrandom_works)
{
	is_without_random = true;
	hear(SOCK, v4("192.0.2.9", 5300), "198.51.100.1");

	const char *source = answer(SOCK, v4("192.0.2.9", 5300));

	assert_string_equal(source, "198.51.100.1");
}

TEST(a_call_of_malloc_is_noticed)
{
	void *volatile block;

	heap_calls = 0;

	// cppcheck-suppress unusedAllocatedMemory ; the call is what counts
	block = malloc(1);

	free(block);
	assert_int_equal(heap_calls, 1);
}

TEST(the_heap_is_left_to_the_application)
{
	heap_calls = 0;

	for (uint16_t port = 1; port < 3000; port++) {
		hear(SOCK, v4("192.0.2.9", port), "198.51.100.1");
		hear(SOCK, v4("192.0.2.9", port), "198.51.100.2");
		(void)answer(SOCK, v4("192.0.2.9", port));
		forget(SOCK, v4("192.0.2.9", port), "198.51.100.2");
	}

	assert_int_equal(heap_calls, 0);
}

TEST(the_settings_say_how_many_are_remembered)
{
	settings.peers = 16;
	peers_reset(0, 0);
	hear(SOCK, v4("192.0.2.9", 5300), "198.51.100.1");
	clock_s++;
	for (uint16_t port = 1; port <= 16; port++)
		hear(SOCK, v4("192.0.2.10", port), "198.51.100.1");

	const char *source = answer(SOCK, v4("192.0.2.9", 5300));

	assert_string_equal(source, "nothing");
}

TEST(the_settings_say_how_long_a_peer_is_used)
{
	settings.ttl_s = 5;
	peers_reset(0, 0);
	hear(SOCK, v4("192.0.2.9", 5300), "198.51.100.1");
	(void)answer(SOCK, v4("192.0.2.9", 5300));
	clock_s += 6;

	const char *source = answer(SOCK, v4("192.0.2.9", 5300));

	assert_string_equal(source, "nothing");
}

TEST(sockets_of_ids_that_are_4_billion_apart_are_told_apart)
{
	const uint64_t first = peers_id(1, 0);
	const uint64_t later = peers_id(1 + ((uint64_t)1 << 32), 0);

	hear(first, v4("192.0.2.9", 5300), "198.51.100.1");
	hear(later, v4("192.0.2.9", 5300), "198.51.100.2");

	assert_string_equal(answer(first, v4("192.0.2.9", 5300)),
			    "198.51.100.1");
	assert_string_equal(answer(later, v4("192.0.2.9", 5300)),
			    "198.51.100.2");
}
