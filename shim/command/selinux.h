/* SPDX-License-Identifier: MIT */
/* What SELinux's policy does to a preloaded library.  selinux(8). */
#ifndef REPLYFROM_SELINUX_H
#define REPLYFROM_SELINUX_H

#include "command/process.h"

#include <stdbool.h>
#include <stddef.h>

enum selinux_mode { SELINUX_OFF, SELINUX_PERMISSIVE, SELINUX_ENFORCING };

enum selinux_mode selinux_mode(void);

/* The domain of a label, such as "named_t"; false: it is not SELinux's. */
bool selinux_domain(const char *label, char *domain, size_t room);

/* The whole labels of a process and of what started it. */
struct selinux_start {
	char from[PROCESS_LABEL_BYTES];
	char to[PROCESS_LABEL_BYTES];
};

/* How this process was started.  False: it has no label of SELinux's. */
bool selinux_start_of(const struct process *process,
		      struct selinux_start *start);

/*
 * How systemd would start the program, by the policy.  False: that cannot be
 * known.
 */
bool selinux_start_by_systemd(const char *program, struct selinux_start *start);

enum selinux_obstacle {
	SELINUX_NOTHING,
	SELINUX_TRANSITION, /* the loader ignores LD_PRELOAD: AT_SECURE */
	SELINUX_FILE,	    /* the domain may not map the library */
};

/*
 * What the policy puts in the library's way; nothing, where it cannot be asked.
 */
enum selinux_obstacle selinux_obstacle(const struct selinux_start *start,
				       const char *library);

enum { SELINUX_TEXT_BYTES = PATH_MAX * 3 };

/* What that obstacle means, as a clause; SELINUX_TEXT_BYTES each. */
void selinux_say_why(enum selinux_obstacle obstacle,
		     const struct selinux_start *start, const char *library,
		     char *text);

/* What to type against it. */
void selinux_say_next(enum selinux_obstacle obstacle,
		      const struct selinux_start *start, const char *library,
		      char *text);

#endif
