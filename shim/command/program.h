/* SPDX-License-Identifier: MIT */
/* What an executable file says of itself. */
#ifndef REPLYFROM_PROGRAM_H
#define REPLYFROM_PROGRAM_H

#include <limits.h>
#include <stdbool.h>

enum program_kind {
	PROGRAM_NONE, /* neither of these */
	PROGRAM_ELF,
	PROGRAM_SCRIPT,
};

struct program {
	enum program_kind kind;
	/* ELF: what loads it, or "".  A script: what runs it, with arguments.
	 */
	char interpreter[PATH_MAX];

	/* Of ELF.  elf(5). */
	bool wide; /* 64-bit */
	bool big_endian;
	unsigned machine; /* EM_* */
	bool go;
	bool sockets; /* it, or what it starts, may use sockets by libc */
	bool uring;   /* needs liburing */
	bool asan;    /* needs AddressSanitizer's library */
	bool bind;    /* calls or defines bind(2) */
	bool musl;    /* a library: needs musl's libc */
};

/*
 * Reads the file that fd has open; nothing in it is trusted.  False, and errno:
 * it cannot be read.
 */
bool program_read(int fd, struct program *program);

#endif
