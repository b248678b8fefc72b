/* SPDX-License-Identifier: MIT */
/* Reads a service's settings from what `systemctl cat` prints, or from a file.
 */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "command/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
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

static bool has_suffix(const char *text, const char *suffix)
{
	const size_t length = strlen(text), bytes = strlen(suffix);

	return length >= bytes && !strcmp(text + length - bytes, suffix);
}

/*
 * systemctl(1) cat: before each file stands "# " and its path.  A comment may
 * look like that; then it is taken for a file that is read.
 */
static bool is_header(const char *text)
{
	return !strncmp(text, "# /", 3) &&
	       !text[2 + strcspn(text + 2, " \t")] &&
	       (has_suffix(text, ".service") || has_suffix(text, ".conf"));
}

/* A file as systemd.syntax(7) has it, while it is read. */
struct parser {
	struct unit *unit;
	bool own;     /* in the drop-in that we made */
	bool service; /* in [Service] */
	char *whole;  /* a line so far, which goes on */
};

static void take_whole_line(struct parser *parser)
{
	char *value = strchr(parser->whole, '=');

	if (*parser->whole == '[')
		parser->service = !strcmp(parser->whole, "[Service]");
	else if (parser->service && value && !parser->own) {
		*value++ = '\0';
		assign(parser->unit, trim(parser->whole), trim(value));
	}
	free(parser->whole);
	parser->whole = NULL;
}

static void take_comment(struct parser *parser, const char *text)
{
	if (is_header(text)) {
		parser->own = has_suffix(text, ".d/" UNIT_DROP_IN);
		parser->service = false;
	}
	if (!strncmp(text, "# Unit ", 7) && has_suffix(text, " is masked."))
		parser->unit->masked = true;
}

/* False: there is no memory. */
static bool take_line(struct parser *parser, char *line)
{
	char *text = trim(line), *joined;
	const size_t length = strlen(text);
	const bool goes_on = length && text[length - 1] == '\\';

	if (strchr("#;", *text) && (*text || !parser->whole)) {
		take_comment(parser, text);
		return true;
	}
	if (goes_on)
		text[length - 1] = ' ';
	if (asprintf(&joined, "%s%s", parser->whole ? parser->whole : "",
		     text) < 0)
		return false;
	free(parser->whole);
	parser->whole = joined;
	if (!goes_on)
		take_whole_line(parser);
	return true;
}

static void parse(struct unit *unit, FILE *file)
{
	struct parser parser = { .unit = unit };
	char *line = NULL;
	size_t room = 0;

	while (getline(&line, &room, file) > 0 && take_line(&parser, line))
		;
	free(parser.whole);
	free(line);
}

static bool parse_file(struct unit *unit, const char *path)
{
	FILE *file = fopen(path, "re");
	struct stat status;

	if (!file)
		return false;
	if (!fstat(fileno(file), &status) && S_ISDIR(status.st_mode)) {
		(void)fclose(file);
		errno = EISDIR;
		return false;
	}
	parse(unit, file);
	/* Masked: empty, or a link to /dev/null.  systemd.unit(5). */
	unit->masked = !fstat(fileno(file), &status) && !status.st_size;
	(void)fclose(file);
	return true;
}

/* Runs it with standard output into `out`, or as it is (-1): a child, or -1. */
static pid_t start_systemctl(char *const *arguments, int out)
{
	posix_spawn_file_actions_t actions;
	pid_t child = -1;

	(void)posix_spawn_file_actions_init(&actions);
	if (out >= 0)
		(void)posix_spawn_file_actions_adddup2(&actions, out,
						       STDOUT_FILENO);
	(void)posix_spawn_file_actions_addopen(&actions, STDERR_FILENO,
					       "/dev/null", O_WRONLY, 0);
	if (posix_spawnp(&child, *arguments, &actions, NULL, arguments,
			 environ))
		child = -1;
	(void)posix_spawn_file_actions_destroy(&actions);
	return child;
}

/* Its standard output, or NULL; `child` is as start_systemctl() returns it. */
static FILE *read_systemctl(char *const *arguments, pid_t *child)
{
	int ends[2];

	*child = -1;
	if (pipe2(ends, O_CLOEXEC))
		return NULL;
	*child = start_systemctl(arguments, ends[1]);
	(void)close(ends[1]);
	return fdopen(ends[0], "r");
}

static bool succeeds(pid_t child)
{
	int status = -1;

	return child > 0 && waitpid(child, &status, 0) == child && !status;
}

/* As systemd has it loaded; false: it knows none. */
static bool ask_systemd(struct unit *unit)
{
	char *const arguments[] = { "systemctl", "--no-pager", "cat",
				    "--",	 unit->name,   NULL };
	pid_t child;
	FILE *file = read_systemctl(arguments, &child);

	if (file) {
		parse(unit, file);
		(void)fclose(file);
	}
	return succeeds(child);
}

char *unit_property(const struct unit *unit, const char *property)
{
	char *const arguments[] = { "systemctl",	"show",
				    "--value",		"--property",
				    (char *)property,	"--",
				    (char *)unit->name, NULL };
	char *line = NULL;
	size_t room = 0;
	pid_t child;
	FILE *file = read_systemctl(arguments, &child);

	if (file && getline(&line, &room, file) > 0)
		line[strcspn(line, "\n")] = '\0';
	if (file)
		(void)fclose(file);
	if (succeeds(child))
		return line;
	free(line);
	return NULL;
}

bool unit_daemon_reload(void)
{
	char *const arguments[] = { "systemctl", "daemon-reload", NULL };

	return succeeds(start_systemctl(arguments, -1));
}

bool unit_systemd_runs(void)
{
	return !access("/run/systemd/system", F_OK);
}

/* systemd.unit(5): what a name is made of. */
static bool is_name(const char *text)
{
	return *text && !text[strspn(text, "abcdefghijklmnopqrstuvwxyz"
					   "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
					   "0123456789:-_.\\@")];
}

const char *unit_name(const char *name_or_path, struct unit *unit)
{
	static const char *const others[] = { ".socket", ".target",    ".timer",
					      ".mount",	 ".automount", ".path",
					      ".slice",	 ".scope",     ".swap",
					      ".device" };
	const char *slash = strrchr(name_or_path, '/');
	const char *name = slash ? slash + 1 : name_or_path;

	*unit = (struct unit){ 0 };
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (has_suffix(name, others[i]))
			return "not a service; name the one it is for";
	if (!is_name(name) || strlen(name) + sizeof(".service") > NAME_MAX)
		return "not the name of a service";
	(void)snprintf(unit->name, sizeof(unit->name), "%s%s", name,
		       has_suffix(name, ".service") ? "" : ".service");
	return NULL;
}

bool unit_read(const char *name_or_path, struct unit *unit)
{
	if (strchr(name_or_path, '/')) {
		unit->known = parse_file(unit, name_or_path);
		return unit->known;
	}
	if (!unit_systemd_runs())
		return true;
	unit->known = ask_systemd(unit);
	if (!unit->known)
		errno = ENOENT;
	return unit->known;
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

const char *unit_next_word(const char *list, char *word, size_t room)
{
	char quote = '\0';
	size_t length = 0;

	list += strspn(list, " \t");
	if (!*list)
		return NULL;
	for (; *list && (quote || !strchr(" \t", *list)); list++) {
		if (*list == quote)
			quote = '\0';
		else if (!quote && strchr("\"'", *list))
			quote = *list;
		else if (length < room - 1)
			word[length++] = *list;
	}
	word[length] = '\0';
	return list;
}

bool unit_program(const struct unit *unit, char *program)
{
	const char *list = unit->settings[UNIT_EXEC_START];

	/* systemd.service(5): what may stand before the program. */
	return list && unit_next_word(list + strspn(list, "@-:+!| "), program,
				      PATH_MAX);
}

bool unit_user(const struct unit *unit, uid_t *uid, gid_t *gid)
{
	const char *name = unit->settings[UNIT_USER];
	const struct passwd *user;

	/* It has no entry before the service runs. */
	if (unit_is_on(unit, UNIT_DYNAMIC_USER))
		name = "nobody";
	/* An instance's name, "%i", may be anybody's. */
	if (!name || strchr(name, '%'))
		return true;
	user = name[strspn(name, "0123456789")]
		       ? getpwnam(name)
		       : getpwuid((uid_t)strtoul(name, NULL, 10));
	if (!user)
		return false;
	*uid = user->pw_uid;
	*gid = user->pw_gid;
	return true;
}

const char *unit_preload(const char *environment)
{
	static char value[PATH_MAX];
	char word[PATH_MAX];
	bool found = false;

	while (environment && (environment = unit_next_word(environment, word,
							    sizeof(word)))) {
		if (strncmp(word, "LD_PRELOAD=", 11) != 0)
			continue;
		memcpy(value, word + 11, strlen(word + 11) + 1);
		found = true;
	}
	return found ? value : NULL;
}

bool unit_has_word(const char *list, const char *wanted)
{
	char word[PATH_MAX];

	while (list && (list = unit_next_word(list, word, sizeof(word))))
		if (!strcmp(word, wanted))
			return true;
	return false;
}
// NOLINTEND(concurrency-mt-unsafe)
