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

int main(int argc, char **argv)
{
	char data[2048];
	struct sockaddr_storage peer;
	struct iovec part;
	/* What a libc pads it with is left as it happens to be. */
	struct msghdr msg;
	ssize_t n;
	int fd;

	if (argc != 3)
		return EXIT_FAILURE;
	// NOLINTNEXTLINE(cert-err34-c): no port is bound for no number
	fd = server_bind(*argv[1] == '4' ? AF_INET : AF_INET6, SOCK_DGRAM,
			 atoi(argv[2]), 0);
	msg.msg_iov = &part;
	msg.msg_iovlen = 1;
	msg.msg_control = NULL;
	msg.msg_controllen = 0;
	msg.msg_flags = 0;
	for (;;) {
		part.iov_base = data;
		part.iov_len = sizeof(data);
		msg.msg_name = &peer;
		msg.msg_namelen = sizeof(peer);
		n = recvmsg(fd, &msg, 0);
		if (n < 0)
			server_die("recvmsg");
		part.iov_len = (size_t)n;
		msg.msg_control = NULL;
		msg.msg_controllen = 0;
		/* A peer that cannot be reached is no reason to end. */
		(void)sendmsg(fd, &msg, 0);
	}
}
