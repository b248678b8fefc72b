/* SPDX-License-Identifier: MIT */
/*
 * Runs the subcommands of the engine in the kernel, and reads what it says: it
 * is a program of its own, replyfrom-kernel, so that this one needs no libbpf.
 */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "command/engine.h"

#include "command/command.h"
#include "command/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define KERNEL_COMMAND "replyfrom-kernel"
#define CGROUPS "/sys/fs/cgroup"
/* Pinned last: with it all of the engine is there.  See kernel/load.c. */
#define PINNED "/sys/fs/bpf/replyfrom/connect_ipv6"

const char *engine_program(void)
{
	static char path[PATH_MAX + sizeof(KERNEL_COMMAND)];
	const ssize_t n = readlink("/proc/self/exe", path, PATH_MAX);

	if (n < 0)
		return NULL;
	path[n] = '\0';
	memcpy(strrchr(path, '/') + 1, KERNEL_COMMAND, sizeof(KERNEL_COMMAND));
	return path;
}

int kernel_main(int argc, char **argv)
{
	const char *path = engine_program();
	char *words[] = { (char *)path, argv[0], argc > 1 ? argv[1] : NULL,
			  argc > 2 ? argv[2] : NULL, NULL };

	if (!path)
		return command_fail_errno(EXIT_FAILURE, "/proc/self/exe");
	(void)execv(path, words);
	if (errno == ENOENT)
		return command_fail(EXIT_FAILURE, argv[0],
				    "install the package replyfrom-kernel, or "
				    "build it with `make kernel`");
	return command_fail_errno(EXIT_FAILURE, path);
}

static void take_line(struct engine *engine, const char *line)
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
			       ENGINE_SCOPE_BYTES, "%.*s",
			       (int)strcspn(line + 7, "\n"), line + 7);
}

/* Its standard output; *child has to be waited for.  NULL: not started. */
static FILE *start(const char *path, pid_t *child)
{
	char *words[] = { (char *)path, "status", "--figures", NULL };
	posix_spawn_file_actions_t actions;
	int pipe_fds[2], error;

	if (pipe2(pipe_fds, O_CLOEXEC))
		return NULL;
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_adddup2(&actions, pipe_fds[1],
					       STDOUT_FILENO);
	error = posix_spawn(child, path, &actions, NULL, words, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)close(pipe_fds[1]);
	if (!error)
		return fdopen(pipe_fds[0], "re");
	(void)close(pipe_fds[0]);
	return NULL;
}

void engine_read(struct engine *engine)
{
	const char *path = engine_program();
	char line[ENGINE_SCOPE_BYTES + 16];
	int status = 0;
	pid_t child;
	FILE *out;

	*engine = (struct engine){ .is_attached = false };
	if (access(PINNED, F_OK) || !path || access(path, X_OK))
		return;
	out = start(path, &child);
	if (!out)
		return;
	while (fgets(line, sizeof(line), out))
		take_line(engine, line);
	(void)fclose(out);
	engine->is_attached = waitpid(child, &status, 0) == child && !status;
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
		if (!strncmp(line, "0::", 3))
			(void)snprintf(path, sizeof(path), CGROUPS "%.*s",
				       (int)strcspn(line + 3, "\n"), line + 3);
	(void)fclose(file);
	return serves_path(&engine, path);
}
// NOLINTEND(concurrency-mt-unsafe)
