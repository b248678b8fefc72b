/* SPDX-License-Identifier: MIT */
/* libc's syscall(2), with the numbers that we hook and with others. */
#include "address.h"
#include "kernel.h"
#include "real.h"
#include "settings.h"
#include "sock.h"
#include "unit.h"

#include <pthread.h>
#include <stdbool.h>
#include <sys/syscall.h>

enum { FD = 5, OTHER_FD = 6 };

static int nothing_open(void **state)
{
	(void)state;
	settings_reset();
	sock_forget_range(0, ~0U);
	kernel_boot();
	return 0;
}

static void open_wildcard(void)
{
	kernel_socket(FD, AF_INET, SOCK_DGRAM, 0);
	kernel_bound(FD, v4("0.0.0.0", 53));
	assert_non_null(sock_probe(FD));
	(void)kernel_calls();
}

static void another_number_passes_with_all_six_arguments(void **state)
{
	(void)state;

	long result = syscall(SYS_futex, 1L, 2L, 3L, 4L, 5L, 6L);

	assert_int_equal(result, kernel.answer);
	assert_int_equal(kernel.number, SYS_futex);
	for (int i = 0; i < 6; i++)
		assert_int_equal(kernel.arguments[i], i + 1);
}

static void closing_by_number_forgets_the_fd(void **state)
{
	(void)state;
	open_wildcard();

	long result = syscall(SYS_close, FD);

	assert_int_equal(result, 0);
	assert_null(sock_known(FD));
	assert_string_equal(kernel_calls(), "close");
}

static void duplicating_by_number_makes_another_of_ours(void **state)
{
	(void)state;
	open_wildcard();

	long fd = syscall(SYS_fcntl, FD, F_DUPFD, OTHER_FD);

	assert_true(fd > FD);
	assert_ptr_equal(sock_known((int)fd), sock_known(FD));
}

/* Its F_GETOWN is not libc's, for one. */
static void another_fcntl_by_number_is_the_kernel_s(void **state)
{
	(void)state;
	open_wildcard();

	(void)syscall(SYS_fcntl, FD, F_GETOWN, 0);

	assert_int_equal(kernel.number, SYS_fcntl);
	assert_string_equal(kernel_calls(), "syscall");
}

static void *call_when_canceled(void *unused)
{
	char byte;

	(void)unused;
	(void)pthread_cancel(pthread_self());
	(void)syscall(SYS_read, FD, &byte, 1);
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	return &kernel;
}

static void to_be_canceled(void)
{
	pthread_testcancel();
}

/* Unlike libc's read. */
static void no_number_is_a_cancellation_point(void **state)
{
	pthread_t thread;
	void *result = NULL;

	(void)state;
	kernel.amid_read = to_be_canceled;
	assert_int_equal(
		pthread_create(&thread, NULL, call_when_canceled, NULL), 0);
	assert_int_equal(pthread_join(thread, &result), 0);

	assert_ptr_equal(result, &kernel);
}

#define TEST(name) cmocka_unit_test_setup(name, nothing_open)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(another_number_passes_with_all_six_arguments),
		TEST(closing_by_number_forgets_the_fd),
		TEST(duplicating_by_number_makes_another_of_ours),
		TEST(another_fcntl_by_number_is_the_kernel_s),
		TEST(no_number_is_a_cancellation_point),
	};

	return cmocka_run_group_tests(tests, end_when_stuck, kernel_halt);
}
