/* SPDX-License-Identifier: MIT */
/* A datagram is received: remember whom it came from and where it was sent. */
#include "base/config.h"
#include "base/lock.h"
#include "base/probe.h"
#include "base/real.h"
#include "base/scratch.h"
#include "base/seccomp.h"
#include "common/name.h"
#include "hooks/hook.h"
#include "state/peers.h"
#include "state/pktinfo.h"
#include "state/sock.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/syscall.h>

/*
 * Into this much of our own the kernel writes its control messages when the
 * application has less room; with more it has room for ours as well.
 */
#define CONTROL_BYTES 1024

/* Those of the socket itself, such as timestamps, come before ours. */
#define LEAST_CONTROL_BYTES 256

/* The longest address a UDP socket receives from. */
#define NAME_BYTES sizeof(struct sockaddr_in6)

/* So many messages are received at once; the kernel has no limit. */
#define MOST_MESSAGES 65536

/*
 * Bit 31: the kernel's own MSG_CMSG_COMPAT, which recvmsg(2) refuses, unless it
 * is a 32-bit program's.
 */
#define is_odd(flags) (sizeof(long) > sizeof(int) && (int)(flags) < 0)

/* Where one message is received, in place of the application's msghdr. */
struct room {
	char *control; /* control_room() */
	char *name;    /* NAME_BYTES */
};

ALWAYS_INLINE size_t control_room(const struct msghdr *app)
{
	size_t bytes = app->msg_control ? app->msg_controllen : 0;

	if (bytes > CONTROL_BYTES)
		return 0;
	if (bytes < LEAST_CONTROL_BYTES)
		bytes = LEAST_CONTROL_BYTES;
	return CMSG_ALIGN(bytes) + PKTINFO_SPACE;
}

/* Whether it has room for the name of any peer of this socket. */
ALWAYS_INLINE bool takes_name(const struct msghdr *app, const struct sock *sock)
{
	return app->msg_name &&
	       app->msg_namelen >= name_length(atomic_load(&sock->family));
}

/*
 * The application's message as we receive it: with room for our control
 * messages and for the peer's address.  Where the application's own is large
 * enough it is used, so that the kernel judges its pointers.
 */
ALWAYS_INLINE struct msghdr prepare(const struct msghdr *app,
				    const struct sock *sock,
				    const struct room *room)
{
	struct msghdr ours = *app;

	if (UNLIKELY(!takes_name(app, sock))) {
		ours.msg_name = room->name;
		ours.msg_namelen = NAME_BYTES;
	}
	if (control_room(app)) {
		ours.msg_control = room->control;
		ours.msg_controllen = control_room(app);
	}
	return ours;
}

/* The received address, as far as the application has room: recvmsg(2). */
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

/* Pins the interface only where the kernel needs it, or the user wants it. */
ALWAYS_INLINE void choose_interface(struct local *local)
{
	if (LIKELY(!config_get()->ifindex) &&
	    (LIKELY(local->family != AF_INET6) ||
	     !IN6_IS_ADDR_LINKLOCAL(&local->v6)))
		local->ifindex = 0;
}

/*
 * Remembers whom a message came from, and which address it asked.  `id`: of the
 * socket before the call, for afterwards `sock` may be another's, when a thread
 * has closed it meanwhile.
 */
ALWAYS_INLINE void learn(int fd, const struct sock *sock, uint64_t id,
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
		     msg->msg_namelen >
			     name_length(atomic_load(&sock->family))))
		return;
	choose_interface(&local);
	PROBE4(remembered, sock, msg->msg_name, msg->msg_namelen, &local);
	peers_remember(id, msg->msg_name, msg->msg_namelen, &local, peeked);
}

/* One message is there: learn from it, and give it to the application. */
ALWAYS_INLINE void deliver(int fd, struct sock *sock, uint64_t id,
			   struct msghdr *ours, struct msghdr *app, int flags)
{
	/* The addresses of an error report are the ICMP packet's. */
	if (LIKELY(!((flags | ours->msg_flags) & MSG_ERRQUEUE)))
		learn(fd, sock, id, ours, flags & MSG_PEEK);
	hand_over_name(ours, app);
}

/* A receive failed.  Keeps errno. */
COLD static void note_failure(int fd, int flags)
{
	if (errno == EAGAIN && !(flags & MSG_ERRQUEUE))
		peers_drained();
	/* The fd was closed behind our back, and is something else now. */
	else if (errno == EBADF || errno == ENOTSOCK)
		sock_forget(fd);
}

static ssize_t recvmsg_by_number(int fd, struct msghdr *msg, int flags)
{
	return real.syscall(SYS_recvmsg, fd, msg, flags);
}

/* Whether this thread receives, which is where most that interrupts it comes.
 */
static _Thread_local bool is_in_call;

/* A handler that receives as well, or has jumped or switched from here. */
ALWAYS_INLINE void begin_call(void)
{
	if (UNLIKELY(is_in_call))
		lock_be_wary();
	is_in_call = true;
}

/* recvmsg(2) on one of our sockets. */
ALWAYS_INLINE ssize_t receive(int fd, struct sock *sock, struct msghdr *app,
			      int flags, bool is_shown, bool by_number)
{
	_Alignas(struct cmsghdr) char control[CONTROL_BYTES + PKTINFO_SPACE];
	_Alignas(struct sockaddr_in6) char name[NAME_BYTES];
	const struct room room = { .control = control, .name = name };
	struct msghdr ours = prepare(app, sock, &room);
	const uint64_t id = atomic_load(&sock->id);
	ssize_t n;

	begin_call();
	n = by_number ? recvmsg_by_number(fd, &ours, flags)
		      : real.recvmsg(fd, &ours, flags);
	is_in_call = false;

	if (UNLIKELY(n < 0)) {
		note_failure(fd, flags);
		return n;
	}
	deliver(fd, sock, id, &ours, app, flags);
	/* Who gave no message of his own sees none of what this sets. */
	if (is_shown)
		pktinfo_strip(&ours, app, atomic_load(&sock->wanted));
	return n;
}

/* The same without a msghdr; *namelen gets the length of the address. */
ALWAYS_INLINE ssize_t receive_bytes(int fd, struct sock *sock, void *buf,
				    size_t len, int flags, void *name,
				    socklen_t *namelen, bool by_number)
{
	struct iovec iov = hook_buffer(buf, len);
	struct msghdr app = {
		.msg_name = name,
		.msg_namelen = name ? *namelen : 0,
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	ssize_t n = receive(fd, sock, &app, flags, false, by_number);

	if (n >= 0 && name)
		*namelen = app.msg_namelen;
	return n;
}

/* Whether a filter makes recvmsg fail with this: then we do without. */
COLD static bool is_forbidden(int error)
{
	if (!seccomp_refuses_recvmsg(error))
		return false;
	sock_stop(false);
	return true;
}

/* recvfrom(2), when recvmsg failed; without that where it is forbidden. */
COLD static ssize_t receive_plainly(int fd, void *buf, size_t len, int flags,
				    struct sockaddr *from, socklen_t *fromlen,
				    bool by_number)
{
	if (!is_forbidden(errno))
		return -1;
	if (by_number)
		return real.syscall(SYS_recvfrom, fd, buf, len, flags, from,
				    fromlen);
	return real.recvfrom(fd, buf, len, flags, from, fromlen);
}

/*
 * recvfrom(2): what is wrong with the address' length is said only after the
 * datagram was taken, so let the kernel have a length that it accepts.
 */
COLD static ssize_t receive_in_vain(int fd, struct sock *sock, void *buf,
				    size_t len, int flags,
				    struct sockaddr *from, socklen_t *fromlen,
				    bool by_number)
{
	struct sockaddr_in6 unused;
	socklen_t namelen = sizeof(unused);

	if (receive_bytes(fd, sock, buf, len, flags, &unused, &namelen,
			  by_number) < 0)
		return receive_plainly(fd, buf, len, flags, from, fromlen,
				       by_number);
	errno = fromlen ? EINVAL : EFAULT;
	return -1;
}

/* recvfrom(2) on one of our sockets. */
ALWAYS_INLINE ssize_t receive_from(int fd, struct sock *sock, void *buf,
				   size_t len, int flags, struct sockaddr *from,
				   socklen_t *fromlen, bool by_number)
{
	ssize_t n;

	if (UNLIKELY(from && (!fromlen || (int)*fromlen < 0)))
		return receive_in_vain(fd, sock, buf, len, flags, from, fromlen,
				       by_number);
	n = receive_bytes(fd, sock, buf, len, flags, from, fromlen, by_number);
	if (UNLIKELY(n < 0))
		return receive_plainly(fd, buf, len, flags, from, fromlen,
				       by_number);
	return n;
}

HOT EXPORTED ssize_t recvfrom(int fd, void *buf, size_t len, int flags,
			      struct sockaddr *from, socklen_t *fromlen)
{
	struct sock *sock = sock_probe(fd);

	if (UNLIKELY(!sock || is_odd(flags)))
		return real.recvfrom(fd, buf, len, flags, from, fromlen);
	return receive_from(fd, sock, buf, len, flags, from, fromlen, false);
}

EXPORTED ssize_t __recvfrom_chk(int fd, void *buf, size_t len, size_t buf_bytes,
				int flags, struct sockaddr *from,
				socklen_t *fromlen)
{
	struct sock *sock = sock_probe(fd);

	/* libc's ends the program when len is more than the buffer has. */
	if (!sock || is_odd(flags) || len > buf_bytes)
		return real.__recvfrom_chk(fd, buf, len, buf_bytes, flags, from,
					   fromlen);
	return receive_from(fd, sock, buf, len, flags, from, fromlen, false);
}

HOT EXPORTED ssize_t recv(int fd, void *buf, size_t len, int flags)
{
	struct sock *sock = sock_probe(fd);

	if (!sock || is_odd(flags))
		return real.recv(fd, buf, len, flags);
	return receive_from(fd, sock, buf, len, flags, NULL, NULL, false);
}

ssize_t recvfrom_number(int fd, void *buf, size_t len, int flags,
			struct sockaddr *from, socklen_t *fromlen)
{
	struct sock *sock = sock_probe(fd);
	int saved = errno;
	ssize_t n;

	if (!sock || is_odd(flags))
		return real.syscall(SYS_recvfrom, fd, buf, len, flags, from,
				    fromlen);
	n = receive_from(fd, sock, buf, len, flags, from, fromlen, true);
	/* A filter may have refused the first way. */
	if (n >= 0)
		errno = saved;
	return n;
}

EXPORTED ssize_t __recv_chk(int fd, void *buf, size_t len, size_t buf_bytes,
			    int flags)
{
	struct sock *sock = sock_probe(fd);

	if (!sock || is_odd(flags) || len > buf_bytes)
		return real.__recv_chk(fd, buf, len, buf_bytes, flags);
	return receive_from(fd, sock, buf, len, flags, NULL, NULL, false);
}

/* Whether a receive failed because fd is no socket, or it is forbidden. */
static bool must_be_read(ssize_t n)
{
	return n < 0 && (errno == ENOTSOCK || is_forbidden(errno));
}

/* False: read it, for an fd that was closed behind our back may be a file. */
ALWAYS_INLINE bool read_vector(int fd, const struct iovec *iov, int count,
			       ssize_t *n, bool by_number)
{
	struct sock *sock = sock_known(fd);
	struct msghdr app = { .msg_iov = (struct iovec *)iov };
	int saved;

	if (!sock || count > IOV_MAX || !hook_has_bytes(iov, count))
		return false;
	saved = errno;
	app.msg_iovlen = (size_t)count;
	*n = receive(fd, sock, &app, 0, false, by_number);
	if (!must_be_read(*n))
		return true;
	errno = saved;
	return false;
}

ALWAYS_INLINE bool read_buffer(int fd, void *buf, size_t len, ssize_t *n,
			       bool by_number)
{
	const struct iovec iov = hook_buffer(buf, len);

	return read_vector(fd, &iov, 1, n, by_number);
}

EXPORTED ssize_t read(int fd, void *buf, size_t len)
{
	ssize_t n;

	return read_buffer(fd, buf, len, &n, false) ? n
						    : real.read(fd, buf, len);
}

EXPORTED ssize_t __read_chk(int fd, void *buf, size_t len, size_t buf_bytes)
{
	ssize_t n;

	if (len <= buf_bytes && read_buffer(fd, buf, len, &n, false))
		return n;
	return real.__read_chk(fd, buf, len, buf_bytes);
}

EXPORTED ssize_t readv(int fd, const struct iovec *iov, int count)
{
	ssize_t n;

	return read_vector(fd, iov, count, &n, false)
		       ? n
		       : real.readv(fd, iov, count);
}

ssize_t readv_number(int fd, const struct iovec *iov, int count)
{
	ssize_t n;

	return read_vector(fd, iov, count, &n, true)
		       ? n
		       : real.syscall(SYS_readv, fd, iov, count);
}

ssize_t read_number(int fd, void *buf, size_t len)
{
	ssize_t n;

	return read_buffer(fd, buf, len, &n, true)
		       ? n
		       : real.syscall(SYS_read, fd, buf, len);
}

/* fds that came in a message may be sockets that we have not seen yet. */
static void forget_passed_fds(const struct msghdr *msg)
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

/* recvmsg(2), by `call` unless it is one of our sockets. */
ALWAYS_INLINE ssize_t receive_message(__typeof__(&recvmsg) call, int fd,
				      struct msghdr *msg, int flags)
{
	struct sock *sock = sock_probe(fd);
	ssize_t n;

	if (sock && msg && !is_odd(flags))
		return receive(fd, sock, msg, flags, true,
			       call == recvmsg_by_number);
	n = call(fd, msg, flags);
	if (n >= 0 && msg && msg->msg_controllen)
		forget_passed_fds(msg);
	return n;
}

HOT EXPORTED ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	return receive_message(real.recvmsg, fd, msg, flags);
}

ssize_t recvmsg_number(int fd, struct msghdr *msg, int flags)
{
	return receive_message(recvmsg_by_number, fd, msg, flags);
}

/* The room that the first n messages need together, and their msghdrs. */
static size_t batch_bytes(const struct mmsghdr *app, unsigned int n,
			  const struct sock *sock)
{
	size_t bytes = n * sizeof(*app);

	for (unsigned int i = 0; i < n; i++) {
		bytes += control_room(&app[i].msg_hdr);
		if (!takes_name(&app[i].msg_hdr, sock))
			bytes += CMSG_ALIGN(NAME_BYTES);
	}
	return bytes;
}

/* What recvmmsg, or which `call`, was called with, and on which socket. */
struct batch {
	__typeof__(&recvmmsg) call;
	int fd;
	struct sock *sock;
	struct mmsghdr *app;
	unsigned int n;
	batch_flags flags;
	struct timespec *timeout;
};

static void prepare_batch(const struct batch *batch, struct mmsghdr *ours)
{
	const struct mmsghdr *app = batch->app;
	const unsigned int n = batch->n;
	char *next = (char *)(ours + n);
	struct room room;

	for (unsigned int i = 0; i < n; i++) {
		room.control = next;
		next += control_room(&app[i].msg_hdr);
		room.name = next;
		if (!takes_name(&app[i].msg_hdr, batch->sock))
			next += CMSG_ALIGN(NAME_BYTES);
		ours[i].msg_hdr = prepare(&app[i].msg_hdr, batch->sock, &room);
	}
}

/* recvmmsg(2) on one of our sockets, with batch_bytes() of memory. */
HOT static int receive_batch(void *memory, void *context)
{
	const struct batch *batch = context;
	struct mmsghdr *app = batch->app, *ours = memory;
	const uint64_t id = atomic_load(&batch->sock->id);
	int received;

	if (!memory)
		return batch->call(batch->fd, app, batch->n, batch->flags,
				   batch->timeout);
	prepare_batch(batch, ours);
	begin_call();
	received = batch->call(batch->fd, ours, batch->n, batch->flags,
			       batch->timeout);
	is_in_call = false;
	if (received < 0)
		note_failure(batch->fd, batch->flags);
	for (int i = 0; i < received; i++) {
		app[i].msg_len = ours[i].msg_len;
		deliver(batch->fd, batch->sock, id, &ours[i].msg_hdr,
			&app[i].msg_hdr, batch->flags);
		pktinfo_strip(&ours[i].msg_hdr, &app[i].msg_hdr,
			      atomic_load(&batch->sock->wanted));
	}
	if (received > 0 && !(batch->flags & (MSG_ERRQUEUE | MSG_PEEK)))
		peers_drained();
	return received;
}

static int receive_messages(__typeof__(&recvmmsg) call, int fd,
			    struct mmsghdr *msgs, unsigned int n,
			    batch_flags flags, struct timespec *timeout)
{
	struct batch batch = {
		.call = call,
		.fd = fd,
		.sock = sock_probe(fd),
		.app = msgs,
		.n = n < MOST_MESSAGES ? n : MOST_MESSAGES,
		.flags = flags,
		.timeout = timeout,
	};
	int received;

	if (batch.sock && msgs && !is_odd(flags))
		return scratch_with(batch_bytes(msgs, batch.n, batch.sock),
				    receive_batch, &batch);
	received = call(fd, msgs, n, flags, timeout);
	for (int i = 0; msgs && i < received; i++)
		forget_passed_fds(&msgs[i].msg_hdr);
	return received;
}

HOT EXPORTED int recvmmsg(int fd, struct mmsghdr *msgs, unsigned int n,
			  batch_flags flags, struct timespec *timeout)
{
	return receive_messages(real.recvmmsg, fd, msgs, n, flags, timeout);
}

#if HAS_TIME64_NAMES
EXPORTED ssize_t __recvmsg64(int fd, struct msghdr *msg, int flags)
{
	return receive_message(real.__recvmsg64, fd, msg, flags);
}

/* Only the timeout is another, which we pass through. */
EXPORTED int __recvmmsg64(int fd, struct mmsghdr *msgs, unsigned int n,
			  int flags, struct timespec *timeout)
{
	return receive_messages(real.__recvmmsg64, fd, msgs, n, flags, timeout);
}
#endif

#ifdef SYS_recvmmsg
static int receive_number(int fd, struct mmsghdr *msgs, unsigned int n,
			  batch_flags flags, struct timespec *timeout)
{
	return (int)real.syscall(SYS_recvmmsg, fd, msgs, n, flags, timeout);
}

int recvmmsg_number(int fd, struct mmsghdr *msgs, unsigned int n,
		    batch_flags flags, void *timeout)
{
	return receive_messages(receive_number, fd, msgs, n, flags, timeout);
}
#endif

#ifdef SYS_recvmmsg_time64
static int receive_time64_number(int fd, struct mmsghdr *msgs, unsigned int n,
				 batch_flags flags, struct timespec *timeout)
{
	return (int)real.syscall(SYS_recvmmsg_time64, fd, msgs, n, flags,
				 timeout);
}

int recvmmsg_time64_number(int fd, struct mmsghdr *msgs, unsigned int n,
			   batch_flags flags, void *timeout)
{
	return receive_messages(receive_time64_number, fd, msgs, n, flags,
				timeout);
}
#endif

#if HAS_TIME32_NAME
static int receive_time32(int fd, struct mmsghdr *msgs, unsigned int n,
			  batch_flags flags, struct timespec *timeout)
{
	const int *time32 = (const void *)timeout;
	struct timespec time64;

	if (!time32)
		return real.recvmmsg(fd, msgs, n, flags, NULL);
	/* What is left of it musl does not tell either. */
	time64 = (struct timespec){ .tv_sec = time32[0], .tv_nsec = time32[1] };
	return real.recvmmsg(fd, msgs, n, flags, &time64);
}

EXPORTED int recvmmsg_time32(int fd, struct mmsghdr *msgs, unsigned int n,
			     batch_flags flags, const int *timeout)
{
	return receive_messages(receive_time32, fd, msgs, n, flags,
				(void *)timeout);
}
#endif

/* The name by which other libraries call this one. */
__typeof__(read) __read EXPORTED __attribute__((alias("read")));
