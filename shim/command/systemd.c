/* SPDX-License-Identifier: MIT */
/* Prints, installs and removes the drop-in by which a service is helped. */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "command/command.h"
#include "command/drop_in.h"
#include "command/guarded_check.h"
#include "command/print.h"
#include "command/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	OPTION_INSTALL = UCHAR_MAX + 1,
	OPTION_REMOVE,
	OPTION_DRY_RUN,
	OPTION_KERNEL
};

/*
 * Why a program does not need the library, or NULL.  tests/daemons/no_harm
 * tries those that set the source, tests/e2e/units those without a UDP socket.
 */
static const char *why_not_needed(const char *program)
{
	static const char sets_source[] =
		"it sets the source of its replies itself";
	static const char no_socket[] = "it has no UDP socket";
	static const struct {
		const char *program;
		const char *why;
	} known[] = {
		{ "chronyd", sets_source },
		{ "dnsmasq", sets_source },
		{ "freeradius", sets_source },
		{ "knotd", sets_source },
		{ "rpcbind", sets_source },
		/* Debian's dnsmasq.service has it start dnsmasq. */
		{ "/usr/share/dnsmasq/systemd-helper", sets_source },
		{ "radvd", no_socket },
		{ "systemd-journald", no_socket },
	};
	const char *slash = strrchr(program, '/');
	const char *name = slash ? slash + 1 : program;

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (!strcmp(known[i].program,
			    *known[i].program == '/' ? program : name))
			return known[i].why;
	return NULL;
}

/* Debian's openvpn.service: it stands for the instances of a template. */
static int fail_on_group(const struct unit *unit)
{
	return command_fail_with(
		EXIT_FAILURE, unit->name,
		"starts no server itself: use its template or an instance, as "
		"%.*s@.service or %.*s@NAME.service",
		(int)(strlen(unit->name) - strlen(".service")), unit->name,
		(int)(strlen(unit->name) - strlen(".service")), unit->name);
}

static bool is_true(const char *program)
{
	return !strcmp(program, "/bin/true") ||
	       !strcmp(program, "/usr/bin/true");
}

/* GO_ON: the library can help the program, whose path is put there. */
static int check_program(const struct unit *unit, const char *program,
			 char *path)
{
	static struct guarded_check check;
	struct starter starter = { 0 };

	if (!unit_user(unit, &starter.uid, &starter.gid))
		return command_fail(EXIT_FAILURE, unit->settings[UNIT_USER],
				    "there is no such user");
	guarded_check(program, &starter, &check);
	memcpy(path, check.path, PATH_MAX);
	/* It may be in there only, where it is not looked at. */
	if (check.outcome == CHECK_NOT_FOUND &&
	    (unit->settings[UNIT_ROOT_DIRECTORY] ||
	     unit->settings[UNIT_ROOT_IMAGE])) {
		(void)snprintf(path, PATH_MAX, "%s", program);
		return GO_ON;
	}
	return check.outcome == CHECK_DONE && check.preload.helps
		       ? GO_ON
		       : command_fail(EXIT_FAILURE, program,
				      check.preload.text);
}

/* Of errno, after unit_read(). */
static const char *why_unread(const char *name)
{
	if (errno == ENOENT && !strchr(name, '/'))
		return "there is no such unit";
	return errno == ETIME ? "it could not be read in time"
			      : strerror(errno);
}

/*
 * GO_ON: the unit can be helped; `path` is its program's, or "".  By the engine
 * in the kernel, which needs nothing of it: `kernel`.
 */
static int check_unit(const char *name, struct unit *unit, bool kernel,
		      char *path)
{
	char program[PATH_MAX];
	const char *why = unit_name(name, unit);

	*path = '\0';
	if (why)
		return command_fail(EXIT_USAGE, name, why);
	if (!unit_read(name, unit))
		return command_fail(EXIT_FAILURE, name, why_unread(name));
	if (!unit->known)
		return GO_ON;
	if (!unit_program(unit, program))
		return command_fail(EXIT_FAILURE, name,
				    unit->masked
					    ? "masked: it cannot be started "
					      "before systemctl unmask"
					    : "not a service: it has no "
					      "ExecStart=");
	if (is_true(program))
		return fail_on_group(unit);
	why = why_not_needed(program);
	if (why)
		return command_fail_with(EXIT_SUCCESS, unit->name,
					 "does not need it: %s", why);
	return kernel ? GO_ON : check_program(unit, program, path);
}

/* The drop-in as a string; NULL, and errno: no memory. */
static char *drop_in_text(const struct unit *unit, bool kernel,
			  const char *program)
{
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);
	bool written;

	if (!out)
		return NULL;
	if (kernel)
		written = drop_in_write_attach(out, unit);
	else
		written = drop_in_write(out, unit, *program ? program : NULL);
	return fclose(out) || !written ? NULL : text;
}

static const char *next_line(const char *text)
{
	const char *end = strchr(text, '\n');

	return end ? end + 1 : text + strlen(text);
}

static void print_lines(char mark, const char *from, const char *to)
{
	for (; from < to; from = next_line(from))
		print_line("%c%.*s", mark, (int)strcspn(from, "\n"), from);
}

/* As it is for a file; a terminal gets nothing that it obeys. */
static void print_drop_in(const char *text)
{
	if (!isatty(STDOUT_FILENO))
		(void)fputs(text, stdout);
	else
		for (; *text; text = next_line(text))
			print_line("%.*s", (int)strcspn(text, "\n"), text);
}

/* The lines that differ, without what is alike before and behind them. */
static void print_changes(const char *path, const char *before,
			  const char *after)
{
	const char *end_before = before + strlen(before);
	const char *end_after = after + strlen(after);

	print_line("--- %s", *before ? path : "/dev/null");
	print_line("+++ %s", *after ? path : "/dev/null");
	while (*before && *after) {
		const size_t bytes = (size_t)(next_line(before) - before);

		if (strncmp(before, after, bytes) != 0)
			break;
		before += bytes;
		after += bytes;
	}
	print_lines('-', before, end_before);
	print_lines('+', after, end_after);
}

/* By rename: systemd finds the old file or the new one. */
static bool write_atomically(const char *path, const char *text)
{
	char other[PATH_MAX];
	const size_t bytes = strlen(text);
	bool written;
	int fd;

	(void)snprintf(other, sizeof(other), "%.*s/.replyfrom.XXXXXX",
		       (int)(strrchr(path, '/') - path), path);
	fd = mkostemp(other, O_CLOEXEC);
	if (fd < 0)
		return false;
	written = write(fd, text, bytes) == (ssize_t)bytes &&
		  !fchmod(fd, 0644) && !fsync(fd);
	written = !close(fd) && written && !rename(other, path);
	if (!written)
		(void)unlink(other);
	return written;
}

/* Behind a change: systemd has to read it, and the service to be restarted. */
static int finish_change(const struct unit *unit, const char *change,
			 const char *effect)
{
	const bool is_template = strstr(unit->name, "@.");
	char quoted[UNIT_QUOTED_BYTES];

	if (!unit_systemd_runs())
		print_line("systemd does not run here: nothing was reloaded");
	else if (!unit_daemon_reload())
		return command_fail_with(
			EXIT_FAILURE, "systemctl daemon-reload",
			"%s; the drop-in was %s, run this again for it to "
			"take effect",
			errno == ETIME ? "did not end in time" : "failed",
			change);
	unit_quote_instances(unit, quoted);
	print_line("%s when %s: systemctl restart %s", effect,
		   is_template ? "its instances restart" : "it restarts",
		   quoted);
	return command_finish(EXIT_SUCCESS);
}

/* Before a file that somebody edited is replaced or removed.  GO_ON: go on. */
static int keep_edited(const char *path, const char *text)
{
	char copy[PATH_MAX + sizeof(".bak")];

	if (!drop_in_is_edited(text))
		return GO_ON;
	(void)snprintf(copy, sizeof(copy), "%s.bak", path);
	(void)unlink(copy);
	if (link(path, copy))
		return command_fail_errno(EXIT_FAILURE, copy);
	print_line("%s has lines that replyfrom does not write: they are kept "
		   "in %s",
		   path, copy);
	return GO_ON;
}

static int write_drop_in(const struct unit *unit, const char *before,
			 const char *text)
{
	char directory[PATH_MAX], path[PATH_MAX];
	int status;

	drop_in_paths(unit, directory, path);
	status = keep_edited(path, before);
	if (status != GO_ON)
		return status;
	if ((mkdir(directory, 0755) && errno != EEXIST) ||
	    !write_atomically(path, text))
		return command_fail_errno(EXIT_FAILURE, path);
	return finish_change(unit, "written",
			     drop_in_attaches(text)
				     ? "the kernel engine serves it"
				     : "the service gets the library");
}

static int install(const struct unit *unit, const char *text, bool dry_run)
{
	char directory[PATH_MAX], path[PATH_MAX];
	char *before;
	int status;

	drop_in_paths(unit, directory, path);
	before = drop_in_read(path);
	if (!before)
		return command_fail_errno(EXIT_FAILURE, path);
	if (!strcmp(before, text)) {
		print_line("%s: up to date", path);
		free(before);
		return command_finish(EXIT_SUCCESS);
	}
	print_changes(path, before, text);
	if (dry_run) {
		print_line("dry run: nothing was written");
		status = command_finish(EXIT_SUCCESS);
	} else {
		status = write_drop_in(unit, before, text);
	}
	free(before);
	return status;
}

static int unlink_drop_in(const struct unit *unit, const char *before)
{
	char directory[PATH_MAX], path[PATH_MAX], quoted[UNIT_QUOTED_BYTES];
	const bool attached = drop_in_attaches(before);
	int status;

	drop_in_paths(unit, directory, path);
	status = keep_edited(path, before);
	if (status != GO_ON)
		return status;
	if (unlink(path))
		return command_fail_errno(EXIT_FAILURE, path);
	(void)rmdir(directory); /* unless it has others */
	unit_quote(unit->name, quoted);
	if (attached)
		print_line("the kernel engine serves it until: replyfrom "
			   "detach %s",
			   quoted);
	return finish_change(unit, "removed",
			     attached ? "it is not attached again"
				      : "the service runs without the "
					"library");
}

static int remove_drop_in(const char *name, bool dry_run)
{
	char directory[PATH_MAX], path[PATH_MAX];
	struct unit unit;
	const char *why = unit_name(name, &unit);
	char *before;
	int status;

	if (why)
		return command_fail(EXIT_USAGE, name, why);
	drop_in_paths(&unit, directory, path);
	before = access(path, F_OK) ? NULL : drop_in_read(path);
	if (!before)
		return command_fail_errno(EXIT_FAILURE, path);
	print_changes(path, before, "");
	if (dry_run) {
		print_line("dry run: nothing was removed");
		status = command_finish(EXIT_SUCCESS);
	} else {
		status = unlink_drop_in(&unit, before);
	}
	free(before);
	return status;
}

/* What is to be done. */
struct action {
	bool installs;
	bool removes;
	bool dry_run;
	bool kernel; /* by the engine in the kernel */
};

/* GO_ON, or an exit status. */
static int read_systemd_options(int argc, char **argv, struct action *action)
{
	static const struct option known[] = {
		{ "install", no_argument, NULL, OPTION_INSTALL },
		{ "remove", no_argument, NULL, OPTION_REMOVE },
		{ "dry-run", no_argument, NULL, OPTION_DRY_RUN },
		{ "kernel", no_argument, NULL, OPTION_KERNEL },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = command_option(argc, argv, ":h", known)) != -1)
		switch (option) {
		case OPTION_INSTALL:
			action->installs = true;
			break;
		case OPTION_REMOVE:
			action->removes = true;
			break;
		case OPTION_DRY_RUN:
			action->dry_run = true;
			break;
		case OPTION_KERNEL:
			action->kernel = true;
			break;
		case 'h':
			return command_help("systemd");
		default:
			return EXIT_USAGE;
		}
	if (action->installs && action->removes)
		return command_fail(EXIT_USAGE, "--remove",
				    "cannot be combined with --install");
	if (optind == argc)
		return command_fail(EXIT_USAGE, "systemd", "missing UNIT");
	if (optind + 1 < argc)
		return command_fail(EXIT_USAGE, argv[optind + 1],
				    "unexpected argument after the unit");
	return GO_ON;
}

int systemd_main(int argc, char **argv)
{
	struct action action = { 0 };
	char program[PATH_MAX];
	struct unit unit;
	int status = read_systemd_options(argc, argv, &action);
	char *text;

	if (status != GO_ON)
		return status;
	if (action.removes)
		return remove_drop_in(argv[optind], action.dry_run);
	status = check_unit(argv[optind], &unit, action.kernel, program);
	if (status != GO_ON)
		return status;
	text = drop_in_text(&unit, action.kernel, program);
	if (!text)
		return command_fail_errno(EXIT_FAILURE, argv[optind]);
	if (action.installs || action.dry_run) {
		status = install(&unit, text, action.dry_run);
	} else {
		print_drop_in(text);
		status = command_finish(EXIT_SUCCESS);
	}
	free(text);
	return status;
}
// NOLINTEND(concurrency-mt-unsafe)
