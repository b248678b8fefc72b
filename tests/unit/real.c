/* SPDX-License-Identifier: MIT */
/* libc's own functions: found, not yet found, and not there. */
#include "base/real.h"

#include "address.h"
#include "child.h"
#include "unit.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* As it is before anybody called anything. */
static struct real_libc initial;

/* What this libc lacks: a name, or "*" for all; NULL for none. */
static const char *lacking;

/* Called in the middle of dlsym(3), as an allocator might be. */
static void (*amid_dlsym)(void);

void *__real_dlsym(void *handle, const char *name);
void *__wrap_dlsym(void *handle, const char *name);

void *__wrap_dlsym(void *handle, const char *name)
{
	if (amid_dlsym)
		amid_dlsym();
	if (lacking && (!strcmp(lacking, "*") || !strcmp(lacking, name)))
		return __real_dlsym(handle, "no_libc_has_this");
	return __real_dlsym(handle, name);
}

BEFORE_ALL(note_what_is_there_at_first)
{
	initial = real;
}

/* A libc that has everything, and nobody asked it yet. */
BEFORE_EACH(unresolved)
{
	lacking = NULL;
	amid_dlsym = NULL;
	real = initial;
}

/* A libc that has nothing: the kernel is asked. */
static void without_libc(void)
{
	unresolved();
	lacking = "*";
}

static bool is_libc_s(const void *entry, const char *name)
{
	void *found = __real_dlsym(RTLD_NEXT, name);

	return found && !memcmp(entry, &found, sizeof(found));
}

TEST(no_entry_is_empty_before_the_first_call)
{
#define X(name) assert_non_null(real.name);
	INTERPOSED(X)
#undef X
}

TEST(no_entry_is_empty_where_libc_lacks_it)
{
	lacking = "*";

	real_resolve();

#define X(name) assert_non_null(real.name);
	INTERPOSED(X)
#undef X
}

TEST(every_name_is_resolved_to_libc_s)
{
	real_resolve();

#define X(name) assert_true(is_libc_s(&real.name, #name));
	INTERPOSED(X)
#undef X
}

TEST(resolving_twice_changes_nothing)
{
	struct real_libc once;

	real_resolve();
	once = real;

	real_resolve();

	assert_memory_equal(&real, &once, sizeof(once));
}

TEST(a_name_that_libc_lacks_asks_the_kernel)
{
	char byte = 'x';
	int fds[2];

	lacking = "write";
	real_resolve();
	assert_int_equal(pipe(fds), 0);

	ssize_t n = real.write(fds[1], &byte, 1);

	assert_int_equal(n, 1);
	assert_false(is_libc_s(&real.write, "write"));
	assert_true(is_libc_s(&real.read, "read"));
	(void)close(fds[0]);
	(void)close(fds[1]);
}

TEST(the_first_call_resolves_all)
{
	int fd = real.dup(STDERR_FILENO);

	assert_true(fd > STDERR_FILENO);
	assert_true(is_libc_s(&real.dup, "dup"));
	assert_true(is_libc_s(&real.recvmsg, "recvmsg"));
	(void)close(fd);
}

TEST(a_call_that_fails_early_says_why)
{
	int result = real.close(-1);

	assert_int_equal(result, -1);
	assert_int_equal(errno, EBADF);
}

enum { TOO_DEEP = 1000 };

static int nested_calls;

static void call_amid_dlsym(void)
{
	if (++nested_calls < TOO_DEEP)
		assert_int_equal(real.write(STDERR_FILENO, "", 0), 0);
}

/* An allocator under dlsym may write, and so come back to us. */
TEST(a_call_amid_resolving_asks_the_kernel)
{
	amid_dlsym = call_amid_dlsym;
	nested_calls = 0;

	real_resolve();

	assert_in_range(nested_calls, 1, TOO_DEEP - 1);
	assert_true(is_libc_s(&real.write, "write"));
}

TEST(our_failures_are_not_in_the_application_s_dlerror)
{
	lacking = "*";

	real_resolve();

	// NOLINTNEXTLINE(concurrency-mt-unsafe): it is per thread
	assert_null(dlerror());
}

/* Without libc: each name with what the kernel makes of it. */

/* A UDP socket on the loopback, with its address. */
static int udp(struct address *address)
{
	int fd = real.socket(AF_INET, SOCK_DGRAM, 0);

	*address = v4("127.0.0.1", 0);
	assert_true(fd >= 0);
	assert_int_equal(real.bind(fd, &address->any, address->len), 0);
	assert_int_equal(getsockname(fd, &address->any, &address->len), 0);
	assert_int_not_equal(address->v4.sin_port, 0);
	return fd;
}

/* Two that are connected to each other. */
static void udp_pair(int fds[2])
{
	struct address address[2];

	for (int i = 0; i < 2; i++)
		fds[i] = udp(&address[i]);
	for (int i = 0; i < 2; i++)
		assert_int_equal(real.connect(fds[i], &address[1 - i].any,
					      address[1 - i].len),
				 0);
}

static void close_both(const int fds[2])
{
	assert_int_equal(real.close(fds[0]), 0);
	assert_int_equal(real.close(fds[1]), 0);
}

TEST_AFTER(without_libc, the_kernel_sends_to_and_receives_from)
{
	struct address to, from = { .len = sizeof(from.room) }, sender;
	char buf[10] = "";
	int fd = udp(&to), other = udp(&sender);

	assert_int_equal(real.sendto(other, "hello", 5, 0, &to.any, to.len), 5);
	assert_int_equal(
		real.recvfrom(fd, buf, sizeof(buf), 0, &from.any, &from.len),
		5);
	assert_string_equal(buf, "hello");
	assert_int_equal(from.v4.sin_port, sender.v4.sin_port);
	close_both((int[]){ fd, other });
}

TEST_AFTER(without_libc, the_kernel_sends_and_receives)
{
	char buf[10] = "";
	int fds[2];

	udp_pair(fds);

	assert_int_equal(real.send(fds[0], "hello", 5, 0), 5);
	assert_int_equal(real.recv(fds[1], buf, sizeof(buf), 0), 5);
	assert_string_equal(buf, "hello");
	close_both(fds);
}

TEST_AFTER(without_libc, the_kernel_writes_and_reads)
{
	char buf[10] = "", more[10] = "";
	struct iovec iov[] = { { buf, 2 }, { more, sizeof(more) } };
	int fds[2];

	udp_pair(fds);

	assert_int_equal(real.write(fds[0], "hello", 5), 5);
	assert_int_equal(real.read(fds[1], buf, sizeof(buf)), 5);
	assert_string_equal(buf, "hello");
	assert_int_equal(real.write(fds[0], "world", 5), 5);
	assert_int_equal(real.readv(fds[1], iov, COUNT(iov)), 5);
	assert_string_equal(more, "rld");
	close_both(fds);
}

TEST_AFTER(without_libc, the_kernel_sends_and_receives_messages)
{
	char buf[10] = "";
	struct iovec out = { "hello", 5 }, in = { buf, sizeof(buf) };
	const struct msghdr sent = { .msg_iov = &out, .msg_iovlen = 1 };
	struct msghdr received = { .msg_iov = &in, .msg_iovlen = 1 };
	int fds[2];

	udp_pair(fds);

	assert_int_equal(real.sendmsg(fds[0], &sent, 0), 5);
	assert_int_equal(real.recvmsg(fds[1], &received, 0), 5);
	assert_string_equal(buf, "hello");
	close_both(fds);
}

TEST_AFTER(without_libc, the_kernel_sends_and_receives_batches)
{
	char buf[10] = "";
	struct iovec out = { "hello", 5 }, in = { buf, sizeof(buf) };
	struct mmsghdr sent = { { .msg_iov = &out, .msg_iovlen = 1 }, 0 };
	struct mmsghdr received = { { .msg_iov = &in, .msg_iovlen = 1 }, 0 };
	int fds[2];

	udp_pair(fds);

	assert_int_equal(real.sendmmsg(fds[0], &sent, 1, 0), 1);
	assert_int_equal(real.recvmmsg(fds[1], &received, 1, 0, NULL), 1);
	assert_int_equal(sent.msg_len, 5);
	assert_int_equal(received.msg_len, 5);
	assert_string_equal(buf, "hello");
	close_both(fds);
}

/* libc's end the program; without it nobody can say why. */
TEST_AFTER(without_libc, a_fortified_name_never_fills_more_than_the_buffer)
{
	char buf[10] = "";
	int fds[2];

	udp_pair(fds);
	for (int i = 0; i < 3; i++)
		assert_int_equal(real.send(fds[0], "hello", 5, 0), 5);

	assert_int_equal(real.__recvfrom_chk(fds[1], buf, 10, 3, 0, NULL, NULL),
			 3);
	assert_int_equal(real.__recv_chk(fds[1], buf, 10, 2, 0), 2);
	assert_int_equal(real.__read_chk(fds[1], buf, 10, 1), 1);

	assert_string_equal(buf, "hel");
	close_both(fds);
}

TEST_AFTER(without_libc, the_kernel_makes_pairs)
{
	char buf[10] = "";
	int fds[2];

	assert_int_equal(real.socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(real.write(fds[0], "x", 1), 1);
	assert_int_equal(real.read(fds[1], buf, 1), 1);
	close_both(fds);
}

TEST_AFTER(without_libc, the_kernel_accepts)
{
	struct address address = v4("127.0.0.1", 0);
	struct address from = { .len = sizeof(from.room) };
	int fd = real.socket(AF_INET, SOCK_STREAM, 0);
	int clients[2];

	assert_int_equal(real.bind(fd, &address.any, address.len), 0);
	assert_int_equal(listen(fd, 2), 0);
	assert_int_equal(getsockname(fd, &address.any, &address.len), 0);
	for (int i = 0; i < 2; i++) {
		clients[i] = real.socket(AF_INET, SOCK_STREAM, 0);
		assert_int_equal(
			real.connect(clients[i], &address.any, address.len), 0);
	}

	int accepted = real.accept(fd, &from.any, &from.len);
	int accepted_4 = real.accept4(fd, NULL, NULL, SOCK_CLOEXEC);

	assert_true(accepted >= 0);
	assert_true(accepted_4 >= 0);
	assert_int_equal(from.len, sizeof(from.v4));
	assert_int_equal(real.fcntl(accepted, F_GETFD, 0), 0);
	assert_int_equal(real.fcntl(accepted_4, F_GETFD, 0), FD_CLOEXEC);
	close_both(clients);
	close_both((int[]){ accepted, accepted_4 });
	assert_int_equal(real.close(fd), 0);
}

TEST_AFTER(without_libc, the_kernel_sets_and_gets_options)
{
	struct address address;
	int fd = udp(&address), value = 1;
	socklen_t len = sizeof(value);

	assert_int_equal(real.setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &value,
					 sizeof(value)),
			 0);
	value = 0;
	assert_int_equal(
		real.getsockopt(fd, IPPROTO_IP, IP_PKTINFO, &value, &len), 0);

	assert_int_equal(value, 1);
	assert_int_equal(real.close(fd), 0);
}

TEST_AFTER(without_libc, the_kernel_duplicates)
{
	struct address address;
	int fd = udp(&address);

	int by_dup = real.dup(fd);
	int by_fcntl = real.fcntl(fd, F_DUPFD, 50);
	int by_fcntl64 = real.fcntl64(fd, F_DUPFD_CLOEXEC, 60);

	assert_true(by_dup > fd);
	assert_in_range(by_fcntl, 50, 59);
	assert_in_range(by_fcntl64, 60, 69);
	assert_int_equal(real.dup2(fd, by_dup), by_dup);
	assert_int_equal(real.dup3(fd, by_fcntl, O_CLOEXEC), by_fcntl);
	assert_int_equal(real.fcntl(by_dup, F_GETFD, 0), 0);
	assert_int_equal(real.fcntl(by_fcntl, F_GETFD, 0), FD_CLOEXEC);
	close_both((int[]){ fd, by_dup });
	close_both((int[]){ by_fcntl, by_fcntl64 });
}

/* Unlike dup3, which says EINVAL.  dup(2). */
TEST_AFTER(without_libc, dup2_onto_itself_answers_the_fd)
{
	int fd = real.dup2(STDERR_FILENO, STDERR_FILENO);

	assert_int_equal(fd, STDERR_FILENO);
}

static int fcntl_takes_a_pointer_body(void *context)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = *(int *)context;

	if (real.fcntl(fd, F_GETLK, &lock) < 0)
		return 2;
	return lock.l_type == F_WRLCK;
}

TEST_AFTER(without_libc, the_kernel_s_fcntl_takes_a_pointer)
{
	char path[] = "/tmp/replyfrom-unit-XXXXXX";
	int fd = mkstemp(path);
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	assert_true(fd >= 0);
	assert_int_equal(unlink(path), 0);

	assert_int_equal(real.fcntl(fd, F_SETLK, &lock), 0);

	/* Who asks must be another process. */
	assert_int_equal(in_child(fcntl_takes_a_pointer_body, &fd), 1);
	assert_int_equal(real.close(fd), 0);
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static int does_close_range_close(void *context)
{
	(void)context;
	if (real.dup2(STDERR_FILENO, 50) < 0 ||
	    real.dup2(STDERR_FILENO, 51) < 0 || real.close_range(50, 50, 0) < 0)
		return 2;
	return !is_open(50) && is_open(51);
}

static int does_closefrom_close(void *context)
{
	(void)context;
	if (real.dup2(STDERR_FILENO, 50) < 0 ||
	    real.dup2(STDERR_FILENO, 51) < 0)
		return 2;
	real.closefrom(51);
	return is_open(50) && !is_open(51);
}

TEST_AFTER(without_libc, the_kernel_closes_ranges)
{
	assert_int_equal(in_child(does_close_range_close, NULL), 1);
	assert_int_equal(in_child(does_closefrom_close, NULL), 1);
}
