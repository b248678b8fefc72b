/* SPDX-License-Identifier: MIT */
/* Sockets that answer a peer by connecting to it, or from a new port. */
#include "state/follow.h"

#include "base/real.h"
#include "base/sandbox.h"
#include "child.h"
#include "clock.h"
#include "kernel.h"
#include "settings.h"
#include "state/peers.h"
#include "state/peers_open.h"
#include "story.h"
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>

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

BEFORE_EACH(a_server_was_asked)
{
	settings_reset();
	peers_reset(1000, 120);
	peers_drained();
	sock_forget_range(0, ~0U);
	atomic_store(&sandbox_given_up, 0);
	kernel_boot();
	peer = v4("192.0.2.9", 5300);
	stranger = v4("192.0.2.66", 6600);
	far = v6("2001:db8::9", 5300);
	server = bound_socket(v4("0.0.0.0", 53));
	id = sock_known(server)->id;
	hear(id, peer, "10.0.0.1");
	(void)kernel_calls();
	errno = ENOTTY;
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

/* And all later ones. */
static void fail_connects_from(unsigned int nth, int error)
{
	fail_connect(nth, error);
	kernel.nth_connect.is_lasting = true;
}

static void fail_setsockopt(unsigned int nth, int error)
{
	kernel.nth_setsockopt =
		(struct nth_error){ .nth = nth, .error = error };
}

/* Clients. */

TEST(a_client_s_connect_is_one_call)
{
	int fd = new_socket();

	assert_int_equal(connect_to(fd, stranger), 0);
	assert_string_equal(kernel_calls(), "connect");
	assert_string_equal(kernel_peer(fd), "192.0.2.66:6600");
	assert_int_equal(errno, ENOTTY);
}

TEST(a_client_without_a_server_makes_one_call)
{
	int fd;

	peers_reset(1000, 120);
	fd = new_socket();

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_calls(), "connect");
}

TEST(a_client_that_fails_has_the_kernel_s_errno)
{
	int fd = new_socket();

	kernel.connect_error = ENETUNREACH;

	assert_int_equal(connect_to(fd, stranger), -1);
	assert_int_equal(errno, ENETUNREACH);
	assert_string_equal(kernel_calls(), "connect");
}

TEST(a_client_connects_again_and_again)
{
	int fd = new_socket();

	(void)connect_to(fd, stranger);
	(void)connect_to(fd, v4("192.0.2.67", 6600));
	(void)disconnect(fd);
	(void)kernel_calls();

	assert_int_equal(connect_to(fd, stranger), 0);
	assert_string_equal(kernel_calls(), "connect");
}

TEST(a_socket_that_is_not_udp_is_not_followed)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)kernel_calls();

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_calls(), "connect");
}

TEST(connecting_a_raw_socket_reads_nothing)
{
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_UDP);

	assert_int_equal(connect_to(fd, stranger), 0);
	assert_string_equal(answer(id, peer), "10.0.0.1");
}

TEST(what_is_no_address_is_the_kernel_s)
{
	int fd = new_socket();

	kernel.connect_error = EINVAL;

	assert_int_equal(connect(fd, &peer.any, sizeof(struct sockaddr_in) - 1),
			 -1);
	assert_int_equal(connect(fd, &peer.any, 1), -1);
	assert_int_equal(connect(fd, &peer.any, sizeof(peer.room) + 1), -1);
	assert_string_equal(kernel_calls(), "connect connect connect");
}

TEST(when_disabled_nobody_is_followed)
{
	int fd = new_socket();

	settings.disable = 1;

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_calls(), "connect");
}

/* New sockets. */

/* And those, as below: nine more. */
TEST(a_new_socket_answers_from_the_address_asked)
{
	int fd = new_socket();

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

TEST(a_connected_new_socket_is_the_kernel_s_business)
{
	int fd = new_socket();

	(void)connect_to(fd, peer);

	assert_null(sock_known(fd));
	assert_false(is_on(fd));
}

TEST(the_next_new_socket_is_a_client_s)
{
	int fd;

	(void)connect_to(new_socket(), peer);
	fd = new_socket();

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_calls(), "connect");
}

TEST(a_peer_that_was_answered_is_not_followed)
{
	int fd = new_socket();

	(void)answer(id, peer);

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_calls(), "connect");
}

TEST(a_peer_that_asked_long_ago_is_not_followed)
{
	int fd = new_socket();

	clock_s += 3;

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_calls(), "connect");
}

TEST(follow_ms_0_follows_no_new_socket)
{
	int fd = new_socket();

	settings.follow_ms = 0;

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_calls(), "connect");
}

/* Who asks back on the port that we asked is a forger. */
TEST(a_peer_that_we_asked_first_is_not_followed)
{
	int fd;

	(void)connect_to(new_socket(), stranger);
	hear(id, stranger, "10.0.0.1");
	fd = new_socket();

	assert_int_equal(connect_to(fd, stranger), 0);
	assert_string_equal(kernel_calls(), "connect");
}

TEST(a_server_that_is_closed_still_follows)
{
	int fd;

	fd = new_socket();
	(void)close(server);

	(void)connect_to(fd, peer);

	assert_string_equal(kernel_name(fd), "10.0.0.1:40000");
}

TEST(an_ipv6_socket_answers_from_the_address_asked)
{
	int fd = new_socket_of(AF_INET6);

	hear(id, far, "2001:db8::1");

	assert_int_equal(connect_to(fd, far), 0);
	assert_string_equal(kernel_calls(), "getsockname connect getsockname "
					    "connect getsockname");
	assert_string_equal(kernel_name(fd), "2001:db8::1:40000");
	assert_string_equal(kernel_peer(fd), "2001:db8::9:5300");
	assert_int_equal(errno, ENOTTY);
}

TEST(an_ipv6_socket_that_gets_another_address_is_connected_once)
{
	int fd = new_socket_of(AF_INET6);

	hear(id, far, "2001:db8::1");
	kernel.is_stubborn = true;
	(void)kernel_calls();

	assert_int_equal(connect_to(fd, far), 0);
	assert_string_equal(
		kernel_calls(),
		"getsockname connect getsockname SO_BINDTOIFINDEX disconnect "
		"connect SO_COOKIE IP_PKTINFO=1 IPV6_RECVPKTINFO=1 "
		"SO_RCVLOWAT=0x52460000");
	assert_string_equal(pinned_to(fd), "2001:db8::1");
}

TEST(an_ipv6_socket_answers_a_mapped_peer)
{
	const struct address mapped = v6("::ffff:192.0.2.9", 5300);
	int fd = new_socket_of(AF_INET6);

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

TEST(a_link_local_address_has_its_interface)
{
	int fd = new_socket_of(AF_INET6);
	struct sockaddr_in6 name;
	socklen_t len = sizeof(name);

	hear_link_local(id);

	assert_int_equal(connect_to(fd, far), 0);
	(void)getsockname(fd, (struct sockaddr *)&name, &len);
	assert_string_equal(kernel_name(fd), "fe80::1:40000");
	assert_int_equal(name.sin6_scope_id, 3);
}

TEST(a_link_local_address_that_is_undone_leaves_no_device)
{
	int fd = new_socket_of(AF_INET6);

	hear_link_local(id);
	fail_connects_from(2, EACCES);

	assert_int_equal(connect_to(fd, far), -1);
	assert_int_equal(errno, EACCES);
	assert_string_equal(kernel_name(fd), ":::0");
	assert_int_equal(kernel_get(fd, SOL_SOCKET, SO_BINDTOIFINDEX), 0);
}

TEST(a_link_local_address_that_is_undone_leaves_no_device_beside_options)
{
	const int on = 1;
	int fd = new_socket_of(AF_INET6);

	(void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
	hear_link_local(id);
	fail_connects_from(2, EACCES);

	assert_int_equal(connect_to(fd, far), -1);
	assert_int_equal(kernel_get(fd, SOL_SOCKET, SO_BINDTOIFINDEX), 0);
}

TEST(a_new_socket_keeps_its_device_when_that_is_undone)
{
	int fd = new_socket_of(AF_INET6);

	(void)setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "eth3", 4);
	hear_link_local(id);
	fail_connects_from(2, EACCES);

	assert_int_equal(connect_to(fd, far), -1);
	assert_int_equal(kernel_get(fd, SOL_SOCKET, SO_BINDTOIFINDEX), 3);
}

TEST(a_new_socket_keeps_a_bpf_program_s_device_when_that_is_undone)
{
	int fd = new_socket_of(AF_INET6);

	kernel_set(fd, SOL_SOCKET, SO_BINDTOIFINDEX, 3);
	hear_link_local(id);
	fail_connects_from(2, EACCES);

	assert_int_equal(connect_to(fd, far), -1);
	assert_int_equal(kernel_get(fd, SOL_SOCKET, SO_BINDTOIFINDEX), 3);
}

TEST(an_ipv6_address_is_none_of_ipv4_s)
{
	int fd;

	hear(id, peer, "2001:db8::1");
	fd = new_socket();

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_calls(), "getsockname connect");
	assert_int_equal(errno, ENOTTY);
}

TEST(a_multicast_question_is_not_followed)
{
	int fd;

	hear(id, peer, "");
	fd = new_socket();

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_calls(), "connect");
}

TEST(a_socket_bound_to_an_address_keeps_it)
{
	int fd = bound_socket(v4("10.0.0.3", 69));

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_name(fd), "10.0.0.3:69");
	assert_string_equal(kernel_calls(), "getsockname connect");
}

/* Bound to no address, but to a port, and not by us: it may be anybody's. */
TEST(a_socket_that_is_bound_behind_us_is_left)
{
	int fd = new_socket();

	kernel_bound(fd, v4("0.0.0.0", 69));

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_name(fd), "10.0.0.99:69");
}

TEST(a_new_socket_can_be_disconnected)
{
	int fd = new_socket();

	(void)connect_to(fd, peer);
	(void)kernel_calls();

	assert_int_equal(disconnect(fd), 0);
	assert_string_equal(kernel_calls(), "disconnect");
	assert_string_equal(kernel_name(fd), "0.0.0.0:0");
	assert_string_equal(kernel_peer(fd), "");
	assert_int_equal(errno, ENOTTY);
	assert_null(sock_known(fd));
}

TEST(a_disconnected_socket_is_a_client_s)
{
	int fd = new_socket();

	(void)connect_to(fd, peer);
	(void)disconnect(fd);
	(void)kernel_calls();

	assert_int_equal(connect_to(fd, stranger), 0);
	assert_string_equal(kernel_calls(), "connect");
}

TEST(where_the_second_connect_fails_the_first_is_undone)
{
	int fd = new_socket();

	fail_connects_from(2, EACCES);

	assert_int_equal(connect_to(fd, peer), -1);
	assert_int_equal(errno, EACCES);
	assert_string_equal(kernel_name(fd), "0.0.0.0:0");
	assert_string_equal(kernel_peer(fd), "");
	assert_string_equal(kernel_multicast(fd), "0.0.0.0");
	assert_null(sock_known(fd));
}

TEST(a_new_socket_whose_second_connect_alone_fails_is_pinned)
{
	int fd = new_socket();

	fail_connect(2, EACCES);

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_name(fd), "10.0.0.99:40000");
	assert_string_equal(kernel_peer(fd), "192.0.2.9:5300");
	assert_string_equal(pinned_to(fd), "10.0.0.1");
	assert_int_equal(errno, ENOTTY);
}

TEST(a_new_socket_that_gets_no_address_is_pinned)
{
	int fd = new_socket();

	kernel.lacks_addresses = true;

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_name(fd), "10.0.0.99:40000");
	assert_string_equal(kernel_peer(fd), "192.0.2.9:5300");
	assert_string_equal(pinned_to(fd), "10.0.0.1");
	assert_true(is_on(fd));
	assert_int_equal(errno, ENOTTY);
}

/* A vfork child has our memory, and fds of its own. */
static int connect_new_socket(void *fd)
{
	*(int *)fd = socket(AF_INET, SOCK_DGRAM, 0);
	return connect_to(*(int *)fd, peer);
}

TEST(a_vfork_child_s_new_socket_gets_the_address_that_its_peer_asked)
{
	int fd = -1;

	assert_int_equal(in_vfork_child(connect_new_socket, &fd), 0);
	assert_string_equal(kernel_name(fd), "10.0.0.1:40000");
	assert_string_equal(kernel_peer(fd), "192.0.2.9:5300");
	assert_null(sock_known(fd));
}

TEST(a_vfork_child_s_new_socket_that_gets_no_address_is_not_tracked)
{
	int fd = -1;

	kernel.lacks_addresses = true;

	assert_int_equal(in_vfork_child(connect_new_socket, &fd), 0);
	assert_string_equal(kernel_name(fd), "10.0.0.99:40000");
	assert_string_equal(kernel_peer(fd), "192.0.2.9:5300");
	assert_null(sock_known(fd));
	assert_false(is_on(fd));
}

TEST(an_ipv6_socket_that_gets_no_address_is_pinned)
{
	int fd = new_socket_of(AF_INET6);

	hear(id, far, "2001:db8::1");
	kernel.lacks_addresses = true;

	assert_int_equal(connect_to(fd, far), 0);
	assert_string_equal(kernel_name(fd), "2001:db8::ee:40000");
	assert_string_equal(pinned_to(fd), "2001:db8::1");
}

TEST(a_new_socket_that_cannot_be_ours_is_connected_only)
{
	int fd = new_socket();

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

TEST(an_interface_set_by_its_address_is_kept)
{
	const struct in_addr address = in4("10.0.1.7");
	int fd = new_socket();

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

TEST(an_interface_set_by_its_number_is_kept)
{
	int fd = new_socket();

	(void)set_interface(fd, "0.0.0.0", 5);

	assert_multicast_is_kept(fd, "0.0.0.0%5");
}

TEST(an_interface_set_by_both_is_kept)
{
	int fd = new_socket();

	(void)set_interface(fd, "10.0.1.7", 5);

	assert_multicast_is_kept(fd, "10.0.1.7%5");
}

TEST(the_interface_set_last_is_kept)
{
	int fd = new_socket();

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

TEST(a_dup_s_interface_is_kept)
{
	int fd = new_socket();

	(void)set_interface(fd, "0.0.0.0", 5);

	assert_multicast_is_kept(dup(fd), "0.0.0.0%5");
}

TEST(the_interface_is_kept_where_the_group_is_refused)
{
	int fd = new_socket();

	(void)set_interface(fd, "10.0.1.7", 5);
	fail_connect(1, EPERM);

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(pinned_to(fd), "10.0.0.1");
	assert_string_equal(kernel_multicast(fd), "10.0.1.7%5");
}

TEST(a_new_fd_of_the_number_has_no_interface)
{
	int fd = new_socket();

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

TEST(an_ephemeral_socket_is_connected_from_there)
{
	int fd = ephemeral_socket();

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_name(fd), "10.0.0.2:40000");
	assert_string_equal(kernel_peer(fd), "192.0.2.9:5300");
	assert_true(is_armed(fd));
	assert_int_equal(errno, ENOTTY);
}

TEST(an_ephemeral_socket_that_cannot_is_pinned)
{
	int fd = ephemeral_socket();

	kernel.is_stubborn = true;

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_name(fd), "10.0.0.99:40000");
	assert_string_equal(pinned_to(fd), "10.0.0.2");
	assert_true(is_on(fd));
	assert_int_equal(errno, ENOTTY);
}

/* Its port would be given back by the disconnect. */
TEST(an_ephemeral_socket_that_cannot_connect_keeps_its_port)
{
	int fd = ephemeral_socket();

	fail_connects_from(2, EACCES);

	assert_int_equal(connect_to(fd, peer), -1);
	assert_int_equal(errno, EACCES);
	assert_string_equal(kernel_name(fd), "0.0.0.0:40000");
	assert_string_equal(kernel_peer(fd), "");
	assert_true(is_armed(fd));
}

TEST(an_ephemeral_socket_that_loses_its_port_says_why)
{
	int fd = ephemeral_socket();

	fail_connects_from(2, EACCES);
	kernel.bind_error = EADDRINUSE;

	assert_int_equal(connect_to(fd, peer), -1);
	assert_int_equal(errno, EACCES);
}

TEST(an_ephemeral_socket_is_steered_by_its_server_once)
{
	int fd = bound_socket(v4("0.0.0.0", 0));
	const uint64_t sock = sock_known(fd)->id;

	(void)answer(sock, stranger);
	hear(sock, stranger, "10.0.0.2");

	assert_string_equal(answer(sock, stranger), "10.0.0.2");
	assert_int_equal(connect_to(fd, stranger), 0);
	assert_string_equal(kernel_calls(), "connect");
}

/* A disconnect would give its port back. */
TEST(a_connected_ephemeral_socket_is_pinned)
{
	int fd = ephemeral_socket();

	(void)connect_to(fd, stranger);
	(void)kernel_calls();

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_calls(), "getsockname connect getsockname");
	assert_string_equal(kernel_name(fd), "10.0.0.99:40000");
	assert_string_equal(kernel_peer(fd), "192.0.2.9:5300");
	assert_string_equal(pinned_to(fd), "10.0.0.2");
}

TEST(a_disconnected_ephemeral_socket_has_lost_its_port)
{
	int fd = ephemeral_socket();

	(void)connect_to(fd, peer);

	assert_int_equal(disconnect(fd), 0);
	assert_string_equal(kernel_name(fd), "0.0.0.0:0");
	assert_int_equal(errno, ENOTTY);
}

/* Sockets bound to a port by number. */

/* And two that block signals, and a getpid: five more than its own. */
TEST(a_server_that_was_asked_at_the_kernel_s_choice_is_connected_plainly)
{
	hear(id, stranger, "10.0.0.99");

	assert_int_equal(connect_to(server, stranger), 0);
	assert_string_equal(kernel_calls(),
			    "SO_BINDTOIFINDEX connect getsockname");
	assert_string_equal(kernel_name(server), "10.0.0.99:53");
	assert_string_equal(kernel_peer(server), "192.0.2.66:6600");
	assert_string_equal(pinned_to(server), "nothing");
	assert_true(is_armed(server));
	assert_int_equal(errno, ENOTTY);
}

TEST(a_dual_stack_server_asked_at_the_kernel_s_choice_is_connected_plainly)
{
	const struct address mapped = v6("::ffff:192.0.2.9", 5300);
	int fd = bound_socket(v6("::", 5353));

	hear(sock_known(fd)->id, mapped, "10.0.0.99");

	assert_int_equal(connect_to(fd, mapped), 0);
	assert_string_equal(kernel_calls(),
			    "SO_BINDTOIFINDEX connect getsockname");
	assert_string_equal(kernel_name(fd), "::ffff:10.0.0.99:5353");
}

/* And those: twelve more. */
TEST(a_server_is_connected_from_the_address_asked)
{
	assert_int_equal(connect_to(server, peer), 0);
	assert_string_equal(kernel_calls(),
			    "SO_BINDTOIFINDEX connect getsockname disconnect "
			    "IP_MULTICAST_IF "
			    "IP_MULTICAST_IF=10.0.0.1 connect "
			    "connect IP_MULTICAST_IF=0.0.0.0 getsockname");
	assert_string_equal(kernel_name(server), "10.0.0.1:53");
	assert_string_equal(kernel_peer(server), "192.0.2.9:5300");
	assert_true(is_armed(server));
	assert_int_equal(errno, ENOTTY);
}

TEST(a_dup_of_a_server_is_connected_like_it)
{
	int fd = dup(server);

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_name(server), "10.0.0.1:53");
	assert_true(is_armed(server));
}

TEST(a_server_from_elsewhere_is_connected_like_ours)
{
	int fd = 300;

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

TEST(a_dual_stack_server_answers_a_mapped_peer)
{
	const struct address mapped = v6("::ffff:192.0.2.9", 5300);
	int fd = dual_stack_server();

	hear(sock_known(fd)->id, mapped, "10.0.0.2");

	assert_int_equal(connect_to(fd, mapped), 0);
	assert_string_equal(kernel_name(fd), "::ffff:10.0.0.2:5353");
	assert_true(is_armed(fd));
}

TEST(an_ipv6_server_is_connected_first_then_moved)
{
	int fd = dual_stack_server();

	hear(sock_known(fd)->id, far, "2001:db8::1");
	errno = ENOTTY;

	assert_int_equal(connect_to(fd, far), 0);
	assert_string_equal(kernel_calls(),
			    "SO_BINDTOIFINDEX connect getsockname disconnect "
			    "connect connect getsockname");
	assert_string_equal(kernel_name(fd), "2001:db8::1:5353");
	assert_string_equal(kernel_peer(fd), "2001:db8::9:5300");
	assert_true(is_armed(fd));
	assert_int_equal(errno, ENOTTY);
}

TEST(an_ipv6_server_where_the_kernel_is_right_stays)
{
	int fd = dual_stack_server();

	hear(sock_known(fd)->id, far, "2001:db8::ee");
	(void)kernel_calls();

	assert_int_equal(connect_to(fd, far), 0);
	assert_string_equal(kernel_calls(),
			    "SO_BINDTOIFINDEX connect getsockname");
	assert_true(is_armed(fd));
}

TEST(an_ipv6_server_that_cannot_connect_is_as_before)
{
	int fd = dual_stack_server();

	hear(sock_known(fd)->id, far, "2001:db8::1");
	(void)kernel_calls();
	fail_connect(1, ENETUNREACH);

	assert_int_equal(connect_to(fd, far), -1);
	assert_int_equal(errno, ENETUNREACH);
	assert_string_equal(kernel_calls(), "SO_BINDTOIFINDEX connect");
	assert_string_equal(kernel_name(fd), ":::5353");
}

TEST(an_ipv6_server_that_gets_no_address_is_pinned)
{
	int fd = dual_stack_server();

	hear(sock_known(fd)->id, far, "2001:db8::1");
	kernel.is_stubborn = true;

	assert_int_equal(connect_to(fd, far), 0);
	assert_string_equal(kernel_name(fd), "2001:db8::ee:5353");
	assert_string_equal(pinned_to(fd), "2001:db8::1");
}

TEST(a_server_that_cannot_connect_is_as_before)
{
	fail_connect(1, EACCES);

	assert_int_equal(connect_to(server, peer), -1);
	assert_int_equal(errno, EACCES);
	assert_string_equal(kernel_calls(), "SO_BINDTOIFINDEX connect");
	assert_string_equal(kernel_name(server), "0.0.0.0:53");
	assert_string_equal(kernel_peer(server), "");
	assert_true(is_armed(server));
}

/* Connected as without us. */
TEST(a_server_that_cannot_connect_from_there_is_connected_plainly)
{
	fail_connect(3, EACCES);

	assert_int_equal(connect_to(server, peer), 0);
	assert_string_equal(kernel_name(server), "10.0.0.99:53");
	assert_string_equal(kernel_peer(server), "192.0.2.9:5300");
	assert_string_equal(kernel_multicast(server), "0.0.0.0");
	assert_string_equal(pinned_to(server), "10.0.0.1");
	assert_int_equal(errno, ENOTTY);
}

TEST(an_ipv6_server_that_cannot_connect_from_there_is_connected_plainly)
{
	int fd = dual_stack_server();

	hear(sock_known(fd)->id, far, "2001:db8::1");
	fail_connect(3, EACCES);

	assert_int_equal(connect_to(fd, far), 0);
	assert_string_equal(kernel_name(fd), "2001:db8::ee:5353");
	assert_string_equal(kernel_peer(fd), "2001:db8::9:5300");
	assert_string_equal(pinned_to(fd), "2001:db8::1");
}

TEST(a_server_that_can_no_longer_connect_is_as_before)
{
	fail_connects_from(3, EACCES);

	assert_int_equal(connect_to(server, peer), -1);
	assert_int_equal(errno, EACCES);
	assert_string_equal(kernel_name(server), "0.0.0.0:53");
	assert_string_equal(kernel_peer(server), "");
	assert_string_equal(kernel_multicast(server), "0.0.0.0");
	assert_true(is_armed(server));
	assert_true(is_on(server));
}

/* A refused source, a refused group, and a kernel that chooses otherwise. */

TEST(where_the_source_is_refused_a_server_is_pinned)
{
	fail_setsockopt(1, EPERM);

	assert_int_equal(connect_to(server, peer), 0);
	assert_string_equal(kernel_calls(),
			    "SO_BINDTOIFINDEX connect getsockname disconnect "
			    "IP_MULTICAST_IF "
			    "IP_MULTICAST_IF=10.0.0.1 connect");
	assert_string_equal(kernel_name(server), "10.0.0.99:53");
	assert_string_equal(pinned_to(server), "10.0.0.1");
	assert_int_equal(errno, ENOTTY);
}

TEST(where_the_group_is_refused_a_server_is_pinned)
{
	fail_connect(2, EPERM);

	assert_int_equal(connect_to(server, peer), 0);
	assert_string_equal(kernel_name(server), "10.0.0.99:53");
	assert_string_equal(kernel_peer(server), "192.0.2.9:5300");
	assert_string_equal(pinned_to(server), "10.0.0.1");
	assert_string_equal(kernel_multicast(server), "0.0.0.0");
	assert_int_equal(errno, ENOTTY);
}

/* And those: fourteen more. */
TEST(where_the_kernel_is_stubborn_a_server_is_pinned)
{
	kernel.is_stubborn = true;

	assert_int_equal(connect_to(server, peer), 0);
	assert_string_equal(kernel_calls(),
			    "SO_BINDTOIFINDEX connect getsockname disconnect "
			    "IP_MULTICAST_IF "
			    "IP_MULTICAST_IF=10.0.0.1 connect "
			    "connect IP_MULTICAST_IF=0.0.0.0 getsockname "
			    "disconnect connect");
	assert_string_equal(kernel_name(server), "10.0.0.99:53");
	assert_string_equal(kernel_peer(server), "192.0.2.9:5300");
	assert_string_equal(pinned_to(server), "10.0.0.1");
	assert_int_equal(errno, ENOTTY);
}

TEST(a_server_that_another_thread_connects_is_pinned)
{
	assert_true(sock_begin_move(sock_known(server)));
	assert_int_equal(connect_to(server, peer), 0);
	sock_end_move(sock_known(server));

	assert_string_equal(kernel_calls(), "connect");
	assert_string_equal(pinned_to(server), "10.0.0.1");
	assert_int_equal(errno, ENOTTY);
}

TEST(a_server_that_can_do_neither_says_why)
{
	kernel.connect_error = EACCES;

	assert_int_equal(connect_to(server, peer), -1);
	assert_int_equal(errno, EACCES);
	assert_string_equal(pinned_to(server), "nothing");
	assert_true(is_armed(server));
}

TEST(a_server_keeps_what_a_peer_of_the_other_family_has_left_it)
{
	const struct address mapped = v6("::ffff:192.0.2.9", 5300);
	int fd = dual_stack_server();

	(void)connect_to(fd, v6("2001:db8::66", 6600));
	hear(sock_known(fd)->id, mapped, "10.0.0.2");
	(void)kernel_calls();

	assert_int_equal(connect_to(fd, mapped), 0);
	assert_string_equal(kernel_calls(),
			    "SO_BINDTOIFINDEX connect getsockname");
	assert_string_equal(pinned_to(fd), "10.0.0.2");
}

/* Devices. */

TEST(a_server_on_a_device_is_connected_from_there)
{
	(void)setsockopt(server, SOL_SOCKET, SO_BINDTODEVICE, "eth3", 4);

	assert_int_equal(connect_to(server, peer), 0);
	assert_string_equal(kernel_name(server), "10.0.0.1:53");
	assert_string_equal(kernel_multicast(server), "0.0.0.0");
	assert_int_equal(kernel_get(server, SOL_SOCKET, SO_BINDTOIFINDEX), 3);
}

/* As ip-vrf(8) does when it is made. */
TEST(a_server_that_a_bpf_program_put_on_a_device_is_connected_from_there)
{
	kernel_set(server, SOL_SOCKET, SO_BINDTOIFINDEX, 3);

	assert_int_equal(connect_to(server, peer), 0);
	assert_string_equal(kernel_name(server), "10.0.0.1:53");
	assert_int_equal(kernel_get(server, SOL_SOCKET, SO_BINDTOIFINDEX), 3);
}

TEST(a_server_on_a_device_that_cannot_connect_stays_on_it)
{
	(void)setsockopt(server, SOL_SOCKET, SO_BINDTODEVICE, "eth3", 4);
	fail_connects_from(3, EACCES);

	assert_int_equal(connect_to(server, peer), -1);
	assert_int_equal(errno, EACCES);
	assert_int_equal(kernel_get(server, SOL_SOCKET, SO_BINDTOIFINDEX), 3);
}

TEST(a_server_on_a_device_that_is_pinned_stays_on_it)
{
	(void)setsockopt(server, SOL_SOCKET, SO_BINDTODEVICE, "eth3", 4);
	kernel.is_stubborn = true;

	assert_int_equal(connect_to(server, peer), 0);
	assert_string_equal(pinned_to(server), "10.0.0.1");
	assert_int_equal(kernel_get(server, SOL_SOCKET, SO_BINDTOIFINDEX), 3);
}

TEST(a_link_local_server_that_cannot_connect_is_on_no_device)
{
	int fd = dual_stack_server();

	hear_link_local(sock_known(fd)->id);
	fail_connects_from(3, EACCES);

	assert_int_equal(connect_to(fd, far), -1);
	assert_int_equal(errno, EACCES);
	assert_string_equal(kernel_name(fd), ":::5353");
	assert_int_equal(kernel_get(fd, SOL_SOCKET, SO_BINDTOIFINDEX), 0);
}

/* Whom a server connects to. */

TEST(a_server_s_connect_to_a_stranger_is_one_call)
{
	assert_int_equal(connect_to(server, stranger), 0);
	assert_string_equal(kernel_calls(), "connect");
	assert_true(is_armed(server));
}

TEST(a_server_s_connect_to_its_upstream_is_one_call)
{
	(void)answer(id, stranger);

	assert_int_equal(connect_to(server, stranger), 0);
	assert_string_equal(kernel_calls(), "connect");
}

/* Of the port that the peer asked: it need not be waiting. */
TEST(a_socket_of_the_same_port_is_connected_from_there)
{
	int fd = bound_socket(v4("0.0.0.0", 53));

	(void)answer(id, peer);

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_name(fd), "10.0.0.1:53");
}

TEST(a_socket_of_another_port_needs_a_peer_that_waits)
{
	int fd = bound_socket(v4("0.0.0.0", 69));

	(void)answer(id, peer);

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_calls(), "connect");
	assert_string_equal(kernel_name(fd), "10.0.0.99:69");
}

TEST(another_port_of_the_host_is_connected_plainly)
{
	assert_int_equal(connect_to(server, v4("192.0.2.9", 5301)), 0);
	assert_string_equal(kernel_calls(), "connect");
}

/* Connected sockets. */

TEST(a_connected_server_is_moved_from_an_address_of_ours)
{
	(void)connect_to(server, peer);
	hear(id, stranger, "10.0.0.2");

	assert_int_equal(connect_to(server, stranger), 0);
	assert_string_equal(kernel_name(server), "10.0.0.2:53");
	assert_string_equal(kernel_peer(server), "192.0.2.66:6600");
	assert_true(is_armed(server));
	assert_int_equal(errno, ENOTTY);
}

TEST(a_connected_server_is_moved_from_the_kernel_s_choice)
{
	(void)connect_to(server, stranger);

	assert_int_equal(connect_to(server, peer), 0);
	assert_string_equal(kernel_name(server), "10.0.0.1:53");
	assert_string_equal(kernel_peer(server), "192.0.2.9:5300");
	assert_string_equal(pinned_to(server), "nothing");
	assert_int_equal(errno, ENOTTY);
}

/* As without us: the kernel keeps the address. */
TEST(a_stranger_after_a_client_of_the_kernel_s_choice_is_one_call)
{
	hear(id, stranger, "10.0.0.99");
	(void)connect_to(server, stranger);
	(void)kernel_calls();

	assert_int_equal(connect_to(server, v4("192.0.2.67", 6600)), 0);
	assert_string_equal(kernel_calls(), "connect");
}

/* Its address is not ours any more. */
TEST(a_stranger_after_a_client_that_could_not_be_moved_to_is_one_call)
{
	(void)connect_to(server, peer);
	hear(id, stranger, "10.0.0.2");
	kernel.is_stubborn = true;
	(void)connect_to(server, stranger);
	assert_string_equal(pinned_to(server), "10.0.0.2");
	(void)kernel_calls();

	assert_int_equal(connect_to(server, v4("192.0.2.67", 6600)), 0);
	assert_string_equal(kernel_calls(), "connect");
}

TEST(a_stranger_is_not_connected_from_an_address_of_ours)
{
	(void)connect_to(server, peer);

	assert_int_equal(connect_to(server, stranger), 0);
	assert_string_equal(kernel_name(server), "10.0.0.99:53");
	assert_string_equal(kernel_peer(server), "192.0.2.66:6600");
	assert_int_equal(errno, ENOTTY);
}

TEST(a_connected_server_at_the_address_stays)
{
	(void)connect_to(server, peer);
	hear(id, stranger, "10.0.0.1");
	(void)kernel_calls();

	assert_int_equal(connect_to(server, stranger), 0);
	assert_string_equal(kernel_calls(),
			    "SO_BINDTOIFINDEX connect getsockname");
	assert_string_equal(kernel_peer(server), "192.0.2.66:6600");
}

TEST(a_connected_server_that_cannot_connect_keeps_its_peer)
{
	(void)connect_to(server, peer);
	hear(id, stranger, "10.0.0.2");
	fail_connect(1, EACCES);

	assert_int_equal(connect_to(server, stranger), -1);
	assert_int_equal(errno, EACCES);
	assert_string_equal(kernel_name(server), "10.0.0.1:53");
	assert_string_equal(kernel_peer(server), "192.0.2.9:5300");
}

TEST(a_connected_server_that_cannot_be_moved_is_pinned)
{
	(void)connect_to(server, peer);
	hear(id, stranger, "10.0.0.2");
	kernel.is_stubborn = true;

	assert_int_equal(connect_to(server, stranger), 0);
	assert_string_equal(kernel_peer(server), "192.0.2.66:6600");
	assert_string_equal(pinned_to(server), "10.0.0.2");
}

TEST(a_server_that_is_disconnected_is_one_call)
{
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
	fail_connect(2, EPERM);
	(void)connect_to(server, peer);
	assert_string_equal(pinned_to(server), "10.0.0.1");
	(void)kernel_calls();
}

TEST(a_pinned_socket_that_is_disconnected_is_not_pinned)
{
	pin_server();

	assert_int_equal(disconnect(server), 0);
	assert_string_equal(kernel_calls(), "disconnect");
	assert_true(is_armed(server));
}

TEST(a_pinned_socket_that_has_a_stranger_is_not_pinned)
{
	pin_server();

	assert_int_equal(connect_to(server, stranger), 0);
	assert_string_equal(kernel_calls(), "connect");
	assert_true(is_armed(server));
}

/* The kernel keeps the peer that it had. */
TEST(a_pinned_socket_that_fails_to_connect_stays_pinned)
{
	pin_server();
	kernel.connect_error = EACCES;

	assert_int_equal(connect_to(server, stranger), -1);
	assert_int_equal(errno, EACCES);
	assert_string_equal(kernel_calls(), "connect");
	assert_string_equal(pinned_to(server), "10.0.0.1");
}

/* The same, and its new peer is a client too. */
TEST(a_pinned_socket_that_fails_to_move_stays_pinned)
{
	pin_server();
	hear(id, stranger, "10.0.0.2");
	kernel.connect_error = EACCES;

	assert_int_equal(connect_to(server, stranger), -1);
	assert_string_equal(kernel_peer(server), "192.0.2.9:5300");
	assert_string_equal(pinned_to(server), "10.0.0.1");
}

TEST(a_pinned_socket_is_connected_from_the_next_peer_s)
{
	pin_server();
	hear(id, stranger, "10.0.0.2");

	assert_int_equal(connect_to(server, stranger), 0);
	assert_string_equal(kernel_name(server), "10.0.0.2:53");
	assert_string_equal(kernel_peer(server), "192.0.2.66:6600");
	assert_true(is_armed(server));
}

TEST(a_pinned_socket_is_pinned_to_the_next_peer_s)
{
	pin_server();
	hear(id, stranger, "10.0.0.2");
	kernel.is_stubborn = true;

	assert_int_equal(connect_to(server, stranger), 0);
	assert_string_equal(kernel_peer(server), "192.0.2.66:6600");
	assert_string_equal(pinned_to(server), "10.0.0.2");
}

TEST(a_pinned_socket_that_the_kernel_connects_rightly_is_not_pinned)
{
	pin_server();
	hear(id, stranger, "10.0.0.99");

	assert_int_equal(connect_to(server, stranger), 0);
	assert_string_equal(kernel_calls(),
			    "SO_BINDTOIFINDEX connect getsockname");
	assert_true(is_armed(server));
}

TEST(a_pinned_socket_is_unpinned_when_looking_is_forbidden)
{
	pin_server();
	atomic_store(&sandbox_given_up, SANDBOX_LOOKS);

	assert_int_equal(connect_to(server, stranger), 0);
	assert_string_equal(kernel_calls(), "connect");
	assert_true(is_armed(server));
}

/* Filters. */

TEST(where_it_is_forbidden_a_server_is_pinned)
{
	atomic_store(&sandbox_given_up, SANDBOX_FOLLOWS);

	assert_int_equal(connect_to(server, peer), 0);
	assert_string_equal(kernel_calls(), "connect");
	assert_string_equal(pinned_to(server), "10.0.0.1");
	assert_int_equal(errno, ENOTTY);
}

TEST(where_it_is_forbidden_a_connect_that_fails_pins_nothing)
{
	atomic_store(&sandbox_given_up, SANDBOX_FOLLOWS);
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

TEST(nothing_disturbs_the_two_connects)
{
	kernel.before_connect = look_at_this_thread;

	(void)connect_to(server, peer);

	assert_disturbed(0, 4);
}

TEST(nothing_disturbs_what_undoes_them)
{
	kernel.before_connect = look_at_this_thread;
	fail_connect(3, EACCES);

	(void)connect_to(server, peer);

	assert_disturbed(0, 6);
}

TEST(a_client_s_connect_can_be_disturbed)
{
	kernel.before_connect = look_at_this_thread;

	(void)connect_to(server, stranger);

	assert_disturbed(1, 0);
}

TEST(what_the_application_blocked_stays_blocked)
{
	sigset_t blocked, before, after;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR2);
	(void)pthread_sigmask(SIG_BLOCK, &blocked, &before);

	(void)connect_to(server, peer);

	(void)pthread_sigmask(SIG_SETMASK, &before, &after);
	assert_true(sigismember(&after, SIGUSR2));
	assert_false(sigismember(&after, SIGUSR1));
}

TEST(a_thread_that_can_be_cancelled_can_be_again)
{
	int after;

	(void)connect_to(server, peer);

	(void)pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &after);
	assert_int_equal(after, PTHREAD_CANCEL_ENABLE);
}

TEST(a_thread_that_cannot_be_cancelled_stays_so)
{
	int before, after;

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
TEST(a_cancellation_comes_before_the_first_connect)
{
	pthread_t thread;
	void *result = NULL;

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

TEST(a_new_socket_s_answer_makes_it_ours)
{
	int fd = new_socket();
	struct sock *sock = send_to(fd, peer);

	assert_non_null(sock);
	assert_ptr_equal(sock_known(fd), sock);
	assert_true(is_armed(fd));
	assert_true(is_on(fd));
	assert_string_equal(answer(sock->id, peer), "10.0.0.1");
	assert_int_equal(errno, ENOTTY);
}

TEST(a_client_s_send_makes_no_call)
{
	int fd = new_socket();

	assert_null(send_to(fd, stranger));
	assert_string_equal(kernel_calls(), "");
	assert_null(sock_known(fd));
	assert_int_equal(errno, ENOTTY);
}

TEST(a_client_s_second_send_is_a_client_s)
{
	int fd = new_socket();

	(void)send_to(fd, stranger);

	assert_null(send_to(fd, peer));
	assert_string_equal(kernel_calls(), "");
}

TEST(whom_a_client_asked_is_not_answered)
{
	(void)send_to(new_socket(), stranger);
	hear(id, stranger, "10.0.0.2");

	assert_null(send_to(new_socket(), stranger));
	assert_string_equal(kernel_calls(), "");
}

TEST(a_new_socket_that_was_bound_behind_us_is_not_ours)
{
	int fd = new_socket();

	kernel_bound(fd, v4("10.0.0.3", 69));

	assert_null(send_to(fd, peer));
	assert_null(sock_known(fd));
	assert_int_equal(errno, ENOTTY);
}

TEST(a_new_socket_that_cannot_be_switched_on_is_not_ours)
{
	int fd = new_socket();

	kernel.setsockopt_error = EPERM;

	assert_null(send_to(fd, peer));
	assert_null(sock_known(fd));
	assert_int_equal(errno, ENOTTY);
}

TEST(when_disabled_a_send_makes_nothing_ours)
{
	int fd = new_socket();

	settings.disable = 1;

	assert_null(send_to(fd, peer));
	assert_string_equal(kernel_calls(), "");
}
