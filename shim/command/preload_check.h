/* SPDX-License-Identifier: MIT */
/*
 * Finds out whether the library can help a command.  This has a deadline: a
 * program or its interpreter may be on a FUSE file system that does not answer.
 */
#ifndef REPLYFROM_PRELOAD_CHECK_H
#define REPLYFROM_PRELOAD_CHECK_H

#include "command/judge.h"

struct preload_check {
	enum { PRELOAD_JUDGED, PRELOAD_NOT_FOUND, PRELOAD_UNREAD } outcome;
	char path[PATH_MAX];	/* where it was found, or what was asked for */
	struct verdict verdict; /* if it was not judged: why */
};

/* Finds the command as execvp(3) does, and judges it. */
void preload_check(const char *command, const struct starter *starter,
		   struct preload_check *check);

#endif
