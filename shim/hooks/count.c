/* SPDX-License-Identifier: MIT */
/* Says where the counters are. */
#include "common/count.h"

#include "base/lock.h"
#include "state/peers.h"
#include "state/sock.h"

/* Only another process reads it. */
__attribute__((used, aligned(COUNT_ALIGNMENT)))
const struct count_block count_block = {
	.magic = COUNT_MAGIC,
	.version = COUNT_VERSION,
	.bytes = sizeof(count_block),
	.socks = SOCK_AREA,
	.threads.at = peers_lines,
	.threads.elements = COUNT_LINES,
	.threads.stride = sizeof(*peers_lines),
	.tables.at = peers_counts,
	.tables.elements = 1,
	.tables.stride = sizeof(peers_counts),
	.reentrant = &lock_refusals,
};
