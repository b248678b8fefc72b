/* SPDX-License-Identifier: MIT */
/* What subcommands there are, and what --help says of them. */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "command/help.h"

#include "command/command.h"
#include "command/payload.h"
#include "common/nearest.h"
#include "common/variable.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const char *const ask_options[] = {
	"-4, --ipv4",
	"ask IPv4 addresses only",
	"-6, --ipv6",
	"ask IPv6 addresses only",
	"-t, --timeout SECONDS",
	"wait up to SECONDS for each answer: 0.1 to 3600 (default 1)",
	"-c, --count COUNT",
	"ask up to COUNT times: 1 to 100 (default 2)",
	"-b, --bind ADDRESS",
	"ask from this address of this host",
	"--json",
	"print an object for each address and port",
	"--color[=WHEN]",
	"use color: auto, always or never",
	"-q, --quiet",
	"print nothing; the exit status has the result",
	"-h, --help",
	"show this text",
	NULL,
};

static const char *const check_options[] = {
	"-a, --all",
	"look at all UDP sockets of the host",
	"--user USER",
	"look at COMMAND as this user runs it, not at processes",
	"--json",
	"print one JSON object",
	"-q, --quiet",
	"print nothing; the exit status has the result",
	"--wrong-only",
	"show only sockets that are answered wrong",
	"--color[=WHEN]",
	"use color: auto, always or never",
	"-h, --help",
	"show this text",
	NULL,
};

static const char *const doctor_options[] = {
	"--json",
	"print one JSON object",
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
	"--color[=WHEN]",
	"use color: auto, always or never",
	"-h, --help",
	"show this text",
	NULL,
};

static const char *const systemd_options[] = {
	"--install",  "write the drop-in and reload systemd",
	"--remove",   "remove the drop-in and reload systemd",
	"--dry-run",  "show what --install, or --remove if given, would change",
	"--kernel",   "use the kernel engine in place of the library",
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
	{ "ask", ask_main, "[OPTION...] ADDRESS... [PORTS] [PAYLOAD]",
	  "asks a server at each address, and says which one answered",
	  ask_options },
	{ "check", check_main,
	  "[--user USER] [--json | --quiet] [--wrong-only] [--color[=WHEN]] "
	  "COMMAND | PID | UNIT | --all",
	  "says if replyfrom helps COMMAND, or which sockets answer from a "
	  "wrong address",
	  check_options },
	{ "doctor", doctor_main, "[--json] [--color[=WHEN]] UNIT | PID | NAME",
	  "says what keeps its replies from being right, and what to do",
	  doctor_options },
	{ "status", status_main,
	  "[--json] [--prometheus] [--watch[=SECONDS]] [--color[=WHEN]] "
	  "[PID | UNIT]",
	  "shows what the library does, in that process or in all",
	  status_options },
	{ "systemd", systemd_main,
	  "[--kernel] [--dry-run] [--install | --remove] UNIT",
	  "prints, installs or removes a drop-in by which a service is helped",
	  systemd_options },
	{ "attach", kernel_main, "UNIT | CGROUP | PID",
	  "serves a unit, cgroup or process by the kernel engine, without "
	  "LD_PRELOAD",
	  kernel_options },
	{ "detach", kernel_main, "[UNIT | CGROUP | PID]",
	  "stops serving it; without an argument, removes the engine",
	  kernel_options },
	{ .name = NULL },
};

static const char *const own_options[] = {
	"-v, --verbose",
	"explain why COMMAND can't be helped, and set REPLYFROM_LOG=info",
	"-h, --help",
	"show this text; replyfrom help SUBCOMMAND shows more",
	"--help-variables",
	"list the library's variables, with their values and defaults",
	"-V, --version",
	"show the version",
	NULL,
};

int help_version(void)
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

int help_variables(void)
{
	for (const struct variable *v = variables; v->name; v++) {
		(void)printf("%s=%s\n    %s\n", v->name, v->preset,
			     v->accepted);
		print_wrapped(v->effect);
	}
	return command_finish(EXIT_SUCCESS);
}

static void print_options(FILE *to, const char *const *options)
{
	for (; options[0]; options += 2)
		(void)fprintf(to, "  %-22s  %s\n", options[0], options[1]);
}

void help_usage(FILE *to)
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

int help_all(void)
{
	help_usage(stdout);
	return command_finish(EXIT_SUCCESS);
}

const struct subcommand *help_find(const char *name)
{
	for (const struct subcommand *s = subcommands; s->name; s++)
		if (!strcmp(name, s->name))
			return s;
	return NULL;
}

int command_help(const char *subcommand)
{
	const struct subcommand *s = help_find(subcommand);

	if (!s)
		return EXIT_FAILURE;
	(void)printf("usage: replyfrom %s %s\n%c%s.\n\n", s->name, s->arguments,
		     toupper((unsigned char)s->help[0]), s->help + 1);
	print_options(stdout, s->options);
	if (s->run == ask_main)
		(void)printf("\nPAYLOAD is one of %s;\nor bytes in hex, @FILE, "
			     "or - for standard input.\n",
			     payload_names());
	return command_finish(EXIT_SUCCESS);
}

const char *help_nearest(const char *word)
{
	const char *names[COUNT(subcommands) + 1] = { NULL };
	size_t count = 0;

	for (const struct subcommand *s = subcommands; s->name; s++)
		names[count++] = s->name;
	names[count] = "help";
	return nearest_name(word, names, sizeof(*names));
}
// NOLINTEND(concurrency-mt-unsafe)
