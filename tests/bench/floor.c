/* SPDX-License-Identifier: MIT */
/*
 * A library to preload that does the least that an interposer can do.  An IPv4
 * server reads a request by recvfrom() and answers it by sendto() before it
 * reads the next one; the answer leaves from the address that was asked.  The
 * library remembers only that last request, and checks for no errors, so it is
 * of no use but to be measured.
 */
#include <dlfcn.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

enum { MOST_FDS = 1024 };

union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
};

static ssize_t (*real_recvmsg)(int, struct msghdr *, int);
static ssize_t (*real_sendmsg)(int, const struct msghdr *, int);
static int (*real_bind)(int, const struct sockaddr *, socklen_t);
static bool is_tracked[MOST_FDS];
static _Thread_local struct sockaddr_in last_peer;
static _Thread_local struct in_addr last_asked;

__attribute__((constructor)) static void find_libc(void)
{
	real_recvmsg = dlsym(RTLD_NEXT, "recvmsg");
	real_sendmsg = dlsym(RTLD_NEXT, "sendmsg");
	real_bind = dlsym(RTLD_NEXT, "bind");
}

int bind(int fd, const struct sockaddr *name, socklen_t len)
{
	const int on = 1;

	is_tracked[fd] =
		!setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
	return real_bind(fd, name, len);
}

ssize_t recvfrom(int fd, void *restrict data, size_t bytes, int flags,
		 struct sockaddr *restrict peer, socklen_t *restrict len)
{
	union control control;
	struct iovec iov = { .iov_base = data, .iov_len = bytes };
	struct msghdr msg = {
		.msg_name = peer,
		.msg_namelen = *len,
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	const ssize_t received = real_recvmsg(fd, &msg, flags);
	struct in_pktinfo info;

	if (received < 0 || !is_tracked[fd])
		return received;
	*len = msg.msg_namelen;
	memcpy(&last_peer, peer, sizeof(last_peer));
	memcpy(&info, CMSG_DATA(&control.header), sizeof(info));
	last_asked = info.ipi_spec_dst;
	return received;
}

ssize_t sendto(int fd, const void *data, size_t bytes, int flags,
	       const struct sockaddr *peer, socklen_t len)
{
	const struct in_pktinfo info = { .ipi_spec_dst = last_asked };
	union control control = {
		.header = {
			.cmsg_level = IPPROTO_IP,
			.cmsg_type = IP_PKTINFO,
			.cmsg_len = CMSG_LEN(sizeof(info)),
		},
	};
	struct iovec iov = { .iov_base = (void *)data, .iov_len = bytes };
	struct msghdr msg = {
		.msg_name = (void *)peer,
		.msg_namelen = len,
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};

	if (!memcmp(peer, &last_peer, sizeof(last_peer))) {
		memcpy(CMSG_DATA(&control.header), &info, sizeof(info));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
	}
	return real_sendmsg(fd, &msg, flags);
}
