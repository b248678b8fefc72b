/* SPDX-License-Identifier: MIT */
/*
 * A library to be preloaded with the shim: an allocator that makes socket calls
 * whenever it is called, and so also while dlsym runs.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* One socket call makes no other, but for those that dlsym needs. */
#define DEEPEST 4

/* glibc's own, behind ours. */
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t n, size_t bytes);
void *__libc_realloc(void *at, size_t bytes);

static void use_sockets(void)
{
	const struct sockaddr_in any = { .sin_family = AF_INET };
	static _Thread_local int depth;
	int saved = errno, on = 1;
	char byte = 0;
	int fd;

	if (++depth > DEEPEST)
		abort();
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&any, sizeof(any)) ||
	    setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)) ||
	    recvfrom(fd, &byte, 1, 0, NULL, NULL) != -1 || errno != EAGAIN ||
	    read(fd, &byte, 1) != -1 || errno != EAGAIN || close(fd))
		abort();
	depth--;
	errno = saved;
}

void *malloc(size_t bytes)
{
	use_sockets();
	return __libc_malloc(bytes);
}

void *calloc(size_t n, size_t bytes)
{
	use_sockets();
	return __libc_calloc(n, bytes);
}

void *realloc(void *at, size_t bytes)
{
	use_sockets();
	return __libc_realloc(at, bytes);
}
