/* SPDX-License-Identifier: MIT */
/* Hooks that send: an answer leaves from the address that its peer asked. */
#include "base/log.h"
#include "base/seccomp.h"
#include "hooks/send.h"
#include "state/follow.h"

/* Room on the stack for the application's control messages. */
#define SENT_CONTROL_BYTES 512

const struct sockaddr *send_with_scope(const struct sock *sock,
				       const struct msghdr *msg,
				       struct sockaddr_in6 *scoped)
{
	const struct sockaddr_in6 *name = msg->msg_name;
	size_t end;

	if (msg->msg_namelen < sizeof(*name) || name->sin6_scope_id ||
	    !IN6_IS_ADDR_LINKLOCAL(&name->sin6_addr))
		return msg->msg_name;
	*scoped = *name;
	scoped->sin6_scope_id = sock_ifindex(sock);
	if (!scoped->sin6_scope_id)
		(void)pktinfo_carried(msg, PKTINFO_TO_V6, &end,
				      &scoped->sin6_scope_id);
	return (const struct sockaddr *)scoped;
}

bool send_read_control(const struct msghdr *msg, enum pktinfo_target target,
		       struct source *source)
{
	const bool carried =
		pktinfo_carried(msg, target, &source->end, &source->ifindex);

	/* Appended, an index of 0 leaves theirs valid: ip6_datagram_send_ctl */
	if (target == PKTINFO_TO_V6)
		source->ifindex = 0;
	return !carried && source->end != SIZE_MAX;
}

bool send_may_mean_source(int error)
{
	return error == EINVAL || error == ENETUNREACH ||
	       error == EHOSTUNREACH || error == EADDRNOTAVAIL ||
	       error == ENODEV || error == EACCES;
}

bool send_is_refused(int fd, const struct sock *sock, const struct msghdr *out,
		     const struct source *source)
{
	const struct sockaddr *to = out->msg_name;
	struct msghdr probe = *out;
	int saved = errno;
	ssize_t n;

	if (send_has_name(out) && to->sa_family == AF_UNSPEC &&
	    sock_family(sock) == AF_INET6)
		return false;
	probe.msg_iovlen = 0;
	/* MSG_MORE: do not push what a corked socket has pending. */
	n = real.sendmsg(fd, &probe,
			 MSG_CONFIRM | MSG_PROBE | MSG_MORE | MSG_DONTWAIT);
	errno = saved;
	if (n >= 0)
		return false;
	PROBE4(refused, sock, to, out->msg_namelen, &source->local);
	log_event(LOG_INFO, fd,
		  "the kernel refuses the address asked, which may have gone; "
		  "sent without");
	return true;
}

/*
 * Whether a send that failed is to be repeated without a source, or because a
 * seccomp filter forbids sendmsg(2): then all tracking stops.  Keeps errno.
 */
COLD static bool must_go_plainly(int fd, struct sock *sock,
				 const struct msghdr *msg,
				 const struct source *source)
{
	if (send_may_mean_source(errno))
		return send_is_refused(fd, sock, msg, source);
	if (!seccomp_refuses_sendmsg(errno))
		return false;
	sock_stop(false);
	return true;
}

void send_note_unsent(const struct sock *sock, const struct msghdr *msg,
		      const struct source *source)
{
	if (send_has_name(msg))
		peers_unrecall(sock_id(sock), msg->msg_name, msg->msg_namelen,
			       &source->local, source->queued);
}

void send_note_plain(struct sock *sock, const struct msghdr *msg,
		     const struct source *source, bool succeeded)
{
	peers_count(COUNT_REFUSED, succeeded);
	/* When the route is down, both fail, and the source is still right. */
	if (!succeeded)
		send_note_unsent(sock, msg, source);
	else if (send_has_name(msg))
		peers_forget(sock_id(sock), msg->msg_name, msg->msg_namelen,
			     &source->local);
	else
		sock_unpin(sock);
}

struct sock *sender_slowly(int fd, const void *to, socklen_t len)
{
	struct sock *sock;

	if (!to || !sock_may_be_udp(fd))
		return NULL;
	sock = follow_send(fd, to, len);
	return sock ? sock : sock_probe(fd);
}

/*
 * Sends msg, which is not the application's own, from its source.  Returns
 * false, with errno as before, if the kernel refuses that source: the caller
 * then sends it plainly and calls send_note_plain().
 */
ALWAYS_INLINE bool send_from(int fd, struct sock *sock, struct msghdr *msg,
			     int flags, const struct source *source, ssize_t *n)
{
	_Alignas(struct cmsghdr) char
		control[SENT_CONTROL_BYTES + SOURCE_CONTROL_BYTES];
	int saved = errno;

	add_source(msg, source, control);
	*n = real.sendmsg(fd, msg, flags);
	if (LIKELY(*n >= 0)) {
		note_rewritten(sock, msg, source);
		return true;
	}
	if (must_go_plainly(fd, sock, msg, source)) {
		errno = saved;
		return false;
	}
	send_note_unsent(sock, msg, source);
	return true;
}

HOT EXPORTED ssize_t sendto(int fd, const void *buf, size_t len, int flags,
			    const struct sockaddr *to, socklen_t tolen)
{
	struct sock *sock = sender(fd, to, tolen);
	struct iovec iov = hook_buffer(buf, len);
	struct msghdr msg = {
		.msg_name = (void *)to,
		.msg_namelen = tolen,
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	struct source source;
	ssize_t n;

	/* It refuses a name without length; in a message that is none. */
	if (UNLIKELY(!sock || sends_nothing((unsigned int)flags) ||
		     (to && !tolen) ||
		     !find_source(sock, &msg, false, &source)))
		return real.sendto(fd, buf, len, flags, to, tolen);
	if (send_from(fd, sock, &msg, flags, &source, &n))
		return n;
	n = real.sendto(fd, buf, len, flags, to, tolen);
	send_note_plain(sock, &msg, &source, n >= 0);
	return n;
}

/* A batch of one, by the application's own call: a filter may forbid others. */
static int send_one(int fd, struct mmsghdr *msgs, unsigned int n,
		    batch_flags flags)
{
	ssize_t sent = real.sendmsg(fd, &msgs->msg_hdr, (int)flags);

	(void)n;
	if (sent < 0)
		return -1;
	msgs->msg_len = (unsigned int)sent;
	return 1;
}

/* sendmsg(2) on a tracked socket. */
HOT static __attribute__((noinline)) ssize_t
send_message(int fd, struct sock *sock, const struct msghdr *msg, int flags)
{
	struct mmsghdr one = { 0 };
	struct source source;
	struct msghdr out;
	ssize_t n;

	/* Too much for the stack: as a batch of one. */
	if (msg->msg_controllen > SENT_CONTROL_BYTES) {
		one.msg_hdr = *msg;
		n = send_messages(send_one, fd, &one, 1, (batch_flags)flags);
		return n < 0 ? n : (ssize_t)one.msg_len;
	}
	if (!find_source(sock, msg, msg->msg_controllen, &source))
		return real.sendmsg(fd, msg, flags);
	out = *msg; /* the application may reuse its own */
	if (send_from(fd, sock, &out, flags, &source, &n))
		return n;
	n = real.sendmsg(fd, msg, flags);
	send_note_plain(sock, msg, &source, n >= 0);
	return n;
}

HOT EXPORTED ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	struct sock *sock =
		msg ? sender(fd, msg->msg_name, msg->msg_namelen) : NULL;

	if (UNLIKELY(!sock || sends_nothing((unsigned int)flags)))
		return real.sendmsg(fd, msg, flags);
	return send_message(fd, sock, msg, flags);
}

/* False: a send on fd without an address needs no source. */
ALWAYS_INLINE bool may_be_pinned(int fd)
{
	const struct sock *sock = sock_occupant(fd);

	return sock && sock_mode(sock) == SOCK_PINNED;
}

/*
 * Sends from the address that fd is pinned to.  False: it is not pinned after
 * all, or is no socket.
 */
static __attribute__((noinline)) bool send_pinned(int fd,
						  const struct iovec *iov,
						  size_t count, int flags,
						  ssize_t *n)
{
	struct sock *sock = sock_known(fd);
	const struct msghdr msg = {
		.msg_iov = (struct iovec *)iov,
		.msg_iovlen = count,
	};
	struct msghdr out = msg;
	struct source source;
	int saved;

	if (!sock || sends_nothing((unsigned int)flags) ||
	    !find_source(sock, &msg, false, &source))
		return false;
	saved = errno;
	if (!send_from(fd, sock, &out, flags, &source, n)) {
		/* A filter forbids sendmsg(2): tracking has stopped. */
		if (!may_be_pinned(fd))
			return false;
		*n = real.sendmsg(fd, &msg, flags);
		send_note_plain(sock, &msg, &source, *n >= 0);
	}
	if (*n >= 0 || errno != ENOTSOCK)
		return true;
	/* It was closed without a hook, and is a file now. */
	sock_forget(fd);
	errno = saved;
	return false;
}

/* send(2) or write(2), apart, so that other fds need no frame. */
static __attribute__((noinline)) ssize_t
send_if_pinned(int fd, const void *buf, size_t len, int flags, bool is_write)
{
	const struct iovec iov = hook_buffer(buf, len);
	ssize_t n;

	if (send_pinned(fd, &iov, 1, flags, &n))
		return n;
	return is_write ? real.write(fd, buf, len)
			: real.send(fd, buf, len, flags);
}

EXPORTED ssize_t send(int fd, const void *buf, size_t len, int flags)
{
	if (UNLIKELY(may_be_pinned(fd)))
		return send_if_pinned(fd, buf, len, flags, false);
	return real.send(fd, buf, len, flags);
}

EXPORTED ssize_t write(int fd, const void *buf, size_t len)
{
	if (UNLIKELY(may_be_pinned(fd)))
		return send_if_pinned(fd, buf, len, 0, true);
	return real.write(fd, buf, len);
}

EXPORTED ssize_t writev(int fd, const struct iovec *iov, int count)
{
	ssize_t n;

	if (may_be_pinned(fd) && hook_may_transfer(iov, count) &&
	    send_pinned(fd, iov, (size_t)count, 0, &n))
		return n;
	return real.writev(fd, iov, count);
}

/* The names by which other libraries call these. */
__typeof__(send) __send EXPORTED __attribute__((alias("send")));
__typeof__(write) __write EXPORTED __attribute__((alias("write")));
#if HAS_TIME64_NAMES
HOT __typeof__(sendmsg) __sendmsg64 EXPORTED __attribute__((alias("sendmsg")));
#endif
