/* SPDX-License-Identifier: MIT */
/* Stands in for shim/config. */
#include "settings.h"

struct config settings = { .peers = 65536, .ttl_s = 120, .follow_ms = 2000 };

void settings_reset(void)
{
	settings = (struct config){ .peers = 65536,
				    .ttl_s = 120,
				    .follow_ms = 2000 };
}

void settings_only_dns(void)
{
	static const uint32_t ports[PORTS_COUNT / PORTS_PER_WORD] = {
		[53 / PORTS_PER_WORD] = 1U << 53 % PORTS_PER_WORD,
	};

	settings.only_ports = ports;
}

const struct config *_Atomic config_read;

const struct config *config_get_slowly(void)
{
	return &settings;
}
