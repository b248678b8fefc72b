/* SPDX-License-Identifier: MIT */
/* Whether what is wrong with the environment was reported already. */
#ifndef REPLYFROM_TOLD_H
#define REPLYFROM_TOLD_H

#include <stdbool.h>

/*
 * Whether our parent was started with this entry of environ(7), "NAME=value",
 * and with our LD_PRELOAD: then it has reported it.  False where the parent
 * cannot be looked at.  Changes errno.
 */
bool told_by_parent(const char *entry);

#endif
