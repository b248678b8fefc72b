/* SPDX-License-Identifier: MIT */
/* Finds the library for the `replyfrom` command, and says what is wrong. */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "command/command.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef LIBDIR
#define LIBDIR "/usr/local/lib"
#endif

const char *command_library(void)
{
	static char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n > 0) {
		char *slash;

		path[n] = '\0';
		slash = strrchr(path, '/');
		if (slash &&
		    (size_t)(slash + 1 - path) + sizeof(COMMAND_LIBRARY) <=
			    sizeof(path)) {
			memcpy(slash + 1, COMMAND_LIBRARY,
			       sizeof(COMMAND_LIBRARY));
			if (!access(path, R_OK))
				return path;
		}
	}
	return LIBDIR "/" COMMAND_LIBRARY;
}

/*
 * By its name, where it can be there; or the same file by another one.  Without
 * a slash the loader takes it for the one that comes before it, if any.
 */
static bool is_library(const char *entry, const char *library)
{
	const char *slash = strrchr(entry, '/');
	struct stat theirs, ours;

	if (slash &&
	    !strncmp(slash + 1, COMMAND_LIBRARY, sizeof(COMMAND_LIBRARY) - 1))
		/* "$LIB" is for the loader to find. */
		return strchr(entry, '$') || !access(entry, R_OK);
	return !stat(entry, &theirs) && !stat(library, &ours) &&
	       theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
}

/* Whether the colon- or space-separated list has the library.  ld.so(8). */
static bool has_library(const char *list, const char *library)
{
	for (; *list; list += strspn(list, ": ")) {
		const size_t length = strcspn(list, ": ");
		char entry[PATH_MAX];

		if (length < sizeof(entry)) {
			memcpy(entry, list, length);
			entry[length] = '\0';
			if (is_library(entry, library))
				return true;
		}
		list += length;
	}
	return false;
}

const char *command_preload(const char *before, const char *library)
{
	char *list;

	if (!before || !*before)
		return library;
	if (has_library(before, library))
		return before;
	if (asprintf(&list, "%s:%s", library, before) < 0)
		return NULL;
	return list;
}

int command_fail(int status, const char *what, const char *why)
{
	(void)fprintf(stderr, "replyfrom: %s: %s\n", what, why);
	return status;
}

int command_fail_errno(int status, const char *what)
{
	return command_fail(status, what, strerror(errno));
}

int command_finish(int status)
{
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	return command_fail_errno(EXIT_FAILURE, "standard output");
}
// NOLINTEND(concurrency-mt-unsafe)
