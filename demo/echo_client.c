/* SPDX-License-Identifier: MIT */
/* Sends each line that it reads to a UDP server, and says who answered. */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEFAULT_PORT "12346"

enum { EXIT_USAGE = 2, PATIENCE_MS = 1000 };

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static int usage(void)
{
	(void)fputs("usage: echo_client [-c] ADDRESS [PORT]\n"
		    "Sends each line it reads to a UDP server and prints the "
		    "answer, and from which\n"
		    "address it came.  Exit status 1 when that is not the one "
		    "asked, or none came.\n"
		    "\n"
		    "  -c  connect the socket, as most clients do: it gets an "
		    "answer from the\n"
		    "      address asked or none\n",
		    stderr);
	return EXIT_USAGE;
}

static int fail(const char *what, const char *why)
{
	(void)fprintf(stderr, "echo_client: %s: %s\n", what, why);
	return EXIT_USAGE;
}

static bool same(const union address *a, const union address *b)
{
	if (a->any.sa_family != b->any.sa_family)
		return false;
	if (a->any.sa_family == AF_INET)
		return a->v4.sin_port == b->v4.sin_port &&
		       a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
	return a->v6.sin6_port == b->v6.sin6_port &&
	       IN6_ARE_ADDR_EQUAL(&a->v6.sin6_addr, &b->v6.sin6_addr);
}

/* What is no text shows as dots: a terminal would obey it. */
static void print_text(const char *data, size_t length)
{
	while (length && isspace((unsigned char)data[length - 1]))
		length--;
	for (; length; data++, length--)
		(void)putchar(isprint((unsigned char)*data) ? *data : '.');
}

/* Answers whether it came from the address asked. */
static bool print_answer(const char *data, size_t length,
			 const union address *from, socklen_t fromlen,
			 const union address *asked, const char *name)
{
	char host[NI_MAXHOST] = "?", port[NI_MAXSERV] = "?";

	(void)getnameinfo(&from->any, fromlen, host, sizeof(host), port,
			  sizeof(port),
			  NI_NUMERICHOST | NI_NUMERICSERV | NI_DGRAM);
	print_text(data, length);
	printf("  (from %s port %s: ", host, port);
	if (same(from, asked))
		puts("right)");
	else
		printf("WRONG, %s was asked)\n", name);
	return same(from, asked);
}

/* Answers 0 when the right one answered, or an exit status. */
static int await_answer(int fd, const union address *asked, const char *name)
{
	static char data[65536];
	struct pollfd readable = { .fd = fd, .events = POLLIN };
	union address from = { .any.sa_family = AF_UNSPEC };
	socklen_t length = sizeof(from);
	int ready = poll(&readable, 1, PATIENCE_MS);
	ssize_t n;

	if (ready < 0)
		return fail("poll", strerror(errno));
	if (!ready) {
		printf("no answer within %d ms\n", PATIENCE_MS);
		return EXIT_FAILURE;
	}
	n = recvfrom(fd, data, sizeof(data), 0, &from.any, &length);
	if (n < 0 && errno == ECONNREFUSED) {
		puts("no answer: nobody listens there");
		return EXIT_FAILURE;
	}
	if (n < 0)
		return fail("recvfrom", strerror(errno));
	if (!print_answer(data, (size_t)n, &from, length, asked, name))
		return EXIT_FAILURE;
	return EXIT_SUCCESS;
}

static int talk(int fd, const union address *asked, socklen_t asked_len,
		const char *name)
{
	bool prompts = isatty(STDIN_FILENO);
	char *line = NULL;
	size_t room = 0;
	int status = EXIT_SUCCESS;

	for (;;) {
		ssize_t n;
		int outcome;

		if (prompts)
			(void)fputs("> ", stdout);
		(void)fflush(stdout);
		n = getline(&line, &room, stdin);
		if (n < 0)
			break;
		if (sendto(fd, line, (size_t)n, 0, &asked->any, asked_len) < 0)
			outcome = fail("sendto", strerror(errno));
		else
			outcome = await_answer(fd, asked, name);
		if (outcome > status)
			status = outcome;
	}
	if (prompts)
		puts("");
	free(line);
	return status;
}

int main(int argc, char **argv)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_DGRAM };
	const char *name, *port = DEFAULT_PORT;
	struct addrinfo *found;
	union address asked = { .any.sa_family = AF_UNSPEC };
	bool connects = false;
	int error, fd, option, status;

	while ((option = getopt(argc, argv, "c")) != -1) {
		if (option != 'c')
			return usage();
		connects = true;
	}
	if (optind == argc)
		return usage();
	name = argv[optind++];
	if (optind < argc)
		port = argv[optind++];
	if (optind < argc)
		return usage();
	error = getaddrinfo(name, port, &hints, &found);
	if (error)
		return fail(name, gai_strerror(error));
	memcpy(&asked, found->ai_addr, found->ai_addrlen);
	fd = socket(found->ai_family, SOCK_DGRAM, 0);
	if (fd < 0)
		status = fail("socket", strerror(errno));
	else if (connects && connect(fd, &asked.any, found->ai_addrlen))
		status = fail(name, strerror(errno));
	else
		status = talk(fd, &asked, found->ai_addrlen, name);
	if (fd >= 0)
		close(fd);
	freeaddrinfo(found);
	return status;
}
// NOLINTEND(concurrency-mt-unsafe)
