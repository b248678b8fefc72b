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
	GUARD_LATE,    /* it took too long */
	GUARD_FAILED,  /* it could not be started, or crashed, or said too much
			*/
	GUARD_SKIPPED, /* it was not started: others took too long */
};

/* What the child wrote; the caller frees `at`. */
struct guard_output {
	char *at;
	size_t bytes;
};

/*
 * Runs work(data) in a child, whose guard_write() fills `output`.  The child
 * has GUARD_MS between what it writes, and GUARD_TIMES as much in all.
 *
 * Many children do not add up to hours.  What each takes beyond GUARD_QUICK_MS,
 * and GUARD_QUICK_BYTES a millisecond, is added up.  From GUARD_TOTAL_MS on
 * each has GUARD_QUICK_MS; after another GUARD_LAST_MS of late ones none is
 * started.
 */
enum {
	GUARD_MS = 2000,
	GUARD_TIMES = 5,
	GUARD_QUICK_MS = 50,
	GUARD_QUICK_BYTES = 1024,
	GUARD_TOTAL_MS = 20000,
	GUARD_LAST_MS = 10000,
	GUARD_MOST_BYTES = 1 << 26
};
enum guard_outcome guard_run(void (*work)(void *data), void *data,
			     struct guard_output *output);

/* Begins anew to add up what children take. */
void guard_begin(void);

/*
 * Reads what fd has up to its end into `output`, with a 0 behind: at most so
 * many bytes, while fd has more within `most_ms`, and GUARD_TIMES as long in
 * all.  fd may be a file, a pipe or a terminal.  errno of GUARD_LATE is ETIME,
 * and of GUARD_FAILED EFBIG, or what read(2) and realloc(3) have.
 */
enum guard_outcome guard_read(int fd, int most_ms, size_t most_bytes,
			      struct guard_output *output);

/*
 * Reads the file at this path as guard_read() does, in a child, as opening it
 * may take for ever.  errno is also that of open(2).
 */
enum guard_outcome guard_read_file(const char *path, size_t most_bytes,
				   struct guard_output *output);

/* Only in a child; what cannot be written ends it. */
void guard_write(const void *from, size_t bytes);

/* Takes the next bytes from what a child wrote.  False: there are not so many.
 */
bool guard_take(struct guard_output *output, size_t *at, void *to,
		size_t bytes);

#endif
