/* SPDX-License-Identifier: MIT */
/* The memory that the shim maps; link with --wrap=mmap and --wrap=munmap. */
#ifndef MEMORY_H
#define MEMORY_H

#include <stdbool.h>

/* mmap(2) fails, and how often it did. */
extern bool memory_is_out;
extern unsigned int memory_refusals;

/* Successful calls of mmap(2) and munmap(2). */
extern unsigned int memory_mapped;
extern unsigned int memory_unmapped;

/* There is memory, and nothing is counted. */
void memory_reset(void);

#endif
