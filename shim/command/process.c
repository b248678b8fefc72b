/* SPDX-License-Identifier: MIT */
/* Reads /proc: who has which sockets, and whether the library is loaded. */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "command/process.h"

#include "command/command.h"
#include "common/mark.h"
#include "common/variable.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Older headers than kernels. */
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

enum {
	MOST_PARENTS = 64, /* more is no chain of parents */
	/* Of what another process decides how long it is. */
	MOST_MAPS_BYTES = 1 << 24,
	MOST_ENVIRONMENT_BYTES = 1 << 21,
	MOST_CGROUP_BYTES = 1 << 14,
	MOST_WILDCARDS = 1 << 18,
	SHORT_ID = 12, /* as container engines print them */
};

static FILE *open_proc(pid_t pid, const char *name)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return fopen(path, "re");
}

/* At most so many bytes of a file, with a 0 behind; the caller frees them. */
static char *read_file(pid_t pid, const char *name, size_t most, size_t *bytes)
{
	FILE *file = open_proc(pid, name);
	char *text = file ? malloc(most + 1) : NULL;

	if (text) {
		*bytes = fread(text, 1, most, file);
		text[*bytes] = '\0';
	}
	if (file)
		(void)fclose(file);
	return text;
}

static bool read_status(struct process *process)
{
	char line[256];
	FILE *file = open_proc(process->pid, "status");
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
	char *text =
		read_file(process->pid, "cgroup", MOST_CGROUP_BYTES, &bytes);
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
	char *text = read_file(process->pid, "maps", MOST_MAPS_BYTES, &bytes);
	char *rest = text, *line;
	const bool is_known = text;

	while (rest && (line = strsep(&rest, "\n")))
		read_mapping(process, line);
	free(text);
	return is_known;
}

static int open_services(void)
{
	return open("/etc/services", O_RDONLY | O_CLOEXEC);
}

const struct port_list_services process_services = { open_services, read,
						     close };

/* What is neither on nor off disables as well. */
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
		process->choosy = port_list_read(entry + 21, &process_services,
						 process->only_ports);
	} else if (!strncmp(entry, "LISTEN_FDS=", 11)) {
		process->passed = true;
	}
}

/* As it was when the program was started. */
static void read_environment(struct process *process)
{
	size_t bytes = 0;
	char *text = read_file(process->pid, "environ", MOST_ENVIRONMENT_BYTES,
			       &bytes);

	for (size_t at = 0; text && at < bytes; at += strlen(text + at) + 1)
		read_variable(process, text + at);
	free(text);
}

static void read_auxiliary(struct process *process)
{
	unsigned long entry[2];
	FILE *file = open_proc(process->pid, "auxv");

	if (!file)
		return;
	for (int i = 0; i < 256 && fread(entry, sizeof(entry), 1, file); i++)
		if (entry[0] == AT_SECURE && entry[1])
			process->privileged = true;
	(void)fclose(file);
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

/* As the kernel prints it: words of four bytes, each in the host's order. */
static bool read_address(const char *hex, struct in6_addr *address)
{
	size_t words = strlen(hex) / 8;

	*address = (struct in6_addr){ 0 };
	for (size_t i = 0; i < words && i < 4; i++) {
		char word[9] = "";

		memcpy(word, hex + 8 * i, 8);
		address->s6_addr32[i] = (uint32_t)strtoul(word, NULL, 16);
	}
	return words == 1 || words == 4;
}

static bool is_wildcard(const struct in6_addr *address)
{
	struct in6_addr rest = *address;

	if (IN6_IS_ADDR_V4MAPPED(&rest))
		rest.s6_addr32[2] = 0;
	return IN6_IS_ADDR_UNSPECIFIED(&rest);
}

/* A line of net/udp; false: it is none of a socket on the wildcard. */
static bool read_line(const char *line, const char *protocol,
		      struct wildcard *wildcard)
{
	char hex[33], peer[33], text[INET6_ADDRSTRLEN];
	unsigned int port;
	struct in6_addr address, to;

	// NOLINTNEXTLINE(cert-err34-c): the kernel writes numbers
	if (sscanf(line,
		   " %*d: %32[0-9A-F]:%x %32[0-9A-F]:%*x %*x %*x:%*x %*x:%*x "
		   "%*x %*d %*d %lu",
		   hex, &port, peer, &wildcard->inode) != 4 ||
	    !port || !read_address(hex, &address) || !read_address(peer, &to) ||
	    !is_wildcard(&address) || !IN6_IS_ADDR_UNSPECIFIED(&to))
		return false;
	if (strlen(hex) == 8)
		(void)snprintf(text, sizeof(text), "0.0.0.0");
	else
		(void)snprintf(text, sizeof(text), "[%s]",
			       IN6_IS_ADDR_V4MAPPED(&address) ? "::ffff:0.0.0.0"
							      : "::");
	wildcard->port = (uint16_t)port;
	wildcard->v6 = strlen(hex) != 8;
	(void)snprintf(wildcard->text, sizeof(wildcard->text), "%s %s:%u",
		       protocol, text, port);
	return true;
}

/* Room for one more; false: there is none. */
static bool has_room(struct wildcard **list, size_t count, size_t *room)
{
	const size_t more = *room ? *room * 2 : 256;
	struct wildcard *grown;

	if (count < *room)
		return true;
	grown = more <= MOST_WILDCARDS ? realloc(*list, more * sizeof(**list))
				       : NULL;
	if (!grown)
		return false;
	*list = grown;
	*room = more;
	return true;
}

struct wildcard *process_wildcards(pid_t pid, size_t *count, size_t *more)
{
	static const char *const tables[] = { "net/udp", "net/udp6",
					      "net/udplite", "net/udplite6" };
	struct wildcard *list = NULL;
	char line[512];
	size_t room = 0;

	*count = *more = 0;
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		FILE *file = open_proc(pid, tables[i]);
		struct wildcard one;

		while (file && fgets(line, sizeof(line), file)) {
			if (!read_line(line, i < 2 ? "udp" : "udplite", &one))
				continue;
			if (has_room(&list, *count, &room))
				list[(*count)++] = one;
			else
				(*more)++;
		}
		if (file)
			(void)fclose(file);
	}
	return list;
}

bool process_sockets(pid_t pid,
		     void (*found)(unsigned long inode, int fd, void *data),
		     void *data)
{
	char path[64];
	const struct dirent *entry;
	DIR *directory;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	directory = opendir(path);
	if (!directory)
		return false;
	while ((entry = readdir(directory))) {
		char target[64] = "";
		unsigned long inode;

		// NOLINTBEGIN(cert-err34-c): the kernel writes numbers
		if (readlinkat(dirfd(directory), entry->d_name, target,
			       sizeof(target) - 1) > 0 &&
		    sscanf(target, "socket:[%lu]", &inode) == 1)
			found(inode, atoi(entry->d_name), data);
		// NOLINTEND(cert-err34-c)
	}
	(void)closedir(directory);
	return true;
}

/* What getsockopt(2) says of a socket; 0: nothing. */
static int option_of(int fd, int level, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(fd, level, name, &value, &len) ? 0 : value;
}

struct socket_options process_socket_options(pid_t pid, int fd)
{
	struct socket_options options = { .known = false };
	int process = (int)syscall(SYS_pidfd_open, pid, 0), own = -1;

	if (process >= 0) {
		own = (int)syscall(SYS_pidfd_getfd, process, fd, 0);
		(void)close(process);
	}
	if (own < 0)
		return options;
	options.known = true;
	options.marked = is_mark(option_of(own, SOL_SOCKET, SO_RCVLOWAT));
	options.v6_only = option_of(own, IPPROTO_IPV6, IPV6_V6ONLY);
	options.pktinfo = !options.marked &&
			  (option_of(own, IPPROTO_IP, IP_PKTINFO) ||
			   option_of(own, IPPROTO_IPV6, IPV6_RECVPKTINFO));
	(void)close(own);
	return options;
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
struct search {
	unsigned long inode;
	bool found;
};

static void compare(unsigned long inode, int fd, void *data)
{
	struct search *search = data;

	(void)fd;
	search->found = search->found || inode == search->inode;
}

bool process_has_socket(pid_t pid, unsigned long inode)
{
	struct search search = { inode, false };

	return pid > 0 && process_sockets(pid, compare, &search) &&
	       search.found;
}
// NOLINTEND(concurrency-mt-unsafe)
