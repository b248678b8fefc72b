/* SPDX-License-Identifier: MIT */
/* Loads a module with RTLD_DEEPBIND. */
#include <dlfcn.h>
#include <stddef.h>

int main(int argc, char **argv)
{
	return argc == 2 && dlopen(argv[1], RTLD_NOW | RTLD_DEEPBIND) == NULL;
}
