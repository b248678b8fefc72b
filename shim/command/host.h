/* SPDX-License-Identifier: MIT */
/* Which of a host's addresses the kernel would answer from another one. */
#ifndef REPLYFROM_HOST_H
#define REPLYFROM_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

enum { HOST_MOST_ADDRESSES = 256, HOST_TEXT_BYTES = 128 };

struct host_address {
	int family;
	char text[HOST_TEXT_BYTES];
	bool wrong; /* some client that we know a way to is answered wrong */
	char client[HOST_TEXT_BYTES]; /* its network, if not the address's own
				       */
	char device[HOST_TEXT_BYTES];
	/* By which its answers leave to far clients, if by another; or "". */
	char leaves_by[HOST_TEXT_BYTES];
};

/*
 * Those of this thread's network namespace, without loopback and link-local
 * ones; answers how many there are.  -1, and errno: they cannot be read.
 */
int host_addresses(struct host_address *list, size_t room);

#endif
