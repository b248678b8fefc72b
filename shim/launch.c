/* SPDX-License-Identifier: MIT */
/* The `replyfrom` command: runs another command with the library preloaded. */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VERSION "0.1.0"
#define LIBRARY "libreplyfrom.so"

#ifndef LIBDIR
#define LIBDIR "/usr/local/lib"
#endif

/* As the shell has it: sh(1), "Exit status for commands". */
enum { EXIT_USAGE = 2, EXIT_NOT_RUN = 126, EXIT_NOT_FOUND = 127 };

static const char usage[] =
	"usage: replyfrom COMMAND [ARGUMENT...]\n"
	"Runs COMMAND so that its UDP answers leave from the address asked.\n"
	"\n"
	"  --help     this text\n"
	"  --version  the version\n";

/* The library beside this program, as in the build tree, or the installed. */
static const char *library(void)
{
	static char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n > 0) {
		char *slash;

		path[n] = '\0';
		slash = strrchr(path, '/');
		if (slash && (size_t)(slash + 1 - path) + sizeof(LIBRARY) <=
				     sizeof(path)) {
			memcpy(slash + 1, LIBRARY, sizeof(LIBRARY));
			if (!access(path, R_OK))
				return path;
		}
	}
	return LIBDIR "/" LIBRARY;
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

static int preload(const char *path)
{
	const char *before = getenv("LD_PRELOAD");
	char *list;

	if (!before || !*before)
		return setenv("LD_PRELOAD", path, 1);
	if (has_entry(before, path))
		return 0;
	if (asprintf(&list, "%s:%s", path, before) < 0)
		return -1;
	return setenv("LD_PRELOAD", list, 1);
}

/* Says in one line what is wrong with what. */
static int fail(int status, const char *what, const char *why)
{
	(void)fprintf(stderr, "replyfrom: %s: %s\n", what, why);
	return status;
}

static int fail_errno(int status, const char *what)
{
	return fail(status, what, strerror(errno));
}

static int print(const char *text)
{
	if (fputs(text, stdout) >= 0 && !fflush(stdout))
		return EXIT_SUCCESS;
	return fail_errno(EXIT_FAILURE, "standard output");
}

int main(int argc, char **argv)
{
	const char *path = library();

	if (argc < 2) {
		(void)fputs(usage, stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help"))
		return print(usage);
	if (!strcmp(argv[1], "--version"))
		return print("replyfrom " VERSION "\n");
	if (argv[1][0] == '-')
		return fail(EXIT_USAGE, argv[1],
			    "unknown option; there are --help and --version");
	if (path[strcspn(path, ": ")])
		return fail(EXIT_NOT_RUN, path,
			    "LD_PRELOAD takes no path with a colon or space");
	if (access(path, R_OK))
		return fail_errno(EXIT_NOT_RUN, path);
	if (preload(path))
		return fail_errno(EXIT_NOT_RUN, "LD_PRELOAD");
	execvp(argv[1], argv + 1);
	return fail_errno(errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUN,
			  argv[1]);
}
// NOLINTEND(concurrency-mt-unsafe)
