/* SPDX-License-Identifier: MIT */
/* Which fds are ours, and what they cost. */
#include "state/sock.h"

#include "address.h"
#include "base/lock.h"
#include "base/real.h"
#include "child.h"
#include "kernel.h"
#include "settings.h"
#include "state/peers.h"
#include "unit.h"

#include <errno.h>
#include <linux/netlink.h>
#include <net/if.h>
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

static int nothing_open(void **state)
{
	(void)state;
	settings_reset();
	sock_forget_range(0, ~0U);
	kernel_boot();
	return 0;
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

static void an_ipv4_wildcard_socket_is_ours(void **state)
{
	(void)state;
	inherit(FD);

	struct sock *sock = sock_probe(FD);

	assert_non_null(sock);
	assert_int_equal(sock->family, AF_INET);
	assert_true(is_on(FD));
}

static void an_ipv6_wildcard_socket_is_ours(void **state)
{
	(void)state;
	inherit_v6(FD);

	struct sock *sock = sock_probe(FD);

	assert_non_null(sock);
	assert_int_equal(sock->family, AF_INET6);
	assert_true(is_on(FD) && is_v6_on(FD));
}

static void a_udp_lite_wildcard_socket_is_ours(void **state)
{
	(void)state;
	kernel_socket(FD, AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE);
	kernel_bound(FD, any_v4());

	struct sock *sock = sock_probe(FD);

	assert_non_null(sock);
}

static void a_socket_bound_to_mapped_zeroes_is_ours(void **state)
{
	(void)state;
	kernel_socket(FD, AF_INET6, SOCK_DGRAM, 0);
	kernel_bound(FD, v6("::ffff:0.0.0.0", 53));

	struct sock *sock = sock_probe(FD);

	assert_non_null(sock);
}

static void a_socket_bound_to_an_address_is_not_ours(void **state)
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

	(void)state;
	for (size_t i = 0; i < COUNT(bound); i++) {
		kernel_socket(FD, bound[i].domain, SOCK_DGRAM, 0);
		kernel_bound(FD, bound[i].address);
		sock_forget(FD);

		assert_null(sock_probe(FD));
		assert_false(is_on(FD));
	}
}

static void a_socket_bound_to_no_listed_port_is_not_ours(void **state)
{
	(void)state;
	settings_only_dns();
	inherit(FD);
	kernel_socket(OTHER_FD, AF_INET, SOCK_DGRAM, 0);
	kernel_bound(OTHER_FD, v4("0.0.0.0", 54));

	assert_non_null(sock_probe(FD));
	assert_null(sock_probe(OTHER_FD));
	assert_false(is_on(OTHER_FD));
}

static void an_unbound_socket_is_not_ours_yet(void **state)
{
	(void)state;
	kernel_socket(FD, AF_INET, SOCK_DGRAM, 0);

	struct sock *sock = sock_probe(FD);

	assert_null(sock);
	assert_false(is_on(FD));
}

static void other_kinds_of_sockets_are_not_ours(void **state)
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

	(void)state;
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
static void a_protocol_of_another_family_is_not_ours(void **state)
{
	(void)state;
	kernel_socket(FD, AF_NETLINK, SOCK_DGRAM, IPPROTO_UDP);
	kernel_bound(FD, any_v4());

	struct sock *sock = sock_probe(FD);

	assert_null(sock);
	assert_null(strstr(kernel_calls(), "="));
}

static void a_file_is_not_ours(void **state)
{
	(void)state;
	kernel_file(FD);

	struct sock *sock = sock_probe(FD);

	assert_null(sock);
}

static void a_closed_fd_is_looked_at_when_it_is_open(void **state)
{
	(void)state;
	assert_null(sock_probe(FD));
	inherit(FD);

	struct sock *sock = sock_probe(FD);

	assert_non_null(sock);
}

static void looking_at_an_fd_costs_so_many_calls(void **state)
{
	(void)state;
	inherit(FD);

	(void)sock_probe(FD);

	assert_string_equal(kernel_calls(), LOOK_V4);
}

static void one_of_ours_is_looked_at_once(void **state)
{
	struct sock *sock = ours(FD);

	(void)state;

	struct sock *again = sock_probe(FD);

	assert_ptr_equal(again, sock);
	assert_string_equal(kernel_calls(), "");
}

static void what_is_not_ours_is_looked_at_once(void **state)
{
	(void)state;
	kernel_socket(FD, AF_INET, SOCK_STREAM, 0);
	(void)sock_probe(FD);
	(void)kernel_calls();

	struct sock *sock = sock_probe(FD);

	assert_null(sock);
	assert_string_equal(kernel_calls(), "");
}

static void a_socket_that_was_created_and_sent_is_not_looked_at(void **state)
{
	(void)state;
	create(FD, AF_INET, SOCK_DGRAM, 0);

	bool was_new = sock_settle(FD);
	struct sock *sock = sock_probe(FD);

	assert_true(was_new);
	assert_null(sock);
	assert_string_equal(kernel_calls(), "");
}

/* bindresvport(3) calls libc's own bind, and a helper may have the socket. */
static void a_new_socket_that_receives_was_bound_behind_our_back(void **state)
{
	(void)state;
	create(FD, AF_INET, SOCK_DGRAM, 0);
	kernel_bound(FD, any_v4());

	struct sock *sock = sock_probe(FD);

	assert_non_null(sock);
}

static void a_raw_socket_that_is_inherited_is_not_ours(void **state)
{
	(void)state;
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
	return sock_adopt(OTHER_FD, AF_INET) || sock_probe(OTHER_FD);
}

static void what_a_vfork_child_does_is_not_noted(void **state)
{
	static int (*const bodies[])(
		void *) = { close_in_child, replace_in_child, bind_in_child,
			    stop_in_child, review_in_child };
	const struct local local = { .family = AF_INET };
	struct sock *sock = ours(FD);

	(void)state;
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
static void what_is_known_costs_no_call(void **state)
{
	(void)state;
	inherit(FD);

	struct sock *sock = sock_known(FD);

	assert_null(sock);
	assert_string_equal(kernel_calls(), "");
}

static void one_of_ours_is_known(void **state)
{
	struct sock *sock = ours(FD);

	(void)state;

	struct sock *known = sock_known(FD);

	assert_ptr_equal(known, sock);
}

static void what_the_application_asked_for_before_is_wanted(void **state)
{
	(void)state;
	inherit_v6(FD);
	kernel_set(FD, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);

	struct sock *sock = sock_probe(FD);

	assert_int_equal(sock->wanted, PKTINFO_V6);
}

static void what_nobody_asked_for_is_not_wanted(void **state)
{
	(void)state;
	inherit_v6(FD);

	struct sock *sock = sock_probe(FD);

	assert_int_equal(sock->wanted, PKTINFO_NONE);
}

static void the_device_of_a_socket_is_known(void **state)
{
	(void)state;
	inherit(FD);
	kernel_set(FD, SOL_SOCKET, SO_BINDTOIFINDEX, 7);

	struct sock *sock = sock_probe(FD);

	assert_int_equal(sock->device, 7);
}

/* SO_BINDTOIFINDEX came with Linux 5.0. */
static void an_older_kernel_tells_the_device_by_name(void **state)
{
	(void)state;
	inherit(FD);
	kernel_set(FD, SOL_SOCKET, SO_BINDTOIFINDEX, 7);
	kernel.lacks_bindtoifindex = true;

	struct sock *sock = sock_probe(FD);

	assert_int_equal(sock->device, 7);
}

static void on_an_older_kernel_no_device_is_none(void **state)
{
	(void)state;
	inherit(FD);
	kernel.lacks_bindtoifindex = true;

	struct sock *sock = sock_probe(FD);

	assert_int_equal(sock->device, 0);
}

static void without_a_cookie_a_socket_is_ours_too(void **state)
{
	(void)state;
	inherit(FD);
	kernel.lacks_cookie = true;

	struct sock *sock = sock_probe(FD);

	assert_non_null(sock);
	assert_int_equal(sock->cookie, 0);
}

static void a_socket_that_cannot_be_switched_on_is_not_ours(void **state)
{
	(void)state;
	inherit(FD);
	kernel.setsockopt_error = EPERM;

	struct sock *sock = sock_probe(FD);

	assert_null(sock);
	assert_null(sock_known(FD));
}

static void looking_at_an_fd_keeps_errno(void **state)
{
	(void)state;
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

static void when_disabled_nothing_is_looked_at(void **state)
{
	(void)state;
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

static void zeroes_are_the_wildcard(void **state)
{
	(void)state;

	assert_true(is_wildcard(v4("0.0.0.0", 53)));
	assert_true(is_wildcard(v4("0.0.0.0", 0)));
	assert_true(is_wildcard(v6("::", 53)));
	assert_true(is_wildcard(v6("::ffff:0.0.0.0", 53)));
}

static void an_address_is_not_the_wildcard(void **state)
{
	(void)state;

	assert_false(is_wildcard(v4("192.0.2.1", 53)));
	assert_false(is_wildcard(v4("0.0.0.1", 53)));
	assert_false(is_wildcard(v6("::1", 53)));
	assert_false(is_wildcard(v6("2001:db8::", 53)));
	assert_false(is_wildcard(v6("::ffff:192.0.2.1", 53)));
}

/* bind(2) takes it for AF_INET, with 0.0.0.0 only. */
static void zeroes_of_no_family_are_the_wildcard(void **state)
{
	struct address none = v4("0.0.0.0", 53), other = v4("192.0.2.1", 53);

	(void)state;
	none.any.sa_family = AF_UNSPEC;
	other.any.sa_family = AF_UNSPEC;

	assert_true(is_wildcard(none));
	assert_false(is_wildcard(other));
}

static void a_short_sockaddr_in6_is_the_wildcard_too(void **state)
{
	struct address address = any_v6();

	(void)state;
	address.len = offsetof(struct sockaddr_in6, sin6_scope_id);

	assert_true(is_wildcard(address));
}

static void an_address_that_is_cut_is_not_the_wildcard(void **state)
{
	struct address cut_v4 = any_v4(), cut_v6 = any_v6();

	(void)state;
	cut_v4.len--;
	cut_v6.len = offsetof(struct sockaddr_in6, sin6_scope_id) - 1;

	assert_false(is_wildcard(cut_v4));
	assert_false(is_wildcard(cut_v6));
	assert_false(sock_is_wildcard(NULL, sizeof(struct sockaddr_in)));
}

static void zeroes_of_another_family_are_not_the_wildcard(void **state)
{
	struct address address = any_v6();

	(void)state;
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

static void binding_a_new_ipv4_socket_costs_three_calls(void **state)
{
	(void)state;
	create(FD, AF_INET, SOCK_DGRAM, 0);

	(void)bind_to_wildcard(FD, any_v4(), true);

	assert_string_equal(kernel_calls(),
			    "SO_COOKIE IP_PKTINFO=1 SO_RCVLOWAT=0x52460000");
}

static void binding_a_new_ipv6_socket_costs_four_calls(void **state)
{
	(void)state;
	create(FD, AF_INET6, SOCK_DGRAM, 0);

	(void)bind_to_wildcard(FD, any_v6(), true);

	assert_string_equal(kernel_calls(),
			    "SO_COOKIE IP_PKTINFO=1 "
			    "IPV6_RECVPKTINFO=1 SO_RCVLOWAT=0x52460000");
}

static void a_socket_is_switched_on_before_it_is_bound(void **state)
{
	(void)state;
	create(FD, AF_INET, SOCK_DGRAM, 0);

	struct sock *sock = sock_binding(FD, 0);

	assert_non_null(sock);
	assert_true(is_on(FD));
	sock_bound(FD, sock, false);
}

static void a_bound_socket_is_known(void **state)
{
	(void)state;
	create(FD, AF_INET, SOCK_DGRAM, 0);

	struct sock *sock = bind_to_wildcard(FD, any_v4(), true);

	assert_non_null(sock);
	assert_ptr_equal(sock_known(FD), sock);
	assert_int_equal(sock->fds, 1);
}

static void a_new_socket_may_be_nonblocking_from_the_start(void **state)
{
	(void)state;
	create(FD, AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	       IPPROTO_UDP);

	struct sock *sock = bind_to_wildcard(FD, any_v4(), true);

	assert_non_null(sock);
	assert_string_equal(kernel_calls(),
			    "SO_COOKIE IP_PKTINFO=1 SO_RCVLOWAT=0x52460000");
}

static void binding_other_kinds_of_new_sockets_costs_nothing(void **state)
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

	(void)state;
	for (size_t i = 0; i < COUNT(kinds); i++) {
		create(FD, kinds[i].domain, kinds[i].type, kinds[i].protocol);

		assert_null(sock_binding(FD, 0));
		assert_string_equal(kernel_calls(), "");
	}
}

static void binding_an_inherited_socket_looks_at_it(void **state)
{
	(void)state;
	kernel_socket(FD, AF_INET, SOCK_DGRAM, 0);
	kernel_set(FD, IPPROTO_IP, IP_PKTINFO, 1);

	struct sock *sock = bind_to_wildcard(FD, any_v4(), true);

	assert_int_equal(sock->wanted, PKTINFO_V4);
}

/* As when a vfork child has closed its fd, and connect(2) gave it an address.
 */
static void binding_one_of_ours_that_was_forgotten_leaves_it_on(void **state)
{
	struct sock *sock = ours(FD);

	(void)state;
	kernel_duplicated(FD, OTHER_FD);
	sock_duplicated(FD, OTHER_FD);
	sock_forget(OTHER_FD);
	kernel_bound(FD, v4("192.0.2.1", 53));

	assert_null(sock_binding(OTHER_FD, 0));

	assert_ptr_equal(sock_known(OTHER_FD), sock);
	assert_true(is_on(FD));
}

static void binding_an_inherited_stream_leaves_it(void **state)
{
	(void)state;
	kernel_socket(FD, AF_INET, SOCK_STREAM, 0);

	struct sock *sock = sock_binding(FD, 0);

	assert_null(sock);
	assert_false(is_on(FD));
}

static void a_failed_bind_switches_back(void **state)
{
	(void)state;
	create(FD, AF_INET6, SOCK_DGRAM, 0);

	(void)bind_to_wildcard(FD, any_v6(), false);

	assert_null(sock_known(FD));
	assert_false(is_on(FD));
	assert_false(is_v6_on(FD));
}

static void a_failed_bind_leaves_the_ip_pktinfo_that_was_wanted(void **state)
{
	(void)state;
	kernel_socket(FD, AF_INET6, SOCK_DGRAM, 0);
	kernel_set(FD, IPPROTO_IP, IP_PKTINFO, 1);

	(void)bind_to_wildcard(FD, any_v6(), false);

	assert_true(is_on(FD));
	assert_false(is_v6_on(FD));
}

static void a_failed_bind_leaves_the_ipv6_pktinfo_that_was_wanted(void **state)
{
	(void)state;
	kernel_socket(FD, AF_INET6, SOCK_DGRAM, 0);
	kernel_set(FD, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);

	(void)bind_to_wildcard(FD, any_v6(), false);

	assert_false(is_on(FD));
	assert_true(is_v6_on(FD));
}

static void after_a_failed_bind_the_next_may_succeed(void **state)
{
	(void)state;
	create(FD, AF_INET, SOCK_DGRAM, 0);
	(void)bind_to_wildcard(FD, any_v4(), false);

	struct sock *sock = bind_to_wildcard(FD, any_v4(), true);

	assert_non_null(sock);
	assert_ptr_equal(sock_known(FD), sock);
	assert_true(is_on(FD));
}

static void after_a_failed_bind_nothing_of_it_is_found(void **state)
{
	(void)state;
	kernel_socket(FD, AF_INET, SOCK_DGRAM, 0);
	kernel_set(FD, IPPROTO_IP, IP_PKTINFO, 1);
	(void)bind_to_wildcard(FD, any_v4(), false);

	struct sock *sock = sock_probe(FD);

	assert_null(sock);
}

static void a_failed_bind_counts_no_fd(void **state)
{
	(void)state;
	create(FD, AF_INET, SOCK_DGRAM, 0);

	struct sock *sock = bind_to_wildcard(FD, any_v4(), false);

	assert_int_equal(sock->fds, 0);
}

static void binding_one_of_ours_again_is_left_to_the_kernel(void **state)
{
	(void)state;
	(void)ours(FD);

	struct sock *sock = sock_binding(FD, 0);

	assert_null(sock);
	assert_string_equal(kernel_calls(), "");
}

/* bind(2) says EINVAL to the second fd; the first still receives. */
static void a_failed_bind_of_another_fd_leaves_ours_on(void **state)
{
	(void)state;
	(void)ours(FD);
	kernel_duplicated(FD, OTHER_FD);

	(void)bind_to_wildcard(OTHER_FD, any_v4(), false);

	assert_true(is_on(FD));
}

static void a_socket_that_cannot_be_switched_on_is_bound_plainly(void **state)
{
	(void)state;
	create(FD, AF_INET, SOCK_DGRAM, 0);
	kernel.setsockopt_error = EPERM;

	struct sock *sock = sock_binding(FD, 0);

	assert_null(sock);
}

static void binding_keeps_errno(void **state)
{
	(void)state;
	create(FD, AF_INET, SOCK_DGRAM, 0);
	kernel.lacks_cookie = true;
	kernel.setsockopt_error = EPERM;
	errno = ENOTTY;

	(void)sock_binding(FD, 0);
	(void)sock_binding(OTHER_FD, 0);

	assert_int_equal(errno, ENOTTY);
}

static void switching_back_keeps_errno(void **state)
{
	(void)state;
	create(FD, AF_INET, SOCK_DGRAM, 0);
	struct sock *sock = sock_binding(FD, 0);
	kernel.setsockopt_error = EPERM;
	errno = EADDRINUSE;

	sock_bound(FD, sock, false);

	assert_int_equal(errno, EADDRINUSE);
}

static void when_disabled_binding_costs_nothing(void **state)
{
	(void)state;
	settings.disable = 1;
	create(FD, AF_INET, SOCK_DGRAM, 0);

	struct sock *sock = sock_binding(FD, 0);

	assert_null(sock);
	assert_string_equal(kernel_calls(), "");
}

/* A socket that the application set up first is looked at. */

static bool set_option(int fd, int level, int name, int value, int *result)
{
	return sock_set_option(fd, level, name, &value, sizeof(value), result);
}

static void a_new_socket_with_an_option_is_looked_at(void **state)
{
	int result;

	(void)state;
	create(FD, AF_INET, SOCK_DGRAM, 0);
	assert_false(set_option(FD, IPPROTO_IP, IP_PKTINFO, 1, &result));
	kernel_set(FD, IPPROTO_IP, IP_PKTINFO, 1);

	struct sock *sock = bind_to_wildcard(FD, any_v4(), true);

	assert_int_equal(sock->wanted, PKTINFO_V4);
}

static void a_new_socket_with_a_device_is_looked_at(void **state)
{
	int result;

	(void)state;
	create(FD, AF_INET, SOCK_DGRAM, 0);
	assert_false(set_option(FD, SOL_SOCKET, SO_BINDTOIFINDEX, 7, &result));
	kernel_set(FD, SOL_SOCKET, SO_BINDTOIFINDEX, 7);

	struct sock *sock = bind_to_wildcard(FD, any_v4(), true);

	assert_int_equal(sock->device, 7);
}

static void other_options_leave_a_new_socket_cheap(void **state)
{
	int result;

	(void)state;
	create(FD, AF_INET, SOCK_DGRAM, 0);
	assert_false(set_option(FD, SOL_SOCKET, SO_REUSEADDR, 1, &result));
	assert_false(set_option(FD, IPPROTO_IP, IP_RECVTOS, 1, &result));

	(void)bind_to_wildcard(FD, any_v4(), true);

	assert_string_equal(kernel_calls(),
			    "SO_COOKIE IP_PKTINFO=1 SO_RCVLOWAT=0x52460000");
}

/* Closing and duplicating. */

/* Siblings: fds that mean one socket, before it is bound. */

static void a_sibling_that_was_looked_at_is_ours_once_it_is_bound(void **state)
{
	(void)state;
	kernel_socket(FD, AF_INET, SOCK_DGRAM, 0);
	kernel_duplicated(FD, OTHER_FD);
	assert_null(sock_probe(OTHER_FD));

	struct sock *sock = bind_to_wildcard(FD, any_v4(), true);

	assert_ptr_equal(sock_probe(OTHER_FD), sock);
}

static void a_new_socket_s_sibling_is_ours_once_it_is_bound(void **state)
{
	(void)state;
	create(FD, AF_INET, SOCK_DGRAM, 0);
	kernel_duplicated(FD, OTHER_FD);
	assert_null(sock_probe(OTHER_FD));

	struct sock *sock = bind_to_wildcard(FD, any_v4(), true);

	assert_ptr_equal(sock_probe(OTHER_FD), sock);
}

static void a_new_socket_is_ours_once_its_sibling_is_found_bound(void **state)
{
	(void)state;
	create(FD, AF_INET, SOCK_DGRAM, 0);
	kernel_duplicated(FD, OTHER_FD);
	kernel_bound(FD, any_v4());

	struct sock *sock = sock_probe(OTHER_FD);

	assert_non_null(sock);
	assert_ptr_equal(sock_probe(FD), sock);
}

/* What its sibling has set is not to be switched back. */
static void a_new_socket_whose_sibling_has_an_option_is_looked_at(void **state)
{
	int result;

	(void)state;
	create(FD, AF_INET, SOCK_DGRAM, 0);
	kernel_duplicated(FD, OTHER_FD);
	assert_false(set_option(OTHER_FD, IPPROTO_IP, IP_PKTINFO, 1, &result));
	kernel_set(FD, IPPROTO_IP, IP_PKTINFO, 1);

	(void)bind_to_wildcard(FD, any_v4(), false);

	assert_true(is_on(FD));
}

/* Its connect(2) took the wildcard away; its mark is still there. */
static void an_inherited_socket_that_is_switched_on_is_ours(void **state)
{
	(void)state;
	(void)ours(FD);
	kernel_bound(FD, v4("192.0.2.1", 53));
	sock_forget(FD);

	struct sock *sock = sock_probe(FD);

	assert_non_null(sock);
	assert_int_equal(sock->wanted, PKTINFO_NONE);
}

static void a_raw_socket_is_not_ours(void **state)
{
	(void)state;
	kernel_socket(FD, AF_INET, SOCK_RAW, IPPROTO_UDP);
	kernel_bound(FD, any_v4());

	struct sock *sock = sock_probe(FD);

	assert_null(sock);
}

static void a_closed_fd_is_not_known(void **state)
{
	(void)state;
	(void)ours(FD);

	sock_forget(FD);

	assert_null(sock_known(FD));
}

static void a_duplicate_means_the_same_socket(void **state)
{
	struct sock *sock = ours(FD);

	(void)state;

	sock_duplicated(FD, OTHER_FD);

	assert_ptr_equal(sock_known(OTHER_FD), sock);
	assert_int_equal(sock->fds, 2);
}

static void closing_the_first_leaves_the_duplicate(void **state)
{
	struct sock *sock = ours(FD);

	(void)state;
	sock_duplicated(FD, OTHER_FD);

	sock_forget(FD);

	assert_ptr_equal(sock_known(OTHER_FD), sock);
	assert_int_equal(sock->fds, 1);
}

static void closing_all_fds_leaves_none(void **state)
{
	struct sock *sock = ours(FD);

	(void)state;
	sock_duplicated(FD, OTHER_FD);

	sock_forget(FD);
	sock_forget(OTHER_FD);
	sock_forget(OTHER_FD);

	assert_int_equal(sock->fds, 0);
}

static void duplicating_onto_itself_changes_nothing(void **state)
{
	struct sock *sock = ours(FD);

	(void)state;

	sock_duplicated(FD, FD);

	assert_ptr_equal(sock_known(FD), sock);
	assert_int_equal(sock->fds, 1);
}

static void duplicating_onto_another_of_ours_closes_that(void **state)
{
	struct sock *sock = ours(FD), *other = ours(OTHER_FD);

	(void)state;

	sock_duplicated(FD, OTHER_FD);

	assert_ptr_equal(sock_known(OTHER_FD), sock);
	assert_int_equal(sock->fds, 2);
	assert_int_equal(other->fds, 0);
}

static void a_duplicate_of_a_stream_is_not_looked_at(void **state)
{
	(void)state;
	create(FD, AF_INET, SOCK_STREAM, 0);
	kernel_duplicated(FD, OTHER_FD);
	sock_duplicated(FD, OTHER_FD);

	struct sock *sock = sock_probe(OTHER_FD);

	assert_null(sock);
	assert_string_equal(kernel_calls(), "");
}

static void a_duplicate_of_the_unknown_is_unknown(void **state)
{
	(void)state;
	(void)ours(OTHER_FD);
	inherit(FD);
	kernel_duplicated(FD, OTHER_FD);
	sock_duplicated(FD, OTHER_FD);
	assert_null(sock_known(OTHER_FD));

	struct sock *sock = sock_probe(OTHER_FD);

	assert_non_null(sock);
}

static void a_socket_is_known_by_each_fd_that_it_had_before_bind(void **state)
{
	(void)state;
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
static void a_new_socket_of_two_fds_is_looked_at_when_it_is_bound(void **state)
{
	(void)state;
	create(FD, AF_INET, SOCK_DGRAM, 0);
	kernel_duplicated(FD, OTHER_FD);
	sock_duplicated(FD, OTHER_FD);
	kernel_set(FD, IPPROTO_IP, IP_PKTINFO, 1);

	struct sock *sock = bind_to_wildcard(OTHER_FD, any_v4(), true);

	assert_int_equal(sock->wanted, PKTINFO_V4);
}

static void a_range_is_closed_from_its_first_to_its_last(void **state)
{
	(void)state;
	for (int fd = 10; fd <= 14; fd++)
		(void)ours(fd);

	sock_forget_range(11, 13);

	assert_non_null(sock_known(10));
	assert_null(sock_known(11));
	assert_null(sock_known(12));
	assert_null(sock_known(13));
	assert_non_null(sock_known(14));
}

static void a_range_to_the_end_closes_all_there_are(void **state)
{
	(void)state;
	(void)ours(10);
	(void)ours(5000);
	(void)ours(FDS_LIMIT - 1);

	sock_forget_range(11, ~0U);

	assert_non_null(sock_known(10));
	assert_null(sock_known(5000));
	assert_null(sock_known(FDS_LIMIT - 1));
}

static void a_range_across_unused_numbers_stops_at_its_end(void **state)
{
	(void)state;
	(void)ours(300000);
	(void)ours(300001);

	sock_forget_range(200000, 300000);

	assert_null(sock_known(300000));
	assert_non_null(sock_known(300001));
}

static void a_range_that_ends_before_it_begins_is_empty(void **state)
{
	(void)state;
	(void)ours(10);

	sock_forget_range(11, 9);

	assert_non_null(sock_known(10));
}

static void large_fds_are_ours_too(void **state)
{
	const int fds[] = { 1023, 1024, 1025, 65535, FDS_LIMIT - 1 };

	(void)state;
	for (size_t i = 0; i < COUNT(fds); i++) {
		inherit(fds[i]);

		assert_non_null(sock_probe(fds[i]));
		assert_non_null(sock_known(fds[i]));
	}
}

static void fds_beyond_the_limit_are_left_alone(void **state)
{
	const int fds[] = { FDS_LIMIT, FDS_LIMIT + 1, INT32_MAX, -1,
			    INT32_MIN };

	(void)state;
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

static void a_duplicate_beyond_the_limit_is_not_counted(void **state)
{
	struct sock *sock = ours(FD);

	(void)state;

	sock_duplicated(FD, FDS_LIMIT);

	assert_null(sock_known(FDS_LIMIT));
	assert_int_equal(sock->fds, 1);
}

/* Who is who. */

static void each_socket_has_an_id_of_its_own(void **state)
{
	struct sock *sock = ours(FD), *other = ours(OTHER_FD);

	(void)state;

	assert_int_not_equal(sock->id, other->id);
}

/* Else the peers of a closed socket would be those of the next. */
static void an_id_is_not_given_twice(void **state)
{
	uint64_t last = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		uint64_t id = ours(FD)->id;

		assert_true(id > last);
		last = id;
		sock_forget(FD);
	}
}

static void closed_sockets_make_room_for_others(void **state)
{
	enum { ENOUGH = 300 };
	struct sock *seen[ENOUGH] = { NULL };
	size_t count = 0, found;

	(void)state;
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

static void many_sockets_are_known_at_once(void **state)
{
	struct sock *socks[400];

	(void)state;
	for (int i = 0; i < 400; i++)
		socks[i] = ours(i);

	for (int i = 0; i < 400; i++)
		assert_ptr_equal(sock_known(i), socks[i]);
	for (int i = 1; i < 400; i++)
		assert_true(socks[i]->id > socks[i - 1]->id);
}

static void a_duplicate_nobody_saw_is_the_same_socket(void **state)
{
	struct sock *sock = ours(FD);

	(void)state;
	kernel_duplicated(FD, OTHER_FD);

	struct sock *found = sock_probe(OTHER_FD);

	assert_ptr_equal(found, sock);
	assert_int_equal(sock->fds, 2);
}

static void without_a_cookie_such_a_duplicate_is_another(void **state)
{
	struct sock *sock;

	(void)state;
	kernel.lacks_cookie = true;
	sock = ours(FD);
	kernel_duplicated(FD, OTHER_FD);

	struct sock *found = sock_probe(OTHER_FD);

	assert_non_null(found);
	assert_ptr_not_equal(found, sock);
}

/* A vfork child closes its copies through our hook, in our memory. */
static void a_socket_closed_in_a_vfork_child_is_found_again(void **state)
{
	struct sock *sock = ours(FD);
	const uint64_t id = sock->id;

	(void)state;
	sock_forget(FD);

	struct sock *found = sock_probe(FD);

	assert_ptr_equal(found, sock);
	assert_int_equal(found->id, id);
	assert_int_equal(found->fds, 1);
}

/* It is on by our doing; that is not what the application wanted. */
static void a_socket_found_again_wants_what_it_wanted(void **state)
{
	(void)state;
	(void)ours(FD);
	sock_forget(FD);

	struct sock *found = sock_probe(FD);

	assert_int_equal(found->wanted, PKTINFO_NONE);
}

static void another_socket_of_the_same_number_is_another(void **state)
{
	const uint64_t id = ours(FD)->id;

	(void)state;
	inherit(FD);
	sock_review(FD);

	struct sock *found = sock_known(FD);

	assert_non_null(found);
	assert_int_not_equal(found->id, id);
	assert_true(is_on(FD));
}

static void a_review_of_one_of_ours_changes_nothing(void **state)
{
	struct sock *sock = ours(FD);

	(void)state;
	const uint64_t id = sock->id;

	sock_review(FD);

	assert_ptr_equal(sock_known(FD), sock);
	assert_int_equal(sock->id, id);
	assert_int_equal(sock->fds, 1);
}

static void a_review_switches_on_what_was_switched_off(void **state)
{
	(void)state;
	(void)ours(FD);
	kernel_set(FD, IPPROTO_IP, IP_PKTINFO, 0);

	sock_review(FD);

	assert_true(is_on(FD));
}

static void a_review_notices_a_socket_that_has_an_address(void **state)
{
	struct sock *sock = ours(FD);

	(void)state;
	kernel_closed(FD);
	kernel_socket(FD, AF_INET, SOCK_DGRAM, 0);
	kernel_bound(FD, v4("192.0.2.1", 53));

	sock_review(FD);

	assert_null(sock_known(FD));
	assert_int_equal(sock->fds, 0);
}

static void a_review_notices_a_closed_fd(void **state)
{
	(void)state;
	(void)ours(FD);
	kernel_closed(FD);

	sock_review(FD);

	assert_null(sock_known(FD));
}

static void a_number_used_anew_is_what_it_was_created_as(void **state)
{
	struct sock *sock = ours(FD);

	(void)state;
	create(FD, AF_INET, SOCK_STREAM, 0);

	assert_null(sock_known(FD));
	assert_int_equal(sock->fds, 0);
}

/* Options, as the application sees them. */

static int get_option(int fd, int level, int name)
{
	int value = -1, result = -1;
	socklen_t len = sizeof(value);

	assert_true(sock_get_option(fd, level, name, &value, &len, &result));
	assert_int_equal(result, 0);
	assert_int_equal(len, sizeof(value));
	return value;
}

static void our_options_look_off(void **state)
{
	(void)state;
	(void)ours_v6(FD);

	assert_int_equal(get_option(FD, IPPROTO_IP, IP_PKTINFO), 0);
	assert_int_equal(get_option(FD, IPPROTO_IPV6, IPV6_RECVPKTINFO), 0);
}

static void what_the_application_switches_on_looks_on(void **state)
{
	int result = -1;

	(void)state;
	(void)ours_v6(FD);

	bool handled =
		set_option(FD, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1, &result);

	assert_true(handled);
	assert_int_equal(result, 0);
	assert_int_equal(get_option(FD, IPPROTO_IPV6, IPV6_RECVPKTINFO), 1);
	assert_int_equal(get_option(FD, IPPROTO_IP, IP_PKTINFO), 0);
}

static void what_the_application_switches_on_is_wanted(void **state)
{
	int result;
	struct sock *sock = ours_v6(FD);

	(void)state;
	(void)set_option(FD, IPPROTO_IP, IP_PKTINFO, 1, &result);
	(void)set_option(FD, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1, &result);

	assert_int_equal(sock->wanted, PKTINFO_V4 | PKTINFO_V6);
}

static void what_the_application_switches_off_looks_off(void **state)
{
	int result;

	(void)state;
	(void)ours(FD);
	(void)set_option(FD, IPPROTO_IP, IP_PKTINFO, 1, &result);
	(void)set_option(FD, IPPROTO_IP, IP_PKTINFO, 0, &result);

	assert_int_equal(get_option(FD, IPPROTO_IP, IP_PKTINFO), 0);
}

static void what_the_application_switches_off_stays_on(void **state)
{
	int result;

	(void)state;
	(void)ours_v6(FD);
	(void)set_option(FD, IPPROTO_IP, IP_PKTINFO, 0, &result);
	(void)set_option(FD, IPPROTO_IPV6, IPV6_RECVPKTINFO, 0, &result);

	assert_true(is_on(FD));
	assert_true(is_v6_on(FD));
}

/* ip(7): a byte will do. */
static void an_option_can_be_set_by_a_byte(void **state)
{
	const unsigned char on = 1;
	int result = -1;

	(void)state;
	(void)ours(FD);

	bool handled = sock_set_option(FD, IPPROTO_IP, IP_PKTINFO, &on,
				       sizeof(on), &result);

	assert_true(handled);
	assert_int_equal(result, 0);
	assert_int_equal(get_option(FD, IPPROTO_IP, IP_PKTINFO), 1);
}

/* Room of 0 to 8 bytes: what the kernel would write, and no more. */
static void check_lengths(int level, int name, int wanted)
{
	int result;

	(void)ours_v6(FD);
	(void)set_option(FD, level, name, wanted, &result);
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

		assert_true(sock_get_option(FD, level, name, seen, &seen_len,
					    &result));

		assert_int_equal(result, 0);
		assert_int_equal(seen_len, expected_len);
		assert_memory_equal(seen, expected, sizeof(seen));
	}
}

static void ip_pktinfo_off_is_told_in_any_room(void **state)
{
	(void)state;

	check_lengths(IPPROTO_IP, IP_PKTINFO, 0);
}

static void ip_pktinfo_on_is_told_in_any_room(void **state)
{
	(void)state;

	check_lengths(IPPROTO_IP, IP_PKTINFO, 1);
}

static void ipv6_recvpktinfo_off_is_told_in_any_room(void **state)
{
	(void)state;

	check_lengths(IPPROTO_IPV6, IPV6_RECVPKTINFO, 0);
}

static void ipv6_recvpktinfo_on_is_told_in_any_room(void **state)
{
	(void)state;

	check_lengths(IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
}

static void other_options_are_left_to_libc(void **state)
{
	int value = 1, result;
	socklen_t len = sizeof(value);

	(void)state;
	(void)ours(FD);

	assert_false(set_option(FD, SOL_SOCKET, SO_REUSEADDR, 1, &result));
	assert_false(set_option(FD, IPPROTO_IPV6, IP_PKTINFO, 1, &result));
	assert_false(set_option(FD, IPPROTO_IP, IP_RECVTOS, 1, &result));
	assert_false(sock_get_option(FD, IPPROTO_IP, IP_RECVTOS, &value, &len,
				     &result));
	assert_string_equal(kernel_calls(), "");
}

static void options_of_others_are_left_to_libc(void **state)
{
	int value = 1, result;
	socklen_t len = sizeof(value);

	(void)state;
	create(FD, AF_INET, SOCK_DGRAM, 0);

	assert_false(set_option(FD, IPPROTO_IP, IP_PKTINFO, 1, &result));
	assert_false(sock_get_option(FD, IPPROTO_IP, IP_PKTINFO, &value, &len,
				     &result));
	assert_string_equal(kernel_calls(), "");
}

/* What its program before exec, or its parent, has switched on as we do. */
static void inherit_marked(int fd, int mark)
{
	inherit(fd);
	kernel_set(fd, IPPROTO_IP, IP_PKTINFO, 1);
	kernel_set(fd, SOL_SOCKET, SO_RCVLOWAT, mark);
}

static void what_a_shim_before_switched_on_is_not_wanted(void **state)
{
	(void)state;
	inherit_marked(FD, 0x52460000);

	struct sock *sock = sock_probe(FD);

	assert_int_equal(sock->wanted, PKTINFO_NONE);
}

static void what_was_wanted_before_a_shim_is_wanted(void **state)
{
	(void)state;
	inherit_marked(FD, 0x52460000 | PKTINFO_V4);

	struct sock *sock = sock_probe(FD);

	assert_int_equal(sock->wanted, PKTINFO_V4);
}

static void an_option_that_nobody_looked_at_yet_is_shown_as_wanted(void **state)
{
	int value = 1, result = -1;
	socklen_t len = sizeof(value);

	(void)state;
	inherit_marked(FD, 0x52460000);

	bool handled = sock_get_option(FD, IPPROTO_IP, IP_PKTINFO, &value, &len,
				       &result);

	assert_true(handled);
	assert_int_equal(result, 0);
	assert_int_equal(value, 0);
}

static void what_the_application_wants_is_left_for_the_next(void **state)
{
	int result;

	(void)state;
	(void)ours(FD);

	(void)set_option(FD, IPPROTO_IP, IP_PKTINFO, 1, &result);

	assert_int_equal(kernel_get(FD, SOL_SOCKET, SO_RCVLOWAT),
			 0x52460000 | PKTINFO_V4);
}

static void the_mark_is_not_shown(void **state)
{
	int value = 0, result = -1;
	socklen_t len = sizeof(value);

	(void)state;
	(void)ours(FD);

	bool handled = sock_get_option(FD, SOL_SOCKET, SO_RCVLOWAT, &value,
				       &len, &result);

	assert_true(handled);
	assert_int_equal(result, 0);
	assert_int_equal(value, 1);
}

static void the_application_s_own_lowat_stays(void **state)
{
	int value = 0, result = -1;
	socklen_t len = sizeof(value);

	(void)state;
	inherit(FD);
	kernel_set(FD, SOL_SOCKET, SO_RCVLOWAT, 100);

	(void)sock_get_option(FD, SOL_SOCKET, SO_RCVLOWAT, &value, &len,
			      &result);

	assert_int_equal(value, 100);
	assert_int_equal(kernel_get(FD, SOL_SOCKET, SO_RCVLOWAT), 100);
}

static void a_failed_bind_takes_the_mark_away(void **state)
{
	(void)state;
	create(FD, AF_INET, SOCK_DGRAM, 0);

	(void)bind_to_wildcard(FD, any_v4(), false);

	assert_int_equal(kernel_get(FD, SOL_SOCKET, SO_RCVLOWAT), 1);
}

static void an_option_the_kernel_refuses_is_not_wanted(void **state)
{
	struct sock *sock = ours(FD);
	int result = 0;

	(void)state;
	kernel.setsockopt_error = EPERM;

	bool handled = set_option(FD, IPPROTO_IP, IP_PKTINFO, 1, &result);

	assert_true(handled);
	assert_int_equal(result, -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(sock->wanted, PKTINFO_NONE);
}

static void a_question_the_kernel_refuses_is_refused(void **state)
{
	socklen_t len = sizeof(int);
	int result = 0;

	(void)state;
	(void)ours(FD);

	bool handled = sock_get_option(FD, IPPROTO_IP, IP_PKTINFO, NULL, &len,
				       &result);

	assert_true(handled);
	assert_int_equal(result, -1);
	assert_int_equal(errno, EFAULT);
}

static void setting_an_option_keeps_errno(void **state)
{
	int result;

	(void)state;
	(void)ours(FD);
	kernel.lacks_bindtoifindex = true;
	errno = ENOTTY;

	(void)set_option(FD, IPPROTO_IP, IP_PKTINFO, 0, &result);
	(void)sock_set_option(FD, SOL_SOCKET, SO_BINDTODEVICE, "eth7", 5,
			      &result);

	assert_int_equal(errno, ENOTTY);
}

static void a_device_that_is_set_later_is_noted(void **state)
{
	struct sock *sock = ours(FD);
	int result = -1;

	(void)state;

	bool handled = sock_set_option(FD, SOL_SOCKET, SO_BINDTODEVICE, "eth7",
				       5, &result);

	assert_true(handled);
	assert_int_equal(result, 0);
	assert_int_equal(sock->device, 7);
}

static void a_device_that_is_set_by_number_is_noted(void **state)
{
	struct sock *sock = ours(FD);
	int result;

	(void)state;

	(void)set_option(FD, SOL_SOCKET, SO_BINDTOIFINDEX, 7, &result);

	assert_int_equal(sock->device, 7);
}

static void a_device_that_is_taken_away_is_noted(void **state)
{
	struct sock *sock = ours(FD);
	int result;

	(void)state;
	(void)set_option(FD, SOL_SOCKET, SO_BINDTOIFINDEX, 7, &result);

	(void)set_option(FD, SOL_SOCKET, SO_BINDTOIFINDEX, 0, &result);

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

static void threads_that_duplicate_count_right(void **state)
{
	struct sock *sock = ours(FD);
	/* Two of them fight for one number. */
	int to[] = { 20, 21, 22, 22 };
	pthread_t threads[COUNT(to)];

	(void)state;
	for (size_t i = 0; i < COUNT(to); i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
						duplicate_and_close, &to[i]),
				 0);
	for (size_t i = 0; i < COUNT(to); i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);

	assert_int_equal(sock->fds, 1);
}

/* The port in its id. */

static in_port_t port_of(const struct sock *sock)
{
	return ntohs(peers_port_be(sock->id));
}

static void a_bound_socket_has_its_port(void **state)
{
	struct sock *sock;

	(void)state;
	create(FD, AF_INET, SOCK_DGRAM, 0);
	sock = sock_binding(FD, htons(53));
	kernel_bound(FD, v4("0.0.0.0", 53));
	sock_bound(FD, sock, true);

	assert_int_equal(port_of(sock), 53);
	assert_true(sock_has_own_port(sock));
}

static void a_port_that_the_kernel_chose_is_none_of_its_own(void **state)
{
	struct sock *sock;

	(void)state;
	create(FD, AF_INET, SOCK_DGRAM, 0);
	sock = sock_binding(FD, 0);
	kernel_bound(FD, v4("0.0.0.0", 0));
	sock_bound(FD, sock, true);

	assert_int_equal(port_of(sock), 0);
	assert_false(sock_has_own_port(sock));
}

/* Nobody can tell whether that is one by number. */
static void an_inherited_socket_s_port_is_none_of_its_own(void **state)
{
	(void)state;

	assert_false(sock_has_own_port(ours(FD)));
}

static void a_new_socket_that_is_adopted_is_ours(void **state)
{
	struct sock *sock;

	(void)state;
	create(FD, AF_INET6, SOCK_DGRAM, 0);
	assert_true(sock_settle(FD));
	errno = ENOTTY;

	sock = sock_adopt(FD, AF_INET6);

	assert_non_null(sock);
	assert_ptr_equal(sock_known(FD), sock);
	assert_int_equal(port_of(sock), 0);
	assert_false(sock_has_own_port(sock));
	assert_int_equal(atomic_load(&sock->family), AF_INET6);
	assert_int_equal(errno, ENOTTY);
}

static void what_cannot_be_adopted_is_left(void **state)
{
	(void)state;
	create(FD, AF_INET, SOCK_DGRAM, 0);
	kernel.setsockopt_error = EPERM;

	assert_null(sock_adopt(FD, AF_INET));
	assert_null(sock_known(FD));
}

static void when_disabled_nothing_is_adopted(void **state)
{
	(void)state;
	create(FD, AF_INET, SOCK_DGRAM, 0);
	settings.disable = 1;

	assert_null(sock_adopt(FD, AF_INET));
	assert_string_equal(kernel_calls(), "");
}

/* Pins. */

static const char *pinned_to(const struct sock *sock)
{
	struct local local;

	return sock_is_pinned(sock, &local) ? text_of(&local) : "nothing";
}

static void a_socket_is_pinned_until_it_is_unpinned(void **state)
{
	const struct local first = local_of("10.0.0.1");
	const struct local second = local_of("2001:db8::1");
	struct sock *sock = ours(FD);

	(void)state;
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

static void a_source_that_changes_right_now_is_none(void **state)
{
	const struct local source = local_of("10.0.0.1");
	struct sock *sock = ours(FD);

	(void)state;
	sock_pin(sock, &source);
	atomic_fetch_add(&sock->pins, 1);

	assert_string_equal(pinned_to(sock), "nothing");
}

static void what_is_not_ours_is_not_unpinned(void **state)
{
	struct sock *sock = ours(FD);

	(void)state;
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
	int result = 0;

	assert_true(sock_set_option(fd, IPPROTO_IP, IP_MULTICAST_IF, &group,
				    sizeof(group), &result));
	return result;
}

static void an_interface_that_is_set_by_number_is_noted(void **state)
{
	(void)state;
	create(FD, AF_INET, SOCK_DGRAM, 0);

	assert_int_equal(set_interface(FD, "0.0.0.0", 5), 0);
	assert_int_equal(sock_multicast_ifindex(FD), 5);
	assert_string_equal(kernel_multicast(FD), "0.0.0.0%5");

	assert_int_equal(set_interface(FD, "10.0.1.7", 0), 0);
	assert_int_equal(sock_multicast_ifindex(FD), 0);
}

static void an_interface_that_is_set_by_address_is_not_noted(void **state)
{
	const struct in_addr address = in4("10.0.1.7");
	int result = -1;

	(void)state;
	create(FD, AF_INET, SOCK_DGRAM, 0);
	(void)set_interface(FD, "0.0.0.0", 5);

	assert_true(sock_set_option(FD, IPPROTO_IP, IP_MULTICAST_IF, &address,
				    sizeof(address), &result));
	assert_int_equal(result, 0);
	assert_int_equal(sock_multicast_ifindex(FD), 0);
}

static void an_interface_that_is_refused_is_not_noted(void **state)
{
	(void)state;
	create(FD, AF_INET, SOCK_DGRAM, 0);
	(void)set_interface(FD, "0.0.0.0", 5);
	kernel.setsockopt_error = EADDRNOTAVAIL;

	assert_int_equal(set_interface(FD, "0.0.0.0", 6), -1);
	assert_int_equal(errno, EADDRNOTAVAIL);
	assert_int_equal(sock_multicast_ifindex(FD), 5);
}

static void an_interface_is_that_of_all_fds(void **state)
{
	(void)state;
	create(FD, AF_INET, SOCK_DGRAM, 0);
	(void)set_interface(FD, "0.0.0.0", 5);

	sock_duplicated(FD, OTHER_FD);

	assert_int_equal(sock_multicast_ifindex(OTHER_FD), 5);
}

static void an_interface_goes_with_its_fd(void **state)
{
	(void)state;
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
static void an_unseen_fd_s_interface_goes_with_it(void **state)
{
	(void)state;
	kernel_socket(FD, AF_INET, SOCK_DGRAM, 0);
	(void)set_interface(FD, "0.0.0.0", 5);

	sock_forget(FD);

	assert_int_equal(sock_multicast_ifindex(FD), 0);
}

static void an_interface_is_that_of_a_tracked_socket(void **state)
{
	(void)state;
	create(FD, AF_INET, SOCK_DGRAM, 0);
	(void)bind_to_wildcard(FD, any_v4(), true);
	kernel_duplicated(FD, OTHER_FD);
	sock_duplicated(FD, OTHER_FD);

	(void)set_interface(OTHER_FD, "0.0.0.0", 5);
	assert_int_equal(sock_multicast_ifindex(FD), 5);

	(void)set_interface(FD, "10.0.0.1", 0);
	assert_int_equal(sock_multicast_ifindex(OTHER_FD), 0);
}

static void an_interface_outlives_the_fd_that_it_was_set_by(void **state)
{
	(void)state;
	create(FD, AF_INET, SOCK_DGRAM, 0);
	(void)bind_to_wildcard(FD, any_v4(), true);
	kernel_duplicated(FD, OTHER_FD);
	sock_duplicated(FD, OTHER_FD);
	(void)set_interface(FD, "0.0.0.0", 5);

	sock_forget(FD);

	assert_int_equal(sock_multicast_ifindex(OTHER_FD), 5);
}

static void an_interface_set_before_the_bind_is_that_of_the_socket(void **state)
{
	(void)state;
	create(FD, AF_INET, SOCK_DGRAM, 0);
	(void)set_interface(FD, "0.0.0.0", 5);
	(void)bind_to_wildcard(FD, any_v4(), true);
	kernel_duplicated(FD, OTHER_FD);
	sock_duplicated(FD, OTHER_FD);

	assert_int_equal(sock_multicast_ifindex(FD), 5);
	assert_int_equal(sock_multicast_ifindex(OTHER_FD), 5);
}

static void one_thread_at_a_time_moves_a_socket(void **state)
{
	struct sock *sock;

	(void)state;
	create(FD, AF_INET, SOCK_DGRAM, 0);
	(void)bind_to_wildcard(FD, any_v4(), true);
	sock = sock_known(FD);

	assert_true(sock_begin_move(sock));
	assert_false(sock_begin_move(sock));
	sock_end_move(sock);
	assert_true(sock_begin_move(sock));
	sock_end_move(sock);
}

static void who_stayed_behind_in_a_fork_is_in_nobody_s_way(void **state)
{
	struct sock *sock;

	(void)state;
	create(FD, AF_INET, SOCK_DGRAM, 0);
	(void)bind_to_wildcard(FD, any_v4(), true);
	sock = sock_known(FD);
	atomic_store(&sock->mover, lock_generation() + 1);

	assert_true(sock_begin_move(sock));
	sock_end_move(sock);
}

/* A limit: it is noted for the fd that it was set by, and later copies. */
static void an_interface_set_by_another_fd_is_not_known(void **state)
{
	(void)state;
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

static void closed_sockets_take_no_memory(void **state)
{
	uint32_t before;

	(void)state;
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

static void no_two_open_sockets_are_one(void **state)
{
	enum { OPEN = 3 * SOCKS_PER_CHUNK };
	struct sock *socks[OPEN];

	(void)state;
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

static void what_we_bound_is_put_back(void **state)
{
	(void)state;
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
static void what_another_process_bound_stays_on(void **state)
{
	struct sock *sock = bound_by_us(FD);

	(void)state;
	atomic_store(&sock->generation, lock_generation() + 1);

	sock_stop(true);

	assert_null(sock_known(FD));
	assert_true(is_on(FD));
	sock_go_on();
}

static void what_need_not_be_put_back_stays_on(void **state)
{
	(void)state;
	(void)bound_by_us(FD);

	sock_stop(false);

	assert_null(sock_known(FD));
	assert_true(is_on(FD));
	sock_go_on();
}

#define TEST(name) cmocka_unit_test_setup(name, nothing_open)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_ipv4_wildcard_socket_is_ours),
		TEST(an_ipv6_wildcard_socket_is_ours),
		TEST(a_udp_lite_wildcard_socket_is_ours),
		TEST(a_socket_bound_to_mapped_zeroes_is_ours),
		TEST(a_socket_bound_to_an_address_is_not_ours),
		TEST(a_socket_bound_to_no_listed_port_is_not_ours),
		TEST(an_unbound_socket_is_not_ours_yet),
		TEST(other_kinds_of_sockets_are_not_ours),
		TEST(a_protocol_of_another_family_is_not_ours),
		TEST(a_file_is_not_ours),
		TEST(a_closed_fd_is_looked_at_when_it_is_open),
		TEST(looking_at_an_fd_costs_so_many_calls),
		TEST(one_of_ours_is_looked_at_once),
		TEST(what_is_not_ours_is_looked_at_once),
		TEST(a_socket_that_was_created_and_sent_is_not_looked_at),
		TEST(a_new_socket_that_receives_was_bound_behind_our_back),
		TEST(a_raw_socket_that_is_inherited_is_not_ours),
		TEST(what_a_vfork_child_does_is_not_noted),
		TEST(what_is_known_costs_no_call),
		TEST(one_of_ours_is_known),
		TEST(what_the_application_asked_for_before_is_wanted),
		TEST(what_nobody_asked_for_is_not_wanted),
		TEST(the_device_of_a_socket_is_known),
		TEST(an_older_kernel_tells_the_device_by_name),
		TEST(on_an_older_kernel_no_device_is_none),
		TEST(without_a_cookie_a_socket_is_ours_too),
		TEST(a_socket_that_cannot_be_switched_on_is_not_ours),
		TEST(looking_at_an_fd_keeps_errno),
		TEST(when_disabled_nothing_is_looked_at),
		TEST(zeroes_are_the_wildcard),
		TEST(an_address_is_not_the_wildcard),
		TEST(zeroes_of_no_family_are_the_wildcard),
		TEST(a_short_sockaddr_in6_is_the_wildcard_too),
		TEST(an_address_that_is_cut_is_not_the_wildcard),
		TEST(zeroes_of_another_family_are_not_the_wildcard),
		TEST(binding_a_new_ipv4_socket_costs_three_calls),
		TEST(binding_a_new_ipv6_socket_costs_four_calls),
		TEST(a_socket_is_switched_on_before_it_is_bound),
		TEST(a_bound_socket_is_known),
		TEST(a_new_socket_may_be_nonblocking_from_the_start),
		TEST(binding_other_kinds_of_new_sockets_costs_nothing),
		TEST(binding_an_inherited_socket_looks_at_it),
		TEST(binding_one_of_ours_that_was_forgotten_leaves_it_on),
		TEST(binding_an_inherited_stream_leaves_it),
		TEST(a_failed_bind_switches_back),
		TEST(a_failed_bind_leaves_the_ip_pktinfo_that_was_wanted),
		TEST(a_failed_bind_leaves_the_ipv6_pktinfo_that_was_wanted),
		TEST(after_a_failed_bind_the_next_may_succeed),
		TEST(after_a_failed_bind_nothing_of_it_is_found),
		TEST(a_failed_bind_counts_no_fd),
		TEST(binding_one_of_ours_again_is_left_to_the_kernel),
		TEST(a_failed_bind_of_another_fd_leaves_ours_on),
		TEST(a_socket_that_cannot_be_switched_on_is_bound_plainly),
		TEST(binding_keeps_errno),
		TEST(switching_back_keeps_errno),
		TEST(when_disabled_binding_costs_nothing),
		TEST(a_new_socket_with_an_option_is_looked_at),
		TEST(a_new_socket_with_a_device_is_looked_at),
		TEST(other_options_leave_a_new_socket_cheap),
		TEST(a_sibling_that_was_looked_at_is_ours_once_it_is_bound),
		TEST(a_new_socket_s_sibling_is_ours_once_it_is_bound),
		TEST(a_new_socket_is_ours_once_its_sibling_is_found_bound),
		TEST(a_new_socket_whose_sibling_has_an_option_is_looked_at),
		TEST(an_inherited_socket_that_is_switched_on_is_ours),
		TEST(a_raw_socket_is_not_ours),
		TEST(a_closed_fd_is_not_known),
		TEST(a_duplicate_means_the_same_socket),
		TEST(closing_the_first_leaves_the_duplicate),
		TEST(closing_all_fds_leaves_none),
		TEST(duplicating_onto_itself_changes_nothing),
		TEST(duplicating_onto_another_of_ours_closes_that),
		TEST(a_duplicate_of_a_stream_is_not_looked_at),
		TEST(a_duplicate_of_the_unknown_is_unknown),
		TEST(a_socket_is_known_by_each_fd_that_it_had_before_bind),
		TEST(a_new_socket_of_two_fds_is_looked_at_when_it_is_bound),
		TEST(a_range_is_closed_from_its_first_to_its_last),
		TEST(a_range_to_the_end_closes_all_there_are),
		TEST(a_range_across_unused_numbers_stops_at_its_end),
		TEST(a_range_that_ends_before_it_begins_is_empty),
		TEST(large_fds_are_ours_too),
		TEST(fds_beyond_the_limit_are_left_alone),
		TEST(a_duplicate_beyond_the_limit_is_not_counted),
		TEST(each_socket_has_an_id_of_its_own),
		TEST(an_id_is_not_given_twice),
		TEST(closed_sockets_make_room_for_others),
		TEST(many_sockets_are_known_at_once),
		TEST(a_duplicate_nobody_saw_is_the_same_socket),
		TEST(without_a_cookie_such_a_duplicate_is_another),
		TEST(a_socket_closed_in_a_vfork_child_is_found_again),
		TEST(a_socket_found_again_wants_what_it_wanted),
		TEST(another_socket_of_the_same_number_is_another),
		TEST(a_review_of_one_of_ours_changes_nothing),
		TEST(a_review_switches_on_what_was_switched_off),
		TEST(a_review_notices_a_socket_that_has_an_address),
		TEST(a_review_notices_a_closed_fd),
		TEST(a_number_used_anew_is_what_it_was_created_as),
		TEST(our_options_look_off),
		TEST(what_the_application_switches_on_looks_on),
		TEST(what_the_application_switches_on_is_wanted),
		TEST(what_the_application_switches_off_looks_off),
		TEST(what_the_application_switches_off_stays_on),
		TEST(an_option_can_be_set_by_a_byte),
		TEST(ip_pktinfo_off_is_told_in_any_room),
		TEST(ip_pktinfo_on_is_told_in_any_room),
		TEST(ipv6_recvpktinfo_off_is_told_in_any_room),
		TEST(ipv6_recvpktinfo_on_is_told_in_any_room),
		TEST(other_options_are_left_to_libc),
		TEST(options_of_others_are_left_to_libc),
		TEST(what_a_shim_before_switched_on_is_not_wanted),
		TEST(what_was_wanted_before_a_shim_is_wanted),
		TEST(an_option_that_nobody_looked_at_yet_is_shown_as_wanted),
		TEST(what_the_application_wants_is_left_for_the_next),
		TEST(the_mark_is_not_shown),
		TEST(the_application_s_own_lowat_stays),
		TEST(a_failed_bind_takes_the_mark_away),
		TEST(an_option_the_kernel_refuses_is_not_wanted),
		TEST(a_question_the_kernel_refuses_is_refused),
		TEST(setting_an_option_keeps_errno),
		TEST(a_device_that_is_set_later_is_noted),
		TEST(a_device_that_is_set_by_number_is_noted),
		TEST(a_device_that_is_taken_away_is_noted),
		TEST(a_bound_socket_has_its_port),
		TEST(a_port_that_the_kernel_chose_is_none_of_its_own),
		TEST(an_inherited_socket_s_port_is_none_of_its_own),
		TEST(a_new_socket_that_is_adopted_is_ours),
		TEST(what_cannot_be_adopted_is_left),
		TEST(when_disabled_nothing_is_adopted),
		TEST(a_socket_is_pinned_until_it_is_unpinned),
		TEST(a_source_that_changes_right_now_is_none),
		TEST(what_is_not_ours_is_not_unpinned),
		TEST(an_interface_that_is_set_by_number_is_noted),
		TEST(an_interface_that_is_set_by_address_is_not_noted),
		TEST(an_interface_that_is_refused_is_not_noted),
		TEST(an_interface_is_that_of_all_fds),
		TEST(an_interface_goes_with_its_fd),
		TEST(an_unseen_fd_s_interface_goes_with_it),
		TEST(an_interface_is_that_of_a_tracked_socket),
		TEST(an_interface_outlives_the_fd_that_it_was_set_by),
		TEST(an_interface_set_before_the_bind_is_that_of_the_socket),
		TEST(one_thread_at_a_time_moves_a_socket),
		TEST(who_stayed_behind_in_a_fork_is_in_nobody_s_way),
		TEST(an_interface_set_by_another_fd_is_not_known),
		TEST(closed_sockets_take_no_memory),
		TEST(no_two_open_sockets_are_one),
		TEST(what_we_bound_is_put_back),
		TEST(what_another_process_bound_stays_on),
		TEST(what_need_not_be_put_back_stays_on),
		TEST(threads_that_duplicate_count_right),
	};

	return cmocka_run_group_tests(tests, end_when_stuck, kernel_halt);
}
