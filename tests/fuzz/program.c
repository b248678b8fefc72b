/* SPDX-License-Identifier: MIT */
/* Any bytes as an executable file: nothing but what it says is believed. */
#include "command/program.h"
#include "command/libc_version.h"
#include "fuzz.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static struct program program;
	static char path[64];
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("program", MFD_CLOEXEC);
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	assert(!ftruncate(fd, 0));
	assert(pwrite(fd, data, bytes, 0) == (ssize_t)bytes);

	assert(program_read(fd, &program));

	assert(memchr(program.interpreter, '\0', sizeof(program.interpreter)));
	assert(libc_version_of(path) < 10000);
	return 0;
}
