/* SPDX-License-Identifier: MIT */
/* Binds a socket to the wildcard, and says to which port. */
#include "server.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

void server_die(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE); // NOLINT(concurrency-mt-unsafe): with all threads
}

int server_bind(int family, int type, int port, int reuseport)
{
	struct sockaddr_in v4 = {
		.sin_family = AF_INET,
		.sin_port = htons((in_port_t)port),
		.sin_addr.s_addr = htonl(INADDR_ANY),
	};
	struct sockaddr_in6 v6 = {
		.sin6_family = AF_INET6,
		.sin6_port = htons((in_port_t)port),
		.sin6_addr = IN6ADDR_ANY_INIT,
	};
	int fd = socket(family, type, 0);

	if (fd < 0)
		server_die("socket");
	if (reuseport && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &reuseport,
				    sizeof(reuseport)))
		server_die("SO_REUSEPORT");
	if (family == AF_INET6 ? bind(fd, (struct sockaddr *)&v6, sizeof(v6))
			       : bind(fd, (struct sockaddr *)&v4, sizeof(v4)))
		server_die("bind");
	return fd;
}

struct sockaddr_in server_loopback(uint32_t host, int port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(LOOPBACK | host),
		.sin_port = htons((in_port_t)port),
	};
}

int server_client(uint32_t host)
{
	const struct sockaddr_in name = server_loopback(host, 0);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&name, sizeof(name)))
		server_die("client");
	return fd;
}

int server_port(int fd)
{
	struct sockaddr_in6 name = { 0 };
	socklen_t bytes = sizeof(name);

	if (getsockname(fd, (struct sockaddr *)&name, &bytes))
		server_die("getsockname");
	/* Both families keep the port at the same place. */
	return ntohs(name.sin6_port);
}

void server_ready(int fd)
{
	printf("port %d\n", server_port(fd));
	if (fflush(stdout))
		server_die("stdout");
}

void server_echo(int fd)
{
	char buf[64];
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);
	ssize_t n = recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&peer,
			     &len);

	if (n < 0 ||
	    sendto(fd, buf, (size_t)n, 0, (struct sockaddr *)&peer, len) != n)
		server_die("echo");
}

void server_mask_alarm(int how)
{
	sigset_t alarms;

	sigemptyset(&alarms);
	sigaddset(&alarms, SIGALRM);
	if (pthread_sigmask(how, &alarms, NULL))
		server_die("pthread_sigmask");
}
