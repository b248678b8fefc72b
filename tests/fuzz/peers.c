/* SPDX-License-Identifier: MIT */
/* The table against the model of tests/unit/peers_model.c, step by step. */
#define main model_main
// NOLINTNEXTLINE(bugprone-suspicious-include): its steps are its own
#include "../unit/peers_model.c"
#undef main

#include "fuzz.h"

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
