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
	const char *bind;	    /* --bind; NULL: any address */
	struct sockaddr_in6 source; /* of `bind`; with room for IPv4 */
	bool json;
	bool quiet;
};

/*
 * Reads them, and leaves `optind` at the first other word.  Returns GO_ON, or
 * an exit status: then the help, or a line on stderr, was printed.
 */
int ask_options_read(int argc, char **argv, struct ask_options *options);

#endif
