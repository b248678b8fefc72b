/* SPDX-License-Identifier: MIT */
/* What is read from a filter, and what is not known of it. */
#include "base/seccomp.h"

#include "base/real.h"
#include "unit.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>

enum { CALL = SYS_recvmsg, OTHER_CALL = SYS_read };

#define NUMBER offsetof(struct seccomp_data, nr)
#define MACHINE offsetof(struct seccomp_data, arch)
#define ARGUMENT offsetof(struct seccomp_data, args)
#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)
#define JUMP(how, k, yes, no) BPF_JUMP(BPF_JMP | (how) | BPF_K, k, yes, no)
#define DO(action) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_##action)

/* Whether this filter may kill for CALL. */
#define KILLS(...)                                            \
	kills((struct sock_filter[]){ __VA_ARGS__ },          \
	      sizeof((struct sock_filter[]){ __VA_ARGS__ }) / \
		      sizeof(struct sock_filter),             \
	      CALL)

static bool kills(struct sock_filter *code, size_t length, uint32_t number)
{
	const struct sock_fprog filter = { .len = (unsigned short)length,
					   .filter = code };

	return seccomp_kills(&filter, number);
}

TEST(an_action_spares_or_kills)
{
	assert_false(KILLS(DO(ALLOW)));
	assert_false(KILLS(DO(ERRNO)));
	assert_false(KILLS(DO(TRACE)));
	assert_true(KILLS(DO(TRAP)));
	assert_true(KILLS(DO(KILL_THREAD)));
	assert_true(KILLS(DO(KILL_PROCESS)));
}

TEST(an_action_has_data_of_its_own)
{
	assert_false(
		KILLS(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)));
	assert_true(KILLS(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP | 7)));
}

TEST(an_action_that_nobody_knows_kills)
{
	assert_true(KILLS(BPF_STMT(BPF_RET | BPF_K, 0x12340000)));
}

TEST(a_call_is_known_by_its_number)
{
	struct sock_filter code[] = { LOAD(NUMBER), JUMP(BPF_JEQ, CALL, 0, 1),
				      DO(KILL_PROCESS), DO(ALLOW) };

	assert_true(kills(code, 4, CALL));
	assert_false(kills(code, 4, OTHER_CALL));
}

TEST(a_list_of_what_is_allowed_kills_for_the_rest)
{
	struct sock_filter code[] = { LOAD(NUMBER), JUMP(BPF_JEQ, CALL, 0, 1),
				      DO(ALLOW), DO(KILL_PROCESS) };

	assert_false(kills(code, 4, CALL));
	assert_true(kills(code, 4, OTHER_CALL));
}

/* libseccomp's trees compare. */
TEST(a_tree_of_comparisons_is_walked)
{
	assert_false(KILLS(LOAD(NUMBER), JUMP(BPF_JGE, CALL, 1, 0),
			   DO(KILL_PROCESS), JUMP(BPF_JGT, CALL, 1, 0),
			   DO(ALLOW), DO(KILL_PROCESS)));
	assert_true(KILLS(LOAD(NUMBER), JUMP(BPF_JGT, CALL, 1, 0),
			  DO(KILL_PROCESS), DO(ALLOW)));
	assert_true(KILLS(LOAD(NUMBER), JUMP(BPF_JSET, CALL, 0, 1),
			  DO(KILL_PROCESS), DO(ALLOW)));
}

TEST(an_unconditional_jump_is_taken)
{
	assert_false(KILLS(BPF_STMT(BPF_JMP | BPF_JA, 1), DO(KILL_PROCESS),
			   DO(ALLOW)));
}

TEST(what_is_no_call_of_this_machine_does_not_matter)
{
	assert_false(KILLS(LOAD(MACHINE), JUMP(BPF_JEQ, 1, 0, 1),
			   DO(KILL_PROCESS), DO(ALLOW)));
}

TEST(what_depends_on_an_argument_may_kill)
{
	assert_true(KILLS(LOAD(ARGUMENT), JUMP(BPF_JEQ, 3, 0, 1), DO(ALLOW),
			  DO(KILL_PROCESS)));
	assert_true(KILLS(LOAD(ARGUMENT), JUMP(BPF_JEQ, 3, 0, 1),
			  DO(KILL_PROCESS), DO(ALLOW)));
	assert_false(KILLS(LOAD(ARGUMENT), JUMP(BPF_JEQ, 3, 0, 1), DO(ERRNO),
			   DO(ALLOW)));
}

TEST(what_was_reached_in_two_ways_is_both)
{
	/* A is 1 or 2 at the last comparison. */
	assert_true(KILLS(LOAD(ARGUMENT), JUMP(BPF_JEQ, 3, 0, 2),
			  BPF_STMT(BPF_LD | BPF_IMM, 1),
			  BPF_STMT(BPF_JMP | BPF_JA, 1),
			  BPF_STMT(BPF_LD | BPF_IMM, 2), JUMP(BPF_JEQ, 2, 0, 1),
			  DO(KILL_PROCESS), DO(ALLOW)));
	assert_false(KILLS(
		LOAD(ARGUMENT), JUMP(BPF_JEQ, 3, 0, 2),
		BPF_STMT(BPF_LD | BPF_IMM, 1), BPF_STMT(BPF_JMP | BPF_JA, 1),
		BPF_STMT(BPF_LD | BPF_IMM, 1), JUMP(BPF_JEQ, 2, 0, 1),
		DO(KILL_PROCESS), DO(ALLOW)));
}

TEST(an_action_may_be_in_the_accumulator)
{
	assert_false(KILLS(BPF_STMT(BPF_LD | BPF_IMM, SECCOMP_RET_ALLOW),
			   BPF_STMT(BPF_RET | BPF_A, 0)));
	assert_true(KILLS(BPF_STMT(BPF_LD | BPF_IMM, SECCOMP_RET_KILL),
			  BPF_STMT(BPF_RET | BPF_A, 0)));
}

TEST(what_is_computed_is_not_known)
{
	assert_true(
		KILLS(LOAD(NUMBER), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, CALL),
		      JUMP(BPF_JEQ, CALL, 0, 1), DO(ALLOW), DO(KILL_PROCESS)));
	assert_true(KILLS(LOAD(NUMBER), BPF_STMT(BPF_ALU | BPF_NEG, 0),
			  JUMP(BPF_JEQ, CALL, 0, 1), DO(KILL_PROCESS),
			  DO(ALLOW)));
}

/* The kernel ends the filter then, as by a return of 0. */
TEST(what_may_divide_by_zero_may_kill)
{
	assert_true(KILLS(BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0), DO(ALLOW)));
	assert_true(KILLS(BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), DO(ALLOW)));
	assert_false(KILLS(BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 2), DO(ALLOW)));
}

TEST(the_index_register_is_not_known)
{
	assert_true(KILLS(BPF_STMT(BPF_LDX | BPF_IMM, CALL), LOAD(NUMBER),
			  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 0, 1),
			  DO(ALLOW), DO(KILL_PROCESS)));
	assert_true(KILLS(BPF_STMT(BPF_LDX | BPF_IMM, 12),
			  BPF_STMT(BPF_MISC | BPF_TXA, 0),
			  JUMP(BPF_JEQ, 12, 1, 0), DO(KILL_PROCESS),
			  DO(ALLOW)));
	assert_false(KILLS(LOAD(NUMBER), BPF_STMT(BPF_MISC | BPF_TAX, 0),
			   JUMP(BPF_JEQ, CALL, 0, 1), DO(ALLOW),
			   DO(KILL_PROCESS)));
}

TEST(a_jump_of_no_known_kind_is_no_filter)
{
	assert_true(KILLS(JUMP(0xf0, 0, 0, 0), DO(ALLOW)));
}

TEST(what_is_kept_in_memory_is_not_known)
{
	assert_true(KILLS(LOAD(NUMBER), BPF_STMT(BPF_ST, 0),
			  BPF_STMT(BPF_LD | BPF_MEM, 0),
			  JUMP(BPF_JEQ, CALL, 0, 1), DO(ALLOW),
			  DO(KILL_PROCESS)));
	assert_true(KILLS(LOAD(ARGUMENT), BPF_STMT(BPF_RET | BPF_A, 0)));
}

TEST(a_filter_without_an_end_is_refused)
{
	assert_true(KILLS(LOAD(NUMBER)));
	assert_true(KILLS(BPF_STMT(BPF_JMP | BPF_JA, 7), DO(ALLOW)));
	assert_true(KILLS(BPF_STMT(BPF_JMP | BPF_JA, ~0U), DO(ALLOW)));
	assert_true(kills(NULL, 1, CALL));
	assert_true(kills((struct sock_filter[]){ DO(ALLOW) }, 0, CALL));
}

/* As many as there may be, each of which goes two ways. */
TEST(the_longest_filter_is_read)
{
	static struct sock_filter code[BPF_MAXINSNS];

	for (size_t i = 0; i < BPF_MAXINSNS; i += 2) {
		code[i] = (struct sock_filter)LOAD(ARGUMENT);
		code[i + 1] = (struct sock_filter)JUMP(BPF_JEQ, 1, 1, 0);
	}
	code[BPF_MAXINSNS - 1] = (struct sock_filter)DO(ALLOW);

	assert_false(kills(code, BPF_MAXINSNS, CALL));
}

static int filter_s_errno;
static ssize_t received = -1;

static ssize_t refused_recvmsg(int fd, struct msghdr *msg, int flags)
{
	(void)fd;
	(void)msg;
	(void)flags;
	errno = filter_s_errno;
	return received;
}

TEST(a_call_that_fails_on_no_fd_for_another_reason_is_refused)
{
	real_resolve();
	real.recvmsg = refused_recvmsg;
	filter_s_errno = EPERM;
	errno = ENOTTY;

	bool refused = seccomp_refuses_recvmsg(EPERM);

	assert_true(refused);
	assert_int_equal(errno, ENOTTY);
}

TEST(a_call_that_the_kernel_judges_is_not_refused)
{
	real_resolve();
	errno = ENOTTY;

	assert_false(seccomp_refuses_recvmsg(EPERM));
	assert_false(seccomp_refuses_sendmsg(EPERM));
	assert_int_equal(errno, ENOTTY);
}

TEST(what_sockets_fail_with_every_day_costs_no_call)
{
	real_resolve();
	real.recvmsg = refused_recvmsg;
	filter_s_errno = EAGAIN;

	assert_false(seccomp_refuses_recvmsg(EAGAIN));
	assert_false(seccomp_refuses_recvmsg(EINTR));
}
