/* SPDX-License-Identifier: MIT */
/* Reads a service as systemd has it, or its files where there is no systemd. */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "command/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const names[UNIT_SETTINGS] = {
	[UNIT_EXEC_START] = "ExecStart",
	[UNIT_USER] = "User",
	[UNIT_DYNAMIC_USER] = "DynamicUser",
	[UNIT_ENVIRONMENT] = "Environment",
	[UNIT_ENVIRONMENT_FILE] = "EnvironmentFile",
	[UNIT_UNSET_ENVIRONMENT] = "UnsetEnvironment",
	[UNIT_SYSTEM_CALL_FILTER] = "SystemCallFilter",
	[UNIT_PROTECT_HOME] = "ProtectHome",
	[UNIT_PRIVATE_TMP] = "PrivateTmp",
	[UNIT_ROOT_DIRECTORY] = "RootDirectory",
	[UNIT_ROOT_IMAGE] = "RootImage",
	[UNIT_TEMPORARY_FILE_SYSTEM] = "TemporaryFileSystem",
	[UNIT_INACCESSIBLE_PATHS] = "InaccessiblePaths",
	[UNIT_NO_EXEC_PATHS] = "NoExecPaths",
	[UNIT_APP_ARMOR_PROFILE] = "AppArmorProfile",
};

/* systemd.unit(5), "Unit File Load Path", the last goes first. */
static const char *const directories[] = { "/lib/systemd/system",
					   "/usr/lib/systemd/system",
					   "/usr/local/lib/systemd/system",
					   "/run/systemd/system",
					   "/etc/systemd/system" };
enum { DIRECTORIES = sizeof(directories) / sizeof(*directories) };

static char *trim(char *text)
{
	size_t length;

	text += strspn(text, " \t\r\n");
	length = strlen(text);
	while (length && strchr(" \t\r\n", text[length - 1]))
		text[--length] = '\0';
	return text;
}

/* Of these all values count, of others the last one. */
static bool is_list(enum setting setting)
{
	return setting == UNIT_EXEC_START || setting == UNIT_ENVIRONMENT ||
	       setting == UNIT_ENVIRONMENT_FILE ||
	       setting == UNIT_UNSET_ENVIRONMENT ||
	       setting == UNIT_SYSTEM_CALL_FILTER ||
	       setting == UNIT_TEMPORARY_FILE_SYSTEM ||
	       setting == UNIT_INACCESSIBLE_PATHS ||
	       setting == UNIT_NO_EXEC_PATHS;
}

static void assign(struct unit *unit, const char *name, const char *value)
{
	for (int i = 0; i < UNIT_SETTINGS; i++) {
		char *before = unit->settings[i];
		bool more = before && is_list((enum setting)i);
		char *now = NULL;

		if (strcmp(name, names[i]) != 0)
			continue;
		if (*value && asprintf(&now, "%s%s%s", more ? before : "",
				       more ? " " : "", value) < 0)
			return;
		free(before);
		unit->settings[i] = now;
	}
}

/* systemd.syntax(7): sections, comments, and lines that go on. */
static void parse(struct unit *unit, FILE *file)
{
	char *line = NULL, *whole = NULL;
	size_t room = 0;
	bool service = false;

	while (getline(&line, &room, file) > 0) {
		char *text = trim(line), *joined, *value;
		size_t length = strlen(text);
		bool goes_on = length && text[length - 1] == '\\';

		if (strchr("#;", *text) && (*text || !whole))
			continue;
		if (goes_on)
			text[length - 1] = ' ';
		if (asprintf(&joined, "%s%s", whole ? whole : "", text) < 0)
			break;
		free(whole);
		whole = joined;
		if (goes_on)
			continue;
		value = strchr(whole, '=');
		if (*whole == '[')
			service = !strcmp(whole, "[Service]");
		else if (service && value) {
			*value++ = '\0';
			assign(unit, trim(whole), trim(value));
		}
		free(whole);
		whole = NULL;
	}
	free(whole);
	free(line);
}

static bool parse_file(struct unit *unit, const char *path)
{
	FILE *file = fopen(path, "re");

	if (!file)
		return false;
	parse(unit, file);
	(void)fclose(file);
	return true;
}

/* Not a drop-in.  Masked: empty, or /dev/null.  systemd.unit(5). */
static bool parse_own_file(struct unit *unit, const char *path)
{
	struct stat file;

	if (!parse_file(unit, path))
		return false;
	unit->masked = !stat(path, &file) && !file.st_size;
	return true;
}

/* As systemd has it loaded; false: there is none, or it does not know. */
static bool ask_systemd(struct unit *unit)
{
	char *const arguments[] = { "systemctl", "--no-pager", "cat",
				    "--",	 unit->name,   NULL };
	posix_spawn_file_actions_t actions;
	int ends[2], status = -1;
	pid_t child;
	FILE *file;

	if (pipe2(ends, O_CLOEXEC))
		return false;
	file = fdopen(ends[0], "r");
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_adddup2(&actions, ends[1],
					       STDOUT_FILENO);
	(void)posix_spawn_file_actions_addopen(&actions, STDERR_FILENO,
					       "/dev/null", O_WRONLY, 0);
	if (!file || posix_spawnp(&child, *arguments, &actions, NULL, arguments,
				  environ))
		child = -1;
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)close(ends[1]);
	if (child > 0) {
		parse(unit, file);
		(void)waitpid(child, &status, 0);
	}
	if (file)
		(void)fclose(file);
	else
		(void)close(ends[0]);
	return !status;
}

static void parse_drop_ins(struct unit *unit, const char *directory,
			   const char *name)
{
	char path[PATH_MAX];
	struct dirent **entries;
	int count;

	(void)snprintf(path, sizeof(path), "%s/%s.d", directory, name);
	count = scandir(path, &entries, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		const char *dot = strrchr(entries[i]->d_name, '.');
		char file[PATH_MAX + NAME_MAX + 2];

		(void)snprintf(file, sizeof(file), "%s/%s", path,
			       entries[i]->d_name);
		if (dot && !strcmp(dot, ".conf"))
			(void)parse_file(unit, file);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

static bool find_file(struct unit *unit, const char *name)
{
	bool found = false;

	for (int i = DIRECTORIES - 1; *name && i >= 0 && !found; i--) {
		char path[PATH_MAX];

		(void)snprintf(path, sizeof(path), "%s/%s", directories[i],
			       name);
		found = parse_own_file(unit, path);
	}
	return found;
}

/* The unit's own, and those of what it is an instance of. */
static bool find_files(struct unit *unit)
{
	const char *at = strchr(unit->name, '@');
	const char *dot = strrchr(unit->name, '.');
	char template[NAME_MAX + 1] = ""; /* "openvpn@.service" */

	if (at && at < dot)
		(void)snprintf(template, sizeof(template), "%.*s%s",
			       (int)(at + 1 - unit->name), unit->name, dot);
	if (!find_file(unit, unit->name) && !find_file(unit, template))
		return false;
	for (int i = 0; i < DIRECTORIES; i++)
		parse_drop_ins(unit, directories[i], template);
	for (int i = 0; i < DIRECTORIES; i++)
		parse_drop_ins(unit, directories[i], unit->name);
	return true;
}

bool unit_read(const char *name_or_path, struct unit *unit)
{
	const char *slash = strrchr(name_or_path, '/');
	const char *name = slash ? slash + 1 : name_or_path;
	const char *dot = strrchr(name, '.');
	bool known;

	*unit = (struct unit){ 0 };
	(void)snprintf(unit->name, sizeof(unit->name), "%s%s", name,
		       dot && !strcmp(dot, ".service") ? "" : ".service");
	if (slash)
		return parse_own_file(unit, name_or_path);
	known = ask_systemd(unit);
	/* Of what is masked systemd shows nothing. */
	if (!unit->settings[UNIT_EXEC_START])
		known = find_files(unit) || known;
	if (!known)
		errno = ENOENT;
	return known;
}

bool unit_is_on(const struct unit *unit, enum setting setting)
{
	static const char *const on[] = { "yes", "true", "on", "1" };
	const char *value = unit->settings[setting];

	for (size_t i = 0; value && i < sizeof(on) / sizeof(*on); i++)
		if (!strcasecmp(value, on[i]))
			return true;
	return false;
}
// NOLINTEND(concurrency-mt-unsafe)
