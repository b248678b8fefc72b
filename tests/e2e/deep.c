/* SPDX-License-Identifier: MIT */
/* Receives and answers, for whoever loads this with RTLD_DEEPBIND. */
#include <netinet/in.h>
#include <sys/socket.h>

int echo_once(int fd);

int echo_once(int fd)
{
	char buf[2048];
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);
	ssize_t n = recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&peer,
			     &len);

	return n < 0 || sendto(fd, buf, (size_t)n, 0, (struct sockaddr *)&peer,
			       len) != n;
}
