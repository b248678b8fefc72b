/* SPDX-License-Identifier: MIT */
/* The options of a subcommand.  getopt_long(3). */
#ifndef REPLYFROM_COMMAND_OPTION_H
#define REPLYFROM_COMMAND_OPTION_H

#include <getopt.h>
#include <limits.h>

/* Added to a long option's `val`, which tells it from short ones in optopt. */
enum { LONG_OPTION = UCHAR_MAX + 1 };

/*
 * The next option, or -1 behind the last; '?': there is none like it, or its
 * value is missing, and that was reported.  short_options begin with ':'.
 * optind is then the first word that is no option.
 */
int option_next(int argc, char **argv, const char *short_options,
		const struct option *long_options);

#endif
