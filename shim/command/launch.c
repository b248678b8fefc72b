/* SPDX-License-Identifier: MIT */
/* The `replyfrom` command: runs another command with the library preloaded. */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "command/command.h"
#include "command/judge.h"
#include "command/payload.h"
#include "command/program.h"
#include "common/variable.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

enum { OPTION_VARIABLES = UCHAR_MAX + 1 };

/* As the shell has it: sh(1), "Exit status for commands". */
enum { EXIT_NOT_RUN = 126, EXIT_NOT_FOUND = 127 };

struct subcommand {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *arguments;
	const char *help;
	const char *const *options; /* each and its effect; NULL ends them */
};

static const char *const ask_options[] = {
	"-4, --ipv4",
	"ask IPv4 addresses only",
	"-6, --ipv6",
	"ask IPv6 addresses only",
	"-t, --timeout SECONDS",
	"wait so long for each answer (default 1)",
	"-c, --count COUNT",
	"ask up to COUNT times (default 2)",
	"-b, --bind ADDRESS",
	"ask from this address of this host",
	"--json",
	"print an object for each address and port",
	"-q, --quiet",
	"print nothing: the exit status says it",
	"-h, --help",
	"show this text",
	NULL,
};

static const char *const check_options[] = {
	"-a, --all",
	"look at all UDP sockets of the host",
	"--user USER",
	"look at COMMAND as this user runs it",
	"--json",
	"print one JSON object",
	"-q, --quiet",
	"print nothing: the exit status says it",
	"--wrong-only",
	"show only sockets that are answered wrong",
	"--color[=WHEN]",
	"use color: auto, always or never",
	"-h, --help",
	"show this text",
	NULL,
};

static const char *const status_options[] = {
	"--json",
	"print a JSON object for each process",
	"--prometheus",
	"print the text format of Prometheus",
	"--watch[=SECONDS]",
	"show it again each SECONDS (default 1)",
	"-h, --help",
	"show this text",
	NULL,
};

static const char *const systemd_options[] = {
	"--install",  "write the drop-in, and have systemd read it",
	"--remove",   "remove the drop-in, and have systemd read that",
	"--dry-run",  "show what --install would change",
	"-h, --help", "show this text",
	NULL,
};

static const char *const kernel_options[] = {
	"-h, --help",
	"show this text",
	NULL,
};

/* In the order of --help; more are declared in command.h. */
static const struct subcommand subcommands[] = {
	{ "ask", ask_main, "[OPTION...] ADDRESS... PORTS [PAYLOAD]",
	  "asks a server at each address, and says which one answered",
	  ask_options },
	{ "check", check_main,
	  "[--user USER] [--json] [--quiet] [--wrong-only] [--color[=WHEN]] "
	  "COMMAND | PID | UNIT | --all",
	  "says whether it can help, and why not", check_options },
	{ "status", status_main,
	  "[--json] [--prometheus] [--watch[=SECONDS]] [PID | UNIT]",
	  "shows what the library does, in that process or in all",
	  status_options },
	{ "systemd", systemd_main, "[--install | --remove | --dry-run] UNIT",
	  "prints, installs or removes a drop-in by which a service is helped",
	  systemd_options },
	{ "attach", kernel_main, "UNIT | CGROUP | PID",
	  "has the kernel engine serve it, for what no preload reaches",
	  kernel_options },
	{ "detach", kernel_main, "[UNIT | CGROUP | PID]",
	  "ends that, or the whole engine", kernel_options },
	{ .name = NULL },
};

static const char *const own_options[] = {
	"-v, --verbose",
	"explain why COMMAND can't be helped, and set REPLYFROM_LOG=info",
	"-h, --help",
	"show this text; replyfrom help SUBCOMMAND shows more",
	"--help-variables",
	"list the variables that the library reads",
	"-V, --version",
	"show the version",
	NULL,
};

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

static void print_options(FILE *to, const char *const *options)
{
	for (; options[0]; options += 2)
		(void)fprintf(to, "  %-22s  %s\n", options[0], options[1]);
}

static void print_usage(FILE *to)
{
	(void)fputs("usage: replyfrom [OPTION...] [--] COMMAND [ARGUMENT...]\n"
		    "Runs COMMAND so that its UDP answers leave from the "
		    "address asked.\n\n",
		    to);
	print_options(to, own_options);
	for (const struct subcommand *s = subcommands; s->name; s++)
		(void)fprintf(to, "\nreplyfrom %s %s\n  %s\n", s->name,
			      s->arguments, s->help);
	(void)fputs("\nreplyfrom help [SUBCOMMAND]\n"
		    "  shows this text, or a subcommand's options\n",
		    to);
}

static int print_help(void)
{
	print_usage(stdout);
	return command_finish(EXIT_SUCCESS);
}

static const struct subcommand *find_subcommand(const char *name)
{
	for (const struct subcommand *s = subcommands; s->name; s++)
		if (!strcmp(name, s->name))
			return s;
	return NULL;
}

int command_help(const char *subcommand)
{
	const struct subcommand *s = find_subcommand(subcommand);

	(void)printf("usage: replyfrom %s %s\n%c%s.\n\n", s->name, s->arguments,
		     toupper((unsigned char)s->help[0]), s->help + 1);
	print_options(stdout, s->options);
	if (s->run == ask_main)
		(void)printf("\nPAYLOAD is one of %s;\nor bytes in hex, @FILE, "
			     "or - for standard input.\n",
			     payload_names());
	return command_finish(EXIT_SUCCESS);
}

/* The subcommand that a word may have been meant for, or NULL. */
static const char *nearest_subcommand(const char *word)
{
	const char *names[COUNT(subcommands) + 1] = { NULL };
	size_t count = 0;

	for (const struct subcommand *s = subcommands; s->name; s++)
		names[count++] = s->name;
	names[count] = "help";
	return command_nearest(word, names);
}

/* replyfrom help [SUBCOMMAND] */
static int help_main(int argc, char **argv)
{
	const char *nearest;

	if (argc > 2)
		return command_fail(EXIT_USAGE, argv[2], "unexpected argument");
	if (argc < 2)
		return print_help();
	if (find_subcommand(argv[1]))
		return command_help(argv[1]);
	nearest = nearest_subcommand(argv[1]);
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
	const struct starter starter = { getuid(), getgid(), 0 };
	struct verdict verdict;
	char path[PATH_MAX];

	if (judge_find(command, path) && judge(path, &starter, &verdict) &&
	    !verdict.helps)
		(void)command_fail(0, command, verdict.text);
}

/* What a file that exists lacks to be run; NULL: unknown. */
static const char *missing_interpreter(const char *path)
{
	static struct program program;
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
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

/* A file of that name in PATH, whether it can be run or not. */
static bool find_file(const char *command, char *path)
{
	const char *list = getenv("PATH");

	if (strchr(command, '/')) {
		(void)snprintf(path, PATH_MAX, "%s", command);
		return !access(path, F_OK);
	}
	for (list = list ? list : "/usr/bin:/bin"; *command && *list;
	     list += *list == ':') {
		const size_t bytes = strcspn(list, ":");

		(void)snprintf(path, PATH_MAX, "%.*s%s%s", (int)bytes, list,
			       bytes ? "/" : "", command);
		if (!access(path, F_OK))
			return true;
		list += bytes;
	}
	return false;
}

static int fail_on_missing(const char *command)
{
	const char *nearest = nearest_subcommand(command);

	if (nearest && !strchr(command, '/'))
		return command_fail_with(EXIT_NOT_FOUND, command,
					 "no such command (did you mean the "
					 "subcommand '%s'?)",
					 nearest);
	return command_fail(EXIT_NOT_FOUND, command, "no such command");
}

/* After execvp(3) has failed with this error. */
static int fail_to_run(const char *command, int error)
{
	char path[PATH_MAX];
	const char *interpreter;
	struct stat file;

	if (!find_file(command, path))
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

/* Why the library cannot be preloaded; NULL: it can. */
static const char *library_problem(const char *library)
{
	if (library[strcspn(library, ": ")])
		return "LD_PRELOAD takes no path with a colon or space";
	if (access(library, R_OK))
		return strerror(errno);
	return command_library_problem(library);
}

static int run_command(char **argv)
{
	const char *library = command_library();
	const char *problem = library_problem(library);
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
static int read_options(int argc, char **argv)
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
			alone = print_help;
			break;
		case 'V':
			alone = print_version;
			break;
		case OPTION_VARIABLES:
			alone = print_variables;
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
	if (argc > 1 &&
	    (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		if (argc > 2)
			return command_fail(EXIT_USAGE, argv[2],
					    "unexpected argument");
		return command_help(subcommand->name);
	}
	optind = 0; /* getopt_long(3) begins anew */
	return subcommand->run(argc, argv);
}

int main(int argc, char **argv)
{
	const struct subcommand *subcommand;
	int status = read_options(argc, argv);

	if (status >= 0)
		return status;
	argv += optind;
	argc -= optind;
	if (argc < 1) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	/* Behind "--" any word is a command. */
	if (!strcmp(argv[-1], "--"))
		return run_command(argv);
	if (!strcmp(argv[0], "help"))
		return help_main(argc, argv);
	subcommand = find_subcommand(argv[0]);
	return subcommand ? run_subcommand(subcommand, argc, argv)
			  : run_command(argv);
}
// NOLINTEND(concurrency-mt-unsafe)
