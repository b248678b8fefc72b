/* SPDX-License-Identifier: MIT */
/*
 * Runs the subcommands of the engine in the kernel: they are a program of their
 * own, replyfrom-kernel, so that this one needs no libbpf.
 */
#include "command/command.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KERNEL_COMMAND "replyfrom-kernel"

int kernel_main(int argc, char **argv)
{
	char path[PATH_MAX + sizeof(KERNEL_COMMAND)];
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX);
	char *slash;

	(void)argc; /* the program counts for itself */
	if (n < 0)
		return command_fail_errno(EXIT_FAILURE, "/proc/self/exe");
	path[n] = '\0';
	slash = strrchr(path, '/');
	memcpy(slash + 1, KERNEL_COMMAND, sizeof(KERNEL_COMMAND));
	argv[-1] = path; /* main() has a word before this one */
	(void)execv(path, argv - 1);
	if (errno == ENOENT)
		return command_fail(EXIT_FAILURE, argv[0],
				    "install the package replyfrom-kernel, or "
				    "build it with `make kernel`");
	return command_fail_errno(EXIT_FAILURE, path);
}
