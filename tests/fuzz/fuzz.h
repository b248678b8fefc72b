/* SPDX-License-Identifier: MIT */
/* What libFuzzer calls, and how the targets take its bytes. */
#ifndef REPLYFROM_TESTS_FUZZ_H
#define REPLYFROM_TESTS_FUZZ_H

/* What has to hold: libFuzzer keeps the input that ends the program. */
#include <assert.h>

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

struct tape {
	const uint8_t *at;
	const uint8_t *end;
};

/* The next byte; 0 behind the last. */
static inline uint8_t tape_byte(struct tape *tape)
{
	return tape->at < tape->end ? *tape->at++ : 0;
}

/* The next two as a number below 1024. */
static inline size_t tape_size(struct tape *tape)
{
	const size_t high = tape_byte(tape);

	return high << 2 | tape_byte(tape) % 4U;
}

#endif
