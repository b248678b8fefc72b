/* SPDX-License-Identifier: MIT */
/* Calls recvfrom where the compiler knows the buffer, but not the length. */
#include "puppet.h"

#include <string.h>

ssize_t fortified_recvfrom(int fd, void *buf, size_t bytes, int flags,
			   void *name, socklen_t *namelen)
{
	static char data[DATA_BYTES];
	ssize_t n = recvfrom(fd, data, bytes, flags, name, namelen);

	memcpy(buf, data, sizeof(data));
	return n;
}
