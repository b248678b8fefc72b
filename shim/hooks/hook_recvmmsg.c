/* SPDX-License-Identifier: MIT */
/* Hooks that receive many datagrams at once. */
#include "base/scratch.h"
#include "hooks/receive.h"

#include <stdint.h>
#include <time.h>

/* Most messages that are received at once; the kernel has no limit. */
#define MOST_MESSAGES 65536

/* Preparing more than this costs more than asking how many are waiting. */
#define FEW_MESSAGES 64
#define LEAST_MESSAGES 16

/* The least that the kernel counts for a datagram, even for an empty one. */
#define LEAST_TRUESIZE 128

/*
 * How many of n messages recvmmsg(2) can fill, or more, if it does not wait for
 * all of them.  What arrives during the call is then left to the next one.
 * Keeps errno.
 */
static unsigned int most_filled(int fd, unsigned int n, batch_flags flags)
{
	const int saved = errno;
	uint32_t used = 0; /* SK_MEMINFO_RMEM_ALLOC, the first of its values */
	socklen_t len = sizeof(used);

	if (n <= FEW_MESSAGES || !(flags & (MSG_DONTWAIT | MSG_WAITFORONE)) ||
	    flags & (MSG_PEEK | MSG_ERRQUEUE) || sock_is_off())
		return n;
	if (real.getsockopt(fd, SOL_SOCKET, SO_MEMINFO, &used, &len)) {
		errno = saved;
		return n;
	}
	used /= LEAST_TRUESIZE;
	if (used < LEAST_MESSAGES)
		return LEAST_MESSAGES;
	return used < n ? used : n;
}

/* The bytes that the first n messages and their msghdrs need. */
static size_t batch_bytes(const struct mmsghdr *app, unsigned int n,
			  const struct sock *sock)
{
	size_t bytes = n * sizeof(*app);

	for (unsigned int i = 0; i < n; i++) {
		bytes += control_room(&app[i].msg_hdr);
		if (!takes_name(&app[i].msg_hdr, sock))
			bytes += CMSG_ALIGN(sizeof(struct sockaddr_in6));
	}
	return bytes;
}

/* The arguments of recvmmsg, which libc function it calls, and the socket. */
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

	for (unsigned int i = 0; i < n; i++) {
		char *control = next;

		next += control_room(&app[i].msg_hdr);
		ours[i].msg_hdr = prepare(&app[i].msg_hdr, batch->sock, control,
					  (void *)next);
		if (!takes_name(&app[i].msg_hdr, batch->sock))
			next += CMSG_ALIGN(sizeof(struct sockaddr_in6));
	}
}

/* recvmmsg(2) on one of our sockets, with batch_bytes() of memory. */
HOT static int receive_batch(void *memory, void *context)
{
	const struct batch *batch = context;
	struct mmsghdr *app = batch->app, *ours = memory;
	const uint64_t id = sock_id(batch->sock);
	int received;

	if (!memory)
		return batch->call(batch->fd, app, batch->n, batch->flags,
				   batch->timeout);
	prepare_batch(batch, ours);
	begin_call();
	received = batch->call(batch->fd, ours, batch->n, batch->flags,
			       batch->timeout);
	receive_is_in_call = false;
	if (received < 0)
		receive_note_failure(batch->fd, batch->flags);
	for (int i = 0; i < received; i++) {
		app[i].msg_len = ours[i].msg_len;
		deliver(batch->fd, batch->sock, id, &ours[i].msg_hdr,
			&app[i].msg_hdr, batch->flags);
		pktinfo_strip(&ours[i].msg_hdr, &app[i].msg_hdr,
			      sock_wanted(batch->sock));
	}
	if (received > 0 && !(batch->flags & (MSG_ERRQUEUE | MSG_PEEK)))
		peers_drained();
	return received;
}

int receive_messages(__typeof__(&recvmmsg) call, int fd, struct mmsghdr *msgs,
		     unsigned int n, batch_flags flags,
		     struct timespec *timeout)
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

	if (batch.sock && msgs && !receive_refuses((unsigned int)flags)) {
		batch.n = most_filled(fd, batch.n, flags);
		return scratch_with(batch_bytes(msgs, batch.n, batch.sock),
				    receive_batch, &batch);
	}
	received = call(fd, msgs, n, flags, timeout);
	for (int i = 0; msgs && i < received; i++)
		receive_forget_passed_fds(&msgs[i].msg_hdr);
	return received;
}

HOT EXPORTED int recvmmsg(int fd, struct mmsghdr *msgs, unsigned int n,
			  batch_flags flags, struct timespec *timeout)
{
	return receive_messages(real.recvmmsg, fd, msgs, n, flags, timeout);
}

#if HAS_TIME64_NAMES
/* Only the timeout has another type; it is passed through. */
EXPORTED int __recvmmsg64(int fd, struct mmsghdr *msgs, unsigned int n,
			  int flags, struct timespec *timeout)
{
	return receive_messages(real.__recvmmsg64, fd, msgs, n, flags, timeout);
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
	/* musl does not return the time that is left, either. */
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
