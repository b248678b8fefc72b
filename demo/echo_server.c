/* SPDX-License-Identifier: MIT */
/* An ordinary UDP echo server, as in any textbook: it binds the wildcard. */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DEFAULT_PORT = 12346, EXIT_USAGE = 2 };

static int usage(void)
{
	(void)fputs("usage: echo_server [-6] [PORT]\n"
		    "Sends every UDP datagram back; the datagram \"quit\" "
		    "ends it.\n",
		    stderr);
	return EXIT_USAGE;
}

static int fail(const char *what)
{
	(void)fprintf(stderr, "echo_server: %s: %s\n", what, strerror(errno));
	return EXIT_FAILURE;
}

/* Answers 0 for anything that is no port. */
static in_port_t parse_port(const char *text)
{
	char *end;
	long port = strtol(text, &end, 10);

	return *end || port < 0 || port > UINT16_MAX ? 0 : (in_port_t)port;
}

static int bind_wildcard(int fd, int family, in_port_t port)
{
	struct sockaddr_in v4 = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_ANY),
	};
	struct sockaddr_in6 v6 = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(port),
		.sin6_addr = IN6ADDR_ANY_INIT,
	};

	if (family == AF_INET6)
		return bind(fd, (struct sockaddr *)&v6, sizeof(v6));
	return bind(fd, (struct sockaddr *)&v4, sizeof(v4));
}

/* With the newline too that `echo quit | nc -u` adds. */
static bool is_quit(const char *data, size_t length)
{
	if (length && data[length - 1] == '\n')
		length--;
	return length == 4 && !memcmp(data, "quit", 4);
}

static void print_client(const struct sockaddr_storage *client,
			 socklen_t length, ssize_t bytes)
{
	char host[NI_MAXHOST], port[NI_MAXSERV];

	if (!getnameinfo((const struct sockaddr *)client, length, host,
			 sizeof(host), port, sizeof(port),
			 NI_NUMERICHOST | NI_NUMERICSERV | NI_DGRAM))
		printf("%s port %s: %zd bytes\n", host, port, bytes);
}

static int serve(int fd)
{
	static char data[65536];

	for (;;) {
		struct sockaddr_storage client;
		socklen_t length = sizeof(client);
		ssize_t n = recvfrom(fd, data, sizeof(data), 0,
				     (struct sockaddr *)&client, &length);

		if (n < 0)
			return fail("recvfrom");
		print_client(&client, length, n);
		if (sendto(fd, data, (size_t)n, 0, (struct sockaddr *)&client,
			   length) < 0)
			(void)fail("sendto");
		if (is_quit(data, (size_t)n))
			return EXIT_SUCCESS;
	}
}

int main(int argc, char **argv)
{
	int family = AF_INET, fd, option, status;
	in_port_t port = DEFAULT_PORT;

	while ((option = getopt(argc, argv, "6")) != -1) {
		if (option != '6')
			return usage();
		family = AF_INET6;
	}
	if (optind < argc)
		port = parse_port(argv[optind++]);
	if (optind < argc || !port)
		return usage();
	/* Each line at once, into a pipe too. */
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	fd = socket(family, SOCK_DGRAM, 0);
	if (fd < 0)
		return fail("socket");
	if (bind_wildcard(fd, family, port))
		return fail("bind");
	printf("echo server on %s port %d; \"quit\" ends it\n",
	       family == AF_INET6 ? "::" : "0.0.0.0", port);
	status = serve(fd);
	close(fd);
	return status;
}
// NOLINTEND(concurrency-mt-unsafe)
