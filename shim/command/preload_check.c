/* SPDX-License-Identifier: MIT */
/* Finds and judges a command in a child. */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "command/preload_check.h"

#include "command/guard.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct request {
	const char *command;
	const struct starter *starter;
};

static void set_reason(struct preload_check *check, const char *why)
{
	(void)snprintf(check->verdict.text, sizeof(check->verdict.text), "%s",
		       why);
}

static void check_in_child(void *data)
{
	const struct request *request = data;
	static struct preload_check check;

	if (!judge_find(request->command, check.path)) {
		check.outcome = PRELOAD_NOT_FOUND;
		set_reason(&check, judge_not_found(request->command));
	} else if (!judge(check.path, request->starter, &check.verdict)) {
		check.outcome = PRELOAD_UNREAD;
		set_reason(&check, strerror(errno));
	}
	guard_write(&check, sizeof(check));
}

void preload_check(const char *command, const struct starter *starter,
		   struct preload_check *check)
{
	struct request request = { command, starter };
	struct guard_output output;
	size_t at = 0;

	if (guard_run(check_in_child, &request, &output) != GUARD_DONE ||
	    !guard_take(&output, &at, check, sizeof(*check))) {
		*check = (struct preload_check){ .outcome = PRELOAD_UNREAD };
		(void)snprintf(check->path, sizeof(check->path), "%s", command);
		set_reason(check, "could not be looked at: it does not answer");
	}
	free(output.at);
}
// NOLINTEND(concurrency-mt-unsafe)
