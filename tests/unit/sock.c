/* SPDX-License-Identifier: MIT */
/* Which fds are ours, and what they cost. */
#include "state/sock.h"

#include "address.h"
#include "base/lock.h"
#include "base/real.h"
#include "child.h"
#include "kernel.h"
#include "settings.h"
#include "state/peers_id.h"
#include "state/sock_table.h"
#include "unit.h"

#include <errno.h>
#include <linux/netlink.h>
#include <net/ethernet.h>
#include <netpacket/packet.h>
#include <pthread.h>
#include <string.h>

#ifndef SO_BINDTOIFINDEX
#define SO_BINDTOIFINDEX 62
#endif

enum { FD = 5, OTHER_FD = 6, THIRD_FD = 7, FDS_LIMIT = 1024 * 1024 };

/* What looking at an fd that nobody has seen yet costs. */
#define LOOK_V4                                                            \
	"SO_PROTOCOL SO_TYPE SO_DOMAIN getsockname SO_COOKIE SO_RCVLOWAT " \
	"IP_PKTINFO SO_BINDTOIFINDEX IP_PKTINFO=1 SO_RCVLOWAT=0x52460000"

BEFORE_EACH(nothing_open)
{
	settings_reset();
	sock_forget_range(0, ~0U);
	kernel_boot();
}

static struct address any_v4(void)
{
	return v4("0.0.0.0", 53);
}

static struct address any_v6(void)
{
	return v6("::", 53);
}

/* A UDP socket bound to the wildcard that nobody has seen yet. */
static void inherit(int fd)
{
	kernel_socket(fd, AF_INET, SOCK_DGRAM, 0);
	kernel_bound(fd, any_v4());
}

static void inherit_v6(int fd)
{
	kernel_socket(fd, AF_INET6, SOCK_DGRAM, 0);
	kernel_bound(fd, any_v6());
}

/* One of ours. */
static struct sock *ours(int fd)
{
	struct sock *sock;

	inherit(fd);
	sock = sock_probe(fd);
	assert_non_null(sock);
	(void)kernel_calls();
	return sock;
}

static struct sock *ours_v6(int fd)
{
	struct sock *sock;

	inherit_v6(fd);
	sock = sock_probe(fd);
	assert_non_null(sock);
	(void)kernel_calls();
	return sock;
}

/* The application makes a socket. */
static void create(int fd, int domain, int type, int protocol)
{
	kernel_socket(fd, domain, type, protocol);
	sock_created(fd, domain, type, protocol);
}

static bool is_on(int fd)
{
	return kernel_get(fd, IPPROTO_IP, IP_PKTINFO);
}

static bool is_v6_on(int fd)
{
	return kernel_get(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO);
}

/* Whose they are: fds that nobody has seen yet. */

TEST(an_ipv4_wildcard_socket_is_ours)
{
	inherit(FD);

	struct sock *sock = sock_probe(FD);

	assert_non_null(sock);
	assert_int_equal(sock->family, AF_INET);
	assert_true(is_on(FD));
}

TEST(an_ipv6_wildcard_socket_is_ours)
{
	inherit_v6(FD);

	struct sock *sock = sock_probe(FD);

	assert_non_null(sock);
	assert_int_equal(sock->family, AF_INET6);
	assert_true(is_on(FD) && is_v6_on(FD));
}

TEST(a_udp_lite_wildcard_socket_is_ours)
{
	kernel_socket(FD, AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE);
	kernel_bound(FD, any_v4());

	struct sock *sock = sock_probe(FD);

	assert_non_null(sock);
}

TEST(a_socket_bound_to_mapped_zeroes_is_ours)
{
	kernel_socket(FD, AF_INET6, SOCK_DGRAM, 0);
	kernel_bound(FD, v6("::ffff:0.0.0.0", 53));

	struct sock *sock = sock_probe(FD);

	assert_non_null(sock);
}

TEST(a_socket_bound_to_an_address_is_not_ours)
{
	const struct {
		int domain;
		struct address address;
	} bound[] = {
		{ AF_INET, v4("192.0.2.1", 53) },
		{ AF_INET, v4("127.0.0.1", 53) },
		{ AF_INET6, v6("2001:db8::1", 53) },
		{ AF_INET6, v6("::ffff:192.0.2.1", 53) },
		{ AF_INET6, v6("::1", 53) },
	};

	for (size_t i = 0; i < COUNT(bound); i++) {
		kernel_socket(FD, bound[i].domain, SOCK_DGRAM, 0);
		kernel_bound(FD, bound[i].address);
		sock_forget(FD);

		assert_null(sock_probe(FD));
		assert_false(is_on(FD));
	}
}

TEST(a_socket_bound_to_no_listed_port_is_not_ours)
{
	settings_only_dns();
	inherit(FD);
	kernel_socket(OTHER_FD, AF_INET, SOCK_DGRAM, 0);
	kernel_bound(OTHER_FD, v4("0.0.0.0", 54));

	assert_non_null(sock_probe(FD));
	assert_null(sock_probe(OTHER_FD));
	assert_false(is_on(OTHER_FD));
}

TEST(an_unbound_socket_is_not_ours_yet)
{
	kernel_socket(FD, AF_INET, SOCK_DGRAM, 0);

	struct sock *sock = sock_probe(FD);

	assert_null(sock);
	assert_false(is_on(FD));
}

TEST(other_kinds_of_sockets_are_not_ours)
{
	const struct {
		int domain, type, protocol;
	} kinds[] = {
		{ AF_INET, SOCK_STREAM, 0 },
		{ AF_INET6, SOCK_STREAM, 0 },
		{ AF_INET, SOCK_RAW, IPPROTO_ICMP },
		{ AF_INET, SOCK_DGRAM, IPPROTO_ICMP },
		{ AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6 },
		{ AF_INET, SOCK_SEQPACKET, IPPROTO_SCTP },
		{ AF_UNIX, SOCK_DGRAM, 0 },
		{ AF_NETLINK, SOCK_DGRAM, NETLINK_USERSOCK },
	};

	for (size_t i = 0; i < COUNT(kinds); i++) {
		kernel_socket(FD, kinds[i].domain, kinds[i].type,
			      kinds[i].protocol);
		if (kinds[i].domain == AF_INET)
			kernel_bound(FD, any_v4());
		sock_forget(FD);

		assert_null(sock_probe(FD));
		assert_null(strstr(kernel_calls(), "="));
	}
}

/* AF_NETLINK's protocol 17 is not UDP. */
TEST(a_protocol_of_another_family_is_not_ours)
{
	kernel_socket(FD, AF_NETLINK, SOCK_DGRAM, IPPROTO_UDP);
	kernel_bound(FD, any_v4());

	struct sock *sock = sock_probe(FD);

	assert_null(sock);
	assert_null(strstr(kernel_calls(), "="));
}

TEST(a_file_is_not_ours)
{
	kernel_file(FD);

	struct sock *sock = sock_probe(FD);

	assert_null(sock);
}

TEST(a_closed_fd_is_looked_at_when_it_is_open)
{
	assert_null(sock_probe(FD));
	inherit(FD);

	struct sock *sock = sock_probe(FD);

	assert_non_null(sock);
}

TEST(looking_at_an_fd_costs_so_many_calls)
{
	inherit(FD);

	(void)sock_probe(FD);

	assert_string_equal(kernel_calls(), LOOK_V4);
}

TEST(one_of_ours_is_looked_at_once)
{
	struct sock *sock = ours(FD);

	struct sock *again = sock_probe(FD);

	assert_ptr_equal(again, sock);
	assert_string_equal(kernel_calls(), "");
}

TEST(what_is_not_ours_is_looked_at_once)
{
	kernel_socket(FD, AF_INET, SOCK_STREAM, 0);
	(void)sock_probe(FD);
	(void)kernel_calls();

	struct sock *sock = sock_probe(FD);

	assert_null(sock);
	assert_string_equal(kernel_calls(), "");
}

TEST(a_socket_that_was_created_and_sent_is_not_looked_at)
{
	create(FD, AF_INET, SOCK_DGRAM, 0);

	const struct sock *kind = sock_settle(FD);
	struct sock *sock = sock_probe(FD);

	assert_ptr_equal(kind, SOCK_FRESH_V4);
	assert_null(sock);
	assert_string_equal(kernel_calls(), "");
}

/* bindresvport(3) calls libc's own bind, and a helper may have the socket. */
TEST(a_new_socket_that_receives_was_bound_behind_our_back)
{
	create(FD, AF_INET, SOCK_DGRAM, 0);
	kernel_bound(FD, any_v4());

	struct sock *sock = sock_probe(FD);

	assert_non_null(sock);
}

TEST(a_raw_socket_that_is_inherited_is_not_ours)
{
	kernel_socket(FD, AF_INET, SOCK_RAW, IPPROTO_UDP);
	kernel_bound(FD, any_v4());

	struct sock *sock = sock_probe(FD);

	assert_null(sock);
}

/* A vfork child has our table, and fds of its own. */

static int close_in_child(void *context)
{
	(void)context;
	sock_forget(FD);
	sock_forget_range(0, ~0U);
	return 0;
}

static int replace_in_child(void *context)
{
	(void)context;
	sock_created(FD, AF_INET, SOCK_STREAM, 0);
	sock_duplicated(OTHER_FD, FD);
	return 0;
}

static int bind_in_child(void *context)
{
	(void)context;
	sock_created(OTHER_FD, AF_INET, SOCK_DGRAM, 0);
	return sock_binding(OTHER_FD, htons(53)) || sock_settle(OTHER_FD);
}

static int bind_packets_in_child(void *context)
{
	const struct sockaddr_ll name = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IP),
	};

	(void)context;
	sock_bound_packets(FD, (const struct sockaddr *)&name, sizeof(name));
	return 0;
}

static int stop_in_child(void *context)
{
	(void)context;
	sock_stop(false);
	sock_unpin(sock_known(FD));
	return 0;
}

static int review_in_child(void *context)
{
	(void)context;
	kernel_closed(FD);
	sock_review(FD);
	return sock_adopt(OTHER_FD, AF_INET, NULL) || sock_probe(OTHER_FD);
}

TEST(what_a_vfork_child_does_is_not_noted)
{
	static int (*const bodies[])(void *) = {
		close_in_child,	       replace_in_child, bind_in_child,
		bind_packets_in_child, stop_in_child,	 review_in_child
	};
	const struct local local = { .family = AF_INET };
	struct sock *sock = ours(FD);

	sock_pin(sock, &local);
	for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
		int result = in_vfork_child(bodies[i], NULL);

		assert_int_equal(result, 0);
		assert_ptr_equal(sock_known(FD), sock);
		assert_int_equal(sock_mode(sock), SOCK_PINNED);
		assert_int_equal(atomic_load(&sock->fds), 1);
		assert_null(sock_occupant(OTHER_FD));
	}
}

/* For read and write: an fd may be anything, and a sandbox strict. */
TEST(what_is_known_costs_no_call)
{
	inherit(FD);

	struct sock *sock = sock_known(FD);

	assert_null(sock);
	assert_string_equal(kernel_calls(), "");
}

TEST(one_of_ours_is_known)
{
	struct sock *sock = ours(FD);

	struct sock *known = sock_known(FD);

	assert_ptr_equal(known, sock);
}

TEST(what_the_application_asked_for_before_is_wanted)
{
	inherit_v6(FD);
	kernel_set(FD, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);

	struct sock *sock = sock_probe(FD);

	assert_int_equal(sock->wanted, PKTINFO_V6);
}

TEST(what_nobody_asked_for_is_not_wanted)
{
	inherit_v6(FD);

	struct sock *sock = sock_probe(FD);

	assert_int_equal(sock->wanted, PKTINFO_NONE);
}

TEST(the_device_of_a_socket_is_known)
{
	inherit(FD);
	kernel_set(FD, SOL_SOCKET, SO_BINDTOIFINDEX, 7);

	struct sock *sock = sock_probe(FD);

	assert_int_equal(sock->device, 7);
}

/* SO_BINDTOIFINDEX came with Linux 5.0. */
TEST(an_older_kernel_tells_the_device_by_name)
{
	inherit(FD);
	kernel_set(FD, SOL_SOCKET, SO_BINDTOIFINDEX, 7);
	kernel.lacks_bindtoifindex = true;

	struct sock *sock = sock_probe(FD);

	assert_int_equal(sock->device, 7);
}

TEST(on_an_older_kernel_no_device_is_none)
{
	inherit(FD);
	kernel.lacks_bindtoifindex = true;

	struct sock *sock = sock_probe(FD);

	assert_int_equal(sock->device, 0);
}

TEST(without_a_cookie_a_socket_is_ours_too)
{
	inherit(FD);
	kernel.lacks_cookie = true;

	struct sock *sock = sock_probe(FD);

	assert_non_null(sock);
	assert_int_equal(sock->cookie, 0);
}

TEST(a_socket_that_cannot_be_switched_on_is_not_ours)
{
	inherit(FD);
	kernel.setsockopt_error = EPERM;

	struct sock *sock = sock_probe(FD);

	assert_null(sock);
	assert_null(sock_known(FD));
}

TEST(looking_at_an_fd_keeps_errno)
{
	inherit(FD);
	kernel.lacks_cookie = true;
	kernel.lacks_bindtoifindex = true;
	kernel_file(OTHER_FD);
	errno = ENOTTY;

	(void)sock_probe(FD);
	(void)sock_probe(OTHER_FD);
	(void)sock_probe(THIRD_FD);
	sock_review(OTHER_FD);

	assert_int_equal(errno, ENOTTY);
}

TEST(when_disabled_nothing_is_looked_at)
{
	settings.disable = 1;
	inherit(FD);

	struct sock *sock = sock_probe(FD);

	assert_null(sock);
	assert_string_equal(kernel_calls(), "");
}

/* The wildcard. */

static bool is_wildcard(struct address address)
{
	return sock_is_wildcard(&address.any, address.len);
}

TEST(zeroes_are_the_wildcard)
{
	assert_true(is_wildcard(v4("0.0.0.0", 53)));
	assert_true(is_wildcard(v4("0.0.0.0", 0)));
	assert_true(is_wildcard(v6("::", 53)));
	assert_true(is_wildcard(v6("::ffff:0.0.0.0", 53)));
}

TEST(an_address_is_not_the_wildcard)
{
	assert_false(is_wildcard(v4("192.0.2.1", 53)));
	assert_false(is_wildcard(v4("0.0.0.1", 53)));
	assert_false(is_wildcard(v6("::1", 53)));
	assert_false(is_wildcard(v6("2001:db8::", 53)));
	assert_false(is_wildcard(v6("::ffff:192.0.2.1", 53)));
}

/* bind(2) takes it for AF_INET, with 0.0.0.0 only. */
TEST(zeroes_of_no_family_are_the_wildcard)
{
	struct address none = v4("0.0.0.0", 53), other = v4("192.0.2.1", 53);

	none.any.sa_family = AF_UNSPEC;
	other.any.sa_family = AF_UNSPEC;

	assert_true(is_wildcard(none));
	assert_false(is_wildcard(other));
}

TEST(a_short_sockaddr_in6_is_the_wildcard_too)
{
	struct address address = any_v6();

	address.len = offsetof(struct sockaddr_in6, sin6_scope_id);

	assert_true(is_wildcard(address));
}

TEST(an_address_that_is_cut_is_not_the_wildcard)
{
	struct address cut_v4 = any_v4(), cut_v6 = any_v6();

	cut_v4.len--;
	cut_v6.len = offsetof(struct sockaddr_in6, sin6_scope_id) - 1;

	assert_false(is_wildcard(cut_v4));
	assert_false(is_wildcard(cut_v6));
	assert_false(sock_is_wildcard(NULL, sizeof(struct sockaddr_in)));
}

TEST(zeroes_of_another_family_are_not_the_wildcard)
{
	struct address address = any_v6();

	address.any.sa_family = AF_UNIX;

	assert_false(is_wildcard(address));
}

/* Binding. */

/* As the bind hook does it. */
static struct sock *bind_to_wildcard(int fd, struct address address,
				     bool succeeds)
{
	struct sock *sock = sock_binding(fd, 0);

	if (succeeds)
		kernel_bound(fd, address);
	if (sock)
		sock_bound(fd, sock, succeeds);
	return sock;
}

TEST(binding_a_new_ipv4_socket_costs_three_calls)
{
	create(FD, AF_INET, SOCK_DGRAM, 0);

	(void)bind_to_wildcard(FD, any_v4(), true);

	assert_string_equal(kernel_calls(),
			    "SO_COOKIE IP_PKTINFO=1 SO_RCVLOWAT=0x52460000");
}

TEST(binding_a_new_ipv6_socket_costs_four_calls)
{
	create(FD, AF_INET6, SOCK_DGRAM, 0);

	(void)bind_to_wildcard(FD, any_v6(), true);

	assert_string_equal(kernel_calls(),
			    "SO_COOKIE IP_PKTINFO=1 "
			    "IPV6_RECVPKTINFO=1 SO_RCVLOWAT=0x52460000");
}

TEST(a_socket_is_switched_on_before_it_is_bound)
{
	create(FD, AF_INET, SOCK_DGRAM, 0);

	struct sock *sock = sock_binding(FD, 0);

	assert_non_null(sock);
	assert_true(is_on(FD));
	sock_bound(FD, sock, false);
}

TEST(a_bound_socket_is_known)
{
	create(FD, AF_INET, SOCK_DGRAM, 0);

	struct sock *sock = bind_to_wildcard(FD, any_v4(), true);

	assert_non_null(sock);
	assert_ptr_equal(sock_known(FD), sock);
	assert_int_equal(sock->fds, 1);
}

TEST(a_new_socket_may_be_nonblocking_from_the_start)
{
	create(FD, AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	       IPPROTO_UDP);

	struct sock *sock = bind_to_wildcard(FD, any_v4(), true);

	assert_non_null(sock);
	assert_string_equal(kernel_calls(),
			    "SO_COOKIE IP_PKTINFO=1 SO_RCVLOWAT=0x52460000");
}

TEST(binding_other_kinds_of_new_sockets_costs_nothing)
{
	const struct {
		int domain, type, protocol;
	} kinds[] = {
		{ AF_INET, SOCK_STREAM, 0 },
		{ AF_INET6, SOCK_STREAM, IPPROTO_TCP },
		{ AF_INET, SOCK_RAW, IPPROTO_UDP },
		{ AF_INET, SOCK_DGRAM, IPPROTO_ICMP },
		{ AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6 },
		{ AF_UNIX, SOCK_DGRAM, 0 },
		{ AF_NETLINK, SOCK_DGRAM, 0 },
	};

	for (size_t i = 0; i < COUNT(kinds); i++) {
		create(FD, kinds[i].domain, kinds[i].type, kinds[i].protocol);

		assert_null(sock_binding(FD, 0));
		assert_string_equal(kernel_calls(), "");
	}
}

TEST(binding_an_inherited_socket_looks_at_it)
{
	kernel_socket(FD, AF_INET, SOCK_DGRAM, 0);
	kernel_set(FD, IPPROTO_IP, IP_PKTINFO, 1);

	struct sock *sock = bind_to_wildcard(FD, any_v4(), true);

	assert_int_equal(sock->wanted, PKTINFO_V4);
}

/* As when a vfork child has closed its fd, and connect(2) gave it an address.
 */
TEST(binding_one_of_ours_that_was_forgotten_leaves_it_on)
{
	struct sock *sock = ours(FD);

	kernel_duplicated(FD, OTHER_FD);
	sock_duplicated(FD, OTHER_FD);
	sock_forget(OTHER_FD);
	kernel_bound(FD, v4("192.0.2.1", 53));

	assert_null(sock_binding(OTHER_FD, 0));

	assert_ptr_equal(sock_known(OTHER_FD), sock);
	assert_true(is_on(FD));
}

TEST(binding_an_inherited_stream_leaves_it)
{
	kernel_socket(FD, AF_INET, SOCK_STREAM, 0);

	struct sock *sock = sock_binding(FD, 0);

	assert_null(sock);
	assert_false(is_on(FD));
}

TEST(a_failed_bind_switches_back)
{
	create(FD, AF_INET6, SOCK_DGRAM, 0);

	(void)bind_to_wildcard(FD, any_v6(), false);

	assert_null(sock_known(FD));
	assert_false(is_on(FD));
	assert_false(is_v6_on(FD));
}

TEST(a_failed_bind_leaves_the_ip_pktinfo_that_was_wanted)
{
	kernel_socket(FD, AF_INET6, SOCK_DGRAM, 0);
	kernel_set(FD, IPPROTO_IP, IP_PKTINFO, 1);

	(void)bind_to_wildcard(FD, any_v6(), false);

	assert_true(is_on(FD));
	assert_false(is_v6_on(FD));
}

TEST(a_failed_bind_leaves_the_ipv6_pktinfo_that_was_wanted)
{
	kernel_socket(FD, AF_INET6, SOCK_DGRAM, 0);
	kernel_set(FD, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);

	(void)bind_to_wildcard(FD, any_v6(), false);

	assert_false(is_on(FD));
	assert_true(is_v6_on(FD));
}

TEST(after_a_failed_bind_the_next_may_succeed)
{
	create(FD, AF_INET, SOCK_DGRAM, 0);
	(void)bind_to_wildcard(FD, any_v4(), false);

	struct sock *sock = bind_to_wildcard(FD, any_v4(), true);

	assert_non_null(sock);
	assert_ptr_equal(sock_known(FD), sock);
	assert_true(is_on(FD));
}

TEST(after_a_failed_bind_nothing_of_it_is_found)
{
	kernel_socket(FD, AF_INET, SOCK_DGRAM, 0);
	kernel_set(FD, IPPROTO_IP, IP_PKTINFO, 1);
	(void)bind_to_wildcard(FD, any_v4(), false);

	struct sock *sock = sock_probe(FD);

	assert_null(sock);
}

TEST(a_failed_bind_counts_no_fd)
{
	create(FD, AF_INET, SOCK_DGRAM, 0);

	struct sock *sock = bind_to_wildcard(FD, any_v4(), false);

	assert_int_equal(sock->fds, 0);
}

TEST(binding_one_of_ours_again_is_left_to_the_kernel)
{
	(void)ours(FD);

	struct sock *sock = sock_binding(FD, 0);

	assert_null(sock);
	assert_string_equal(kernel_calls(), "");
}

/* bind(2) says EINVAL to the second fd; the first still receives. */
TEST(a_failed_bind_of_another_fd_leaves_ours_on)
{
	(void)ours(FD);
	kernel_duplicated(FD, OTHER_FD);

	(void)bind_to_wildcard(OTHER_FD, any_v4(), false);

	assert_true(is_on(FD));
}

TEST(a_socket_that_cannot_be_switched_on_is_bound_plainly)
{
	create(FD, AF_INET, SOCK_DGRAM, 0);
	kernel.setsockopt_error = EPERM;

	struct sock *sock = sock_binding(FD, 0);

	assert_null(sock);
}

TEST(binding_keeps_errno)
{
	create(FD, AF_INET, SOCK_DGRAM, 0);
	kernel.lacks_cookie = true;
	kernel.setsockopt_error = EPERM;
	errno = ENOTTY;

	(void)sock_binding(FD, 0);
	(void)sock_binding(OTHER_FD, 0);

	assert_int_equal(errno, ENOTTY);
}

TEST(switching_back_keeps_errno)
{
	create(FD, AF_INET, SOCK_DGRAM, 0);
	struct sock *sock = sock_binding(FD, 0);
	kernel.setsockopt_error = EPERM;
	errno = EADDRINUSE;

	sock_bound(FD, sock, false);

	assert_int_equal(errno, EADDRINUSE);
}

TEST(when_disabled_binding_costs_nothing)
{
	settings.disable = 1;
	create(FD, AF_INET, SOCK_DGRAM, 0);

	struct sock *sock = sock_binding(FD, 0);

	assert_null(sock);
	assert_string_equal(kernel_calls(), "");
}

/* A socket that the application set up first is looked at. */

static int set_option(int fd, int level, int name, int value)
{
	return sock_set_option(fd, level, name, &value, sizeof(value));
}

TEST(a_new_socket_with_an_option_is_looked_at)
{
	create(FD, AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(set_option(FD, IPPROTO_IP, IP_PKTINFO, 1), 0);

	struct sock *sock = bind_to_wildcard(FD, any_v4(), true);

	assert_int_equal(sock->wanted, PKTINFO_V4);
}

TEST(a_new_socket_with_a_device_is_looked_at)
{
	create(FD, AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(set_option(FD, SOL_SOCKET, SO_BINDTOIFINDEX, 7), 0);

	struct sock *sock = bind_to_wildcard(FD, any_v4(), true);

	assert_int_equal(sock->device, 7);
}

TEST(other_options_leave_a_new_socket_cheap)
{
	create(FD, AF_INET, SOCK_DGRAM, 0);
	(void)set_option(FD, SOL_SOCKET, SO_REUSEADDR, 1);
	(void)set_option(FD, IPPROTO_IP, IP_RECVTOS, 1);
	(void)kernel_calls();

	(void)bind_to_wildcard(FD, any_v4(), true);

	assert_string_equal(kernel_calls(),
			    "SO_COOKIE IP_PKTINFO=1 SO_RCVLOWAT=0x52460000");
}

/* Closing and duplicating. */

/* Siblings: fds that mean one socket, before it is bound. */

TEST(a_sibling_that_was_looked_at_is_ours_once_it_is_bound)
{
	kernel_socket(FD, AF_INET, SOCK_DGRAM, 0);
	kernel_duplicated(FD, OTHER_FD);
	assert_null(sock_probe(OTHER_FD));

	struct sock *sock = bind_to_wildcard(FD, any_v4(), true);

	assert_ptr_equal(sock_probe(OTHER_FD), sock);
}

TEST(a_new_socket_s_sibling_is_ours_once_it_is_bound)
{
	create(FD, AF_INET, SOCK_DGRAM, 0);
	kernel_duplicated(FD, OTHER_FD);
	assert_null(sock_probe(OTHER_FD));

	struct sock *sock = bind_to_wildcard(FD, any_v4(), true);

	assert_ptr_equal(sock_probe(OTHER_FD), sock);
}

TEST(a_new_socket_is_ours_once_its_sibling_is_found_bound)
{
	create(FD, AF_INET, SOCK_DGRAM, 0);
	kernel_duplicated(FD, OTHER_FD);
	kernel_bound(FD, any_v4());

	struct sock *sock = sock_probe(OTHER_FD);

	assert_non_null(sock);
	assert_ptr_equal(sock_probe(FD), sock);
}

/* What its sibling has set is not to be switched back. */
TEST(a_new_socket_whose_sibling_has_an_option_is_looked_at)
{
	create(FD, AF_INET, SOCK_DGRAM, 0);
	kernel_duplicated(FD, OTHER_FD);
	assert_int_equal(set_option(OTHER_FD, IPPROTO_IP, IP_PKTINFO, 1), 0);
	kernel_set(FD, IPPROTO_IP, IP_PKTINFO, 1);

	(void)bind_to_wildcard(FD, any_v4(), false);

	assert_true(is_on(FD));
}

/* Its connect(2) took the wildcard away; its mark is still there. */
TEST(an_inherited_socket_that_is_switched_on_is_ours)
{
	(void)ours(FD);
	kernel_bound(FD, v4("192.0.2.1", 53));
	sock_forget(FD);

	struct sock *sock = sock_probe(FD);

	assert_non_null(sock);
	assert_int_equal(sock->wanted, PKTINFO_NONE);
}

TEST(a_raw_socket_is_not_ours)
{
	kernel_socket(FD, AF_INET, SOCK_RAW, IPPROTO_UDP);
	kernel_bound(FD, any_v4());

	struct sock *sock = sock_probe(FD);

	assert_null(sock);
}

TEST(a_closed_fd_is_not_known)
{
	(void)ours(FD);

	sock_forget(FD);

	assert_null(sock_known(FD));
}

TEST(a_duplicate_means_the_same_socket)
{
	struct sock *sock = ours(FD);

	sock_duplicated(FD, OTHER_FD);

	assert_ptr_equal(sock_known(OTHER_FD), sock);
	assert_int_equal(sock->fds, 2);
}

TEST(closing_the_first_leaves_the_duplicate)
{
	struct sock *sock = ours(FD);

	sock_duplicated(FD, OTHER_FD);

	sock_forget(FD);

	assert_ptr_equal(sock_known(OTHER_FD), sock);
	assert_int_equal(sock->fds, 1);
}

TEST(closing_all_fds_leaves_none)
{
	struct sock *sock = ours(FD);

	sock_duplicated(FD, OTHER_FD);

	sock_forget(FD);
	sock_forget(OTHER_FD);
	sock_forget(OTHER_FD);

	assert_int_equal(sock->fds, 0);
}

TEST(duplicating_onto_itself_changes_nothing)
{
	struct sock *sock = ours(FD);

	sock_duplicated(FD, FD);

	assert_ptr_equal(sock_known(FD), sock);
	assert_int_equal(sock->fds, 1);
}

TEST(duplicating_onto_another_of_ours_closes_that)
{
	struct sock *sock = ours(FD), *other = ours(OTHER_FD);

	sock_duplicated(FD, OTHER_FD);

	assert_ptr_equal(sock_known(OTHER_FD), sock);
	assert_int_equal(sock->fds, 2);
	assert_int_equal(other->fds, 0);
}

TEST(a_duplicate_of_a_stream_is_not_looked_at)
{
	create(FD, AF_INET, SOCK_STREAM, 0);
	kernel_duplicated(FD, OTHER_FD);
	sock_duplicated(FD, OTHER_FD);

	struct sock *sock = sock_probe(OTHER_FD);

	assert_null(sock);
	assert_string_equal(kernel_calls(), "");
}

TEST(a_duplicate_of_the_unknown_is_unknown)
{
	(void)ours(OTHER_FD);
	inherit(FD);
	kernel_duplicated(FD, OTHER_FD);
	sock_duplicated(FD, OTHER_FD);
	assert_null(sock_known(OTHER_FD));

	struct sock *sock = sock_probe(OTHER_FD);

	assert_non_null(sock);
}

TEST(a_socket_is_known_by_each_fd_that_it_had_before_bind)
{
	create(FD, AF_INET, SOCK_DGRAM, 0);
	kernel_duplicated(FD, OTHER_FD);
	sock_duplicated(FD, OTHER_FD);
	kernel_duplicated(FD, THIRD_FD);
	sock_duplicated(FD, THIRD_FD);

	struct sock *sock = bind_to_wildcard(OTHER_FD, any_v4(), true);

	assert_non_null(sock);
	assert_ptr_equal(sock_probe(FD), sock);
	assert_ptr_equal(sock_probe(THIRD_FD), sock);
}

/* One fd may have got options by the other. */
TEST(a_new_socket_of_two_fds_is_looked_at_when_it_is_bound)
{
	create(FD, AF_INET, SOCK_DGRAM, 0);
	kernel_duplicated(FD, OTHER_FD);
	sock_duplicated(FD, OTHER_FD);
	kernel_set(FD, IPPROTO_IP, IP_PKTINFO, 1);

	struct sock *sock = bind_to_wildcard(OTHER_FD, any_v4(), true);

	assert_int_equal(sock->wanted, PKTINFO_V4);
}

TEST(a_range_is_closed_from_its_first_to_its_last)
{
	for (int fd = 10; fd <= 14; fd++)
		(void)ours(fd);

	sock_forget_range(11, 13);

	assert_non_null(sock_known(10));
	assert_null(sock_known(11));
	assert_null(sock_known(12));
	assert_null(sock_known(13));
	assert_non_null(sock_known(14));
}

TEST(a_range_to_the_end_closes_all_there_are)
{
	(void)ours(10);
	(void)ours(5000);
	(void)ours(FDS_LIMIT - 1);

	sock_forget_range(11, ~0U);

	assert_non_null(sock_known(10));
	assert_null(sock_known(5000));
	assert_null(sock_known(FDS_LIMIT - 1));
}

TEST(a_range_across_unused_numbers_stops_at_its_end)
{
	(void)ours(300000);
	(void)ours(300001);

	sock_forget_range(200000, 300000);

	assert_null(sock_known(300000));
	assert_non_null(sock_known(300001));
}

TEST(a_range_that_ends_before_it_begins_is_empty)
{
	(void)ours(10);

	sock_forget_range(11, 9);

	assert_non_null(sock_known(10));
}

TEST(large_fds_are_ours_too)
{
	const int fds[] = { 1023, 1024, 1025, 65535, FDS_LIMIT - 1 };

	for (size_t i = 0; i < COUNT(fds); i++) {
		inherit(fds[i]);

		assert_non_null(sock_probe(fds[i]));
		assert_non_null(sock_known(fds[i]));
	}
}

TEST(fds_beyond_the_limit_are_left_alone)
{
	const int fds[] = { FDS_LIMIT, FDS_LIMIT + 1, INT32_MAX, -1,
			    INT32_MIN };

	for (size_t i = 0; i < COUNT(fds); i++) {
		if (fds[i] > 0)
			inherit(fds[i]);

		assert_null(sock_probe(fds[i]));
		assert_null(sock_known(fds[i]));
		assert_null(sock_binding(fds[i], 0));
		sock_created(fds[i], AF_INET, SOCK_DGRAM, 0);
		sock_forget(fds[i]);
		assert_string_equal(kernel_calls(), "");
	}
}

TEST(a_duplicate_beyond_the_limit_is_not_counted)
{
	struct sock *sock = ours(FD);

	sock_duplicated(FD, FDS_LIMIT);

	assert_null(sock_known(FDS_LIMIT));
	assert_int_equal(sock->fds, 1);
}

/* Who is who. */

TEST(each_socket_has_an_id_of_its_own)
{
	struct sock *sock = ours(FD), *other = ours(OTHER_FD);

	assert_int_not_equal(sock->id, other->id);
}

/* Else the peers of a closed socket would be those of the next. */
TEST(an_id_is_not_given_twice)
{
	uint64_t last = 0;

	for (int i = 0; i < 1000; i++) {
		uint64_t id = ours(FD)->id;

		assert_true(id > last);
		last = id;
		sock_forget(FD);
	}
}

TEST(closed_sockets_make_room_for_others)
{
	enum { ENOUGH = 300 };
	struct sock *seen[ENOUGH] = { NULL };
	size_t count = 0, found;

	for (int i = 0; i < 5000; i++) {
		struct sock *sock = ours(FD);

		for (found = 0; found < count && seen[found] != sock; found++)
			;
		assert_in_range(found, 0, ENOUGH - 1);
		if (found == count)
			seen[count++] = sock;
		sock_forget(FD);
	}
}

TEST(many_sockets_are_known_at_once)
{
	struct sock *socks[400];

	for (int i = 0; i < 400; i++)
		socks[i] = ours(i);

	for (int i = 0; i < 400; i++)
		assert_ptr_equal(sock_known(i), socks[i]);
	for (int i = 1; i < 400; i++)
		assert_true(socks[i]->id > socks[i - 1]->id);
}

TEST(a_duplicate_nobody_saw_is_the_same_socket)
{
	struct sock *sock = ours(FD);

	kernel_duplicated(FD, OTHER_FD);

	struct sock *found = sock_probe(OTHER_FD);

	assert_ptr_equal(found, sock);
	assert_int_equal(sock->fds, 2);
}

TEST(without_a_cookie_such_a_duplicate_is_another)
{
	struct sock *sock;

	kernel.lacks_cookie = true;
	sock = ours(FD);
	kernel_duplicated(FD, OTHER_FD);

	struct sock *found = sock_probe(OTHER_FD);

	assert_non_null(found);
	assert_ptr_not_equal(found, sock);
}

/* A vfork child closes its copies through our hook, in our memory. */
TEST(a_socket_closed_in_a_vfork_child_is_found_again)
{
	struct sock *sock = ours(FD);
	const uint64_t id = sock->id;

	sock_forget(FD);

	struct sock *found = sock_probe(FD);

	assert_ptr_equal(found, sock);
	assert_int_equal(found->id, id);
	assert_int_equal(found->fds, 1);
}

/* It is on by our doing; that is not what the application wanted. */
TEST(a_socket_found_again_wants_what_it_wanted)
{
	(void)ours(FD);
	sock_forget(FD);

	struct sock *found = sock_probe(FD);

	assert_int_equal(found->wanted, PKTINFO_NONE);
}

TEST(another_socket_of_the_same_number_is_another)
{
	const uint64_t id = ours(FD)->id;

	inherit(FD);
	sock_review(FD);

	struct sock *found = sock_known(FD);

	assert_non_null(found);
	assert_int_not_equal(found->id, id);
	assert_true(is_on(FD));
}

TEST(a_review_of_one_of_ours_changes_nothing)
{
	struct sock *sock = ours(FD);

	const uint64_t id = sock->id;

	sock_review(FD);

	assert_ptr_equal(sock_known(FD), sock);
	assert_int_equal(sock->id, id);
	assert_int_equal(sock->fds, 1);
}

TEST(a_review_switches_on_what_was_switched_off)
{
	(void)ours(FD);
	kernel_set(FD, IPPROTO_IP, IP_PKTINFO, 0);

	sock_review(FD);

	assert_true(is_on(FD));
}

TEST(a_review_notices_a_socket_that_has_an_address)
{
	struct sock *sock = ours(FD);

	kernel_closed(FD);
	kernel_socket(FD, AF_INET, SOCK_DGRAM, 0);
	kernel_bound(FD, v4("192.0.2.1", 53));

	sock_review(FD);

	assert_null(sock_known(FD));
	assert_int_equal(sock->fds, 0);
}

TEST(a_review_notices_a_closed_fd)
{
	(void)ours(FD);
	kernel_closed(FD);

	sock_review(FD);

	assert_null(sock_known(FD));
}

TEST(a_number_used_anew_is_what_it_was_created_as)
{
	struct sock *sock = ours(FD);

	create(FD, AF_INET, SOCK_STREAM, 0);

	assert_null(sock_known(FD));
	assert_int_equal(sock->fds, 0);
}

/* Options, as the application sees them. */

static int get_option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	assert_int_equal(sock_get_option(fd, level, name, &value, &len), 0);
	assert_int_equal(len, sizeof(value));
	return value;
}

TEST(our_options_look_off)
{
	(void)ours_v6(FD);

	assert_int_equal(get_option(FD, IPPROTO_IP, IP_PKTINFO), 0);
	assert_int_equal(get_option(FD, IPPROTO_IPV6, IPV6_RECVPKTINFO), 0);
}

TEST(what_the_application_switches_on_looks_on)
{
	(void)ours_v6(FD);

	int result = set_option(FD, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);

	assert_int_equal(result, 0);
	assert_int_equal(get_option(FD, IPPROTO_IPV6, IPV6_RECVPKTINFO), 1);
	assert_int_equal(get_option(FD, IPPROTO_IP, IP_PKTINFO), 0);
}

TEST(what_the_application_switches_on_is_wanted)
{
	struct sock *sock = ours_v6(FD);

	(void)set_option(FD, IPPROTO_IP, IP_PKTINFO, 1);
	(void)set_option(FD, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);

	assert_int_equal(sock->wanted, PKTINFO_V4 | PKTINFO_V6);
}

TEST(what_the_application_switches_off_looks_off)
{
	(void)ours(FD);
	(void)set_option(FD, IPPROTO_IP, IP_PKTINFO, 1);
	(void)set_option(FD, IPPROTO_IP, IP_PKTINFO, 0);

	assert_int_equal(get_option(FD, IPPROTO_IP, IP_PKTINFO), 0);
}

TEST(what_the_application_switches_off_stays_on)
{
	(void)ours_v6(FD);
	(void)set_option(FD, IPPROTO_IP, IP_PKTINFO, 0);
	(void)set_option(FD, IPPROTO_IPV6, IPV6_RECVPKTINFO, 0);

	assert_true(is_on(FD));
	assert_true(is_v6_on(FD));
}

/* ip(7): a byte will do. */
TEST(an_option_can_be_set_by_a_byte)
{
	const unsigned char on = 1;

	(void)ours(FD);

	int result =
		sock_set_option(FD, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));

	assert_int_equal(result, 0);
	assert_int_equal(get_option(FD, IPPROTO_IP, IP_PKTINFO), 1);
}

/* Room of 0 to 8 bytes: what the kernel would write, and no more. */
static void check_lengths(int level, int name, int wanted)
{
	(void)ours_v6(FD);
	(void)set_option(FD, level, name, wanted);
	kernel_socket(OTHER_FD, AF_INET6, SOCK_DGRAM, 0);
	kernel_set(OTHER_FD, level, name, wanted);
	for (socklen_t room = 0; room <= 8; room++) {
		unsigned char seen[8], expected[8];
		socklen_t seen_len = room, expected_len = room;

		memset(seen, 0xa5, sizeof(seen));
		memset(expected, 0xa5, sizeof(expected));
		assert_int_equal(real.getsockopt(OTHER_FD, level, name,
						 expected, &expected_len),
				 0);

		assert_int_equal(
			sock_get_option(FD, level, name, seen, &seen_len), 0);

		assert_int_equal(seen_len, expected_len);
		assert_memory_equal(seen, expected, sizeof(seen));
	}
}

TEST(ip_pktinfo_off_is_told_in_any_room)
{
	check_lengths(IPPROTO_IP, IP_PKTINFO, 0);
}

TEST(ip_pktinfo_on_is_told_in_any_room)
{
	check_lengths(IPPROTO_IP, IP_PKTINFO, 1);
}

TEST(ipv6_recvpktinfo_off_is_told_in_any_room)
{
	check_lengths(IPPROTO_IPV6, IPV6_RECVPKTINFO, 0);
}

TEST(ipv6_recvpktinfo_on_is_told_in_any_room)
{
	check_lengths(IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
}

TEST(other_options_are_left_to_libc)
{
	int value = 1;
	socklen_t len = sizeof(value);

	(void)ours(FD);

	(void)set_option(FD, SOL_SOCKET, SO_REUSEADDR, 1);
	(void)set_option(FD, IPPROTO_IPV6, IP_PKTINFO, 1);
	(void)set_option(FD, IPPROTO_IP, IP_RECVTOS, 1);
	(void)sock_get_option(FD, IPPROTO_IP, IP_RECVTOS, &value, &len);
	assert_string_equal(kernel_calls(),
			    "SO_OTHER=1 IPV6_OTHER=1 IP_OTHER=1 IP_OTHER");
}

TEST(options_of_others_are_left_to_libc)
{
	int value = 0;
	socklen_t len = sizeof(value);

	create(FD, AF_INET, SOCK_DGRAM, 0);

	assert_int_equal(set_option(FD, IPPROTO_IP, IP_PKTINFO, 1), 0);
	assert_int_equal(
		sock_get_option(FD, IPPROTO_IP, IP_PKTINFO, &value, &len), 0);
	assert_int_equal(value, 1);
	assert_string_equal(kernel_calls(), "IP_PKTINFO=1 IP_PKTINFO");
}

/* What its program before exec, or its parent, has switched on as we do. */
static void inherit_marked(int fd, int mark)
{
	inherit(fd);
	kernel_set(fd, IPPROTO_IP, IP_PKTINFO, 1);
	kernel_set(fd, SOL_SOCKET, SO_RCVLOWAT, mark);
}

TEST(what_a_shim_before_switched_on_is_not_wanted)
{
	inherit_marked(FD, 0x52460000);

	struct sock *sock = sock_probe(FD);

	assert_int_equal(sock->wanted, PKTINFO_NONE);
}

TEST(what_was_wanted_before_a_shim_is_wanted)
{
	inherit_marked(FD, 0x52460000 | PKTINFO_V4);

	struct sock *sock = sock_probe(FD);

	assert_int_equal(sock->wanted, PKTINFO_V4);
}

TEST(an_option_that_nobody_looked_at_yet_is_shown_as_wanted)
{
	int value = 1;
	socklen_t len = sizeof(value);

	inherit_marked(FD, 0x52460000);

	int result = sock_get_option(FD, IPPROTO_IP, IP_PKTINFO, &value, &len);

	assert_int_equal(result, 0);
	assert_int_equal(value, 0);
}

TEST(what_the_application_wants_is_left_for_the_next)
{
	(void)ours(FD);

	(void)set_option(FD, IPPROTO_IP, IP_PKTINFO, 1);

	assert_int_equal(kernel_get(FD, SOL_SOCKET, SO_RCVLOWAT),
			 0x52460000 | PKTINFO_V4);
}

TEST(the_mark_is_not_shown)
{
	int value = 0;
	socklen_t len = sizeof(value);

	(void)ours(FD);

	int result = sock_get_option(FD, SOL_SOCKET, SO_RCVLOWAT, &value, &len);

	assert_int_equal(result, 0);
	assert_int_equal(value, 1);
}

TEST(the_application_s_own_lowat_stays)
{
	int value = 0;
	socklen_t len = sizeof(value);

	inherit(FD);
	kernel_set(FD, SOL_SOCKET, SO_RCVLOWAT, 100);

	(void)sock_get_option(FD, SOL_SOCKET, SO_RCVLOWAT, &value, &len);

	assert_int_equal(value, 100);
	assert_int_equal(kernel_get(FD, SOL_SOCKET, SO_RCVLOWAT), 100);
}

TEST(a_failed_bind_takes_the_mark_away)
{
	create(FD, AF_INET, SOCK_DGRAM, 0);

	(void)bind_to_wildcard(FD, any_v4(), false);

	assert_int_equal(kernel_get(FD, SOL_SOCKET, SO_RCVLOWAT), 1);
}

TEST(an_option_the_kernel_refuses_is_not_wanted)
{
	struct sock *sock = ours(FD);

	kernel.setsockopt_error = EPERM;

	int result = set_option(FD, IPPROTO_IP, IP_PKTINFO, 1);

	assert_int_equal(result, -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(sock->wanted, PKTINFO_NONE);
}

TEST(a_question_the_kernel_refuses_is_refused)
{
	socklen_t len = sizeof(int);

	(void)ours(FD);

	int result = sock_get_option(FD, IPPROTO_IP, IP_PKTINFO, NULL, &len);

	assert_int_equal(result, -1);
	assert_int_equal(errno, EFAULT);
}

TEST(when_disabled_an_option_is_only_passed_on)
{
	struct sock *sock = ours(FD);

	settings.disable = 1;

	assert_int_equal(set_option(FD, IPPROTO_IP, IP_PKTINFO, 0), 0);
	assert_string_equal(kernel_calls(), "IP_PKTINFO=0");
	assert_int_equal(sock->wanted, PKTINFO_NONE);
}

TEST(setting_an_option_keeps_errno)
{
	(void)ours(FD);
	kernel.lacks_bindtoifindex = true;
	errno = ENOTTY;

	(void)set_option(FD, IPPROTO_IP, IP_PKTINFO, 0);
	(void)sock_set_option(FD, SOL_SOCKET, SO_BINDTODEVICE, "eth7", 5);

	assert_int_equal(errno, ENOTTY);
}

TEST(a_device_that_is_set_later_is_noted)
{
	struct sock *sock = ours(FD);

	int result =
		sock_set_option(FD, SOL_SOCKET, SO_BINDTODEVICE, "eth7", 5);

	assert_int_equal(result, 0);
	assert_int_equal(sock->device, 7);
}

TEST(a_device_that_is_set_by_number_is_noted)
{
	struct sock *sock = ours(FD);

	(void)set_option(FD, SOL_SOCKET, SO_BINDTOIFINDEX, 7);

	assert_int_equal(sock->device, 7);
}

TEST(a_device_that_is_taken_away_is_noted)
{
	struct sock *sock = ours(FD);

	(void)set_option(FD, SOL_SOCKET, SO_BINDTOIFINDEX, 7);

	(void)set_option(FD, SOL_SOCKET, SO_BINDTOIFINDEX, 0);

	assert_int_equal(sock->device, 0);
}

/* Threads. */

static void *duplicate_and_close(void *context)
{
	const int to = *(const int *)context;

	for (int i = 0; i < 50000; i++) {
		sock_duplicated(FD, to);
		sock_forget(to);
	}
	return NULL;
}

/* The port in its id. */

static in_port_t port_of(const struct sock *sock)
{
	return ntohs(peers_port_be(sock->id));
}

TEST(a_bound_socket_has_its_port)
{
	struct sock *sock;

	create(FD, AF_INET, SOCK_DGRAM, 0);
	sock = sock_binding(FD, htons(53));
	kernel_bound(FD, v4("0.0.0.0", 53));
	sock_bound(FD, sock, true);

	assert_int_equal(port_of(sock), 53);
	assert_true(sock_has_own_port(sock));
}

TEST(a_port_that_the_kernel_chose_is_none_of_its_own)
{
	struct sock *sock;

	create(FD, AF_INET, SOCK_DGRAM, 0);
	sock = sock_binding(FD, 0);
	kernel_bound(FD, v4("0.0.0.0", 0));
	sock_bound(FD, sock, true);

	assert_int_equal(port_of(sock), 0);
	assert_false(sock_has_own_port(sock));
}

/* Nobody can tell whether that is one by number. */
TEST(an_inherited_socket_s_port_is_none_of_its_own)
{
	assert_false(sock_has_own_port(ours(FD)));
}

TEST(a_new_socket_that_is_adopted_is_ours)
{
	struct sock *sock;

	create(FD, AF_INET6, SOCK_DGRAM, 0);
	errno = ENOTTY;

	sock = sock_adopt(FD, AF_INET6, sock_settle(FD));

	assert_non_null(sock);
	assert_ptr_equal(sock_known(FD), sock);
	assert_int_equal(port_of(sock), 0);
	assert_false(sock_has_own_port(sock));
	assert_int_equal(atomic_load(&sock->family), AF_INET6);
	assert_int_equal(errno, ENOTTY);
}

TEST(adopting_a_new_socket_without_options_asks_only_for_its_cookie)
{
	create(FD, AF_INET6, SOCK_DGRAM, 0);

	(void)sock_adopt(FD, AF_INET6, sock_settle(FD));

	assert_string_equal(kernel_calls(),
			    "SO_COOKIE IP_PKTINFO=1 IPV6_RECVPKTINFO=1 "
			    "SO_RCVLOWAT=0x52460000");
}

TEST(adopting_a_new_socket_with_options_keeps_these)
{
	struct sock *sock;

	create(FD, AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(set_option(FD, IPPROTO_IP, IP_PKTINFO, 1), 0);
	assert_int_equal(set_option(FD, SOL_SOCKET, SO_BINDTOIFINDEX, 7), 0);

	sock = sock_adopt(FD, AF_INET, sock_settle(FD));

	assert_int_equal(sock->wanted, PKTINFO_V4);
	assert_int_equal(sock->device, 7);
}

/* Where another process may have set them. */

TEST(after_a_fork_the_options_of_an_adopted_socket_are_read)
{
	struct sock *sock;

	create(FD, AF_INET, SOCK_DGRAM, 0);
	sock_forked();
	kernel_set(FD, IPPROTO_IP, IP_PKTINFO, 1);

	sock = sock_adopt(FD, AF_INET, sock_settle(FD));

	assert_int_equal(sock->wanted, PKTINFO_V4);
}

TEST(after_a_fork_the_options_of_a_bound_socket_are_read)
{
	create(FD, AF_INET, SOCK_DGRAM, 0);
	sock_forked();
	kernel_set(FD, IPPROTO_IP, IP_PKTINFO, 1);

	struct sock *sock = bind_to_wildcard(FD, any_v4(), true);

	assert_int_equal(sock->wanted, PKTINFO_V4);
}

TEST(a_fork_changes_nothing_of_other_sockets)
{
	struct sock *sock = ours(FD);

	create(OTHER_FD, AF_INET, SOCK_STREAM, 0);
	sock_forked();

	assert_ptr_equal(sock_known(FD), sock);
	assert_false(sock_may_be_udp(OTHER_FD));
	assert_string_equal(kernel_calls(), "");
}

TEST(what_cannot_be_adopted_is_left)
{
	create(FD, AF_INET, SOCK_DGRAM, 0);
	kernel.setsockopt_error = EPERM;

	assert_null(sock_adopt(FD, AF_INET, sock_settle(FD)));
	assert_null(sock_known(FD));
}

TEST(when_disabled_nothing_is_adopted)
{
	create(FD, AF_INET, SOCK_DGRAM, 0);
	settings.disable = 1;

	assert_null(sock_adopt(FD, AF_INET, sock_settle(FD)));
	assert_string_equal(kernel_calls(), "");
}

/* Pins. */

static const char *pinned_to(const struct sock *sock)
{
	struct local local;

	return sock_is_pinned(sock, &local) ? text_of(&local) : "nothing";
}

TEST(a_socket_is_pinned_until_it_is_unpinned)
{
	const struct local first = local_of("10.0.0.1");
	const struct local second = local_of("2001:db8::1");
	struct sock *sock = ours(FD);

	assert_string_equal(pinned_to(sock), "nothing");
	sock_pin(sock, &first);
	assert_string_equal(pinned_to(sock), "10.0.0.1");
	sock_pin(sock, &second);
	assert_string_equal(pinned_to(sock), "2001:db8::1");
	assert_ptr_equal(sock_known(FD), sock);

	sock_unpin(sock);

	assert_string_equal(pinned_to(sock), "nothing");
	assert_int_equal(sock_mode(sock), SOCK_ARMED);
}

TEST(a_source_that_changes_right_now_is_none)
{
	const struct local source = local_of("10.0.0.1");
	struct sock *sock = ours(FD);

	sock_pin(sock, &source);
	atomic_fetch_add(&sock->pins, 1);

	assert_string_equal(pinned_to(sock), "nothing");
}

TEST(what_is_not_ours_is_not_unpinned)
{
	struct sock *sock = ours(FD);

	atomic_store(&sock->mode, SOCK_NOT_OURS);

	sock_unpin(sock);

	assert_int_equal(sock_mode(sock), SOCK_NOT_OURS);
	atomic_store(&sock->mode, SOCK_ARMED);
}

/* IP_MULTICAST_IF, of which only the address can be read. */

static int set_interface(int fd, const char *address, int ifindex)
{
	const struct ip_mreqn group = { .imr_address = in4(address),
					.imr_ifindex = ifindex };

	return sock_set_option(fd, IPPROTO_IP, IP_MULTICAST_IF, &group,
			       sizeof(group));
}

TEST(an_interface_that_is_set_by_number_is_noted)
{
	create(FD, AF_INET, SOCK_DGRAM, 0);

	assert_int_equal(set_interface(FD, "0.0.0.0", 5), 0);
	assert_int_equal(sock_multicast_ifindex(FD), 5);
	assert_string_equal(kernel_multicast(FD), "0.0.0.0%5");

	assert_int_equal(set_interface(FD, "10.0.1.7", 0), 0);
	assert_int_equal(sock_multicast_ifindex(FD), 0);
}

TEST(an_interface_that_is_set_by_address_is_not_noted)
{
	const struct in_addr address = in4("10.0.1.7");

	create(FD, AF_INET, SOCK_DGRAM, 0);
	(void)set_interface(FD, "0.0.0.0", 5);

	assert_int_equal(sock_set_option(FD, IPPROTO_IP, IP_MULTICAST_IF,
					 &address, sizeof(address)),
			 0);
	assert_int_equal(sock_multicast_ifindex(FD), 0);
}

TEST(an_interface_that_is_refused_is_not_noted)
{
	create(FD, AF_INET, SOCK_DGRAM, 0);
	(void)set_interface(FD, "0.0.0.0", 5);
	kernel.setsockopt_error = EADDRNOTAVAIL;

	assert_int_equal(set_interface(FD, "0.0.0.0", 6), -1);
	assert_int_equal(errno, EADDRNOTAVAIL);
	assert_int_equal(sock_multicast_ifindex(FD), 5);
}

TEST(an_interface_is_that_of_all_fds)
{
	create(FD, AF_INET, SOCK_DGRAM, 0);
	(void)set_interface(FD, "0.0.0.0", 5);

	sock_duplicated(FD, OTHER_FD);

	assert_int_equal(sock_multicast_ifindex(OTHER_FD), 5);
}

TEST(an_interface_goes_with_its_fd)
{
	create(FD, AF_INET, SOCK_DGRAM, 0);
	(void)set_interface(FD, "0.0.0.0", 5);
	sock_forget(FD);
	assert_int_equal(sock_multicast_ifindex(FD), 0);

	create(FD, AF_INET, SOCK_DGRAM, 0);
	(void)set_interface(FD, "0.0.0.0", 5);
	create(FD, AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(sock_multicast_ifindex(FD), 0);
}

/* Set on one that nobody has seen yet: the note is all there is. */
TEST(an_unseen_fd_s_interface_goes_with_it)
{
	kernel_socket(FD, AF_INET, SOCK_DGRAM, 0);
	(void)set_interface(FD, "0.0.0.0", 5);

	sock_forget(FD);

	assert_int_equal(sock_multicast_ifindex(FD), 0);
}

TEST(an_interface_is_that_of_a_tracked_socket)
{
	create(FD, AF_INET, SOCK_DGRAM, 0);
	(void)bind_to_wildcard(FD, any_v4(), true);
	kernel_duplicated(FD, OTHER_FD);
	sock_duplicated(FD, OTHER_FD);

	(void)set_interface(OTHER_FD, "0.0.0.0", 5);
	assert_int_equal(sock_multicast_ifindex(FD), 5);

	(void)set_interface(FD, "10.0.0.1", 0);
	assert_int_equal(sock_multicast_ifindex(OTHER_FD), 0);
}

TEST(an_interface_outlives_the_fd_that_it_was_set_by)
{
	create(FD, AF_INET, SOCK_DGRAM, 0);
	(void)bind_to_wildcard(FD, any_v4(), true);
	kernel_duplicated(FD, OTHER_FD);
	sock_duplicated(FD, OTHER_FD);
	(void)set_interface(FD, "0.0.0.0", 5);

	sock_forget(FD);

	assert_int_equal(sock_multicast_ifindex(OTHER_FD), 5);
}

TEST(an_interface_set_before_the_bind_is_that_of_the_socket)
{
	create(FD, AF_INET, SOCK_DGRAM, 0);
	(void)set_interface(FD, "0.0.0.0", 5);
	(void)bind_to_wildcard(FD, any_v4(), true);
	kernel_duplicated(FD, OTHER_FD);
	sock_duplicated(FD, OTHER_FD);

	assert_int_equal(sock_multicast_ifindex(FD), 5);
	assert_int_equal(sock_multicast_ifindex(OTHER_FD), 5);
}

TEST(one_thread_at_a_time_moves_a_socket)
{
	struct sock *sock;

	create(FD, AF_INET, SOCK_DGRAM, 0);
	(void)bind_to_wildcard(FD, any_v4(), true);
	sock = sock_known(FD);

	assert_true(sock_begin_move(sock));
	assert_false(sock_begin_move(sock));
	sock_end_move(sock);
	assert_true(sock_begin_move(sock));
	sock_end_move(sock);
}

TEST(who_stayed_behind_in_a_fork_is_in_nobody_s_way)
{
	struct sock *sock;

	create(FD, AF_INET, SOCK_DGRAM, 0);
	(void)bind_to_wildcard(FD, any_v4(), true);
	sock = sock_known(FD);
	atomic_store(&sock->mover, lock_generation() + 1);

	assert_true(sock_begin_move(sock));
	sock_end_move(sock);
}

/* A limit: it is noted for the fd that it was set by, and later copies. */
TEST(an_interface_set_by_another_fd_is_not_known)
{
	kernel_socket(FD, AF_INET, SOCK_DGRAM, 0);
	kernel_duplicated(FD, OTHER_FD);
	sock_duplicated(FD, OTHER_FD);
	(void)set_interface(FD, "0.0.0.0", 5);

	assert_int_equal(sock_multicast_ifindex(OTHER_FD), 0);
}

/* Closed sockets are of no weight. */

static uint32_t chunks(void)
{
	uint32_t n = 0;

	while (n < SOCK_CHUNKS && sock_chunks[n])
		n++;
	return n;
}

TEST(closed_sockets_take_no_memory)
{
	uint32_t before;

	for (int i = 0; i < 2 * SOCKS_PER_CHUNK; i++) {
		(void)ours(FD);
		sock_forget(FD);
	}
	before = chunks();
	for (int i = 0; i < 10 * SOCKS_PER_CHUNK; i++) {
		(void)ours(FD);
		sock_forget(FD);
	}

	assert_int_equal(chunks(), before);
}

TEST(no_two_open_sockets_are_one)
{
	enum { OPEN = 3 * SOCKS_PER_CHUNK };
	struct sock *socks[OPEN];

	for (int i = 0; i < OPEN; i++)
		socks[i] = ours(FD + i);

	for (int i = 0; i < OPEN; i++) {
		assert_ptr_equal(sock_known(FD + i), socks[i]);
		assert_int_equal(atomic_load(&socks[i]->fds), 1);
	}
	sock_forget_range(0, ~0U);
}

/* Giving up, before a filter that kills for what we do. */

static struct sock *bound_by_us(int fd)
{
	create(fd, AF_INET, SOCK_DGRAM, 0);
	return bind_to_wildcard(fd, any_v4(), true);
}

TEST(what_we_bound_is_put_back)
{
	(void)bound_by_us(FD);
	errno = ENOTTY;

	sock_stop(true);

	assert_null(sock_known(FD));
	assert_false(is_on(FD));
	assert_true(sock_is_off());
	assert_int_equal(errno, ENOTTY);
	sock_go_on();
	assert_non_null(sock_probe(FD));
	assert_true(is_on(FD));
}

/* It goes on to use it. */
TEST(what_another_process_bound_stays_on)
{
	struct sock *sock = bound_by_us(FD);

	atomic_store(&sock->generation, lock_generation() + 1);

	sock_stop(true);

	assert_null(sock_known(FD));
	assert_true(is_on(FD));
	sock_go_on();
}

TEST(what_need_not_be_put_back_stays_on)
{
	(void)bound_by_us(FD);

	sock_stop(false);

	assert_null(sock_known(FD));
	assert_true(is_on(FD));
	sock_go_on();
}

TEST(threads_that_duplicate_count_right)
{
	struct sock *sock = ours(FD);
	/* Two of them fight for one number. */
	int to[] = { 20, 21, 22, 22 };
	pthread_t threads[COUNT(to)];

	for (size_t i = 0; i < COUNT(to); i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
						duplicate_and_close, &to[i]),
				 0);
	for (size_t i = 0; i < COUNT(to); i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);

	assert_int_equal(sock->fds, 1);
}

static _Atomic bool is_through;

static void *settle_always(void *unused)
{
	while (!is_through)
		sock_settle(FD);
	return unused;
}

/* As the child of a clone(2) with CLONE_VM does, whose parent goes on. */
TEST(what_settles_an_fd_while_it_is_bound_does_not_lose_it)
{
	pthread_t thread;
	int lost = 0;

	is_through = false;
	assert_int_equal(pthread_create(&thread, NULL, settle_always, NULL), 0);
	for (int i = 0; i < 20000; i++) {
		create(FD, AF_INET, SOCK_DGRAM, 0);
		struct sock *sock = sock_binding(FD, htons(53));

		kernel_bound(FD, any_v4());
		sock_bound(FD, sock, true);
		lost += sock_known(FD) != sock;
		sock_forget(FD);
	}
	is_through = true;
	assert_int_equal(pthread_join(thread, NULL), 0);

	assert_int_equal(lost, 0);
}
