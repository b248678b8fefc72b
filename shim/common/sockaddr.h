/* SPDX-License-Identifier: MIT */
/* Socket addresses of either family, in a sockaddr_in6: both fit. */
#ifndef REPLYFROM_SOCKADDR_H
#define REPLYFROM_SOCKADDR_H

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

/* The length of an address of this family, for bind(2) and the like. */
static inline socklen_t sockaddr_length(int family)
{
	return family == AF_INET ? sizeof(struct sockaddr_in)
				 : sizeof(struct sockaddr_in6);
}

/* Its port in host byte order, at the same offset in both families. */
static inline uint16_t sockaddr_port(const struct sockaddr_in6 *name)
{
	return ntohs(name->sin6_port);
}

#endif
