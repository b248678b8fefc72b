/* SPDX-License-Identifier: MIT */
/*
 * Asks a wildcard socket of this process, and prints the CPU time of its calls
 * in ns for each request:
 *
 *     cost REQUESTS       of one client port
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

static void die(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE); // NOLINT(concurrency-mt-unsafe): one thread
}

static int bound(in_addr_t addr, struct sockaddr_in *name)
{
	const int fd = socket(AF_INET, SOCK_DGRAM, 0);
	socklen_t bytes = sizeof(*name);

	*name = (struct sockaddr_in){ .sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(addr) };
	if (bind(fd, (struct sockaddr *)name, bytes) ||
	    getsockname(fd, (struct sockaddr *)name, &bytes))
		die("bind");
	return fd;
}

static long now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec * 1000000000 + now.tv_nsec;
}

static void echo(int server)
{
	struct sockaddr_in peer;
	socklen_t bytes = sizeof(peer);
	char data[64];
	const ssize_t n = recvfrom(server, data, sizeof(data), 0,
				   (struct sockaddr *)&peer, &bytes);

	if (n < 0 || sendto(server, data, (size_t)n, 0,
			    (struct sockaddr *)&peer, bytes) != n)
		die("echo");
}

int main(int argc, char **argv)
{
	const long requests = argc > 1 ? strtol(argv[1], NULL, 10) : 1;
	struct sockaddr_in to, from;
	const int server = bound(INADDR_ANY, &to);
	const int client = bound(INADDR_LOOPBACK, &from);
	char data[64] = "";
	long spent = 0;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (long i = 0; i < requests; i++) {
		long began;

		if (sendto(client, data, sizeof(data), 0,
			   (struct sockaddr *)&to, sizeof(to)) < 0)
			die("sendto");
		began = now_ns();
		echo(server);
		spent += now_ns() - began;
		if (recv(client, data, sizeof(data), 0) < 0)
			die("recv");
	}
	(void)printf("%ld\n", spent / requests);
	return EXIT_SUCCESS;
}
