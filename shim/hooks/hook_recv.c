/* SPDX-License-Identifier: MIT */
/* Hooks that receive one datagram; receive.h has what they share. */
#include "base/seccomp.h"
#include "hooks/receive.h"

_Thread_local bool receive_is_in_call;

COLD void receive_note_failure(int fd, int flags)
{
	if (errno == EAGAIN && !(flags & MSG_ERRQUEUE))
		peers_drained();
	/* The fd was closed without a hook, and is something else now. */
	else if (errno == EBADF || errno == ENOTSOCK)
		sock_forget(fd);
}

COLD bool receive_is_forbidden(int before)
{
	if (!seccomp_refuses_recvmsg(errno))
		return false;
	sock_stop(false);
	errno = before;
	return true;
}

COLD bool receive_in_vain(int fd, struct sock *sock, void *buf, size_t len,
			  int flags, const socklen_t *fromlen, ssize_t *n,
			  receive_call call)
{
	struct sockaddr_in6 unused;
	socklen_t namelen = sizeof(unused);
	const int saved = errno;

	*n = receive_bytes(fd, sock, buf, len, flags, &unused, &namelen, call);
	if (*n < 0)
		return !receive_is_forbidden(saved);
	errno = fromlen ? EINVAL : EFAULT;
	*n = -1;
	return true;
}

void receive_forget_passed_fds(const struct msghdr *msg)
{
	struct cmsghdr *c;
	size_t count;
	int fd;

	for (c = CMSG_FIRSTHDR(msg); c;
	     c = CMSG_NXTHDR((struct msghdr *)msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(fd);
		for (size_t i = 0; i < count; i++) {
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			sock_forget(fd);
		}
	}
}

HOT EXPORTED ssize_t recvfrom(int fd, void *buf, size_t len, int flags,
			      struct sockaddr *from, socklen_t *fromlen)
{
	ssize_t n;

	return receive_from(fd, buf, len, flags, from, fromlen, &n,
			    real.recvmsg)
		       ? n
		       : real.recvfrom(fd, buf, len, flags, from, fromlen);
}

/* libc's _chk functions end the program when len is more than buf_bytes. */
EXPORTED ssize_t __recvfrom_chk(int fd, void *buf, size_t len, size_t buf_bytes,
				int flags, struct sockaddr *from,
				socklen_t *fromlen)
{
	ssize_t n;

	if (len <= buf_bytes &&
	    receive_from(fd, buf, len, flags, from, fromlen, &n, real.recvmsg))
		return n;
	return real.__recvfrom_chk(fd, buf, len, buf_bytes, flags, from,
				   fromlen);
}

HOT EXPORTED ssize_t recv(int fd, void *buf, size_t len, int flags)
{
	ssize_t n;

	return receive_from(fd, buf, len, flags, NULL, NULL, &n, real.recvmsg)
		       ? n
		       : real.recv(fd, buf, len, flags);
}

EXPORTED ssize_t __recv_chk(int fd, void *buf, size_t len, size_t buf_bytes,
			    int flags)
{
	ssize_t n;

	if (len <= buf_bytes &&
	    receive_from(fd, buf, len, flags, NULL, NULL, &n, real.recvmsg))
		return n;
	return real.__recv_chk(fd, buf, len, buf_bytes, flags);
}

EXPORTED ssize_t read(int fd, void *buf, size_t len)
{
	ssize_t n;

	return read_buffer(fd, buf, len, &n, real.recvmsg)
		       ? n
		       : real.read(fd, buf, len);
}

EXPORTED ssize_t __read_chk(int fd, void *buf, size_t len, size_t buf_bytes)
{
	ssize_t n;

	if (len <= buf_bytes && read_buffer(fd, buf, len, &n, real.recvmsg))
		return n;
	return real.__read_chk(fd, buf, len, buf_bytes);
}

EXPORTED ssize_t readv(int fd, const struct iovec *iov, int count)
{
	ssize_t n;

	return read_vector(fd, iov, count, &n, real.recvmsg)
		       ? n
		       : real.readv(fd, iov, count);
}

HOT EXPORTED ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	return receive_message(real.recvmsg, fd, msg, flags);
}

#if HAS_TIME64_NAMES
EXPORTED ssize_t __recvmsg64(int fd, struct msghdr *msg, int flags)
{
	return receive_message(real.__recvmsg64, fd, msg, flags);
}
#endif

/* The name by which other libraries call this one. */
__typeof__(read) __read EXPORTED __attribute__((alias("read")));
