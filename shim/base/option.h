/* SPDX-License-Identifier: MIT */
/* Gets and sets int socket options with libc's own calls. */
#ifndef REPLYFROM_OPTION_H
#define REPLYFROM_OPTION_H

#include "base/real.h"

#include <stdbool.h>

/* False and errno: getsockopt(2) failed. */
static inline bool option_get(int fd, int level, int name, int *value)
{
	socklen_t len = sizeof(*value);

	return !real.getsockopt(fd, level, name, value, &len);
}

static inline bool option_set(int fd, int level, int name, int value)
{
	return !real.setsockopt(fd, level, name, &value, sizeof(value));
}

#endif
