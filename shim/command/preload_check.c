/* SPDX-License-Identifier: MIT */
/* Finds what keeps the library out of a program, or its calls from it. */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "command/preload_check.h"

#include "command/command.h"
#include "command/libc_version.h"
#include "command/order.h"
#include "command/path_search.h"
#include "command/program.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

/* What helps such programs, too. */
#define ATTACH_CAN "; `replyfrom attach` can help"

/* Of scripts that run scripts: execve(2). */
enum { MOST_SCRIPTS = 5 };

__attribute__((format(printf, 3, 4))) static void
say(struct preload_check *check, bool helps, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	(void)vsnprintf(check->text, sizeof(check->text), format, list);
	va_end(list);
	check->helps = helps;
}

/* env(1): behind its options, and what they take, and variables. */
static char *command_of_env(char *rest)
{
	char *word = rest;

	while (rest) {
		word = strsep(&rest, " \t");
		if (!strcmp(word, "-u") || !strcmp(word, "-C"))
			(void)strsep(&rest, " \t");
		/* The command may follow in the same word. */
		if (!strncmp(word, "-S", 2))
			word += 2;
		else if (!strncmp(word, "--split-string=", 15))
			word += 15;
		if (*word && *word != '-' && !strchr(word, '='))
			break;
	}
	return word;
}

/* What a script's first line runs: for `env` that is what it is told to. */
static bool find_interpreter(char *line, char *path)
{
	char *rest = line;
	char *word = strsep(&rest, " \t");
	const char *base = strrchr(word, '/');

	if (base && !strcmp(base, "/env") && rest)
		word = command_of_env(rest);
	return path_search(word, path);
}

/* As the service's user, in its root directory: errno of access(2), or 0. */
static int access_as(const char *path, int mode, const struct starter *starter)
{
	const struct passwd *user = getpwuid(starter->uid);
	char root[64];
	int status;
	pid_t child;

	if (geteuid() != 0)
		return starter->root_of || starter->uid != geteuid() ||
				       !access(path, mode)
			       ? 0
			       : errno;
	(void)snprintf(root, sizeof(root), "/proc/%d/root",
		       (int)starter->root_of);
	child = fork();
	if (child == 0) {
		/* Where this is stuck, whoever waits is killed at last. */
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if ((user ? initgroups(user->pw_name, starter->gid)
			  : setgroups(0, NULL)) ||
		    (starter->root_of && (chroot(root) || chdir("/"))) ||
		    setgid(starter->gid) || setuid(starter->uid))
			_exit(0); /* it cannot be tried */
		/* New credentials have cleared it.  prctl(2). */
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(access(path, mode) ? errno : 0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child ||
	    !WIFEXITED(status))
		return 0;
	return WEXITSTATUS(status);
}

/* ld.so(8), "Secure-execution mode". */
static const char *privilege(int fd, const struct stat *file,
			     const struct starter *starter)
{
	struct statvfs system;

	if (!fstatvfs(fd, &system) && system.f_flag & ST_NOSUID)
		return NULL;
	if (file->st_mode & S_ISUID && file->st_uid != starter->uid)
		return "setuid";
	if (file->st_mode & S_ISGID && file->st_mode & S_IXGRP &&
	    file->st_gid != starter->gid)
		return "setgid";
	if (starter->uid && fgetxattr(fd, "security.capability", NULL, 0) > 0)
		return "given file capabilities";
	return NULL;
}

static bool same_machine(const struct program *a, const struct program *b)
{
	return a->machine == b->machine && a->big_endian == b->big_endian;
}

static bool asan_may_come_second(void)
{
	const char *options = getenv("ASAN_OPTIONS");

	return options && strstr(options, "verify_asan_link_order=0");
}

/* Whether the loader takes the library; false: `check` says why not. */
static bool can_be_loaded(const struct program *program,
			  const struct program *library,
			  struct preload_check *check)
{
	const bool musl = strstr(program->interpreter, "ld-musl");

	/* A processor's other width has often a number of its own. */
	if (program->wide != library->wide)
		say(check, false,
		    "a %d-bit program, and the library is a %d-bit one: build "
		    "one more for it, and name both as in libreplyfrom(7)",
		    program->wide ? 64 : 32, library->wide ? 64 : 32);
	else if (!same_machine(program, library))
		say(check, false,
		    "a program for another processor than the library");
	/* C in it may use libc: its own bind() shows that. */
	else if (program->go && !program->bind)
		say(check, false,
		    "a Go program: it makes its system calls "
		    "itself" ATTACH_CAN);
	else if (!*program->interpreter)
		say(check, false,
		    "a static program: there is no loader to preload "
		    "anything" ATTACH_CAN);
	else if (musl != library->musl)
		say(check, false,
		    "a program for %s, and the library was built for %s",
		    musl ? "musl" : "glibc", library->musl ? "musl" : "glibc");
	else if (program->asan && !asan_may_come_second())
		say(check, false,
		    "AddressSanitizer in it ends it where another library "
		    "comes first: set ASAN_OPTIONS=verify_asan_link_order=0");
	else if (!program->sockets)
		say(check, false,
		    "it has none of libc's socket functions: what it does with "
		    "UDP it does by system calls of its own" ATTACH_CAN);
	else
		return true;
	return false;
}

bool preload_check_libc(const char *libc, struct preload_check *check)
{
	const unsigned int needed = libc_version_of(command_library());
	const unsigned int there = libc_version_of(libc);

	if (!there || there >= needed)
		return true;
	say(check, false,
	    "its libc is glibc 2.%u, and the library needs 2.%u or later",
	    there, needed);
	return false;
}

/* A program with a loader of its own has its libc beside it. */
static bool loader_libc_will_do(const struct program *program,
				struct preload_check *check)
{
	char loader[PATH_MAX], libc[PATH_MAX + 16];
	const char *end;

	if (!realpath(program->interpreter, loader))
		return true;
	end = strrchr(loader, '/');
	(void)snprintf(libc, sizeof(libc), "%.*s/libc.so.6",
		       (int)(end - loader), loader);
	return preload_check_libc(libc, check);
}

/* What there is to know of a program that can be helped. */
static void say_what_is_not(const struct program *program,
			    const struct starter *starter,
			    struct preload_check *check)
{
	const char *preload = starter->root_of ? NULL : getenv("LD_PRELOAD");
	char first[PATH_MAX];

	if (preload && order_find_first(preload, 0, first))
		say(check, true,
		    "if %s, before it in LD_PRELOAD, passes calls on; name "
		    "%s first",
		    first, COMMAND_LIBRARY);
	else if (program->uring)
		say(check, true,
		    "not what it receives by io_uring: that passes "
		    "by" ATTACH_CAN);
	else
		say(check, true, "%s", "");
}

static void check_elf(int fd, const struct program *program,
		      const struct stat *file, const struct starter *starter,
		      struct preload_check *check)
{
	const char *path = command_library();
	static struct program library;
	const char *why;
	int error, at = open(path, O_RDONLY | O_CLOEXEC);

	if (at < 0 || !program_read(at, &library)) {
		say(check, false, "the library %s: %s", path, strerror(errno));
		if (at >= 0)
			(void)close(at);
		return;
	}
	(void)close(at);
	if (library.kind != PROGRAM_ELF) {
		say(check, false, "%s is not a shared library", path);
		return;
	}
	if (path[strcspn(path, ": ")]) {
		say(check, false,
		    "the library %s: LD_PRELOAD takes no path with a colon or "
		    "space",
		    path);
		return;
	}
	if (!can_be_loaded(program, &library, check) ||
	    (!starter->root_of && !loader_libc_will_do(program, check)))
		return;
	why = privilege(fd, file, starter);
	if (why) {
		say(check, false,
		    "it is %s: the loader ignores LD_PRELOAD; without that, "
		    "systemd's AmbientCapabilities= can give what it "
		    "needs" ATTACH_CAN,
		    why);
		return;
	}
	error = access_as(path, R_OK, starter);
	if (error)
		say(check, false, "user %u cannot read %s: %s",
		    (unsigned int)starter->uid, path, strerror(error));
	else
		say_what_is_not(program, starter, check);
}

/* Answers an fd, or -1 and errno. */
static int open_program(const char *path, struct program *program)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int saved;

	if (fd < 0 || program_read(fd, program))
		return fd;
	saved = errno;
	(void)close(fd);
	errno = saved;
	return -1;
}

/* Puts what this script runs at last into `path`: an fd of it, or -1. */
static int open_interpreter(char *path, struct program *program,
			    struct preload_check *check)
{
	int fd = -1;

	for (int i = 0; program->kind == PROGRAM_SCRIPT; i++) {
		char first[PATH_MAX];

		if (fd >= 0)
			(void)close(fd);
		memcpy(first, program->interpreter, sizeof(first));
		first[strcspn(first, " \t")] = '\0';
		fd = i < MOST_SCRIPTS && find_interpreter(program->interpreter,
							  path)
			     ? open_program(path, program)
			     : -1;
		if (fd >= 0)
			continue;
		say(check, false, "a script for %s, which cannot be run",
		    first);
		return -1;
	}
	return fd;
}

/* False, and `check` says so. */
static bool may_execute(const char *path, const struct starter *starter,
			struct preload_check *check)
{
	const int error =
		!starter->is_named ? 0 : access_as(path, X_OK, starter);

	if (error)
		say(check, false, "user %u may not execute it: %s",
		    (unsigned int)starter->uid, strerror(error));
	return !error;
}

bool preload_check(const char *path, const struct starter *starter,
		   struct preload_check *check)
{
	char last[PATH_MAX] = "";
	struct program program;
	struct stat file;
	int fd = open_program(path, &program);

	if (fd < 0)
		return false;
	if (!may_execute(path, starter, check)) {
		(void)close(fd);
		return true;
	}
	if (program.kind == PROGRAM_SCRIPT) {
		(void)close(fd);
		fd = open_interpreter(last, &program, check);
		if (fd < 0)
			return true;
	}
	if (program.kind == PROGRAM_NONE || fstat(fd, &file))
		say(check, false, "not a program");
	else
		check_elf(fd, &program, &file, starter, check);
	if (*last && !check->helps) {
		char why[PRELOAD_CHECK_BYTES];

		memcpy(why, check->text, sizeof(why));
		say(check, false, "a script for %.*s: %.512s", PATH_MAX / 2,
		    last, why);
	}
	(void)close(fd);
	return true;
}
// NOLINTEND(concurrency-mt-unsafe)
