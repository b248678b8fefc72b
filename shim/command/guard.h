/* SPDX-License-Identifier: MIT */
/*
 * Reads from other processes with a deadline.  If a process has its root, or a
 * file that it has mapped, on a FUSE file system that never answers, whoever
 * reads there hangs, and cannot be killed.  So a child reads, and is abandoned
 * if it takes too long.
 */
#ifndef REPLYFROM_GUARD_H
#define REPLYFROM_GUARD_H

#include <stdbool.h>
#include <stddef.h>

enum guard_outcome {
	GUARD_DONE,
	GUARD_LATE,   /* it took too long */
	GUARD_FAILED, /* it could not be started, or crashed, or said too much
		       */
};

/* What the child wrote; the caller frees `at`. */
struct guard_output {
	char *at;
	size_t bytes;
};

/*
 * Runs work(data) in a child, whose guard_write() fills `output`.  The child
 * has GUARD_MS between what it writes, and GUARD_TIMES as much in all; after
 * GUARD_MOST_LATE late ones, those that follow have GUARD_HURRY_MS, so that
 * many do not add up to hours.
 */
enum {
	GUARD_MS = 2000,
	GUARD_TIMES = 5,
	GUARD_MOST_LATE = 8,
	GUARD_HURRY_MS = 100,
	GUARD_MOST_BYTES = 1 << 26
};
enum guard_outcome guard_run(void (*work)(void *data), void *data,
			     struct guard_output *output);

/*
 * Reads what fd has up to its end into `output`, with a 0 behind: at most so
 * many bytes, while fd has more within `most_ms`, and GUARD_TIMES as long in
 * all.  fd may be a file, a pipe or a terminal.  errno of GUARD_LATE is ETIME,
 * and of GUARD_FAILED EFBIG, or what read(2) and realloc(3) have.
 */
enum guard_outcome guard_read(int fd, int most_ms, size_t most_bytes,
			      struct guard_output *output);

/* Only in a child; what cannot be written ends it. */
void guard_write(const void *from, size_t bytes);

/* Takes the next bytes from what a child wrote.  False: there are not so many.
 */
bool guard_take(struct guard_output *output, size_t *at, void *to,
		size_t bytes);

#endif
