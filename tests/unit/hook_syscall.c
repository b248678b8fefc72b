/* SPDX-License-Identifier: MIT */
/* libc's syscall(2), with the numbers that we hook and with others. */
#include "address.h"
#include "base/real.h"
#include "kernel.h"
#include "settings.h"
#include "state/sock.h"
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <sys/syscall.h>

enum { FD = 5, OTHER_FD = 6 };

BEFORE_EACH(nothing_open)
{
	settings_reset();
	sock_forget_range(0, ~0U);
	kernel_boot();
}

static void open_wildcard(void)
{
	kernel_socket(FD, AF_INET, SOCK_DGRAM, 0);
	kernel_bound(FD, v4("0.0.0.0", 53));
	assert_non_null(sock_probe(FD));
	(void)kernel_calls();
}

TEST(another_number_passes_with_all_six_arguments)
{
	long result = syscall(SYS_futex, 1L, 2L, 3L, 4L, 5L, 6L);

	assert_int_equal(result, kernel.answer);
	assert_int_equal(kernel.number, SYS_futex);
	for (int i = 0; i < 6; i++)
		assert_int_equal(kernel.arguments[i], i + 1);
}

TEST(closing_by_number_forgets_the_fd)
{
	open_wildcard();

	long result = syscall(SYS_close, FD);

	assert_int_equal(result, kernel.answer);
	assert_null(sock_known(FD));
	assert_int_equal(kernel.number, SYS_close);
}

TEST(duplicating_by_number_makes_another_of_ours)
{
	open_wildcard();

	long fd = syscall(SYS_fcntl, FD, F_DUPFD, OTHER_FD);

	assert_true(fd > FD);
	assert_ptr_equal(sock_known((int)fd), sock_known(FD));
}

/* Its F_GETOWN is not libc's, for one. */
TEST(another_fcntl_by_number_is_the_kernel_s)
{
	open_wildcard();

	(void)syscall(SYS_fcntl, FD, F_GETOWN, 0);

	assert_int_equal(kernel.number, SYS_fcntl);
	assert_string_equal(kernel_calls(), "syscall");
}

static void *send_when_canceled(void *unused)
{
	const struct address peer = v4("10.9.9.9", 5353);

	(void)unused;
	(void)pthread_cancel(pthread_self());
	(void)syscall(SYS_sendto, FD, "a", 1, 0, &peer.any, peer.len);
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	return &kernel;
}

static int to_be_canceled(const struct sent *one)
{
	(void)one;
	pthread_testcancel();
	return 0;
}

/* Unlike libc's sendto. */
TEST(no_number_is_a_cancellation_point)
{
	pthread_t thread;
	void *result = NULL;

	open_wildcard();
	kernel.judge = to_be_canceled;
	assert_int_equal(
		pthread_create(&thread, NULL, send_when_canceled, NULL), 0);
	assert_int_equal(pthread_join(thread, &result), 0);

	assert_ptr_equal(result, &kernel);
}

TEST(what_is_accepted_by_number_is_none_of_ours)
{
	const long numbers[] = {
#ifdef SYS_accept
		SYS_accept,
#endif
		SYS_accept4
	};

	kernel.answer = OTHER_FD;
	for (size_t i = 0; i < COUNT(numbers); i++) {
		sock_forget(OTHER_FD);

		assert_int_equal(syscall(numbers[i], FD, NULL, NULL, 0),
				 OTHER_FD);

		assert_int_equal(kernel.number, numbers[i]);
		assert_null(sock_probe(OTHER_FD));
		assert_string_equal(kernel_calls(), "syscall");
	}
}

static sigjmp_buf before;

static int jump_out(const struct sent *one)
{
	(void)one;
	siglongjmp(before, 1);
}

TEST(leaving_a_send_by_number_leaves_cancellation_disabled)
{
	const struct address peer = v4("10.9.9.9", 5353);
	int was;

	open_wildcard();
	kernel.judge = jump_out;

	if (!sigsetjmp(before, 0))
		(void)syscall(SYS_sendto, FD, "a", 1, 0, &peer.any, peer.len);

	(void)pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &was);
	assert_int_equal(was, PTHREAD_CANCEL_DISABLE);
}

TEST(receiving_by_number_is_so_for_the_kernel)
{
	char byte;

	open_wildcard();
	kernel.answer = -1;
	errno = EAGAIN;

	(void)syscall(SYS_recvfrom, FD, &byte, 1, 0, NULL, NULL);

	assert_int_equal(kernel.number, SYS_recvmsg);
	assert_string_equal(kernel_calls(), "syscall");
}

/* It may wait, and whoever jumps out of there is not to be kept from more. */
TEST(sending_by_number_elsewhere_is_the_kernel_s)
{
	kernel_socket(FD, AF_INET, SOCK_STREAM, 0);
	assert_null(sock_probe(FD));
	(void)kernel_calls();

	(void)syscall(SYS_sendto, FD, "a", 1, 0, NULL, 0);

	assert_int_equal(kernel.number, SYS_sendto);
	assert_string_equal(kernel_calls(), "syscall");
}
