/* SPDX-License-Identifier: MIT */
/* Looks at the wildcard sockets of one process, in a child. */
#ifndef REPLYFROM_INSPECT_H
#define REPLYFROM_INSPECT_H

#include "command/network.h"
#include "command/process.h"

enum { INSPECT_WHY_BYTES = 640 };

enum answers {
	ANSWERS_RIGHT,	/* no address would be answered wrong */
	ANSWERS_ITSELF, /* the program handles this itself */
	ANSWERS_FIXED,	/* by the library */
	ANSWERS_WRONG,
	ANSWERS_UNKNOWN, /* it could not be looked at */
};

/* A socket, as one process has it.  Text of others: print_clean(). */
struct inspected {
	struct wildcard socket;
	pid_t pid; /* 0: no process that can be seen has it */
	char name[PROCESS_NAME_BYTES];
	char where[PROCESS_WHERE_BYTES + 16]; /* unit, container, or "" */
	bool loaded;
	bool outdated;
	bool attached; /* the engine in the kernel serves it */
	bool helps;    /* the library can help, or does */
	enum answers answers;
	char why[INSPECT_WHY_BYTES]; /* what there is to know of it, or "" */
	char wrong[NETWORK_WRONG_BYTES];
};

struct inspection {
	struct inspected *list;
	size_t count;
	char name[PROCESS_NAME_BYTES];
	enum {
		INSPECT_DONE,
		INSPECT_GONE,
		INSPECT_DENIED,
		INSPECT_LATE,
		INSPECT_NO_NETWORK,
		INSPECT_SKIPPED
	} outcome;
};

/* What each outcome but INSPECT_DONE means. */
extern const char *const inspect_outcomes[];

/* The caller frees the list. */
struct inspection inspect(pid_t pid);

#endif
