/* SPDX-License-Identifier: MIT */
/* Which addresses the kernel names, and which it takes as a source. */
#include "lab.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>

/* What a client's datagram to this address tells a server with pktinfo on. */
static struct datagram ask_v4(int client, int server, const char *address)
{
	lab_set(server, IPPROTO_IP, IP_PKTINFO, 1);
	lab_ask(client, address, server);
	return lab_take(server, 0);
}

static struct datagram ask_v6(int client, int server, const char *address)
{
	lab_set(server, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	lab_ask(client, address, server);
	return lab_take(server, 0);
}

/* Fact 1: what a datagram was sent to, and what its answer may come from. */

TEST(spec_dst_of_unicast_is_the_destination)
{
	static const char *const each[] = { "10.1.2.2", "10.1.2.3", "10.1.2.4",
					    "10.1.3.2" };
	int client = lab_client("10.1.2.5"), server = lab_server(AF_INET);

	for (size_t i = 0; i < COUNT(each); i++) {
		struct datagram got = ask_v4(client, server, each[i]);
		const struct in_pktinfo *info =
			lab_find(&got, IPPROTO_IP, IP_PKTINFO);

		assert_non_null(info);
		assert_address(info->ipi_spec_dst, each[i]);
		assert_address(info->ipi_addr, each[i]);
	}
}

static void assert_spec_dst_is_usable(const char *destination)
{
	int client = lab_client("10.1.2.5"), server = lab_server(AF_INET);
	struct datagram got = ask_v4(client, server, destination);
	const struct in_pktinfo *info = lab_find(&got, IPPROTO_IP, IP_PKTINFO);

	assert_non_null(info);
	assert_address(info->ipi_addr, destination);
	assert_address(info->ipi_spec_dst, "10.1.2.2");
	assert_int_equal(lab_answer(server, &got, "10.1.2.2", 0), 0);
	lab_assert_from(client, "10.1.2.2");
}

TEST(spec_dst_of_a_subnet_broadcast_is_a_usable_local_address)
{
	assert_spec_dst_is_usable("10.1.2.255");
}

TEST(spec_dst_of_the_limited_broadcast_is_a_usable_local_address)
{
	assert_spec_dst_is_usable("255.255.255.255");
}

static void answer_from(const char *source, int expected)
{
	int client = lab_client("10.1.2.5"), server = lab_server(AF_INET);
	struct datagram got = ask_v4(client, server, "10.1.2.3");

	assert_int_equal(lab_answer(server, &got, source, 0), expected);
}

TEST(a_subnet_broadcast_as_a_source_fails_with_ENETUNREACH)
{
	answer_from("10.1.2.255", ENETUNREACH);
}

TEST(the_limited_broadcast_as_a_source_fails_with_EINVAL)
{
	answer_from("255.255.255.255", EINVAL);
}

TEST(a_multicast_address_as_a_source_fails_with_EINVAL)
{
	answer_from("224.0.0.1", EINVAL);
}

/* Fact 2: queued before the option is set. */

TEST(an_early_ipv4_datagram_has_its_destination_and_no_more)
{
	int client = lab_client("10.1.2.5"), server = lab_server(AF_INET);
	const struct in_pktinfo *info;
	struct datagram got;

	lab_ask(client, "10.1.2.3", server);
	lab_set(server, IPPROTO_IP, IP_PKTINFO, 1);
	got = lab_take(server, 0);
	info = lab_find(&got, IPPROTO_IP, IP_PKTINFO);

	assert_non_null(info);
	assert_int_equal(info->ipi_ifindex, 0);
	assert_address(info->ipi_spec_dst, "0.0.0.0");
	assert_address(info->ipi_addr, "10.1.2.3");
}

TEST(an_early_ipv6_datagram_is_complete)
{
	int client = lab_client("fd01:2::5"), server = lab_server(AF_INET6);
	const struct in6_pktinfo *info;
	struct datagram got;

	lab_ask(client, "fd01:2::3", server);
	lab_set(server, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	got = lab_take(server, 0);
	info = lab_find(&got, IPPROTO_IPV6, IPV6_PKTINFO);

	assert_non_null(info);
	assert_int_equal(info->ipi6_ifindex, if_nametoindex("eth0"));
	assert_address(info->ipi6_addr, "fd01:2::3");
}

TEST(an_early_mapped_datagram_lacks_its_interface)
{
	int client = lab_client("10.1.2.5"), server = lab_server(AF_INET6);
	const struct in6_pktinfo *info;
	struct datagram got;

	lab_ask(client, "10.1.2.3", server);
	lab_set(server, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	got = lab_take(server, 0);
	info = lab_find(&got, IPPROTO_IPV6, IPV6_PKTINFO);

	assert_non_null(info);
	assert_int_equal(info->ipi6_ifindex, 0);
	assert_address(info->ipi6_addr, "::ffff:10.1.2.3");
}

/* Fact 3: a source that is gone. */

static int answer_from_gone_v4(void)
{
	int client = lab_client("10.1.2.5"), server = lab_server(AF_INET);
	struct datagram got;

	lab_add_address("10.1.2.77/24");
	got = ask_v4(client, server, "10.1.2.77");
	lab_remove_address("10.1.2.77/24");
	return lab_answer(server, &got, "10.1.2.77", 0);
}

TEST(a_gone_ipv4_source_is_refused)
{
	int error = answer_from_gone_v4();

	assert_true(error == ENETUNREACH || error == EINVAL);
}

TEST(a_gone_ipv4_source_is_refused_in_spite_of_a_default_route)
{
	int error;

	lab_run("ip route add default via 10.1.2.5");
	error = answer_from_gone_v4();
	lab_run("ip route del default");
	assert_true(error == ENETUNREACH || error == EINVAL);
}

/* Answers from an address that has gone; 0 or errno. */
static int answer_from_gone_v6(int client, int server)
{
	struct datagram got;

	lab_add_address("fd01:2::77/64");
	got = ask_v6(client, server, "fd01:2::77");
	lab_remove_address("fd01:2::77/64");
	return lab_answer(server, &got, "fd01:2::77", 0);
}

TEST(a_gone_ipv6_source_fails_with_EINVAL)
{
	assert_int_equal(answer_from_gone_v6(lab_client("fd01:2::5"),
					     lab_server(AF_INET6)),
			 EINVAL);
}

TEST(with_freebind_a_gone_ipv6_source_is_sent)
{
	int client = lab_client("fd01:2::5"), server = lab_server(AF_INET6);

	lab_set(server, IPPROTO_IPV6, IPV6_FREEBIND, 1);

	assert_int_equal(answer_from_gone_v6(client, server), 0);
	lab_assert_from(client, "fd01:2::77");
}

TEST(with_nonlocal_bind_a_gone_ipv6_source_is_sent)
{
	int client = lab_client("fd01:2::5"), server = lab_server(AF_INET6);
	int error;

	lab_run("echo 1 >/proc/sys/net/ipv6/ip_nonlocal_bind");
	error = answer_from_gone_v6(client, server);
	lab_run("echo 0 >/proc/sys/net/ipv6/ip_nonlocal_bind");

	assert_int_equal(error, 0);
	lab_assert_from(client, "fd01:2::77");
}

TEST(a_bad_interface_fails_with_ENODEV_for_ipv4)
{
	int client = lab_client("10.1.2.5"), server = lab_server(AF_INET);
	struct datagram got = ask_v4(client, server, "10.1.2.3");

	assert_int_equal(lab_answer(server, &got, "10.1.2.3", 4711), ENODEV);
}

TEST(a_bad_interface_fails_with_ENODEV_for_ipv6)
{
	int client = lab_client("fd01:2::5"), server = lab_server(AF_INET6);
	struct datagram got = ask_v6(client, server, "fd01:2::3");

	assert_int_equal(lab_answer(server, &got, "fd01:2::3", 4711), ENODEV);
}

/* Fact 9: a whole prefix that is local (AnyIP). */

TEST(an_anyip_ipv4_source_needs_no_freebind)
{
	int client = lab_client("10.1.2.5"), server = lab_server(AF_INET);
	struct datagram got = ask_v4(client, server, "10.9.1.2");

	assert_int_equal(lab_answer(server, &got, "10.9.1.2", 0), 0);
	lab_assert_from(client, "10.9.1.2");
}

TEST(an_anyip_ipv6_source_fails_with_EINVAL)
{
	int client = lab_client("fd01:2::5"), server = lab_server(AF_INET6);
	struct datagram got = ask_v6(client, server, "fd09::1:2");

	assert_int_equal(lab_answer(server, &got, "fd09::1:2", 0), EINVAL);
}

TEST(an_anyip_ipv6_source_is_sent_with_freebind)
{
	int client = lab_client("fd01:2::5"), server = lab_server(AF_INET6);
	struct datagram got = ask_v6(client, server, "fd09::1:2");

	lab_set(server, IPPROTO_IPV6, IPV6_FREEBIND, 1);

	assert_int_equal(lab_answer(server, &got, "fd09::1:2", 0), 0);
	lab_assert_from(client, "fd09::1:2");
}

BEFORE_ALL(add_anyip)
{
	lab_run("ip route add local 10.9.0.0/16 dev lo");
	lab_run("ip route add local fd09::/64 dev lo");
	lab_run_on_client("ip route add 10.9.0.0/16 via 10.1.2.2");
	lab_run_on_client("ip route add fd09::/64 via fd01:2::2");
}

/* Fact 24: a local address that a socket has outlives the next connect. */

static void connect_fd(int fd, const char *address, in_port_t port_be)
{
	const struct address to = lab_address(address, port_be);

	assert_int_equal(connect(fd, &to.any, to.bytes), 0);
}

static void disconnect_fd(int fd)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };

	assert_int_equal(connect(fd, &none, sizeof(none)), 0);
}

static void set_multicast_source(int fd, const char *address)
{
	const struct address source = lab_address(address, 0);
	const struct ip_mreqn group = { .imr_address = source.v4.sin_addr };

	assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &group,
				    sizeof(group)),
			 0);
}

static void assert_local_v4(int fd, const char *address)
{
	struct sockaddr_in name;
	socklen_t len = sizeof(name);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &len), 0);
	assert_address(name.sin_addr, address);
}

static void assert_local_v6(int fd, const char *address)
{
	struct sockaddr_in6 name;
	socklen_t len = sizeof(name);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &len), 0);
	assert_address(name.sin6_addr, address);
}

TEST(a_connect_to_a_group_takes_the_source_of_IP_MULTICAST_IF)
{
	static const char *const each[] = { "10.1.2.2", "10.1.2.3", "10.1.3.2",
					    "127.0.0.9" };
	int server = lab_server(AF_INET);

	for (size_t i = 0; i < COUNT(each); i++) {
		set_multicast_source(server, each[i]);
		connect_fd(server, "224.0.0.1", htons(9));
		assert_local_v4(server, each[i]);
		disconnect_fd(server);
		assert_local_v4(server, "0.0.0.0");
	}
}

TEST(the_next_connect_keeps_that_address)
{
	int client = lab_client("10.1.2.5"), server = lab_server(AF_INET);

	set_multicast_source(server, "10.1.2.3");
	connect_fd(server, "224.0.0.1", htons(9));
	set_multicast_source(server, "0.0.0.0");
	connect_fd(server, "10.1.2.5", lab_port_be(client));
	assert_local_v4(server, "10.1.2.3");
	assert_int_equal(send(server, "a", 1, 0), 1);
	lab_assert_from(client, "10.1.2.3");
}

TEST(a_connect_to_its_own_ipv6_address_takes_that)
{
	int client = lab_client("fd01:2::5"), server = lab_server(AF_INET6);

	connect_fd(server, "fd01:2::3", htons(9));
	connect_fd(server, "fd01:2::5", lab_port_be(client));
	assert_local_v6(server, "fd01:2::3");
	assert_int_equal(send(server, "a", 1, 0), 1);
	lab_assert_from(client, "fd01:2::3");
}

TEST(a_disconnected_ipv6_socket_hears_its_former_peer_only)
{
	int client = lab_client("fd01:2::5"), server = lab_server(AF_INET6);
	const struct address any = lab_address("::", lab_port_be(server));

	connect_fd(server, "fd01:2::3", htons(9));
	disconnect_fd(server);
	/* The kernel chose its port, and has it back. */
	assert_int_equal(bind(server, &any.any, any.bytes), 0);
	assert_local_v6(server, "::");
	lab_ask(client, "fd01:2::2", server);
	lab_assert_nothing(server);
}

TEST(an_address_of_a_prefix_routed_to_lo_is_lent_for_ipv4)
{
	int server = lab_server(AF_INET);

	set_multicast_source(server, "10.9.0.7");
	connect_fd(server, "224.0.0.1", htons(9));
	assert_local_v4(server, "10.9.0.7");
}

TEST(an_address_of_a_prefix_routed_to_lo_is_not_for_ipv6)
{
	int server = lab_server(AF_INET6);
	struct sockaddr_in6 name;
	socklen_t len = sizeof(name);
	const struct address asked = lab_address("fd09::7", 0);

	connect_fd(server, "fd09::7", htons(9));
	assert_int_equal(getsockname(server, (struct sockaddr *)&name, &len),
			 0);
	assert_memory_not_equal(&name.sin6_addr, &asked.v6.sin6_addr,
				sizeof(name.sin6_addr));
}
