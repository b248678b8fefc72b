/* SPDX-License-Identifier: MIT */
/* `replyfrom status`: shows what the library does in running processes. */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "command/command.h"
#include "command/findings.h"
#include "command/guard.h"
#include "command/print.h"
#include "command/process.h"
#include "command/target.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MOST_WATCH_S 86400
#define START_MS 500

static const char *const outcomes[] = {
	[COUNTERS_GONE] = "there is no such process",
	[COUNTERS_DENIED] =
		"permission denied; root, or the user that it runs as and "
		"that may trace it (kernel.yama.ptrace_scope), can look",
	[COUNTERS_NOT_LOADED] = "does not have " COMMAND_LIBRARY
				" loaded; `replyfrom doctor` says what to do",
	[COUNTERS_OTHER_CLASS] =
		"is a program of another word size; use the replyfrom "
		"that was built for it",
	[COUNTERS_OTHER_VERSION] = "has another version of " COMMAND_LIBRARY
				   " loaded; restart it, or use the replyfrom "
				   "of that version",
	[COUNTERS_UNREADABLE] = "its counters make no sense",
	[COUNTERS_LATE] = "could not be looked at: it does not answer",
	[COUNTERS_SKIPPED] = "was not looked at: others took too long",
};

struct request {
	const char *word; /* NULL: all processes */
	bool json;
	bool prometheus;
	unsigned int watch_s; /* 0: once */
};

static void look_once(pid_t pid, struct finding *finding)
{
	if (!process_read(pid, &finding->process))
		finding->outcome = COUNTERS_GONE;
	else
		finding->outcome =
			counters_read(&finding->process, finding->figures);
}

/* One that was just started has not relocated the library yet. */
static bool may_begin(const struct finding *finding)
{
	return (finding->outcome == COUNTERS_UNREADABLE ||
		finding->outcome == COUNTERS_OTHER_VERSION) &&
	       (uint64_t)command_now_ms(CLOCK_BOOTTIME) - finding->started_ms <
		       START_MS;
}

static void write_finding(void *data)
{
	static struct finding finding;
	const pid_t pid = *(const pid_t *)data;
	const struct timespec nap = { .tv_nsec = 10000000 };
	const uint64_t started_ms = process_start_ms(pid);

	look_once(pid, &finding);
	finding.started_ms = started_ms;
	while (may_begin(&finding)) {
		(void)nanosleep(&nap, NULL);
		look_once(pid, &finding);
	}
	guard_write(&finding, sizeof(finding));
}

static void look_at(pid_t pid, struct finding *finding)
{
	struct guard_output output;
	const enum guard_outcome outcome =
		guard_run(write_finding, &pid, &output);
	size_t at = 0;

	if (outcome != GUARD_DONE ||
	    !guard_take(&output, &at, finding, sizeof(*finding))) {
		*finding =
			(struct finding){ .outcome = outcome == GUARD_SKIPPED
							     ? COUNTERS_SKIPPED
							     : COUNTERS_LATE };
		(void)process_read_names(pid, &finding->process);
	}
	free(output.at);
}

static void print_view(const struct request *request, const struct view *view,
		       const struct view *earlier)
{
	if (request->json) {
		for (size_t i = 0; i < view->count; i++)
			findings_json(&view->list[i], view->time);
		if (view->engine.is_attached)
			findings_engine_json(view);
	} else if (request->prometheus) {
		findings_prometheus(view);
	} else if (request->word && target_is_number(request->word) &&
		   !request->watch_s) {
		findings_details(view->list);
	} else {
		if (request->watch_s && print_can_control())
			(void)fputs("\033[H\033[2J", stdout);
		else if (request->watch_s)
			print_line("%s", view->time);
		findings_table(view, earlier);
	}
}

/* In one line, of the process of this number. */
static int fail_on_process(pid_t pid, enum counters_outcome outcome)
{
	char number[16];

	(void)snprintf(number, sizeof(number), "%d", (int)pid);
	return command_fail(EXIT_INCOMPLETE, number, outcomes[outcome]);
}

static bool keep(struct view *view, const struct finding *finding)
{
	struct finding *list =
		realloc(view->list, (view->count + 1) * sizeof(*list));

	if (!list)
		return false;
	view->list = list;
	view->list[view->count++] = *finding;
	return true;
}

/* An exit status; what is not to be seen there is said on stderr. */
static int look_at_all(const struct request *request, struct target *target,
		       struct view *view)
{
	int status = EXIT_SUCCESS;

	for (size_t i = 0; i < target->count; i++) {
		static struct finding finding;

		look_at(target->pids[i], &finding);
		if (finding.outcome == COUNTERS_READ)
			(void)keep(view, &finding);
		else if (finding.outcome == COUNTERS_DENIED && !request->word)
			view->denied++;
		/* Other processes come and go. */
		else if (request->word || finding.outcome > COUNTERS_NOT_LOADED)
			status = fail_on_process(target->pids[i],
						 finding.outcome);
		if (finding.outcome == COUNTERS_LATE)
			target_postpone(target, i);
	}
	return status;
}

static void stamp(struct view *view)
{
	const time_t now = time(NULL);
	struct tm utc;

	view->time_ms = (uint64_t)command_now_ms(CLOCK_BOOTTIME);
	if (gmtime_r(&now, &utc))
		(void)strftime(view->time, sizeof(view->time),
			       "%Y-%m-%dT%H:%M:%SZ", &utc);
}

static int fail_empty(const struct request *request, const struct view *view)
{
	if (request->word)
		return command_fail(
			EXIT_INCOMPLETE, request->word,
			request->watch_s == 1 &&
					isdigit((unsigned char)*request->word)
				? "there is no such process or "
				  "unit (seconds are given as "
				  "--watch=SECONDS)"
				: "there is no such process or "
				  "unit");
	return command_fail(
		EXIT_INCOMPLETE, "status",
		view->denied
			? "no process that we may look at has " COMMAND_LIBRARY
			  " loaded; root may look at all"
			: "no process has " COMMAND_LIBRARY
			  " loaded; `replyfrom check --all` says which need "
			  "it");
}

/* One look at what was asked for.  An exit status. */
static int show(const struct request *request, struct view *earlier)
{
	struct target target =
		request->word ? target_find(request->word) : target_all();
	struct view view = { .list = NULL };
	int status;

	guard_begin(); /* --watch looks again and again */
	status = look_at_all(request, &target, &view);
	if (!request->word)
		engine_read(&view.engine);
	stamp(&view);
	if (!view.engine.is_attached &&
	    (!target.count || (!view.count && !status)))
		status = fail_empty(request, &view);
	else if (view.count || view.engine.is_attached)
		print_view(request, &view, earlier);
	free(target.pids);
	free(earlier->list);
	*earlier = view;
	return command_finish(status);
}

static bool parse_seconds(const char *text, unsigned int *number)
{
	char *end;
	unsigned long n;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno || *end || !n || n > MOST_WATCH_S)
		return false;
	*number = (unsigned int)n;
	return true;
}

static int fail_on_watch(const char *text)
{
	print_failure("--watch=%s: not a number of seconds from 1 to 86400",
		      text);
	return EXIT_USAGE;
}

static int apply_status_option(int option, struct request *request)
{
	switch (option) {
	case LONG_OPTION + 'j':
		request->json = true;
		break;
	case LONG_OPTION + 'p':
		request->prometheus = true;
		break;
	case LONG_OPTION + 'w':
		request->watch_s = 1;
		if (optarg && !parse_seconds(optarg, &request->watch_s))
			return fail_on_watch(optarg);
		break;
	case LONG_OPTION + 'c':
		return command_color(optarg);
	case 'h':
		return command_help("status");
	default:
		return EXIT_USAGE;
	}
	return GO_ON;
}

static int read_status_options(int argc, char **argv, struct request *request)
{
	static const struct option options[] = {
		{ "color", optional_argument, NULL, LONG_OPTION + 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ "json", no_argument, NULL, LONG_OPTION + 'j' },
		{ "prometheus", no_argument, NULL, LONG_OPTION + 'p' },
		{ "watch", optional_argument, NULL, LONG_OPTION + 'w' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	(void)print_set_color(NULL);
	while ((option = command_option(argc, argv, ":h", options)) != -1) {
		const int status = apply_status_option(option, request);

		if (status != GO_ON)
			return status;
	}
	if (optind + 1 < argc)
		return command_fail(EXIT_USAGE, argv[optind + 1],
				    "status takes one PID, unit or name");
	if (request->json && request->prometheus)
		return command_fail(EXIT_USAGE, "--prometheus",
				    "cannot be combined with --json");
	request->word = argv[optind];
	return GO_ON;
}

int status_main(int argc, char **argv)
{
	struct request request = { .word = NULL };
	struct view earlier = { .list = NULL };
	int status = read_status_options(argc, argv, &request);

	if (status == GO_ON)
		status = command_check_proc();
	if (status != GO_ON)
		return status;
	for (;;) {
		status = show(&request, &earlier);
		if (!request.watch_s || status != EXIT_SUCCESS)
			break;
		(void)sleep(request.watch_s);
	}
	free(earlier.list);
	return status;
}
// NOLINTEND(concurrency-mt-unsafe)
