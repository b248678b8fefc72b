/* SPDX-License-Identifier: MIT */
/* Finds and checks a command in a child. */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "command/guarded_check.h"

#include "command/guard.h"
#include "command/path_search.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct request {
	const char *command;
	const struct starter *starter;
};

static void set_reason(struct guarded_check *check, const char *why)
{
	(void)snprintf(check->preload.text, sizeof(check->preload.text), "%s",
		       why);
}

static void check_in_child(void *data)
{
	const struct request *request = data;
	static struct guarded_check check;

	if (!path_search(request->command, check.path)) {
		check.outcome = CHECK_NOT_FOUND;
		set_reason(&check, path_search_error(request->command));
	} else if (!preload_check(check.path, request->starter,
				  &check.preload)) {
		check.outcome = CHECK_UNREAD;
		set_reason(&check, strerror(errno));
	} else if (!realpath(check.path, check.file)) {
		*check.file = '\0';
	}
	guard_write(&check, sizeof(check));
}

void guarded_check(const char *command, const struct starter *starter,
		   struct guarded_check *check)
{
	struct request request = { command, starter };
	struct guard_output output;
	size_t at = 0;

	if (guard_run(check_in_child, &request, &output) != GUARD_DONE ||
	    !guard_take(&output, &at, check, sizeof(*check))) {
		*check = (struct guarded_check){ .outcome = CHECK_UNREAD };
		(void)snprintf(check->path, sizeof(check->path), "%s", command);
		set_reason(check, "could not be looked at: it does not answer");
	}
	free(output.at);
}
// NOLINTEND(concurrency-mt-unsafe)
