/* SPDX-License-Identifier: MIT */
/* The time that the shim sees; link with --wrap=clock_gettime. */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

extern uint32_t clock_s;
extern uint32_t clock_ms; /* of this second */

/* When set, called each time that somebody asks what time it is. */
extern void (*clock_asked)(void);

#endif
