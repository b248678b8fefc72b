/* SPDX-License-Identifier: MIT */
/* What every unit test needs: cmocka, and an end for a test that hangs. */
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

/* A group's setup: SIGALRM ends a program that is stuck. */
static inline int end_when_stuck(void **state)
{
	const unsigned int far_more_than_needed_s = 600;

	(void)state;
	alarm(far_more_than_needed_s);
	return 0;
}

#endif
