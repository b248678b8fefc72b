/* SPDX-License-Identifier: MIT */
/* Sockets that answer a peer by connecting to it, or from a new port. */
#include "state/follow.h"

#include "base/lock.h"
#include "base/real.h"
#include "clock.h"
#include "kernel.h"
#include "settings.h"
#include "state/peers.h"
#include "state/replace.h"
#include "story.h"
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct address peer;
static struct address stranger;

/* The server that the peer asked, and its id. */
static int server;
static uint32_t id;

/* What replace_socket() was asked, and whether it can. */
static bool can_replace;
static bool can_preview;
static char replaced[256];

static const struct sockaddr nobody = { .sa_family = AF_UNSPEC };

void replace_note_epoll(int epoll, int operation, int fd,
			const struct epoll_event *event)
{
	(void)epoll;
	(void)operation;
	(void)fd;
	(void)event;
}

/* As the real one: another socket, with another name. */
bool replace_socket(int fd, struct sock *sock, const struct sockaddr_in6 *name,
		    const struct sockaddr *to, enum sock_mode mode)
{
	struct address bound = { .len = sizeof(bound.v6) };

	memcpy(&bound, name, sizeof(bound.v6));
	if (can_replace) {
		kernel_closed(fd);
		kernel_socket(fd, atomic_load(&sock->family), SOCK_DGRAM, 0);
		kernel_bound(fd, bound);
	}
	(void)snprintf(
		replaced, sizeof(replaced), "%u by %s %s%s",
		atomic_load(&sock->id), can_replace ? kernel_name(fd) : "none",
		to ? "connected" : "free", mode == SOCK_ARMED ? ", armed" : "");
	return can_replace;
}

/* The kernel's choice: kernel.c's. */
bool replace_preview(int fd, const struct sockaddr *to,
		     struct sockaddr_in6 *name)
{
	(void)to;
	*name = strchr(kernel_name(fd), '.') ? v4("10.0.0.99", 0).v6
					     : v6("2001:db8::ee", 0).v6;
	return can_preview;
}

/* "by 10.0.0.1:53 connected"; "" when it was not asked. */
static const char *replacement_of(const struct sock *sock)
{
	char *end;

	if (!*replaced)
		return "";
	assert_int_equal(strtoul(replaced, &end, 10), atomic_load(&sock->id));
	return end + 1;
}

static int bound_socket(struct address address)
{
	int fd = socket(address.any.sa_family, SOCK_DGRAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, &address.any, address.len), 0);
	return fd;
}

static int a_server_was_asked(void **state)
{
	(void)state;
	settings_reset();
	peers_reset(1000, 120);
	peers_drained();
	sock_forget_range(0, ~0U);
	kernel_boot();
	*replaced = '\0';
	can_replace = true;
	can_preview = true;
	peer = v4("192.0.2.9", 5300);
	stranger = v4("192.0.2.66", 6600);
	server = bound_socket(v4("0.0.0.0", 53));
	id = sock_known(server)->id;
	hear(id, peer, "10.0.0.1");
	atomic_store(&sock_known(server)->settled, true);
	(void)kernel_calls();
	errno = ENOTTY;
	return 0;
}

static int new_socket(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	(void)kernel_calls();
	return fd;
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

static int mode_of(int fd)
{
	const struct sock *sock = sock_any(fd);

	return sock ? atomic_load(&sock->mode) : -1;
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

static void a_new_socket_answers_from_the_address_asked(void **state)
{
	int fd = new_socket();

	(void)state;

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_calls(), "getsockname bind connect");
	assert_string_equal(kernel_name(fd), "10.0.0.1:40000");
	assert_string_equal(kernel_peer(fd), "192.0.2.9:5300");
	assert_int_equal(errno, ENOTTY);
}

static void a_followed_socket_is_the_kernel_s_business(void **state)
{
	int fd = new_socket();

	(void)state;

	(void)connect_to(fd, peer);

	assert_null(sock_known(fd));
	assert_int_equal(mode_of(fd), SOCK_FOLLOWED);
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

static void a_socket_that_never_received_is_no_server(void **state)
{
	int fd = new_socket();

	(void)state;
	atomic_store(&sock_known(server)->settled, false);

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

static void what_the_kernel_chooses_is_left_to_it(void **state)
{
	int fd;

	(void)state;
	hear(id, peer, "10.0.0.99");
	fd = new_socket();

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_calls(), "getsockname connect");
	assert_null(sock_any(fd));
}

static void a_server_whose_address_the_kernel_chooses_is_left(void **state)
{
	(void)state;
	hear(id, peer, "10.0.0.99");

	assert_int_equal(connect_to(server, peer), 0);
	assert_string_equal(kernel_calls(), "getsockname connect");
	assert_string_equal(replaced, "");
	assert_int_equal(mode_of(server), SOCK_ARMED);
}

static void what_the_kernel_refuses_is_left_to_it(void **state)
{
	int fd = new_socket();

	(void)state;
	can_preview = false;
	kernel.connect_error = ENETUNREACH;

	assert_int_equal(connect_to(fd, peer), -1);
	assert_int_equal(errno, ENETUNREACH);
	assert_string_equal(kernel_calls(), "getsockname connect");
}

/* It keeps the address of its first connect: the kernel chooses no more. */
static void a_pinned_socket_is_pinned_to_the_kernel_s_choice_too(void **state)
{
	(void)state;
	can_replace = false;
	(void)connect_to(server, peer);
	hear(id, stranger, "10.0.0.99");

	assert_int_equal(connect_to(server, stranger), 0);
	assert_int_equal(mode_of(server), SOCK_PINNED);
	assert_string_equal(text_of(&sock_any(server)->source), "10.0.0.99");
}

static void where_bind_fails_connect_is_the_kernel_s(void **state)
{
	int fd = new_socket();

	(void)state;
	kernel.lacks_addresses = true;

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_calls(), "getsockname bind connect");
	assert_string_equal(kernel_name(fd), "10.0.0.99:40000");
	assert_int_equal(errno, ENOTTY);
	assert_null(sock_any(fd));
}

static void where_bind_and_connect_fail_errno_is_connect_s(void **state)
{
	int fd = new_socket();

	(void)state;
	kernel.lacks_addresses = true;
	kernel.connect_error = ENETUNREACH;

	assert_int_equal(connect_to(fd, peer), -1);
	assert_int_equal(errno, ENETUNREACH);
}

static void where_connect_fails_the_bind_is_undone(void **state)
{
	int fd = new_socket();

	(void)state;
	kernel.connect_error = EACCES;

	assert_int_equal(connect_to(fd, peer), -1);
	assert_int_equal(errno, EACCES);
	assert_string_equal(
		kernel_calls(),
		"getsockname bind connect connect bind connect connect");
	assert_string_equal(kernel_name(fd), "0.0.0.0:0");
	assert_null(sock_any(fd));
}

static void an_ipv6_socket_answers_from_the_address_asked(void **state)
{
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);

	(void)state;
	hear(id, v6("2001:db8::9", 5300), "2001:db8::1");

	assert_int_equal(connect_to(fd, v6("2001:db8::9", 5300)), 0);
	assert_string_equal(kernel_name(fd), "2001:db8::1:40000");
}

static void an_ipv6_socket_answers_a_mapped_peer(void **state)
{
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);

	(void)state;

	assert_int_equal(connect_to(fd, v6("::ffff:192.0.2.9", 5300)), 0);
	assert_string_equal(kernel_name(fd), "::ffff:10.0.0.1:40000");
}

static void a_link_local_address_is_bound_with_its_interface(void **state)
{
	const struct address far = v6("2001:db8::9", 5300);
	const struct local asked = local_through("fe80::1", 3);
	struct sockaddr_in6 name;
	socklen_t len = sizeof(name);
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);

	(void)state;
	peers_remember(id, &far.any, far.len, &asked, false);

	(void)connect_to(fd, far);

	(void)getsockname(fd, (struct sockaddr *)&name, &len);
	assert_int_equal(name.sin6_scope_id, 3);
}

static void an_ipv6_address_is_not_bound_on_ipv4(void **state)
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
	assert_string_equal(kernel_calls(), "getsockname connect");
}

static void a_socket_bound_to_an_address_keeps_it(void **state)
{
	int fd = bound_socket(v4("10.0.0.3", 69));

	(void)state;
	(void)kernel_calls();

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_name(fd), "10.0.0.3:69");
	assert_string_equal(replaced, "");
}

static void a_new_socket_can_be_disconnected(void **state)
{
	int fd = new_socket();

	(void)state;
	(void)connect_to(fd, peer);
	(void)kernel_calls();

	assert_int_equal(disconnect(fd), 0);
	assert_string_equal(kernel_name(fd), "0.0.0.0:0");
	assert_string_equal(kernel_peer(fd), "");
	assert_int_equal(errno, ENOTTY);
	assert_string_equal(replaced, "");
	assert_null(sock_any(fd));
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

/* The peer of the address that it has, then another one's. */
static void a_followed_socket_stays_where_it_is_right(void **state)
{
	int fd = new_socket();

	(void)state;
	hear(id, stranger, "10.0.0.1");
	(void)connect_to(fd, peer);

	assert_int_equal(connect_to(fd, stranger), 0);
	assert_string_equal(kernel_peer(fd), "192.0.2.66:6600");
	assert_string_equal(kernel_name(fd), "10.0.0.1:40000");
	assert_string_equal(replaced, "");
}

static void a_followed_socket_moves_to_another_address(void **state)
{
	int fd = new_socket();

	(void)state;
	hear(id, stranger, "10.0.0.2");
	(void)connect_to(fd, peer);

	assert_int_equal(connect_to(fd, stranger), 0);
	assert_string_equal(replacement_of(sock_any(fd)),
			    "by 10.0.0.2:40000 connected");
	assert_int_equal(mode_of(fd), SOCK_FOLLOWED);
}

static void a_followed_socket_that_cannot_move_connects(void **state)
{
	int fd = new_socket();

	(void)state;
	hear(id, stranger, "10.0.0.2");
	(void)connect_to(fd, peer);
	can_replace = false;

	assert_int_equal(connect_to(fd, stranger), 0);
	assert_string_equal(kernel_peer(fd), "192.0.2.66:6600");
	assert_int_equal(mode_of(fd), SOCK_FOLLOWED);
}

/* Whoever forked us may go on with it. */
static void a_followed_socket_of_the_parent_s_does_not_move(void **state)
{
	int fd = new_socket();

	(void)state;
	hear(id, stranger, "10.0.0.2");
	(void)connect_to(fd, peer);
	atomic_store(&sock_any(fd)->generation, lock_generation() + 1);

	assert_int_equal(connect_to(fd, stranger), 0);
	assert_string_equal(kernel_peer(fd), "192.0.2.66:6600");
	assert_string_equal(replaced, "");
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

static void an_ephemeral_socket_is_bound_again(void **state)
{
	int fd = ephemeral_socket();

	(void)state;

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_name(fd), "10.0.0.2:40000");
	assert_string_equal(kernel_peer(fd), "192.0.2.9:5300");
	assert_int_equal(mode_of(fd), SOCK_FOLLOWED);
	assert_false(is_on(fd));
	assert_string_equal(replaced, "");
	assert_int_equal(errno, ENOTTY);
}

static void an_ephemeral_socket_that_cannot_is_pinned(void **state)
{
	int fd = ephemeral_socket();

	(void)state;
	kernel.lacks_addresses = true;

	assert_int_equal(connect_to(fd, peer), 0);
	/* Given back, and bound to the same port as before. */
	assert_string_equal(kernel_calls(),
			    "getsockname connect bind bind connect");
	assert_string_equal(kernel_name(fd), "10.0.0.99:40000");
	assert_int_equal(mode_of(fd), SOCK_PINNED);
	assert_string_equal(text_of(&sock_any(fd)->source), "10.0.0.2");
	assert_true(is_on(fd));
	assert_int_equal(errno, ENOTTY);
}

static void an_ephemeral_socket_that_cannot_connect_is_put_back(void **state)
{
	int fd = ephemeral_socket();

	(void)state;
	kernel.connect_error = EACCES;

	assert_int_equal(connect_to(fd, peer), -1);
	assert_int_equal(errno, EACCES);
	assert_string_equal(replacement_of(sock_any(fd)),
			    "by 0.0.0.0:40000 free, armed");
	assert_string_equal(kernel_name(fd), "0.0.0.0:40000");
	assert_int_equal(mode_of(fd), SOCK_ARMED);
}

static void an_ephemeral_socket_that_cannot_be_put_back_says_why(void **state)
{
	int fd = ephemeral_socket();

	(void)state;
	kernel.connect_error = EACCES;
	can_replace = false;

	assert_int_equal(connect_to(fd, peer), -1);
	assert_int_equal(errno, EACCES);
	assert_int_equal(mode_of(fd), SOCK_ARMED);
}

/* A resolver's: the answer would be forged. */
static void an_ephemeral_socket_is_not_steered_by_its_server(void **state)
{
	int fd = ephemeral_socket();

	(void)state;
	(void)connect_to(new_socket(), stranger);
	hear(sock_known(fd)->id, stranger, "10.0.0.2");
	(void)kernel_calls();

	assert_int_equal(connect_to(fd, stranger), 0);
	assert_string_equal(kernel_calls(), "connect");
}

static void an_inherited_ephemeral_socket_is_pinned(void **state)
{
	int fd = ephemeral_socket();

	(void)state;
	atomic_store(&sock_known(fd)->generation, 0);

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_name(fd), "10.0.0.99:40000");
	assert_int_equal(mode_of(fd), SOCK_PINNED);
}

static void an_ephemeral_socket_is_disconnected_by_another(void **state)
{
	int fd = ephemeral_socket();

	(void)state;
	(void)connect_to(fd, peer);

	assert_int_equal(disconnect(fd), 0);
	assert_string_equal(kernel_name(fd), "0.0.0.0:0");
	assert_int_equal(errno, ENOTTY);
	assert_null(sock_any(fd));
}

/* Its port is gone; what we had switched on must go as well. */
static void a_socket_that_lost_its_port_is_switched_off(void **state)
{
	int fd = ephemeral_socket();

	(void)state;
	(void)connect_to(fd, stranger);
	(void)disconnect(fd);
	assert_string_equal(kernel_name(fd), "0.0.0.0:0");

	assert_int_equal(connect_to(fd, peer), 0);
	assert_string_equal(kernel_name(fd), "10.0.0.2:40000");
	assert_false(is_on(fd));
	assert_int_equal(kernel_get(fd, SOL_SOCKET, SO_RCVLOWAT), 1);
}

/* Sockets bound to a port by number. */

static void a_numbered_socket_is_replaced(void **state)
{
	(void)state;

	assert_int_equal(connect_to(server, peer), 0);
	assert_string_equal(replacement_of(sock_any(server)),
			    "by 10.0.0.1:53 connected");
	assert_int_equal(mode_of(server), SOCK_FOLLOWED);
	assert_string_equal(kernel_calls(), "getsockname");
	assert_int_equal(errno, ENOTTY);
}

static void a_numbered_socket_that_cannot_be_replaced_is_pinned(void **state)
{
	(void)state;
	can_replace = false;

	assert_int_equal(connect_to(server, peer), 0);
	assert_string_equal(kernel_calls(), "getsockname connect");
	assert_int_equal(mode_of(server), SOCK_PINNED);
	assert_string_equal(text_of(&sock_any(server)->source), "10.0.0.1");
	assert_int_equal(errno, ENOTTY);
}

static void a_numbered_socket_that_cannot_connect_is_not_pinned(void **state)
{
	(void)state;
	can_replace = false;
	kernel.connect_error = EACCES;

	assert_int_equal(connect_to(server, peer), -1);
	assert_int_equal(errno, EACCES);
	assert_string_equal(kernel_calls(), "getsockname connect");
	assert_int_equal(mode_of(server), SOCK_ARMED);
}

static void a_numbered_socket_follows_whom_it_asked_as_well(void **state)
{
	(void)state;
	(void)connect_to(new_socket(), stranger);
	hear(id, stranger, "10.0.0.2");

	(void)connect_to(server, stranger);

	assert_string_equal(replacement_of(sock_any(server)),
			    "by 10.0.0.2:53 connected");
}

static void a_socket_with_two_fds_is_pinned(void **state)
{
	(void)state;
	(void)dup(server);

	(void)connect_to(server, peer);

	assert_string_equal(replaced, "");
	assert_int_equal(mode_of(server), SOCK_PINNED);
}

static void a_socket_bound_to_a_device_is_pinned(void **state)
{
	(void)state;
	atomic_store(&sock_known(server)->device, 3);

	(void)connect_to(server, peer);

	assert_string_equal(replaced, "");
	assert_int_equal(mode_of(server), SOCK_PINNED);
}

static void a_socket_of_the_parent_s_is_replaced(void **state)
{
	struct sock *sock = sock_known(server);

	(void)state;
	atomic_store(&sock->generation, lock_generation() + 1);

	(void)connect_to(server, peer);

	assert_string_equal(replacement_of(sock), "by 10.0.0.1:53 connected");
	assert_int_equal(atomic_load(&sock->generation), lock_generation());
}

static void a_socket_from_elsewhere_is_pinned(void **state)
{
	(void)state;
	atomic_store(&sock_known(server)->generation, 0);

	(void)connect_to(server, peer);

	assert_string_equal(replaced, "");
	assert_int_equal(mode_of(server), SOCK_PINNED);
}

static void a_server_s_connect_to_a_stranger_is_one_call(void **state)
{
	(void)state;

	assert_int_equal(connect_to(server, stranger), 0);
	assert_string_equal(kernel_calls(), "connect");
	assert_int_equal(mode_of(server), SOCK_ARMED);
}

/* Of the port that the peer asked: it need not be waiting. */
static void a_socket_of_the_same_port_is_replaced(void **state)
{
	int fd = bound_socket(v4("0.0.0.0", 53));

	(void)state;
	(void)answer(id, peer);

	(void)connect_to(fd, peer);

	assert_string_equal(replacement_of(sock_any(fd)),
			    "by 10.0.0.1:53 connected");
}

static void a_socket_of_another_port_needs_a_peer_that_waits(void **state)
{
	int fd = bound_socket(v4("0.0.0.0", 69));

	(void)state;
	(void)answer(id, peer);

	(void)connect_to(fd, peer);

	assert_string_equal(replaced, "");
	assert_int_equal(mode_of(fd), SOCK_ARMED);
}

static void a_replaced_socket_is_disconnected_by_another(void **state)
{
	(void)state;
	(void)connect_to(server, peer);

	assert_int_equal(disconnect(server), 0);
	assert_string_equal(replacement_of(sock_any(server)),
			    "by 0.0.0.0:53 free, armed");
	assert_int_equal(mode_of(server), SOCK_ARMED);
	assert_int_equal(errno, ENOTTY);
}

static void a_replaced_socket_that_cannot_be_is_just_disconnected(void **state)
{
	(void)state;
	(void)connect_to(server, peer);
	can_replace = false;
	(void)kernel_calls();

	assert_int_equal(disconnect(server), 0);
	assert_string_equal(kernel_calls(), "getsockname connect");
	assert_string_equal(kernel_name(server), "10.0.0.1:53");
	assert_int_equal(mode_of(server), SOCK_FOLLOWED);
}

static void a_server_that_is_disconnected_is_one_call(void **state)
{
	(void)state;

	assert_int_equal(disconnect(server), 0);
	assert_string_equal(kernel_calls(), "connect");
	assert_int_equal(mode_of(server), SOCK_ARMED);
}

/* Pinned sockets. */

static void pin_server(void)
{
	can_replace = false;
	(void)connect_to(server, peer);
	assert_int_equal(mode_of(server), SOCK_PINNED);
	(void)kernel_calls();
}

static void a_pinned_socket_that_is_disconnected_is_not_pinned(void **state)
{
	(void)state;
	pin_server();

	assert_int_equal(disconnect(server), 0);
	assert_string_equal(kernel_calls(), "connect");
	assert_int_equal(mode_of(server), SOCK_ARMED);
}

static void a_pinned_socket_that_has_a_stranger_is_not_pinned(void **state)
{
	(void)state;
	pin_server();

	assert_int_equal(connect_to(server, stranger), 0);
	assert_int_equal(mode_of(server), SOCK_ARMED);
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
	assert_int_equal(mode_of(server), SOCK_PINNED);
	assert_string_equal(text_of(&sock_any(server)->source), "10.0.0.1");
}

/* It shows the address that the kernel chose for the first. */
static void a_pinned_socket_is_pinned_to_the_next_peer(void **state)
{
	(void)state;
	pin_server();
	hear(id, stranger, "10.0.0.2");
	/* Not tried: it would lose its peer where that fails. */
	can_replace = true;
	*replaced = '\0';

	assert_int_equal(connect_to(server, stranger), 0);
	assert_int_equal(mode_of(server), SOCK_PINNED);
	assert_string_equal(text_of(&sock_any(server)->source), "10.0.0.2");
	assert_string_equal(kernel_peer(server), "192.0.2.66:6600");
	assert_string_equal(replaced, "");
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
	assert_int_equal(mode_of(fd), SOCK_ARMED);
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
	assert_null(sock_any(fd));
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

static void a_new_socket_that_is_bound_behind_us_is_not_ours(void **state)
{
	int fd = new_socket();

	(void)state;
	kernel_bound(fd, v4("10.0.0.3", 69));

	assert_null(send_to(fd, peer));
	assert_null(sock_any(fd));
}

static void a_new_socket_that_cannot_be_switched_on_is_not_ours(void **state)
{
	int fd = new_socket();

	(void)state;
	kernel.setsockopt_error = EPERM;

	assert_null(send_to(fd, peer));
	assert_null(sock_any(fd));
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

/* Sends of our sockets to whom they have not heard of. */

static void a_sibling_s_peer_is_known(void **state)
{
	int fd = bound_socket(v4("0.0.0.0", 53));
	struct sock *sock = sock_known(fd);

	(void)state;
	(void)answer(id, peer);

	assert_true(follow_peer(sock, &peer.any, peer.len));
	assert_string_equal(answer(sock->id, peer), "10.0.0.1");
}

static void another_port_s_peer_is_known_if_it_waits(void **state)
{
	struct sock *sock = sock_known(bound_socket(v4("0.0.0.0", 0)));

	(void)state;

	assert_true(follow_peer(sock, &peer.any, peer.len));
	assert_string_equal(answer(sock->id, peer), "10.0.0.1");
}

static void only_the_first_send_of_a_socket_looks_elsewhere(void **state)
{
	struct sock *sock = sock_known(bound_socket(v4("0.0.0.0", 0)));

	(void)state;
	errno = ENOTTY;
	assert_false(follow_peer(sock, &stranger.any, stranger.len));

	assert_false(follow_peer(sock, &peer.any, peer.len));
	assert_int_equal(errno, ENOTTY);
}

static void whom_a_bound_socket_asked_is_not_answered(void **state)
{
	struct sock *sock = sock_known(bound_socket(v4("0.0.0.0", 0)));

	(void)state;
	(void)follow_peer(sock, &stranger.any, stranger.len);
	hear(id, stranger, "10.0.0.2");

	assert_null(send_to(new_socket(), stranger));
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
		TEST(a_followed_socket_is_the_kernel_s_business),
		TEST(the_next_new_socket_is_a_client_s),
		TEST(a_peer_that_was_answered_is_not_followed),
		TEST(a_peer_that_asked_long_ago_is_not_followed),
		TEST(follow_ms_0_follows_no_new_socket),
		TEST(a_socket_that_never_received_is_no_server),
		TEST(a_peer_that_we_asked_first_is_not_followed),
		TEST(a_server_that_is_closed_still_follows),
		TEST(what_the_kernel_chooses_is_left_to_it),
		TEST(a_server_whose_address_the_kernel_chooses_is_left),
		TEST(what_the_kernel_refuses_is_left_to_it),
		TEST(a_pinned_socket_is_pinned_to_the_kernel_s_choice_too),
		TEST(where_bind_fails_connect_is_the_kernel_s),
		TEST(where_bind_and_connect_fail_errno_is_connect_s),
		TEST(where_connect_fails_the_bind_is_undone),
		TEST(an_ipv6_socket_answers_from_the_address_asked),
		TEST(an_ipv6_socket_answers_a_mapped_peer),
		TEST(a_link_local_address_is_bound_with_its_interface),
		TEST(an_ipv6_address_is_not_bound_on_ipv4),
		TEST(a_multicast_question_is_not_followed),
		TEST(a_socket_bound_to_an_address_keeps_it),
		TEST(a_new_socket_can_be_disconnected),
		TEST(a_disconnected_socket_is_a_client_s),
		TEST(a_followed_socket_stays_where_it_is_right),
		TEST(a_followed_socket_moves_to_another_address),
		TEST(a_followed_socket_that_cannot_move_connects),
		TEST(a_followed_socket_of_the_parent_s_does_not_move),
		TEST(an_ephemeral_socket_is_bound_again),
		TEST(an_ephemeral_socket_that_cannot_is_pinned),
		TEST(an_ephemeral_socket_that_cannot_connect_is_put_back),
		TEST(an_ephemeral_socket_that_cannot_be_put_back_says_why),
		TEST(an_ephemeral_socket_is_not_steered_by_its_server),
		TEST(an_inherited_ephemeral_socket_is_pinned),
		TEST(an_ephemeral_socket_is_disconnected_by_another),
		TEST(a_socket_that_lost_its_port_is_switched_off),
		TEST(a_numbered_socket_is_replaced),
		TEST(a_numbered_socket_that_cannot_be_replaced_is_pinned),
		TEST(a_numbered_socket_that_cannot_connect_is_not_pinned),
		TEST(a_numbered_socket_follows_whom_it_asked_as_well),
		TEST(a_socket_with_two_fds_is_pinned),
		TEST(a_socket_bound_to_a_device_is_pinned),
		TEST(a_socket_of_the_parent_s_is_replaced),
		TEST(a_socket_from_elsewhere_is_pinned),
		TEST(a_server_s_connect_to_a_stranger_is_one_call),
		TEST(a_socket_of_the_same_port_is_replaced),
		TEST(a_socket_of_another_port_needs_a_peer_that_waits),
		TEST(a_replaced_socket_is_disconnected_by_another),
		TEST(a_replaced_socket_that_cannot_be_is_just_disconnected),
		TEST(a_server_that_is_disconnected_is_one_call),
		TEST(a_pinned_socket_that_is_disconnected_is_not_pinned),
		TEST(a_pinned_socket_that_has_a_stranger_is_not_pinned),
		TEST(a_pinned_socket_that_fails_to_connect_stays_pinned),
		TEST(a_pinned_socket_is_pinned_to_the_next_peer),
		TEST(a_new_socket_s_answer_makes_it_ours),
		TEST(a_client_s_send_makes_no_call),
		TEST(a_client_s_second_send_is_a_client_s),
		TEST(whom_a_client_asked_is_not_answered),
		TEST(a_new_socket_that_is_bound_behind_us_is_not_ours),
		TEST(a_new_socket_that_cannot_be_switched_on_is_not_ours),
		TEST(when_disabled_a_send_makes_nothing_ours),
		TEST(a_sibling_s_peer_is_known),
		TEST(another_port_s_peer_is_known_if_it_waits),
		TEST(only_the_first_send_of_a_socket_looks_elsewhere),
		TEST(whom_a_bound_socket_asked_is_not_answered),
	};

	return cmocka_run_group_tests(tests, end_when_stuck, kernel_halt);
}
