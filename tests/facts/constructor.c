/* SPDX-License-Identifier: MIT */
/* A library that says its name when it is loaded. */
#include <unistd.h>

__attribute__((constructor)) static void loaded(void)
{
	static const char name[] = NAME " ";

	(void)!write(STDOUT_FILENO, name, sizeof(name) - 1);
}
