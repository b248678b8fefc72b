/* SPDX-License-Identifier: MIT */
/* Looks for a library before this one in LD_PRELOAD that may take its calls. */
#include "command/order.h"

#include "command/command.h"
#include "command/program.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What cannot be found, such as a name without a path, may have it as well. */
static bool names_bind(const char *path, pid_t root_of)
{
	char root[32] = "", there[PATH_MAX + 32];
	static struct program library;
	bool is_read;
	int fd;

	if (root_of)
		(void)snprintf(root, sizeof(root), "/proc/%d/root",
			       (int)root_of);
	(void)snprintf(there, sizeof(there), "%s%s", root, path);
	fd = open(there, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return true;
	is_read = program_read(fd, &library);
	(void)close(fd);
	return !is_read || library.bind;
}

static bool is_our_library(const char *path)
{
	const char *base = strrchr(path, '/');

	return !strncmp(base ? base + 1 : path, COMMAND_LIBRARY,
			sizeof(COMMAND_LIBRARY) - 1);
}

/* ld.so(8): they are separated by colons or spaces. */
bool order_find_first(const char *preload, pid_t root_of, char path[PATH_MAX])
{
	char found[PATH_MAX] = "";

	while (*(preload += strspn(preload, ": "))) {
		const size_t bytes = strcspn(preload, ": ");
		char each[PATH_MAX];

		(void)snprintf(each, sizeof(each), "%.*s", (int)bytes, preload);
		if (is_our_library(each)) {
			memcpy(path, found, sizeof(found));
			return *found;
		}
		if (!*found && names_bind(each, root_of))
			memcpy(found, each, sizeof(found));
		preload += bytes;
	}
	return false;
}
