/* SPDX-License-Identifier: MIT */
/*
 * Gives a target the files that are named, one after the other: without
 * libFuzzer, which is neither for gcc nor for 32 bits.
 */
#include "fuzz.h"

#include <stdio.h>

enum { MOST_BYTES = 1 << 16 };

int main(int argc, char **argv)
{
	/* Of its own size, so that the sanitizer sees what is read beyond. */
	static uint8_t room[MOST_BYTES];

	for (int i = 1; i < argc; i++) {
		FILE *file = fopen(argv[i], "re");
		uint8_t *data;
		size_t bytes;

		assert(file);
		bytes = fread(room, 1, sizeof(room), file);
		(void)fclose(file);
		data = malloc(bytes + 1);
		assert(data);
		for (size_t at = 0; at < bytes; at++)
			data[at + 1] = room[at];
		(void)LLVMFuzzerTestOneInput(data + 1, bytes);
		free(data);
	}
	return EXIT_SUCCESS;
}
