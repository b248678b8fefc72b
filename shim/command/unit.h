/* SPDX-License-Identifier: MIT */
/* The settings of a systemd service that matter to a preload. */
#ifndef REPLYFROM_UNIT_H
#define REPLYFROM_UNIT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

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

/* The drop-in that `replyfrom systemd` makes; unit_read() leaves it out. */
#define UNIT_DROP_IN "replyfrom.conf"
#define UNIT_DIRECTORY "/etc/systemd/system"

struct unit {
	char name[NAME_MAX + 1];       /* "memcached.service" */
	bool known;		       /* systemd, or the file, was read */
	bool masked;		       /* it cannot be started */
	char *settings[UNIT_SETTINGS]; /* NULL: not set */
};

/* Whether it has only what a unit's name is made of; it need not exist. */
bool unit_is_name(const char *text);

/*
 * Fills in the full name of a unit, or of the file at a path with a slash.
 * Returns NULL, or why it is no name of a service.
 */
const char *unit_name(const char *name_or_path, struct unit *unit);

/*
 * Writes the name to `text`, of UNIT_QUOTED_BYTES, with the quotes that a shell
 * needs: 'a\x20b.service'.
 */
enum { UNIT_QUOTED_BYTES = NAME_MAX + 4 };
void unit_quote(const char *name, char *text);

/*
 * Does that with the unit's name.  A template's is a pattern that matches all
 * its instances: 'a@*.service'.
 */
void unit_quote_instances(const struct unit *unit, char *text);

/*
 * Reads the unit of this name from `systemctl cat`, or the file at a path with
 * a slash.  Where systemd does not run it succeeds with `known` false.  False,
 * and errno: there is none, or it cannot be read.
 */
bool unit_read(const char *name_or_path, struct unit *unit);

/* The program that it starts, in PATH_MAX bytes.  False: it names none. */
bool unit_program(const struct unit *unit, char *program);

/* Changes these to the user that it runs as, if it names one.  False: there is
 * no such user.
 */
bool unit_user(const struct unit *unit, uid_t *uid, gid_t *gid);

/* The value of LD_PRELOAD in Environment=, until the next call; or NULL. */
const char *unit_preload(const char *environment);

/*
 * Reads a property from `systemctl show`, in memory that the caller frees.
 * NULL: systemd does not say.
 */
char *unit_property(const struct unit *unit, const char *property);

/* Whether systemd runs here.  sd_booted(3). */
bool unit_systemd_runs(void);

/*
 * Has systemd read its units again.  False, and errno: it failed, or did not
 * end in time (ETIME).
 */
bool unit_daemon_reload(void);

/* "yes", "true", "on" or "1". */
bool unit_is_on(const struct unit *unit, enum setting setting);

/*
 * Copies the first word of a list, without quotes.  Returns what follows it, or
 * NULL: there is none.
 */
const char *unit_next_word(const char *list, char *word, size_t room);

/* Whether the list, which may be NULL, has this word. */
bool unit_has_word(const char *list, const char *wanted);

#endif
