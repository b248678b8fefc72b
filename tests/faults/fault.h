/* SPDX-License-Identifier: MIT */
/* What the library of faults and the program that has them agree on. */
#ifndef REPLYFROM_TESTS_FAULT_H
#define REPLYFROM_TESTS_FAULT_H

#include <stdbool.h>
#include <stdint.h>

enum { MOST_FAULT_CALLS = 16384 };

/* One call of libc, by the program or by the shim. */
struct fault_call {
	const char *name;
	unsigned int step;
	bool is_own; /* the shim's own: not the program's, passed on */
	uintptr_t caller;
};

/* The program shares it with libfault.so, where it finds `fault_state`. */
struct fault_state {
	bool is_on; /* a step is under way: calls are counted, and fail */
	/* The program's call of this step. */
	const char *name;
	const void *mark; /* one of its pointers, or NULL */
	int fd;		  /* or -1 */
	unsigned int step;
	/* Which call fails, from 1 on; 0: none. */
	unsigned int at;
	int error;
	bool is_lasting; /* and all by that name from there on */
	const char *lasting;
	bool is_lasting_own; /* as that call: those of the shim, or none */
	unsigned int count;
	struct fault_call calls[MOST_FAULT_CALLS];
};

#endif
