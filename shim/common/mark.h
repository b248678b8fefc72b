/* SPDX-License-Identifier: MIT */
/*
 * A mark in SO_RCVLOWAT, which UDP does not use.  It tells the library in a
 * program that is given the socket, by exec(3) or otherwise, which pktinfo
 * options the application had enabled.
 */
#ifndef REPLYFROM_MARK_H
#define REPLYFROM_MARK_H

#include <stdbool.h>
#include <stdint.h>

#define MARK 0x52460000U /* with enum pktinfo_kinds in its low bits */
#define MARK_KINDS 3U	 /* the bits that these take */
#define NO_MARK 1	 /* the default.  socket(7). */

static inline bool is_mark(int lowat)
{
	return ((uint32_t)lowat & ~MARK_KINDS) == MARK;
}

#endif
