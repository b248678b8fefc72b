/* SPDX-License-Identifier: MIT */
/* Network namespaces, of which anyone may make as many as they like. */
#include "command/network.h"

#include "command/guard.h"
#include "command/process.h"
#include "unit.h"

#include <stdlib.h>

enum { EACH_BYTES = 1 << 26 };

ino_t __wrap_process_namespace(pid_t pid, const char *kind);
enum guard_outcome __wrap_guard_run(void (*work)(void *data), void *data,
				    struct guard_output *output);

/* Each process has its own. */
ino_t __wrap_process_namespace(pid_t pid, const char *kind)
{
	(void)kind;
	return (ino_t)pid;
}

/* Much, and in there no socket. */
enum guard_outcome __wrap_guard_run(void (*work)(void *data), void *data,
				    struct guard_output *output)
{
	(void)work;
	(void)data;
	*output = (struct guard_output){ calloc(1, EACH_BYTES), EACH_BYTES };
	assert_non_null(output->at);
	return GUARD_DONE;
}

TEST(more_than_a_bound_is_not_read_of_all_namespaces_together)
{
	enum { MOST = NETWORK_MOST_BYTES / EACH_BYTES };

	for (pid_t pid = 1; pid <= 2 * MOST; pid++)
		assert_int_equal(network_of(pid)->known, pid <= MOST);
}

TEST(each_namespace_is_looked_at_once)
{
	assert_ptr_equal(network_of(1), network_of(1));
	assert_ptr_not_equal(network_of(1), network_of(2));
}
