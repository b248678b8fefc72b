/* SPDX-License-Identifier: MIT */
/* What is given up for which call that a filter kills for. */
#include "hooks/hook.h"

#include "base/lock.h"
#include "base/log.h"
#include "base/real.h"
#include "base/sandbox.h"
#include "state/peers_open.h"
#include "state/sock.h"
#include "unit.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

static bool is_borrowed, are_open;
static bool is_stopped; /* sock_stop() was called */
static int result;	/* of the system call */
static int said;	/* so often; once in a process */

void sock_stop(bool put_back)
{
	assert_true(put_back);
	assert_false(sandbox_forbids(SANDBOX_LOOKS));
	is_stopped = true;
}

void sock_go_on(void)
{
	is_stopped = false;
}

bool lock_is_borrowed(void)
{
	return is_borrowed;
}

bool peers_are_open(void)
{
	return are_open;
}

void log_event(enum log_level level, int fd, const char *what)
{
	(void)what;
	assert_int_equal(level, LOG_ERROR);
	assert_int_equal(fd, -1);
	assert_false(sandbox_forbids(SANDBOX_LINES));
	said++;
}

static const char *given_up(void)
{
	static char text[64];

	(void)snprintf(text, sizeof(text), "%s%s%s%s%s%s",
		       sandbox_forbids(SANDBOX_MEMORY) ? "memory " : "",
		       sandbox_forbids(SANDBOX_LOOKS) ? "looks " : "",
		       sandbox_forbids(SANDBOX_FOLLOWS) ? "follows " : "",
		       sandbox_forbids(SANDBOX_WAITS) ? "waits " : "",
		       sandbox_forbids(SANDBOX_LINES) ? "lines " : "",
		       is_stopped ? "answers " : "");
	return text;
}

/* What was given up when the filter was installed. */
static char seen[64];

static int paper_prctl(int operation, ...)
{
	assert_int_equal(operation, PR_SET_SECCOMP);
	(void)snprintf(seen, sizeof(seen), "%s", given_up());
	return result;
}

static long paper_syscall(long number, ...)
{
	assert_int_equal(number, SYS_seccomp);
	(void)snprintf(seen, sizeof(seen), "%s", given_up());
	return result;
}

/* A filter that kills for this call only, by either of the two ways. */
static long forbid(uint32_t number, bool by_prctl, unsigned int flags)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { .len = COUNT(code), .filter = code };

	seen[0] = '\0';
	return by_prctl ? prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter)
			: hook_seccomp(SECCOMP_SET_MODE_FILTER, flags, &filter);
}

BEFORE_EACH(nothing_forbidden)
{
	real_resolve();
	real.prctl = paper_prctl;
	real.syscall = paper_syscall;
	atomic_store(&sandbox_given_up, 0);
	is_stopped = false;
	is_borrowed = false;
	are_open = true;
	result = -1;
}

/* Every call of ours for which a filter may kill. */
static const struct {
	uint32_t number;
	const char *needed_for;
} calls[] = {
#ifdef SYS_mmap2
	{ SYS_mmap2, "memory looks " },
#else
	{ SYS_mmap, "memory looks " },
#endif
	{ SYS_munmap, "memory looks " },
	{ SYS_getsockopt, "looks follows lines " },
	{ SYS_setsockopt, "looks follows " },
	{ SYS_getsockname, "looks follows lines " },
	{ SYS_socket, "lines " },
	{ SYS_bind, "follows " },
	{ SYS_close, "lines " },
	{ SYS_sendto, "lines " },
	{ SYS_kill, "waits " },
	{ SYS_getpid, "waits lines " },
	{ SYS_sched_yield, "waits " },
	{ SYS_nanosleep, "waits " },
	{ SYS_clock_nanosleep, "waits " },
	{ SYS_ppoll, "lines " },
	{ SYS_rt_sigprocmask, "follows waits lines " },
	{ SYS_rt_sigpending, "lines " },
	{ SYS_rt_sigtimedwait, "lines " },
	{ SYS_write, "lines " },
	{ SYS_statx, "lines " },
	{ SYS_recvmsg, "answers " },
	{ SYS_sendmsg, "answers " },
	{ SYS_getrandom, "" },
	{ SYS_dup3, "" },
	{ SYS_fcntl, "" },
	{ SYS_getpeername, "" },
	{ SYS_epoll_ctl, "" },
	{ SYS_ptrace, "" },
};

TEST(what_needs_a_call_is_given_up_before_a_filter_kills_for_it)
{
	for (size_t i = 0; i < 2 * COUNT(calls); i++) {
		(void)forbid(calls[i / 2].number, i % 2, 0);

		assert_string_equal(seen, calls[i / 2].needed_for);
	}
}

TEST(a_filter_that_is_refused_takes_nothing)
{
	for (size_t i = 0; i < 2 * COUNT(calls); i++) {
		assert_int_equal(forbid(calls[i / 2].number, i % 2, 0), -1);

		assert_string_equal(given_up(), "");
	}
}

TEST(getrandom_is_needed_until_there_is_a_table)
{
	are_open = false;

	(void)forbid(SYS_getrandom, true, 0);

	assert_string_equal(seen, "looks ");
}

TEST(a_vfork_child_s_filter_is_its_own)
{
	is_borrowed = true;

	(void)forbid(SYS_recvmsg, true, 0);

	assert_string_equal(seen, "");
}

TEST(a_thread_that_is_in_the_way_is_a_refusal)
{
	result = 4711;

	assert_int_equal(forbid(SYS_socket, false, SECCOMP_FILTER_FLAG_TSYNC),
			 4711);

	assert_string_equal(given_up(), "");
}

/* sock_stop() and log_event() above assert that nothing is forbidden yet. */
TEST(the_strict_mode_takes_all_in_order)
{
	(void)hook_seccomp(SECCOMP_SET_MODE_STRICT, 0, NULL);

	assert_string_equal(seen, "memory looks follows waits lines answers ");
}

/* The last, for the line is logged once in a process. */
TEST(what_is_given_up_stays_so_and_is_told_once)
{
	result = 5; /* the listener's fd */
	assert_int_equal(forbid(SYS_recvmsg, false, 1U << 3), 5);
	result = 0;
	assert_int_equal(forbid(SYS_bind, true, 0), 0);
	result = -1;

	(void)forbid(SYS_recvmsg, true, 0);
	(void)forbid(SYS_bind, true, 0);

	assert_string_equal(given_up(), "follows answers ");
	assert_int_equal(said, 1);
}
