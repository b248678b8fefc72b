/* SPDX-License-Identifier: MIT */
/* What `replyfrom status` found in processes, and how it is shown. */
#ifndef REPLYFROM_FINDINGS_H
#define REPLYFROM_FINDINGS_H

#include "command/counters.h"
#include "command/engine.h"

/* What was found of one process. */
struct finding {
	enum counters_outcome outcome;
	struct process process;
	uint64_t figures[FIGURES];
	uint64_t started_ms; /* since the system was booted */
};

/* All that have the library, as of one moment. */
struct view {
	struct finding *list;
	size_t count;
	size_t denied;
	uint64_t time_ms; /* since the system was booted */
	char time[32];	  /* ISO 8601 */
	struct engine engine;
};

/* One object in one line. */
void findings_json(const struct finding *finding, const char *time);

/* What the engine in the kernel serves and counts: one object in one line. */
void findings_engine_json(const struct view *view);

/* All counters of one process, a line each. */
void findings_details(const struct finding *finding);

/* A line for each process and the engine, with its rate since the earlier view.
 */
void findings_table(const struct view *view, const struct view *earlier);

void findings_prometheus(const struct view *view);

#endif
