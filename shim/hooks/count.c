/* SPDX-License-Identifier: MIT */
/* Says where the counters are: the one symbol that is not libc's. */
#include "common/count.h"

#include "base/lock.h"
#include "base/real.h"
#include "state/peers.h"
#include "state/sock.h"

EXPORTED const struct count_block replyfrom_counts = {
	.magic = COUNT_MAGIC,
	.version = COUNT_VERSION,
	.bytes = sizeof(replyfrom_counts),
	.socks = SOCK_AREA,
	.threads = PEERS_THREADS,
	.tables = PEERS_COUNTS,
	.reentrant = &lock_refusals,
};
