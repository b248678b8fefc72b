/* SPDX-License-Identifier: MIT */
/*
 * An echo server that uses recvmsg and sendmsg, whose names and structures are
 * not the same in every libc:
 *
 *     message_echo 4|d PORT [batch|old|number]
 *
 * batch: with recvmmsg, which has a timeout.  old: with the recvmmsg of
 * programs whose times have 32 bits, where it is another one.
 */
#include "../e2e/server.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum how { MESSAGE, BATCH, OLD, NUMBER };

/* By this name no header calls it. */
int old_recvmmsg(int fd, struct mmsghdr *msgs, unsigned int n,
		 unsigned int flags, int32_t timeout[2]) __asm__("recvmmsg");

static ssize_t receive(int fd, struct msghdr *msg, enum how how)
{
	struct mmsghdr one = { .msg_hdr = *msg };
	struct timespec timeout = { .tv_sec = 1 };
	int32_t old_timeout[2] = { 1, 0 };
	int n;

	if (how == MESSAGE)
		return recvmsg(fd, msg, 0);
	if (how == OLD)
		n = old_recvmmsg(fd, &one, 1, 0, old_timeout);
	else if (how == NUMBER)
		n = (int)syscall(SYS_recvmmsg, fd, &one, 1, 0, old_timeout);
	else
		n = recvmmsg(fd, &one, 1, 0, &timeout);
	if (old_timeout[0] != (how != NUMBER))
		server_die("the timeout");
	*msg = one.msg_hdr;
	return n < 0 ? n : (ssize_t)one.msg_len;
}

static void echo_one(int fd, enum how how)
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
	n = receive(fd, &msg, how);
	if (n < 0)
		server_die("receive");
	/* Nothing was asked for, and nothing comes. */
	if (msg.msg_controllen || msg.msg_flags)
		server_die("control messages");
	part.iov_len = (size_t)n;
	/* A peer that cannot be reached is no reason to end. */
	(void)sendmsg(fd, &msg, 0);
}

int main(int argc, char **argv)
{
	enum how how = MESSAGE;
	int fd, port;

	if (argc < 3)
		return EXIT_FAILURE;
	if (argc > 3)
		how = *argv[3] == 'o' ? OLD : *argv[3] == 'n' ? NUMBER : BATCH;
	port = (int)strtol(argv[2], NULL, 10);
	fd = server_bind(*argv[1] == '4' ? AF_INET : AF_INET6, SOCK_DGRAM, port,
			 0);
	for (;;)
		echo_one(fd, how);
}
