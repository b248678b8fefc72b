/* SPDX-License-Identifier: MIT */
/* What systemd says. */
#ifndef REPLYFROM_SYSTEMCTL_H
#define REPLYFROM_SYSTEMCTL_H

#include "command/guard.h"

#include <stdbool.h>

/* Of silence; and of a unit, however it is read. */
enum { SYSTEMCTL_MS = 10000, SYSTEMCTL_MOST_BYTES = 1 << 20 };

/*
 * Runs it, and reads its standard output, which the caller frees.  False, and
 * errno: it failed (ENOENT), is late, or says too much; there is nothing to
 * free.
 */
bool systemctl_read(char *const *arguments, struct guard_output *output);

/* Whether systemd runs here.  sd_booted(3). */
bool systemctl_runs(void);

/* Has systemd read its units again. */
bool systemctl_daemon_reload(void);

#endif
