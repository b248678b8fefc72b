/* SPDX-License-Identifier: MIT */
/* Attributes of functions, variables and branches. */
#ifndef REPLYFROM_ATTRIBUTE_H
#define REPLYFROM_ATTRIBUTE_H

/* A function that programs call in place of libc's. */
#define EXPORTED __attribute__((visibility("default")))

/* For an extern variable of the library: accessed without the GOT. */
#define HIDDEN __attribute__((visibility("hidden")))

/*
 * For a function that accesses without the lock what other threads change at
 * the same time, and is correct whatever it reads.  ThreadSanitizer checks all
 * other functions, and those that such a function calls.
 */
#ifdef __SANITIZE_THREAD__
#define RACY __attribute__((no_sanitize("thread")))
#else
#define RACY
#endif

/* Rarely called: placed away from the code of the usual path. */
#define COLD __attribute__((cold, noinline))

/* Runs for each datagram: placed next to the others, in few cache lines. */
#define HOT __attribute__((hot))

/* Branch hints: keep the usual path contiguous. */
#define LIKELY(condition) __builtin_expect(!!(condition), true)
#define UNLIKELY(condition) __builtin_expect(!!(condition), false)

/*
 * For code that runs for each datagram: constant arguments remove what a caller
 * does not need.
 */
#ifdef __SANITIZE_THREAD__
/* Inlined into a RACY caller it would not be checked. */
#define ALWAYS_INLINE static inline
#else
#define ALWAYS_INLINE __attribute__((always_inline)) static inline
#endif

#endif
