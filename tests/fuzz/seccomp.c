/* SPDX-License-Identifier: MIT */
/*
 * What is read from a filter against a run of it, as the kernel does it, for
 * many calls that differ in their arguments: when it kills for one, it may
 * kill. The other way round that holds where it decides by the call's number
 * alone.
 */
#include "base/seccomp.h"
#include "base/real.h"
#include "fuzz.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>

#ifdef __x86_64__
#define MACHINE AUDIT_ARCH_X86_64
#else
#define MACHINE AUDIT_ARCH_AARCH64
#endif

enum { MOST_CODE = 64, CALLS = 64, WORDS = sizeof(struct seccomp_data) / 4 };

static struct sock_filter code[MOST_CODE];
static size_t length;

/* What there is in seccomp(2): seccomp_check_filter(). */
static const uint16_t operations[] = {
	BPF_LD | BPF_W | BPF_ABS,
	BPF_LD | BPF_W | BPF_LEN,
	BPF_LD | BPF_IMM,
	BPF_LD | BPF_MEM,
	BPF_LDX | BPF_W | BPF_LEN,
	BPF_LDX | BPF_IMM,
	BPF_LDX | BPF_MEM,
	BPF_ST,
	BPF_STX,
	BPF_MISC | BPF_TAX,
	BPF_MISC | BPF_TXA,
	BPF_RET | BPF_K,
	BPF_RET | BPF_A,
	BPF_ALU | BPF_NEG,
	BPF_ALU | BPF_ADD, /* BPF_K is 0, as that is */
	BPF_ALU | BPF_ADD | BPF_X,
	BPF_ALU | BPF_SUB | BPF_K,
	BPF_ALU | BPF_SUB | BPF_X,
	BPF_ALU | BPF_MUL | BPF_K,
	BPF_ALU | BPF_MUL | BPF_X,
	BPF_ALU | BPF_DIV | BPF_K,
	BPF_ALU | BPF_DIV | BPF_X,
	BPF_ALU | BPF_AND | BPF_K,
	BPF_ALU | BPF_AND | BPF_X,
	BPF_ALU | BPF_OR | BPF_K,
	BPF_ALU | BPF_OR | BPF_X,
	BPF_ALU | BPF_XOR | BPF_K,
	BPF_ALU | BPF_XOR | BPF_X,
	BPF_ALU | BPF_LSH | BPF_K,
	BPF_ALU | BPF_LSH | BPF_X,
	BPF_ALU | BPF_RSH | BPF_K,
	BPF_ALU | BPF_RSH | BPF_X,
	BPF_JMP | BPF_JA,
	BPF_JMP | BPF_JEQ | BPF_K,
	BPF_JMP | BPF_JEQ | BPF_X,
	BPF_JMP | BPF_JGT | BPF_K,
	BPF_JMP | BPF_JGT | BPF_X,
	BPF_JMP | BPF_JGE | BPF_K,
	BPF_JMP | BPF_JGE | BPF_X,
	BPF_JMP | BPF_JSET | BPF_K,
	BPF_JMP | BPF_JSET | BPF_X,
};

static const uint32_t actions[] = {
	SECCOMP_RET_ALLOW,
	SECCOMP_RET_KILL_PROCESS,
	SECCOMP_RET_KILL_THREAD,
	SECCOMP_RET_TRAP,
	SECCOMP_RET_ERRNO | 1,
	SECCOMP_RET_TRACE,
	SECCOMP_RET_LOG,
	SECCOMP_RET_USER_NOTIF,
	SECCOMP_RET_KILL_THREAD | 1,
	0x12340000,
};

static const uint32_t numbers[] = { SYS_recvmsg,     SYS_sendmsg,
				    MACHINE,	     SYS_recvmsg - 1,
				    SYS_sendmsg + 1, SECCOMP_RET_ALLOW };

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static bool is_alu(uint16_t operation, uint16_t which)
{
	return BPF_CLASS(operation) == BPF_ALU && BPF_OP(operation) == which;
}

/* A number that this instruction may have. */
static uint32_t draw_k(struct tape *tape, uint16_t operation)
{
	const uint32_t byte = tape_byte(tape);
	uint32_t k = byte;

	if (operation == (BPF_LD | BPF_W | BPF_ABS))
		return byte % WORDS * 4;
	if (BPF_CLASS(operation) == BPF_ST || BPF_CLASS(operation) == BPF_STX ||
	    BPF_MODE(operation) == BPF_MEM)
		return byte % BPF_MEMWORDS;
	if (BPF_CLASS(operation) == BPF_RET)
		return actions[byte % COUNT(actions)];
	if (is_alu(operation, BPF_LSH) || is_alu(operation, BPF_RSH))
		return byte % 32;
	if (byte >= 128)
		k = numbers[byte % COUNT(numbers)];
	return is_alu(operation, BPF_DIV) && !k ? 1 : k;
}

/* One that the kernel installs: jumps stay inside, and the last one returns. */
static void draw_filter(struct tape *tape)
{
	length = 0;
	while (tape->at < tape->end && length < MOST_CODE - 1) {
		const uint16_t operation =
			operations[tape_byte(tape) % COUNT(operations)];

		code[length++] = (struct sock_filter){
			.code = operation,
			.jt = tape_byte(tape),
			.jf = tape_byte(tape),
			.k = draw_k(tape, operation),
		};
	}
	code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_A, 0);
	for (size_t at = 0; at < length; at++) {
		const size_t rest = length - at - 1;

		if (BPF_CLASS(code[at].code) != BPF_JMP)
			continue;
		code[at].jt = (uint8_t)(code[at].jt % rest);
		code[at].jf = (uint8_t)(code[at].jf % rest);
		if (BPF_OP(code[at].code) == BPF_JA)
			code[at].k %= (uint32_t)rest;
	}
}

/* Whatever there is in the tape. */
static void take_filter(struct tape *tape)
{
	length = (size_t)(tape->end - tape->at) / sizeof(*code);
	if (length > MOST_CODE)
		length = MOST_CODE;
	memcpy(code, tape->at, length * sizeof(*code));
}

static uint32_t compute(uint16_t operation, uint32_t a, uint32_t b)
{
	switch (BPF_OP(operation)) {
	case BPF_ADD:
		return a + b;
	case BPF_SUB:
		return a - b;
	case BPF_MUL:
		return a * b;
	case BPF_DIV:
		return a / b;
	case BPF_AND:
		return a & b;
	case BPF_OR:
		return a | b;
	case BPF_XOR:
		return a ^ b;
	case BPF_LSH:
		return a << (b & 31);
	case BPF_RSH:
		return a >> (b & 31);
	default:
		return -a;
	}
}

static bool is_met(uint16_t operation, uint32_t a, uint32_t b)
{
	switch (BPF_OP(operation)) {
	case BPF_JEQ:
		return a == b;
	case BPF_JGT:
		return a > b;
	case BPF_JGE:
		return a >= b;
	default:
		return a & b;
	}
}

/* What the filter answers for a call of these words. */
static uint32_t run(const uint32_t data[WORDS])
{
	uint32_t a = 0, x = 0, memory[BPF_MEMWORDS] = { 0 };

	for (size_t at = 0;; at++) {
		const struct sock_filter *c = &code[at];
		const uint32_t b = BPF_SRC(c->code) == BPF_X ? x : c->k;

		assert(at < length);
		switch (BPF_CLASS(c->code)) {
		case BPF_LD:
			a = BPF_MODE(c->code) == BPF_ABS   ? data[c->k / 4]
			    : BPF_MODE(c->code) == BPF_LEN ? WORDS * 4
			    : BPF_MODE(c->code) == BPF_MEM ? memory[c->k]
							   : c->k;
			break;
		case BPF_LDX:
			x = BPF_MODE(c->code) == BPF_LEN   ? WORDS * 4
			    : BPF_MODE(c->code) == BPF_MEM ? memory[c->k]
							   : c->k;
			break;
		case BPF_ST:
			memory[c->k] = a;
			break;
		case BPF_STX:
			memory[c->k] = x;
			break;
		case BPF_MISC:
			if (BPF_MISCOP(c->code) == BPF_TAX)
				x = a;
			else
				a = x;
			break;
		case BPF_RET:
			return BPF_RVAL(c->code) == BPF_A ? a : c->k;
		case BPF_ALU:
			/* That ends the program, as a return of 0. */
			if (is_alu(c->code, BPF_DIV) && !b)
				return 0;
			a = compute(c->code, a, b);
			break;
		default:
			if (BPF_OP(c->code) == BPF_JA)
				at += c->k;
			else
				at += is_met(c->code, a, b) ? c->jt : c->jf;
		}
	}
}

static bool is_deadly(uint32_t action)
{
	switch (action & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
	case SECCOMP_RET_ERRNO:
	case SECCOMP_RET_TRACE:
	case SECCOMP_RET_LOG:
	case SECCOMP_RET_USER_NOTIF:
		return false;
	default:
		return true;
	}
}

/* Whether it goes by the call's number alone, and only by comparisons. */
static bool is_by_number(void)
{
	for (size_t at = 0; at < length; at++) {
		const uint16_t c = code[at].code;
		const bool is_known_load =
			BPF_MODE(c) == BPF_IMM ||
			(BPF_MODE(c) == BPF_ABS && code[at].k <= 4);

		if (BPF_CLASS(c) == BPF_ALU ||
		    (BPF_CLASS(c) == BPF_JMP && BPF_SRC(c) == BPF_X) ||
		    (BPF_CLASS(c) == BPF_MISC && BPF_MISCOP(c) == BPF_TXA) ||
		    (BPF_CLASS(c) == BPF_LD && !is_known_load))
			return false;
	}
	return true;
}

/* The nth call: its words are what the filter compares with, or about that. */
static uint32_t word_of(size_t n, size_t word)
{
	const size_t drawn = n * 2654435761U + word * n * 40503U;
	const uint32_t k = code[drawn / 8 % length].k;

	switch (n ? drawn % 8 : 0) {
	case 0:
		return 0;
	case 1:
		return UINT32_MAX;
	case 2:
		return k - 1;
	case 3:
		return k + 1;
	default:
		return k;
	}
}

static bool kills_for_one(uint32_t number)
{
	uint32_t data[WORDS] = { number, MACHINE };
	bool kills = false;

	for (size_t n = 0; n < CALLS && !kills; n++) {
		for (size_t word = 2; word < WORDS; word++)
			data[word] = word_of(n, word);
		kills = is_deadly(run(data));
	}
	return kills;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static const uint32_t ours[] = { SYS_recvmsg, SYS_sendmsg };
	struct tape tape = { data, data + bytes };
	const bool is_odd = tape_byte(&tape) % 8 == 7;
	struct sock_fprog filter = { .filter = code };

	(is_odd ? take_filter : draw_filter)(&tape);
	filter.len = (unsigned short)length;
	for (size_t i = 0; i < COUNT(ours); i++) {
		const bool may_kill = seccomp_kills(&filter, ours[i]);

		if (is_odd)
			continue;
		if (kills_for_one(ours[i]))
			assert(may_kill);
		else if (is_by_number())
			assert(!may_kill);
	}
	return 0;
}
