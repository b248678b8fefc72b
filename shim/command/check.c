/* SPDX-License-Identifier: MIT */
/* Says whether the library can help a command, a process, or all there are. */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "command/command.h"
#include "command/guarded_check.h"
#include "command/inspect.h"
#include "command/print.h"
#include "command/report.h"
#include "command/target.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct request {
	struct starter starter;
	bool all;
	bool json;
	bool quiet;
	bool wrong_only;
	bool single; /* one process is meant, and no command */
};

static struct report report;

/*
 * Where the word names processes, it need not be a command.  Where it is a
 * path, adds the processes that run that program.
 */
static int check_command(const char *command, struct request *request,
			 struct target *target)
{
	static struct guarded_check check;
	const struct preload_check *preload = &check.preload;

	guarded_check(command, &request->starter, &check);
	if (check.outcome == CHECK_NOT_FOUND && target->count) {
		request->single = target->count == 1;
		return EXIT_SUCCESS;
	}
	if (strchr(command, '/') && *check.file && !request->starter.is_named)
		*target = target_find_program(check.file);
	if (check.outcome != CHECK_DONE)
		return command_fail(EXIT_INCOMPLETE,
				    check.outcome == CHECK_UNREAD ? check.path
								  : command,
				    preload->text);
	report.reason = preload->text;
	if (!request->quiet && !request->json)
		print_line("%s: replyfrom %s%s%s", command,
			   preload->helps ? "can help" : "cannot help",
			   *preload->text ? ": " : "", preload->text);
	return preload->helps ? EXIT_SUCCESS : EXIT_WRONG;
}

/* A second uplink whose answers leave by the first.  ip-rule(8). */
static void say_ways_out(const struct network_view *view)
{
	for (int i = 0; i < view->addresses.count; i++) {
		const struct host_address *a = &view->addresses.list[i];

		if (*a->leaves_by)
			print_line("note: answers from %s leave by %s, not %s: "
				   "if that is an uplink, it needs a route of "
				   "its own: ip%s rule add from %s table 100",
				   a->text, a->leaves_by, a->device,
				   a->family == AF_INET6 ? " -6" : "", a->text);
	}
}

/* What a network has beyond what is looked at; each network once. */
static void note_network(const struct request *request, pid_t pid)
{
	struct network_view *view = network_of(pid);

	if (!view || view->noted)
		return;
	view->noted = true;
	if (view->sockets_more || view->addresses.more) {
		report.unknown++;
		print_failure(
			"check: %zu sockets and %d addresses more were not "
			"looked at",
			view->sockets_more, view->addresses.more);
	}
	if (!request->quiet && !request->json)
		say_ways_out(view);
}

/* What cannot be seen is said.  False: it is late. */
static bool check_process(const struct request *request, pid_t pid)
{
	struct inspection found = inspect(pid);
	char text[PROCESS_NAME_BYTES + 16];
	size_t count = found.count;

	note_network(request, pid);
	for (size_t i = 0; i < found.count; i++)
		report_add(&report, &found.list[i]);
	free(found.list);
	(void)snprintf(text, sizeof(text), *found.name ? "%s (%d)" : "%s%d",
		       found.name, (int)pid);
	if (found.outcome >= INSPECT_LATE ||
	    (found.outcome != INSPECT_DONE && !request->all)) {
		report.unknown++;
		(void)command_fail(EXIT_INCOMPLETE, text,
				   inspect_outcomes[found.outcome]);
	} else if (!count && request->single && !request->quiet &&
		   !request->json && !request->wrong_only) {
		print_line("%s: not needed: it has no UDP socket on the "
			   "wildcard",
			   text);
	}
	return found.outcome != INSPECT_LATE;
}

/* A socket that no process has that can be seen. */
static void add_other(const struct network_view *view,
		      const struct wildcard *socket)
{
	static struct inspected one;

	one = (struct inspected){ .socket = *socket };
	if (!view->known)
		one.answers = ANSWERS_UNKNOWN;
	else if (!network_wrong(view, socket, false, one.wrong))
		one.answers = ANSWERS_RIGHT;
	else if (!geteuid() && !report.unknown) {
		(void)snprintf(one.why, sizeof(one.why),
			       "no process that can be seen has it: the "
			       "kernel's own, as WireGuard's, or another "
			       "container's");
	} else {
		one.answers = ANSWERS_UNKNOWN;
		(void)snprintf(one.why, sizeof(one.why),
			       "wrong, unless its owner or replyfrom sees to "
			       "it");
	}
	report_add(&report, &one);
}

static void check_others(void)
{
	const struct network_view *view = network_of(getpid());
	size_t count;
	unsigned long *inodes = report_inodes(&report, NULL, &count);

	for (size_t i = 0; view && i < view->socket_count; i++)
		if (!report_has_inode(inodes, count, view->sockets[i].inode))
			add_other(view, &view->sockets[i]);
	free(inodes);
}

/* What was beyond the bound, once all is added. */
static void note_more(void)
{
	if (report.more)
		print_failure("check: %zu sockets more were not looked at",
			      report.more);
}

static int status_of_report(void)
{
	if (report.wrong)
		return EXIT_WRONG;
	return report.unknown ? EXIT_INCOMPLETE : EXIT_SUCCESS;
}

static int check_all(const struct request *request)
{
	struct target target = target_all();
	int status;

	/* Ours first, whatever time the others take. */
	note_network(request, getpid());
	for (size_t i = 0; i < target.count; i++)
		if (!check_process(request, target.pids[i]))
			target_postpone(&target, i);
	free(target.pids);
	report_merge(&report);
	check_others();
	note_more();
	status = status_of_report();
	if (request->json)
		report_json(&report, request->wrong_only, status);
	else if (!request->quiet && report.count)
		report_table(&report, request->wrong_only);
	else if (!request->quiet)
		print_line("not needed: there is no UDP socket on the "
			   "wildcard");
	if (geteuid() && !request->quiet && !request->json)
		print_line("note: only root can see other users' processes, "
			   "and whether replyfrom is loaded there");
	return command_finish(status);
}

/* A command, and what runs of it; a process; or those of a unit. */
static int check_word(struct request *request, const char *word)
{
	struct target target = { .count = 0 };
	int status = EXIT_SUCCESS, live;

	if (!request->starter.is_named)
		target = target_find(word);
	if (target_is_number(word) && !target.count)
		return command_fail(EXIT_INCOMPLETE, word,
				    "there is no such process");
	if (target.count && target_is_number(word))
		request->single = true;
	else
		status = check_command(word, request, &target);
	for (size_t i = 0; i < target.count; i++)
		(void)check_process(request, target.pids[i]);
	report_merge(&report);
	note_more();
	/* Of a daemon that runs, its sockets say what is wrong now. */
	live = status_of_report();
	if (live != EXIT_SUCCESS && status != EXIT_WRONG)
		status = live;
	if (request->json)
		report_json(&report, request->wrong_only, status);
	else if (!request->quiet)
		report_lines(&report, request->wrong_only);
	free(target.pids);
	return command_finish(status);
}

static int parse_user(const char *name, struct request *request)
{
	const struct passwd *user = getpwnam(name);

	if (!user)
		return command_fail(EXIT_INCOMPLETE, name,
				    "there is no such user");
	request->starter.uid = user->pw_uid;
	request->starter.gid = user->pw_gid;
	request->starter.is_named = true;
	return GO_ON;
}

static int apply_check_option(int option, struct request *request)
{
	switch (option) {
	case 'a':
		request->all = true;
		return GO_ON;
	case LONG_OPTION + 'j':
		request->json = true;
		return GO_ON;
	case 'q':
		request->quiet = true;
		return GO_ON;
	case LONG_OPTION + 'w':
		request->wrong_only = true;
		return GO_ON;
	case LONG_OPTION + 'u':
		return parse_user(optarg, request);
	case LONG_OPTION + 'c':
		return command_color(optarg);
	case 'h':
		return command_help("check");
	default:
		return EXIT_USAGE;
	}
}

static int read_check_options(int argc, char **argv, struct request *request)
{
	static const struct option options[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "color", optional_argument, NULL, LONG_OPTION + 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ "json", no_argument, NULL, LONG_OPTION + 'j' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "user", required_argument, NULL, LONG_OPTION + 'u' },
		{ "wrong-only", no_argument, NULL, LONG_OPTION + 'w' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	(void)print_set_color(NULL);
	while ((option = command_option(argc, argv, ":ahq", options)) != -1) {
		const int status = apply_check_option(option, request);

		if (status != GO_ON)
			return status;
	}
	if (request->all ? optind < argc : optind + 1 < argc)
		return command_fail(EXIT_USAGE,
				    argv[optind + (request->all ? 0 : 1)],
				    "check takes one command, PID, unit or "
				    "name, or --all alone");
	if (request->quiet && request->json)
		return command_fail(EXIT_USAGE, "--json",
				    "cannot be combined with --quiet");
	if (request->all && request->starter.is_named)
		return command_fail(EXIT_USAGE, "--user",
				    "cannot be combined with --all");
	if (!request->all && optind == argc)
		return command_fail(EXIT_USAGE, "check",
				    "missing COMMAND, PID, UNIT or --all");
	return GO_ON;
}

int check_main(int argc, char **argv)
{
	struct request request = { .starter = { .uid = getuid(),
						.gid = getgid() } };
	int status = read_check_options(argc, argv, &request);

	if (status == GO_ON)
		status = command_check_proc();
	if (status != GO_ON)
		return status;
	return request.all ? check_all(&request)
			   : check_word(&request, argv[optind]);
}
// NOLINTEND(concurrency-mt-unsafe)
