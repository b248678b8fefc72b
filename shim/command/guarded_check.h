/* SPDX-License-Identifier: MIT */
/*
 * Checks whether the library can help a command, with a deadline: a program or
 * its interpreter may be on a FUSE file system that does not answer.
 */
#ifndef REPLYFROM_GUARDED_CHECK_H
#define REPLYFROM_GUARDED_CHECK_H

#include "command/preload_check.h"

struct guarded_check {
	enum { CHECK_DONE, CHECK_NOT_FOUND, CHECK_UNREAD } outcome;
	char path[PATH_MAX]; /* where it was found, or what was asked for */
	char file[PATH_MAX]; /* the same, without symbolic links, or "" */
	struct preload_check preload; /* if it was not done, why: in text */
};

/* Finds the command as execvp(3) does, and checks it. */
void guarded_check(const char *command, const struct starter *starter,
		   struct guarded_check *check);

#endif
