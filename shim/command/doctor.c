/* SPDX-License-Identifier: MIT */
/*
 * `replyfrom doctor`: says of a service or process what keeps its replies from
 * being right, and what to do about each thing.
 */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "command/command.h"
#include "command/confinement.h"
#include "command/diagnosis.h"
#include "command/drop_in.h"
#include "command/guard.h"
#include "command/guarded_check.h"
#include "command/print.h"
#include "command/subject.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_LIST_BYTES = 1 << 20 };

/* Of one that is not needed, nothing is wrong. */
static enum diagnosis need(const struct subject *subject)
{
	return subject->report.wrong ? DIAGNOSIS_WRONG : DIAGNOSIS_NOTE;
}

static void diagnose_library(void)
{
	const char *library = command_library();
	const char *problem = command_library_problem(library);

	if (problem)
		diagnosis_say(DIAGNOSIS_WRONG, "library",
			      "install the library that was built for this "
			      "system",
			      "%s: %s", library, problem);
	else
		diagnosis_say(DIAGNOSIS_OK, "library", NULL, "%s can be loaded",
			      library);
}

/* What the unit would start.  False: nothing, which was reported. */
static bool find_unit_program(const struct unit *unit, char *program,
			      struct starter *starter)
{
	if (!unit_program(unit, program))
		return false;
	if (!unit_user(unit, &starter->uid, &starter->gid)) {
		diagnosis_say(DIAGNOSIS_NOTE, "program",
			      "correct the unit's User=",
			      "there is no such user as %s",
			      unit->settings[UNIT_USER]);
		return false;
	}
	return true;
}

/* Of a process its own line says that it cannot be looked at. */
static void diagnose_unchecked(const struct subject *subject,
			       const char *program,
			       const struct guarded_check *check)
{
	if (check->outcome == CHECK_UNREAD && !subject->target.count)
		diagnosis_say(DIAGNOSIS_UNKNOWN, "program", NULL, "%s: %s",
			      program, check->preload.text);
	else if (!subject->target.count)
		diagnosis_say(DIAGNOSIS_NOTE, "program",
			      "correct the unit's ExecStart=",
			      "there is no such command as %s", program);
}

static void diagnose_program(const struct subject *subject)
{
	struct starter starter = { .uid = subject->process.uid,
				   .gid = subject->process.gid,
				   .root_of = subject->process.pid };
	static struct guarded_check check;
	char program[PATH_MAX] = "";

	if (subject->target.count)
		(void)snprintf(program, sizeof(program), "/proc/%d/exe",
			       (int)subject->process.pid);
	else if (!find_unit_program(&subject->unit, program, &starter))
		return;
	if (subject->process.loaded)
		return;
	guarded_check(program, &starter, &check);
	if (check.outcome != CHECK_DONE)
		diagnose_unchecked(subject, program, &check);
	else if (check.preload.helps)
		diagnosis_say(DIAGNOSIS_OK, "program", NULL,
			      "replyfrom can help it, and user %u can read the "
			      "library",
			      (unsigned int)starter.uid);
	else
		diagnosis_say(need(subject), "program", NULL,
			      "replyfrom cannot help it: %s",
			      check.preload.text);
}

/* The file of ld.so(8), without its comments; the caller frees it. */
static char *read_system_list(void)
{
	struct guard_output list;

	if (guard_read_file("/etc/ld.so.preload", MOST_LIST_BYTES, &list) !=
	    GUARD_DONE) {
		if (errno != ENOENT)
			diagnosis_say(DIAGNOSIS_UNKNOWN, "preload", NULL,
				      "/etc/ld.so.preload: %s",
				      strerror(errno));
		free(list.at);
		return NULL;
	}
	for (char *at = strchr(list.at, '#'); at; at = strchr(at, '#'))
		memset(at, ' ', strcspn(at, "\n"));
	return list.at;
}

/* Lists that name a library which is not there: the loader complains of each.
 */
static void diagnose_lists(const struct subject *subject, const char *preload)
{
	char *list = read_system_list(), missing[PATH_MAX];
	bool found = *subject->missing;

	if (subject_names_missing(list, missing)) {
		diagnosis_say(
			DIAGNOSIS_WRONG, "preload",
			"remove it from /etc/ld.so.preload",
			"/etc/ld.so.preload names %s, which does not exist",
			missing);
		found = true;
	}
	free(list);
	if (subject_names_missing(preload, missing)) {
		diagnosis_say(DIAGNOSIS_WRONG, "preload",
			      "correct the unit's drop-in, or remove it by "
			      "`replyfrom systemd --remove`",
			      "LD_PRELOAD of %s names %s, which does not exist",
			      subject->unit.name, missing);
		found = true;
	}
	if (*subject->missing)
		diagnosis_say(DIAGNOSIS_WRONG, "preload", subject->restart,
			      "LD_PRELOAD of %s (%d) names %s, which does not "
			      "exist",
			      subject->process.name, (int)subject->process.pid,
			      subject->missing);
	if (!found)
		diagnosis_say(DIAGNOSIS_OK, "preload", NULL,
			      "no list names a library that does not exist");
}

static bool is_set(const char *preload)
{
	return preload &&
	       command_preload(preload, command_library()) == preload;
}

/* Whether this drop-in is one of systemd --kernel. */
static bool attaches(const char *path)
{
	char *text = drop_in_read(path);
	const bool found = text && drop_in_attaches(text);

	free(text);
	return found;
}

/* Whether systemd starts the service with the library. */
static void diagnose_drop_in(const struct subject *subject, const char *preload)
{
	const char *name = subject->unit.name;
	char directory[PATH_MAX], path[PATH_MAX], next[PATH_MAX];
	char quoted[UNIT_QUOTED_BYTES];

	drop_in_paths(&subject->unit, directory, path);
	unit_quote(name, quoted);
	if (is_set(preload)) {
		diagnosis_say(DIAGNOSIS_OK, "drop-in", NULL,
			      "%s sets LD_PRELOAD to the library", name);
	} else if (attaches(path)) {
		diagnosis_say(DIAGNOSIS_OK, "drop-in", NULL,
			      "%s attaches the kernel engine", path);
	} else if (subject->unit.masked) {
		(void)snprintf(next, sizeof(next), "systemctl unmask %s",
			       quoted);
		diagnosis_say(DIAGNOSIS_NOTE, "drop-in", next,
			      "%s is masked, so it cannot be started", name);
	} else if (!access(path, F_OK)) {
		(void)snprintf(next, sizeof(next),
			       "systemctl daemon-reload; %s", subject->restart);
		diagnosis_say(need(subject), "drop-in", next,
			      "%s exists, but systemd does not use it", path);
	} else if (subject->process.loaded) {
		diagnosis_say(DIAGNOSIS_OK, "drop-in", NULL,
			      "%s has none; the library is preloaded by other "
			      "means",
			      name);
	} else {
		(void)snprintf(next, sizeof(next),
			       "replyfrom systemd --install %s", quoted);
		diagnosis_say(need(subject), "drop-in", next,
			      "%s does not set LD_PRELOAD to the library",
			      name);
	}
}

/* How many sockets are of processes that do not have the library, or an old
 * one.
 */
static size_t count_sockets(const struct subject *subject, bool outdated,
			    const struct inspected **first)
{
	size_t count = 0;

	for (size_t i = 0; i < subject->report.count; i++) {
		const struct inspected *one = &subject->report.list[i];

		if (outdated ? !one->outdated : one->loaded || one->attached)
			continue;
		if (!count++)
			*first = one;
	}
	return count;
}

static void diagnose_loaded(const struct subject *subject)
{
	const struct inspected *first = NULL;
	const char *next = subject->process.wanted
				   ? "correct what the other lines name, and "
				     "start it again"
				   : subject->restart;

	if (!subject->report.count)
		return;
	if (count_sockets(subject, false, &first))
		diagnosis_say(need(subject), "loaded",
			      subject->report.wrong ? next : NULL,
			      "%s (%d) runs without the library", first->name,
			      (int)first->pid);
	else if (count_sockets(subject, true, &first))
		diagnosis_say(DIAGNOSIS_NOTE, "loaded", subject->restart,
			      "%s (%d) has an old library, which was replaced "
			      "since",
			      first->name, (int)first->pid);
	else
		diagnosis_say(DIAGNOSIS_OK, "loaded", NULL, "%s",
			      subject->report.list[0].attached
				      ? "the kernel engine serves it"
				      : "the library is loaded");
}

/* Siblings of SO_REUSEPORT, and workers that share a socket, are one line. */
static bool is_repeated(const struct report *report, size_t i)
{
	const struct inspected *one = &report->list[i];

	for (size_t n = 0; n < i; n++)
		if (!strcmp(report->list[n].socket.text, one->socket.text) &&
		    report->list[n].answers == one->answers &&
		    !strcmp(report->list[n].why, one->why))
			return true;
	return false;
}

static void diagnose_socket(const struct subject *subject,
			    const struct inspected *one)
{
	if (one->answers == ANSWERS_UNKNOWN)
		diagnosis_say(DIAGNOSIS_UNKNOWN, "sockets", "run this as root",
			      "%s: could not be looked at", one->socket.text);
	else if (one->helps)
		diagnosis_say(DIAGNOSIS_WRONG, "sockets", subject->restart,
			      "%s is answered wrong: %s", one->socket.text,
			      one->wrong);
	else
		diagnosis_say(
			DIAGNOSIS_WRONG, "sockets",
			"correct that, or use `replyfrom attach`",
			"%s is answered wrong: %s; replyfrom cannot help: "
			"%s",
			one->socket.text, one->wrong, one->why);
}

static bool is_right(const struct inspected *one)
{
	return one->answers != ANSWERS_WRONG && one->answers != ANSWERS_UNKNOWN;
}

static void diagnose_sockets(const struct subject *subject)
{
	const struct report *report = &subject->report;
	const size_t right = report_count(report, is_right);

	for (size_t i = 0; i < report->count; i++)
		if (!is_right(&report->list[i]) && !is_repeated(report, i))
			diagnose_socket(subject, &report->list[i]);
	if (right)
		diagnosis_say(DIAGNOSIS_OK, "sockets", NULL,
			      "%zu answered right", right);
	else if (!subject->target.count)
		diagnosis_say(DIAGNOSIS_UNKNOWN, "sockets", subject->restart,
			      "%s does not run", subject->unit.name);
	else if (!report->count && !report->unknown)
		diagnosis_say(DIAGNOSIS_OK, "sockets", NULL,
			      "no UDP socket on the wildcard");
}

/* Processes that could not be looked at. */
static void say_denied(const struct subject *subject)
{
	for (size_t i = 0; i < subject->target.count; i++)
		if (subject->outcomes[i] != INSPECT_DONE)
			diagnosis_say(DIAGNOSIS_UNKNOWN, "process", NULL,
				      "PID %d: %s",
				      (int)subject->target.pids[i],
				      inspect_outcomes[subject->outcomes[i]]);
}

static int diagnose(const struct subject *subject)
{
	char *environment = NULL;
	const char *preload = NULL;

	say_denied(subject);
	if (subject->has_unit) {
		environment = unit_property(&subject->unit, "Environment");
		preload = unit_preload(environment);
	}
	diagnose_library();
	diagnose_program(subject);
	diagnose_lists(subject, preload);
	if (subject->has_unit)
		diagnose_drop_in(subject, preload);
	diagnose_loaded(subject);
	confinement_diagnose(subject, need(subject));
	diagnose_sockets(subject);
	free(environment);
	return diagnosis_end();
}

/* GO_ON, or an exit status. */
static int read_doctor_options(int argc, char **argv)
{
	static const struct option known[] = {
		{ "color", optional_argument, NULL, LONG_OPTION + 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ "json", no_argument, NULL, LONG_OPTION + 'j' },
		{ NULL, 0, NULL, 0 },
	};
	bool json = false;
	int option;

	(void)print_set_color(NULL);
	while ((option = command_option(argc, argv, ":h", known)) != -1) {
		if (option == 'h')
			return command_help("doctor");
		if (option == '?')
			return EXIT_USAGE;
		if (option == LONG_OPTION + 'j')
			json = true;
		else if (command_color(optarg) != GO_ON)
			return EXIT_USAGE;
	}
	if (optind == argc)
		return command_fail(EXIT_USAGE, "doctor",
				    "missing UNIT, PID or NAME");
	if (optind + 1 < argc)
		return command_fail(EXIT_USAGE, argv[optind + 1],
				    "unexpected argument");
	diagnosis_begin(json);
	return GO_ON;
}

int doctor_main(int argc, char **argv)
{
	static struct subject subject;
	int status = read_doctor_options(argc, argv);

	if (status == GO_ON)
		status = command_check_proc();
	if (status != GO_ON)
		return status;
	if (!subject_find(argv[optind], &subject))
		return diagnosis_fail(argv[optind],
				      "there is no such process or unit");
	status = diagnose(&subject);
	subject_free(&subject);
	return command_finish(status);
}
// NOLINTEND(concurrency-mt-unsafe)
