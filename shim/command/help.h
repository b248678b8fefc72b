/* SPDX-License-Identifier: MIT */
/* The subcommands, and the texts of --help.  What prints returns the exit
 * status.
 */
#ifndef REPLYFROM_HELP_H
#define REPLYFROM_HELP_H

#include <stdio.h>

struct subcommand {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *arguments;
	const char *help;
	const char *const *options; /* each and its effect; NULL ends them */
};

/* NULL: there is none of this name. */
const struct subcommand *help_find(const char *name);

/* The subcommand that a word may have been meant for, or NULL. */
const char *help_nearest(const char *word);

void help_usage(FILE *to);
int help_all(void);
int help_version(void);
int help_variables(void);

#endif
