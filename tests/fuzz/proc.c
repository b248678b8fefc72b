/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as one of a process's files in /proc: much of what is in there is
 * as the process wants it, such as its names, paths and environment.
 */
#include "command/print.h"
#include "command/process.h"
#include "command/wildcard.h"
#include "fuzz.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* That no process has. */
enum { PID = INT_MAX };

static const char *const names[] = {
	"status", "cgroup", "maps",    "environ",
	"auxv",	  "stat",   "net/udp", "net/udp6"
};

/* The file that is the input, and the bytes of it and of exe, a link. */
static const char *name;
static const uint8_t *file_data;
static size_t file_bytes;

FILE *__real_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode);
ssize_t __wrap_readlink(const char *path, char *to, size_t room);

FILE *__wrap_fopen(const char *path, const char *mode)
{
	char begin[32];
	const int length =
		snprintf(begin, sizeof(begin), "/proc/%d/", (int)PID);

	if (strncmp(path, begin, (size_t)length) != 0)
		return __real_fopen(path, mode);
	path += length;
	if (!strcmp(path, name) && file_bytes)
		return fmemopen((void *)file_data, file_bytes, "r");
	/* Without this one there is no process. */
	if (!strcmp(path, "status")) {
		static char status[] = "Name:\ta\nUid:\t0\t0\t0\t0\n";

		return fmemopen(status, sizeof(status) - 1, "r");
	}
	errno = ENOENT;
	return NULL;
}

ssize_t __wrap_readlink(const char *path, char *to, size_t room)
{
	const size_t bytes = file_bytes < room ? file_bytes : room;

	(void)path;
	memcpy(to, file_data, bytes);
	return (ssize_t)bytes;
}

/* It ends, and is shown as what no terminal obeys. */
static void assert_text(const char *text, size_t room)
{
	char clean[4 * PATH_MAX + 1];

	assert(memchr(text, '\0', room));
	(void)print_clean(text, clean, sizeof(clean));
	for (const char *c = clean; *c; c++)
		assert((uint8_t)*c >= ' ' && *c != 0x7f);
}

static void look_at_process(void)
{
	static struct process process;

	if (!process_read(PID, &process))
		return;
	assert_text(process.name, sizeof(process.name));
	assert_text(process.program, sizeof(process.program));
	assert_text(process.unit, sizeof(process.unit));
	assert_text(process.container, sizeof(process.container));
	assert_text(process.preload, sizeof(process.preload));
	assert_text(process.libc, sizeof(process.libc));
	assert(process.data_count <= PROCESS_MAPPINGS);
	assert(process.loaded || (!process.data_count && !process.outdated));
	/* Whatever the rest, this is the kernel's word. */
	assert(!strcmp(name, "status") || (!process.uid && *process.name));
}

static void look_at_sockets(void)
{
	size_t count, more;
	struct wildcard *list = wildcard_list(PID, &count, &more);

	/* A line of one has more than this. */
	assert(count <= file_bytes / 16 && !more);
	for (size_t i = 0; i < count; i++) {
		assert_text(list[i].text, sizeof(list[i].text));
		assert(!strncmp(list[i].text, "udp ", 4) &&
		       strrchr(list[i].text, ':'));
	}
	free(list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	if (!bytes)
		return 0;
	name = names[data[0] % (sizeof(names) / sizeof(*names))];
	file_data = data + 1;
	file_bytes = bytes - 1;

	look_at_process();
	look_at_sockets();
	(void)process_start_ms(PID);
	return 0;
}
