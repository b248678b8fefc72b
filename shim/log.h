/* SPDX-License-Identifier: MIT */
/* One line to stderr for what a person should know. */
#ifndef REPLYFROM_LOG_H
#define REPLYFROM_LOG_H

#include <stdint.h>

/* An unusable variable: its name, its value, and the range of what is. */
void log_bad_value(const char *name, const char *value, uint32_t least,
		   uint32_t most);

#endif
