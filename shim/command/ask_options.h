/* SPDX-License-Identifier: MIT */
/* Reads the options of `replyfrom ask`. */
#ifndef REPLYFROM_ASK_OPTIONS_H
#define REPLYFROM_ASK_OPTIONS_H

#include <netinet/in.h>
#include <stdbool.h>

struct ask_options {
	int family; /* AF_UNSPEC: either */
	int tries;
	double seconds;		    /* for each try */
	struct sockaddr_in6 source; /* with room for either family */
	bool has_source;
	bool json;
	bool quiet;
};

/*
 * Reads them, and leaves `optind` at the first other word.  Returns -1, or an
 * exit status: then the help, or a line on stderr, was printed.
 */
int ask_options_read(int argc, char **argv, struct ask_options *options);

#endif
