/* SPDX-License-Identifier: MIT */
/* What of the puppet is compiled with -D_FORTIFY_SOURCE=2. */
#ifndef REPLYFROM_TESTS_PUPPET_H
#define REPLYFROM_TESTS_PUPPET_H

#include <sys/socket.h>
#include <sys/uio.h>

#define DATA_BYTES 2048

/* recvfrom(2) as a fortified program calls it, into `buf` of DATA_BYTES. */
ssize_t fortified_recvfrom(int fd, void *buf, size_t bytes, int flags,
			   void *name, socklen_t *namelen);

#endif
