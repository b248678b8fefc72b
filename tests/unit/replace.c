/* SPDX-License-Identifier: MIT */
/*
 * A socket takes the place of another.  The kernel is the real one, on
 * loopback; behind `real` its calls are counted, and one of them may fail.
 */
#include "state/replace.h"

#include "address.h"
#include "base/real.h"
#include "base/scratch.h"
#include "settings.h"
#include "state/carry.h"
#include "unit.h"

#include <errno.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { LONG_MS = 5000 };

/* Libc's own. */
static struct real_libc libc;

/* The calls since `is_watched`, and the one of them that fails. */
static bool is_watched;
static unsigned int call_count;
static unsigned int failing_call;
static const char *failing_kind;
static char failed[64];
static int opened;
static int errno_after;

/* A server, its sock, and two clients that ask it at `asked`. */
static int server;
static struct sock *tracked;
static struct address asked;
static int client;
static int other_client;

/* Comes in the middle, after the queue was carried, for another address. */
static const char *late;

/* The peer is out of reach of sockets with an address. */
static bool is_far;

/* There is no room to send datagrams of no bytes. */
static bool loses_empty;

static bool fails(const char *kind)
{
	if (!is_watched)
		return false;
	call_count++;
	if (call_count != failing_call &&
	    !(failing_kind && !strcmp(kind, failing_kind)))
		return false;
	(void)snprintf(failed, sizeof(failed), "%s, call %u", kind, call_count);
	errno = EPERM;
	return true;
}

static int faulty_socket(int domain, int type, int protocol)
{
	int fd = fails("socket") ? -1 : libc.socket(domain, type, protocol);

	opened += fd >= 0;
	return fd;
}

static int faulty_close(int fd)
{
	opened--;
	return libc.close(fd);
}

static int faulty_getsockopt(int fd, int level, int name, void *value,
			     socklen_t *len)
{
	return fails("getsockopt")
		       ? -1
		       : libc.getsockopt(fd, level, name, value, len);
}

/* What could be switched on can be switched off. */
static int faulty_setsockopt(int fd, int level, int name, const void *value,
			     socklen_t len)
{
	const int off = 0;
	const bool is_off = len == sizeof(off) && !memcmp(value, &off, len);

	return !is_off && fails("setsockopt")
		       ? -1
		       : libc.setsockopt(fd, level, name, value, len);
}

static int faulty_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	return fails("bind") ? -1 : libc.bind(fd, addr, len);
}

static bool has_address(int fd);
static bool is_next(int fd);
static void ask_at(struct address at, int from, const char *payload);

static int faulty_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	/* The server is made deaf. */
	if (fd == server && late && addr->sa_family != AF_UNSPEC) {
		ask_at(v4("127.0.0.3", 0), other_client, late);
		late = NULL;
	}
	if (is_far && has_address(fd)) {
		errno = EINVAL;
		return -1;
	}
	/* Nor can that fail. */
	if (addr->sa_family == AF_UNSPEC)
		return libc.connect(fd, addr, len);
	return fails(is_next(fd) ? "last connect" : "connect")
		       ? -1
		       : libc.connect(fd, addr, len);
}

static ssize_t faulty_recvmsg(int fd, struct msghdr *msg, int flags)
{
	return fails("recvmsg") ? -1 : libc.recvmsg(fd, msg, flags);
}

static ssize_t faulty_send(int fd, const void *buf, size_t len, int flags)
{
	if (loses_empty && !len) {
		errno = ENOBUFS;
		return -1;
	}
	return fails("send") ? -1 : libc.send(fd, buf, len, flags);
}

static int faulty_dup3(int fd, int to, int flags)
{
	return fails("dup3") ? -1 : libc.dup3(fd, to, flags);
}

static int faulty_fcntl(int fd, int command, ...)
{
	va_list list;
	void *argument;

	va_start(list, command);
	argument = va_arg(list, void *);
	va_end(list);
	return fails("fcntl") ? -1 : libc.fcntl(fd, command, argument);
}

static int faulty_epoll_ctl(int epoll, int operation, int fd,
			    struct epoll_event *event)
{
	return fails("epoll_ctl") ? -1
				  : libc.epoll_ctl(epoll, operation, fd, event);
}

int __real_getsockname(int fd, struct sockaddr *addr, socklen_t *len);
int __wrap_getsockname(int fd, struct sockaddr *addr, socklen_t *len);

int __wrap_getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
	return fails("getsockname") ? -1 : __real_getsockname(fd, addr, len);
}

int __real_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *wait,
		 const sigset_t *mask);
int __wrap_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *wait,
		 const sigset_t *mask);

int __wrap_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *wait,
		 const sigset_t *mask)
{
	return fails("ppoll") ? -1 : __real_ppoll(fds, count, wait, mask);
}

void *__real_mmap(void *at, size_t bytes, int protection, int flags, int fd,
		  off_t offset);
void *__wrap_mmap(void *at, size_t bytes, int protection, int flags, int fd,
		  off_t offset);

void *__wrap_mmap(void *at, size_t bytes, int protection, int flags, int fd,
		  off_t offset)
{
	return fails("mmap")
		       ? MAP_FAILED
		       : __real_mmap(at, bytes, protection, flags, fd, offset);
}

/* Setting up. */

static struct address name_of(int fd)
{
	struct address name = { .len = sizeof(name.room) };

	assert_int_equal(__real_getsockname(fd, &name.any, &name.len), 0);
	return name;
}

static bool has_address(int fd)
{
	const struct address name = name_of(fd);

	return !sock_is_wildcard(&name.any, name.len);
}

/* Whether it has the address that the clients asked. */
static bool is_next(int fd)
{
	const struct address name = name_of(fd);

	return name.len == asked.len && !memcmp(&name, &asked, name.len);
}

static int bound(struct address address)
{
	int fd = libc.socket(address.any.sa_family, SOCK_DGRAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(libc.bind(fd, &address.any, address.len), 0);
	return fd;
}

/* By number: what the kernel chooses is given back by AF_UNSPEC. */
static int bound_by_number(struct address address)
{
	int fd, result;

	do {
		fd = bound(address);
		address.v6.sin6_port = name_of(fd).v6.sin6_port;
		(void)libc.close(fd);
		fd = libc.socket(address.any.sa_family, SOCK_DGRAM, 0);
		result = libc.bind(fd, &address.any, address.len);
		address.v6.sin6_port = 0;
		if (result)
			(void)libc.close(fd);
	} while (result);
	return fd;
}

static void open_scene(struct address wildcard, struct address at,
		       struct address clients)
{
	server = bound_by_number(wildcard);
	tracked = sock_probe(server);
	assert_non_null(tracked);
	sock_own(tracked, &wildcard.any);
	asked = at;
	asked.v6.sin6_port = name_of(server).v6.sin6_port;
	client = bound(clients);
	other_client = bound(clients);
}

static void open_ipv4(void)
{
	open_scene(v4("0.0.0.0", 0), v4("127.0.0.2", 0), v4("127.0.0.1", 0));
}

static void close_scene(void)
{
	sock_forget(server);
	(void)libc.close(server);
	(void)libc.close(client);
	(void)libc.close(other_client);
}

static int an_ipv4_server(void **state)
{
	(void)state;
	settings_reset();
	is_watched = false;
	failing_call = 0;
	failing_kind = NULL;
	late = NULL;
	is_far = false;
	loses_empty = false;
	*failed = '\0';
	real_resolve();
	libc = real;
	real.socket = faulty_socket;
	real.close = faulty_close;
	real.getsockopt = faulty_getsockopt;
	real.setsockopt = faulty_setsockopt;
	real.bind = faulty_bind;
	real.connect = faulty_connect;
	real.recvmsg = faulty_recvmsg;
	real.send = faulty_send;
	real.dup3 = faulty_dup3;
	real.fcntl = faulty_fcntl;
	real.epoll_ctl = faulty_epoll_ctl;
	open_ipv4();
	return 0;
}

static int closed(void **state)
{
	(void)state;
	is_watched = false;
	close_scene();
	real_resolve();
	return 0;
}

/* Asks the server's port there, and waits until that is in its queue. */
static void ask_at(struct address at, int from, const char *payload)
{
	struct pollfd pollfd = { .fd = server, .events = POLLIN };

	at.v6.sin6_port = asked.v6.sin6_port;
	assert_int_equal(
		libc.sendto(from, payload, strlen(payload), 0, &at.any, at.len),
		strlen(payload));
	assert_int_equal(poll(&pollfd, 1, LONG_MS), 1);
}

static void ask(int from, const char *payload)
{
	ask_at(asked, from, payload);
}

static void ask_thrice(void)
{
	ask(client, "one");
	ask(other_client, "");
	ask(client, "three");
}

static bool follow_as(const struct sockaddr_in6 *name,
		      const struct sockaddr *peer, enum sock_mode mode)
{
	bool done;

	call_count = 0;
	opened = 0;
	errno = ENOTTY;
	is_watched = true;
	done = replace_socket(server, tracked, name, peer, mode);
	is_watched = false;
	errno_after = errno;
	return done;
}

static bool follow(void)
{
	const struct address peer = name_of(client);

	return follow_as(&asked.v6, &peer.any, SOCK_FOLLOWED);
}

/* Looking. */

static char who(const struct sockaddr_in6 *name)
{
	if (name->sin6_port == name_of(client).v6.sin6_port)
		return 'a';
	return name->sin6_port == name_of(other_client).v6.sin6_port ? 'b'
								     : '?';
}

/* What the application reads, as "one/a /b three/a". */
static const char *queue(unsigned int count)
{
	static char text[256];
	struct pollfd at = { .fd = server, .events = POLLIN };
	size_t length = 0;

	*text = '\0';
	for (; count && poll(&at, 1, LONG_MS) == 1; count--) {
		char payload[16] = "", control[256];
		struct iovec iov = { .iov_base = payload,
				     .iov_len = sizeof(payload) - 1 };
		struct sockaddr_in6 name = { 0 };
		struct msghdr msg = { .msg_name = &name,
				      .msg_namelen = sizeof(name),
				      .msg_iov = &iov,
				      .msg_iovlen = 1,
				      .msg_control = control,
				      .msg_controllen = sizeof(control) };
		struct local local;

		assert_true(libc.recvmsg(server, &msg, MSG_DONTWAIT) >= 0);
		(void)carry_unveil(tracked, &msg, &local, false);
		length += (size_t)snprintf(text + length, sizeof(text) - length,
					   "%s%s/%c", length ? " " : "",
					   payload, who(&name));
	}
	return text;
}

static int option(int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	(void)libc.getsockopt(server, level, name, &value, &len);
	return value;
}

static uint64_t cookie(void)
{
	uint64_t value = 0;
	socklen_t len = sizeof(value);

	(void)libc.getsockopt(server, SOL_SOCKET, SO_COOKIE, &value, &len);
	return value;
}

static bool is_connected(void)
{
	struct address peer = { .len = sizeof(peer.room) };

	return !getpeername(server, &peer.any, &peer.len);
}

/* The same socket, bound to the wildcard, armed, and hearing everybody. */
static bool is_as_it_was(uint64_t before)
{
	return cookie() == before && !has_address(server) && !is_connected() &&
	       option(IPPROTO_IP, IP_PKTINFO) == 1 &&
	       option(SOL_SOCKET, SO_REUSEPORT) == 0;
}

static bool is_followed(void)
{
	return has_address(server) && is_connected();
}

/* Replacing. */

static void a_replaced_socket_has_its_address_and_its_peer(void **state)
{
	const struct address peer = name_of(client);
	struct address to = { .len = sizeof(to.room) };

	(void)state;

	assert_true(follow());
	assert_true(is_next(server));
	assert_int_equal(getpeername(server, &to.any, &to.len), 0);
	assert_memory_equal(&to.v4, &peer.v4, peer.len);
	assert_int_equal(option(IPPROTO_IP, IP_PKTINFO), 0);
	assert_int_equal(option(SOL_SOCKET, SO_REUSEPORT), 0);
	assert_int_equal(option(SOL_SOCKET, SO_REUSEADDR), 0);
	assert_int_equal(option(SOL_SOCKET, SO_RCVLOWAT), 1);
	assert_int_equal(errno_after, ENOTTY);
	assert_int_equal(opened, 0);
}

static void what_waited_is_carried_in_order(void **state)
{
	(void)state;
	ask_thrice();

	assert_true(follow());
	assert_string_equal(queue(3), "one/a /b three/a");
	assert_false(carry_is_pending(tracked));
}

static void what_comes_in_the_middle_is_carried(void **state)
{
	(void)state;
	late = "late";

	assert_true(follow());
	assert_string_equal(queue(1), "late/b");
}

static void what_comes_in_the_middle_comes_after_what_waited(void **state)
{
	(void)state;
	ask_thrice();
	late = "late";

	assert_true(follow());
	assert_string_equal(queue(4), "one/a /b three/a late/b");
}

static void what_was_carried_is_carried_again(void **state)
{
	const struct address wildcard = name_of(server);

	(void)state;
	ask_thrice();
	assert_true(follow());

	assert_true(follow_as(&wildcard.v6, NULL, SOCK_ARMED));
	assert_string_equal(queue(3), "one/a /b three/a");
	assert_false(has_address(server));
	assert_false(is_connected());
	assert_int_equal(option(IPPROTO_IP, IP_PKTINFO), 1);
}

static void an_ipv6_socket_is_replaced(void **state)
{
	(void)state;
	close_scene();
	open_scene(v6("::", 0), v6("::1", 0), v6("::1", 0));
	ask_thrice();

	assert_true(follow());
	assert_true(is_next(server));
	assert_string_equal(queue(3), "one/a /b three/a");
}

static void a_dual_socket_is_replaced(void **state)
{
	struct address mapped = v6("::ffff:127.0.0.2", 0), peer;

	(void)state;
	close_scene();
	open_scene(v6("::", 0), v4("127.0.0.2", 0), v4("127.0.0.1", 0));
	ask_thrice();
	mapped.v6.sin6_port = asked.v6.sin6_port;
	peer = v6("::ffff:127.0.0.1", 0);
	peer.v6.sin6_port = name_of(client).v6.sin6_port;

	assert_true(follow_as(&mapped.v6, &peer.any, SOCK_FOLLOWED));
	assert_string_equal(queue(3), "one/a /b three/a");
}

static void options_and_flags_are_kept(void **state)
{
	const int tos = 0x10, on = 1;

	(void)state;
	(void)libc.setsockopt(server, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
	(void)libc.setsockopt(server, SOL_SOCKET, SO_BROADCAST, &on,
			      sizeof(on));
	(void)libc.fcntl(server, F_SETFL, O_NONBLOCK);
	(void)libc.fcntl(server, F_SETFD, FD_CLOEXEC);

	assert_true(follow());
	assert_int_equal(option(IPPROTO_IP, IP_TOS), tos);
	assert_int_equal(option(SOL_SOCKET, SO_BROADCAST), 1);
	assert_int_equal(libc.fcntl(server, F_GETFL), O_NONBLOCK | O_RDWR);
	assert_int_equal(libc.fcntl(server, F_GETFD), FD_CLOEXEC);
}

static void groups_go_out_by_the_interface_that_was_chosen(void **state)
{
	const struct in_addr loopback = { .s_addr = htonl(INADDR_LOOPBACK) };
	int chosen = (int)loopback.s_addr;

	(void)state;
	/* qemu-user has no such option: it stays as it is, then. */
	if (libc.setsockopt(server, IPPROTO_IP, IP_MULTICAST_IF, &loopback,
			    sizeof(loopback)))
		chosen = option(IPPROTO_IP, IP_MULTICAST_IF);

	assert_true(follow());
	assert_int_equal(option(IPPROTO_IP, IP_MULTICAST_IF), chosen);
}

static void buffers_keep_their_size(void **state)
{
	const int bytes = 30000;

	(void)state;
	(void)libc.setsockopt(server, SOL_SOCKET, SO_RCVBUF, &bytes,
			      sizeof(bytes));
	(void)libc.setsockopt(server, SOL_SOCKET, SO_SNDBUF, &bytes,
			      sizeof(bytes));

	assert_true(follow());
	assert_int_equal(option(SOL_SOCKET, SO_RCVBUF), 2 * bytes);
	assert_int_equal(option(SOL_SOCKET, SO_SNDBUF), 2 * bytes);
}

static void an_epoll_set_keeps_the_socket(void **state)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = 4711 };
	struct epoll_event got = { 0 };
	int epoll = epoll_create1(0);

	(void)state;
	assert_int_equal(libc.epoll_ctl(epoll, EPOLL_CTL_ADD, server, &event),
			 0);
	replace_note_epoll(epoll, EPOLL_CTL_ADD, server, &event);
	ask_thrice();

	assert_true(follow());
	assert_int_equal(epoll_wait(epoll, &got, 1, LONG_MS), 1);
	assert_int_equal(got.data.fd, 4711);
	replace_note_epoll(epoll, EPOLL_CTL_DEL, server, NULL);
	(void)libc.close(epoll);
}

static void an_epoll_set_that_was_left_stays_so(void **state)
{
	struct epoll_event event = { .events = EPOLLIN }, got;
	int epoll = epoll_create1(0);

	(void)state;
	replace_note_epoll(epoll, EPOLL_CTL_ADD, server, &event);
	replace_note_epoll(epoll, EPOLL_CTL_DEL, server, NULL);
	ask_thrice();

	assert_true(follow());
	assert_int_equal(epoll_wait(epoll, &got, 1, 0), 0);
	(void)libc.close(epoll);
}

/* It goes on to hear those who ask another address. */
static void a_socket_that_a_parent_may_have_is_not_made_deaf(void **state)
{
	struct address to = { .len = sizeof(to.room) };
	int parent_s = libc.dup(server);

	(void)state;
	atomic_store(&tracked->generation,
		     atomic_load(&tracked->generation) + 1);
	ask_thrice();

	assert_true(follow());
	assert_string_equal(queue(3), "one/a /b three/a");
	assert_int_equal(getpeername(parent_s, &to.any, &to.len), -1);
	(void)libc.close(parent_s);
}

/* Failing. */

static void a_corked_socket_stays(void **state)
{
	const int on = 1;
	const uint64_t before = cookie();

	(void)state;
	assert_int_equal(
		libc.setsockopt(server, IPPROTO_UDP, UDP_CORK, &on, sizeof(on)),
		0);

	assert_false(follow());
	assert_true(is_as_it_was(before));
}

/* By another socket: this one hears everybody as before. */
static void a_preview_tells_the_kernel_s_choice(void **state)
{
	const uint64_t before = cookie();
	const struct address peer = name_of(client);
	struct sockaddr_in6 name;
	struct sockaddr_in v4_name;

	(void)state;
	opened = 0;
	errno = ENOTTY;

	assert_true(replace_preview(server, &peer.any, &name));
	memcpy(&v4_name, &name, sizeof(v4_name));
	assert_int_equal(v4_name.sin_addr.s_addr, in4("127.0.0.1").s_addr);
	assert_int_equal(errno, ENOTTY);
	assert_int_equal(opened, 0);
	assert_true(is_as_it_was(before));
}

static void a_preview_that_fails_leaves_nothing(void **state)
{
	const struct address peer = name_of(client);
	struct sockaddr_in6 name;

	(void)state;
	opened = 0;
	is_watched = true;
	failing_kind = "connect";
	errno = ENOTTY;

	assert_false(replace_preview(server, &peer.any, &name));
	failing_kind = "socket";
	assert_false(replace_preview(server, &peer.any, &name));
	assert_int_equal(errno, ENOTTY);
	assert_int_equal(opened, 0);
}

/* When these fail the queue is lost; see switch_over. */
static bool is_too_late(void)
{
	return !strncmp(failed, "last connect", 12) ||
	       !strncmp(failed, "dup3", 4);
}

/* Once for each call that is made: it fails.  Fewer calls: it was the last. */
static void fail_each_call(void (*arrange)(void), unsigned int count,
			   const char *expected)
{
	unsigned int n = 0;

	do {
		failing_call = ++n;
		*failed = '\0';
		arrange();

		const uint64_t before = cookie();
		const bool done = follow();
		const bool is_gone = late || is_too_late();
		const char *got = queue(is_gone ? 0 : count);

		if (done ? !is_followed() : !is_as_it_was(before))
			fail_msg("%s: is neither", failed);
		if (strcmp(got, is_gone ? "" : expected) != 0)
			fail_msg("%s: has %s", failed, got);
		late = NULL;
		if (errno_after != ENOTTY || opened)
			fail_msg("%s: errno %d, %d are open", failed,
				 errno_after, opened);
		close_scene();
		open_ipv4();
	} while (*failed);
	assert_true(n > 100);
}

static void nothing_waits(void)
{
}

static void whatever_fails_the_socket_is_whole(void **state)
{
	(void)state;

	fail_each_call(nothing_waits, 0, "");
}

static void whatever_fails_with_a_queue_the_socket_is_whole(void **state)
{
	(void)state;

	fail_each_call(ask_thrice, 3, "one/a /b three/a");
}

static void one_comes_in_the_middle(void)
{
	late = "late";
}

static void whatever_fails_in_the_middle_the_socket_is_whole(void **state)
{
	(void)state;

	fail_each_call(one_comes_in_the_middle, 1, "late/b");
}

static void fail_and_keep(const char *kind)
{
	const uint64_t before = cookie();

	ask_thrice();
	failing_kind = kind;

	assert_false(follow());
	failing_kind = NULL;
	assert_true(is_as_it_was(before));
	assert_string_equal(queue(3), "one/a /b three/a");
	assert_int_equal(errno_after, ENOTTY);
	assert_int_equal(opened, 0);
}

#define KEEPS_ITS_QUEUE_WITHOUT(call)                              \
	static void without_##call##_the_queue_stays(void **state) \
	{                                                          \
		(void)state;                                       \
		fail_and_keep(#call);                              \
	}

KEEPS_ITS_QUEUE_WITHOUT(socket)
KEEPS_ITS_QUEUE_WITHOUT(getsockopt)
KEEPS_ITS_QUEUE_WITHOUT(setsockopt)
KEEPS_ITS_QUEUE_WITHOUT(bind)
KEEPS_ITS_QUEUE_WITHOUT(connect)
KEEPS_ITS_QUEUE_WITHOUT(getsockname)
KEEPS_ITS_QUEUE_WITHOUT(recvmsg)
KEEPS_ITS_QUEUE_WITHOUT(send)
KEEPS_ITS_QUEUE_WITHOUT(ppoll)
KEEPS_ITS_QUEUE_WITHOUT(fcntl)

static int replace_without_memory(void *memory, void *context)
{
	(void)memory;
	(void)context;
	fail_and_keep("mmap");
	return 0;
}

static void without_mmap_the_queue_stays(void **state)
{
	(void)state;

	/* What it had kept is lent to us. */
	(void)scratch_with((size_t)100 * 1024, replace_without_memory, NULL);
}

static void what_comes_in_the_middle_stays_where_it_cannot_go(void **state)
{
	const uint64_t before = cookie();

	(void)state;
	late = "late";
	failing_kind = "send";

	assert_false(follow());
	failing_kind = NULL;
	assert_true(is_as_it_was(before));
	assert_string_equal(queue(1), "late/b");
}

/* As by a rule for packets from there: ip-rule(8). */
static void a_peer_out_of_reach_of_the_address_keeps_the_queue(void **state)
{
	const uint64_t before = cookie();

	(void)state;
	ask_thrice();
	is_far = true;

	assert_false(follow());
	assert_true(is_as_it_was(before));
	assert_string_equal(queue(3), "one/a /b three/a");
}

static void an_address_that_is_not_ours_keeps_the_queue(void **state)
{
	const uint64_t before = cookie();
	const struct address peer = name_of(client);
	struct address gone = v4("192.0.2.1", 0);

	(void)state;
	ask_thrice();
	gone.v6.sin6_port = asked.v6.sin6_port;

	assert_false(follow_as(&gone.v6, &peer.any, SOCK_FOLLOWED));
	assert_true(is_as_it_was(before));
	assert_string_equal(queue(3), "one/a /b three/a");
}

/* RLIMIT_NOFILE may be lower by now than the fd. */
static void without_dup3_the_queue_comes_back(void **state)
{
	const uint64_t before = cookie();

	(void)state;
	ask_thrice();
	failing_kind = "dup3";

	assert_false(follow());
	assert_true(is_as_it_was(before));
	assert_string_equal(queue(3), "one/a /b three/a");
	assert_false(carry_is_pending(tracked));
}

/* The socket was replaced before, and its queue not read yet. */
static void names_outlive_a_replacement_that_fails(void **state)
{
	const struct address wildcard = name_of(server);
	static const char *const kinds[] = { "socket", "connect", "send",
					     "ppoll", "getsockname" };

	(void)state;
	ask_thrice();
	assert_true(follow());

	for (size_t i = 0; i < COUNT(kinds); i++) {
		failing_kind = kinds[i];
		(void)follow_as(&wildcard.v6, NULL, SOCK_ARMED);
	}
	failing_kind = NULL;
	assert_string_equal(queue(3), "one/a /b three/a");
}

/* The second of three is lost: the third is still who it is. */
static void a_lost_datagram_takes_its_name_with_it(void **state)
{
	(void)state;
	ask_thrice();
	loses_empty = true;

	assert_true(follow());
	assert_string_equal(queue(2), "one/a three/a");
	assert_false(carry_is_pending(tracked));
}

static void more_epoll_sets_than_are_known_forbid_it(void **state)
{
	struct epoll_event event = { .events = EPOLLIN };

	(void)state;
	for (int epoll = 1000; epoll < 1000 + 257; epoll++)
		replace_note_epoll(epoll, EPOLL_CTL_ADD, server, &event);

	assert_false(follow());
	assert_int_equal(call_count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, an_ipv4_server, closed)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_replaced_socket_has_its_address_and_its_peer),
		TEST(what_waited_is_carried_in_order),
		TEST(what_comes_in_the_middle_is_carried),
		TEST(what_comes_in_the_middle_comes_after_what_waited),
		TEST(what_was_carried_is_carried_again),
		TEST(an_ipv6_socket_is_replaced),
		TEST(a_dual_socket_is_replaced),
		TEST(options_and_flags_are_kept),
		TEST(groups_go_out_by_the_interface_that_was_chosen),
		TEST(buffers_keep_their_size),
		TEST(an_epoll_set_keeps_the_socket),
		TEST(an_epoll_set_that_was_left_stays_so),
		TEST(a_socket_that_a_parent_may_have_is_not_made_deaf),
		TEST(a_corked_socket_stays),
		TEST(a_preview_tells_the_kernel_s_choice),
		TEST(a_preview_that_fails_leaves_nothing),
		TEST(whatever_fails_the_socket_is_whole),
		TEST(whatever_fails_with_a_queue_the_socket_is_whole),
		TEST(whatever_fails_in_the_middle_the_socket_is_whole),
		TEST(without_socket_the_queue_stays),
		TEST(without_getsockopt_the_queue_stays),
		TEST(without_setsockopt_the_queue_stays),
		TEST(without_bind_the_queue_stays),
		TEST(without_connect_the_queue_stays),
		TEST(without_getsockname_the_queue_stays),
		TEST(without_recvmsg_the_queue_stays),
		TEST(without_send_the_queue_stays),
		TEST(without_ppoll_the_queue_stays),
		TEST(without_fcntl_the_queue_stays),
		TEST(without_mmap_the_queue_stays),
		TEST(what_comes_in_the_middle_stays_where_it_cannot_go),
		TEST(a_peer_out_of_reach_of_the_address_keeps_the_queue),
		TEST(an_address_that_is_not_ours_keeps_the_queue),
		TEST(without_dup3_the_queue_comes_back),
		TEST(names_outlive_a_replacement_that_fails),
		TEST(a_lost_datagram_takes_its_name_with_it),
		TEST(more_epoll_sets_than_are_known_forbid_it),
	};

	return cmocka_run_group_tests(tests, end_when_stuck, NULL);
}
