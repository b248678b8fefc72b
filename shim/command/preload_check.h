/* SPDX-License-Identifier: MIT */
/* Says whether the library can help a program that is started with it. */
#ifndef REPLYFROM_PRELOAD_CHECK_H
#define REPLYFROM_PRELOAD_CHECK_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

enum { PRELOAD_CHECK_BYTES = PATH_MAX + 256 };

struct preload_check {
	bool helps;
	char text[PRELOAD_CHECK_BYTES]; /* why not; or what to know, or "" */
};

/* The credentials and the root directory that the program is started with. */
struct starter {
	uid_t uid;
	gid_t gid;
	pid_t root_of; /* a process with that root; 0: this one */
	bool is_named; /* by --user: it starts the program itself */
};

/* Checks the program at this path.  False, and errno: it cannot be read. */
bool preload_check(const char *path, const struct starter *starter,
		   struct preload_check *check);

/* False, and `check` says so: the library needs a newer one than `libc`. */
bool preload_check_libc(const char *libc, struct preload_check *check);

#endif
