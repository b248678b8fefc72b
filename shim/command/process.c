/* SPDX-License-Identifier: MIT */
/* Reads /proc: who has which sockets, and whether the library is loaded. */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "command/process.h"

#include "command/command.h"
#include "common/mark.h"
#include "common/variable.h"

#include <arpa/inet.h>
#include <ctype.h>
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
#include <sys/syscall.h>
#include <unistd.h>

/* Older headers than kernels. */
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

/* More is no chain of parents. */
enum { MOST_PARENTS = 64 };

static FILE *open_proc(pid_t pid, const char *name)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return fopen(path, "re");
}

/* A process chose its name itself. */
static void clean(char *name)
{
	for (char *c = name; *c; c++)
		if (!isprint((unsigned char)*c))
			*c = '?';
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
		if (!strncmp(line, "Name:\t", 6)) {
			(void)snprintf(process->name, sizeof(process->name),
				       "%.31s", line + 6);
			clean(process->name);
		}
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

/* The library, under whichever directory or version: "libreplyfrom.so.1". */
static bool names_library(const char *text)
{
	return strstr(text, "/" COMMAND_LIBRARY) ||
	       !strncmp(text, COMMAND_LIBRARY, sizeof(COMMAND_LIBRARY) - 1);
}

/* False: it may not be read. */
static bool read_maps(struct process *process)
{
	char *line = NULL;
	size_t room = 0;
	FILE *file = open_proc(process->pid, "maps");

	if (!file)
		return false;
	while (!process->loaded && getline(&line, &room, file) > 0) {
		if (!strstr(line, "/" COMMAND_LIBRARY))
			continue;
		process->loaded = true;
		process->base = (uintptr_t)strtoull(line, NULL, 16);
	}
	free(line);
	(void)fclose(file);
	return true;
}

/* As it was when the program was started. */
static void read_environment(struct process *process)
{
	char *entry = NULL;
	size_t room = 0;
	FILE *file = open_proc(process->pid, "environ");

	if (!file)
		return;
	while (getdelim(&entry, &room, '\0', file) > 0) {
		if (!strncmp(entry, "LD_PRELOAD=", 11))
			process->wanted = names_library(entry + 11);
		else if (!strcmp(entry, "REPLYFROM_DISABLE=1"))
			process->disabled = true;
		else if (!strncmp(entry, "REPLYFROM_ONLY_PORTS=", 21))
			process->choosy = variable_read_ports(
				entry + 21, process->only_ports);
		else if (!strncmp(entry, "LISTEN_FDS=", 11))
			process->passed = true;
	}
	free(entry);
	(void)fclose(file);
}

static void read_auxiliary(struct process *process)
{
	unsigned long entry[2];
	FILE *file = open_proc(process->pid, "auxv");

	if (!file)
		return;
	while (fread(entry, sizeof(entry), 1, file) == 1)
		if (entry[0] == AT_SECURE && entry[1])
			process->privileged = true;
	(void)fclose(file);
}

bool process_read(pid_t pid, struct process *process)
{
	*process = (struct process){ .pid = pid };
	if (!read_status(process))
		return false;
	process->readable = read_maps(process);
	read_environment(process);
	read_auxiliary(process);
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
	(void)snprintf(wildcard->text, sizeof(wildcard->text), "%s %s:%u",
		       protocol, text, port);
	return true;
}

size_t process_wildcards(pid_t pid, struct wildcard *list, size_t room)
{
	static const char *const tables[] = { "net/udp", "net/udp6",
					      "net/udplite", "net/udplite6" };
	char line[512];
	size_t count = 0;

	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		FILE *file = open_proc(pid, tables[i]);

		if (!file)
			continue;
		while (count < room && fgets(line, sizeof(line), file))
			if (read_line(line, i < 2 ? "udp" : "udplite",
				      &list[count]))
				count++;
		(void)fclose(file);
	}
	return count;
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

/* False: it cannot be read. */
static bool read_option(pid_t pid, int fd, int level, int name, int *value)
{
	socklen_t len = sizeof(*value);
	int process = (int)syscall(SYS_pidfd_open, pid, 0), copy = -1;
	bool read;

	if (process < 0)
		return false;
	copy = (int)syscall(SYS_pidfd_getfd, process, fd, 0);
	(void)close(process);
	if (copy < 0)
		return false;
	read = !getsockopt(copy, level, name, value, &len);
	(void)close(copy);
	return read;
}

static bool is_on(pid_t pid, int fd, int level, int name)
{
	int value;

	return read_option(pid, fd, level, name, &value) && value;
}

bool process_socket_is_marked(pid_t pid, int fd)
{
	int value;

	return read_option(pid, fd, SOL_SOCKET, SO_RCVLOWAT, &value) &&
	       is_mark(value);
}

bool process_socket_is_v6_only(pid_t pid, int fd)
{
	return is_on(pid, fd, IPPROTO_IPV6, IPV6_V6ONLY);
}

bool process_socket_has_pktinfo(pid_t pid, int fd)
{
	return (is_on(pid, fd, IPPROTO_IP, IP_PKTINFO) ||
		is_on(pid, fd, IPPROTO_IPV6, IPV6_RECVPKTINFO)) &&
	       !process_socket_is_marked(pid, fd);
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
