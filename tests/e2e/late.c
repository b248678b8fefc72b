/* SPDX-License-Identifier: MIT */
/*
 * A library to be preloaded behind the shim, so that its destructor runs last:
 * there it asks a server of its own at 127.0.0.2, and prints who answers.
 */
// NOLINTBEGIN(concurrency-mt-unsafe): the threads have ended.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int bound(struct sockaddr_in *name)
{
	socklen_t len = sizeof(*name);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	*name = (struct sockaddr_in){ .sin_family = AF_INET };
	if (fd < 0 || bind(fd, (struct sockaddr *)name, len) ||
	    getsockname(fd, (struct sockaddr *)name, &len))
		_exit(EXIT_FAILURE);
	return fd;
}

__attribute__((destructor)) static void unloaded(void)
{
	struct sockaddr_in server, client, from = { 0 };
	char text[INET_ADDRSTRLEN], byte = 'q';
	int fd, asker;
	socklen_t len = sizeof(from);

	if (!getenv("LATE"))
		return;
	fd = bound(&server);
	asker = bound(&client);
	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
	if (sendto(asker, &byte, 1, 0, (struct sockaddr *)&server,
		   sizeof(server)) != 1 ||
	    recvfrom(fd, &byte, 1, 0, (struct sockaddr *)&from, &len) != 1 ||
	    sendto(fd, &byte, 1, 0, (struct sockaddr *)&from, len) != 1 ||
	    recvfrom(asker, &byte, 1, 0, (struct sockaddr *)&from, &len) != 1 ||
	    !inet_ntop(AF_INET, &from.sin_addr, text, sizeof(text)) ||
	    dprintf(STDOUT_FILENO, "%s\n", text) < 0)
		_exit(EXIT_FAILURE);
}
// NOLINTEND(concurrency-mt-unsafe)
