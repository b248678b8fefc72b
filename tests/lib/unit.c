/* SPDX-License-Identifier: MIT */
/*
 * Runs the tests that registered themselves, or only those whose names match an
 * argument: build/tests/unit/pktinfo '*spec_dst*'
 */
#include "unit.h"

#include <stdlib.h>

#define MOST_TESTS 1000

struct unit_fixtures unit_fixtures;

/* By their places in the file: constructors may run in any order. */
static struct test {
	const char *name;
	unit_function body, before;
	int place;
} tests[MOST_TESTS];
static size_t test_count;

static _Noreturn void end(const char *why, const char *of)
{
	print_error("%s%s\n", why, of);
	// NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread
	exit(EXIT_FAILURE);
}

void unit_add(const char *name, unit_function body, unit_function before,
	      int place)
{
	struct test *test = &tests[test_count];

	if (test_count == MOST_TESTS)
		end("more tests than unit.c has room for: ", name);
	for (; test > tests && test[-1].place > place; test--)
		test[0] = test[-1];
	*test = (struct test){ name, body, before, place };
	test_count++;
}

void unit_set(unit_function *fixture, unit_function body)
{
	if (*fixture)
		end("two fixtures of the same kind", "");
	*fixture = body;
}

static int before_all(void **state)
{
	(void)state;
	if (unit_fixtures.before_all)
		unit_fixtures.before_all();
	return 0;
}

static int after_all(void **state)
{
	(void)state;
	if (unit_fixtures.after_all)
		unit_fixtures.after_all();
	return 0;
}

static int before_each(void **state)
{
	const struct test *test = *state;

	if (test->before)
		test->before();
	else if (unit_fixtures.before_each)
		unit_fixtures.before_each();
	return 0;
}

static int after_each(void **state)
{
	(void)state;
	if (unit_fixtures.after_each)
		unit_fixtures.after_each();
	return 0;
}

static void run(void **state)
{
	const struct test *test = *state;

	test->body();
}

int main(int argc, char **argv)
{
	static struct CMUnitTest group[MOST_TESTS];

	if (unit_fixtures.enter)
		unit_fixtures.enter(argv);
	if (!test_count)
		end("no test is registered", "");
	for (size_t i = 0; i < test_count; i++)
		group[i] = (struct CMUnitTest){ tests[i].name, run, before_each,
						after_each, &tests[i] };
	/* "-*fork*": all but those. */
	if (argc > 1 && *argv[1] == '-')
		cmocka_set_skip_filter(argv[1] + 1);
	else if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	end_when_stuck();
	return _cmocka_run_group_tests("tests", group, test_count, before_all,
				       after_all);
}
