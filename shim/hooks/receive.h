/* SPDX-License-Identifier: MIT */
/* What all receiving hooks share: receives a datagram on a tracked socket. */
#ifndef REPLYFROM_RECEIVE_H
#define REPLYFROM_RECEIVE_H

#include "base/attribute.h"
#include "base/config.h"
#include "base/lock.h"
#include "base/probe.h"
#include "base/real.h"
#include "common/sockaddr.h"
#include "hooks/hook.h"
#include "state/peers.h"
#include "state/pktinfo.h"
#include "state/sock.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

/*
 * Control messages are received into a buffer of the library, unless the
 * application's buffer is larger than this: then that has room for the
 * library's messages, too.
 */
#define RECEIVED_CONTROL_BYTES 1024

/* Room for socket-level messages, such as timestamps, which come first. */
#define LEAST_CONTROL_BYTES 256

/*
 * Whether a receive with these flags is left to libc.  Bit 31 is the kernel's
 * own MSG_CMSG_COMPAT: recvmsg(2) of a 64-bit program fails with it, and
 * recvfrom(2) does not.
 */
static inline bool receive_refuses(unsigned int flags)
{
	return sizeof(long) > sizeof(int) && (int)flags < 0;
}

/*
 * A function that receives a message: libc's recvmsg(2), or for syscall(2),
 * which is no cancellation point, the system call by number.
 */
typedef __typeof__(&recvmsg) receive_call;

/* Bytes for control messages; 0: the application's buffer is used. */
ALWAYS_INLINE size_t control_room(const struct msghdr *app)
{
	size_t bytes = app->msg_control ? app->msg_controllen : 0;

	if (bytes > RECEIVED_CONTROL_BYTES)
		return 0;
	if (bytes < LEAST_CONTROL_BYTES)
		bytes = LEAST_CONTROL_BYTES;
	return CMSG_ALIGN(bytes) + PKTINFO_SPACE;
}

/* Whether `app` has room for the address of any peer of this socket. */
ALWAYS_INLINE bool takes_name(const struct msghdr *app, const struct sock *sock)
{
	return app->msg_name &&
	       app->msg_namelen >= sockaddr_length(sock_family(sock));
}

/*
 * The msghdr that is passed to the kernel: the application's, with room for the
 * library's control messages and for the peer's address.  Buffers of the
 * application that are large enough are used, so that the kernel checks its
 * pointers; else `control`, of control_room() bytes, and `name`.
 */
ALWAYS_INLINE struct msghdr prepare(const struct msghdr *app,
				    const struct sock *sock, char *control,
				    struct sockaddr_in6 *name)
{
	struct msghdr ours = *app;

	if (UNLIKELY(!takes_name(app, sock))) {
		ours.msg_name = name;
		ours.msg_namelen = sizeof(*name);
	}
	if (control_room(app)) {
		ours.msg_control = control;
		ours.msg_controllen = control_room(app);
	}
	return ours;
}

/* Gives the application the peer's address, cut to its room: recvmsg(2). */
ALWAYS_INLINE void hand_over_name(const struct msghdr *ours, struct msghdr *app)
{
	const socklen_t room = app->msg_namelen;

	if (UNLIKELY(!app->msg_name))
		return;
	app->msg_namelen = ours->msg_namelen;
	if (UNLIKELY(ours->msg_name != app->msg_name))
		memcpy(app->msg_name, ours->msg_name,
		       room < ours->msg_namelen ? room : ours->msg_namelen);
}

/* Keeps the interface only if an answer needs it, or REPLYFROM_IFINDEX=1. */
ALWAYS_INLINE void choose_interface(struct local *local)
{
	if (LIKELY(!config_get()->ifindex) &&
	    (LIKELY(local->family != AF_INET6) ||
	     !IN6_IS_ADDR_LINKLOCAL(&local->v6)))
		local->ifindex = 0;
}

/*
 * Remembers which peer a message came from, and which address it was sent to.
 * `id` is that of the socket before the call: if another thread has closed it
 * since, `sock` may be another socket's now.
 */
ALWAYS_INLINE void learn_local(int fd, const struct sock *sock, uint64_t id,
			       struct msghdr *msg, bool peeked)
{
	struct local local;

	if (UNLIKELY(!pktinfo_read(msg, &local))) {
		sock_review(fd);
		return;
	}
	if (LIKELY(!peeked))
		peers_count(COUNT_SEEN, 1);
	/* It may be of another family than its socket was. */
	if (UNLIKELY(!msg->msg_namelen ||
		     msg->msg_namelen > sockaddr_length(sock_family(sock))))
		return;
	choose_interface(&local);
	PROBE4(remembered, sock, msg->msg_name, msg->msg_namelen, &local);
	peers_remember(id, msg->msg_name, msg->msg_namelen, &local, peeked);
}

/* A message was received: learns from it, and hands the address over. */
ALWAYS_INLINE void deliver(int fd, struct sock *sock, uint64_t id,
			   struct msghdr *ours, struct msghdr *app, int flags)
{
	/* The addresses of an error report are the ICMP packet's. */
	if (LIKELY(!((flags | ours->msg_flags) & MSG_ERRQUEUE)))
		learn_local(fd, sock, id, ours, flags & MSG_PEEK);
	hand_over_name(ours, app);
}

/*
 * After a receive that failed: EAGAIN ends a batch, and an fd that is no socket
 * is forgotten.  Keeps errno.
 */
void receive_note_failure(int fd, int flags);

/*
 * Whether a seccomp filter made recvmsg(2) fail.  Then all tracking stops, and
 * errno is set to what it was `before`, for the call that is made instead.
 */
bool receive_is_forbidden(int before);

/* Forgets the fds that came in a message: they may be any sockets. */
void receive_forget_passed_fds(const struct msghdr *msg);

/* Whether this thread is inside a receive, where most signals arrive. */
extern HIDDEN _Thread_local bool receive_is_in_call;

/*
 * If a receive of this thread has not returned, a handler interrupted it,
 * jumped out of it, or switched to another stack: see lock.h.
 */
ALWAYS_INLINE void begin_call(void)
{
	if (UNLIKELY(receive_is_in_call))
		lock_be_wary();
	receive_is_in_call = true;
}

/*
 * recvmsg(2) on a tracked socket.  `is_shown`: the application sees control
 * messages and msg_flags in *app.
 */
ALWAYS_INLINE ssize_t receive(int fd, struct sock *sock, struct msghdr *app,
			      int flags, bool is_shown, receive_call call)
{
	_Alignas(struct cmsghdr) char
		control[RECEIVED_CONTROL_BYTES + PKTINFO_SPACE];
	struct sockaddr_in6 name;
	struct msghdr ours = prepare(app, sock, control, &name);
	const uint64_t id = sock_id(sock);
	ssize_t n;

	begin_call();
	n = call(fd, &ours, flags);
	receive_is_in_call = false;

	if (UNLIKELY(n < 0)) {
		receive_note_failure(fd, flags);
		return n;
	}
	deliver(fd, sock, id, &ours, app, flags);
	/* recvfrom() callers passed no msghdr, so there is nothing to strip. */
	if (is_shown)
		pktinfo_strip(&ours, app, sock_wanted(sock));
	return n;
}

/* receive() without a msghdr; *namelen gets the length of the address. */
ALWAYS_INLINE ssize_t receive_bytes(int fd, struct sock *sock, void *buf,
				    size_t len, int flags, void *name,
				    socklen_t *namelen, receive_call call)
{
	struct iovec iov = hook_buffer(buf, len);
	struct msghdr app = {
		.msg_name = name,
		.msg_namelen = name ? *namelen : 0,
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	ssize_t n = receive(fd, sock, &app, flags, false, call);

	if (n >= 0 && name)
		*namelen = app.msg_namelen;
	return n;
}

/*
 * receive_from() with a bad fromlen: takes the datagram, by a length that the
 * kernel accepts, and then fails, as recvfrom(2) does.
 */
bool receive_in_vain(int fd, struct sock *sock, void *buf, size_t len,
		     int flags, const socklen_t *fromlen, ssize_t *n,
		     receive_call call);

/*
 * recvfrom(2); *n is its result.  Returns false, and the caller calls libc's
 * function, if fd is not tracked, receive_refuses() the flags, or a filter
 * forbids recvmsg(2).
 */
ALWAYS_INLINE bool receive_from(int fd, void *buf, size_t len, int flags,
				struct sockaddr *from, socklen_t *fromlen,
				ssize_t *n, receive_call call)
{
	struct sock *sock = sock_probe(fd);
	int saved;

	if (UNLIKELY(!sock || receive_refuses((unsigned int)flags)))
		return false;
	saved = errno;
	if (UNLIKELY(from && (!fromlen || (int)*fromlen < 0)))
		return receive_in_vain(fd, sock, buf, len, flags, fromlen, n,
				       call);
	*n = receive_bytes(fd, sock, buf, len, flags, from, fromlen, call);
	return LIKELY(*n >= 0) || !receive_is_forbidden(saved);
}

/*
 * readv(2) on a tracked socket; *n is its result.  Returns false, and the
 * caller calls libc's function, if fd is not tracked, or no longer: after a
 * close that passed no hook it may be a file.
 */
ALWAYS_INLINE bool read_vector(int fd, const struct iovec *iov, int count,
			       ssize_t *n, receive_call call)
{
	struct sock *sock = sock_known(fd);
	struct msghdr app = { .msg_iov = (struct iovec *)iov };
	int saved;

	if (!sock || !hook_may_transfer(iov, count))
		return false;
	saved = errno;
	app.msg_iovlen = (size_t)count;
	*n = receive(fd, sock, &app, 0, false, call);
	if (*n < 0 && errno == ENOTSOCK) {
		errno = saved;
		return false;
	}
	return *n >= 0 || !receive_is_forbidden(saved);
}

/* read_vector() for read(2). */
ALWAYS_INLINE bool read_buffer(int fd, void *buf, size_t len, ssize_t *n,
			       receive_call call)
{
	const struct iovec iov = hook_buffer(buf, len);

	return read_vector(fd, &iov, 1, n, call);
}

/* recvmsg(2), on any fd. */
ALWAYS_INLINE ssize_t receive_message(receive_call call, int fd,
				      struct msghdr *msg, int flags)
{
	struct sock *sock = sock_probe(fd);
	ssize_t n;

	if (sock && msg && !receive_refuses((unsigned int)flags))
		return receive(fd, sock, msg, flags, true, call);
	n = call(fd, msg, flags);
	if (n >= 0 && msg && msg->msg_controllen)
		receive_forget_passed_fds(msg);
	return n;
}

/* recvmmsg(2), on any fd, by `call`. */
int receive_messages(__typeof__(&recvmmsg) call, int fd, struct mmsghdr *msgs,
		     unsigned int n, batch_flags flags,
		     struct timespec *timeout);

#endif
