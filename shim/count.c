/* SPDX-License-Identifier: MIT */
/* Says where the counters are: the one symbol that is not libc's. */
#include "count.h"

#include "lock.h"
#include "peers.h"
#include "real.h"
#include "replace.h"
#include "sock.h"

EXPORTED const struct count_block replyfrom_counts = {
	.magic = COUNT_MAGIC,
	.version = COUNT_VERSION,
	.bytes = sizeof(replyfrom_counts),
	.socks = SOCK_AREA,
	.threads = PEERS_THREADS,
	.tables = PEERS_COUNTS,
	.replaced = &replace_count,
	.reentrant = &lock_refusals,
};
