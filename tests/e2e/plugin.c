/* SPDX-License-Identifier: MIT */
/*
 * A plugin that is an echo server, for binder.c: plugin_main 4|d [PORT].  With
 * PLUGIN_EARLY in the environment its constructor makes the socket.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int plugin_main(int argc, char **argv);

/* What the loader stores here is a relocation of its own kind. */
static ssize_t (*const answer)(int fd, const void *data, size_t bytes,
			       int flags, const struct sockaddr *to,
			       socklen_t to_bytes) = sendto;

static int bind_wildcard(int family, int port)
{
	const struct sockaddr_in v4 = {
		.sin_family = AF_INET,
		.sin_port = htons((in_port_t)port),
	};
	const struct sockaddr_in6 v6 = {
		.sin6_family = AF_INET6,
		.sin6_port = htons((in_port_t)port),
	};
	int fd = socket(family, SOCK_DGRAM, 0);

	if (family == AF_INET
		    ? bind(fd, (const struct sockaddr *)&v4, sizeof(v4))
		    : bind(fd, (const struct sockaddr *)&v6, sizeof(v6)))
		exit(EXIT_FAILURE); // NOLINT(concurrency-mt-unsafe): one thread
	return fd;
}

static int early = -1;

__attribute__((constructor)) static void loaded(void)
{
	// NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
	if (getenv("PLUGIN_EARLY"))
		early = bind_wildcard(AF_INET, 0);
}

static int echo_once(int fd)
{
	char data[2048];
	struct sockaddr_storage peer;
	socklen_t peer_bytes = sizeof(peer);
	ssize_t n = recvfrom(fd, data, sizeof(data), 0,
			     (struct sockaddr *)&peer, &peer_bytes);

	if (n < 0)
		return EXIT_FAILURE;
	/* Others are still to be answered when this one cannot be. */
	(void)answer(fd, data, (size_t)n, 0, (struct sockaddr *)&peer,
		     peer_bytes);
	return EXIT_SUCCESS;
}

static int port_of(int fd)
{
	struct sockaddr_in6 name = { 0 };
	socklen_t bytes = sizeof(name);

	/* Both families keep the port at the same place. */
	(void)getsockname(fd, (struct sockaddr *)&name, &bytes);
	return ntohs(name.sin6_port);
}

int plugin_main(int argc, char **argv)
{
	int fd = early;

	if (argc < 1)
		return EXIT_FAILURE;
	if (fd < 0)
		fd = bind_wildcard(*argv[0] == '4' ? AF_INET : AF_INET6,
				   argc > 1 ? (int)strtol(argv[1], NULL, 10)
					    : 0);
	(void)printf("port %d\n", port_of(fd));
	(void)fflush(stdout);
	while (!echo_once(fd))
		;
	return EXIT_FAILURE;
}
