/* SPDX-License-Identifier: MIT */
/* Finds commands in PATH. */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "command/path_search.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_there(const char *path)
{
	return !access(path, F_OK);
}

static bool is_runnable(const char *path)
{
	struct stat file;

	return !stat(path, &file) && S_ISREG(file.st_mode) &&
	       !access(path, X_OK);
}

/* An empty entry of PATH is the working directory. */
static bool search(const char *command, bool (*fits)(const char *path),
		   char *path)
{
	const char *list = getenv("PATH");

	if (!*command)
		return false;
	if (strchr(command, '/')) {
		(void)snprintf(path, PATH_MAX, "%s", command);
		return fits(path);
	}
	for (list = list ? list : "/usr/bin:/bin";; list++) {
		const size_t bytes = strcspn(list, ":");

		(void)snprintf(path, PATH_MAX, "%.*s%s%s", (int)bytes, list,
			       bytes ? "/" : "", command);
		if (fits(path))
			return true;
		list += bytes;
		if (!*list)
			return false;
	}
}

bool path_search(const char *command, char *path)
{
	return search(command, is_runnable, path);
}

bool path_search_file(const char *command, char *path)
{
	return search(command, is_there, path);
}

const char *path_search_error(const char *command)
{
	char path[PATH_MAX];
	struct stat file;

	if (!path_search_file(command, path) || stat(path, &file))
		return "there is no such command";
	return S_ISDIR(file.st_mode) ? "is a directory" : "is not executable";
}
// NOLINTEND(concurrency-mt-unsafe)
