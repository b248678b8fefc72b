/* SPDX-License-Identifier: MIT */
/*
 * SO_RCVLOWAT is of no use to UDP: there we tell the shim of a program that is
 * given the socket, by exec or otherwise, what its application had asked for.
 */
#ifndef REPLYFROM_MARK_H
#define REPLYFROM_MARK_H

#include <stdbool.h>
#include <stdint.h>

#define MARK 0x52460000U /* and enum pktinfo_kinds */
#define MARK_KINDS 3U	 /* the bits that these take */
#define NO_MARK 1	 /* what socket(7) says it is */

static inline bool is_mark(int lowat)
{
	return ((uint32_t)lowat & ~MARK_KINDS) == MARK;
}

#endif
