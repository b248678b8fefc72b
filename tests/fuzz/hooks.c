/* SPDX-License-Identifier: MIT */
/*
 * recvmsg, recvmmsg and sendmsg of an application that gives and gets odd
 * messages, over a kernel that is made of the fuzzer's bytes: the application
 * sees what it would see without the shim, and what the kernel is sent is what
 * the application gave, or that and the source behind it.
 */
#include "base/real.h"
#include "common/sockaddr.h"
#include "messages.h"
#include "settings.h"
#include "state/peers_open.h"
#include "state/sock.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

enum {
	MOST_MESSAGES = 8,
	MOST_DATAGRAMS = 4,
	UNTOUCHED = 0xa5,
	MOST_STRIPPED = 1024,
};

/* The datagrams that the kernel has, and what it delivers with them. */
static struct datagram {
	struct sockaddr_in6 name;
	socklen_t namelen;
	int flags;
	struct message messages[MOST_MESSAGES];
	size_t count;
} datagrams[MOST_DATAGRAMS];
static unsigned int waiting;
static enum pktinfo_kinds delivered;

/* What the application sends, and what the kernel says to each attempt. */
static struct {
	const struct msghdr *app;
	struct tape errors;
	unsigned int attempts;
} sent;

static void put_bytes(struct tape *tape, void *to, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		((uint8_t *)to)[i] = tape_byte(tape);
}

/* As udp_recvmsg and put_cmsg do it. */
static ssize_t give(const struct datagram *datagram, struct msghdr *msg)
{
	const size_t room = msg->msg_control ? msg->msg_controllen : 0;
	struct msghdr rest = *msg;

	rest.msg_controllen = room;
	rest.msg_flags = datagram->flags;
	for (size_t i = 0; i < datagram->count; i++) {
		const struct message *m = &datagram->messages[i];

		if (!m->kind || m->kind & delivered)
			put_cmsg(&rest, m->level, m->type, m->data, m->bytes);
	}
	if (msg->msg_name) {
		memcpy(msg->msg_name, &datagram->name,
		       msg->msg_namelen < datagram->namelen
			       ? msg->msg_namelen
			       : datagram->namelen);
		msg->msg_namelen = datagram->namelen;
	}
	msg->msg_controllen = room - rest.msg_controllen;
	msg->msg_flags = rest.msg_flags;
	return 1;
}

static ssize_t give_all(int fd, struct msghdr *msg, int flags)
{
	(void)fd;
	(void)flags;
	delivered = PKTINFO_BOTH;
	return give(&datagrams[0], msg);
}

static int give_batch(int fd, struct mmsghdr *batch, unsigned int n, int flags,
		      struct timespec *timeout)
{
	(void)fd;
	(void)flags;
	(void)timeout;
	delivered = PKTINFO_BOTH;
	assert(waiting <= n);
	for (unsigned int i = 0; i < waiting; i++)
		batch[i].msg_len =
			(unsigned int)give(&datagrams[i], &batch[i].msg_hdr);
	return (int)waiting;
}

static ssize_t judge(void)
{
	static const int errors[] = { 0,      0,     EINVAL,  ENETUNREACH,
				      EAGAIN, EPERM, ENOBUFS, EACCES };
	const int error = errors[tape_byte(&sent.errors) % 8];

	assert(++sent.attempts <= 3);
	if (!error)
		return 1;
	errno = error;
	return -1;
}

/* The application's control messages, and one behind them. */
static void check_source(const struct msghdr *msg)
{
	const uint8_t *ours = msg->msg_control;
	const size_t length = CMSG_SPACE(sizeof(struct in_pktinfo));
	const size_t length6 = CMSG_SPACE(sizeof(struct in6_pktinfo));
	const struct msghdr *app = sent.app;
	struct cmsghdr c;
	size_t theirs = msg->msg_controllen;

	assert(theirs >= length);
	memcpy(&c, ours + theirs - length, sizeof(c));
	if (c.cmsg_level == IPPROTO_IP && c.cmsg_type == IP_PKTINFO &&
	    c.cmsg_len == CMSG_LEN(sizeof(struct in_pktinfo))) {
		theirs -= length;
	} else {
		assert(theirs >= length6);
		memcpy(&c, ours + theirs - length6, sizeof(c));
		assert(c.cmsg_level == IPPROTO_IPV6 &&
		       c.cmsg_type == IPV6_PKTINFO &&
		       c.cmsg_len == CMSG_LEN(sizeof(struct in6_pktinfo)));
		theirs -= length6;
	}
	assert(theirs <= CMSG_ALIGN(app->msg_controllen));
	if (theirs > app->msg_controllen)
		theirs = app->msg_controllen;
	assert(!theirs || !memcmp(ours, app->msg_control, theirs));
}

static ssize_t take(int fd, const struct msghdr *msg, int flags)
{
	const struct msghdr *app = sent.app;

	(void)flags;
	/* The shim asks whether a filter lets such calls pass. */
	if (fd < 0) {
		errno = EBADF;
		return -1;
	}
	assert(msg->msg_name == app->msg_name &&
	       msg->msg_namelen == app->msg_namelen);
	if (msg->msg_control != app->msg_control)
		check_source(msg);
	else
		assert(msg->msg_controllen == app->msg_controllen);
	return judge();
}

/* What has many control messages is sent as a batch of one. */
static int take_batch(int fd, struct mmsghdr *batch, unsigned int n, int flags)
{
	assert(n == 1);
	if (take(fd, &batch->msg_hdr, flags) < 0)
		return -1;
	batch->msg_len = 1;
	return 1;
}

static void draw_datagram(struct tape *tape, sa_family_t family,
			  struct datagram *datagram)
{
	struct message *message = datagram->messages;
	enum pktinfo_kinds seen = PKTINFO_NONE;

	memset(datagram, 0, sizeof(*datagram));
	datagram->flags = tape_byte(tape) % 2 ? MSG_TRUNC : 0;
	datagram->name.sin6_family = family;
	put_bytes(tape, (uint8_t *)&datagram->name + sizeof(family),
		  tape_byte(tape) % (sizeof(datagram->name) - 1));
	datagram->namelen = tape_byte(tape) % 8 ? sockaddr_length(family) : 0;
	/* No kernel says the same twice. */
	for (size_t n = tape_byte(tape) % (MOST_MESSAGES + 1); n; n--)
		if (next_message(tape, message) && !(seen & message->kind)) {
			seen |= message->kind;
			message++;
		}
	datagram->count = (size_t)(message - datagram->messages);
}

/* A buffer of just this size, so that the sanitizer sees who goes beyond. */
static void *room_of(size_t bytes)
{
	return memset(malloc(bytes ? bytes : 1), UNTOUCHED, bytes);
}

/* All but what is between two: "More than 1024 bytes" in libreplyfrom(7). */
static void check_messages(const struct msghdr *msg, const struct msghdr *bare)
{
	const char *const a = msg->msg_control, *const b = bare->msg_control;
	struct cmsghdr c;

	for (size_t at = 0; at + sizeof(c) <= bare->msg_controllen;
	     at += CMSG_ALIGN(c.cmsg_len)) {
		memcpy(&c, b + at, sizeof(c));
		assert(!memcmp(a + at, b + at, c.cmsg_len));
	}
}

static struct msghdr draw_rooms(size_t room, socklen_t name_room)
{
	return (struct msghdr){ .msg_control = room_of(room),
				.msg_controllen = room,
				.msg_name = room_of(name_room),
				.msg_namelen = name_room };
}

/* Both had rooms of this size before. */
static void check_received(const struct msghdr *msg, const struct msghdr *bare,
			   const struct msghdr *before, bool is_touched)
{
	assert(msg->msg_controllen == bare->msg_controllen);
	assert(msg->msg_flags == bare->msg_flags);
	assert(msg->msg_namelen == bare->msg_namelen);
	assert(!memcmp(msg->msg_name, bare->msg_name, before->msg_namelen));
	if (is_touched)
		check_messages(msg, bare);
	if (!is_touched || before->msg_controllen <= MOST_STRIPPED)
		assert(!memcmp(msg->msg_control, bare->msg_control,
			       before->msg_controllen));
}

/* By recvmsg, or by recvmmsg with room for so many. */
static void receive(struct tape *tape, int fd, unsigned int batch)
{
	struct sock *sock = sock_probe(fd);
	const enum pktinfo_kinds wanted = tape_byte(tape) % 4;
	struct mmsghdr msgs[MOST_DATAGRAMS] = { 0 };
	struct mmsghdr bare[MOST_DATAGRAMS] = { 0 };
	struct msghdr before[MOST_DATAGRAMS];
	const unsigned int n = batch ? batch : 1;

	assert(sock != NULL);
	atomic_store(&sock->wanted, wanted);
	for (unsigned int i = 0; i < n; i++) {
		const size_t room = tape_size(tape) * 2;
		const socklen_t name_room = tape_byte(tape) % 40;

		msgs[i].msg_hdr = before[i] = draw_rooms(room, name_room);
		bare[i].msg_hdr = draw_rooms(room, name_room);
	}
	delivered = wanted;
	for (unsigned int i = 0; i < waiting; i++)
		bare[i].msg_len =
			(unsigned int)give(&datagrams[i], &bare[i].msg_hdr);
	if (batch)
		assert(recvmmsg(fd, msgs, n, 0, NULL) == (int)waiting);
	else
		msgs[0].msg_len =
			(unsigned int)recvmsg(fd, &msgs[0].msg_hdr, 0);

	for (unsigned int i = 0; i < n; i++) {
		assert(msgs[i].msg_len == bare[i].msg_len);
		check_received(&msgs[i].msg_hdr, &bare[i].msg_hdr, &before[i],
			       i < waiting);
		free(before[i].msg_control);
		free(before[i].msg_name);
		free(bare[i].msg_hdr.msg_control);
		free(bare[i].msg_hdr.msg_name);
	}
}

/* To who asked, or to somebody, with whatever there is as control messages. */
static void send_garbage(struct tape *tape, int fd)
{
	const socklen_t namelen = tape_byte(tape) % 200;
	const size_t bytes = tape_size(tape);
	const uint8_t lies = tape_byte(tape);
	struct msghdr app = { .msg_name = room_of(namelen),
			      .msg_namelen = namelen,
			      .msg_control = room_of(bytes),
			      .msg_controllen = bytes };
	struct msghdr given;
	void *const control = app.msg_control;

	memcpy(app.msg_name, &datagrams[0].name,
	       namelen < sizeof(datagrams[0].name) ? namelen
						   : sizeof(datagrams[0].name));
	sent.errors = *tape;
	put_bytes(tape, control, bytes);
	if (lies == 1)
		app.msg_control = NULL;
	else if (lies == 2)
		app.msg_controllen = SIZE_MAX - bytes;
	given = app;
	sent.app = &given;
	sent.attempts = 0;

	(void)sendmsg(fd, &app, 0);

	assert(sent.attempts > 0);
	assert(app.msg_name == given.msg_name &&
	       app.msg_namelen == given.msg_namelen &&
	       app.msg_control == given.msg_control &&
	       app.msg_controllen == given.msg_controllen);
	free(control);
	free(app.msg_name);
}

/* Nothing is ever sent to it or by it. */
static int open_server(sa_family_t family)
{
	const struct sockaddr_in6 any = { .sin6_family = family };
	const int fd = socket(family, SOCK_DGRAM, 0);

	assert(fd >= 0 && !bind(fd, (const struct sockaddr *)&any,
				sockaddr_length(family)));
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static int fds[2] = { -1, -1 };
	struct tape tape = { data, data + bytes };

	if (fds[0] < 0) {
		/* Each answers for itself. */
		settings.follow_ms = 0;
		fds[0] = open_server(AF_INET);
		fds[1] = open_server(AF_INET6);
		real.recvmsg = give_all;
		real.recvmmsg = give_batch;
		real.sendmsg = take;
		real.sendmmsg = take_batch;
	}
	peers_reset(64, 120);
	while (tape.at < tape.end) {
		const uint8_t kind = tape_byte(&tape);
		const bool is_v6 = kind % 2;
		const unsigned int batch = kind / 2 % (MOST_DATAGRAMS + 1U);

		waiting = batch ? 1 + kind / 16 % batch : 1;
		for (unsigned int i = 0; i < waiting; i++)
			draw_datagram(&tape, is_v6 ? AF_INET6 : AF_INET,
				      &datagrams[i]);
		receive(&tape, fds[is_v6], batch);
		send_garbage(&tape, fds[is_v6]);
	}
	return 0;
}
