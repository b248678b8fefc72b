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
	.threads = PEERS_THREADS,
	.tables = PEERS_COUNTS,
	.reentrant = &lock_refusals,
};
