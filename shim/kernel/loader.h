/* SPDX-License-Identifier: MIT */
/* What the parts of replyfrom-kernel need of each other. */
#ifndef REPLYFROM_KERNEL_LOADER_H
#define REPLYFROM_KERNEL_LOADER_H

#include "kernel/engine.h"

#include <stdbool.h>

/*
 * The engine's programs and maps are pinned here, which keeps them when the
 * loader exits.  bpf(2).
 */
#define PINS "/sys/fs/bpf/replyfrom"
#define CGROUPS "/sys/fs/cgroup"

/* How the engine is put in. */
struct loading {
	/* As where skb_consume_udp() is inlined, which is found out as well. */
	bool falls_back;
};

/* Says why something failed, in one line; returns EXIT_FAILURE. */
__attribute__((format(printf, 1, 2))) int fail(const char *format, ...);

/* An fd of a pinned map, or -1 and errno. */
int open_map(const char *name);

/*
 * The scope of a UNIT, a CGROUP (a path) or a PID.  Not 0: it is none, and that
 * was reported.
 */
int scope_of(const char *word, struct scope *scope);

/* Whether a unit has a cgroup, as while it runs; others are there. */
bool scope_is_there(const struct scope *scope);

/* Whether that is a directory of cgroup v2's. */
bool is_cgroup_v2(const char *path);

/* The sum of all processors' counters.  Not 0, and errno: it can't be read. */
int sum_counters(int map, struct counters *sum);

/*
 * In each network namespace: sockets that exist are judged again, and broadcast
 * addresses noted.  Not 0: some could not be, and that was reported.
 */
int visit_namespaces(void);

/*
 * Waits until no other process changes what is pinned: those that systemd
 * starts at once would take out each other's programs.  Until this process
 * ends.  Not 0: it can't be done, and that was reported.
 */
int lock_engine(void);

/* Puts the engine's programs in and pins them.  Not 0: as above. */
int load(const struct loading *loading);

/* Removes what is pinned, and so ends the engine. */
void unload(void);

/* Whether all of it is pinned.  False, and errno EACCES: it can't be seen. */
bool is_loaded(void);

#endif
