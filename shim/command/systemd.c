/* SPDX-License-Identifier: MIT */
/* Prints the drop-in that a service needs, with what its hardening asks for. */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "command/command.h"
#include "command/judge.h"
#include "command/unit.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the library calls beyond @default and what starts any program. */
#define CALLS                                                            \
	"bind close connect fcntl getsockname getsockopt ioctl madvise " \
	"poll ppoll recvfrom recvmmsg recvmsg rt_sigprocmask sendmmsg "  \
	"sendmsg sendto setsockopt socket write writev"

/* Their sets.  systemd.exec(5) SystemCallFilter=. */
#define SETS                                                    \
	"@basic-io @file-system @io-event @network-io @signal " \
	"@system-service"

/* The first word of a list, without quotes; answers what follows it, or NULL.
 */
static const char *next_word(const char *list, char *word, size_t room)
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

static bool has_word(const char *list, const char *wanted)
{
	char word[PATH_MAX];

	while (list && (list = next_word(list, word, sizeof(word))))
		if (!strcmp(word, wanted))
			return true;
	return false;
}

/* The LD_PRELOAD that it has already, or NULL. */
static const char *preload_of(const struct unit *unit)
{
	static char value[PATH_MAX];
	const char *list = unit->settings[UNIT_ENVIRONMENT];
	char word[PATH_MAX];
	bool found = false;

	while (list && (list = next_word(list, word, sizeof(word)))) {
		if (strncmp(word, "LD_PRELOAD=", 11) != 0)
			continue;
		memcpy(value, word + 11, strlen(word + 11) + 1);
		found = true;
	}
	return found ? value : NULL;
}

/* systemd.service(5): what may stand before the program. */
static bool find_program(const struct unit *unit, char *program)
{
	const char *list = unit->settings[UNIT_EXEC_START];

	return list &&
	       next_word(list + strspn(list, "@-:+!| "), program, PATH_MAX);
}

static bool find_user(const struct unit *unit, struct starter *starter)
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
	starter->uid = user->pw_uid;
	starter->gid = user->pw_gid;
	return true;
}

/* Whether what is allowed, and not denied, leaves us all that we call. */
static bool filter_is_wide(const char *filter)
{
	const char *denied = strchr(filter, '~');
	char word[256];

	if (denied != filter && !has_word(filter, "@system-service"))
		return false;
	while (denied && (denied = next_word(denied, word, sizeof(word)))) {
		const char *name = word + strspn(word, "~");

		word[strcspn(word, ":")] = '\0'; /* ":EPERM" */
		if (has_word(CALLS " " SETS, name))
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

	while (list && (list = next_word(list, word, sizeof(word)))) {
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
	    (unit_is_on(unit, UNIT_PROTECT_HOME) || has_word(home, "tmpfs")) &&
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
static void print_profile(const struct unit *unit, const char *program,
			  const char *library)
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
	(void)printf("# AppArmor's profile %s has to let it in, in\n"
		     "# /etc/apparmor.d/local/%s:\n#   %s mr,\n",
		     named + strspn(named, "-"), name, library);
}

/* The list can only be begun anew. */
static void print_unset(const char *list)
{
	char word[PATH_MAX];

	(void)puts("# It unset LD_PRELOAD.\nUnsetEnvironment=");
	while ((list = next_word(list, word, sizeof(word))))
		if (strcmp(word, "LD_PRELOAD") != 0)
			(void)printf("UnsetEnvironment=%s\n", word);
}

static int print_drop_in(const struct unit *unit, const char *program)
{
	const char *library = command_library();
	const char *before = preload_of(unit);
	const char *list = command_preload(before, library);
	const char *filter = unit->settings[UNIT_SYSTEM_CALL_FILTER];
	const char *hiding = hides(unit, library);
	const char *file = unit->settings[UNIT_ENVIRONMENT_FILE];

	if (!list)
		return command_fail_errno(EXIT_FAILURE, "LD_PRELOAD");
	(void)printf("# /etc/systemd/system/%s.d/replyfrom.conf; and then:\n"
		     "# systemctl daemon-reload; systemctl restart %s\n"
		     "[Service]\n"
		     "Environment=\"LD_PRELOAD=%s\"\n",
		     unit->name, unit->name, list);
	if (has_word(unit->settings[UNIT_UNSET_ENVIRONMENT], "LD_PRELOAD"))
		print_unset(unit->settings[UNIT_UNSET_ENVIRONMENT]);
	if (file)
		(void)printf("# An LD_PRELOAD in %s would go before this "
			     "one.\n",
			     file + strspn(file, "-"));
	if (filter && !filter_is_wide(filter))
		(void)puts("# It filters system calls; these are added.\n"
			   "SystemCallFilter=" CALLS);
	if (hiding)
		(void)printf("# %s hides the library.\nBindReadOnlyPaths=%s\n",
			     hiding, library);
	if (unit->settings[UNIT_NO_EXEC_PATHS])
		(void)printf("# NoExecPaths= would keep it from being "
			     "mapped.\nExecPaths=%s\n",
			     library);
	print_profile(unit, program, library);
	return command_finish(EXIT_SUCCESS);
}

static bool has_suffix(const char *text, const char *suffix)
{
	const char *dot = strrchr(text, '.');

	return dot && !strcmp(dot, suffix);
}

int systemd_main(int argc, char **argv)
{
	struct starter starter = { 0 };
	struct verdict verdict;
	char program[PATH_MAX], path[PATH_MAX];
	struct unit unit;

	if (argc != 2)
		return command_fail(EXIT_USAGE, "systemd",
				    "wanted is the name or path of one "
				    "service");
	if (argv[1][0] == '-')
		return command_fail(EXIT_USAGE, argv[1],
				    "unknown option; systemd has none");
	if (has_suffix(argv[1], ".socket"))
		return command_fail(EXIT_USAGE, argv[1],
				    "not a service; name the one it is for");
	if (!unit_read(argv[1], &unit))
		return command_fail_errno(EXIT_FAILURE, argv[1]);
	if (!find_program(&unit, program))
		return command_fail(EXIT_FAILURE, argv[1],
				    unit.masked
					    ? "masked: it cannot be started "
					      "before systemctl unmask"
					    : "not a service: it has no "
					      "ExecStart=");
	if (!find_user(&unit, &starter))
		return command_fail(EXIT_FAILURE, unit.settings[UNIT_USER],
				    "there is no such user");
	if (!judge_find(program, path)) {
		/* It may be in there only, where it is not looked at. */
		if (unit.settings[UNIT_ROOT_DIRECTORY] ||
		    unit.settings[UNIT_ROOT_IMAGE])
			return print_drop_in(&unit, program);
		return command_fail(EXIT_FAILURE, program,
				    "there is no such command");
	}
	if (!judge(path, &starter, &verdict))
		return command_fail_errno(EXIT_FAILURE, program);
	if (!verdict.helps)
		return command_fail(EXIT_FAILURE, program, verdict.text);
	return print_drop_in(&unit, path);
}
// NOLINTEND(concurrency-mt-unsafe)
