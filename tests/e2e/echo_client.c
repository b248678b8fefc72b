/* SPDX-License-Identifier: MIT */
/*
 * The datagram echo client of the textbooks:
 *
 *     echo_client HOST PORT WORD...
 *
 * It connects its socket, so that the kernel drops an answer that comes from
 * another address than was asked.
 */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static int connect_to(const char *host, const char *port)
{
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_socktype = SOCK_DGRAM,
	};
	const struct timeval patience = { .tv_usec = 500000 };
	struct addrinfo *found;
	int fd;

	if (getaddrinfo(host, port, &hints, &found))
		return -1;
	fd = socket(found->ai_family, SOCK_DGRAM, 0);
	if (fd >= 0 && (connect(fd, found->ai_addr, found->ai_addrlen) ||
			setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
				   sizeof(patience)))) {
		close(fd);
		fd = -1;
	}
	freeaddrinfo(found);
	return fd;
}

int main(int argc, char **argv)
{
	char answer[512];
	int fd = argc < 4 ? -1 : connect_to(argv[1], argv[2]);

	if (fd < 0)
		return EXIT_FAILURE;
	for (int i = 3; i < argc; i++) {
		size_t bytes = strlen(argv[i]);
		ssize_t n;

		if (write(fd, argv[i], bytes) != (ssize_t)bytes) {
			perror("write");
			return EXIT_FAILURE;
		}
		n = read(fd, answer, sizeof(answer));
		if (n < 0) {
			perror("read");
			return EXIT_FAILURE;
		}
		printf("%.*s\n", (int)n, answer);
	}
	return EXIT_SUCCESS;
}
