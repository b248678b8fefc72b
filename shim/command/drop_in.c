/* SPDX-License-Identifier: MIT */
/* Writes the drop-in by which systemd preloads the library into a service. */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "command/drop_in.h"

#include "command/command.h"
#include "command/guard.h"
#include "command/selinux.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the library calls beyond @default and what starts any program. */
#define CALLS                                                            \
	"bind close connect fcntl getsockname getsockopt ioctl madvise " \
	"poll ppoll recvfrom recvmmsg recvmsg rt_sigprocmask sendmmsg "  \
	"sendmsg sendto setsockopt socket statx write writev"

/* Their sets.  systemd.exec(5) SystemCallFilter=. */
#define SETS                                                    \
	"@basic-io @file-system @io-event @network-io @signal " \
	"@system-service"

/* How the line ends by which the engine in the kernel serves a unit. */
#define ATTACHES " attach %n\n"

enum { MOST_DROP_IN_BYTES = 1 << 22, NOTE_BYTES = 2 * SELINUX_TEXT_BYTES };

/* A comment in the file, and the same on stderr. */
__attribute__((format(printf, 3, 4))) static void
note(FILE *out, const struct unit *unit, const char *format, ...)
{
	char text[NOTE_BYTES];
	va_list list;

	va_start(list, format);
	(void)vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	(void)fprintf(out, "# %s\n", text);
	(void)command_fail(0, unit->name, text);
}

/* Whether what is allowed, and not denied, leaves us all that we call. */
static bool filter_is_wide(const char *filter)
{
	const char *denied = strchr(filter, '~');
	char word[256];

	if (denied != filter && !unit_has_word(filter, "@system-service"))
		return false;
	while (denied &&
	       (denied = unit_next_word(denied, word, sizeof(word)))) {
		const char *name = word + strspn(word, "~");

		word[strcspn(word, ":")] = '\0'; /* ":EPERM" */
		if (unit_has_word(CALLS " " SETS, name))
			return false;
	}
	return true;
}

static bool is_below(const char *path, const char *directory)
{
	const size_t bytes = strlen(directory);

	return !strncmp(path, directory, bytes) &&
	       (path[bytes] == '/' || !path[bytes] ||
		(bytes && directory[bytes - 1] == '/'));
}

/* Whether one of these directories, ":options" behind it or not, has it. */
static bool is_below_any(const char *path, const char *list)
{
	char word[PATH_MAX];

	while (list && (list = unit_next_word(list, word, sizeof(word)))) {
		word[strcspn(word, ":")] = '\0';
		if (is_below(path, word + strspn(word, "-+")))
			return true;
	}
	return false;
}

/* What hides the library from the service; NULL: nothing. */
static const char *hides(const struct unit *unit, const char *library)
{
	const char *home = unit->settings[UNIT_PROTECT_HOME];

	if (unit->settings[UNIT_ROOT_DIRECTORY])
		return "RootDirectory=";
	if (unit->settings[UNIT_ROOT_IMAGE])
		return "RootImage=";
	if (home &&
	    (unit_is_on(unit, UNIT_PROTECT_HOME) ||
	     unit_has_word(home, "tmpfs")) &&
	    is_below_any(library, "/home /root /run/user"))
		return "ProtectHome=";
	if (unit_is_on(unit, UNIT_PRIVATE_TMP) &&
	    is_below_any(library, "/tmp /var/tmp"))
		return "PrivateTmp=";
	if (is_below_any(library, unit->settings[UNIT_TEMPORARY_FILE_SYSTEM]))
		return "TemporaryFileSystem=";
	if (is_below_any(library, unit->settings[UNIT_INACCESSIBLE_PATHS]))
		return "InaccessiblePaths=";
	return NULL;
}

/* A profile that is named by the unit, or after the program. */
static void write_profile(FILE *out, const struct unit *unit,
			  const char *program, const char *library)
{
	const char *named = unit->settings[UNIT_APP_ARMOR_PROFILE];
	char file[PATH_MAX], *name = file + sizeof("/etc/apparmor.d/") - 1;

	(void)snprintf(file, sizeof(file), "/etc/apparmor.d/%s",
		       program + strspn(program, "/"));
	for (char *c = name; *c; c++)
		if (*c == '/')
			*c = '.';
	if (!named && access(file, F_OK))
		return;
	if (!named)
		named = name;
	note(out, unit,
	     "AppArmor's profile %s must allow the library; add this line to "
	     "/etc/apparmor.d/local/%s: %s mr,",
	     named + strspn(named, "-"), name, library);
}

/* What the policy needs; where it cannot be asked, what it may need. */
static void write_domain(FILE *out, const struct unit *unit,
			 const char *program, const char *library)
{
	const enum selinux_mode mode = selinux_mode();
	enum selinux_obstacle obstacle = SELINUX_TRANSITION;
	struct selinux_start start = { "", "" };
	char why[SELINUX_TEXT_BYTES], next[SELINUX_TEXT_BYTES];

	if (mode == SELINUX_OFF)
		return;
	if (program && selinux_start_by_systemd(program, &start)) {
		obstacle = selinux_obstacle(&start, library);
		selinux_say_why(obstacle, &start, library, why);
	} else {
		(void)snprintf(why, sizeof(why),
			       "if the service runs in a domain of its own, "
			       "the loader ignores LD_PRELOAD");
	}
	if (obstacle == SELINUX_NOTHING)
		return;
	selinux_say_next(obstacle, &start, library, next);
	note(out, unit, "%s %s; to allow it: %s",
	     mode == SELINUX_PERMISSIVE ? "once SELinux enforces its policy,"
					: "SELinux:",
	     why, next);
}

/* A variable that is unset with the others would be lost again. */
static void write_unset(FILE *out, const char *list)
{
	char word[PATH_MAX];

	(void)fputs("# The unit unsets LD_PRELOAD; only the whole list can be "
		    "changed.\nUnsetEnvironment=\n",
		    out);
	while ((list = unit_next_word(list, word, sizeof(word))))
		if (strcmp(word, "LD_PRELOAD") != 0)
			(void)fprintf(out, "UnsetEnvironment=%s\n", word);
}

/* Each file may be optional, which a "-" says. */
static void write_environment_files(FILE *out, const struct unit *unit)
{
	const char *list = unit->settings[UNIT_ENVIRONMENT_FILE];
	char word[PATH_MAX];

	while (list && (list = unit_next_word(list, word, sizeof(word))))
		(void)fprintf(out,
			      "# LD_PRELOAD in %s, if it is set there, "
			      "overrides this one.\n",
			      word + strspn(word, "-"));
}

/* Its last component. */
static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/*
 * Programs that start others with an environment of their own, and the option
 * by which they pass LD_PRELOAD on.
 */
static const char *option_to_pass_on(const char *program)
{
	const char *name = base_name(program);

	if (!strcmp(name, "inetd") || !strcmp(name, "openbsd-inetd"))
		return "-E";
	if (!strcmp(name, "systemd-socket-activate"))
		return "-E LD_PRELOAD";
	return NULL;
}

static void write_command(FILE *out, const struct unit *unit,
			  const char *program)
{
	const char *command = unit->settings[UNIT_EXEC_START];
	const char *option = option_to_pass_on(program);
	char word[PATH_MAX];
	const char *rest;

	if (!strcmp(base_name(program), "xinetd"))
		note(out, unit,
		     "xinetd: a service with passenv or env needs the line "
		     "\"passenv += LD_PRELOAD\" in its file in /etc/xinetd.d");
	if (!option || !command)
		return;
	rest = unit_next_word(command, word, sizeof(word));
	if (!rest || unit_has_word(rest, "-E"))
		return;
	(void)fprintf(out,
		      "# Without %s the servers that it starts do not get "
		      "LD_PRELOAD.\nExecStart=\nExecStart=%.*s %s%s\n",
		      option, (int)(rest - command), command, option, rest);
}

/* Settings that allow what the unit's hardening options forbid. */
static void write_hardening(FILE *out, const struct unit *unit,
			    const char *library)
{
	const char *filter = unit->settings[UNIT_SYSTEM_CALL_FILTER];
	const char *hiding = hides(unit, library);

	if (filter && !filter_is_wide(filter))
		(void)fputs("# The unit filters system calls; the library "
			    "needs these.\nSystemCallFilter=" CALLS "\n",
			    out);
	if (hiding)
		(void)fprintf(out,
			      "# %s hides the library.\n"
			      "BindReadOnlyPaths=%s\n",
			      hiding, library);
	if (unit->settings[UNIT_NO_EXEC_PATHS])
		(void)fprintf(out,
			      "# NoExecPaths= would keep the library from "
			      "being mapped.\nExecPaths=%s\n",
			      library);
}

/* A template is not started itself, but its instances are. */
static void write_head(FILE *out, const struct unit *unit)
{
	char quoted[UNIT_QUOTED_BYTES];

	unit_quote_instances(unit, quoted);
	(void)fprintf(out,
		      "# /etc/systemd/system/%s.d/" UNIT_DROP_IN "; and then:\n"
		      "# systemctl daemon-reload; systemctl restart %s\n"
		      "[Service]\n",
		      unit->name, quoted);
}

/*
 * "+": as root, whoever the service runs as.  "-": the service also starts when
 * the engine cannot be attached.  systemd.service(5).
 */
bool drop_in_write_attach(FILE *out, const struct unit *unit)
{
	char path[PATH_MAX];

	if (!command_self(path))
		return false;
	write_head(out, unit);
	(void)fprintf(out, "ExecStartPre=-+%s%s", path, ATTACHES);
	if (access(command_engine(), X_OK))
		note(out, unit, "replyfrom-kernel is not installed beside %s",
		     path);
	return true;
}

bool drop_in_write(FILE *out, const struct unit *unit, const char *program)
{
	const char *library = command_library();
	const char *list = command_preload(
		unit_preload(unit->settings[UNIT_ENVIRONMENT]), library);
	const char *unset = unit->settings[UNIT_UNSET_ENVIRONMENT];

	if (!list)
		return false;
	write_head(out, unit);
	(void)fprintf(out, "Environment=\"LD_PRELOAD=%s\"\n", list);
	if (!unit->known) {
		note(out, unit,
		     "systemd does not run here: the unit's program, user, "
		     "environment and hardening were not looked at");
		return true;
	}
	if (unit_has_word(unset, "LD_PRELOAD"))
		write_unset(out, unset);
	write_environment_files(out, unit);
	if (program)
		write_command(out, unit, program);
	write_hardening(out, unit, library);
	if (program)
		write_profile(out, unit, program, library);
	write_domain(out, unit, program, library);
	return true;
}

void drop_in_paths(const struct unit *unit, char *directory, char *path)
{
	(void)snprintf(directory, PATH_MAX, UNIT_DIRECTORY "/%s.d", unit->name);
	(void)snprintf(path, PATH_MAX, UNIT_DIRECTORY "/%s.d/" UNIT_DROP_IN,
		       unit->name);
}

char *drop_in_read(const char *path)
{
	struct guard_output text;
	int error;

	if (guard_read_file(path, MOST_DROP_IN_BYTES, &text) == GUARD_DONE)
		return text.at;
	error = errno;
	free(text.at);
	errno = error;
	return error == ENOENT || error == ENOTDIR ? strdup("") : NULL;
}

/* Whether replyfrom writes such lines.  What is at a * is not looked at. */
static bool is_own_line(const char *line)
{
	static const char *const own[] = {
		"",
		"#*",
		"\\[Service]",
		"Environment=\"LD_PRELOAD=*\"",
		"UnsetEnvironment=*",
		"ExecStart=",
		"ExecStart=* -E*",
		"ExecStartPre=-+* attach %n",
		"SystemCallFilter=" CALLS,
		"BindReadOnlyPaths=*/" COMMAND_LIBRARY,
		"ExecPaths=*/" COMMAND_LIBRARY,
	};

	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
		if (!fnmatch(own[i], line, 0))
			return true;
	return false;
}

bool drop_in_is_edited(const char *text)
{
	char *copy = strdup(text), *rest = copy, *line;
	bool is_edited = !copy;

	while (!is_edited && (line = strsep(&rest, "\n")))
		is_edited = !is_own_line(line);
	free(copy);
	return is_edited;
}

bool drop_in_attaches(const char *text)
{
	return strstr(text, ATTACHES);
}
// NOLINTEND(concurrency-mt-unsafe)
