/* SPDX-License-Identifier: MIT */
/* Follows every path through a filter that a system call may take. */
#include "base/seccomp.h"

#include "base/real.h"
#include "base/scratch.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>

#if defined(__x86_64__)
#define MACHINE AUDIT_ARCH_X86_64
#elif defined(__i386__)
#define MACHINE AUDIT_ARCH_I386
#elif defined(__aarch64__) && !defined(__AARCH64EB__)
#define MACHINE AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define MACHINE AUDIT_ARCH_RISCV64
#elif defined(__s390x__)
#define MACHINE AUDIT_ARCH_S390X
#endif

/*
 * The accumulator before an instruction.  Its value is known if it is the same
 * on all paths that lead there.  The index register, memory words and results
 * of arithmetic count as unknown: nearly all filters compare the number of a
 * call as it is, and compute only with its arguments.
 */
struct state {
	bool is_reached;
	bool is_known;
	uint32_t a;
};

/* A filter, the number of the call, and a state for each instruction. */
struct walk {
	const struct sock_fprog *filter;
	uint32_t number;
	struct state *states;
};

/*
 * Notes that the instruction at `to` may be reached in this state.  False:
 * there is no such instruction.
 */
static bool reach(const struct walk *walk, size_t to, const struct state *from)
{
	struct state *state;

	if (to >= walk->filter->len)
		return false;
	state = &walk->states[to];
	if (!state->is_reached)
		*state = *from;
	if (!from->is_known || from->a != state->a)
		state->is_known = false;
	return true;
}

/* Loads a constant, or from struct seccomp_data what is known in advance. */
static void load(const struct walk *walk, const struct sock_filter *code,
		 struct state *state)
{
	const bool is_data = BPF_MODE(code->code) == BPF_ABS;

	state->is_known = true;
	if (BPF_MODE(code->code) == BPF_IMM)
		state->a = code->k;
	else if (is_data && code->k == offsetof(struct seccomp_data, nr))
		state->a = walk->number;
#ifdef MACHINE
	else if (is_data && code->k == offsetof(struct seccomp_data, arch))
		state->a = MACHINE;
#endif
	else
		state->is_known = false;
}

/* A jump on an unknown value goes both ways. */
static bool jump(const struct walk *walk, size_t at, const struct state *state)
{
	const struct sock_filter *code = &walk->filter->filter[at];
	const bool is_known = state->is_known && BPF_SRC(code->code) == BPF_K;
	bool is_met;

	switch (BPF_OP(code->code)) {
	case BPF_JA:
		return reach(walk, at + 1 + (size_t)code->k, state);
	case BPF_JEQ:
		is_met = state->a == code->k;
		break;
	case BPF_JGT:
		is_met = state->a > code->k;
		break;
	case BPF_JGE:
		is_met = state->a >= code->k;
		break;
	case BPF_JSET:
		is_met = state->a & code->k;
		break;
	default:
		return false;
	}
	if ((!is_known || is_met) && !reach(walk, at + 1 + code->jt, state))
		return false;
	return (is_known && is_met) || reach(walk, at + 1 + code->jf, state);
}

static bool spares(uint32_t action)
{
	const uint32_t kind = action & SECCOMP_RET_ACTION_FULL;

	/* The kernel kills for an unknown action. */
	return kind == SECCOMP_RET_ALLOW || kind == SECCOMP_RET_LOG ||
	       kind == SECCOMP_RET_TRACE || kind == SECCOMP_RET_USER_NOTIF ||
	       kind == SECCOMP_RET_ERRNO;
}

/* A division by zero ends the filter as a return of 0 does: it kills. */
static bool may_divide_by_zero(const struct sock_filter *code)
{
	return BPF_OP(code->code) == BPF_DIV &&
	       (BPF_SRC(code->code) == BPF_X || !code->k);
}

/* Follows one instruction.  False: it may kill, or is invalid. */
static bool step(const struct walk *walk, size_t at)
{
	const struct sock_filter *code = &walk->filter->filter[at];
	struct state state = walk->states[at];

	switch (BPF_CLASS(code->code)) {
	case BPF_LD:
		load(walk, code, &state);
		break;
	case BPF_ALU:
		if (may_divide_by_zero(code))
			return false;
		state.is_known = false;
		break;
	case BPF_MISC:
		state.is_known &= BPF_MISCOP(code->code) == BPF_TAX;
		break;
	case BPF_JMP:
		return jump(walk, at, &state);
	case BPF_RET:
		return BPF_RVAL(code->code) != BPF_A
			       ? spares(code->k)
			       : state.is_known && spares(state.a);
	default: /* BPF_LDX, BPF_ST and BPF_STX */
		break;
	}
	return reach(walk, at + 1, &state);
}

/* Jumps go forward only, so each state is complete when it is used. */
static int walk_through(void *memory, void *context)
{
	struct walk *walk = context;

	if (!memory)
		return false;
	walk->states = memory;
	memset(memory, 0, walk->filter->len * sizeof(*walk->states));
	/* The accumulator begins as 0. */
	walk->states[0].is_reached = walk->states[0].is_known = true;
	for (size_t at = 0; at < walk->filter->len; at++)
		if (walk->states[at].is_reached && !step(walk, at))
			return false;
	return true;
}

bool seccomp_kills(const struct sock_fprog *filter, uint32_t number)
{
	struct walk walk = { .filter = filter, .number = number };

	if (!filter->filter || !filter->len || filter->len > BPF_MAXINSNS)
		return true;
	return !scratch_with(filter->len * sizeof(struct state), walk_through,
			     &walk);
}

/* Usual errors of sockets, which need no further call to explain. */
static bool is_usual(int error)
{
	const int errors[] = { EAGAIN, EINTR,	 ECONNREFUSED, EBADF,  ENOTSOCK,
			       EFAULT, EMSGSIZE, ENOBUFS,      ENOMEM, EPIPE };

	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++)
		if (error == errors[i])
			return true;
	return false;
}

/* Without a filter a call on fd -1 fails with EBADF. */
static bool is_refused(ssize_t result, int saved)
{
	bool refused = result < 0 && errno != EBADF;

	errno = saved;
	return refused;
}

bool seccomp_refuses_recvmsg(int error)
{
	struct msghdr nothing = { 0 };
	int saved = errno;

	return !is_usual(error) &&
	       is_refused(real.recvmsg(-1, &nothing, 0), saved);
}

bool seccomp_refuses_sendmsg(int error)
{
	const struct msghdr nothing = { 0 };
	int saved = errno;

	return !is_usual(error) &&
	       is_refused(real.sendmsg(-1, &nothing, 0), saved);
}
