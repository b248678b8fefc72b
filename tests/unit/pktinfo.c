/* SPDX-License-Identifier: MIT */
/* The address among the control messages: read, carried, appended. */
#include "state/pktinfo.h"

#include "address.h"
#include "control.h"
#include "unit.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static struct control control;

BEFORE_EACH(no_messages)
{
	memset(&control, 0, sizeof(control));
}

/* What pktinfo_read finds, as text; "nothing" when it finds nothing. */
static const char *found_in(const struct msghdr *msg)
{
	struct local local;

	return pktinfo_read(msg, &local) ? text_of(&local) : "nothing";
}

static const char *found(void)
{
	const struct msghdr msg = with_control(&control);

	return found_in(&msg);
}

/* Reading. */

TEST(reading_finds_an_ipv4_destination)
{
	control_add_v4(&control, "192.0.2.1", "192.0.2.1", 3);

	const char *local = found();

	assert_string_equal(local, "192.0.2.1%3");
}

/* Fact 1: a broadcast address is no source, its spec_dst is one. */
TEST(of_a_broadcast_the_local_address_is_found)
{
	control_add_v4(&control, "192.0.2.1", "192.0.2.255", 3);

	const char *local = found();

	assert_string_equal(local, "192.0.2.1%3");
}

/* Fact 2: so arrives what was queued before the option was set. */
TEST(without_spec_dst_the_destination_is_found)
{
	control_add_v4(&control, "", "192.0.2.1", 0);

	const char *local = found();

	assert_string_equal(local, "192.0.2.1");
}

TEST(an_ipv4_multicast_destination_is_no_source)
{
	struct local local = local_of("10.0.0.1");

	control_add_v4(&control, "", "224.0.0.251", 3);
	const struct msghdr msg = with_control(&control);

	bool is_found = pktinfo_read(&msg, &local);

	assert_true(is_found);
	assert_int_equal(local.family, AF_UNSPEC);
}

/* For a group that was joined the kernel does know a local address. */
TEST(the_local_address_of_an_ipv4_multicast_is_a_source)
{
	control_add_v4(&control, "192.0.2.1", "224.0.0.251", 3);

	const char *local = found();

	assert_string_equal(local, "192.0.2.1%3");
}

TEST(the_last_address_below_multicast_is_a_source)
{
	control_add_v4(&control, "", "223.255.255.255", 0);

	const char *local = found();

	assert_string_equal(local, "223.255.255.255");
}

TEST(an_ipv4_destination_of_zeroes_is_no_source)
{
	struct local local = local_of("10.0.0.1");

	control_add_v4(&control, "", "", 3);
	const struct msghdr msg = with_control(&control);

	bool is_found = pktinfo_read(&msg, &local);

	assert_true(is_found);
	assert_int_equal(local.family, AF_UNSPEC);
}

TEST(reading_finds_an_ipv6_destination)
{
	control_add_v6(&control, "2001:db8::1", 3);

	const char *local = found();

	assert_string_equal(local, "2001:db8::1%3");
}

TEST(an_ipv6_multicast_destination_is_no_source)
{
	struct local local = local_of("10.0.0.1");

	control_add_v6(&control, "ff02::fb", 3);
	const struct msghdr msg = with_control(&control);

	bool is_found = pktinfo_read(&msg, &local);

	assert_true(is_found);
	assert_int_equal(local.family, AF_UNSPEC);
}

TEST(a_mapped_destination_is_an_ipv4_address)
{
	control_add_v6(&control, "::ffff:192.0.2.1", 3);

	const char *local = found();

	assert_string_equal(local, "192.0.2.1%3");
}

TEST(a_mapped_multicast_destination_is_no_source)
{
	struct local local = local_of("10.0.0.1");

	control_add_v6(&control, "::ffff:224.0.0.251", 3);
	const struct msghdr msg = with_control(&control);

	bool is_found = pktinfo_read(&msg, &local);

	assert_true(is_found);
	assert_int_equal(local.family, AF_UNSPEC);
}

/* Fact 4: this is the order of the kernel. */
TEST(ip_pktinfo_wins_over_an_ipv6_pktinfo_before_it)
{
	control_add_v6(&control, "::ffff:192.0.2.255", 3);
	control_add_v4(&control, "192.0.2.1", "192.0.2.255", 3);

	const char *local = found();

	assert_string_equal(local, "192.0.2.1%3");
}

TEST(ip_pktinfo_wins_over_an_ipv6_pktinfo_behind_it)
{
	control_add_v4(&control, "192.0.2.1", "192.0.2.255", 3);
	control_add_v6(&control, "::ffff:192.0.2.255", 3);

	const char *local = found();

	assert_string_equal(local, "192.0.2.1%3");
}

TEST(an_ip_pktinfo_without_a_source_wins_too)
{
	control_add_v6(&control, "::ffff:192.0.2.9", 3);
	control_add_v4(&control, "", "224.0.0.251", 0);

	const char *local = found();

	assert_string_equal(local, "");
}

TEST(other_messages_are_read_past)
{
	control_add(&control, SOL_SOCKET, SO_TIMESTAMP, "0123456789abcdef", 16);
	control_add_tos(&control, 0x10);
	control_add(&control, IPPROTO_IPV6, IPV6_TCLASS, "\0\0\0\0", 4);
	control_add_v4(&control, "192.0.2.1", "192.0.2.1", 3);
	control_add(&control, IPPROTO_IP, IP_TTL, "\100\0\0\0", 4);

	const char *local = found();

	assert_string_equal(local, "192.0.2.1%3");
}

TEST(nothing_is_found_where_nothing_is)
{
	const struct msghdr msg = { .msg_controllen = 100 };
	struct local local = local_of("10.0.0.1");

	bool is_found = pktinfo_read(&msg, &local);

	assert_false(is_found);
	assert_string_equal(text_of(&local), "10.0.0.1");
}

TEST(nothing_is_found_among_other_messages)
{
	struct local local = local_of("10.0.0.1");

	control_add_tos(&control, 0x10);
	control_add(&control, SOL_SOCKET, IP_PKTINFO, "0123456789ab", 12);
	control_add(&control, IPPROTO_IP, IPV6_PKTINFO, "0123456789ab", 12);
	control_add(&control, IPPROTO_IPV6, IP_PKTINFO, "0123456789ab", 12);
	const struct msghdr msg = with_control(&control);

	bool is_found = pktinfo_read(&msg, &local);

	assert_false(is_found);
	assert_string_equal(text_of(&local), "10.0.0.1");
}

TEST(a_pktinfo_of_another_length_is_not_read)
{
	static const char zeroes[64];

	for (size_t bytes = 0; bytes < sizeof(zeroes); bytes++) {
		no_messages();
		if (bytes != sizeof(struct in_pktinfo))
			control_add(&control, IPPROTO_IP, IP_PKTINFO, zeroes,
				    bytes);
		if (bytes != sizeof(struct in6_pktinfo))
			control_add(&control, IPPROTO_IPV6, IPV6_PKTINFO,
				    zeroes, bytes);

		assert_string_equal(found(), "nothing");
	}
}

/* The kernel cuts the last message off where the room ends. */
TEST(a_pktinfo_that_was_cut_is_not_read)
{
	for (size_t room = 0; room < CMSG_LEN(sizeof(struct in_pktinfo));
	     room++) {
		const struct in_pktinfo info = { .ipi_spec_dst = in4("1.2."
								     "3.4") };
		struct msghdr msg = { .msg_control = control.bytes,
				      .msg_controllen = room };

		put_cmsg(&msg, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
		control.used = room - msg.msg_controllen;

		assert_string_equal(found(), "nothing");
	}
}

TEST(a_pktinfo_with_no_padding_behind_it_is_read)
{
	control_add_v4(&control, "192.0.2.1", "192.0.2.1", 3);
	control.used = CMSG_LEN(sizeof(struct in_pktinfo));

	const char *local = found();

	assert_string_equal(local, "192.0.2.1%3");
}

/* Lengths that lie: of a header that is not there, too short, too long. */
TEST(a_length_that_lies_ends_the_reading)
{
	const size_t lies[] = {
		0, 1, sizeof(struct cmsghdr) - 1, 1000, SIZE_MAX - 7, SIZE_MAX
	};

	for (size_t i = 0; i < COUNT(lies); i++) {
		no_messages();
		control_add_tos(&control, 0x10);
		control_add_v4(&control, "192.0.2.1", "192.0.2.1", 3);
		memcpy(control.bytes, &lies[i], sizeof(lies[i]));

		assert_string_equal(found(), "nothing");
	}
}

TEST(bytes_too_few_for_a_header_are_not_read)
{
	for (size_t used = 0; used < sizeof(struct cmsghdr); used++) {
		/* All that was allocated, so that a tool can see a byte more.
		 */
		char *bytes = malloc(used ? used : 1);
		const struct msghdr msg = { .msg_control = bytes,
					    .msg_controllen = used };

		assert_non_null(bytes);
		memset(bytes, 0x20, used ? used : 1);

		assert_string_equal(found_in(&msg), "nothing");
		free(bytes);
	}
}

TEST(a_buffer_at_an_odd_address_is_read)
{
	static char bytes[sizeof(control) + 1];

	control_add_tos(&control, 0x10);
	control_add_v4(&control, "192.0.2.1", "192.0.2.1", 3);
	memcpy(bytes + 1, control.bytes, control.used);
	const struct msghdr msg = { .msg_control = bytes + 1,
				    .msg_controllen = control.used };

	const char *local = found_in(&msg);

	assert_string_equal(local, "192.0.2.1%3");
}

/* Comparing. */

static void are_equal(struct local a, struct local b, bool equal)
{
	assert_int_equal(local_equal(&a, &b), equal);
	assert_int_equal(local_equal(&b, &a), equal);
}

TEST(equal_addresses_are_equal)
{
	are_equal(local_of("10.0.0.1"), local_of("10.0.0.1"), true);
	are_equal(local_of("fe80::1"), local_of("fe80::1"), true);
	are_equal(local_of(""), local_of(""), true);
}

TEST(addresses_that_differ_are_not_equal)
{
	are_equal(local_of("10.0.0.1"), local_of("10.0.0.2"), false);
	are_equal(local_of("fe80::1"), local_of("fe80::2"), false);
	are_equal(local_of("fe80::1"), local_of("fe81::1"), false);
}

TEST(addresses_of_two_interfaces_are_not_equal)
{
	are_equal(local_through("10.0.0.1", 1), local_through("10.0.0.1", 2),
		  false);
	are_equal(local_through("fe80::1", 1), local_of("fe80::1"), false);
}

TEST(addresses_of_two_families_are_not_equal)
{
	are_equal(local_of("10.0.0.1"), local_of("a00:1::"), false);
	are_equal(local_of("10.0.0.1"), local_of(""), false);
	are_equal(local_of("fe80::1"), local_of(""), false);
}

/* What an IPv4 address leaves unused of the union means nothing. */
TEST(bytes_behind_an_ipv4_address_mean_nothing)
{
	struct local a = local_of("10.0.0.1"), b = a;

	memset(&a.v6.s6_addr[4], 0xa5, 12);

	are_equal(a, b, true);
}

/* Appending. */

static size_t append(const struct local *local)
{
	memset(control.bytes, 0xa5, sizeof(control.bytes));
	control.used =
		pktinfo_append((char *)control.bytes, local, local->ifindex);
	return control.used;
}

TEST(appended_ipv4_is_what_the_kernel_takes)
{
	const struct local local = local_through("192.0.2.1", 3);
	const struct cmsghdr *c = (const void *)control.bytes;
	const struct in_pktinfo expected = { .ipi_ifindex = 3,
					     .ipi_spec_dst = in4("192.0.2.1") };

	size_t bytes = append(&local);

	assert_int_equal(bytes, CMSG_SPACE(sizeof(expected)));
	assert_int_equal(c->cmsg_len, CMSG_LEN(sizeof(expected)));
	assert_int_equal(c->cmsg_level, IPPROTO_IP);
	assert_int_equal(c->cmsg_type, IP_PKTINFO);
	assert_memory_equal(CMSG_DATA(c), &expected, sizeof(expected));
}

TEST(appended_ipv6_is_what_the_kernel_takes)
{
	const struct local local = local_through("fe80::1", 3);
	const struct cmsghdr *c = (const void *)control.bytes;
	const struct in6_pktinfo expected = { .ipi6_ifindex = 3,
					      .ipi6_addr = in6("fe80::1") };

	size_t bytes = append(&local);

	assert_int_equal(bytes, CMSG_SPACE(sizeof(expected)));
	assert_int_equal(c->cmsg_len, CMSG_LEN(sizeof(expected)));
	assert_int_equal(c->cmsg_level, IPPROTO_IPV6);
	assert_int_equal(c->cmsg_type, IPV6_PKTINFO);
	assert_memory_equal(CMSG_DATA(c), &expected, sizeof(expected));
}

/* The kernel gets to see it: nothing of our stack may be in it. */
TEST(the_padding_of_what_is_appended_is_clean)
{
	const char *const locals[] = { "192.0.2.1", "fe80::1" };
	static const char zeroes[8];

	for (size_t i = 0; i < COUNT(locals); i++) {
		const struct local local = local_of(locals[i]);
		const struct cmsghdr *c = (const void *)control.bytes;

		(void)append(&local);

		assert_memory_equal(control.bytes + c->cmsg_len, zeroes,
				    control.used - c->cmsg_len);
	}
}

TEST(appending_writes_no_more_than_its_space)
{
	const char *const locals[] = { "192.0.2.1", "fe80::1" };

	for (size_t i = 0; i < COUNT(locals); i++) {
		const struct local local = local_of(locals[i]);

		(void)append(&local);

		for (size_t at = control.used; at < PKTINFO_SPACE; at++)
			assert_int_equal(control.bytes[at], 0xa5);
	}
}

TEST(what_is_appended_is_read_again)
{
	const struct local local = local_through("2001:db8::1", 3);

	(void)append(&local);

	assert_string_equal(found(), "2001:db8::1%3");
}

/* Carried. */

static bool carried(enum pktinfo_target target)
{
	const struct msghdr msg = with_control(&control);
	size_t end = 0;
	uint32_t ifindex;
	bool result = pktinfo_carried(&msg, target, &end, &ifindex);

	assert_int_equal(end, control.used);
	return result;
}

static uint32_t interface_of(enum pktinfo_target target)
{
	const struct msghdr msg = with_control(&control);
	uint32_t ifindex = 12345;
	size_t end;

	(void)pktinfo_carried(&msg, target, &end, &ifindex);
	return ifindex;
}

TEST(a_message_without_control_names_no_interface)
{
	assert_int_equal(interface_of(PKTINFO_TO_V4), 0);
}

TEST(the_last_interface_counts)
{
	control_add_v4(&control, "", "", 3);
	control_add_tos(&control, 0x10);
	control_add_v4(&control, "", "", 4);
	control_add_v4(&control, "", "", 0);

	assert_int_equal(interface_of(PKTINFO_TO_V4), 4);
}

static size_t end_of(const struct msghdr *msg)
{
	size_t end = 12345;
	uint32_t ifindex;

	(void)pktinfo_carried(msg, PKTINFO_TO_V4, &end, &ifindex);
	return end;
}

TEST(a_message_without_control_carries_nothing)
{
	assert_false(carried(PKTINFO_TO_V4));
	assert_false(carried(PKTINFO_TO_MAPPED));
	assert_false(carried(PKTINFO_TO_V6));
}

TEST(other_messages_carry_nothing)
{
	control_add_tos(&control, 0x10);
	control_add(&control, IPPROTO_IPV6, IPV6_TCLASS, "\1\0\0\0", 4);

	assert_false(carried(PKTINFO_TO_V4));
	assert_false(carried(PKTINFO_TO_MAPPED));
	assert_false(carried(PKTINFO_TO_V6));
}

TEST(an_ipv4_source_is_carried_to_ipv4_peers)
{
	control_add_v4(&control, "192.0.2.1", "", 0);

	assert_true(carried(PKTINFO_TO_V4));
	assert_true(carried(PKTINFO_TO_MAPPED));
}

TEST(an_ipv4_source_is_not_carried_to_ipv6_peers)
{
	control_add_v4(&control, "192.0.2.1", "", 0);

	assert_false(carried(PKTINFO_TO_V6));
}

TEST(an_ipv6_source_is_carried_to_ipv6_peers)
{
	control_add_v6(&control, "2001:db8::1", 0);

	assert_true(carried(PKTINFO_TO_V6));
}

TEST(an_ipv6_source_is_not_carried_on_an_ipv4_socket)
{
	control_add_v6(&control, "::ffff:192.0.2.1", 0);

	assert_false(carried(PKTINFO_TO_V4));
}

TEST(a_mapped_source_is_carried_to_mapped_peers)
{
	control_add_v6(&control, "::ffff:192.0.2.1", 0);

	assert_true(carried(PKTINFO_TO_MAPPED));
}

/* Fact 4: the kernel says EINVAL to it, with or without ours. */
TEST(a_native_source_is_not_carried_to_mapped_peers)
{
	control_add_v6(&control, "2001:db8::1", 0);

	assert_false(carried(PKTINFO_TO_MAPPED));
}

TEST(an_interface_alone_is_no_source)
{
	control_add_v4(&control, "", "", 3);
	control_add_v6(&control, "::", 3);

	assert_false(carried(PKTINFO_TO_V4));
	assert_false(carried(PKTINFO_TO_MAPPED));
	assert_false(carried(PKTINFO_TO_V6));
}

/* ipi_addr is what recvmsg(2) tells; sendmsg(2) does not read it.  ip(7). */
TEST(the_destination_field_is_no_source)
{
	control_add_v4(&control, "", "192.0.2.1", 3);

	assert_false(carried(PKTINFO_TO_V4));
}

TEST(a_later_source_is_carried_after_an_interface)
{
	control_add_v4(&control, "", "", 3);
	control_add_v6(&control, "::", 3);
	control_add_v4(&control, "192.0.2.1", "", 0);
	control_add_v6(&control, "2001:db8::1", 0);

	assert_true(carried(PKTINFO_TO_V4));
	assert_true(carried(PKTINFO_TO_V6));
}

/* Fact 22. */
TEST(a_later_interface_alone_undoes_an_ipv4_source)
{
	control_add_v4(&control, "192.0.2.1", "", 0);
	control_add_v4(&control, "", "", 3);

	assert_false(carried(PKTINFO_TO_V4));
	assert_false(carried(PKTINFO_TO_MAPPED));
}

/* Tried on Linux 6.18: ip6_datagram_send_ctl leaves the address as it was. */
TEST(a_later_interface_alone_leaves_an_ipv6_source)
{
	control_add_v6(&control, "2001:db8::1", 0);
	control_add_v6(&control, "::", 3);

	assert_true(carried(PKTINFO_TO_V6));
}

/* Tried on Linux 6.18: the kernel chooses. */
TEST(mapped_zeroes_are_no_source)
{
	control_add_v6(&control, "::ffff:0.0.0.0", 0);

	assert_false(carried(PKTINFO_TO_MAPPED));
}

TEST(later_mapped_zeroes_undo_a_mapped_source)
{
	control_add_v6(&control, "::ffff:192.0.2.1", 0);
	control_add_v6(&control, "::ffff:0.0.0.0", 3);

	assert_false(carried(PKTINFO_TO_MAPPED));
}

TEST(of_two_kinds_the_last_word_counts)
{
	control_add_v6(&control, "::ffff:192.0.2.1", 0);
	control_add_v4(&control, "", "", 3);

	assert_false(carried(PKTINFO_TO_MAPPED));
}

TEST(an_rfc_2292_source_is_carried_to_ipv6_peers)
{
	const struct in6_pktinfo info = { .ipi6_addr = in6("2001:db8::1") };

	control_add(&control, IPPROTO_IPV6, IPV6_2292PKTINFO, &info,
		    sizeof(info));

	assert_true(carried(PKTINFO_TO_V6));
}

/* Tried on Linux 6.18: ip_cmsg_send does not know it, and the kernel chooses.
 */
TEST(an_rfc_2292_source_is_not_carried_to_mapped_peers)
{
	const struct in6_pktinfo info = { .ipi6_addr = in6("::ffff:192.0.2."
							   "1") };

	control_add(&control, IPPROTO_IPV6, IPV6_2292PKTINFO, &info,
		    sizeof(info));

	assert_false(carried(PKTINFO_TO_MAPPED));
}

TEST(a_source_of_another_length_is_not_carried)
{
	const struct in_pktinfo v4_info = { .ipi_spec_dst = in4("192.0.2.1") };
	const struct in6_pktinfo v6_info = { .ipi6_addr = in6("2001:db8::1") };

	control_add(&control, IPPROTO_IP, IP_PKTINFO, &v4_info,
		    sizeof(v4_info) - 1);
	control_add(&control, IPPROTO_IPV6, IPV6_PKTINFO, &v6_info,
		    sizeof(v6_info) - 1);

	assert_false(carried(PKTINFO_TO_V4));
	assert_false(carried(PKTINFO_TO_V6));
}

TEST(the_last_interface_is_found)
{
	control_add_v6(&control, "2001:db8::1", 3);
	control_add_v4(&control, "192.0.2.1", "", 5);
	control_add_v6(&control, "::", 4);

	assert_int_equal(interface_of(PKTINFO_TO_V6), 4);
}

TEST(without_ipv6_pktinfo_there_is_no_interface)
{
	control_add_v4(&control, "192.0.2.1", "", 5);

	assert_int_equal(interface_of(PKTINFO_TO_V6), 0);
}

TEST(the_interface_of_ipv6_pktinfo_does_not_count_to_a_mapped_peer)
{
	control_add_v6(&control, "::", 4);

	assert_int_equal(interface_of(PKTINFO_TO_MAPPED), 0);
}

TEST(where_nothing_is_the_next_goes_first)
{
	const struct msghdr none = { .msg_controllen = 100 };

	size_t end = end_of(&none);

	assert_int_equal(end, 0);
}

TEST(the_next_goes_behind_the_last)
{
	control_add_tos(&control, 0x10);
	control_add_v4(&control, "", "", 3);
	const struct msghdr msg = with_control(&control);

	size_t end = end_of(&msg);

	assert_int_equal(end,
			 CMSG_SPACE(1) + CMSG_SPACE(sizeof(struct in_pktinfo)));
}

/* CMSG_LEN in place of CMSG_SPACE, as many applications have it. */
TEST(behind_a_last_one_without_padding_the_next_is_aligned)
{
	control_add_tos(&control, 0x10);
	control.used = CMSG_LEN(1);
	const struct msghdr msg = with_control(&control);

	size_t end = end_of(&msg);

	assert_int_equal(end, CMSG_SPACE(1));
}

TEST(bytes_too_few_for_a_header_are_no_message)
{
	control_add_tos(&control, 0x10);
	control.used += sizeof(struct cmsghdr) - 1;
	memset(control.bytes + CMSG_SPACE(1), 0xff, sizeof(struct cmsghdr));
	const struct msghdr msg = with_control(&control);

	size_t end = end_of(&msg);

	assert_int_equal(end, CMSG_SPACE(1));
}

TEST(a_length_the_kernel_refuses_has_no_end)
{
	const size_t lies[] = {
		0, 1, sizeof(struct cmsghdr) - 1, 1000, SIZE_MAX - 7, SIZE_MAX
	};

	for (size_t i = 0; i < COUNT(lies); i++) {
		no_messages();
		control_add_v4(&control, "192.0.2.1", "", 0);
		control_add_tos(&control, 0x10);
		memcpy(control.bytes + CMSG_SPACE(sizeof(struct in_pktinfo)),
		       &lies[i], sizeof(lies[i]));
		const struct msghdr msg = with_control(&control);

		assert_int_equal(end_of(&msg), SIZE_MAX);
	}
}

TEST(a_length_one_byte_beyond_the_end_is_refused)
{
	control_add_tos(&control, 0x10);
	control.used = CMSG_LEN(1) - 1;
	const struct msghdr msg = with_control(&control);

	size_t end = end_of(&msg);

	assert_int_equal(end, SIZE_MAX);
}

TEST(what_the_kernel_refuses_carries_nothing)
{
	size_t end;
	uint32_t ifindex;

	control_add_v4(&control, "192.0.2.1", "", 0);
	control_add_tos(&control, 0x10);
	memset(control.bytes + CMSG_SPACE(sizeof(struct in_pktinfo)), 0xff, 1);
	const struct msghdr msg = with_control(&control);

	bool result = pktinfo_carried(&msg, PKTINFO_TO_V4, &end, &ifindex);

	assert_false(result);
}
