/* SPDX-License-Identifier: MIT */
/* Both families on one socket, and addresses that need an interface. */
#include "lab.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>

/* A dual-stack server with both kinds switched on. */
static int dual_stack_server(void)
{
	int server = lab_server(AF_INET6);

	lab_set(server, IPPROTO_IP, IP_PKTINFO, 1);
	lab_set(server, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	return server;
}

static struct datagram ask(int client, int server, const char *address)
{
	lab_ask(client, address, server);
	return lab_take(server, 0);
}

/* Fact 4: IPv4 on an AF_INET6 socket. */

TEST(an_ipv4_datagram_brings_ipv6_pktinfo_then_ip_pktinfo)
{
	int client = lab_client("10.1.2.5"), server = dual_stack_server();
	struct datagram got = ask(client, server, "10.1.2.3");
	const struct in6_pktinfo *v6 =
		lab_find(&got, IPPROTO_IPV6, IPV6_PKTINFO);
	const struct in_pktinfo *v4 = lab_find(&got, IPPROTO_IP, IP_PKTINFO);

	assert_non_null(v6);
	assert_non_null(v4);
	assert_true((const char *)v6 < (const char *)v4);
	assert_address(v6->ipi6_addr, "::ffff:10.1.2.3");
	assert_address(v4->ipi_spec_dst, "10.1.2.3");
}

TEST(an_ipv6_datagram_brings_ipv6_pktinfo_only)
{
	int client = lab_client("fd01:2::5"), server = dual_stack_server();
	struct datagram got = ask(client, server, "fd01:2::3");
	const struct in6_pktinfo *v6 =
		lab_find(&got, IPPROTO_IPV6, IPV6_PKTINFO);

	assert_non_null(v6);
	assert_null(lab_find(&got, IPPROTO_IP, IP_PKTINFO));
	assert_address(v6->ipi6_addr, "fd01:2::3");
}

TEST(of_an_ipv4_broadcast_only_ip_pktinfo_is_usable)
{
	int client = lab_client("10.1.2.5"), server = dual_stack_server();
	struct datagram got = ask(client, server, "10.1.2.255");
	const struct in_pktinfo *v4 = lab_find(&got, IPPROTO_IP, IP_PKTINFO);

	assert_non_null(v4);
	assert_address(v4->ipi_spec_dst, "10.1.2.2");
	assert_int_equal(lab_answer(server, &got, "10.1.2.2", 0), 0);
	assert_int_equal(lab_answer(server, &got, "::ffff:10.1.2.255", 0),
			 ENETUNREACH);
}

TEST(either_kind_names_the_source_for_a_mapped_peer)
{
	int client = lab_client("10.1.2.5"), server = dual_stack_server();
	struct datagram got = ask(client, server, "10.1.2.3");

	assert_int_equal(lab_answer(server, &got, "10.1.2.3", 0), 0);
	lab_assert_from(client, "10.1.2.3");
	assert_int_equal(lab_answer(server, &got, "::ffff:10.1.2.4", 0), 0);
	lab_assert_from(client, "10.1.2.4");
}

TEST(an_ipv6_source_to_a_mapped_peer_fails_with_EINVAL)
{
	int client = lab_client("10.1.2.5"), server = dual_stack_server();
	struct datagram got = ask(client, server, "10.1.2.3");

	assert_int_equal(lab_answer(server, &got, "fd01:2::3", 0), EINVAL);
}

TEST(an_empty_ipv6_pktinfo_to_a_mapped_peer_fails)
{
	int client = lab_client("10.1.2.5"), server = dual_stack_server();
	struct datagram got = ask(client, server, "10.1.2.3");

	assert_int_equal(lab_answer(server, &got, "::", 0), EINVAL);
}

TEST(an_empty_ipv6_pktinfo_to_an_ipv6_peer_is_accepted)
{
	int client = lab_client("fd01:2::5"), server = dual_stack_server();
	struct datagram got = ask(client, server, "fd01:2::3");

	assert_int_equal(lab_answer(server, &got, "::", 0), 0);
	lab_take(client, 0);
}

/* Fact 22, which goes with it: what decides when there are several. */
TEST(the_last_ip_pktinfo_wins_even_one_without_a_source)
{
	int client = lab_client("10.1.2.5"), server = dual_stack_server();
	struct datagram got = ask(client, server, "10.1.2.3");
	const struct in_pktinfo source = {
		.ipi_spec_dst = lab_address("10.1.2.4", 0).v4.sin_addr,
	};
	const struct in_pktinfo interface_only = {
		.ipi_ifindex = (int)if_nametoindex("eth0"),
	};
	_Alignas(struct cmsghdr) char control[2 * CMSG_SPACE(sizeof(source))];
	struct cmsghdr c = {
		.cmsg_len = CMSG_LEN(sizeof(source)),
		.cmsg_level = IPPROTO_IP,
		.cmsg_type = IP_PKTINFO,
	};
	struct msghdr msg = {
		.msg_name = &got.peer.any,
		.msg_namelen = got.peer.bytes,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};

	memset(control, 0, sizeof(control));
	memcpy(control, &c, sizeof(c));
	memcpy(control + CMSG_LEN(0), &source, sizeof(source));
	memcpy(control + CMSG_SPACE(sizeof(source)), &c, sizeof(c));
	memcpy(control + CMSG_SPACE(sizeof(source)) + CMSG_LEN(0),
	       &interface_only, sizeof(interface_only));

	assert_int_equal(sendmsg(server, &msg, 0), 0);
	lab_assert_from(client, "10.1.2.2");
}

/* Fact 5: link-local addresses. */

TEST(to_a_peer_with_a_scope_no_interface_is_needed)
{
	int client = lab_client("fe80::5"), server = dual_stack_server();
	struct datagram got = ask(client, server, "fe80::2%eth0");

	assert_int_equal(got.peer.v6.sin6_scope_id, if_nametoindex("eth0"));
	assert_int_equal(lab_answer(server, &got, "fe80::2", 0), 0);
	lab_assert_from(client, "fe80::2");
}

/* A client with a global address that asked the link-local one. */
static struct datagram ask_link_local(int client, int server)
{
	struct datagram got = ask(client, server, "fe80::2%eth0");

	assert_int_equal(got.peer.v6.sin6_scope_id, 0);
	return got;
}

TEST(to_a_global_peer_a_link_local_source_alone_fails)
{
	int client = lab_client("fd01:2::5"), server = dual_stack_server();
	struct datagram got = ask_link_local(client, server);

	assert_int_equal(lab_answer(server, &got, "fe80::2", 0), EINVAL);
}

TEST(to_a_global_peer_it_is_sent_with_its_interface)
{
	int client = lab_client("fd01:2::5"), server = dual_stack_server();
	struct datagram got = ask_link_local(client, server);

	assert_int_equal(
		lab_answer(server, &got, "fe80::2", if_nametoindex("eth0")), 0);
	lab_assert_from(client, "fe80::2");
}
