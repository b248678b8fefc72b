/* SPDX-License-Identifier: MIT */
/* Sockets that answer a peer by connecting to it, or from a new port. */
#include "state/follow.h"

#include "base/real.h"
#include "clock.h"
#include "kernel.h"
#include "settings.h"
#include "state/peers.h"
#include "story.h"
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#ifndef SO_BINDTOIFINDEX
#define SO_BINDTOIFINDEX 62
#endif

static struct address peer;
static struct address stranger;
static struct address far; /* an IPv6 peer, that has not asked yet */

/* The server that the peer asked, and its id. */
static int server;
static uint64_t id;

static const struct sockaddr nobody = { .sa_family = AF_UNSPEC };

static int bound_socket(struct address address)
{
	int fd = socket(address.any.sa_family, SOCK_DGRAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, &address.any, address.len), 0);
	(void)kernel_calls();
	return fd;
}

static int a_server_was_asked(void **state)
{
	(void)state;
	settings_reset();
	peers_reset(1000, 120);
	peers_drained();
	sock_forget_range(0, ~0U);
	follow_forbid(false);
	sock_look_at_no_more(false);
	kernel_boot();
	peer = v4("192.0.2.9", 5300);
	stranger = v4("192.0.2.66", 6600);
	far = v6("2001:db8::9", 5300);
	server = bound_socket(v4("0.0.0.0", 53));
	id = sock_known(server)->id;
	hear(id, peer, "10.0.0.1");
	(void)kernel_calls();
	errno = ENOTTY;
	return 0;
}

static int new_socket_of(int family)
{
	int fd = socket(family, SOCK_DGRAM, 0);

	(void)kernel_calls();
	errno = ENOTTY;
	return fd;
}

static int new_socket(void)
{
	return new_socket_of(AF_INET);
}

static int connect_to(int fd, struct address to)
{
	return connect(fd, &to.any, to.len);
}

static int disconnect(int fd)
{
	return connect(fd, &nobody, sizeof(nobody));
}

static bool is_on(int fd)
{
	return kernel_get(fd, IPPROTO_IP, IP_PKTINFO);
}

static bool is_armed(int fd)
{
	return sock_known(fd) && sock_mode(sock_known(fd)) == SOCK_ARMED;
}

/* The address that what is sent on fd comes from by our doing, or "nothing". */
static const char *pinned_to(int fd)
{
	struct local local;

	return sock_known(fd) && sock_is_pinned(sock_known(fd), &local)
		       ? text_of(&local)
		       : "nothing";
}

static void fail_connect(unsigned int nth, int error)
{
	kernel.nth_connect = (struct nth_error){ .nth = nth, .error = error };
}

static void fail_setsockopt(unsigned int nth, int error)
{
	kernel.nth_setsockopt =
		(struct nth_error){ .nth = nth, .error = error };
}

/* Clients. */

static void a_client_s_connect_is_one_call(void **state)
{
	int fd = new_socket();

	(void)state;

	assert_int_equal(connect_to(fd, stranger), 0);
	assert_string_equal(kernel_calls(), "connect");
	assert_string_equal(kernel_peer(fd), "192.0.2.66:6600");
	assert_int_equal(errno, ENOTTY);
}

static void a_client_without_a_server_makes_one_call(void **state)
{
	int fd;

	(void)state;
	peers_reset(1000, 120);
	fd = new_socket();

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_calls(), "connect");
}

static void a_client_that_fails_has_the_kernel_s_errno(void **state)
{
	int fd = new_socket();

	(void)state;
	kernel.connect_error = ENETUNREACH;

	assert_int_equal(connect_to(fd, stranger), -1);
	assert_int_equal(errno, ENETUNREACH);
	assert_string_equal(kernel_calls(), "connect");
}

static void a_client_connects_again_and_again(void **state)
{
	int fd = new_socket();

	(void)state;
	(void)connect_to(fd, stranger);
	(void)connect_to(fd, v4("192.0.2.67", 6600));
	(void)disconnect(fd);
	(void)kernel_calls();

	assert_int_equal(connect_to(fd, stranger), 0);
	assert_string_equal(kernel_calls(), "connect");
}

static void a_socket_that_is_not_udp_is_not_followed(void **state)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	(void)kernel_calls();

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_calls(), "connect");
}

static void what_is_no_address_is_the_kernel_s(void **state)
{
	int fd = new_socket();

	(void)state;
	kernel.connect_error = EINVAL;

	assert_int_equal(connect(fd, &peer.any, sizeof(struct sockaddr_in) - 1),
			 -1);
	assert_int_equal(connect(fd, &peer.any, 1), -1);
	assert_int_equal(connect(fd, &peer.any, sizeof(peer.room) + 1), -1);
	assert_string_equal(kernel_calls(), "connect connect connect");
}

static void when_disabled_nobody_is_followed(void **state)
{
	int fd = new_socket();

	(void)state;
	settings.disable = 1;

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_calls(), "connect");
}

/* New sockets. */

/* And two that block signals: eight more than the application's own. */
static void a_new_socket_answers_from_the_address_asked(void **state)
{
	int fd = new_socket();

	(void)state;

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_calls(),
			    "getsockname IP_MULTICAST_IF "
			    "IP_MULTICAST_IF=10.0.0.1 connect "
			    "connect IP_MULTICAST_IF=0.0.0.0 getsockname");
	assert_string_equal(kernel_name(fd), "10.0.0.1:40000");
	assert_string_equal(kernel_peer(fd), "192.0.2.9:5300");
	assert_string_equal(kernel_multicast(fd), "0.0.0.0");
	assert_int_equal(errno, ENOTTY);
}

static void a_connected_new_socket_is_the_kernel_s_business(void **state)
{
	int fd = new_socket();

	(void)state;

	(void)connect_to(fd, peer);

	assert_null(sock_known(fd));
	assert_false(is_on(fd));
}

static void the_next_new_socket_is_a_client_s(void **state)
{
	int fd;

	(void)state;
	(void)connect_to(new_socket(), peer);
	fd = new_socket();

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_calls(), "connect");
}

static void a_peer_that_was_answered_is_not_followed(void **state)
{
	int fd = new_socket();

	(void)state;
	(void)answer(id, peer);

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_calls(), "connect");
}

static void a_peer_that_asked_long_ago_is_not_followed(void **state)
{
	int fd = new_socket();

	(void)state;
	clock_s += 3;

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_calls(), "connect");
}

static void follow_ms_0_follows_no_new_socket(void **state)
{
	int fd = new_socket();

	(void)state;
	settings.follow_ms = 0;

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_calls(), "connect");
}

/* Who asks back on the port that we asked is a forger. */
static void a_peer_that_we_asked_first_is_not_followed(void **state)
{
	int fd;

	(void)state;
	(void)connect_to(new_socket(), stranger);
	hear(id, stranger, "10.0.0.1");
	fd = new_socket();

	assert_int_equal(connect_to(fd, stranger), 0);
	assert_string_equal(kernel_calls(), "connect");
}

static void a_server_that_is_closed_still_follows(void **state)
{
	int fd;

	(void)state;
	fd = new_socket();
	(void)close(server);

	(void)connect_to(fd, peer);

	assert_string_equal(kernel_name(fd), "10.0.0.1:40000");
}

static void an_ipv6_socket_answers_from_the_address_asked(void **state)
{
	int fd = new_socket_of(AF_INET6);

	(void)state;
	hear(id, far, "2001:db8::1");

	assert_int_equal(connect_to(fd, far), 0);
	assert_string_equal(kernel_calls(),
			    "getsockname connect connect getsockname");
	assert_string_equal(kernel_name(fd), "2001:db8::1:40000");
	assert_string_equal(kernel_peer(fd), "2001:db8::9:5300");
	assert_int_equal(errno, ENOTTY);
}

static void an_ipv6_socket_answers_a_mapped_peer(void **state)
{
	const struct address mapped = v6("::ffff:192.0.2.9", 5300);
	int fd = new_socket_of(AF_INET6);

	(void)state;

	assert_int_equal(connect_to(fd, mapped), 0);
	assert_string_equal(kernel_name(fd), "::ffff:10.0.0.1:40000");
	assert_string_equal(kernel_peer(fd), "::ffff:192.0.2.9:5300");
	assert_string_equal(kernel_multicast(fd), "0.0.0.0");
}

static void hear_link_local(uint64_t sock)
{
	const struct local asked = local_through("fe80::1", 3);

	peers_remember(sock, &far.any, far.len, &asked, false);
}

static void a_link_local_address_has_its_interface(void **state)
{
	int fd = new_socket_of(AF_INET6);
	struct sockaddr_in6 name;
	socklen_t len = sizeof(name);

	(void)state;
	hear_link_local(id);

	assert_int_equal(connect_to(fd, far), 0);
	(void)getsockname(fd, (struct sockaddr *)&name, &len);
	assert_string_equal(kernel_name(fd), "fe80::1:40000");
	assert_int_equal(name.sin6_scope_id, 3);
}

static void a_link_local_address_that_is_undone_leaves_no_device(void **state)
{
	int fd = new_socket_of(AF_INET6);

	(void)state;
	hear_link_local(id);
	fail_connect(2, EACCES);

	assert_int_equal(connect_to(fd, far), -1);
	assert_int_equal(errno, EACCES);
	assert_string_equal(kernel_name(fd), ":::0");
	assert_int_equal(kernel_get(fd, SOL_SOCKET, SO_BINDTOIFINDEX), 0);
}

static void a_new_socket_keeps_its_device_when_that_is_undone(void **state)
{
	int fd = new_socket_of(AF_INET6);

	(void)state;
	(void)setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "eth3", 4);
	hear_link_local(id);
	fail_connect(2, EACCES);

	assert_int_equal(connect_to(fd, far), -1);
	assert_int_equal(kernel_get(fd, SOL_SOCKET, SO_BINDTOIFINDEX), 3);
}

static void an_ipv6_address_is_none_of_ipv4_s(void **state)
{
	int fd;

	(void)state;
	hear(id, peer, "2001:db8::1");
	fd = new_socket();

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_calls(), "getsockname connect");
	assert_int_equal(errno, ENOTTY);
}

static void a_multicast_question_is_not_followed(void **state)
{
	int fd;

	(void)state;
	hear(id, peer, "");
	fd = new_socket();

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_calls(), "connect");
}

static void a_socket_bound_to_an_address_keeps_it(void **state)
{
	int fd = bound_socket(v4("10.0.0.3", 69));

	(void)state;

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_name(fd), "10.0.0.3:69");
	assert_string_equal(kernel_calls(), "getsockname connect");
}

/* Bound to no address, but to a port, and not by us: it may be anybody's. */
static void a_socket_that_is_bound_behind_us_is_left(void **state)
{
	int fd = new_socket();

	(void)state;
	kernel_bound(fd, v4("0.0.0.0", 69));

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_name(fd), "10.0.0.99:69");
}

static void a_new_socket_can_be_disconnected(void **state)
{
	int fd = new_socket();

	(void)state;
	(void)connect_to(fd, peer);
	(void)kernel_calls();

	assert_int_equal(disconnect(fd), 0);
	assert_string_equal(kernel_calls(), "disconnect");
	assert_string_equal(kernel_name(fd), "0.0.0.0:0");
	assert_string_equal(kernel_peer(fd), "");
	assert_int_equal(errno, ENOTTY);
	assert_null(sock_known(fd));
}

static void a_disconnected_socket_is_a_client_s(void **state)
{
	int fd = new_socket();

	(void)state;
	(void)connect_to(fd, peer);
	(void)disconnect(fd);
	(void)kernel_calls();

	assert_int_equal(connect_to(fd, stranger), 0);
	assert_string_equal(kernel_calls(), "connect");
}

static void where_the_second_connect_fails_the_first_is_undone(void **state)
{
	int fd = new_socket();

	(void)state;
	fail_connect(2, EACCES);

	assert_int_equal(connect_to(fd, peer), -1);
	assert_int_equal(errno, EACCES);
	assert_string_equal(kernel_name(fd), "0.0.0.0:0");
	assert_string_equal(kernel_peer(fd), "");
	assert_string_equal(kernel_multicast(fd), "0.0.0.0");
	assert_null(sock_known(fd));
}

static void a_new_socket_that_gets_no_address_is_pinned(void **state)
{
	int fd = new_socket();

	(void)state;
	kernel.lacks_addresses = true;

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_name(fd), "10.0.0.99:40000");
	assert_string_equal(kernel_peer(fd), "192.0.2.9:5300");
	assert_string_equal(pinned_to(fd), "10.0.0.1");
	assert_true(is_on(fd));
	assert_int_equal(errno, ENOTTY);
}

static void an_ipv6_socket_that_gets_no_address_is_pinned(void **state)
{
	int fd = new_socket_of(AF_INET6);

	(void)state;
	hear(id, far, "2001:db8::1");
	kernel.lacks_addresses = true;

	assert_int_equal(connect_to(fd, far), 0);
	assert_string_equal(kernel_name(fd), "2001:db8::ee:40000");
	assert_string_equal(pinned_to(fd), "2001:db8::1");
}

static void a_new_socket_that_cannot_be_ours_is_connected_only(void **state)
{
	int fd = new_socket();

	(void)state;
	kernel.setsockopt_error = EPERM;

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_peer(fd), "192.0.2.9:5300");
	assert_null(sock_known(fd));
	assert_int_equal(errno, ENOTTY);
}

/* What the application set for its own multicasts. */

static void assert_multicast_is_kept(int fd, const char *expected)
{
	assert_string_equal(kernel_multicast(fd), expected);
	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_name(fd), "10.0.0.1:40000");
	assert_string_equal(kernel_multicast(fd), expected);
}

static void an_interface_set_by_its_address_is_kept(void **state)
{
	const struct in_addr address = in4("10.0.1.7");
	int fd = new_socket();

	(void)state;
	(void)setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &address,
			 sizeof(address));

	assert_multicast_is_kept(fd, "10.0.1.7%2");
}

static int set_interface(int fd, const char *address, int ifindex)
{
	const struct ip_mreqn group = { .imr_address = in4(address),
					.imr_ifindex = ifindex };

	return setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &group,
			  sizeof(group));
}

static void an_interface_set_by_its_number_is_kept(void **state)
{
	int fd = new_socket();

	(void)state;
	(void)set_interface(fd, "0.0.0.0", 5);

	assert_multicast_is_kept(fd, "0.0.0.0%5");
}

static void an_interface_set_by_both_is_kept(void **state)
{
	int fd = new_socket();

	(void)state;
	(void)set_interface(fd, "10.0.1.7", 5);

	assert_multicast_is_kept(fd, "10.0.1.7%5");
}

static void the_interface_set_last_is_kept(void **state)
{
	int fd = new_socket();

	(void)state;
	(void)set_interface(fd, "0.0.0.0", 5);
	fail_setsockopt(1, EADDRNOTAVAIL);
	assert_int_equal(set_interface(fd, "0.0.0.0", 6), -1);
	assert_multicast_is_kept(fd, "0.0.0.0%5");

	fd = new_socket();
	hear(id, stranger, "10.0.0.1");
	(void)set_interface(fd, "0.0.0.0", 5);
	(void)set_interface(fd, "10.0.1.7", 0);
	(void)connect_to(fd, stranger);
	assert_string_equal(kernel_multicast(fd), "10.0.1.7%2");
}

static void a_dup_s_interface_is_kept(void **state)
{
	int fd = new_socket();

	(void)state;
	(void)set_interface(fd, "0.0.0.0", 5);

	assert_multicast_is_kept(dup(fd), "0.0.0.0%5");
}

static void the_interface_is_kept_where_the_group_is_refused(void **state)
{
	int fd = new_socket();

	(void)state;
	(void)set_interface(fd, "10.0.1.7", 5);
	fail_connect(1, EPERM);

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(pinned_to(fd), "10.0.0.1");
	assert_string_equal(kernel_multicast(fd), "10.0.1.7%5");
}

static void a_new_fd_of_the_number_has_no_interface(void **state)
{
	int fd = new_socket();

	(void)state;
	(void)set_interface(fd, "0.0.0.0", 5);
	(void)close(fd);

	assert_int_equal(new_socket(), fd);
	assert_multicast_is_kept(fd, "0.0.0.0");
}

/* Sockets that the kernel chose the port for. */

static int ephemeral_socket(void)
{
	int fd = bound_socket(v4("0.0.0.0", 0));

	hear(sock_known(fd)->id, peer, "10.0.0.2");
	(void)kernel_calls();
	errno = ENOTTY;
	return fd;
}

static void an_ephemeral_socket_is_connected_from_there(void **state)
{
	int fd = ephemeral_socket();

	(void)state;

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_name(fd), "10.0.0.2:40000");
	assert_string_equal(kernel_peer(fd), "192.0.2.9:5300");
	assert_true(is_armed(fd));
	assert_int_equal(errno, ENOTTY);
}

static void an_ephemeral_socket_that_cannot_is_pinned(void **state)
{
	int fd = ephemeral_socket();

	(void)state;
	kernel.is_stubborn = true;

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_name(fd), "10.0.0.99:40000");
	assert_string_equal(pinned_to(fd), "10.0.0.2");
	assert_true(is_on(fd));
	assert_int_equal(errno, ENOTTY);
}

/* Its port would be given back by the disconnect. */
static void an_ephemeral_socket_that_cannot_connect_keeps_its_port(void **state)
{
	int fd = ephemeral_socket();

	(void)state;
	fail_connect(2, EACCES);

	assert_int_equal(connect_to(fd, peer), -1);
	assert_int_equal(errno, EACCES);
	assert_string_equal(kernel_name(fd), "0.0.0.0:40000");
	assert_string_equal(kernel_peer(fd), "");
	assert_true(is_armed(fd));
}

static void an_ephemeral_socket_that_loses_its_port_says_why(void **state)
{
	int fd = ephemeral_socket();

	(void)state;
	fail_connect(2, EACCES);
	kernel.bind_error = EADDRINUSE;

	assert_int_equal(connect_to(fd, peer), -1);
	assert_int_equal(errno, EACCES);
}

static void an_ephemeral_socket_is_steered_by_its_server_once(void **state)
{
	int fd = bound_socket(v4("0.0.0.0", 0));
	const uint64_t sock = sock_known(fd)->id;

	(void)state;
	(void)answer(sock, stranger);
	hear(sock, stranger, "10.0.0.2");

	assert_string_equal(answer(sock, stranger), "10.0.0.2");
	assert_int_equal(connect_to(fd, stranger), 0);
	assert_string_equal(kernel_calls(), "connect");
}

static void a_connected_ephemeral_socket_is_pinned(void **state)
{
	int fd = ephemeral_socket();

	(void)state;
	(void)connect_to(fd, stranger);

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_name(fd), "10.0.0.99:40000");
	assert_string_equal(kernel_peer(fd), "192.0.2.9:5300");
	assert_string_equal(pinned_to(fd), "10.0.0.2");
}

static void a_disconnected_ephemeral_socket_has_lost_its_port(void **state)
{
	int fd = ephemeral_socket();

	(void)state;
	(void)connect_to(fd, peer);

	assert_int_equal(disconnect(fd), 0);
	assert_string_equal(kernel_name(fd), "0.0.0.0:0");
	assert_int_equal(errno, ENOTTY);
}

/* Sockets bound to a port by number. */

static void a_server_is_connected_from_the_address_asked(void **state)
{
	(void)state;

	assert_int_equal(connect_to(server, peer), 0);
	assert_string_equal(kernel_calls(),
			    "getsockname IP_MULTICAST_IF "
			    "IP_MULTICAST_IF=10.0.0.1 connect "
			    "connect IP_MULTICAST_IF=0.0.0.0 getsockname");
	assert_string_equal(kernel_name(server), "10.0.0.1:53");
	assert_string_equal(kernel_peer(server), "192.0.2.9:5300");
	assert_true(is_armed(server));
	assert_int_equal(errno, ENOTTY);
}

static void a_dup_of_a_server_is_connected_like_it(void **state)
{
	int fd = dup(server);

	(void)state;

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_name(server), "10.0.0.1:53");
	assert_true(is_armed(server));
}

static void a_server_from_elsewhere_is_connected_like_ours(void **state)
{
	int fd = 300;

	(void)state;
	kernel_socket(fd, AF_INET, SOCK_DGRAM, 0);
	kernel_bound(fd, v4("0.0.0.0", 69));

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_name(fd), "10.0.0.1:69");
	assert_true(is_armed(fd));
}

static int dual_stack_server(void)
{
	return bound_socket(v6("::", 5353));
}

static void a_dual_stack_server_answers_a_mapped_peer(void **state)
{
	const struct address mapped = v6("::ffff:192.0.2.9", 5300);
	int fd = dual_stack_server();

	(void)state;
	hear(sock_known(fd)->id, mapped, "10.0.0.2");

	assert_int_equal(connect_to(fd, mapped), 0);
	assert_string_equal(kernel_name(fd), "::ffff:10.0.0.2:5353");
	assert_true(is_armed(fd));
}

/* The application's own comes first: see is_careful. */
static void an_ipv6_server_is_connected_first_then_moved(void **state)
{
	int fd = dual_stack_server();

	(void)state;
	hear(sock_known(fd)->id, far, "2001:db8::1");
	errno = ENOTTY;

	assert_int_equal(connect_to(fd, far), 0);
	assert_string_equal(kernel_calls(),
			    "getsockname connect getsockname disconnect "
			    "connect connect getsockname");
	assert_string_equal(kernel_name(fd), "2001:db8::1:5353");
	assert_string_equal(kernel_peer(fd), "2001:db8::9:5300");
	assert_true(is_armed(fd));
	assert_int_equal(errno, ENOTTY);
}

static void an_ipv6_server_where_the_kernel_is_right_stays(void **state)
{
	int fd = dual_stack_server();

	(void)state;
	hear(sock_known(fd)->id, far, "2001:db8::ee");
	(void)kernel_calls();

	assert_int_equal(connect_to(fd, far), 0);
	assert_string_equal(kernel_calls(), "getsockname connect getsockname");
	assert_true(is_armed(fd));
}

static void an_ipv6_server_that_cannot_connect_is_as_before(void **state)
{
	int fd = dual_stack_server();

	(void)state;
	hear(sock_known(fd)->id, far, "2001:db8::1");
	(void)kernel_calls();
	fail_connect(1, ENETUNREACH);

	assert_int_equal(connect_to(fd, far), -1);
	assert_int_equal(errno, ENETUNREACH);
	assert_string_equal(kernel_calls(), "getsockname connect");
	assert_string_equal(kernel_name(fd), ":::5353");
}

static void an_ipv6_server_that_gets_no_address_is_pinned(void **state)
{
	int fd = dual_stack_server();

	(void)state;
	hear(sock_known(fd)->id, far, "2001:db8::1");
	kernel.is_stubborn = true;

	assert_int_equal(connect_to(fd, far), 0);
	assert_string_equal(kernel_name(fd), "2001:db8::ee:5353");
	assert_string_equal(pinned_to(fd), "2001:db8::1");
}

static void a_server_that_cannot_connect_is_as_before(void **state)
{
	(void)state;
	fail_connect(2, EACCES);

	assert_int_equal(connect_to(server, peer), -1);
	assert_int_equal(errno, EACCES);
	assert_string_equal(kernel_name(server), "0.0.0.0:53");
	assert_string_equal(kernel_peer(server), "");
	assert_string_equal(kernel_multicast(server), "0.0.0.0");
	assert_true(is_armed(server));
	assert_true(is_on(server));
}

/* A refused source, a refused group, and a kernel that chooses otherwise. */

static void where_the_source_is_refused_a_server_is_pinned(void **state)
{
	(void)state;
	fail_setsockopt(1, EPERM);

	assert_int_equal(connect_to(server, peer), 0);
	assert_string_equal(kernel_calls(), "getsockname IP_MULTICAST_IF "
					    "IP_MULTICAST_IF=10.0.0.1 connect");
	assert_string_equal(kernel_name(server), "10.0.0.99:53");
	assert_string_equal(pinned_to(server), "10.0.0.1");
	assert_int_equal(errno, ENOTTY);
}

static void where_the_group_is_refused_a_server_is_pinned(void **state)
{
	(void)state;
	fail_connect(1, EPERM);

	assert_int_equal(connect_to(server, peer), 0);
	assert_string_equal(kernel_name(server), "10.0.0.99:53");
	assert_string_equal(kernel_peer(server), "192.0.2.9:5300");
	assert_string_equal(pinned_to(server), "10.0.0.1");
	assert_string_equal(kernel_multicast(server), "0.0.0.0");
	assert_int_equal(errno, ENOTTY);
}

static void where_the_kernel_is_stubborn_a_server_is_pinned(void **state)
{
	(void)state;
	kernel.is_stubborn = true;

	assert_int_equal(connect_to(server, peer), 0);
	assert_string_equal(kernel_name(server), "10.0.0.99:53");
	assert_string_equal(kernel_peer(server), "192.0.2.9:5300");
	assert_string_equal(pinned_to(server), "10.0.0.1");
	assert_int_equal(errno, ENOTTY);
}

static void a_server_that_can_do_neither_says_why(void **state)
{
	(void)state;
	kernel.connect_error = EACCES;

	assert_int_equal(connect_to(server, peer), -1);
	assert_int_equal(errno, EACCES);
	assert_string_equal(pinned_to(server), "nothing");
	assert_true(is_armed(server));
}

/* Devices. */

static void a_server_on_a_device_is_connected_from_there(void **state)
{
	(void)state;
	(void)setsockopt(server, SOL_SOCKET, SO_BINDTODEVICE, "eth3", 4);

	assert_int_equal(connect_to(server, peer), 0);
	assert_string_equal(kernel_name(server), "10.0.0.1:53");
	assert_string_equal(kernel_multicast(server), "0.0.0.0");
	assert_int_equal(kernel_get(server, SOL_SOCKET, SO_BINDTOIFINDEX), 3);
}

static void a_server_on_a_device_that_cannot_connect_stays_on_it(void **state)
{
	(void)state;
	(void)setsockopt(server, SOL_SOCKET, SO_BINDTODEVICE, "eth3", 4);
	fail_connect(2, EACCES);

	assert_int_equal(connect_to(server, peer), -1);
	assert_int_equal(errno, EACCES);
	assert_int_equal(kernel_get(server, SOL_SOCKET, SO_BINDTOIFINDEX), 3);
}

static void a_server_on_a_device_that_is_pinned_stays_on_it(void **state)
{
	(void)state;
	(void)setsockopt(server, SOL_SOCKET, SO_BINDTODEVICE, "eth3", 4);
	kernel.is_stubborn = true;

	assert_int_equal(connect_to(server, peer), 0);
	assert_string_equal(pinned_to(server), "10.0.0.1");
	assert_int_equal(kernel_get(server, SOL_SOCKET, SO_BINDTOIFINDEX), 3);
}

static void
a_link_local_server_that_cannot_connect_is_on_no_device(void **state)
{
	int fd = dual_stack_server();

	(void)state;
	hear_link_local(sock_known(fd)->id);
	fail_connect(3, EACCES);
	kernel.nth_connect.is_lasting = true;

	assert_int_equal(connect_to(fd, far), -1);
	assert_int_equal(errno, EACCES);
	assert_string_equal(kernel_name(fd), ":::5353");
	assert_int_equal(kernel_get(fd, SOL_SOCKET, SO_BINDTOIFINDEX), 0);
}

/* Whom a server connects to. */

static void a_server_s_connect_to_a_stranger_is_one_call(void **state)
{
	(void)state;

	assert_int_equal(connect_to(server, stranger), 0);
	assert_string_equal(kernel_calls(), "connect");
	assert_true(is_armed(server));
}

static void a_server_s_connect_to_its_upstream_is_one_call(void **state)
{
	(void)state;
	(void)answer(id, stranger);

	assert_int_equal(connect_to(server, stranger), 0);
	assert_string_equal(kernel_calls(), "connect");
}

/* Of the port that the peer asked: it need not be waiting. */
static void a_socket_of_the_same_port_is_connected_from_there(void **state)
{
	int fd = bound_socket(v4("0.0.0.0", 53));

	(void)state;
	(void)answer(id, peer);

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_name(fd), "10.0.0.1:53");
}

static void a_socket_of_another_port_needs_a_peer_that_waits(void **state)
{
	int fd = bound_socket(v4("0.0.0.0", 69));

	(void)state;
	(void)answer(id, peer);

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_calls(), "connect");
	assert_string_equal(kernel_name(fd), "10.0.0.99:69");
}

static void another_port_of_the_host_is_connected_plainly(void **state)
{
	(void)state;

	assert_int_equal(connect_to(server, v4("192.0.2.9", 5301)), 0);
	assert_string_equal(kernel_calls(), "connect");
}

/* Connected sockets. */

static void a_connected_server_is_moved_from_an_address_of_ours(void **state)
{
	(void)state;
	(void)connect_to(server, peer);
	hear(id, stranger, "10.0.0.2");

	assert_int_equal(connect_to(server, stranger), 0);
	assert_string_equal(kernel_name(server), "10.0.0.2:53");
	assert_string_equal(kernel_peer(server), "192.0.2.66:6600");
	assert_true(is_armed(server));
	assert_int_equal(errno, ENOTTY);
}

static void a_connected_server_stays_where_the_kernel_put_it(void **state)
{
	(void)state;
	(void)connect_to(server, stranger);

	assert_int_equal(connect_to(server, peer), 0);
	assert_string_equal(kernel_name(server), "10.0.0.99:53");
	assert_string_equal(kernel_peer(server), "192.0.2.9:5300");
	assert_string_equal(pinned_to(server), "10.0.0.1");
	assert_int_equal(errno, ENOTTY);
}

static void a_stranger_is_not_connected_from_an_address_of_ours(void **state)
{
	(void)state;
	(void)connect_to(server, peer);

	assert_int_equal(connect_to(server, stranger), 0);
	assert_string_equal(kernel_name(server), "10.0.0.99:53");
	assert_string_equal(kernel_peer(server), "192.0.2.66:6600");
	assert_int_equal(errno, ENOTTY);
}

static void a_connected_server_at_the_address_stays(void **state)
{
	(void)state;
	(void)connect_to(server, peer);
	hear(id, stranger, "10.0.0.1");
	(void)kernel_calls();

	assert_int_equal(connect_to(server, stranger), 0);
	assert_string_equal(kernel_calls(), "getsockname connect getsockname");
	assert_string_equal(kernel_peer(server), "192.0.2.66:6600");
}

static void a_connected_server_that_cannot_connect_keeps_its_peer(void **state)
{
	(void)state;
	(void)connect_to(server, peer);
	hear(id, stranger, "10.0.0.2");
	fail_connect(1, EACCES);

	assert_int_equal(connect_to(server, stranger), -1);
	assert_int_equal(errno, EACCES);
	assert_string_equal(kernel_name(server), "10.0.0.1:53");
	assert_string_equal(kernel_peer(server), "192.0.2.9:5300");
}

static void a_connected_server_that_cannot_be_moved_is_pinned(void **state)
{
	(void)state;
	(void)connect_to(server, peer);
	hear(id, stranger, "10.0.0.2");
	kernel.is_stubborn = true;

	assert_int_equal(connect_to(server, stranger), 0);
	assert_string_equal(kernel_peer(server), "192.0.2.66:6600");
	assert_string_equal(pinned_to(server), "10.0.0.2");
}

static void a_server_that_is_disconnected_is_one_call(void **state)
{
	(void)state;
	(void)connect_to(server, peer);
	(void)kernel_calls();

	assert_int_equal(disconnect(server), 0);
	assert_string_equal(kernel_calls(), "disconnect");
	assert_string_equal(kernel_name(server), "0.0.0.0:53");
	assert_true(is_armed(server));
	assert_int_equal(errno, ENOTTY);
}

/* Pinned sockets. */

static void pin_server(void)
{
	fail_connect(1, EPERM);
	(void)connect_to(server, peer);
	assert_string_equal(pinned_to(server), "10.0.0.1");
	(void)kernel_calls();
}

static void a_pinned_socket_that_is_disconnected_is_not_pinned(void **state)
{
	(void)state;
	pin_server();

	assert_int_equal(disconnect(server), 0);
	assert_string_equal(kernel_calls(), "disconnect");
	assert_true(is_armed(server));
}

static void a_pinned_socket_that_has_a_stranger_is_not_pinned(void **state)
{
	(void)state;
	pin_server();

	assert_int_equal(connect_to(server, stranger), 0);
	assert_string_equal(kernel_calls(), "connect");
	assert_true(is_armed(server));
}

/* The kernel keeps the peer that it had. */
static void a_pinned_socket_that_fails_to_connect_stays_pinned(void **state)
{
	(void)state;
	pin_server();
	kernel.connect_error = EACCES;

	assert_int_equal(connect_to(server, stranger), -1);
	assert_int_equal(errno, EACCES);
	assert_string_equal(kernel_calls(), "connect");
	assert_string_equal(pinned_to(server), "10.0.0.1");
}

/* The same, and its new peer is a client too. */
static void a_pinned_socket_that_fails_to_move_stays_pinned(void **state)
{
	(void)state;
	pin_server();
	hear(id, stranger, "10.0.0.2");
	kernel.connect_error = EACCES;

	assert_int_equal(connect_to(server, stranger), -1);
	assert_string_equal(kernel_peer(server), "192.0.2.9:5300");
	assert_string_equal(pinned_to(server), "10.0.0.1");
}

static void a_pinned_socket_is_pinned_to_the_next_peer_s(void **state)
{
	(void)state;
	pin_server();
	hear(id, stranger, "10.0.0.2");

	assert_int_equal(connect_to(server, stranger), 0);
	assert_string_equal(kernel_peer(server), "192.0.2.66:6600");
	assert_string_equal(pinned_to(server), "10.0.0.2");
}

static void a_pinned_socket_is_unpinned_when_looking_is_forbidden(void **state)
{
	(void)state;
	pin_server();
	sock_look_at_no_more(true);

	assert_int_equal(connect_to(server, stranger), 0);
	assert_string_equal(kernel_calls(), "connect");
	assert_true(is_armed(server));
}

/* Filters. */

static void where_it_is_forbidden_a_server_is_pinned(void **state)
{
	(void)state;
	follow_forbid(true);

	assert_int_equal(connect_to(server, peer), 0);
	assert_string_equal(kernel_calls(), "getsockname connect");
	assert_string_equal(pinned_to(server), "10.0.0.1");
	assert_int_equal(errno, ENOTTY);
}

static void
where_it_is_forbidden_a_connect_that_fails_pins_nothing(void **state)
{
	(void)state;
	follow_forbid(true);
	kernel.connect_error = EACCES;

	assert_int_equal(connect_to(server, peer), -1);
	assert_int_equal(errno, EACCES);
	assert_true(is_armed(server));
}

/* Signals and cancellation. */

static unsigned int undisturbed, disturbed;

static void look_at_this_thread(int fd)
{
	sigset_t blocked;
	int cancelable;

	(void)fd;
	(void)pthread_sigmask(SIG_BLOCK, NULL, &blocked);
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelable);
	(void)pthread_setcancelstate(cancelable, NULL);
	if (sigismember(&blocked, SIGUSR1) && sigismember(&blocked, SIGTERM) &&
	    cancelable == PTHREAD_CANCEL_DISABLE)
		undisturbed++;
	else
		disturbed++;
}

static void assert_disturbed(unsigned int yes, unsigned int no)
{
	assert_int_equal(disturbed, yes);
	assert_int_equal(undisturbed, no);
	undisturbed = 0;
	disturbed = 0;
	look_at_this_thread(-1);
	assert_int_equal(disturbed, 1);
	disturbed = 0;
}

static void nothing_disturbs_the_two_connects(void **state)
{
	(void)state;
	kernel.before_connect = look_at_this_thread;

	(void)connect_to(server, peer);

	assert_disturbed(0, 2);
}

static void nothing_disturbs_what_undoes_them(void **state)
{
	(void)state;
	kernel.before_connect = look_at_this_thread;
	fail_connect(2, EACCES);

	(void)connect_to(server, peer);

	assert_disturbed(0, 3);
}

static void a_client_s_connect_can_be_disturbed(void **state)
{
	(void)state;
	kernel.before_connect = look_at_this_thread;

	(void)connect_to(server, stranger);

	assert_disturbed(1, 0);
}

static void what_the_application_blocked_stays_blocked(void **state)
{
	sigset_t blocked, before, after;

	(void)state;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR2);
	(void)pthread_sigmask(SIG_BLOCK, &blocked, &before);

	(void)connect_to(server, peer);

	(void)pthread_sigmask(SIG_SETMASK, &before, &after);
	assert_true(sigismember(&after, SIGUSR2));
	assert_false(sigismember(&after, SIGUSR1));
}

static void a_thread_that_can_be_cancelled_can_be_again(void **state)
{
	int after;

	(void)state;

	(void)connect_to(server, peer);

	(void)pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &after);
	assert_int_equal(after, PTHREAD_CANCEL_ENABLE);
}

static void a_thread_that_cannot_be_cancelled_stays_so(void **state)
{
	int before, after;

	(void)state;
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);

	(void)connect_to(server, peer);

	(void)pthread_setcancelstate(before, &after);
	assert_int_equal(after, PTHREAD_CANCEL_DISABLE);
}

static void *connect_when_cancelled(void *context)
{
	(void)pthread_cancel(pthread_self());
	(void)connect_to(server, peer);
	return context;
}

/* As connect(2) does, which is a cancellation point. */
static void a_cancellation_comes_before_the_first_connect(void **state)
{
	pthread_t thread;
	void *result = NULL;

	(void)state;
#ifdef __SANITIZE_ADDRESS__
	/* It takes what a cancelled thread leaves on its stack for a bug. */
	skip();
#endif
	assert_int_equal(
		pthread_create(&thread, NULL, connect_when_cancelled, NULL), 0);
	assert_int_equal(pthread_join(thread, &result), 0);

	assert_ptr_equal(result, PTHREAD_CANCELED);
	assert_string_equal(kernel_peer(server), "");
	assert_string_equal(kernel_name(server), "0.0.0.0:53");
}

/* Sends on new sockets. */

static struct sock *send_to(int fd, struct address to)
{
	return follow_send(fd, &to.any, to.len);
}

static void a_new_socket_s_answer_makes_it_ours(void **state)
{
	int fd = new_socket();
	struct sock *sock = send_to(fd, peer);

	(void)state;

	assert_non_null(sock);
	assert_ptr_equal(sock_known(fd), sock);
	assert_true(is_armed(fd));
	assert_true(is_on(fd));
	assert_string_equal(answer(sock->id, peer), "10.0.0.1");
	assert_int_equal(errno, ENOTTY);
}

static void a_client_s_send_makes_no_call(void **state)
{
	int fd = new_socket();

	(void)state;

	assert_null(send_to(fd, stranger));
	assert_string_equal(kernel_calls(), "");
	assert_null(sock_known(fd));
	assert_int_equal(errno, ENOTTY);
}

static void a_client_s_second_send_is_a_client_s(void **state)
{
	int fd = new_socket();

	(void)state;
	(void)send_to(fd, stranger);

	assert_null(send_to(fd, peer));
	assert_string_equal(kernel_calls(), "");
}

static void whom_a_client_asked_is_not_answered(void **state)
{
	(void)state;
	(void)send_to(new_socket(), stranger);
	hear(id, stranger, "10.0.0.2");

	assert_null(send_to(new_socket(), stranger));
	assert_string_equal(kernel_calls(), "");
}

static void a_new_socket_that_was_bound_behind_us_is_not_ours(void **state)
{
	int fd = new_socket();

	(void)state;
	kernel_bound(fd, v4("10.0.0.3", 69));

	assert_null(send_to(fd, peer));
	assert_null(sock_known(fd));
	assert_int_equal(errno, ENOTTY);
}

static void a_new_socket_that_cannot_be_switched_on_is_not_ours(void **state)
{
	int fd = new_socket();

	(void)state;
	kernel.setsockopt_error = EPERM;

	assert_null(send_to(fd, peer));
	assert_null(sock_known(fd));
	assert_int_equal(errno, ENOTTY);
}

static void when_disabled_a_send_makes_nothing_ours(void **state)
{
	int fd = new_socket();

	(void)state;
	settings.disable = 1;

	assert_null(send_to(fd, peer));
	assert_string_equal(kernel_calls(), "");
}

#define TEST(name) cmocka_unit_test_setup(name, a_server_was_asked)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_client_s_connect_is_one_call),
		TEST(a_client_without_a_server_makes_one_call),
		TEST(a_client_that_fails_has_the_kernel_s_errno),
		TEST(a_client_connects_again_and_again),
		TEST(a_socket_that_is_not_udp_is_not_followed),
		TEST(what_is_no_address_is_the_kernel_s),
		TEST(when_disabled_nobody_is_followed),
		TEST(a_new_socket_answers_from_the_address_asked),
		TEST(a_connected_new_socket_is_the_kernel_s_business),
		TEST(the_next_new_socket_is_a_client_s),
		TEST(a_peer_that_was_answered_is_not_followed),
		TEST(a_peer_that_asked_long_ago_is_not_followed),
		TEST(follow_ms_0_follows_no_new_socket),
		TEST(a_peer_that_we_asked_first_is_not_followed),
		TEST(a_server_that_is_closed_still_follows),
		TEST(an_ipv6_socket_answers_from_the_address_asked),
		TEST(an_ipv6_socket_answers_a_mapped_peer),
		TEST(a_link_local_address_has_its_interface),
		TEST(a_link_local_address_that_is_undone_leaves_no_device),
		TEST(a_new_socket_keeps_its_device_when_that_is_undone),
		TEST(an_ipv6_address_is_none_of_ipv4_s),
		TEST(a_multicast_question_is_not_followed),
		TEST(a_socket_bound_to_an_address_keeps_it),
		TEST(a_socket_that_is_bound_behind_us_is_left),
		TEST(a_new_socket_can_be_disconnected),
		TEST(a_disconnected_socket_is_a_client_s),
		TEST(where_the_second_connect_fails_the_first_is_undone),
		TEST(a_new_socket_that_gets_no_address_is_pinned),
		TEST(an_ipv6_socket_that_gets_no_address_is_pinned),
		TEST(a_new_socket_that_cannot_be_ours_is_connected_only),
		TEST(an_interface_set_by_its_address_is_kept),
		TEST(an_interface_set_by_its_number_is_kept),
		TEST(an_interface_set_by_both_is_kept),
		TEST(the_interface_set_last_is_kept),
		TEST(a_dup_s_interface_is_kept),
		TEST(the_interface_is_kept_where_the_group_is_refused),
		TEST(a_new_fd_of_the_number_has_no_interface),
		TEST(an_ephemeral_socket_is_connected_from_there),
		TEST(an_ephemeral_socket_that_cannot_is_pinned),
		TEST(an_ephemeral_socket_that_cannot_connect_keeps_its_port),
		TEST(an_ephemeral_socket_that_loses_its_port_says_why),
		TEST(an_ephemeral_socket_is_steered_by_its_server_once),
		TEST(a_connected_ephemeral_socket_is_pinned),
		TEST(a_disconnected_ephemeral_socket_has_lost_its_port),
		TEST(a_server_is_connected_from_the_address_asked),
		TEST(a_dup_of_a_server_is_connected_like_it),
		TEST(a_server_from_elsewhere_is_connected_like_ours),
		TEST(a_dual_stack_server_answers_a_mapped_peer),
		TEST(an_ipv6_server_is_connected_first_then_moved),
		TEST(an_ipv6_server_where_the_kernel_is_right_stays),
		TEST(an_ipv6_server_that_cannot_connect_is_as_before),
		TEST(an_ipv6_server_that_gets_no_address_is_pinned),
		TEST(a_server_that_cannot_connect_is_as_before),
		TEST(where_the_source_is_refused_a_server_is_pinned),
		TEST(where_the_group_is_refused_a_server_is_pinned),
		TEST(where_the_kernel_is_stubborn_a_server_is_pinned),
		TEST(a_server_that_can_do_neither_says_why),
		TEST(a_server_on_a_device_is_connected_from_there),
		TEST(a_server_on_a_device_that_cannot_connect_stays_on_it),
		TEST(a_server_on_a_device_that_is_pinned_stays_on_it),
		TEST(a_link_local_server_that_cannot_connect_is_on_no_device),
		TEST(a_server_s_connect_to_a_stranger_is_one_call),
		TEST(a_server_s_connect_to_its_upstream_is_one_call),
		TEST(a_socket_of_the_same_port_is_connected_from_there),
		TEST(a_socket_of_another_port_needs_a_peer_that_waits),
		TEST(another_port_of_the_host_is_connected_plainly),
		TEST(a_connected_server_is_moved_from_an_address_of_ours),
		TEST(a_connected_server_stays_where_the_kernel_put_it),
		TEST(a_stranger_is_not_connected_from_an_address_of_ours),
		TEST(a_connected_server_at_the_address_stays),
		TEST(a_connected_server_that_cannot_connect_keeps_its_peer),
		TEST(a_connected_server_that_cannot_be_moved_is_pinned),
		TEST(a_server_that_is_disconnected_is_one_call),
		TEST(a_pinned_socket_that_is_disconnected_is_not_pinned),
		TEST(a_pinned_socket_that_has_a_stranger_is_not_pinned),
		TEST(a_pinned_socket_that_fails_to_connect_stays_pinned),
		TEST(a_pinned_socket_that_fails_to_move_stays_pinned),
		TEST(a_pinned_socket_is_pinned_to_the_next_peer_s),
		TEST(a_pinned_socket_is_unpinned_when_looking_is_forbidden),
		TEST(where_it_is_forbidden_a_server_is_pinned),
		TEST(where_it_is_forbidden_a_connect_that_fails_pins_nothing),
		TEST(nothing_disturbs_the_two_connects),
		TEST(nothing_disturbs_what_undoes_them),
		TEST(a_client_s_connect_can_be_disturbed),
		TEST(what_the_application_blocked_stays_blocked),
		TEST(a_thread_that_can_be_cancelled_can_be_again),
		TEST(a_thread_that_cannot_be_cancelled_stays_so),
		TEST(a_cancellation_comes_before_the_first_connect),
		TEST(a_new_socket_s_answer_makes_it_ours),
		TEST(a_client_s_send_makes_no_call),
		TEST(a_client_s_second_send_is_a_client_s),
		TEST(whom_a_client_asked_is_not_answered),
		TEST(a_new_socket_that_was_bound_behind_us_is_not_ours),
		TEST(a_new_socket_that_cannot_be_switched_on_is_not_ours),
		TEST(when_disabled_a_send_makes_nothing_ours),
	};

	return cmocka_run_group_tests(tests, end_when_stuck, kernel_halt);
}
