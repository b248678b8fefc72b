/* SPDX-License-Identifier: MIT */
/*
 * Runs the subcommands of the engine in the kernel, and reads what it says: it
 * is a program of its own, replyfrom-kernel, so that this one needs no libbpf.
 */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "command/engine.h"

#include "command/command.h"
#include "command/process.h"
#include "command/spawn.h"
#include "command/unit.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CGROUPS "/sys/fs/cgroup"
/* Pinned last: with it all of the engine is there.  See kernel/load.c. */
#define PINNED "/sys/fs/bpf/replyfrom/connect_ipv6"

/* GO_ON: the words are right, also where the engine's program is missing. */
static int check_arguments(int argc, char **argv)
{
	static const struct option known[] = {
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 }
	};
	const int option = command_option(argc, argv, "+:h", known);
	const bool attaches = !strcmp(argv[0], "attach");

	if (option != -1)
		return option == 'h' ? command_help(argv[0]) : EXIT_USAGE;
	if (optind == argc && attaches)
		return command_fail(EXIT_USAGE, argv[0],
				    "missing UNIT, CGROUP or PID");
	if (optind + 1 < argc)
		return command_fail(EXIT_USAGE, argv[optind + 1],
				    "unexpected argument");
	if (optind < argc && !strchr(argv[optind], '/') &&
	    !unit_is_name(argv[optind]))
		return command_fail(EXIT_USAGE, argv[optind],
				    "not the name of a unit");
	return GO_ON;
}

int kernel_main(int argc, char **argv)
{
	const char *path = command_engine();
	const int status = check_arguments(argc, argv);
	char *words[] = { (char *)path, argv[0], argv[optind], NULL };

	if (status != GO_ON)
		return status;
	if (!path)
		return command_fail_errno(EXIT_FAILURE, "/proc/self/exe");
	(void)execv(path, words);
	if (errno == ENOENT)
		return command_fail(EXIT_FAILURE, argv[0],
				    "install the package replyfrom-kernel, or "
				    "build it with `make kernel`");
	return command_fail_errno(EXIT_FAILURE, path);
}

static void take_figure(struct engine *engine, const char *line)
{
	static const struct {
		const char *name;
		enum figure figure;
	} counters[] = { { "seen ", FIGURE_SEEN },
			 { "rewritten ", FIGURE_REWRITTEN },
			 { "own_source ", FIGURE_OWN },
			 { "unknown ", FIGURE_UNKNOWN },
			 { "unusable ", FIGURE_REFUSED } };

	for (size_t i = 0; i < sizeof(counters) / sizeof(*counters); i++) {
		const size_t bytes = strlen(counters[i].name);

		if (!strncmp(line, counters[i].name, bytes))
			engine->figures[counters[i].figure] =
				strtoull(line + bytes, NULL, 10);
	}
	if (!strncmp(line, "serves ", 7) && engine->scope_count < ENGINE_SCOPES)
		(void)snprintf(engine->scopes[engine->scope_count++],
			       ENGINE_SCOPE_BYTES, "%s", line + 7);
}

void engine_read(struct engine *engine)
{
	const char *path = command_engine();
	char *const words[] = { (char *)path, "status", "--figures", NULL };
	struct guard_output output;

	*engine = (struct engine){ .is_attached = false };
	if (access(PINNED, F_OK) || !path || access(path, X_OK) ||
	    !spawn_read(words, false, &output))
		return;
	for (char *rest = output.at, *line; (line = strsep(&rest, "\n"));)
		take_figure(engine, line);
	free(output.at);
	engine->is_attached = true;
}

static bool has_scope(const struct engine *engine, const char *scope)
{
	for (size_t i = 0; i < engine->scope_count; i++)
		if (!strcmp(engine->scopes[i], scope))
			return true;
	return false;
}

/* Whether the cgroup at this path, or one above it, is served. */
static bool serves_path(const struct engine *engine, char *path)
{
	char scope[ENGINE_SCOPE_BYTES];
	struct stat directory;

	while (strlen(path) > strlen(CGROUPS)) {
		char *slash = strrchr(path, '/');

		if (has_scope(engine, slash + 1))
			return true;
		if (!stat(path, &directory)) {
			(void)snprintf(scope, sizeof(scope), "cgroup %llu",
				       (unsigned long long)directory.st_ino);
			if (has_scope(engine, scope))
				return true;
		}
		*slash = '\0';
	}
	return false;
}

bool engine_serves(pid_t pid)
{
	static struct engine engine;
	static bool is_read;
	char line[PATH_MAX], path[PATH_MAX + sizeof(CGROUPS)] = "";
	FILE *file;

	if (!is_read)
		engine_read(&engine);
	is_read = true;
	file = engine.is_attached ? process_open(pid, "cgroup") : NULL;
	if (!file)
		return false;
	while (fgets(line, sizeof(line), file))
		/* Outside of our cgroup namespace the path leads anywhere. */
		if (!strncmp(line, "0::", 3) && !strstr(line, "/.."))
			(void)snprintf(path, sizeof(path), CGROUPS "%.*s",
				       (int)strcspn(line + 3, "\n"), line + 3);
	(void)fclose(file);
	return serves_path(&engine, path);
}
// NOLINTEND(concurrency-mt-unsafe)
