/* SPDX-License-Identifier: MIT */
/* Finds the library for the `replyfrom` command, and says what is wrong. */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "command/command.h"

#include "command/print.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __GLIBC__
#define IS_GLIBC true
#else
#define IS_GLIBC false
#endif

#ifndef LIBDIR
#define LIBDIR "/usr/local/lib"
#endif

/* Puts the library in that directory into `path`; false: it is not there. */
static bool is_in(const char *directory, const char *below, char *path)
{
	return snprintf(path, PATH_MAX, "%s%s/%s", directory, below,
			COMMAND_LIBRARY) < PATH_MAX &&
	       !access(path, R_OK);
}

bool command_self(char *path)
{
	const ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);

	if (n <= 0)
		return false;
	path[n] = '\0';
	return true;
}

int command_check_proc(void)
{
	char path[PATH_MAX];

	return command_self(path)
		       ? GO_ON
		       : command_fail(EXIT_INCOMPLETE, "/proc",
				      "not mounted: processes cannot be "
				      "looked at");
}

const char *command_engine(void)
{
	static const char name[] = "replyfrom-kernel";
	static char path[PATH_MAX + sizeof(name)];

	if (!command_self(path))
		return NULL;
	memcpy(strrchr(path, '/') + 1, name, sizeof(name));
	return path;
}

const char *command_library(void)
{
	static const char *const below[] = { "/lib", "/lib64" };
	static char path[PATH_MAX];
	char directory[PATH_MAX];
	char *slash;

	if (!command_self(directory))
		return LIBDIR "/" COMMAND_LIBRARY;
	slash = strrchr(directory, '/');
	*slash = '\0';
	if (is_in(directory, "", path))
		return path;
	slash = strrchr(directory, '/');
	if (slash)
		*slash = '\0';
	for (size_t i = 0; slash && i < sizeof(below) / sizeof(*below); i++)
		if (is_in(directory, below[i], path))
			return path;
	return LIBDIR "/" COMMAND_LIBRARY;
}

/* In the child: what the loader says goes into the pipe. */
static void try_to_load(const char *library, int out)
{
	const char *why;

	/* The library reports bad variables there, once it is used. */
	if (!freopen("/dev/null", "w", stderr))
		_exit(EXIT_SUCCESS);
	/*
	 * A static command is not of the loader's libc, and musl loads no
	 * library with such thread-local variables once a program runs.
	 */
	if (!IS_GLIBC || !getauxval(AT_BASE))
		_exit(EXIT_SUCCESS);
	why = dlopen(library, RTLD_NOW | RTLD_LOCAL) ? NULL : dlerror();
	if (why)
		(void)!write(out, why, strlen(why));
	_exit(why ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* What the loader says; NULL: it can load the library. */
static const char *loader_problem(const char *library)
{
	static char why[512];
	int ends[2], status = 0;
	ssize_t n;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC))
		return NULL;
	/* A child, for a library of another libc may end the process. */
	child = fork();
	if (!child)
		try_to_load(library, ends[1]);
	(void)close(ends[1]);
	n = read(ends[0], why, sizeof(why) - 1);
	(void)close(ends[0]);
	if (child < 0 || waitpid(child, &status, 0) != child || !status)
		return NULL;
	if (n <= 0)
		return "the loader cannot load it";
	why[n] = '\0';
	return why;
}

const char *command_library_problem(const char *library)
{
	if (library[strcspn(library, ": ")])
		return "LD_PRELOAD takes no path with a colon or space";
	if (access(library, R_OK))
		return strerror(errno);
	return loader_problem(library);
}

/* The directory of libc, as in "lib/x86_64-linux-gnu"; "lib" if unknown. */
static const char *find_lib(void)
{
	static char lib[PATH_MAX] = "lib";
	Dl_info libc;

	if (dladdr(dlsym(RTLD_DEFAULT, "getenv"), &libc) &&
	    *libc.dli_fname == '/') {
		const size_t root =
			!strncmp(libc.dli_fname, "/usr/", 5) ? 5 : 1;
		char *end;

		(void)snprintf(lib, sizeof(lib), "%s", libc.dli_fname + root);
		end = strrchr(lib, '/');
		if (end)
			*end = '\0';
	}
	return lib;
}

/*
 * Whether it is there, with one of the usual values of "$LIB" (ld.so(8)).  To
 * ask the loader would run what a unit's file names.
 */
static bool can_be_preloaded(const char *entry)
{
	const char *const libs[] = { find_lib(), "lib", "lib64" };
	const char *at = strchr(entry, '$');
	const bool has_braces = at && at[1] == '{';
	const char *const word = has_braces ? "${LIB}" : "$LIB";
	char path[2 * PATH_MAX];

	if (!at)
		return !access(entry, R_OK);
	if (strncmp(at, word, strlen(word)) != 0)
		return false;
	for (size_t i = 0; i < sizeof(libs) / sizeof(*libs); i++) {
		(void)snprintf(path, sizeof(path), "%.*s%s%s",
			       (int)(at - entry), entry, libs[i],
			       at + strlen(word));
		if (!access(path, R_OK))
			return true;
	}
	return false;
}

/*
 * By its name, where it is there; or the same file by another one.  Without a
 * slash the loader takes it for the one that comes before it, if any.
 */
static bool is_library(const char *entry, const char *library)
{
	const char *slash = strrchr(entry, '/');
	struct stat theirs, ours;

	if (slash &&
	    !strncmp(slash + 1, COMMAND_LIBRARY, sizeof(COMMAND_LIBRARY) - 1))
		return can_be_preloaded(entry);
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
	print_failure("%s: %s", *what ? what : "''", why);
	return status;
}

int command_fail_with(int status, const char *what, const char *format, ...)
{
	char why[512];
	va_list list;

	va_start(list, format);
	(void)vsnprintf(why, sizeof(why), format, list);
	va_end(list);
	return command_fail(status, what, why);
}

int command_fail_errno(int status, const char *what)
{
	return command_fail(status, what, strerror(errno));
}

/* The option that getopt_long(3) stopped at, without its value. */
static const char *option_word(char **argv, bool is_long)
{
	static char word[64];
	const char *text = argv[optind - 1];

	/* Of short ones several may be in one word. */
	if (is_long)
		(void)snprintf(word, sizeof(word), "%.*s",
			       (int)strcspn(text, "="), text);
	else
		(void)snprintf(word, sizeof(word), "-%c", optopt);
	return word;
}

int command_option(int argc, char **argv, const char *short_options,
		   const struct option *long_options)
{
	int option;

	opterr = 0;
	option = getopt_long(argc, argv, short_options, long_options, NULL);
	if (option == ':')
		(void)command_fail(
			EXIT_USAGE,
			option_word(argv, !strncmp(argv[optind - 1], "--", 2)),
			"missing value");
	else if (option == '?' && (optopt > UCHAR_MAX ||
				   (optopt && strchr(short_options, optopt))))
		(void)command_fail(EXIT_USAGE, option_word(argv, true),
				   "takes no value");
	else if (option == '?')
		(void)command_fail(EXIT_USAGE, option_word(argv, !optopt),
				   "unknown option (see --help)");
	return option == ':' ? '?' : option;
}

int command_color(const char *when)
{
	const char *word = when ? when : "always";

	if (print_set_color(word))
		return GO_ON;
	return command_fail(EXIT_USAGE, word, "not one of auto, always, never");
}

int command_finish(int status)
{
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	return command_fail_errno(EXIT_INCOMPLETE, "standard output");
}
// NOLINTEND(concurrency-mt-unsafe)
