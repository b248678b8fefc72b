/* SPDX-License-Identifier: MIT */
/* Reads the library's counters out of the memory of another process. */
#ifndef REPLYFROM_COUNTERS_H
#define REPLYFROM_COUNTERS_H

#include "command/process.h"

#include <stdint.h>

enum figure {
	FIGURE_SOCKETS,
	FIGURE_REMEMBERED,
	FIGURE_BOUND,
	FIGURE_SEEN,
	FIGURE_REWRITTEN,
	FIGURE_OWN,
	FIGURE_UNKNOWN,
	FIGURE_REFUSED,
	FIGURE_EVICTED,
	FIGURE_CONFLICTS,
	FIGURE_REENTRANT,
	FIGURES,
};

enum counters_outcome {
	COUNTERS_READ,
	COUNTERS_GONE,
	COUNTERS_DENIED,
	COUNTERS_NOT_LOADED,
	COUNTERS_OTHER_CLASS,
	COUNTERS_OTHER_VERSION,
	COUNTERS_UNREADABLE,
	COUNTERS_LATE,
	COUNTERS_SKIPPED, /* others were late */
};

/*
 * Reads them from a process that process_read() has read.  Nothing there is
 * trusted: what is read is bounded, whatever the process has in its memory.
 * COUNTERS_READ, or why not; `figures` is then undefined.
 */
enum counters_outcome counters_read(const struct process *process,
				    uint64_t figures[FIGURES]);

#endif
