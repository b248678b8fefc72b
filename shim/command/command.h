/* SPDX-License-Identifier: MIT */
/* What the parts of the `replyfrom` command share.  It has one thread. */
#ifndef REPLYFROM_COMMAND_H
#define REPLYFROM_COMMAND_H

#define COMMAND_LIBRARY "libreplyfrom.so"

enum { EXIT_USAGE = 2 };

/* The library beside this program, as in the build tree, or the installed. */
const char *command_library(void);

/*
 * What an LD_PRELOAD of `before`, or NULL, is with the library in it, once:
 * `before` itself where it has it, by whichever path.  NULL, and errno: no
 * memory.
 */
const char *command_preload(const char *before, const char *library);

/* Says in one line what is wrong with what; answers `status`. */
int command_fail(int status, const char *what, const char *why);

/* The same, of errno. */
int command_fail_errno(int status, const char *what);

/* `status`, or EXIT_FAILURE and a line: standard output took not all. */
int command_finish(int status);

/*
 * Subcommands, as main() has it: argv[0] is the subcommand's name.  They answer
 * the exit status.
 */
int ask_main(int argc, char **argv);
int check_main(int argc, char **argv);
int kernel_main(int argc, char **argv);
int status_main(int argc, char **argv);
int systemd_main(int argc, char **argv);

#endif
