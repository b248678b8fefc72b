/* SPDX-License-Identifier: MIT */
/* Shows what `replyfrom check` found: lines, a table, or JSON. */
#ifndef REPLYFROM_REPORT_H
#define REPLYFROM_REPORT_H

#include "command/inspect.h"

struct report {
	struct inspected *list;
	size_t count;
	size_t wrong;	/* of these sockets */
	size_t unknown; /* sockets, processes, ...: not looked at */
	size_t room;
};

/* Adds a socket, unless it is there with this process's name.  */
void report_add(struct report *report, const struct inspected *one);

void report_lines(const struct report *report, bool wrong_only);

/* Sockets of a service that are alike are one row. */
void report_table(const struct report *report, bool wrong_only);

/* One object; `status` is the exit status. */
void report_json(const struct report *report, bool wrong_only, int status);

#endif
