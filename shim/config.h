/* SPDX-License-Identifier: MIT */
/* The REPLYFROM_* environment variables, read once. */
#ifndef REPLYFROM_CONFIG_H
#define REPLYFROM_CONFIG_H

#include <stdint.h>

struct config {
	uint32_t peers;	    /* remembered at a time, at most */
	uint32_t ttl_s;	    /* a peer unheard for longer is not used */
	uint32_t follow_ms; /* a new socket may answer for so long; 0: none */
	uint32_t log;	    /* enum log_level */
	uint32_t ifindex;   /* 1: answer through the interface asked on */
	uint32_t disable;   /* 1: touch nothing */
};

/*
 * Reads the environment at the first call, and reports an unusable value in one
 * line on stderr; the default then holds.  Keeps errno.
 */
const struct config *config_get(void);

#endif
