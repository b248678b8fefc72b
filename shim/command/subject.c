/* SPDX-License-Identifier: MIT */
/* Finds the unit and the processes that `replyfrom doctor` is asked about. */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "command/subject.h"

#include "command/guard.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The first library of the list that does not exist in this root directory. */
static bool find_missing_below(const char *root, const char *list,
			       char *missing)
{
	while (*(list += strspn(list, ": \t\n"))) {
		const size_t length = strcspn(list, ": \t\n");
		char path[2 * PATH_MAX];

		(void)snprintf(path, sizeof(path), "%s%.*s", root, (int)length,
			       list);
		/* The loader looks in its own directories, and expands "$LIB".
		 */
		if (*list == '/' && !memchr(list, '$', length) &&
		    access(path, F_OK) &&
		    (errno == ENOENT || errno == ENOTDIR)) {
			(void)snprintf(missing, PATH_MAX, "%.*s", (int)length,
				       list);
			return true;
		}
		list += length;
	}
	return false;
}

static void find_missing(void *data)
{
	char missing[PATH_MAX] = "";

	(void)find_missing_below("", data, missing);
	guard_write(missing, sizeof(missing));
}

bool subject_names_missing(const char *list, char *missing)
{
	struct guard_output output;
	size_t at = 0;
	bool found;

	if (!list)
		return false;
	found = guard_run(find_missing, (void *)list, &output) == GUARD_DONE &&
		guard_take(&output, &at, missing, PATH_MAX) && *missing;
	free(output.at);
	return found;
}

/* In a child, as the process's files may never answer. */
static void read_process(void *data)
{
	struct subject *subject = data;
	char root[64];

	(void)snprintf(root, sizeof(root), "/proc/%d/root",
		       (int)subject->process.pid);
	*subject->missing = '\0';
	if (process_read(subject->process.pid, &subject->process))
		(void)find_missing_below(root, subject->process.preload,
					 subject->missing);
	guard_write(&subject->process, sizeof(subject->process));
	guard_write(subject->missing, sizeof(subject->missing));
}

static void read_first_process(struct subject *subject)
{
	struct guard_output output;
	size_t at = 0;

	(void)process_read_names(subject->target.pids[0], &subject->process);
	if (guard_run(read_process, subject, &output) == GUARD_DONE &&
	    guard_take(&output, &at, &subject->process,
		       sizeof(subject->process)))
		(void)guard_take(&output, &at, subject->missing,
				 sizeof(subject->missing));
	free(output.at);
}

/* A user's manager has services of its own, which systemctl does not show. */
static void find_unit(struct subject *subject)
{
	const char *name =
		subject->target.count ? subject->process.unit : subject->word;

	if (!*name || strchr(name, '/') || !strncmp(name, "user@", 5) ||
	    target_is_number(name) || !unit_systemd_runs() ||
	    unit_name(name, &subject->unit))
		return;
	subject->has_unit = unit_read(name, &subject->unit);
}

static const char *restart_command(const struct subject *subject)
{
	static char text[UNIT_QUOTED_BYTES + 32];
	char quoted[UNIT_QUOTED_BYTES];

	if (!subject->has_unit)
		return "start it again by `replyfrom COMMAND`";
	unit_quote_instances(&subject->unit, quoted);
	(void)snprintf(text, sizeof(text), "systemctl restart %s", quoted);
	return text;
}

static bool inspect_all(struct subject *subject)
{
	const size_t count = subject->target.count;

	subject->outcomes = calloc(count + 1, sizeof(*subject->outcomes));
	if (!subject->outcomes)
		return false;
	for (size_t i = 0; i < count; i++) {
		struct inspection found = inspect(subject->target.pids[i]);

		for (size_t n = 0; n < found.count; n++)
			report_add(&subject->report, &found.list[n]);
		free(found.list);
		subject->outcomes[i] = (int)found.outcome;
		subject->report.unknown += found.outcome != INSPECT_DONE;
	}
	return true;
}

bool subject_find(const char *word, struct subject *subject)
{
	subject->word = word;
	subject->target = target_find(word);
	if (subject->target.count)
		read_first_process(subject);
	find_unit(subject);
	subject->restart = restart_command(subject);
	return (subject->target.count || subject->has_unit) &&
	       inspect_all(subject);
}

void subject_free(struct subject *subject)
{
	free(subject->outcomes);
	free(subject->target.pids);
	free(subject->report.list);
}
// NOLINTEND(concurrency-mt-unsafe)
