/* SPDX-License-Identifier: MIT */
/* Makes the calls of a sequence, and writes down all that can be observed. */
#include "call.h"
#include "mask.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/in6.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* No call sets it, so that "kept" can be told from "set". */
#define UNTOUCHED 4000
/* What fills a buffer, so that what was not written can be told. */
#define FILLER 0xa5
#define BAD_POINTER ((void *)8)

#define NAME_BYTES 192
#define CONTROL_BYTES 2304
/* With more room than that, what is behind the messages may change. */
#define CAREFUL_CONTROL_BYTES 1024
#define IOV_BYTES 65536
#define ALL_IOVS (IOV_MAX + 1)

/* So long a blocking call waits, and one that a signal will interrupt. */
#define SOON_US 2000
#define LATE_US 100000

struct buffers {
	char name[NAME_BYTES];
	_Alignas(struct cmsghdr) char control[CONTROL_BYTES];
	struct iovec iovs[ALL_IOVS];
	char data[MOST_IOVS][IOV_BYTES];
};

static struct buffers buffers[MOST_MESSAGES];
static struct mmsghdr mmsgs[MOST_MESSAGES], before[MOST_MESSAGES];
static struct transcript *transcript;
static int number; /* of the call */

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void note(const char *format, ...)
{
	size_t room = TRANSCRIPT_BYTES - transcript->used;
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(transcript->text + transcript->used, room, format,
		      arguments);
	va_end(arguments);
	if (n > 0 && (size_t)n < room)
		transcript->used += (size_t)n;
}

/* In hex, without the filler at the end. */
static void note_bytes(const char *what, const void *at, size_t bytes)
{
	const unsigned char *from = at;

	while (bytes && from[bytes - 1] == FILLER)
		bytes--;
	if (!bytes)
		return;
	note(" %s=", what);
	for (size_t i = 0; i < bytes; i++)
		note("%02x", from[i]);
}

static void note_data(const struct buffers *of, const struct message *message)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (int i = 0; i < MOST_IOVS; i++) {
		const char *data = of->data[i];
		size_t bytes = (size_t)message->iov_len[i];

		if (data[bytes < IOV_BYTES ? bytes : 0] != (char)FILLER &&
		    bytes < IOV_BYTES)
			note(" overrun");
		for (size_t at = 0; at < bytes && data[at] != (char)FILLER;
		     at++)
			hash = (hash ^ (unsigned char)data[at]) * 0x100000001b3;
	}
	note(" data=%llx", (unsigned long long)hash);
}

/* The functions by their names, and by their aliases. */
static void *function(const struct call *call)
{
	static const char *const aliases[][2] = {
		{ "send", "__send" },	{ "write", "__write" },
		{ "read", "__read" },	{ "connect", "__connect" },
		{ "close", "__close" }, { "dup2", "__dup2" },
		{ "fcntl", "fcntl64" },
	};
	static void *found[WHATS][2];
	const char *name = name_of(call->what);
	bool alias = call->via == BY_ALIAS;

	if (found[call->what][alias])
		return found[call->what][alias];
	for (size_t i = 0; alias && i < sizeof(aliases) / sizeof(*aliases); i++)
		if (!strcmp(aliases[i][0], name))
			name = aliases[i][1];
	found[call->what][alias] = dlsym(RTLD_DEFAULT, name);
	if (!found[call->what][alias])
		abort();
	return found[call->what][alias];
}

/* libc's own, behind everybody's back. */
static long raw(long call, long a, long b, long c)
{
	static long (*libc)(long, ...);

	if (!libc) {
		void *at = dlsym(dlopen("libc.so.6", RTLD_LAZY), "syscall");

		memcpy(&libc, &at, sizeof(libc));
	}
	return libc(call, a, b, c);
}

#define AS(name) ((__typeof__(&(name)))function(call))
#define ANY_WAY(name, ...)                                             \
	(errno = UNTOUCHED, call->via == BY_SYSCALL                    \
				    ? syscall(SYS_##name, __VA_ARGS__) \
				    : (long)AS(name)(__VA_ARGS__))
#define BY_ITS_NAME(name, ...) (errno = UNTOUCHED, (long)AS(name)(__VA_ARGS__))

static int port_of(int fd)
{
	struct sockaddr_in6 name = { 0 };
	socklen_t len = sizeof(name);

	if (getsockname(fd, (struct sockaddr *)&name, &len) ||
	    (name.sin6_family != AF_INET && name.sin6_family != AF_INET6))
		return 0;
	/* Both families keep the port at the same place. */
	return ntohs(name.sin6_port);
}

socklen_t address_of(const struct place *place, struct sockaddr_storage *out)
{
	static const char *const hosts[HOSTS] = {
		[ANY_V4] = "0.0.0.0",
		[LOOP_V4] = "127.0.0.1",
		[SECOND_V4] = "127.0.0.2",
		[ANY_V6] = "::",
		[LOOP_V6] = "::1",
		[SECOND_V6] = "fd00::2",
		[ANY_MAPPED] = "::ffff:0.0.0.0",
		[LOOP_MAPPED] = "::ffff:127.0.0.1",
		[SECOND_MAPPED] = "::ffff:127.0.0.2",
		[UNSPECIFIED] = "0.0.0.0",
		[UNSPECIFIED_LOOP] = "127.0.0.1",
		[BROADCAST] = "255.255.255.255",
		[MULTICAST_V6] = "ff02::1",
		[UNREACHABLE] = "10.9.9.9",
	};
	const int port = place->port < 0 ? port_of(-place->port) : place->port;
	struct sockaddr_in v4 = {
		.sin_family = AF_INET,
		.sin_port = htons((in_port_t)port),
	};
	struct sockaddr_in6 v6 = {
		.sin6_family = AF_INET6,
		.sin6_port = v4.sin_port,
	};
	const char *host = hosts[place->host];
	socklen_t len = sizeof(v4);

	memset(out, 0, sizeof(*out));
	if (place->host == UNSPECIFIED || place->host == UNSPECIFIED_LOOP)
		v4.sin_family = AF_UNSPEC;
	if (!host) {
		out->ss_family = AF_UNIX;
		len = sizeof(struct sockaddr_un);
	} else if (strchr(host, ':')) {
		inet_pton(AF_INET6, host, &v6.sin6_addr);
		memcpy(out, &v6, sizeof(v6));
		len = sizeof(v6);
	} else {
		inet_pton(AF_INET, host, &v4.sin_addr);
		memcpy(out, &v4, sizeof(v4));
	}
	if (place->host == NO_ADDRESS)
		len = 0;
	return place->len == NATURAL ? len : (socklen_t)place->len;
}

/* What each control message is, of these bytes. */
static size_t cmsg_of(enum cmsg cmsg, struct cmsghdr *c, void *data)
{
	const struct in_addr gone = { htonl(0x0a090909) };
	struct in_pktinfo v4 = { 0 };
	struct in6_pktinfo v6 = { 0 };
	int value = 8;
	uint16_t segment = 5;

	*c = (struct cmsghdr){ .cmsg_level = IPPROTO_IP, .cmsg_type = IP_TOS };
	memcpy(data, &value, sizeof(value));
	switch (cmsg) {
	case C_TTL:
		c->cmsg_type = IP_TTL;
		break;
	case C_PKTINFO:
	case C_PKTINFO_INDEX:
	case C_PKTINFO_BAD_INDEX:
	case C_PKTINFO_GONE:
		c->cmsg_type = IP_PKTINFO;
		if (cmsg == C_PKTINFO)
			v4.ipi_spec_dst.s_addr = htonl(INADDR_LOOPBACK);
		else if (cmsg == C_PKTINFO_GONE)
			v4.ipi_spec_dst = gone;
		else
			v4.ipi_ifindex = cmsg == C_PKTINFO_INDEX ? 1 : 99;
		memcpy(data, &v4, sizeof(v4));
		return sizeof(v4);
	case C_PKTINFO_6:
	case C_PKTINFO_6_MAPPED:
	case C_PKTINFO_6_INDEX:
	case C_PKTINFO_6_GONE:
	case C_2292PKTINFO:
		c->cmsg_level = IPPROTO_IPV6;
		c->cmsg_type =
			cmsg == C_2292PKTINFO ? IPV6_2292PKTINFO : IPV6_PKTINFO;
		inet_pton(AF_INET6,
			  cmsg == C_PKTINFO_6_MAPPED  ? "::ffff:127.0.0.1"
			  : cmsg == C_PKTINFO_6_INDEX ? "::"
			  : cmsg == C_PKTINFO_6_GONE  ? "fd09::9"
						      : "::1",
			  &v6.ipi6_addr);
		v6.ipi6_ifindex = cmsg == C_PKTINFO_6_INDEX;
		memcpy(data, &v6, sizeof(v6));
		return sizeof(v6);
	case C_HOPLIMIT:
	case C_TCLASS:
	case C_DONTFRAG:
		c->cmsg_level = IPPROTO_IPV6;
		c->cmsg_type = cmsg == C_HOPLIMIT ? IPV6_HOPLIMIT
			       : cmsg == C_TCLASS ? IPV6_TCLASS
						  : IPV6_DONTFRAG;
		break;
	case C_SEGMENT:
		c->cmsg_level = IPPROTO_UDP;
		c->cmsg_type = 103; /* UDP_SEGMENT */
		memcpy(data, &segment, sizeof(segment));
		return sizeof(segment);
	case C_MARK:
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SO_MARK;
		break;
	case C_UNKNOWN:
		c->cmsg_type = 99;
		break;
	case C_UNKNOWN_LEVEL:
		c->cmsg_level = 99;
		break;
	case C_RIGHTS:
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		break;
	default:
		break;
	}
	return sizeof(value);
}

size_t control_of(const struct message *message, char *out)
{
	struct cmsghdr c;
	size_t used = 0;

	for (int i = 0; i < message->cmsg_count; i++) {
		size_t bytes = cmsg_of(message->cmsgs[i], &c,
				       out + used + CMSG_LEN(0));

		c.cmsg_len = CMSG_LEN(bytes);
		if (message->cmsgs[i] == C_SHORT)
			c.cmsg_len = 3;
		else if (message->cmsgs[i] == C_LONG)
			c.cmsg_len = 1000;
		memcpy(out + used, &c, sizeof(c));
		used += CMSG_SPACE(bytes);
	}
	return used > (size_t)message->control_cut
		       ? used - (size_t)message->control_cut
		       : 0;
}

/* Fills the iovecs of a message, which is to be sent or received. */
static void fill_iovs(struct buffers *of, const struct message *message,
		      int filler)
{
	for (int i = 0; i < MOST_IOVS; i++) {
		size_t bytes = (size_t)message->iov_len[i];

		memset(of->data[i], filler,
		       bytes < IOV_BYTES ? bytes + 1 : IOV_BYTES);
		of->iovs[i] = (struct iovec){ of->data[i], bytes };
	}
	if (message->bad_iov)
		of->iovs[0].iov_base = BAD_POINTER;
}

static struct msghdr to_receive(struct buffers *of,
				const struct message *message)
{
	struct msghdr msg = {
		.msg_name = message->name_room == -1 ? NULL : of->name,
		.msg_namelen = (socklen_t)message->name_room,
		.msg_iov = of->iovs,
		.msg_iovlen = (size_t)message->iov_count,
		.msg_control = message->control_room < 0 ? NULL : of->control,
		.msg_controllen = message->control_room < 0
					  ? 100
					  : (size_t)message->control_room,
		.msg_flags = 0x5a5a,
	};

	memset(of->name, FILLER, sizeof(of->name));
	memset(of->control, FILLER, sizeof(of->control));
	fill_iovs(of, message, FILLER);
	return msg;
}

static struct msghdr to_send(struct buffers *of, const struct message *message)
{
	struct sockaddr_storage address;
	struct msghdr msg = { .msg_iov = of->iovs,
			      .msg_iovlen = (size_t)message->iov_count };

	memset(of->name, 0, sizeof(of->name));
	memset(of->control, 0, sizeof(of->control));
	msg.msg_namelen = address_of(&message->to, &address);
	memcpy(of->name, &address, sizeof(address));
	if (message->to.host != NO_ADDRESS)
		msg.msg_name = of->name;
	msg.msg_controllen = control_of(message, of->control);
	if (message->cmsg_count)
		msg.msg_control = of->control;
	fill_iovs(of, message, number + 1);
	return msg;
}

static void note_control(char *control, size_t room, size_t used)
{
	const bool careful = room <= CAREFUL_CONTROL_BYTES;
	struct cmsghdr c;
	size_t at = 0;

	if (used > room)
		return;
	while (used - at >= sizeof(c) && at < used) {
		memcpy(&c, control + at, sizeof(c));
		if (c.cmsg_len < sizeof(c) || c.cmsg_len > used - at)
			break;
		mask_cmsg(&c, control + at + CMSG_LEN(0),
			  c.cmsg_len - CMSG_LEN(0));
		size_t end = at + CMSG_ALIGN(c.cmsg_len);

		if (!careful && end <= used)
			memset(control + at + c.cmsg_len, 0,
			       end - at - c.cmsg_len);
		at = end;
		if (at > used)
			break;
	}
	note_bytes("control", control, careful ? CONTROL_BYTES : used);
}

/* Whether a call has written where it has only to read. */
static bool is_moved(const struct msghdr *msg, const struct msghdr *was)
{
	return msg->msg_name != was->msg_name || msg->msg_iov != was->msg_iov ||
	       msg->msg_iovlen != was->msg_iovlen ||
	       msg->msg_control != was->msg_control;
}

static bool is_changed(const struct msghdr *msg, const struct msghdr *was)
{
	return is_moved(msg, was) || msg->msg_namelen != was->msg_namelen ||
	       msg->msg_controllen != was->msg_controllen ||
	       msg->msg_flags != was->msg_flags;
}

static void note_received(int i, const struct message *message)
{
	struct msghdr *msg = &mmsgs[i].msg_hdr, *was = &before[i].msg_hdr;
	struct buffers *of = &buffers[i];

	if (is_moved(msg, was))
		note(" pointers");
	note(" [%u namelen=%d controllen=%zu flags=%x", mmsgs[i].msg_len,
	     (int)msg->msg_namelen, msg->msg_controllen,
	     (unsigned int)msg->msg_flags);
	mask_address(of->name, sizeof(of->name));
	note_bytes("name", of->name, sizeof(of->name));
	if (message->control_room >= 0)
		note_control(of->control, (size_t)message->control_room,
			     msg->msg_controllen);
	note_data(of, message);
	note("]");
}

static void note_result(long result)
{
	if (errno == UNTOUCHED)
		note(" %ld", result);
	else
		note(" %ld %s", result, strerrorname_np(errno));
}

static void prepare(const struct call *call, bool sent)
{
	for (int i = 0; i < call->message_count; i++) {
		mmsgs[i].msg_len = 0x77;
		mmsgs[i].msg_hdr =
			sent ? to_send(&buffers[i], &call->messages[i])
			     : to_receive(&buffers[i], &call->messages[i]);
		before[i] = mmsgs[i];
	}
}

static long receive(const struct call *call)
{
	struct msghdr *msg = &mmsgs[0].msg_hdr;
	void *data = msg->msg_iov->iov_base;
	size_t bytes = msg->msg_iov->iov_len;
	struct timespec timeout = { .tv_nsec = call->timeout * 1000L };
	socklen_t *len = &msg->msg_namelen;
	int fd = call->fd, flags = call->flags;
	ssize_t (*recvfrom_chk)(int, void *, size_t, size_t, int, void *,
				socklen_t *);
	ssize_t (*recv_chk)(int, void *, size_t, size_t, int);
	ssize_t (*read_chk)(int, void *, size_t, size_t);
	void *at;

	switch (call->what) {
	case CALL_recvfrom:
		return ANY_WAY(recvfrom, fd, data, bytes, flags, msg->msg_name,
			       len);
	case CALL_recvmsg:
		return ANY_WAY(recvmsg, fd, msg, flags);
	case CALL_recvmmsg:
		return ANY_WAY(recvmmsg, fd, mmsgs,
			       (unsigned int)call->message_count, flags,
			       call->timeout == -1 ? NULL : &timeout);
	case CALL_recv:
		return BY_ITS_NAME(recv, fd, data, bytes, flags);
	case CALL_read:
		return ANY_WAY(read, fd, data, bytes);
	case CALL_readv:
		return ANY_WAY(readv, fd, msg->msg_iov, (int)msg->msg_iovlen);
	default:
		at = function(call);
		errno = UNTOUCHED;
	}
	if (call->what == CALL___recvfrom_chk) {
		memcpy(&recvfrom_chk, &at, sizeof(at));
		return recvfrom_chk(fd, data, bytes, IOV_BYTES, flags,
				    msg->msg_name, len);
	}
	if (call->what == CALL___recv_chk) {
		memcpy(&recv_chk, &at, sizeof(at));
		return recv_chk(fd, data, bytes, IOV_BYTES, flags);
	}
	memcpy(&read_chk, &at, sizeof(at));
	return read_chk(fd, data, bytes, IOV_BYTES);
}

/*
 * A socket that is connected to an IPv4 peer has no source for an IPv6 one, but
 * the shim may know one: see CAVEATS in libreplyfrom(7).
 */
static bool has_no_source(const struct call *call)
{
	struct sockaddr_in6 local = { 0 };
	const struct sockaddr_in6 *to;
	socklen_t len = sizeof(local);

	if (getsockname(call->fd, (struct sockaddr *)&local, &len) ||
	    local.sin6_family != AF_INET6 ||
	    !IN6_IS_ADDR_V4MAPPED(&local.sin6_addr))
		return false;
	for (int i = 0; i < call->message_count; i++) {
		to = (const void *)buffers[i].name;
		if (to->sin6_family == AF_INET6 &&
		    !IN6_IS_ADDR_V4MAPPED(&to->sin6_addr))
			return true;
	}
	return false;
}

static long transmit(const struct call *call)
{
	const struct msghdr *msg = &mmsgs[0].msg_hdr;
	const void *data = msg->msg_iov->iov_base;
	size_t bytes = msg->msg_iov->iov_len;
	int fd = call->fd, flags = call->flags;

	switch (call->what) {
	case CALL_sendto:
		return ANY_WAY(sendto, fd, data, bytes, flags, msg->msg_name,
			       msg->msg_namelen);
	case CALL_sendmsg:
		return ANY_WAY(sendmsg, fd, msg, flags);
	case CALL_sendmmsg:
		return ANY_WAY(sendmmsg, fd, mmsgs,
			       (unsigned int)call->message_count, flags);
	case CALL_send:
		return BY_ITS_NAME(send, fd, data, bytes, flags);
	case CALL_write:
		return ANY_WAY(write, fd, data, bytes);
	default:
		return BY_ITS_NAME(writev, fd, msg->msg_iov,
				   (int)msg->msg_iovlen);
	}
}

/* Most calls that would wait are left out: that takes long, and shows little.
 */
static bool waits(const struct call *call)
{
	struct pollfd there = { .fd = call->fd, .events = POLLIN };
	const int exceptions = 16;

	return !(call->flags & MSG_DONTWAIT) && number % exceptions &&
	       !poll(&there, 1, 0);
}

/* The first bytes of a message, wherever they are, or back to where they were.
 * Answers how many there are. */
static size_t copy_head(struct buffers *of, const struct message *message,
			unsigned char *head, size_t most, bool back)
{
	size_t copied = 0;

	for (int i = 0; i < MOST_IOVS && i < message->iov_count; i++) {
		size_t n = (size_t)message->iov_len[i];

		n = n < most - copied ? n : most - copied;
		if (back)
			memcpy(of->data[i], head + copied, n);
		else
			memcpy(head + copied, of->data[i], n);
		copied += n;
	}
	return copied;
}

static int option_of(int fd, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	(void)getsockopt(fd, SOL_SOCKET, name, &value, &len);
	return value;
}

/* Where a message has headers, hides in them what differs from run to run. */
static void mask_headers(const struct call *call, int i, size_t bytes)
{
	const bool is_raw = option_of(call->fd, SO_TYPE) == SOCK_RAW;
	const struct message *message = &call->messages[i];
	unsigned char head[MASK_HEADERS];
	size_t n;

	if (message->bad_iov || (!is_raw && !(call->flags & MSG_ERRQUEUE)))
		return;
	n = bytes < sizeof(head) ? bytes : sizeof(head);
	n = copy_head(&buffers[i], message, head, n, false);
	if (call->flags & MSG_ERRQUEUE)
		mask_sent(head, n);
	else if (option_of(call->fd, SO_DOMAIN) == AF_INET)
		mask_ip(head, n);
	else
		mask_transport(head, n, option_of(call->fd, SO_PROTOCOL));
	copy_head(&buffers[i], message, head, n, true);
}

static void receive_and_note(const struct call *call)
{
	const bool batch = call->what == CALL_recvmmsg;
	long n;

	if (waits(call))
		return;
	prepare(call, false);
	n = receive(call);
	note_result(n);
	for (int i = 0; i < (batch ? n : n > 0); i++)
		mask_headers(call, i, batch ? mmsgs[i].msg_len : (size_t)n);
	for (int i = 0; i < call->message_count; i++)
		note_received(i, &call->messages[i]);
}

static void send_and_note(const struct call *call)
{
	prepare(call, true);
	if (has_no_source(call))
		return;
	note_result(transmit(call));
	for (int i = 0; i < call->message_count; i++) {
		if (is_changed(&mmsgs[i].msg_hdr, &before[i].msg_hdr))
			note(" changed");
		note(" [%u]", mmsgs[i].msg_len);
	}
}

/* A blocking call shall end soon. */
static void limit_waiting(int fd, int us)
{
	const struct timeval soon = { .tv_usec = us };

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof(soon));
}

static void name_and_note(const struct call *call)
{
	struct message message = call->messages[0];
	struct msghdr *msg = &mmsgs[0].msg_hdr;
	long n;

	message.control_room = message.iov_count = 0;
	*msg = to_receive(&buffers[0], &message);
	if (call->what == CALL_accept)
		n = BY_ITS_NAME(accept, call->fd, msg->msg_name,
				&msg->msg_namelen);
	else if (call->what == CALL_accept4)
		n = ANY_WAY(accept4, call->fd, msg->msg_name, &msg->msg_namelen,
			    call->flags);
	else if (call->what == CALL_getsockname)
		n = ANY_WAY(getsockname, call->fd, msg->msg_name,
			    &msg->msg_namelen);
	else
		n = ANY_WAY(getpeername, call->fd, msg->msg_name,
			    &msg->msg_namelen);
	note_result(n);
	if (call->what == CALL_accept || call->what == CALL_accept4)
		limit_waiting((int)n, SOON_US);
	note(" namelen=%d", (int)msg->msg_namelen);
	mask_address(buffers[0].name, sizeof(buffers[0].name));
	note_bytes("name", buffers[0].name, sizeof(buffers[0].name));
}

static void get_option(const struct call *call)
{
	unsigned char value[160];
	socklen_t len = (socklen_t)call->value_len;

	memset(value, FILLER, sizeof(value));
	note_result(ANY_WAY(getsockopt, call->fd, call->a, call->b,
			    call->value_len == -1 ? NULL : value, &len));
	note(" len=%d", (int)len);
	note_bytes("value", value, sizeof(value));
}

/*
 * What waits when pktinfo is switched on has less of it in the bare process:
 * see CAVEATS in libreplyfrom(7).
 */
static bool is_too_late(const struct call *call)
{
	struct pollfd there = { .fd = call->fd, .events = POLLIN };

	return ((call->a == IPPROTO_IP && call->b == IP_PKTINFO) ||
		(call->a == IPPROTO_IPV6 && call->b == IPV6_RECVPKTINFO)) &&
	       poll(&there, 1, 0) > 0 && (there.revents & POLLIN);
}

static void set_option(const struct call *call)
{
	const int value[6] = { call->value };

	if (is_too_late(call))
		return;
	note_result(ANY_WAY(setsockopt, call->fd, call->a, call->b,
			    call->value_len == -1 ? NULL : value,
			    (socklen_t)call->value_len));
}

static void pass_fd(const struct call *call)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct cmsghdr *c = (struct cmsghdr *)control;
	char byte = 'x';
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	int pair[2], passed = -1;

	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair))
		return;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(c), &call->fd, sizeof(int));
	errno = UNTOUCHED;
	note_result(sendmsg(pair[0], &msg, 0));
	memset(control, 0, sizeof(control));
	errno = UNTOUCHED;
	note_result(recvmsg(pair[1], &msg,
			    MSG_DONTWAIT | (call->via ? MSG_CMSG_CLOEXEC : 0)));
	if (c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&passed, CMSG_DATA(c), sizeof(int));
	note(" passed=%d", passed);
	close(pair[0]);
	close(pair[1]);
}

static void vfork_close(const struct call *call)
{
	const int fd = call->fd;
	int status = -1;
	// NOLINTNEXTLINE: it is vfork that is to be tried.
	pid_t child = vfork();

	if (!child) {
		close(fd); // NOLINT: because it is shared, it is tried.
		_exit(0);
	}
	waitpid(child, &status, 0);
	note(" %x", (unsigned int)status);
}

static void on_alarm(int signal_number)
{
	(void)signal_number;
}

static void interrupted_recv(const struct call *call)
{
	/* Again, lest the first comes before the call. */
	const struct itimerval soon = { .it_value.tv_usec = 300,
					.it_interval.tv_usec = 3000 };
	struct sigaction action = { .sa_handler = on_alarm };
	char byte[8];

	if (call->via)
		action.sa_flags = SA_RESTART;
	sigaction(SIGALRM, &action, NULL);
	limit_waiting(call->fd, LATE_US);
	setitimer(ITIMER_REAL, &soon, NULL);
	errno = UNTOUCHED;
	note_result(recv(call->fd, byte, sizeof(byte), 0));
	limit_waiting(call->fd, SOON_US);
	/* The same timer limits the whole sequence: see differ.c. */
	alarm(SEQUENCE_SECONDS);
	(void)signal(SIGALRM, SIG_DFL);
}

static void call_on_address(const struct call *call)
{
	struct sockaddr_storage address;
	socklen_t len = address_of(&call->messages[0].to, &address);
	const struct sockaddr *at = (const struct sockaddr *)&address;

	if (call->messages[0].to.host == NO_ADDRESS)
		at = NULL;
	if (call->what == CALL_bind)
		note_result(ANY_WAY(bind, call->fd, at, len));
	else
		note_result(ANY_WAY(connect, call->fd, at, len));
}

static void make(const struct call *call)
{
	int pair[2] = { -9, -9 };
	long n;

	if (call->what == CALL_socket) {
		n = ANY_WAY(socket, call->a, call->b, call->c);
		note_result(n);
		limit_waiting((int)n, SOON_US);
		return;
	}
	if (call->what == CALL_pipe2)
		n = BY_ITS_NAME(pipe2, pair, O_NONBLOCK);
	else
		n = ANY_WAY(socketpair, call->a, call->b, 0, pair);
	note_result(n);
	note(" %d %d", pair[0], pair[1]);
	limit_waiting(pair[0], SOON_US);
	limit_waiting(pair[1], SOON_US);
}

static void call_on_fd(const struct call *call)
{
	long n = 0;
	FILE *file;

	switch (call->what) {
	case CALL_listen:
		n = BY_ITS_NAME(listen, call->fd, 5);
		break;
	case CALL_shutdown:
		n = BY_ITS_NAME(shutdown, call->fd, call->a);
		break;
	case CALL_close:
		n = ANY_WAY(close, call->fd);
		break;
	case CALL_dup:
		n = ANY_WAY(dup, call->fd);
		break;
	case CALL_dup2:
#ifdef SYS_dup2
		n = ANY_WAY(dup2, call->fd, call->to);
#else
		n = BY_ITS_NAME(dup2, call->fd, call->to);
#endif
		break;
	case CALL_dup3:
		n = ANY_WAY(dup3, call->fd, call->to, call->flags);
		break;
	case CALL_fcntl:
		n = ANY_WAY(fcntl, call->fd, call->a, call->b);
		break;
	case CALL_close_range:
		n = ANY_WAY(close_range, (unsigned int)call->fd,
			    (unsigned int)call->to, call->flags);
		break;
	case CALL_closefrom:
		errno = UNTOUCHED;
		closefrom(call->fd);
		break;
	case CALL_fclose:
		file = fdopen(call->fd, "r+");
		errno = UNTOUCHED;
		n = file ? fclose(file) : -1;
		break;
	default:
		errno = UNTOUCHED;
		n = raw(SYS_close, call->fd, 0, 0);
	}
	note_result(n);
}

static void perform_call(const struct call *call)
{
	switch (call->what) {
	case CALL_socket:
	case CALL_socketpair:
	case CALL_pipe2:
		make(call);
		break;
	case CALL_bind:
	case CALL_connect:
		call_on_address(call);
		break;
	case CALL_accept:
	case CALL_accept4:
	case CALL_getsockname:
	case CALL_getpeername:
		name_and_note(call);
		break;
	case CALL_setsockopt:
		set_option(call);
		break;
	case CALL_getsockopt:
		get_option(call);
		break;
	case CALL_pass_fd:
		pass_fd(call);
		break;
	case CALL_vfork_close:
		vfork_close(call);
		break;
	case CALL_interrupted_recv:
		interrupted_recv(call);
		break;
	default:
		if (call->what >= CALL_recvfrom &&
		    call->what <= CALL___read_chk)
			receive_and_note(call);
		else if (call->what >= CALL_sendto && call->what <= CALL_writev)
			send_and_note(call);
		else
			call_on_fd(call);
	}
}

static void note_option(int fd, int level, int name)
{
	const struct call call = { .what = CALL_getsockopt,
				   .fd = fd,
				   .a = level,
				   .b = name,
				   .value_len = sizeof(int) };

	note(" %d.%d", level, name);
	get_option(&call);
}

/* All that can be seen of an fd at the end. */
static void note_fd(int fd)
{
	struct call call = { .what = CALL_fcntl, .fd = fd, .a = F_GETFL };
	struct pollfd there = { .fd = fd, .events = POLLIN | POLLOUT };
	int waiting = -1;

	errno = UNTOUCHED;
	if (fcntl(fd, F_GETFD) < 0)
		return;
	note("fd %d:", fd);
	call_on_fd(&call);
	poll(&there, 1, 0);
	ioctl(fd, FIONREAD, &waiting);
	note(" poll=%x waiting=%d", (unsigned int)there.revents, waiting);
	call.messages[0].name_room = 100;
	call.what = CALL_getsockname;
	name_and_note(&call);
	call.what = CALL_getpeername;
	name_and_note(&call);
	note_option(fd, SOL_SOCKET, SO_ERROR);
	note_option(fd, SOL_SOCKET, SO_RCVLOWAT);
	note_option(fd, SOL_SOCKET, SO_REUSEADDR);
	note_option(fd, SOL_SOCKET, SO_REUSEPORT);
	note_option(fd, IPPROTO_IP, IP_PKTINFO);
	note_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO);
	note_option(fd, IPPROTO_IPV6, IPV6_2292PKTINFO);
	note("\n");
}

/* What is still in its queue. */
static void drain(int fd)
{
	struct call call = { .what = CALL_recvmsg,
			     .fd = fd,
			     .flags = MSG_DONTWAIT,
			     .message_count = 1 };
	int type = 0;
	socklen_t len = sizeof(type);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len))
		return;
	call.messages[0] = (struct message){ .name_room = 128,
					     .control_room = 512,
					     .iov_count = 1,
					     .iov_len = { 4096 } };
	for (int i = 0; i < 4; i++) {
		note("drain %d:", fd);
		receive_and_note(&call);
		note("\n");
	}
}

void perform(const struct sequence *sequence, const bool *dropped,
	     struct transcript *to)
{
	const int last_fd = 40;

	transcript = to;
	transcript->used = 0;
	mask_sources = sequence->second;
	for (number = 0; number < sequence->count; number++) {
		const struct call *call = &sequence->calls[number];

		if (dropped[number])
			continue;
		note("%d %s:", number, name_of(call->what));
		perform_call(call);
		note("\n");
	}
	for (int fd = 0; fd < last_fd; fd++)
		note_fd(fd);
	for (int fd = 3; fd < last_fd; fd++)
		drain(fd);
}
