/* SPDX-License-Identifier: MIT */
/*
 * Reads versions of glibc's symbols by their names, which stand in each file as
 * they are; to follow the tables that lead to them would find the same ones.
 */
#include "command/libc_version.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/types.h>
#include <unistd.h>

/* A libc has 2 MiB. */
enum { MOST_BYTES = 1 << 24, BLOCK_BYTES = 1 << 16, MOST_NUMBER = 9999 };

static const char prefix[] = "GLIBC_2.";

/* How much of "GLIBC_2.N" was read so far, and N. */
struct scan {
	size_t length;
	unsigned int number;
	unsigned int greatest;
};

static void take_char(struct scan *scan, char c)
{
	if (scan->length < sizeof(prefix) - 1) {
		scan->length = c == prefix[scan->length] ? scan->length + 1
			       : c == *prefix		 ? 1
							 : 0;
		scan->number = 0;
		return;
	}
	if (c >= '0' && c <= '9' && scan->number <= MOST_NUMBER) {
		scan->number = scan->number * 10 + (unsigned int)(c - '0');
		return;
	}
	if (scan->number > scan->greatest && scan->number <= MOST_NUMBER)
		scan->greatest = scan->number;
	scan->length = c == *prefix;
}

unsigned int libc_version_of(const char *path)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct scan scan = { 0 };
	static char block[BLOCK_BYTES];
	size_t left = MOST_BYTES;
	ssize_t n = 0;

	while (fd >= 0 && left && (n = read(fd, block, sizeof(block))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			take_char(&scan, block[i]);
		left -= (size_t)n < left ? (size_t)n : left;
	}
	if (fd >= 0)
		(void)close(fd);
	return scan.greatest;
}
