/* SPDX-License-Identifier: MIT */
/* Finds the library for the `replyfrom` command, and says what is wrong. */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "command.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* Whether the colon- or space-separated list has this entry.  ld.so(8). */
static int has_entry(const char *list, const char *entry)
{
	size_t length = strlen(entry);

	for (; *list; list += strspn(list, ": ")) {
		if (strcspn(list, ": ") == length &&
		    !strncmp(list, entry, length))
			return 1;
		list += strcspn(list, ": ");
	}
	return 0;
}

const char *command_preload(const char *before, const char *library)
{
	char *list;

	if (!before || !*before)
		return library;
	if (has_entry(before, library))
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
