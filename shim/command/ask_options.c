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

/* "--count=0: not a number", however the option and its value were typed. */
static int fail_on_value(const char *option, const char *text, const char *why)
{
	print_failure("%s=%s: %s", option, text, why);
	return EXIT_USAGE;
}

static int read_timeout(const char *text, double *seconds)
{
	char *end;
	const double n = strtod(text, &end);

	if (end == text || *end || !(n >= 0.1 && n <= 3600))
		return fail_on_value("--timeout", text,
				     "not a number of seconds from 0.1 to "
				     "3600");
	*seconds = n;
	return GO_ON;
}

static int read_tries(const char *text, int *tries)
{
	char *end;
	const double n = strtod(text, &end);

	if (end == text || *end || !(n >= 1 && n <= 100) || n != (int)n)
		return fail_on_value("--count", text,
				     "not a number from 1 to 100");
	*tries = (int)n;
	return GO_ON;
}

static int read_family(int family, int *wanted)
{
	if (*wanted != AF_UNSPEC && *wanted != family)
		return command_fail(EXIT_USAGE, "-6",
				    "cannot be combined with -4");
	*wanted = family;
	return GO_ON;
}

static const char *why_no_source(int family)
{
	if (family == AF_UNSPEC)
		return "not an address to ask from";
	return family == AF_INET ? "not an IPv4 address"
				 : "not an IPv6 address";
}

static int read_source(const char *text, struct ask_options *options)
{
	const struct addrinfo numeric = { .ai_flags = AI_NUMERICHOST,
					  .ai_family = options->family,
					  .ai_socktype = SOCK_DGRAM };
	struct addrinfo *list;

	if (getaddrinfo(text, NULL, &numeric, &list))
		return fail_on_value("--bind", text,
				     why_no_source(options->family));
	memcpy(&options->source, list->ai_addr, list->ai_addrlen);
	freeaddrinfo(list);
	/* It can ask no other. */
	options->family = options->source.sin6_family;
	return GO_ON;
}

static int take_option(int option, struct ask_options *options)
{
	switch (option) {
	case '4':
		return read_family(AF_INET, &options->family);
	case '6':
		return read_family(AF_INET6, &options->family);
	case 't':
		return read_timeout(optarg, &options->seconds);
	case 'c':
		return read_tries(optarg, &options->tries);
	case 'b':
		options->bind = optarg;
		return GO_ON;
	case OPTION_COLOR:
		return command_color(optarg);
	case OPTION_JSON:
		options->json = true;
		return GO_ON;
	case 'q':
		options->quiet = true;
		return GO_ON;
	case 'h':
		return command_help("ask");
	default:
		return EXIT_USAGE;
	}
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
	int option;

	*options = (struct ask_options){ .family = AF_UNSPEC,
					 .tries = 2,
					 .seconds = 1 };
	(void)print_set_color(NULL);
	while ((option = command_option(argc, argv, ":46t:c:b:qh", known)) !=
	       -1) {
		const int status = take_option(option, options);

		if (status != GO_ON)
			return status;
	}
	if (options->quiet && options->json)
		return command_fail(EXIT_USAGE, "--json",
				    "cannot be combined with --quiet");
	return options->bind ? read_source(options->bind, options) : GO_ON;
}
// NOLINTEND(concurrency-mt-unsafe)
