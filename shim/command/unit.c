/* SPDX-License-Identifier: MIT */
/* Reads a service's settings from what `systemctl cat` prints, or from a file.
 */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "command/unit.h"

#include "command/guard.h"
#include "command/spawn.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* systemd runs its generators meanwhile.  systemd.generator(7). */
enum { RELOAD_MS = 20000 };

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

/* That a value of so many bytes has: doubled, so that few are copied. */
static size_t room_for(size_t bytes)
{
	size_t room = 64;

	while (room < bytes)
		room *= 2;
	return room;
}

/* Sets the value, or with `more` appends it, as a list's next word. */
static void put(char **setting, const char *value, bool more)
{
	const size_t before = more ? strlen(*setting) + 1 : 0;
	const size_t bytes = strlen(value) + 1;
	const size_t room = room_for(before + bytes);
	char *text = *setting;

	if (!before || room > room_for(before))
		text = realloc(text, room);
	if (!text)
		return;
	if (before)
		text[before - 1] = ' ';
	memcpy(text + before, value, bytes);
	*setting = text;
}

static void assign(struct unit *unit, const char *name, const char *value)
{
	for (int i = 0; i < UNIT_SETTINGS; i++) {
		char **setting = &unit->settings[i];

		if (strcmp(name, names[i]) != 0)
			continue;
		if (*value) {
			put(setting, value,
			    *setting && is_list((enum setting)i));
			continue;
		}
		free(*setting);
		*setting = NULL;
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
	char *whole;  /* a line so far, which goes on, in the text itself */
	char *end;    /* of it */
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

/* A line that goes on is joined where it stands, which is long enough. */
static void parse_line(struct parser *parser, char *line)
{
	char *text = trim(line);
	const size_t length = strlen(text);
	const bool goes_on = length && text[length - 1] == '\\';

	if (strchr("#;", *text) && (*text || !parser->whole)) {
		take_comment(parser, text);
		return;
	}
	if (goes_on)
		text[length - 1] = ' ';
	if (!parser->whole)
		parser->whole = parser->end = text;
	memmove(parser->end, text, length + 1);
	parser->end += length;
	if (!goes_on)
		take_whole_line(parser);
}

/* Ends the line at `text`, as systemd does; what follows, or NULL. */
static char *cut_line(char *text, const char *end)
{
	while (text < end && *text && *text != '\n' && *text != '\r')
		text++;
	if (text == end)
		return NULL;
	if (*text == '\r' && text[1] == '\n')
		*text++ = '\0';
	*text++ = '\0';
	return text;
}

/* Parses so many bytes, and changes them; there is a 0 behind. */
static void parse_unit(struct unit *unit, char *text, size_t bytes)
{
	struct parser parser = { .unit = unit };
	const char *end = text + bytes;

	for (char *line = text, *next; line; line = next) {
		next = cut_line(line, end);
		parse_line(&parser, line);
	}
}

/* False, and errno: too long, too late, ... */
static bool parse_file(struct unit *unit, const char *path)
{
	struct guard_output output;
	const bool is_read =
		guard_read_file(path, SPAWN_MOST_BYTES, &output) == GUARD_DONE;
	const int error = errno;

	/* Empty, or a link to /dev/null.  systemd.unit(5). */
	unit->masked = is_read && !output.bytes;
	if (is_read)
		parse_unit(unit, output.at, output.bytes);
	free(output.at);
	errno = error;
	return is_read;
}

/* As systemd has it loaded.  False, and errno: it knows none, or is late. */
static bool ask_systemd(struct unit *unit)
{
	char *const arguments[] = { "systemctl", "--no-pager", "cat",
				    "--",	 unit->name,   NULL };
	struct guard_output output;

	if (!spawn_read(arguments, true, &output))
		return false;
	parse_unit(unit, output.at, output.bytes);
	free(output.at);
	return true;
}

char *unit_property(const struct unit *unit, const char *property)
{
	char *const arguments[] = { "systemctl",	"show",
				    "--value",		"--property",
				    (char *)property,	"--",
				    (char *)unit->name, NULL };
	struct guard_output output;

	if (!spawn_read(arguments, true, &output))
		return NULL;
	output.at[strcspn(output.at, "\n")] = '\0';
	return output.at;
}

bool unit_daemon_reload(void)
{
	char *const arguments[] = { "systemctl", "daemon-reload", NULL };

	return spawn(arguments, RELOAD_MS);
}

bool unit_systemd_runs(void)
{
	return !access("/run/systemd/system", F_OK);
}

/* systemd.unit(5): what a name is made of. */
bool unit_is_name(const char *text)
{
	/* "." and ".." are directories. */
	return text[strspn(text, ".")] &&
	       !text[strspn(text, "abcdefghijklmnopqrstuvwxyz"
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
	if (!unit_is_name(name) || strlen(name) + sizeof(".service") > NAME_MAX)
		return "not the name of a service";
	(void)snprintf(unit->name, sizeof(unit->name), "%s%s", name,
		       has_suffix(name, ".service") ? "" : ".service");
	return NULL;
}

void unit_quote(const char *name, char *text)
{
	const char *quote = name[strcspn(name, "\\*")] ? "'" : "";

	(void)snprintf(text, UNIT_QUOTED_BYTES, "%s%s%s", quote, name, quote);
}

void unit_quote_instances(const struct unit *unit, char *text)
{
	const char *at = strstr(unit->name, "@.");
	char pattern[NAME_MAX + 2];

	if (at)
		(void)snprintf(pattern, sizeof(pattern), "%.*s@*%s",
			       (int)(at - unit->name), unit->name, at + 1);
	unit_quote(at ? pattern : unit->name, text);
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
