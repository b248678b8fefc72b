/* SPDX-License-Identifier: MIT */
/* Follows every path through a filter that a system call may take. */
#include "base/seccomp.h"

#include "base/real.h"
#include "base/scratch.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdatomic.h>
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

/* The content of a register before an instruction, if it is known. */
struct value {
	bool is_known;
	uint32_t is;
};

/* What holds before an instruction, whichever path led to it. */
struct state {
	bool is_reached;
	struct value a;
	struct value x;
};

/* A filter, the number of the call, and a state for each instruction. */
struct walk {
	const struct sock_fprog *filter;
	uint32_t number;
	struct state *states;
};

static const struct value unknown;

static struct value known(uint32_t is)
{
	return (struct value){ .is_known = true, .is = is };
}

static void join(struct value *value, const struct value *other)
{
	if (!other->is_known || other->is != value->is)
		*value = unknown;
}

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
	join(&state->a, &from->a);
	join(&state->x, &from->x);
	return true;
}

/* Loads from struct seccomp_data what is known in advance. */
static struct value load(const struct walk *walk, uint32_t offset)
{
	if (offset == offsetof(struct seccomp_data, nr))
		return known(walk->number);
#ifdef MACHINE
	if (offset == offsetof(struct seccomp_data, arch))
		return known(MACHINE);
#endif
	return unknown;
}

/* The second operand of an instruction; the first is the register a. */
static struct value operand(const struct sock_filter *code,
			    const struct state *state)
{
	return BPF_SRC(code->code) == BPF_X ? state->x : known(code->k);
}

static struct value compute(const struct sock_filter *code,
			    const struct state *state)
{
	const struct value other = operand(code, state);
	const uint32_t a = state->a.is, b = other.is;

	if (!state->a.is_known || !other.is_known)
		return unknown;
	switch (BPF_OP(code->code)) {
	case BPF_ADD:
		return known(a + b);
	case BPF_SUB:
		return known(a - b);
	case BPF_MUL:
		return known(a * b);
	case BPF_OR:
		return known(a | b);
	case BPF_AND:
		return known(a & b);
	case BPF_XOR:
		return known(a ^ b);
	case BPF_NEG:
		return known(-a);
	default: /* long shifts among them */
		return unknown;
	}
}

/* A division by zero ends the filter as a return of 0 does: it kills. */
static bool may_divide_by_zero(const struct sock_filter *code,
			       const struct state *state)
{
	const struct value divisor = operand(code, state);

	return BPF_OP(code->code) == BPF_DIV &&
	       (!divisor.is_known || !divisor.is);
}

/* A jump on an unknown value goes both ways. */
static bool jump(const struct walk *walk, size_t at, const struct state *state)
{
	const struct sock_filter *code = &walk->filter->filter[at];
	const struct value other = operand(code, state);
	const bool is_known = state->a.is_known && other.is_known;
	const uint32_t a = state->a.is, b = other.is;
	bool is_met;

	switch (BPF_OP(code->code)) {
	case BPF_JA:
		return reach(walk, at + 1 + (size_t)code->k, state);
	case BPF_JEQ:
		is_met = a == b;
		break;
	case BPF_JGT:
		is_met = a > b;
		break;
	case BPF_JGE:
		is_met = a >= b;
		break;
	case BPF_JSET:
		is_met = a & b;
		break;
	default:
		return false;
	}
	if ((!is_known || is_met) && !reach(walk, at + 1 + code->jt, state))
		return false;
	return (is_known && is_met) || reach(walk, at + 1 + code->jf, state);
}

static bool spares(struct value action)
{
	const uint32_t kind = action.is & SECCOMP_RET_ACTION_FULL;

	/* The kernel kills for an unknown action. */
	return action.is_known &&
	       (kind == SECCOMP_RET_ALLOW || kind == SECCOMP_RET_LOG ||
		kind == SECCOMP_RET_TRACE || kind == SECCOMP_RET_USER_NOTIF ||
		kind == SECCOMP_RET_ERRNO);
}

/* Follows one instruction.  False: it may kill, or is invalid. */
static bool step(const struct walk *walk, size_t at)
{
	const struct sock_filter *code = &walk->filter->filter[at];
	struct state state = walk->states[at];

	switch (BPF_CLASS(code->code)) {
	case BPF_LD:
		state.a = BPF_MODE(code->code) == BPF_ABS ? load(walk, code->k)
			  : BPF_MODE(code->code) == BPF_IMM ? known(code->k)
							    : unknown;
		break;
	case BPF_LDX:
		state.x = BPF_MODE(code->code) == BPF_IMM ? known(code->k)
							  : unknown;
		break;
	case BPF_ST:
	case BPF_STX:
		break;
	case BPF_ALU:
		if (may_divide_by_zero(code, &state))
			return false;
		state.a = compute(code, &state);
		break;
	case BPF_MISC:
		if (BPF_MISCOP(code->code) == BPF_TAX)
			state.x = state.a;
		else
			state.a = state.x;
		break;
	case BPF_JMP:
		return jump(walk, at, &state);
	default: /* BPF_RET */
		return spares(BPF_RVAL(code->code) == BPF_A ? state.a
							    : known(code->k));
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
	walk->states[0].is_reached = true;
	/* Memory words are not followed, and both registers begin as 0. */
	walk->states[0].a = walk->states[0].x = known(0);
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

/*
 * Replaces libc's recvmsg() in `real` until one call has succeeded, because
 * saving errno before every call would slow down all programs.
 */
static __typeof__(&recvmsg) libc_recvmsg;
static _Atomic bool is_watched_for_good;
static _Thread_local int errno_before;

RACY static ssize_t watched_recvmsg(int fd, struct msghdr *msg, int flags)
{
	int before = errno;
	ssize_t n = libc_recvmsg(fd, msg, flags);

	errno_before = before;
	if (n >= 0 && !atomic_load(&is_watched_for_good))
		real.recvmsg = libc_recvmsg;
	return n;
}

RACY void seccomp_watch(bool for_good)
{
	if (for_good)
		atomic_store(&is_watched_for_good, true);
	if (real.recvmsg != watched_recvmsg && !real_lacks_recvmsg()) {
		libc_recvmsg = real.recvmsg;
		real.recvmsg = watched_recvmsg;
	}
}

bool seccomp_refuses_recvmsg(int error)
{
	struct msghdr nothing = { 0 };
	int saved = errno, before;

	if (is_usual(error))
		return false;
	/* The call below changes errno_before. */
	before = real.recvmsg == watched_recvmsg ? errno_before : saved;
	if (!is_refused(real.recvmsg(-1, &nothing, 0), saved))
		return false;
	errno = before;
	return true;
}

bool seccomp_refuses_sendmsg(int error)
{
	const struct msghdr nothing = { 0 };
	int saved = errno;

	return !is_usual(error) &&
	       is_refused(real.sendmsg(-1, &nothing, 0), saved);
}
