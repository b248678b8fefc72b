/* SPDX-License-Identifier: MIT */
/* Hides what differs from run to run, with the shim and without. */
#ifndef TRANSPARENCY_MASK_H
#define TRANSPARENCY_MASK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* Whether it is not compared which of our addresses an answer came from. */
extern bool mask_sources;

/* In an address: chosen ports and names, and the source. */
void mask_address(char *name, size_t room);

/* In one control message, of which there are so many bytes of data. */
void mask_cmsg(const struct cmsghdr *c, char *data, size_t bytes);

/* So much of a packet is headers, at most. */
#define MASK_HEADERS 128

/* In a packet from its IP header on, as raw IPv4 sockets deliver it. */
void mask_ip(unsigned char *packet, size_t bytes);

/* The same from the header of this protocol on, as raw IPv6 sockets do. */
void mask_transport(unsigned char *packet, size_t bytes, int protocol);

/* In a packet from its Ethernet header on, as sent ones are reported; an ICMP
 * error's is data, in which nothing is hidden. */
void mask_sent(unsigned char *packet, size_t bytes);

#endif
