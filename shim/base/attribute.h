/* SPDX-License-Identifier: MIT */
/* What the compiler has to be told of names. */
#ifndef REPLYFROM_ATTRIBUTE_H
#define REPLYFROM_ATTRIBUTE_H

/* A name that the library interposes. */
#define EXPORTED __attribute__((visibility("default")))

/* Of an extern variable: it is in the library, and reached without a table. */
#define HIDDEN __attribute__((visibility("hidden")))

/*
 * Of a function that reads what another thread changes just then, or changes
 * what it reads, without the lock, and is right whatever it meets.
 * ThreadSanitizer checks all others, and what such a function calls.
 */
#ifdef __SANITIZE_THREAD__
#define RACY __attribute__((no_sanitize("thread")))
#else
#define RACY
#endif

/* Seldom called: not in the way of those that are often. */
#define COLD __attribute__((cold, noinline))

/* On the way of each datagram: with the others, in few cache lines. */
#define HOT __attribute__((hot))

/* What it mostly comes to is in line, what it does not is behind that. */
#define LIKELY(condition) __builtin_expect(!!(condition), true)
#define UNLIKELY(condition) __builtin_expect(!!(condition), false)

/* For the way of each datagram: what the caller does not need falls away. */
#ifdef __SANITIZE_THREAD__
/* There it would be checked as its caller is. */
#define ALWAYS_INLINE static inline
#else
#define ALWAYS_INLINE __attribute__((always_inline)) static inline
#endif

#endif
