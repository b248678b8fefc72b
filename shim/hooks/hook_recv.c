/* SPDX-License-Identifier: MIT */
/* Hooks that receive one datagram; receive.h has what they share. */
#include "base/seccomp.h"
#include "hooks/receive.h"

#define BY_NAME ((struct receive_calls){ real.recvmsg, real.recvfrom })

_Thread_local bool receive_is_in_call;

COLD void receive_note_failure(int fd, int flags)
{
	if (errno == EAGAIN && !(flags & MSG_ERRQUEUE))
		peers_drained();
	/* The fd was closed without a hook, and is something else now. */
	else if (errno == EBADF || errno == ENOTSOCK)
		sock_forget(fd);
}

COLD bool receive_is_forbidden(int error)
{
	if (!seccomp_refuses_recvmsg(error))
		return false;
	sock_stop(false);
	return true;
}

COLD ssize_t receive_plainly(int fd, void *buf, size_t len, int flags,
			     struct sockaddr *from, socklen_t *fromlen,
			     struct receive_calls calls)
{
	if (!receive_is_forbidden(errno))
		return -1;
	return calls.recvfrom(fd, buf, len, flags, from, fromlen);
}

/*
 * recvfrom(2) takes the datagram before it fails for the length of the address,
 * so pass the kernel a length that it accepts.
 */
COLD ssize_t receive_in_vain(int fd, struct sock *sock, void *buf, size_t len,
			     int flags, struct sockaddr *from,
			     socklen_t *fromlen, struct receive_calls calls)
{
	struct sockaddr_in6 unused;
	socklen_t namelen = sizeof(unused);

	if (receive_bytes(fd, sock, buf, len, flags, &unused, &namelen, calls) <
	    0)
		return receive_plainly(fd, buf, len, flags, from, fromlen,
				       calls);
	errno = fromlen ? EINVAL : EFAULT;
	return -1;
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
	struct sock *sock = sock_probe(fd);

	if (UNLIKELY(!sock || receive_refuses((unsigned int)flags)))
		return real.recvfrom(fd, buf, len, flags, from, fromlen);
	return receive_from(fd, sock, buf, len, flags, from, fromlen, BY_NAME);
}

EXPORTED ssize_t __recvfrom_chk(int fd, void *buf, size_t len, size_t buf_bytes,
				int flags, struct sockaddr *from,
				socklen_t *fromlen)
{
	struct sock *sock = sock_probe(fd);

	/* libc's ends the program when len is more than the buffer has. */
	if (!sock || receive_refuses((unsigned int)flags) || len > buf_bytes)
		return real.__recvfrom_chk(fd, buf, len, buf_bytes, flags, from,
					   fromlen);
	return receive_from(fd, sock, buf, len, flags, from, fromlen, BY_NAME);
}

HOT EXPORTED ssize_t recv(int fd, void *buf, size_t len, int flags)
{
	struct sock *sock = sock_probe(fd);

	if (!sock || receive_refuses((unsigned int)flags))
		return real.recv(fd, buf, len, flags);
	return receive_from(fd, sock, buf, len, flags, NULL, NULL, BY_NAME);
}

EXPORTED ssize_t __recv_chk(int fd, void *buf, size_t len, size_t buf_bytes,
			    int flags)
{
	struct sock *sock = sock_probe(fd);

	if (!sock || receive_refuses((unsigned int)flags) || len > buf_bytes)
		return real.__recv_chk(fd, buf, len, buf_bytes, flags);
	return receive_from(fd, sock, buf, len, flags, NULL, NULL, BY_NAME);
}

EXPORTED ssize_t read(int fd, void *buf, size_t len)
{
	ssize_t n;

	return read_buffer(fd, buf, len, &n, BY_NAME) ? n
						      : real.read(fd, buf, len);
}

EXPORTED ssize_t __read_chk(int fd, void *buf, size_t len, size_t buf_bytes)
{
	ssize_t n;

	if (len <= buf_bytes && read_buffer(fd, buf, len, &n, BY_NAME))
		return n;
	return real.__read_chk(fd, buf, len, buf_bytes);
}

EXPORTED ssize_t readv(int fd, const struct iovec *iov, int count)
{
	ssize_t n;

	return read_vector(fd, iov, count, &n, BY_NAME)
		       ? n
		       : real.readv(fd, iov, count);
}

HOT EXPORTED ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	return receive_message(BY_NAME, fd, msg, flags);
}

#if HAS_TIME64_NAMES
EXPORTED ssize_t __recvmsg64(int fd, struct msghdr *msg, int flags)
{
	return receive_message((struct receive_calls){ real.__recvmsg64, NULL },
			       fd, msg, flags);
}
#endif

/* The name by which other libraries call this one. */
__typeof__(read) __read EXPORTED __attribute__((alias("read")));
