/* SPDX-License-Identifier: MIT */
/* What the engine in the kernel serves, and has counted. */
#ifndef REPLYFROM_ENGINE_H
#define REPLYFROM_ENGINE_H

#include "command/counters.h"

#include <stdbool.h>

enum { ENGINE_SCOPES = 64, ENGINE_SCOPE_BYTES = 160 };

struct engine {
	bool is_attached;
	/* Those of FIGURE_SEEN, _REWRITTEN, _OWN, _UNKNOWN and _REFUSED. */
	uint64_t figures[FIGURES];
	/* "nsd.service", or "cgroup 1234", its inode number. */
	char scopes[ENGINE_SCOPES][ENGINE_SCOPE_BYTES];
	size_t scope_count;
};

/*
 * Asks replyfrom-kernel.  Not attached: it is not, or is not installed, or only
 * root may see it.
 */
void engine_read(struct engine *engine);

/* Whether it serves the cgroup of this process; it is asked once. */
bool engine_serves(pid_t pid);

#endif
