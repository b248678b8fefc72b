/* SPDX-License-Identifier: MIT */
/* What a systemd service says of what matters to a preload. */
#ifndef REPLYFROM_UNIT_H
#define REPLYFROM_UNIT_H

#include <limits.h>
#include <stdbool.h>

/*
 * Settings of [Service]: lists with all their assignments, one word a space
 * apart, others with the last; an empty assignment has taken the earlier ones
 * away.  systemd.exec(5).
 */
enum setting {
	UNIT_EXEC_START,
	UNIT_USER,
	UNIT_DYNAMIC_USER,
	UNIT_ENVIRONMENT,
	UNIT_ENVIRONMENT_FILE,
	UNIT_UNSET_ENVIRONMENT,
	UNIT_SYSTEM_CALL_FILTER,
	UNIT_PROTECT_HOME,
	UNIT_PRIVATE_TMP,
	UNIT_ROOT_DIRECTORY,
	UNIT_ROOT_IMAGE,
	UNIT_TEMPORARY_FILE_SYSTEM,
	UNIT_INACCESSIBLE_PATHS,
	UNIT_NO_EXEC_PATHS,
	UNIT_APP_ARMOR_PROFILE,
	UNIT_SETTINGS
};

struct unit {
	char name[NAME_MAX + 1];       /* "memcached.service" */
	bool masked;		       /* its file is empty: it cannot start */
	char *settings[UNIT_SETTINGS]; /* NULL: not set */
};

/*
 * Reads the unit of this name, with its drop-ins, or the file at a path with a
 * slash.  False, and errno: there is none, or it cannot be read.
 */
bool unit_read(const char *name_or_path, struct unit *unit);

/* "yes", "true", "on" or "1". */
bool unit_is_on(const struct unit *unit, enum setting setting);

#endif
