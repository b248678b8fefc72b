/* SPDX-License-Identifier: MIT */
/* What `replyfrom doctor` looks at: a unit, processes, or both. */
#ifndef REPLYFROM_SUBJECT_H
#define REPLYFROM_SUBJECT_H

#include "command/report.h"
#include "command/target.h"
#include "command/unit.h"

struct subject {
	const char *word;
	struct unit unit;
	bool has_unit;
	struct target target;
	struct process process; /* the first one */
	char missing[PATH_MAX]; /* a library that its LD_PRELOAD names, or "" */
	struct report report;	/* their sockets */
	int *outcomes;		/* of inspecting each process */
	const char *restart;	/* a command line */
};

/*
 * Finds a library in a list of LD_PRELOAD or ld.so.preload, or NULL, that does
 * not exist.  ld.so(8).  In a child, as it may be on any file system.
 */
bool subject_names_missing(const char *list, char *missing);

/*
 * Finds what a word means, a PID, a unit or a name, and looks at it.  False:
 * there is none.
 */
bool subject_find(const char *word, struct subject *subject);

void subject_free(struct subject *subject);

#endif
