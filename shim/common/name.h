/* SPDX-License-Identifier: MIT */
/* The names of sockets, in either family: a sockaddr_in6 has room for both. */
#ifndef REPLYFROM_NAME_H
#define REPLYFROM_NAME_H

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

/* What the kernel takes of a name of this family. */
static inline socklen_t name_length(int family)
{
	return family == AF_INET ? sizeof(struct sockaddr_in)
				 : sizeof(struct sockaddr_in6);
}

/* Its port, in host order: both families keep it at the same place. */
static inline uint16_t name_port(const struct sockaddr_in6 *name)
{
	return ntohs(name->sin6_port);
}

#endif
