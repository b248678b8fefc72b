/* SPDX-License-Identifier: MIT */
/* Reads which UDP sockets there are, who has them, and how they are set up. */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "command/wildcard.h"

#include "command/process.h"
#include "common/mark.h"

#include <dirent.h>
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

enum { MOST_WILDCARDS = 1 << 18 };

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
static bool grow_wildcards(struct wildcard **list, size_t count, size_t *room)
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

struct wildcard *wildcard_list(pid_t pid, size_t *count, size_t *more)
{
	static const char *const tables[] = { "net/udp", "net/udp6",
					      "net/udplite", "net/udplite6" };
	struct wildcard *list = NULL;
	char line[512];
	size_t room = 0;

	*count = *more = 0;
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		FILE *file = process_open(pid, tables[i]);
		struct wildcard one;

		while (file && fgets(line, sizeof(line), file)) {
			if (!read_line(line, i < 2 ? "udp" : "udplite", &one))
				continue;
			if (grow_wildcards(&list, *count, &room))
				list[(*count)++] = one;
			else
				(*more)++;
		}
		if (file)
			(void)fclose(file);
	}
	return list;
}

bool wildcard_sockets_of(pid_t pid,
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

struct socket_options wildcard_options_of(pid_t pid, int fd)
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

struct search {
	unsigned long inode;
	bool found;
};

static void match_inode(unsigned long inode, int fd, void *data)
{
	struct search *search = data;

	(void)fd;
	search->found = search->found || inode == search->inode;
}

bool wildcard_is_of(pid_t pid, unsigned long inode)
{
	struct search search = { inode, false };

	return pid > 0 && wildcard_sockets_of(pid, match_inode, &search) &&
	       search.found;
}
// NOLINTEND(concurrency-mt-unsafe)
