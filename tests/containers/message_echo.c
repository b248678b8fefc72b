/* SPDX-License-Identifier: MIT */
/*
 * An echo server that uses recvmsg and sendmsg, whose names and structures are
 * not the same in every libc:
 *
 *     message_echo 4|d PORT
 */
#include "../e2e/server.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>

static void echo_one(int fd)
{
	char data[2048];
	struct sockaddr_storage peer;
	struct iovec part = { .iov_base = data, .iov_len = sizeof(data) };
	/* What a libc pads it with is left as it happens to be. */
	struct msghdr msg;
	ssize_t n;

	msg.msg_name = &peer;
	msg.msg_namelen = sizeof(peer);
	msg.msg_iov = &part;
	msg.msg_iovlen = 1;
	msg.msg_control = NULL;
	msg.msg_controllen = 0;
	msg.msg_flags = 0;
	n = recvmsg(fd, &msg, 0);
	if (n < 0)
		server_die("recvmsg");
	part.iov_len = (size_t)n;
	/* A peer that cannot be reached is no reason to end. */
	(void)sendmsg(fd, &msg, 0);
}

int main(int argc, char **argv)
{
	int fd, port;

	if (argc != 3)
		return EXIT_FAILURE;
	port = (int)strtol(argv[2], NULL, 10);
	fd = server_bind(*argv[1] == '4' ? AF_INET : AF_INET6, SOCK_DGRAM, port,
			 0);
	for (;;)
		echo_one(fd);
}
