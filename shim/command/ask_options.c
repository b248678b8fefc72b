/* SPDX-License-Identifier: MIT */
/* Reads the options of `replyfrom ask`. */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "command/ask_options.h"

#include "command/command.h"
#include "command/print.h"

#include <limits.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

enum { OPTION_JSON = UCHAR_MAX + 1, OPTION_COLOR };

static int read_number_option(const char *text, double least, double most,
			      const char *wanted, double *number)
{
	char *end;
	const double n = strtod(text, &end);

	if (end == text || *end || !(n >= least && n <= most))
		return command_fail(EXIT_USAGE, text, wanted);
	*number = n;
	return EXIT_SUCCESS;
}

static int read_source(const char *text, struct ask_options *options)
{
	const struct addrinfo numeric = { .ai_flags = AI_NUMERICHOST,
					  .ai_family = options->family,
					  .ai_socktype = SOCK_DGRAM };
	struct addrinfo *list;

	if (getaddrinfo(text, NULL, &numeric, &list))
		return command_fail(EXIT_USAGE, text,
				    options->family == AF_UNSPEC
					    ? "not an address to ask from"
					    : "not an address of that family");
	memcpy(&options->source, list->ai_addr, list->ai_addrlen);
	freeaddrinfo(list);
	options->has_source = true;
	/* It can ask no other. */
	options->family = options->source.sin6_family;
	return EXIT_SUCCESS;
}

/* -1: go on. */
static int take_option(int option, struct ask_options *options,
		       const char **source)
{
	double number = 0;
	int status = -1;

	switch (option) {
	case '4':
	case '6':
		options->family = option == '4' ? AF_INET : AF_INET6;
		break;
	case 't':
		status = read_number_option(
			optarg, 0.1, 3600,
			"not a number of seconds from 0.1 to 3600",
			&options->seconds);
		break;
	case 'c':
		status = read_number_option(
			optarg, 1, 100, "not a number from 1 to 100", &number);
		options->tries = (int)number;
		if (!status && number != options->tries)
			status = command_fail(EXIT_USAGE, optarg,
					      "not a number from 1 to 100");
		break;
	case 'b':
		*source = optarg;
		break;
	case OPTION_COLOR:
		return command_color(optarg);
	case OPTION_JSON:
		options->json = true;
		break;
	case 'q':
		options->quiet = true;
		break;
	case 'h':
		return command_help("ask");
	default:
		return EXIT_USAGE;
	}
	return status > 0 ? status : -1;
}

int ask_options_read(int argc, char **argv, struct ask_options *options)
{
	static const struct option known[] = {
		{ "ipv4", no_argument, NULL, '4' },
		{ "ipv6", no_argument, NULL, '6' },
		{ "timeout", required_argument, NULL, 't' },
		{ "count", required_argument, NULL, 'c' },
		{ "bind", required_argument, NULL, 'b' },
		{ "color", optional_argument, NULL, OPTION_COLOR },
		{ "json", no_argument, NULL, OPTION_JSON },
		{ "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *source = NULL;
	int option;

	*options = (struct ask_options){ .family = AF_UNSPEC,
					 .tries = 2,
					 .seconds = 1 };
	(void)print_set_color(NULL);
	while ((option = command_option(argc, argv, ":46t:c:b:qh", known)) !=
	       -1) {
		const int status = take_option(option, options, &source);

		if (status >= 0)
			return status;
	}
	return source && read_source(source, options) ? EXIT_USAGE : -1;
}
// NOLINTEND(concurrency-mt-unsafe)
