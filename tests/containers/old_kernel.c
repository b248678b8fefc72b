/* SPDX-License-Identifier: MIT */
/*
 * A library to be preloaded behind the shim: a kernel that lacks what
 * OLD_KERNEL has the names of: cookie (before 4.12), ipv6 (not built, or
 * switched off), getrandom (before 3.17).
 */
// NOLINTBEGIN(concurrency-mt-unsafe): nobody sets the environment.
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#define EXPORTED __attribute__((visibility("default")))

static bool lacks(const char *what)
{
	const char *list = getenv("OLD_KERNEL");

	return list && strstr(list, what);
}

/* Puts libc's own function of this name into *function. */
static void find(const char *name, void *function)
{
	void *found = dlsym(RTLD_NEXT, name);

	if (!found)
		abort();
	memcpy(function, &found, sizeof(found));
}

EXPORTED int getsockopt(int fd, int level, int name, void *value,
			socklen_t *len)
{
	__typeof__(&getsockopt) real;

	if (lacks("cookie") && level == SOL_SOCKET && name == SO_COOKIE) {
		errno = ENOPROTOOPT;
		return -1;
	}
	find("getsockopt", &real);
	return real(fd, level, name, value, len);
}

EXPORTED int socket(int domain, int type, int protocol)
{
	__typeof__(&socket) real;

	if (lacks("ipv6") && domain == AF_INET6) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	find("socket", &real);
	return real(domain, type, protocol);
}

EXPORTED ssize_t getrandom(void *buf, size_t bytes, unsigned int flags)
{
	__typeof__(&getrandom) real;

	if (lacks("getrandom")) {
		errno = ENOSYS;
		return -1;
	}
	find("getrandom", &real);
	return real(buf, bytes, flags);
}
// NOLINTEND(concurrency-mt-unsafe)
