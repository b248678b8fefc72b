/* SPDX-License-Identifier: MIT */
/* Reads /proc: who a process is, and whether the library is loaded there. */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "command/process.h"

#include "command/command.h"
#include "common/variable.h"

#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum {
	MOST_PARENTS = 64, /* more is no chain of parents */
	FIRST_BYTES = 1 << 12,
	/* Of what another process decides how long it is. */
	MOST_MAPS_BYTES = 1 << 24,
	MOST_ENVIRONMENT_BYTES = 1 << 21,
	MOST_CGROUP_BYTES = 1 << 14,
	SHORT_ID = 12, /* as container engines print them */
};

FILE *process_open(pid_t pid, const char *name)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return fopen(path, "re");
}

/* At most so many bytes of a file, with a 0 behind; the caller frees them. */
static char *read_proc_file(pid_t pid, const char *name, size_t most,
			    size_t *bytes)
{
	FILE *file = process_open(pid, name);
	char *text = NULL, *grown;
	size_t room = FIRST_BYTES;

	*bytes = 0;
	while (file && (grown = realloc(text, room + 1))) {
		text = grown;
		*bytes += fread(text + *bytes, 1, room - *bytes, file);
		text[*bytes] = '\0';
		if (*bytes < room || room == most)
			break;
		room = room * 2 < most ? room * 2 : most;
	}
	if (file)
		(void)fclose(file);
	return text;
}

static bool read_status(struct process *process)
{
	char line[256];
	FILE *file = process_open(process->pid, "status");
	unsigned int effective;
	int parent;

	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, "Name:\t", 6))
			(void)snprintf(process->name, sizeof(process->name),
				       "%.63s", line + 6);
		// NOLINTBEGIN(cert-err34-c): the kernel writes numbers
		else if (sscanf(line, "PPid: %d", &parent) == 1)
			process->parent = parent;
		else if (sscanf(line, "Uid: %*u %u", &effective) == 1)
			process->uid = effective;
		else if (sscanf(line, "Gid: %*u %u", &effective) == 1)
			process->gid = effective;
		// NOLINTEND(cert-err34-c)
	}
	(void)fclose(file);
	return true;
}

/* Only the link: the file itself may be on any file system. */
static void read_program(struct process *process)
{
	char path[64], target[PATH_MAX];
	const char *base;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/exe", (int)process->pid);
	n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return;
	target[n] = '\0';
	base = strrchr(target, '/');
	(void)snprintf(process->program, sizeof(process->program), "%.63s",
		       base ? base + 1 : target);
}

static bool ends_with(const char *text, size_t length, const char *end)
{
	const size_t bytes = strlen(end);

	return length > bytes && !memcmp(text + length - bytes, end, bytes);
}

static void copy(char *to, size_t room, const char *from, size_t length)
{
	(void)snprintf(to, room, "%.*s", (int)(length < room ? length : room),
		       from);
}

/* "docker-0123...scope" and the like; what engines call their cgroups. */
static bool read_container(struct process *process, const char *name,
			   size_t length)
{
	static const struct {
		const char *begin;
		size_t most; /* bytes of what follows */
	} engines[] = { { "docker-", SHORT_ID },
			{ "libpod-", SHORT_ID },
			{ "crio-", SHORT_ID },
			{ "cri-containerd-", SHORT_ID },
			{ "lxc.payload.", PROCESS_WHERE_BYTES },
			{ "machine-", PROCESS_WHERE_BYTES } };
	const bool is_id =
		length == 64 && strspn(name, "0123456789abcdef") >= 64;

	if (ends_with(name, length, ".scope"))
		length -= 6;
	for (size_t i = 0; i < sizeof(engines) / sizeof(*engines); i++) {
		const size_t before = strlen(engines[i].begin);

		if (length <= before ||
		    strncmp(name, engines[i].begin, before) != 0)
			continue;
		length -= before;
		copy(process->container, sizeof(process->container),
		     name + before,
		     length < engines[i].most ? length : engines[i].most);
		return true;
	}
	if (is_id)
		copy(process->container, sizeof(process->container), name,
		     SHORT_ID);
	return is_id;
}

/* A path of cgroups(7): the innermost service or container in it. */
static bool read_cgroup(struct process *process, const char *path)
{
	bool found = false;

	for (path += *path == '/'; *path; path += *path == '/') {
		const size_t length = strcspn(path, "/");

		if (ends_with(path, length, ".service")) {
			copy(process->unit, sizeof(process->unit), path,
			     length);
			found = true;
		} else if (read_container(process, path, length)) {
			found = true;
		}
		path += length;
	}
	return found;
}

static void read_cgroups(struct process *process)
{
	size_t bytes;
	char *text = read_proc_file(process->pid, "cgroup", MOST_CGROUP_BYTES,
				    &bytes);
	char *rest = text, *line;

	while (rest && (line = strsep(&rest, "\n"))) {
		const char *path = strchr(line, ':');

		path = path ? strchr(path + 1, ':') : NULL;
		if (path && read_cgroup(process, path + 1))
			break;
	}
	free(text);
}

/* The library, under whichever directory or version: "libreplyfrom.so.1". */
static bool names_library(const char *text)
{
	return strstr(text, "/" COMMAND_LIBRARY) ||
	       !strncmp(text, COMMAND_LIBRARY, sizeof(COMMAND_LIBRARY) - 1);
}

static bool is_libc(const char *path)
{
	const char *base = strrchr(path, '/');

	return base &&
	       (!strcmp(base, "/libc.so.6") || !strncmp(base, "/libc-2.", 8));
}

static void add_mapping(struct process *process, uint64_t start, uint64_t end,
			const char *permissions, const char *path)
{
	if (!process->loaded)
		process->base = start;
	process->loaded = true;
	if (ends_with(path, strlen(path), " (deleted)"))
		process->outdated = true;
	/* Data, not code. */
	if (permissions[0] == 'r' && permissions[2] == '-' &&
	    process->data_count < PROCESS_MAPPINGS)
		process->data[process->data_count++] =
			(struct process_mapping){ start, end };
}

/* A line of maps.  The kernel escapes newlines in paths. */
static void read_mapping(struct process *process, const char *line)
{
	char permissions[5];
	uint64_t start, end;
	int path = 0;

	// NOLINTNEXTLINE(cert-err34-c): the kernel writes numbers
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*x %*s %*u %n", &start,
		   &end, permissions, &path) < 3 ||
	    !path)
		return;
	if (strstr(line + path, "/" COMMAND_LIBRARY))
		add_mapping(process, start, end, permissions, line + path);
	else if (!*process->libc && is_libc(line + path))
		(void)snprintf(process->libc, sizeof(process->libc), "%.*s",
			       PATH_MAX - 1, line + path);
}

/* False: it may not be read. */
static bool read_maps(struct process *process)
{
	size_t bytes;
	char *text =
		read_proc_file(process->pid, "maps", MOST_MAPS_BYTES, &bytes);
	char *rest = text, *line;
	const bool is_known = text;

	while (rest && (line = strsep(&rest, "\n")))
		read_mapping(process, line);
	free(text);
	return is_known;
}

/* A value that is neither on nor off disables the library, too. */
static bool disables(const char *value)
{
	uint32_t is_on = 1;

	(void)variable_read_switch(value, &is_on);
	return is_on;
}

static void read_variable(struct process *process, const char *entry)
{
	if (!strncmp(entry, "LD_PRELOAD=", 11)) {
		(void)snprintf(process->preload, sizeof(process->preload), "%s",
			       entry + 11);
		process->wanted = names_library(entry + 11);
	} else if (!strncmp(entry, "REPLYFROM_DISABLE=", 18)) {
		process->disabled = disables(entry + 18);
	} else if (!strncmp(entry, "REPLYFROM_ONLY_PORTS=", 21)) {
		process->choosy = port_list_read(entry + 21, syscall,
						 process->only_ports);
	} else if (!strncmp(entry, "LISTEN_FDS=", 11)) {
		process->passed = true;
	}
}

/* As it was when the program was started. */
static void read_environment(struct process *process)
{
	size_t bytes = 0;
	char *text = read_proc_file(process->pid, "environ",
				    MOST_ENVIRONMENT_BYTES, &bytes);

	for (size_t at = 0; text && at < bytes; at += strlen(text + at) + 1)
		read_variable(process, text + at);
	free(text);
}

static bool has_privileged_file(pid_t pid)
{
	struct stat file;
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	return stat(path, &file) || file.st_mode & (S_ISUID | S_ISGID) ||
	       getxattr(path, "security.capability", NULL, 0) >= 0;
}

static void read_auxiliary(struct process *process)
{
	unsigned long entry[2];
	FILE *file = process_open(process->pid, "auxv");

	if (!file)
		return;
	for (int i = 0; i < 256 && fread(entry, sizeof(entry), 1, file); i++)
		if (entry[0] == AT_SECURE && entry[1])
			process->privileged = true;
	(void)fclose(file);
	process->privileged_file =
		process->privileged && has_privileged_file(process->pid);
}

bool process_read_names(pid_t pid, struct process *process)
{
	*process = (struct process){ .pid = pid };
	if (!read_status(process))
		return false;
	read_program(process);
	read_cgroups(process);
	return true;
}

bool process_read(pid_t pid, struct process *process)
{
	if (!process_read_names(pid, process))
		return false;
	process->readable = read_maps(process);
	read_environment(process);
	read_auxiliary(process);
	return true;
}

void process_label(pid_t pid, const char *which, char *label)
{
	char name[32];
	FILE *file;

	(void)snprintf(name, sizeof(name), "attr/%s", which);
	file = process_open(pid, name);
	*label = '\0';
	if (!file)
		return;
	if (fgets(label, PROCESS_LABEL_BYTES, file))
		label[strcspn(label, "\n")] = '\0';
	(void)fclose(file);
}

/* The 22nd field of stat; the second may have anything in it.  proc(5). */
uint64_t process_start_ms(pid_t pid)
{
	char text[1024] = "";
	const char *at;
	FILE *file = process_open(pid, "stat");

	if (!file)
		return 0;
	(void)!fread(text, 1, sizeof(text) - 1, file);
	(void)fclose(file);
	at = strrchr(text, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at, NULL, 10) * 1000 /
			       (uint64_t)sysconf(_SC_CLK_TCK)
		  : 0;
}

ino_t process_namespace(pid_t pid, const char *kind)
{
	struct stat file;
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, kind);
	return stat(path, &file) ? 0 : file.st_ino;
}

bool process_each(void (*found)(pid_t pid, void *data), void *data)
{
	const struct dirent *entry;
	DIR *directory = opendir("/proc");

	if (!directory)
		return false;
	while ((entry = readdir(directory))) {
		const long pid = strtol(entry->d_name, NULL, 10);

		if (pid > 0 && pid <= INT_MAX)
			found((pid_t)pid, data);
	}
	(void)closedir(directory);
	return true;
}

bool process_above_with_library(const struct process *process,
				struct process *above)
{
	pid_t pid = process->parent;

	for (int i = 0; pid > 0 && i < MOST_PARENTS; i++) {
		if (!process_read(pid, above))
			return false;
		if (above->loaded || above->wanted)
			return true;
		pid = above->parent;
	}
	return false;
}
// NOLINTEND(concurrency-mt-unsafe)
