/* SPDX-License-Identifier: MIT */
/* The table against the model of tests/unit/peers_model.c, step by step. */
// NOLINTNEXTLINE(bugprone-suspicious-include): its steps are its own
#include "../unit/peers_model.c"

#include "fuzz.h"

/* In place of tests/lib/unit.c: the model's own tests are not run here. */
void unit_add(const char *name, unit_function body, unit_function before,
	      int place)
{
	(void)name;
	(void)body;
	(void)before;
	(void)place;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	/* The same at each run. */
	table_seed = 0;
	clock_s = 1000;
	tape = data;
	tape_end = data + bytes;
	begin_walk(0);
	for (uint32_t step = 0; tape < tape_end && step < STEPS; step++)
		take_step(step, true);
	return 0;
}
