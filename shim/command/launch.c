/* SPDX-License-Identifier: MIT */
/* The `replyfrom` command: runs another command with the library preloaded. */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "command/command.h"
#include "command/guarded_check.h"
#include "command/help.h"
#include "command/path_search.h"
#include "command/program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPTION_VARIABLES = UCHAR_MAX + 1 };

/* As the shell has it: sh(1), "Exit status for commands". */
enum { EXIT_NOT_RUN = 126, EXIT_NOT_FOUND = 127 };

static bool verbose;

/* More than was asked for, never less. */
static int log_events(void)
{
	const char *level = getenv("REPLYFROM_LOG");

	verbose = true;
	if ((!level || strcasecmp(level, "debug") != 0) &&
	    setenv("REPLYFROM_LOG", "info", 1))
		return command_fail_errno(EXIT_NOT_RUN, "REPLYFROM_LOG");
	return -1;
}

static bool asks_for_help(const char *word)
{
	return !strcmp(word, "--help") || !strcmp(word, "-h");
}

/* replyfrom help [SUBCOMMAND] */
static int help_main(int argc, char **argv)
{
	const char *nearest;

	if (argc > 2)
		return command_fail(EXIT_USAGE, argv[2], "unexpected argument");
	if (argc < 2 || !strcmp(argv[1], "help") || asks_for_help(argv[1]))
		return help_all();
	if (help_find(argv[1]))
		return command_help(argv[1]);
	nearest = help_nearest(argv[1]);
	if (nearest)
		return command_fail_with(EXIT_USAGE, argv[1],
					 "no such subcommand (did you mean "
					 "'%s'?)",
					 nearest);
	return command_fail(EXIT_USAGE, argv[1], "no such subcommand");
}

/* The command runs all the same. */
static void explain_why_not(const char *command)
{
	const struct starter starter = { .uid = getuid(), .gid = getgid() };
	static struct guarded_check check;

	guarded_check(command, &starter, &check);
	if (check.outcome == CHECK_DONE && !check.preload.helps)
		(void)command_fail(0, command, check.preload.text);
}

/* What a file that exists lacks to be run; NULL: unknown. */
static const char *missing_interpreter(const char *path)
{
	static struct program program;
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool is_read;

	if (fd < 0)
		return NULL;
	is_read = program_read(fd, &program);
	(void)close(fd);
	if (!is_read || program.kind == PROGRAM_NONE || !*program.interpreter)
		return NULL;
	/* A script's may have an argument. */
	program.interpreter[strcspn(program.interpreter, " \t")] = '\0';
	return access(program.interpreter, F_OK) ? program.interpreter : NULL;
}

static int fail_on_missing(const char *command)
{
	const char *nearest = help_nearest(command);

	if (nearest && !strchr(command, '/'))
		return command_fail_with(EXIT_NOT_FOUND, command,
					 "no such command (did you mean the "
					 "subcommand '%s'?)",
					 nearest);
	return command_fail(EXIT_NOT_FOUND, command,
			    strchr(command, '=')
				    ? "no such command (a variable is set "
				      "before the word replyfrom)"
				    : "no such command");
}

/* After execvp(3) has failed with this error. */
static int fail_to_run(const char *command, int error)
{
	char path[PATH_MAX];
	const char *interpreter;
	struct stat file;

	if (!path_search_file(command, path))
		return error == ENOENT ? fail_on_missing(command)
				       : command_fail(EXIT_NOT_RUN, command,
						      strerror(error));
	if (!stat(path, &file) && S_ISDIR(file.st_mode))
		return command_fail(EXIT_NOT_RUN, path, "is a directory");
	if (error == EACCES && access(path, X_OK))
		return command_fail(EXIT_NOT_RUN, path, "is not executable");
	interpreter = error == ENOENT ? missing_interpreter(path) : NULL;
	if (interpreter)
		return command_fail_with(EXIT_NOT_RUN, path,
					 "its interpreter %s is missing",
					 interpreter);
	return command_fail(EXIT_NOT_RUN, path, strerror(error));
}

static int run_command(char **argv)
{
	const char *library = command_library();
	const char *problem = command_library_problem(library);
	const char *list;

	if (problem)
		return command_fail(EXIT_NOT_RUN, library, problem);
	list = command_preload(getenv("LD_PRELOAD"), library);
	if (!list || setenv("LD_PRELOAD", list, 1))
		return command_fail_errno(EXIT_NOT_RUN, "LD_PRELOAD");
	if (verbose)
		explain_why_not(argv[0]);
	execvp(argv[0], argv);
	return fail_to_run(argv[0], errno);
}

/* -1: go on behind the options. */
static int read_launch_options(int argc, char **argv)
{
	static const struct option known[] = {
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ "help-variables", no_argument, NULL, OPTION_VARIABLES },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int (*alone)(void) = NULL;
	int option, status = -1;

	while (status < 0 &&
	       (option = command_option(argc, argv, "+:vhV", known)) != -1)
		switch (option) {
		case 'v':
			status = log_events();
			break;
		case 'h':
			alone = help_all;
			break;
		case 'V':
			alone = help_version;
			break;
		case OPTION_VARIABLES:
			alone = help_variables;
			break;
		default:
			return EXIT_USAGE;
		}
	if (status >= 0 || !alone)
		return status;
	if (optind < argc)
		return command_fail(EXIT_USAGE, argv[optind],
				    "unexpected argument");
	return alone();
}

static int run_subcommand(const struct subcommand *subcommand, int argc,
			  char **argv)
{
	if (argc > 1 && asks_for_help(argv[1])) {
		if (argc > 2)
			return command_fail(EXIT_USAGE, argv[2],
					    "unexpected argument");
		return command_help(subcommand->name);
	}
	optind = 0; /* getopt_long(3) begins anew */
	return subcommand->run(argc, argv);
}

/*
 * Where standard input, output or error is closed, takes its number, or the
 * next file of ours would be written to.  A write there fails as if it were
 * still closed, and for the command that we become it is.
 */
static void keep_closed_ones_closed(void)
{
	int fd;

	do
		fd = open("/", O_PATH | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		(void)close(fd);
}

int main(int argc, char **argv)
{
	const struct subcommand *subcommand;
	int status;

	keep_closed_ones_closed();
	status = read_launch_options(argc, argv);
	if (status >= 0)
		return status;
	argv += optind;
	argc -= optind;
	if (argc < 1) {
		help_usage(stderr);
		return EXIT_USAGE;
	}
	/* Behind "--" any word is a command. */
	if (!strcmp(argv[-1], "--"))
		return run_command(argv);
	if (!strcmp(argv[0], "help"))
		return help_main(argc, argv);
	subcommand = help_find(argv[0]);
	return subcommand ? run_subcommand(subcommand, argc, argv)
			  : run_command(argv);
}
// NOLINTEND(concurrency-mt-unsafe)
