/* SPDX-License-Identifier: MIT */
/*
 * Marks the sockets that exist, and notes broadcast addresses, in each network
 * namespace: a process sees those of its own only.
 */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "kernel/loader.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <limits.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

enum { NAMESPACES = 4096 };

/* Has the kernel judge the sockets of this namespace; see mark_existing. */
static int mark_sockets(void)
{
	const int iterator = open(PINS "/mark_existing", O_RDONLY | O_CLOEXEC);
	char rest[64];
	ssize_t n;

	if (iterator < 0)
		return -1;
	do
		n = read(iterator, rest, sizeof(rest));
	while (n > 0 || (n < 0 && errno == EAGAIN));
	(void)close(iterator);
	return n < 0 ? -1 : 0;
}

static __u64 netns_cookie(void)
{
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	__u64 cookie = 0;
	socklen_t bytes = sizeof(cookie);

	(void)getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &bytes);
	(void)close(fd);
	return cookie;
}

/* Addresses added later are noted by add_ipv4. */
static void note_broadcasts(int unusable)
{
	const __u64 netns = netns_cookie();
	const __u8 one = 1;
	struct ifaddrs *first, *i;

	if (getifaddrs(&first))
		return;
	for (i = first; i; i = i->ifa_next) {
		struct unusable_key key = { .netns = netns };
		struct sockaddr_in addr, mask;

		if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET ||
		    !i->ifa_netmask)
			continue;
		memcpy(&addr, i->ifa_addr, sizeof(addr));
		memcpy(&mask, i->ifa_netmask, sizeof(mask));
		if (mask.sin_addr.s_addr == INADDR_BROADCAST)
			continue;
		key.addr.s6_addr32[2] = htonl(0xffff);
		key.addr.s6_addr32[3] =
			addr.sin_addr.s_addr | ~mask.sin_addr.s_addr;
		(void)bpf_map_update_elem(unusable, &key, &one, BPF_ANY);
	}
	freeifaddrs(first);
}

static bool is_new(ino_t namespace)
{
	static ino_t seen[NAMESPACES];
	static size_t count;

	for (size_t i = 0; i < count; i++)
		if (seen[i] == namespace)
			return false;
	if (count < NAMESPACES)
		seen[count++] = namespace;
	return true;
}

static int visit(int namespace, int unusable)
{
	if (setns(namespace, CLONE_NEWNET))
		return -1;
	note_broadcasts(unusable);
	return mark_sockets();
}

/* The iterator shows the sockets of the reader's namespace only. */
int visit_namespaces(void)
{
	const int unusable = open_map("unusable");
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int failed = 0;

	while (proc && (entry = readdir(proc))) {
		char path[NAME_MAX + 16];
		struct stat status;
		int namespace;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%s/ns/net",
			       entry->d_name);
		namespace = open(path, O_RDONLY | O_CLOEXEC);
		if (namespace < 0)
			continue; /* the process has ended */
		if (!fstat(namespace, &status) && is_new(status.st_ino) &&
		    visit(namespace, unusable))
			failed = fail("sockets from before are not served: %s",
				      strerror(errno));
		(void)close(namespace);
	}
	if (proc)
		(void)closedir(proc);
	(void)close(unusable);
	return failed;
}
// NOLINTEND(concurrency-mt-unsafe)
