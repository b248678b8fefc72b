/* SPDX-License-Identifier: MIT */
/* The id of a socket, by which the table of peers knows it: sock_id(). */
#ifndef REPLYFROM_PEERS_ID_H
#define REPLYFROM_PEERS_ID_H

#include <netinet/in.h>
#include <stdint.h>

/*
 * The port that the socket was bound to by number, or 0, is in the lower 16
 * bits; above them is a number that is not used again.  An id of 0 is a socket
 * that is not tracked.
 */
static inline uint64_t peers_id(uint64_t number, in_port_t port_be)
{
	return number << 16 | port_be;
}

/* The port that the socket was bound to by number, or 0. */
static inline in_port_t peers_port_be(uint64_t sock)
{
	return (in_port_t)(sock & 0xffff);
}

#endif
