/* SPDX-License-Identifier: MIT */
/* What the parts of the `replyfrom` command share.  It has one thread. */
#ifndef REPLYFROM_COMMAND_H
#define REPLYFROM_COMMAND_H

#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define COMMAND_LIBRARY "libreplyfrom.so"

/*
 * Exit statuses, besides EXIT_SUCCESS: nothing is wrong.  The manual page has
 * the table.
 */
enum {
	EXIT_WRONG =
		1, /* some address is answered wrong now, or cannot be helped */
	EXIT_USAGE = 2,
	EXIT_INCOMPLETE = 3, /* not everything could be looked at, or shown */
};

/* The status by which a function says: go on. */
enum { GO_ON = -1 };

/*
 * The library beside this program, as in the build tree; in lib or lib64 beside
 * the program's directory; or where it was installed.
 */
const char *command_library(void);

/* The path of this program, of PATH_MAX bytes.  False, and errno: no /proc. */
bool command_self(char *path);

/* GO_ON, or a status and a line: without /proc no process can be looked at. */
int command_check_proc(void);

/* The path of replyfrom-kernel, which is beside this program, or NULL. */
const char *command_engine(void);

/*
 * Why LD_PRELOAD cannot name the library, or the loader of this host cannot
 * load it.  NULL: it can.
 */
const char *command_library_problem(const char *library);

/*
 * What an LD_PRELOAD of `before`, or NULL, is with the library in it, once:
 * `before` itself where it has it, by whichever path.  NULL, and errno: no
 * memory.
 */
const char *command_preload(const char *before, const char *library);

/* Says in one line what is wrong with what; answers `status`. */
int command_fail(int status, const char *what, const char *why);

__attribute__((format(printf, 3, 4))) int
command_fail_with(int status, const char *what, const char *format, ...);

/* The same, of errno. */
int command_fail_errno(int status, const char *what);

/* `status`, or EXIT_INCOMPLETE and a line: standard output took not all. */
int command_finish(int status);

/*
 * getopt_long(3), with short options that begin with ':' or "+:", and numbers
 * above UCHAR_MAX for long ones without a short one.  Returns '?' after a line
 * about an option that is unknown or lacks its value.
 */
int command_option(int argc, char **argv, const char *short_options,
		   const struct option *long_options);

/* Takes the value of --color, or NULL: GO_ON, or EXIT_USAGE and a line. */
int command_color(const char *when);

/* Added to the letter of a long option that has no short one. */
enum { LONG_OPTION = UCHAR_MAX + 1 };

/* What this clock shows.  clock_gettime(2). */
static inline int64_t command_now_ms(clockid_t clock)
{
	struct timespec now;

	(void)clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Prints the help of a subcommand; returns the exit status. */
int command_help(const char *subcommand);

/*
 * Subcommands, as main() has it: argv[0] is the subcommand's name.  They answer
 * the exit status.
 */
int ask_main(int argc, char **argv);
int check_main(int argc, char **argv);
int doctor_main(int argc, char **argv);
int kernel_main(int argc, char **argv);
int status_main(int argc, char **argv);
int systemd_main(int argc, char **argv);

#endif
