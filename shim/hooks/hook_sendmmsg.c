/* SPDX-License-Identifier: MIT */
/* Hooks that send many messages at once. */
#include "base/scratch.h"
#include "hooks/send.h"

#include <limits.h>

/* The arguments of sendmmsg, which libc function it calls, and the socket. */
struct batch {
	__typeof__(&sendmmsg) call;
	int fd;
	struct sock *sock;
	struct mmsghdr *app;
	unsigned int n;
	batch_flags flags;
};

/* How one message of a batch is sent. */
struct outgoing {
	struct source source;
	enum {
		AS_IS,
		REWRITTEN,
		PLAIN, /* as it is, because its source was refused */
	} form;
};

static size_t source_control_room(const struct msghdr *msg)
{
	if (msg->msg_controllen > MOST_CONTROL_BYTES)
		return 0;
	return CMSG_ALIGN(msg->msg_controllen) + SOURCE_CONTROL_BYTES;
}

static size_t send_batch_bytes(const struct mmsghdr *app, unsigned int n)
{
	size_t bytes = n * (sizeof(struct mmsghdr) + sizeof(struct outgoing));

	for (unsigned int i = 0; i < n; i++)
		bytes += source_control_room(&app[i].msg_hdr);
	return bytes;
}

static void prepare_send_batch(const struct batch *batch,
			       struct mmsghdr *messages,
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
		control += source_control_room(msg);
	}
}

/*
 * sendmmsg(2) returns how many it sent, and not why it stopped.  If the kernel
 * refuses the source of the next message, that one is sent plainly and the rest
 * follows.
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
	prepare_send_batch(batch, messages, outgoing);
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
				send_note_plain(batch->sock,
						&batch->app[sent].msg_hdr,
						&outgoing[sent].source, true);
		}
		if (sent == batch->n || outgoing[sent].form != REWRITTEN ||
		    (n < 0 && !send_may_mean_source(errno)) ||
		    !send_is_refused(fd, batch->sock, &messages[sent].msg_hdr,
				     &outgoing[sent].source))
			break;
		outgoing[sent].form = PLAIN;
		messages[sent] = batch->app[sent];
	}
	for (unsigned int i = batch->n; i-- > sent;)
		if (outgoing[i].form != AS_IS)
			send_note_unsent(batch->sock, &batch->app[i].msg_hdr,
					 &outgoing[i].source);
	if (!sent)
		return n;
	errno = saved;
	return (int)sent;
}

int send_messages(__typeof__(&sendmmsg) call, int fd, struct mmsghdr *msgs,
		  unsigned int n, batch_flags flags)
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
	if (!batch.sock || sends_nothing((unsigned int)flags))
		return call(fd, msgs, n, flags);
	return scratch_with(send_batch_bytes(msgs, batch.n), send_batch,
			    &batch);
}

HOT EXPORTED int sendmmsg(int fd, struct mmsghdr *msgs, unsigned int n,
			  batch_flags flags)
{
	return send_messages(real.sendmmsg, fd, msgs, n, flags);
}

#if HAS_TIME64_NAMES
HOT __typeof__(sendmmsg) __sendmmsg64 EXPORTED
	__attribute__((alias("sendmmsg")));
#endif
