/* SPDX-License-Identifier: MIT */
/* An answer is sent: give it the address that its peer asked as source. */
#include "base/log.h"
#include "base/probe.h"
#include "base/real.h"
#include "base/scratch.h"
#include "base/seccomp.h"
#include "hooks/hook.h"
#include "state/follow.h"
#include "state/peers.h"
#include "state/pktinfo.h"
#include "state/sock.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The kernel's own name for a send that only looks for its route. */
#ifndef MSG_PROBE
#define MSG_PROBE 0x10
#endif

/*
 * Bit 31: the kernel's own MSG_CMSG_COMPAT, which sendmsg(2) refuses.  And what
 * is not sent needs no source.
 */
#define is_odd(flags) (((unsigned int)(flags) & (1U << 31 | MSG_PROBE)) != 0)

/* Ours is one of the two. */
#define OURS_BYTES CMSG_SPACE(sizeof(struct in6_pktinfo))

/* So many bytes of the application's control messages fit on the stack. */
#define CONTROL_BYTES 512

/* The kernel takes no more, by default (net.core.optmem_max). */
#define MOST_CONTROL_BYTES ((size_t)128 * 1024)

/* The source that a message gets. */
struct source {
	struct local local;
	uint32_t ifindex; /* that the application wants, or 0 */
	bool queued;	  /* see peers_recall */
	size_t end;	  /* of the application's control messages */
};

/* AF_INET also for an address that is mapped. */
ALWAYS_INLINE int family_of(const struct sockaddr_in6 *to)
{
	return UNLIKELY(to->sin6_family == AF_INET6) &&
			       !IN6_IS_ADDR_V4MAPPED(&to->sin6_addr)
		       ? AF_INET6
		       : AF_INET;
}

ALWAYS_INLINE enum pktinfo_target target_of(const struct sock *sock,
					    int peer_family)
{
	if (atomic_load(&sock->family) == AF_INET)
		return PKTINFO_TO_V4;
	return peer_family == AF_INET ? PKTINFO_TO_MAPPED : PKTINFO_TO_V6;
}

/*
 * A link-local peer is remembered with its scope.  The application may leave
 * that to the device of the socket, or to the interface of its pktinfo.
 */
static __attribute__((noinline)) const struct sockaddr *
with_scope(const struct sock *sock, const struct msghdr *msg,
	   struct sockaddr_in6 *scoped)
{
	const struct sockaddr_in6 *name = msg->msg_name;

	if (msg->msg_namelen < sizeof(*name) || name->sin6_scope_id ||
	    !IN6_IS_ADDR_LINKLOCAL(&name->sin6_addr))
		return msg->msg_name;
	*scoped = *name;
	scoped->sin6_scope_id = atomic_load(&sock->device);
	if (!scoped->sin6_scope_id)
		scoped->sin6_scope_id = pktinfo_interface(msg, PKTINFO_TO_V6);
	return (const struct sockaddr *)scoped;
}

/* The source of an answer to this peer. */
ALWAYS_INLINE bool recall(struct sock *sock, const struct msghdr *msg,
			  struct source *source)
{
	const socklen_t len = msg->msg_namelen;
	struct sockaddr_in6 scoped;
	const struct sockaddr *to = msg->msg_name;

	if (UNLIKELY(to->sa_family == AF_INET6))
		to = with_scope(sock, msg, &scoped);
	return peers_recall(atomic_load(&sock->id), to, len, &source->local,
			    &source->queued);
}

/*
 * Whether the control messages of one that is to be sent leave its source to
 * us; what else they say of it.
 */
static bool read_control(const struct msghdr *msg, enum pktinfo_target target,
			 struct source *source)
{
	if (target != PKTINFO_TO_V6)
		source->ifindex = pktinfo_interface(msg, target);
	return !pktinfo_carried(msg, target, &source->end) &&
	       source->end != SIZE_MAX;
}

/* Whether a message goes to a known peer without a source of its own. */
ALWAYS_INLINE bool find_source(struct sock *sock, const struct msghdr *msg,
			       bool has_control, struct source *source)
{
	enum pktinfo_target target;

	/* What the kernel refuses, it refuses. */
	if (UNLIKELY(has_control) &&
	    (msg->msg_controllen > MOST_CONTROL_BYTES || !msg->msg_control))
		return false;
	if (UNLIKELY(!msg->msg_name)) {
		if (!sock_is_pinned(sock, &source->local))
			return false;
		source->queued = false;
		target = target_of(sock, source->local.family);
	} else {
		if (UNLIKELY(msg->msg_namelen < sizeof(struct sockaddr_in) ||
			     msg->msg_namelen >
				     sizeof(struct sockaddr_storage)) ||
		    peers_count_if(!recall(sock, msg, source), COUNT_UNKNOWN))
			return false;
		target = target_of(sock, family_of(msg->msg_name));
	}
	source->ifindex = 0;
	source->end = 0;
	if (UNLIKELY((target == PKTINFO_TO_V6) !=
		     (source->local.family == AF_INET6)) ||
	    (UNLIKELY(has_control) &&
	     peers_count_if(!read_control(msg, target, source), COUNT_OWN)))
		return false;
	/* On older kernels an index of 0 undoes the binding to a device. */
	if (!source->ifindex && !source->local.ifindex)
		source->ifindex = atomic_load(&sock->device);
	return true;
}

/*
 * Gives msg, which is not the application's own, its source; `control` has
 * source->end + OURS_BYTES bytes.
 */
ALWAYS_INLINE void add_source(struct msghdr *msg, const struct source *source,
			      char *control)
{
	const uint32_t ifindex = UNLIKELY(source->ifindex)
					 ? source->ifindex
					 : source->local.ifindex;
	size_t theirs = msg->msg_controllen;

	if (UNLIKELY(source->end && msg->msg_control)) {
		if (theirs > source->end)
			theirs = source->end;
		memcpy(control, msg->msg_control, theirs);
		memset(control + theirs, 0, source->end - theirs);
	}
	/* Last, for the last source wins, though it name only an interface. */
	msg->msg_control = control;
	msg->msg_controllen =
		source->end +
		pktinfo_append(control + source->end, &source->local, ifindex);
}

/* Whether a send may fail with this because of its source. */
static bool may_mean_source(int error)
{
	return error == EINVAL || error == ENETUNREACH ||
	       error == EHOSTUNREACH || error == EADDRNOTAVAIL ||
	       error == ENODEV || error == EACCES;
}

/*
 * Whether the kernel finds no way for `out`, which was not sent, from its
 * source.  Asks for the route and sends nothing: what else is wrong, a pending
 * error among it, is the application's; so is AF_UNSPEC on an AF_INET6 socket,
 * which names nobody.  Keeps errno.
 */
static bool is_refused(int fd, const struct sock *sock,
		       const struct msghdr *out)
{
	const struct sockaddr *to = out->msg_name;
	struct msghdr probe = *out;
	int saved = errno;
	ssize_t n;

	if (to && to->sa_family == AF_UNSPEC &&
	    atomic_load(&sock->family) == AF_INET6)
		return false;
	probe.msg_iovlen = 0;
	/* MSG_MORE: do not push what a corked socket has pending. */
	n = real.sendmsg(fd, &probe,
			 MSG_CONFIRM | MSG_PROBE | MSG_MORE | MSG_DONTWAIT);
	errno = saved;
	return n < 0;
}

/* Whether a filter makes sendmsg fail with this: then we do without. */
COLD static bool is_forbidden(int error)
{
	if (!seccomp_refuses_sendmsg(error))
		return false;
	sock_stop(false);
	return true;
}

/* A message went out from its source. */
ALWAYS_INLINE void note_rewritten(struct sock *sock, const struct msghdr *msg,
				  const struct source *source)
{
	peers_count(COUNT_REWRITTEN, 1);
	PROBE4(rewritten, sock, msg->msg_name, msg->msg_namelen,
	       &source->local);
}

/* The kernel refuses a message its source. */
COLD static void note_refused(int fd, struct sock *sock,
			      const struct msghdr *msg,
			      const struct source *source)
{
	PROBE4(refused, sock, msg->msg_name, msg->msg_namelen, &source->local);
	log_event(LOG_INFO, fd,
		  "the kernel refuses the address asked, which may have gone; "
		  "sent without");
}

/* A send with a source failed.  Keeps errno. */
COLD static bool must_go_plainly(int fd, struct sock *sock,
				 const struct msghdr *msg,
				 const struct source *source)
{
	if (!may_mean_source(errno))
		return is_forbidden(errno);
	if (!is_refused(fd, sock, msg))
		return false;
	note_refused(fd, sock, msg, source);
	return true;
}

/* A plain send, in place of one that was refused, had this result. */
static void note_plain(struct sock *sock, const struct msghdr *msg,
		       const struct source *source, bool succeeded)
{
	uint64_t id = atomic_load(&sock->id);

	peers_count(COUNT_REFUSED, succeeded);
	if (!msg->msg_name) {
		if (succeeded)
			sock_unpin(sock);
		return;
	}
	/* When the route is down, both fail, and the source is still right. */
	if (succeeded)
		peers_forget(id, msg->msg_name, msg->msg_namelen,
			     &source->local);
	else if (source->queued)
		peers_unrecall(id, msg->msg_name, msg->msg_namelen,
			       &source->local);
}

/*
 * Sends msg, which is not the application's own, from its source.  False, and
 * errno as before, when that was refused: send it plainly, and say how that
 * went with note_plain.
 */
ALWAYS_INLINE bool send_from(int fd, struct sock *sock, struct msghdr *msg,
			     int flags, const struct source *source, ssize_t *n)
{
	_Alignas(struct cmsghdr) char control[CONTROL_BYTES + OURS_BYTES];
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
	if (source->queued)
		peers_unrecall(atomic_load(&sock->id), msg->msg_name,
			       msg->msg_namelen, &source->local);
	return true;
}

static __attribute__((noinline)) struct sock *
sender_slowly(int fd, const void *to, socklen_t len)
{
	struct sock *sock = sock_known(fd);

	if (sock || !to)
		return sock;
	sock = follow_send(fd, to, len);
	return sock ? sock : sock_probe(fd);
}

/* The socket of fd, which is about to send to this address, or to its peer. */
ALWAYS_INLINE struct sock *sender(int fd, const void *to, socklen_t len)
{
	struct sock *sock = sock_occupant(fd);

	return LIKELY(sock_is_armed(sock)) ? sock : sender_slowly(fd, to, len);
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

	if (UNLIKELY(!sock || is_odd(flags) ||
		     !find_source(sock, &msg, false, &source)))
		return real.sendto(fd, buf, len, flags, to, tolen);
	if (send_from(fd, sock, &msg, flags, &source, &n))
		return n;
	n = real.sendto(fd, buf, len, flags, to, tolen);
	note_plain(sock, &msg, &source, n >= 0);
	return n;
}

/* What sendmmsg was called with, and on which socket. */
struct batch {
	__typeof__(&sendmmsg) call;
	int fd;
	struct sock *sock;
	struct mmsghdr *app;
	unsigned int n;
	batch_flags flags;
};

/* What becomes of one message of a batch. */
struct outgoing {
	struct source source;
	enum {
		AS_IS,
		REWRITTEN,
		PLAIN, /* as it is, for its source was refused */
	} form;
};

static size_t control_room(const struct msghdr *msg)
{
	if (msg->msg_controllen > MOST_CONTROL_BYTES)
		return 0;
	return CMSG_ALIGN(msg->msg_controllen) + OURS_BYTES;
}

static size_t batch_bytes(const struct mmsghdr *app, unsigned int n)
{
	size_t bytes = n * (sizeof(struct mmsghdr) + sizeof(struct outgoing));

	for (unsigned int i = 0; i < n; i++)
		bytes += control_room(&app[i].msg_hdr);
	return bytes;
}

static void prepare_batch(const struct batch *batch, struct mmsghdr *messages,
			  struct outgoing *outgoing)
{
	char *control = (char *)(outgoing + batch->n);

	for (unsigned int i = 0; i < batch->n; i++) {
		const struct msghdr *msg = &batch->app[i].msg_hdr;

		messages[i] = batch->app[i];
		outgoing[i].form = AS_IS;
		if (!find_source(batch->sock, msg, msg->msg_controllen,
				 &outgoing[i].source))
			continue;
		outgoing[i].form = REWRITTEN;
		add_source(&messages[i].msg_hdr, &outgoing[i].source, control);
		control += control_room(msg);
	}
}

/* The messages from `first` on were not sent: their sources are still due. */
static void unrecall_rest(const struct batch *batch, unsigned int first,
			  const struct outgoing *outgoing)
{
	for (unsigned int i = batch->n; i-- > first;) {
		if (outgoing[i].form == AS_IS || !outgoing[i].source.queued)
			continue;
		peers_unrecall(atomic_load(&batch->sock->id),
			       batch->app[i].msg_hdr.msg_name,
			       batch->app[i].msg_hdr.msg_namelen,
			       &outgoing[i].source.local);
	}
}

/*
 * sendmmsg(2) says how many it sent, and not why it stopped: when the next one
 * was refused its source, it goes out plainly and the rest follows.
 */
HOT static int send_batch(void *memory, void *context)
{
	const struct batch *batch = context;
	const int fd = batch->fd;
	struct mmsghdr *messages = memory;
	struct outgoing *outgoing;
	unsigned int sent = 0;
	int saved = errno;
	int n;

	if (!memory)
		return batch->call(fd, batch->app, batch->n, batch->flags);
	outgoing = (struct outgoing *)(messages + batch->n);
	prepare_batch(batch, messages, outgoing);
	for (;;) {
		n = batch->call(fd, messages + sent, batch->n - sent,
				batch->flags);
		for (int i = 0; i < n; i++, sent++) {
			batch->app[sent].msg_len = messages[sent].msg_len;
			if (outgoing[sent].form == REWRITTEN)
				note_rewritten(batch->sock,
					       &batch->app[sent].msg_hdr,
					       &outgoing[sent].source);
			if (outgoing[sent].form == PLAIN)
				note_plain(batch->sock,
					   &batch->app[sent].msg_hdr,
					   &outgoing[sent].source, true);
		}
		if (sent == batch->n || outgoing[sent].form != REWRITTEN ||
		    (n < 0 && !may_mean_source(errno)) ||
		    !is_refused(fd, batch->sock, &messages[sent].msg_hdr))
			break;
		note_refused(fd, batch->sock, &batch->app[sent].msg_hdr,
			     &outgoing[sent].source);
		outgoing[sent].form = PLAIN;
		messages[sent] = batch->app[sent];
	}
	unrecall_rest(batch, sent, outgoing);
	if (!sent)
		return n;
	errno = saved;
	return (int)sent;
}

static int send_messages(__typeof__(&sendmmsg) call, int fd,
			 struct mmsghdr *msgs, unsigned int n,
			 batch_flags flags)
{
	struct batch batch = {
		.call = call,
		.fd = fd,
		.app = msgs,
		.n = n < IOV_MAX ? n : IOV_MAX, /* the kernel takes no more */
		.flags = flags,
	};

	if (msgs && n)
		batch.sock = sender(fd, msgs->msg_hdr.msg_name,
				    msgs->msg_hdr.msg_namelen);
	if (!batch.sock || !msgs || is_odd(flags))
		return call(fd, msgs, n, flags);
	return scratch_with(batch_bytes(msgs, batch.n), send_batch, &batch);
}

HOT EXPORTED int sendmmsg(int fd, struct mmsghdr *msgs, unsigned int n,
			  batch_flags flags)
{
	return send_messages(real.sendmmsg, fd, msgs, n, flags);
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

/* sendmsg(2) on one of our sockets. */
HOT static __attribute__((noinline)) ssize_t
send_message(int fd, struct sock *sock, const struct msghdr *msg, int flags)
{
	struct mmsghdr one = { 0 };
	struct source source;
	struct msghdr out;
	ssize_t n;

	/* Too much for the stack: as a batch of one. */
	if (msg->msg_controllen > CONTROL_BYTES) {
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
	note_plain(sock, msg, &source, n >= 0);
	return n;
}

HOT EXPORTED ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	struct sock *sock =
		msg ? sender(fd, msg->msg_name, msg->msg_namelen) : NULL;

	if (UNLIKELY(!sock || is_odd(flags)))
		return real.sendmsg(fd, msg, flags);
	return send_message(fd, sock, msg, flags);
}

/* What is sent without an address has a source only if its socket is pinned. */
ALWAYS_INLINE bool may_be_pinned(int fd)
{
	const struct sock *sock = sock_occupant(fd);

	return sock && sock_mode(sock) == SOCK_PINNED;
}

/* False: it is not pinned after all, or is no socket. */
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

	if (!sock || is_odd(flags) || !find_source(sock, &msg, false, &source))
		return false;
	saved = errno;
	if (!send_from(fd, sock, &out, flags, &source, n)) {
		/* A filter forbids sendmsg: we have just stopped. */
		if (!may_be_pinned(fd))
			return false;
		*n = real.sendmsg(fd, &msg, flags);
		note_plain(sock, &msg, &source, *n >= 0);
	}
	if (*n >= 0 || errno != ENOTSOCK)
		return true;
	/* It was closed behind our back, and is a file now. */
	sock_forget(fd);
	errno = saved;
	return false;
}

/* Apart, so that other fds need no frame. */
static __attribute__((noinline)) ssize_t send_if_pinned(int fd, const void *buf,
							size_t len, int flags)
{
	const struct iovec iov = hook_buffer(buf, len);
	ssize_t n;

	return send_pinned(fd, &iov, 1, flags, &n)
		       ? n
		       : real.send(fd, buf, len, flags);
}

static __attribute__((noinline)) ssize_t
write_if_pinned(int fd, const void *buf, size_t len)
{
	const struct iovec iov = hook_buffer(buf, len);
	ssize_t n;

	return send_pinned(fd, &iov, 1, 0, &n) ? n : real.write(fd, buf, len);
}

EXPORTED ssize_t send(int fd, const void *buf, size_t len, int flags)
{
	if (UNLIKELY(may_be_pinned(fd)))
		return send_if_pinned(fd, buf, len, flags);
	return real.send(fd, buf, len, flags);
}

EXPORTED ssize_t write(int fd, const void *buf, size_t len)
{
	if (UNLIKELY(may_be_pinned(fd)))
		return write_if_pinned(fd, buf, len);
	return real.write(fd, buf, len);
}

EXPORTED ssize_t writev(int fd, const struct iovec *iov, int count)
{
	ssize_t n;

	if (count <= IOV_MAX && may_be_pinned(fd) &&
	    hook_has_bytes(iov, count) &&
	    send_pinned(fd, iov, (size_t)count, 0, &n))
		return n;
	return real.writev(fd, iov, count);
}

/* The names by which other libraries call these. */
__typeof__(send) __send EXPORTED __attribute__((alias("send")));
__typeof__(write) __write EXPORTED __attribute__((alias("write")));
#if HAS_TIME64_NAMES
HOT __typeof__(sendmsg) __sendmsg64 EXPORTED __attribute__((alias("sendmsg")));
HOT __typeof__(sendmmsg) __sendmmsg64 EXPORTED
	__attribute__((alias("sendmmsg")));
#endif
