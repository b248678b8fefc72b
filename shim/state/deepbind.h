/* SPDX-License-Identifier: MIT */
/* Objects that were loaded with RTLD_DEEPBIND: their calls reach the hooks. */
#ifndef REPLYFROM_DEEPBIND_H
#define REPLYFROM_DEEPBIND_H

#include <dlfcn.h>
#include <stdbool.h>

/* musl has no RTLD_DEEPBIND. */
#if defined(__GLIBC__) &&                                                    \
	(defined(__x86_64__) || defined(__i386__) || defined(__aarch64__) || \
	 defined(__s390x__) || defined(__riscv))
#define HAS_DEEPBIND
#endif

/* How many objects were loaded since the process began. */
unsigned long long deepbind_count(void);

/*
 * Whether it matters to dlopen(3) which object calls it for this file: the
 * caller's RPATH, RUNPATH and $ORIGIN can decide which file that is.  ld.so(8).
 */
bool deepbind_depends_on_caller(const char *file, const void *caller);

/*
 * Points what the objects loaded after the first `before` have of libc's
 * functions at the hooks, where this library has a hook of that name: they were
 * loaded by the dlopen(3) with RTLD_DEEPBIND that returned `handle`.  Leaves
 * alone what is bound to another function than libc's.  Takes the loader's
 * locks; clears dlerror(3), as a dlopen(3) that succeeds does.
 */
void deepbind_adopt(void *handle, unsigned long long before);

#endif
