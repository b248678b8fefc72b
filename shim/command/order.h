/* SPDX-License-Identifier: MIT */
/* Looks for a library before this one in LD_PRELOAD that may take its calls. */
#ifndef REPLYFROM_ORDER_H
#define REPLYFROM_ORDER_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

/*
 * Puts the first library of the list `preload` into `path` that comes before
 * this one and names bind(2): its functions are called instead of ours, and it
 * may call libc's itself.  Paths are below the root directory of `root_of`; 0:
 * ours.  False: there is none, or this library is not in the list.
 */
bool order_find_first(const char *preload, pid_t root_of, char path[PATH_MAX]);

#endif
