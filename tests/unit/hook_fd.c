/* SPDX-License-Identifier: MIT */
/* The calls that make, name, set up and close sockets, from the outside. */
#include "address.h"
#include "base/real.h"
#include "kernel.h"
#include "settings.h"
#include "state/sock.h"
#include "unit.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>

int __connect(int fd, const struct sockaddr *addr, socklen_t len);
int __close(int fd);
int __dup2(int fd, int to);
int __fcntl(int fd, int command, ...);

enum { FD = 5, OTHER_FD = 6, THIRD_FD = 7 };

/* What the loader left, before the tests put theirs there. */
static struct real_libc as_loaded;

BEFORE_ALL(note_what_the_loader_resolved)
{
	as_loaded = real;
}

BEFORE_EACH(nothing_open)
{
	settings_reset();
	sock_forget_range(0, ~0U);
	kernel_boot();
}

static struct address any(void)
{
	return v4("0.0.0.0", 53);
}

/* One of ours, bound through the hooks. */
static struct sock *ours(void)
{
	const struct address address = any();
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_int_equal(bind(fd, &address.any, address.len), 0);
	assert_non_null(sock_known(fd));
	assert_int_equal(dup2(fd, FD), FD);
	assert_int_equal(close(fd), 0);
	(void)kernel_calls();
	return sock_known(FD);
}

static bool is_on(int fd)
{
	return kernel_get(fd, IPPROTO_IP, IP_PKTINFO);
}

/* Loading. */

TEST(the_loader_resolves_the_real_names)
{
	void *libc_s = dlsym(RTLD_NEXT, "sendmsg");

	assert_non_null(libc_s);
	assert_memory_equal(&as_loaded.sendmsg, &libc_s, sizeof(libc_s));
}

/* Making. */

TEST(socket_answers_the_kernel_s_fd)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_int_equal(fd, 100);
	assert_string_equal(kernel_calls(), "socket");
}

TEST(a_socket_that_cannot_be_made_is_an_error)
{
	kernel.socket_error = EMFILE;

	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_int_equal(fd, -1);
	assert_int_equal(errno, EMFILE);
}

TEST(a_new_socket_is_never_looked_at)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)kernel_calls();

	assert_null(sock_probe(fd));
	assert_string_equal(kernel_calls(), "");
}

/* The number may have been one of ours, closed behind our back. */
TEST(a_new_socket_is_not_what_its_number_was)
{
	struct sock *sock;

	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	const struct address address = any();

	assert_int_equal(bind(fd, &address.any, address.len), 0);
	sock = sock_known(fd);
	kernel_closed(fd);

	assert_int_equal(socket(AF_INET, SOCK_STREAM, 0), fd);
	assert_null(sock_known(fd));
	assert_int_equal(sock->fds, 0);
}

TEST(neither_of_a_pair_is_looked_at)
{
	int pair[2] = { -1, -1 };

	int result = socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);

	assert_int_equal(result, 0);
	assert_null(sock_probe(pair[0]));
	assert_null(sock_probe(pair[1]));
	assert_string_equal(kernel_calls(), "socketpair");
}

TEST(a_pair_that_cannot_be_made_is_an_error)
{
	int pair[2] = { FD, FD };

	(void)ours();
	kernel.socket_error = EMFILE;

	int result = socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);

	assert_int_equal(result, -1);
	assert_int_equal(errno, EMFILE);
	assert_non_null(sock_known(FD));
}

TEST(an_accepted_socket_is_not_looked_at)
{
	int fd, fd4;

	kernel_socket(FD, AF_INET, SOCK_STREAM, 0);

	fd = accept(FD, NULL, NULL);
	fd4 = accept4(FD, NULL, NULL, SOCK_CLOEXEC);

	assert_int_equal(fd, 100);
	assert_int_equal(fd4, 101);
	assert_null(sock_probe(fd));
	assert_null(sock_probe(fd4));
	assert_string_equal(kernel_calls(), "accept accept");
}

TEST(an_accept_that_fails_is_an_error)
{
	int fd = accept(OTHER_FD, NULL, NULL);

	assert_int_equal(fd, -1);
	assert_int_equal(errno, EBADF);
}

/* Binding. */

static bool was_on_before_bind;

static void look_before_bind(int fd)
{
	was_on_before_bind = is_on(fd);
}

/* Whether binding a new socket to this port makes it ours. */
static bool is_ours_at(uint16_t port)
{
	const struct address address = v4("0.0.0.0", port);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_int_equal(bind(fd, &address.any, address.len), 0);
	assert_int_equal(is_on(fd), sock_known(fd) != NULL);
	return is_on(fd);
}

TEST(of_listed_ports_only_those_are_ours)
{
	settings_only_dns();

	assert_true(is_ours_at(53));
	assert_false(is_ours_at(54));
	assert_false(is_ours_at(53 + PORTS_PER_WORD));
}

/* It may answer for one of those. */
TEST(a_port_that_the_kernel_chooses_needs_no_list)
{
	settings_only_dns();

	assert_true(is_ours_at(0));
}

TEST(bind_switches_on_first)
{
	const struct address address = any();

	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	was_on_before_bind = false;
	kernel.before_bind = look_before_bind;

	int result = bind(fd, &address.any, address.len);

	assert_int_equal(result, 0);
	assert_true(was_on_before_bind);
	assert_non_null(sock_known(fd));
}

TEST(bind_of_a_new_socket_adds_three_calls)
{
	const struct address address = any();

	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	(void)kernel_calls();

	(void)bind(fd, &address.any, address.len);

	assert_string_equal(
		kernel_calls(),
		"SO_COOKIE IP_PKTINFO=1 SO_RCVLOWAT=0x52460000 bind");
}

TEST(bind_to_an_address_adds_nothing)
{
	const struct address address = v4("192.0.2.1", 53);

	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	(void)kernel_calls();

	int result = bind(fd, &address.any, address.len);

	assert_int_equal(result, 0);
	assert_string_equal(kernel_calls(), "bind");
}

TEST(bind_of_a_stream_adds_nothing)
{
	const struct address address = any();

	int fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)kernel_calls();

	(void)bind(fd, &address.any, address.len);

	assert_string_equal(kernel_calls(), "bind");
}

TEST(a_bind_that_fails_says_why)
{
	const struct address address = any();

	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	kernel.bind_error = EADDRINUSE;

	int result = bind(fd, &address.any, address.len);

	assert_int_equal(result, -1);
	assert_int_equal(errno, EADDRINUSE);
}

TEST(a_bind_that_fails_leaves_no_trace)
{
	const struct address address = any();

	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	kernel.bind_error = EADDRINUSE;

	(void)bind(fd, &address.any, address.len);

	assert_false(is_on(fd));
	assert_null(sock_known(fd));
}

TEST(a_bind_that_succeeds_keeps_errno)
{
	const struct address address = any();

	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	kernel.lacks_cookie = true;
	errno = ENOTTY;

	(void)bind(fd, &address.any, address.len);

	assert_int_equal(errno, ENOTTY);
}

static int refuse_with_efault(int fd, const struct sockaddr *addr,
			      socklen_t len)
{
	(void)fd;
	(void)len;
	assert_null(addr);
	errno = EFAULT;
	return -1;
}

TEST(bind_to_nothing_is_left_to_the_kernel)
{
	/* volatile: the compiler knows that bind(2) wants an address. */
	const struct sockaddr *volatile none = NULL;

	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	real.bind = refuse_with_efault;

	int result = bind(fd, none, sizeof(struct sockaddr_in));

	assert_int_equal(result, -1);
	assert_int_equal(errno, EFAULT);
}

TEST(when_disabled_bind_adds_nothing)
{
	const struct address address = any();

	settings.disable = 1;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	(void)kernel_calls();

	(void)bind(fd, &address.any, address.len);

	assert_string_equal(kernel_calls(), "bind");
}

TEST(connect_is_the_kernel_s)
{
	const struct address address = v4("192.0.2.1", 53);

	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	(void)kernel_calls();

	assert_int_equal(connect(fd, &address.any, address.len), 0);
	assert_int_equal(__connect(fd, &address.any, address.len), 0);
	assert_string_equal(kernel_calls(), "connect connect");
}

/* Options. */

static int option(int fd)
{
	int value = -1;
	socklen_t len = sizeof(value);

	assert_int_equal(getsockopt(fd, IPPROTO_IP, IP_PKTINFO, &value, &len),
			 0);
	return value;
}

TEST(getsockopt_does_not_show_what_we_set)
{
	(void)ours();

	assert_true(is_on(FD));
	assert_int_equal(option(FD), 0);
}

TEST(getsockopt_shows_what_setsockopt_set)
{
	const int on = 1;

	(void)ours();

	int result = setsockopt(FD, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));

	assert_int_equal(result, 0);
	assert_int_equal(option(FD), 1);
}

TEST(options_of_others_are_the_kernel_s)
{
	const int on = 1;

	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	(void)kernel_calls();

	(void)setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));

	assert_int_equal(option(fd), 1);
	assert_string_equal(kernel_calls(), "IP_PKTINFO=1 IP_PKTINFO");
}

TEST(an_option_the_kernel_lacks_is_an_error)
{
	const int on = 1;

	(void)ours();

	int result = setsockopt(FD, IPPROTO_IP, IP_RECVTOS, &on, sizeof(on));

	assert_int_equal(result, -1);
	assert_int_equal(errno, ENOPROTOOPT);
}

/* Closing. */

static int (*close_behind_spy)(int fd);
static bool was_known_at_close;

static int look_at_close(int fd)
{
	was_known_at_close = sock_known(fd) != NULL;
	return close_behind_spy(fd);
}

/* Afterwards another thread may have the number. */
TEST(close_forgets_before_the_fd_is_free)
{
	(void)ours();
	close_behind_spy = real.close;
	real.close = look_at_close;
	was_known_at_close = true;

	int result = close(FD);

	assert_int_equal(result, 0);
	assert_false(was_known_at_close);
}

TEST(close_by_its_other_name_does_the_same)
{
	(void)ours();

	int result = __close(FD);

	assert_int_equal(result, 0);
	assert_null(sock_known(FD));
}

TEST(a_close_that_fails_says_why)
{
	int result = close(OTHER_FD);

	assert_int_equal(result, -1);
	assert_int_equal(errno, EBADF);
}

TEST(close_range_forgets_its_range)
{
	(void)ours();
	assert_int_equal(dup2(FD, OTHER_FD), OTHER_FD);
	assert_int_equal(dup2(FD, THIRD_FD), THIRD_FD);

	int result = close_range(OTHER_FD, OTHER_FD, 0);

	assert_int_equal(result, 0);
	assert_non_null(sock_known(FD));
	assert_null(sock_known(OTHER_FD));
	assert_non_null(sock_known(THIRD_FD));
}

TEST(close_range_in_an_unshared_table_forgets_too)
{
	const int unshare = 1 << 1; /* CLOSE_RANGE_UNSHARE */

	(void)ours();

	(void)close_range(FD, ~0U, unshare);

	assert_null(sock_known(FD));
}

TEST(close_range_upon_exec_forgets_nothing)
{
	const int cloexec = 1 << 2; /* CLOSE_RANGE_CLOEXEC */

	(void)ours();

	(void)close_range(FD, ~0U, cloexec);

	assert_non_null(sock_known(FD));
	assert_string_equal(kernel_calls(), "close_range");
}

TEST(closefrom_forgets_all_from_there_on)
{
	(void)ours();
	assert_int_equal(dup2(FD, OTHER_FD), OTHER_FD);

	closefrom(OTHER_FD);

	assert_non_null(sock_known(FD));
	assert_null(sock_known(OTHER_FD));
}

TEST(closefrom_below_zero_forgets_all)
{
	(void)ours();

	closefrom(-5);

	assert_null(sock_known(FD));
	assert_string_equal(kernel_calls(), "close_range");
}

/* Duplicating. */

TEST(dup_means_the_same)
{
	struct sock *sock = ours();

	int to = dup(FD);

	assert_int_equal(to, 100);
	assert_ptr_equal(sock_known(to), sock);
}

TEST(dup2_means_the_same)
{
	struct sock *sock = ours();

	int to = dup2(FD, OTHER_FD), too = __dup2(FD, THIRD_FD);

	assert_int_equal(to, OTHER_FD);
	assert_int_equal(too, THIRD_FD);
	assert_ptr_equal(sock_known(OTHER_FD), sock);
	assert_ptr_equal(sock_known(THIRD_FD), sock);
}

TEST(dup3_means_the_same)
{
	struct sock *sock = ours();

	int to = dup3(FD, OTHER_FD, O_CLOEXEC);

	assert_int_equal(to, OTHER_FD);
	assert_ptr_equal(sock_known(OTHER_FD), sock);
}

TEST(a_duplicate_by_fcntl_means_the_same)
{
	const int commands[] = { F_DUPFD, F_DUPFD_CLOEXEC };
	struct sock *sock = ours();

	for (size_t i = 0; i < COUNT(commands); i++) {
		int to = fcntl(FD, commands[i], 20);
		int to_64 = fcntl64(FD, commands[i], 40);
		int to_alias = __fcntl(FD, commands[i], 60);

		assert_ptr_equal(sock_known(to), sock);
		assert_ptr_equal(sock_known(to_64), sock);
		assert_ptr_equal(sock_known(to_alias), sock);
		assert_in_range(to, 20, 39);
		assert_in_range(to_64, 40, 59);
		assert_in_range(to_alias, 60, 79);
	}
}

TEST(other_commands_of_fcntl_duplicate_nothing)
{
	(void)ours();

	int result = fcntl(FD, F_SETFL, OTHER_FD);

	assert_int_equal(result, OTHER_FD);
	assert_null(sock_known(OTHER_FD));
}

TEST(a_duplication_that_fails_changes_nothing)
{
	struct sock *sock = ours();

	assert_int_equal(dup2(OTHER_FD, FD), -1);
	assert_int_equal(dup3(OTHER_FD, FD, 0), -1);
	assert_int_equal(dup(OTHER_FD), -1);
	assert_int_equal(fcntl(OTHER_FD, F_DUPFD, 0), -1);

	assert_int_equal(errno, EBADF);
	assert_ptr_equal(sock_known(FD), sock);
	assert_int_equal(sock->fds, 1);
}

TEST(duplicating_a_stream_over_ours_ends_ours)
{
	struct sock *sock = ours();

	int fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)dup2(fd, FD);

	assert_null(sock_known(FD));
	assert_int_equal(sock->fds, 0);
}
