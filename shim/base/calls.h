/* SPDX-License-Identifier: MIT */
/* Socket options and addresses, by libc's own calls. */
#ifndef REPLYFROM_CALLS_H
#define REPLYFROM_CALLS_H

#include "base/real.h"
#include "common/sockaddr.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

/* False and errno: getsockopt(2) failed. */
static inline bool sockopt_get(int fd, int level, int name, int *value)
{
	socklen_t len = sizeof(*value);

	return !real.getsockopt(fd, level, name, value, &len);
}

static inline bool sockopt_set(int fd, int level, int name, int value)
{
	return !real.setsockopt(fd, level, name, &value, sizeof(value));
}

/* Reads what fd is bound to.  False and errno: getsockname(2) failed. */
static inline bool sockaddr_read(int fd, struct sockaddr_in6 *name)
{
	socklen_t len = sizeof(*name);

	*name = (struct sockaddr_in6){ 0 };
	return !getsockname(fd, (struct sockaddr *)name, &len);
}

/* connect(2).  False and errno: the call failed. */
static inline bool sockaddr_connect(int fd, const struct sockaddr_in6 *name)
{
	return !real.connect(fd, (const struct sockaddr *)name,
			     sockaddr_length(name->sin6_family));
}

#endif
