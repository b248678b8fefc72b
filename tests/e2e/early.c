/* SPDX-License-Identifier: MIT */
/*
 * A library to be preloaded behind the shim, so that its constructor runs
 * first: it makes a server's socket before the shim is ready, as fd 90.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define FD 90

__attribute__((constructor)) static void loaded(void)
{
	const struct sockaddr_in any = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&any, sizeof(any)) ||
	    dup2(fd, FD) != FD || close(fd))
		abort();
}
