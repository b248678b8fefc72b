/* SPDX-License-Identifier: MIT */
/*
 * An echo server that receives and sends by io_uring, whose calls no library
 * sees.  Its second answer goes out when it has connected its socket with one
 * receive under way.
 */
#include "server.h"

#include <liburing.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

enum { ENTRIES = 8, ANSWERS = 3 };

static struct io_uring ring;

/* What the one call that is under way comes to. */
static int complete(void)
{
	struct io_uring_cqe *done;
	int result;

	if (io_uring_submit_and_wait(&ring, 1) < 0 ||
	    io_uring_wait_cqe(&ring, &done))
		server_die("io_uring");
	result = done->res;
	io_uring_cqe_seen(&ring, done);
	return result;
}

int main(void)
{
	struct sockaddr_in peer;
	char buf[2048];
	struct iovec iov = { .iov_base = buf };
	struct msghdr msg = { .msg_name = &peer,
			      .msg_iov = &iov,
			      .msg_iovlen = 1 };
	int fd = server_bind(AF_INET, SOCK_DGRAM, 0, 0);

	if (io_uring_queue_init(ENTRIES, &ring, 0))
		server_die("io_uring_queue_init");
	(void)printf("port %d\n", server_port(fd));
	(void)fflush(stdout);
	for (int i = 0; i < ANSWERS; i++) {
		int n;

		iov.iov_len = sizeof(buf);
		msg.msg_namelen = sizeof(peer);
		io_uring_prep_recvmsg(io_uring_get_sqe(&ring), fd, &msg, 0);
		/* While it waits. */
		if (i == 1 &&
		    (io_uring_submit(&ring) < 0 ||
		     connect(fd, (struct sockaddr *)&peer, sizeof(peer))))
			server_die("connect");
		n = complete();
		if (n < 0)
			server_die("recvmsg");
		/* The ring has a pointer to it. */
		// cppcheck-suppress redundantAssignment
		iov.iov_len = (size_t)n;
		io_uring_prep_sendmsg(io_uring_get_sqe(&ring), fd, &msg, 0);
		if (complete() != n)
			server_die("sendmsg");
	}
	return EXIT_SUCCESS;
}
