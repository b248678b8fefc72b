/* SPDX-License-Identifier: MIT */
/* Which units, cgroups and processes the engine serves. */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "kernel/loader.h"

#include <ftw.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

static bool is_number(const char *word)
{
	return *word && word[strspn(word, "0123456789")] == '\0';
}

/* The cgroup of a process in the unified hierarchy, below /sys/fs/cgroup. */
static int cgroup_of(const char *pid, char *path, size_t bytes)
{
	char name[64];
	char line[PATH_MAX];
	FILE *file;
	int found = -1;

	(void)snprintf(name, sizeof(name), "/proc/%s/cgroup", pid);
	file = fopen(name, "re");
	if (!file)
		return fail("no process %s", pid);
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, "0::", 3)) {
			line[strcspn(line, "\n")] = '\0';
			found = snprintf(path, bytes, CGROUPS "%s", line + 3);
		}
	(void)fclose(file);
	if (found < 0)
		return fail("process %s is in no cgroup v2; check: cat %s", pid,
			    name);
	if (found == sizeof(CGROUPS))
		return fail(
			"process %s is in no unit but in the cgroup of the "
			"whole host; to serve that: replyfrom attach " CGROUPS,
			pid);
	return 0;
}

bool is_cgroup_v2(const char *path)
{
	struct statfs system;

	return !statfs(path, &system) && system.f_type == CGROUP2_SUPER_MAGIC;
}

/* A path, or one below the mount as /proc/PID/cgroup has it. */
static void path_of_cgroup(const char *word, char *path, size_t bytes)
{
	const size_t mount = strlen(CGROUPS);
	const bool is_whole = !strncmp(word, CGROUPS, mount) &&
			      (word[mount] == '/' || !word[mount]);

	(void)snprintf(path, bytes, "%s%s%s", is_whole ? "" : CGROUPS,
		       *word == '/' ? "" : "/", word);
}

static int scope_of_cgroup(const char *path, struct scope *scope)
{
	struct stat status;

	if (stat(path, &status) || !S_ISDIR(status.st_mode))
		return fail("no cgroup %s; check: ls -d %s", path, path);
	if (!is_cgroup_v2(path))
		return fail("%s is in no cgroup v2; check: stat -fc %%T %s",
			    path, path);
	/* A cgroup's id is its directory's inode number.  cgroups(7). */
	scope->id = status.st_ino;
	return 0;
}

int scope_of(const char *word, struct scope *scope)
{
	char path[PATH_MAX];
	int length;

	memset(scope, 0, sizeof(*scope));
	if (is_number(word))
		return cgroup_of(word, path, sizeof(path)) ||
		       scope_of_cgroup(path, scope);
	if (strchr(word, '/')) {
		path_of_cgroup(word, path, sizeof(path));
		return scope_of_cgroup(path, scope);
	}
	length = snprintf(scope->name, sizeof(scope->name), "%s%s", word,
			  strchr(word, '.') ? "" : ".service");
	if (length >= (int)sizeof(scope->name))
		return fail("the unit's name is too long: %s", word);
	return 0;
}

/* The unit's name, for is_cgroup_of_unit(). */
static const char *wanted;

/* nftw(3) ends where this is not 0. */
static int is_cgroup_of_unit(const char *path, const struct stat *status,
			     int kind, struct FTW *at)
{
	(void)status;
	return kind == FTW_D && !strcmp(path + at->base, wanted);
}

bool scope_is_there(const struct scope *scope)
{
	const int most_open = 16;

	wanted = scope->name;
	return !*wanted ||
	       nftw(CGROUPS, is_cgroup_of_unit, most_open, FTW_PHYS) == 1;
}
// NOLINTEND(concurrency-mt-unsafe)
