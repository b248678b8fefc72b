/* SPDX-License-Identifier: MIT */
/* Says whether the library can help a program that is started with it. */
#ifndef REPLYFROM_JUDGE_H
#define REPLYFROM_JUDGE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

enum { VERDICT_BYTES = PATH_MAX + 256 };

struct verdict {
	bool helps;
	char text[VERDICT_BYTES]; /* why not; or what to know, or "" */
};

/* Who starts the program, and where. */
struct starter {
	uid_t uid;
	gid_t gid;
	pid_t root_of; /* whose root directory it is; 0: ours */
};

/* Judges the program at this path.  False, and errno: it cannot be read. */
bool judge(const char *path, const struct starter *starter,
	   struct verdict *verdict);

/* False, and the verdict says so: the library needs a newer one than `libc`. */
bool judge_libc(const char *libc, struct verdict *verdict);

/* Where execvp(3) finds it: `path` has PATH_MAX bytes.  False: nowhere. */
bool judge_find(const char *command, char *path);

/* As judge_find(), but the file need not be executable. */
bool judge_find_file(const char *command, char *path);

/* Why judge_find() does not find it. */
const char *judge_not_found(const char *command);

#endif
