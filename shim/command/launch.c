/* SPDX-License-Identifier: MIT */
/* The `replyfrom` command: runs another command with the library preloaded. */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "command/command.h"
#include "command/judge.h"
#include "common/variable.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* As the shell has it: sh(1), "Exit status for commands". */
enum { EXIT_NOT_RUN = 126, EXIT_NOT_FOUND = 127 };

struct subcommand {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *arguments;
	const char *help;
};

/* In the order of --help; more are declared in command.h. */
static const struct subcommand subcommands[] = {
	{ "ask", ask_main, "ADDRESS... PORT [PAYLOAD]",
	  "asks a server at each address, and says which one answered" },
	{ "check", check_main, "[--user USER] COMMAND | PID | --all",
	  "says whether it can help, and why not" },
	{ "status", status_main, "[--json] [--watch[=SECONDS]] [PID]",
	  "shows what the library does, in that process or in all" },
	{ "systemd", systemd_main, "UNIT",
	  "prints a drop-in by which a service is helped" },
	{ "attach", kernel_main, "UNIT | CGROUP | PID",
	  "has the kernel engine serve it, for what no preload reaches" },
	{ "detach", kernel_main, "[UNIT | CGROUP | PID]",
	  "ends that, or the whole engine" },
	{ NULL, NULL, NULL, NULL },
};

struct option {
	const char *name;
	int (*run)(void); /* its exit status; -1: go on */
	bool alone;	  /* nothing goes behind it */
	const char *help;
};

static int print_help(void);

static int print_version(void)
{
	(void)puts("replyfrom " VERSION);
	return command_finish(EXIT_SUCCESS);
}

/* Words as they fit into a line of 80. */
static void print_wrapped(const char *text)
{
	size_t column = 0;

	while (*text) {
		const size_t length = strcspn(text, " ");

		if (column + 1 + length > 76) {
			(void)putchar('\n');
			column = 0;
		}
		(void)printf("%s%.*s", column ? " " : "    ", (int)length,
			     text);
		column += 1 + length;
		text += length + strspn(text + length, " ");
	}
	(void)puts("\n");
}

static int print_variables(void)
{
	for (const struct variable *v = variables; v->name; v++) {
		(void)printf("%s=%s\n    %s\n", v->name, v->preset,
			     v->accepted);
		print_wrapped(v->effect);
	}
	return command_finish(EXIT_SUCCESS);
}

static bool telling;

/* More than was asked for, never less. */
static int log_events(void)
{
	const char *level = getenv("REPLYFROM_LOG");

	telling = true;
	if ((!level || strcmp(level, "debug") != 0) &&
	    setenv("REPLYFROM_LOG", "info", 1))
		return command_fail_errno(EXIT_NOT_RUN, "REPLYFROM_LOG");
	return -1;
}

static const struct option options[] = {
	{ "-v", log_events, false,
	  "tells why it cannot help, and has REPLYFROM_LOG=info at least" },
	{ "--help", print_help, true, "this text" },
	{ "--help-variables", print_variables, true,
	  "the variables that the library reads, with their defaults" },
	{ "--version", print_version, true, "the version" },
};

static void print_usage(FILE *to)
{
	(void)fputs("usage: replyfrom [OPTION...] [--] COMMAND [ARGUMENT...]\n"
		    "Runs COMMAND so that its UDP answers leave from the "
		    "address asked.\n\n",
		    to);
	for (size_t i = 0; i < COUNT(options); i++)
		(void)fprintf(to, "  %-16s %s\n", options[i].name,
			      options[i].help);
	for (const struct subcommand *s = subcommands; s->name; s++)
		(void)fprintf(to, "\nreplyfrom %s %s\n  %s\n", s->name,
			      s->arguments, s->help);
}

static int print_help(void)
{
	print_usage(stdout);
	return command_finish(EXIT_SUCCESS);
}

static int unknown_option(const char *text)
{
	char why[256] = "unknown option; there are";
	size_t end = strlen(why);

	for (size_t i = 0; i < COUNT(options) && end < sizeof(why); i++)
		end += (size_t)snprintf(why + end, sizeof(why) - end, "%s %s",
					i ? "," : "", options[i].name);
	return command_fail(EXIT_USAGE, text, why);
}

/* -1: this one does not end it.  `next` may be NULL. */
static int take_option(const char *text, const char *next)
{
	for (size_t i = 0; i < COUNT(options); i++) {
		if (strcmp(text, options[i].name) != 0)
			continue;
		if (options[i].alone && next)
			return command_fail(EXIT_USAGE, next,
					    "nothing goes behind --help, "
					    "--help-variables or --version");
		return options[i].run();
	}
	return unknown_option(text);
}

/* The command runs all the same. */
static void tell_why_not(const char *command)
{
	const struct starter starter = { getuid(), getgid(), 0 };
	struct verdict verdict;
	char path[PATH_MAX];

	if (judge_find(command, path) && judge(path, &starter, &verdict) &&
	    !verdict.helps)
		(void)command_fail(0, command, verdict.text);
}

static int run_command(char **argv)
{
	const char *library = command_library();
	const char *list;

	if (library[strcspn(library, ": ")])
		return command_fail(
			EXIT_NOT_RUN, library,
			"LD_PRELOAD takes no path with a colon or space");
	if (access(library, R_OK))
		return command_fail_errno(EXIT_NOT_RUN, library);
	list = command_preload(getenv("LD_PRELOAD"), library);
	if (!list || setenv("LD_PRELOAD", list, 1))
		return command_fail_errno(EXIT_NOT_RUN, "LD_PRELOAD");
	if (telling)
		tell_why_not(argv[0]);
	execvp(argv[0], argv);
	return command_fail_errno(
		errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUN, argv[0]);
}

int main(int argc, char **argv)
{
	int at = 1;

	for (; at < argc && argv[at][0] == '-'; at++) {
		int status;

		if (!strcmp(argv[at], "--")) {
			if (++at == argc)
				break;
			return run_command(argv + at);
		}
		status = take_option(argv[at], argv[at + 1]);
		if (status >= 0)
			return status;
	}
	if (at >= argc) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	for (const struct subcommand *s = subcommands; s->name; s++)
		if (!strcmp(argv[at], s->name))
			return s->run(argc - at, argv + at);
	return run_command(argv + at);
}
// NOLINTEND(concurrency-mt-unsafe)
