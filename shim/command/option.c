/* SPDX-License-Identifier: MIT */
/* Parses the options of a subcommand, and reports those that it does not have.
 */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "command/option.h"

#include "command/command.h"

#include <limits.h>
#include <string.h>

int option_next(int argc, char **argv, const char *short_options,
		const struct option *long_options)
{
	int option;

	opterr = 0;
	option = getopt_long(argc, argv, short_options, long_options, NULL);
	if (option == ':')
		(void)command_fail(EXIT_USAGE, argv[optind - 1],
				   "missing value");
	else if (option == '?' && (optopt > UCHAR_MAX ||
				   (optopt && strchr(short_options, optopt))))
		(void)command_fail(EXIT_USAGE, argv[optind - 1],
				   "takes no value");
	else if (option == '?')
		(void)command_fail(EXIT_USAGE, argv[optind - 1],
				   "unknown option (see --help)");
	return option == ':' ? '?' : option;
}
// NOLINTEND(concurrency-mt-unsafe)
