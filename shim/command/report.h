/* SPDX-License-Identifier: MIT */
/* Shows what `replyfrom check` found: lines, a table, or JSON. */
#ifndef REPLYFROM_REPORT_H
#define REPLYFROM_REPORT_H

#include "command/inspect.h"

/* Of one process each; others decide how many there are. */
enum { REPORT_MOST_SOCKETS = 1 << 16 };

struct report {
	struct inspected *list;
	size_t count;
	size_t wrong;	    /* of these sockets */
	size_t unknown;	    /* sockets, processes, ...: not looked at */
	size_t more;	    /* of those: sockets beyond REPORT_MOST_SOCKETS */
	const char *reason; /* what there is to say of a command, or NULL */
	size_t room;
};

void report_add(struct report *report, const struct inspected *one);

/*
 * Leaves the first entry of each socket and process name, in their order, as
 * workers share sockets.
 */
void report_merge(struct report *report);

/*
 * The inodes of its sockets, each once and in order, of those that `is_wanted`
 * says or, where that is NULL, of all; the caller frees them.  NULL: none, or
 * no memory.
 */
unsigned long *report_inodes(const struct report *report,
			     bool (*is_wanted)(const struct inspected *),
			     size_t *count);

/* How many such sockets there are. */
size_t report_count(const struct report *report,
		    bool (*is_wanted)(const struct inspected *));

/* Whether this inode is in such a list. */
bool report_has_inode(const unsigned long *inodes, size_t count,
		      unsigned long inode);

void report_lines(const struct report *report, bool wrong_only);

/* Sockets of a service that are alike are one row. */
void report_table(const struct report *report, bool wrong_only);

/* One object; `status` is the exit status. */
void report_json(const struct report *report, bool wrong_only, int status);

#endif
