/* SPDX-License-Identifier: MIT */
/* What the compiler has to be told of names. */
#ifndef REPLYFROM_ATTRIBUTE_H
#define REPLYFROM_ATTRIBUTE_H

/* A name that the library interposes. */
#define EXPORTED __attribute__((visibility("default")))

/* Of an extern variable: it is in the library, and reached without a table. */
#define HIDDEN __attribute__((visibility("hidden")))

/* For the way of each datagram: what the caller does not need falls away. */
#define ALWAYS_INLINE __attribute__((always_inline)) static inline

#endif
