/* SPDX-License-Identifier: MIT */
/* What config_get() answers in place of the environment. */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "base/config.h"

extern struct config settings;

void settings_reset(void);

/* REPLYFROM_ONLY_PORTS=53 */
void settings_only_dns(void);

#endif
