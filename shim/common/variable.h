/* SPDX-License-Identifier: MIT */
/* The REPLYFROM_* environment variables, described once. */
#ifndef REPLYFROM_VARIABLE_H
#define REPLYFROM_VARIABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Defaults, also for values that are unusable. */
#define PRESET_PEERS 65536
#define PRESET_TTL 120 /* conntrack's time for a UDP stream */
#define PRESET_FOLLOW_MS 2000
#define PRESET_DEEPBIND 1

/* The variables' values, or their defaults. */
struct config {
	uint32_t peers;	    /* maximum number to remember */
	uint32_t ttl_s;	    /* a peer not heard for longer is not used */
	uint32_t follow_ms; /* a new socket may answer for so long; 0: none */
	uint32_t log;	    /* enum log_level */
	uint32_t ifindex;   /* 1: answer through the interface asked on */
	uint32_t deepbind;  /* 1: also plugins loaded with RTLD_DEEPBIND */
	uint32_t disable;   /* 1: do nothing */
	/* A bit for each port whose sockets are handled; NULL: all. */
	const uint32_t *only_ports;
	uint32_t log_to; /* enum log_place */
};

enum log_place { LOG_TO_STDERR, LOG_TO_SYSLOG };

struct variable {
	const char *name;
	const char *preset;
	/* Completes "... is not"; after ONE_OF the exact words follow. */
	const char *accepted;
	const char *effect;
	const char *otherwise; /* what holds if the value is none of these */
	enum {
		VARIABLE_NUMBER,
		VARIABLE_SWITCH, /* 0 or 1: variable_read_switch() */
		VARIABLE_WORD,	 /* its place in `accepted`, from 0 */
		VARIABLE_PORTS,	 /* port_list_read() */
	} kind;
	size_t offset; /* of its uint32_t in struct config */
	uint32_t least;
	uint32_t most;
};

#define ONE_OF "one of "

/* In the order of libreplyfrom(7); the last name is NULL. */
extern const struct variable variables[];

/*
 * Reads a number of digits only, up to `most`, and moves *text past it.  False,
 * and both are unchanged: *text does not begin with such a number.
 */
bool variable_read_digits(const char **text, uint32_t most, uint32_t *value);

/*
 * "1", "yes", "true" or "on"; "0", "no", "false", "off" or nothing, in upper
 * case or lower.  False, and *value is as it was: none of these.
 */
bool variable_read_switch(const char *text, uint32_t *value);

#endif
