/* SPDX-License-Identifier: MIT */
/*
 * What every test in C needs: cmocka, and tests that register themselves.
 *
 *	BEFORE_EACH(empty_table)
 *	{
 *		peers_reset(1000, 120);
 *	}
 *
 *	TEST(a_new_peer_has_no_local_address)
 *	{
 *		assert_string_equal(answer(1, peer), "nothing");
 *	}
 *
 * Tests run in the order in which they stand in the file.  main() is in unit.c.
 */
#ifndef UNIT_H
#define UNIT_H

/* In this order: cmocka.h leaves these to whoever includes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* SIGALRM ends a program that is stuck; a forked child calls this anew. */
static inline void end_when_stuck(void)
{
	const unsigned int far_more_than_needed_s = 600;

	alarm(far_more_than_needed_s);
}

/* Begins the definition of a test. */
#define TEST(name) UNIT_DEFINE(name, unit_add(#name, name, NULL, __COUNTER__))

/* The same, with `fixture` in place of the one of BEFORE_EACH. */
#define TEST_AFTER(fixture, name) \
	UNIT_DEFINE(name, unit_add(#name, name, fixture, __COUNTER__))

/* Begin the definition of a fixture.  A program has at most one of each. */
#define BEFORE_ALL(name) \
	UNIT_DEFINE(name, unit_set(&unit_fixtures.before_all, name))
#define AFTER_ALL(name) \
	UNIT_DEFINE(name, unit_set(&unit_fixtures.after_all, name))
#define BEFORE_EACH(name) \
	UNIT_DEFINE(name, unit_set(&unit_fixtures.before_each, name))
#define AFTER_EACH(name) \
	UNIT_DEFINE(name, unit_set(&unit_fixtures.after_each, name))

/* A constructor registers the function whose body follows. */
#define UNIT_DEFINE(name, registration)                           \
	static void name(void);                                   \
	__attribute__((constructor)) static void add_##name(void) \
	{                                                         \
		registration;                                     \
	}                                                         \
	static void name(void)

typedef void (*unit_function)(void);

extern struct unit_fixtures {
	unit_function before_all, after_all, before_each, after_each;
	void (*enter)(char **argv); /* called by main() before anything else */
} unit_fixtures;

void unit_add(const char *name, unit_function body, unit_function before,
	      int place);

/* Ends the program when there is one already. */
void unit_set(unit_function *fixture, unit_function body);

#endif
