/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as what `systemctl cat` prints, or as a unit's file: the drop-in
 * that is made from it has the settings that we write, and no others.
 */
#include "command/unit.h"

#include "command/command.h"
#include "command/drop_in.h"
#include "command/guard.h"
#include "command/selinux.h"
#include "fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int __wrap_command_fail(int status, const char *what, const char *why);
const char *__wrap_command_library(void);
const char *__real_command_preload(const char *before, const char *library);
const char *__wrap_command_preload(const char *before, const char *library);
enum guard_outcome __wrap_guard_read_file(const char *path, size_t most_bytes,
					  struct guard_output *output);
enum selinux_mode __wrap_selinux_mode(void);
void __wrap_process_label(pid_t pid, const char *which, char *label);

/* It prints a line. */
int __wrap_command_fail(int status, const char *what, const char *why)
{
	(void)what;
	(void)why;
	return status;
}

const char *__wrap_command_library(void)
{
	return "/home/a/lib/libreplyfrom.so";
}

/* It allocates a longer list, which the command never frees. */
const char *__wrap_command_preload(const char *before, const char *library)
{
	static const char *last;
	const char *list;

	free((void *)last);
	list = __real_command_preload(before, library);
	last = list != before && list != library ? list : NULL;
	return list;
}

/* Without a child for each input. */
enum guard_outcome __wrap_guard_read_file(const char *path, size_t most_bytes,
					  struct guard_output *output)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum guard_outcome outcome;

	assert(fd >= 0);
	outcome = guard_read(fd, GUARD_MS, most_bytes, output);
	(void)close(fd);
	return outcome;
}

/* A host without SELinux, whatever this one has. */
enum selinux_mode __wrap_selinux_mode(void)
{
	return SELINUX_OFF;
}

void __wrap_process_label(pid_t pid, const char *which, char *label)
{
	(void)pid;
	(void)which;
	*label = '\0';
}

static bool begins(const char *line, const char *with)
{
	return !strncmp(line, with, strlen(with));
}

/* What drop_in.c may write, in the unit's words or not. */
static bool is_ours(const char *line)
{
	static const char *const ours[] = {
		"# ",
		"Environment=\"LD_PRELOAD=",
		"UnsetEnvironment=",
		"ExecStart=",
		"SystemCallFilter=",
		"BindReadOnlyPaths=/home/a/lib/",
		"ExecPaths=/home/a/",
	};

	if (!strcmp(line, "[Service]"))
		return true;
	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		if (begins(line, ours[i]))
			return true;
	return false;
}

/* All lines are ours; systemd ends some at "\r" and 0, too. */
static void assert_drop_in(char *text, size_t bytes)
{
	size_t sections = 0;
	char *rest;

	assert(bytes && text[bytes - 1] == '\n');
	assert(!memchr(text, '\0', bytes) && !memchr(text, '\r', bytes));
	for (char *line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		assert(is_ours(line));
		sections += *line == '[';
	}
	assert(sections == 1);
}

static void write_drop_in(const struct unit *unit)
{
	char program[PATH_MAX] = "", *text = NULL;
	const char *start = unit->settings[UNIT_EXEC_START];
	size_t bytes = 0;
	FILE *out = open_memstream(&text, &bytes);

	assert(out);
	if (start)
		(void)unit_next_word(start, program, sizeof(program));
	assert(drop_in_write(out, unit, *program ? program : NULL));
	assert(!fclose(out));
	assert_drop_in(text, bytes);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static struct unit unit;
	static char path[64];
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("unit", MFD_CLOEXEC);
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	assert(!ftruncate(fd, 0));
	assert(pwrite(fd, data, bytes, 0) == (ssize_t)bytes);
	assert(!unit_name("a@.service", &unit));

	assert(unit_read(path, &unit));

	for (int i = 0; i < UNIT_SETTINGS; i++) {
		const char *value = unit.settings[i];

		/* In the input, but for a space between two. */
		assert(!value || (*value && strlen(value) <= bytes));
	}
	write_drop_in(&unit);
	for (int i = 0; i < UNIT_SETTINGS; i++)
		free(unit.settings[i]);
	return 0;
}
