/* SPDX-License-Identifier: MIT */
/* Which of a host's addresses the kernel would answer from another one. */
#ifndef REPLYFROM_HOST_H
#define REPLYFROM_HOST_H

#include <stdbool.h>
#include <sys/socket.h>

enum { HOST_TEXT_BYTES = 64 };

struct host_address {
	int family;
	char text[HOST_TEXT_BYTES];
	bool wrong; /* some client that we know a way to is answered wrong */
	char client[HOST_TEXT_BYTES]; /* its network, if not the address's */
	char device[HOST_TEXT_BYTES];
	/* By which its answers leave to far clients, if by another; or "". */
	char leaves_by[HOST_TEXT_BYTES];
};

struct host_addresses {
	struct host_address *list;
	int count;
	int more; /* addresses or networks that were not looked at */
};

/*
 * Finds those of this thread's network namespace, without loopback and
 * link-local ones.  False, and errno: they cannot be read.  The caller frees
 * the list.
 */
bool host_addresses(struct host_addresses *found);

#endif
