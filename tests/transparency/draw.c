/* SPDX-License-Identifier: MIT */
/* Draws a sequence of calls from a seed. */
#include "call.h"

#include <fcntl.h>
#include <linux/in6.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define ONE_OF(...)     \
	((const int[]){ \
		__VA_ARGS__ })[pick(COUNT(((const int[]){ __VA_ARGS__ })))]

#define FIRST_FD 3
#define FDS 14
#define FIRST_PORT 5001
#define PORTS 3

/* What the fds will be, as far as the calls do what they should. */
enum kind { CLOSED, ANYTHING, UDP_V4, UDP_V6 };

static uint64_t state;
static bool second;
static enum kind kinds[FIRST_FD + FDS];

/* splitmix64: https://prng.di.unimi.it/splitmix64.c */
static uint64_t next(void)
{
	uint64_t z = (state += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static int pick(size_t n)
{
	return (int)(next() % n);
}

static bool once_in(size_t n)
{
	return pick(n) == 0;
}

static int new_fd(enum kind kind)
{
	for (int fd = FIRST_FD; fd < FIRST_FD + FDS; fd++) {
		if (kinds[fd] == CLOSED) {
			kinds[fd] = kind;
			return fd;
		}
	}
	return FIRST_FD + FDS;
}

static bool is_udp(int fd)
{
	return fd < FIRST_FD + FDS && kinds[fd] >= UDP_V4;
}

static int open_fd(void)
{
	for (int i = 0; i < 8; i++) {
		int fd = FIRST_FD + pick(FDS);

		if (kinds[fd] != CLOSED)
			return fd;
	}
	return FIRST_FD;
}

/* A UDP socket, as a rule. */
static int some_fd(void)
{
	if (once_in(30))
		return pick(FIRST_FD + FDS + 2) - 1;
	for (int i = 0; i < 8; i++) {
		int fd = FIRST_FD + pick(FDS);

		if (kinds[fd] >= UDP_V4)
			return fd;
	}
	return open_fd();
}

static int some_port(void)
{
	return once_in(6) ? 0 : FIRST_PORT + pick(PORTS);
}

static int some_len(void)
{
	return once_in(12) ? ONE_OF(0, 1, 2, 8, 15, 16, 17, 23, 24, 27, 28, 29,
				    127, 128, 129, -1)
			   : NATURAL;
}

/* Where fd may be bound to. */
static struct place to_bind(int fd)
{
	struct place place = { .port = some_port(), .len = some_len() };
	bool v6 = kinds[fd < 0 ? 0 : fd % (FIRST_FD + FDS)] == UDP_V6;

	place.host = v6 ? ANY_V6 : ANY_V4;
	if (once_in(5))
		place.host = v6 ? LOOP_V6 : LOOP_V4;
	if (once_in(10))
		place.host = (enum host)pick(HOSTS);
	/* An ICMP error goes to the address that the datagram came from. */
	if (second && place.host != ANY_V6)
		place.host = v6 ? ANY_V6 : ANY_V4;
	return place;
}

/* Where to send to from fd: to another of ours, as a rule. */
static struct place to_ask(int fd)
{
	struct place place = { .len = some_len(),
			       .port = once_in(4) ? some_port() : -some_fd() };
	bool v6 = is_udp(fd) && kinds[fd] == UDP_V6;

	if (v6)
		place.host = once_in(2) ? LOOP_V6 : LOOP_MAPPED;
	else
		place.host = LOOP_V4;
	if (second && once_in(2))
		place.host++;
	if (once_in(14))
		place.host = (enum host)pick(HOSTS);
	if (!second && (place.host == SECOND_V4 || place.host == SECOND_V6 ||
			place.host == SECOND_MAPPED))
		place.host--;
	return place;
}

static void draw_iovs(struct message *message, bool sent)
{
	message->iov_count = once_in(12) ? pick(MOST_IOVS + 1) : 1;
	for (int i = 0; i < MOST_IOVS; i++) {
		message->iov_len[i] =
			sent ? ONE_OF(0, 1, 5, 5, 20, 100, 100, 1000)
			     : ONE_OF(0, 1, 5, 100, 2000, 2000, 2000, 4096);
		if (once_in(40))
			message->iov_len[i] = ONE_OF(9000, 40000, 65507, 65508);
	}
	message->bad_iov = once_in(80);
	if (once_in(100))
		message->iov_count = ONE_OF(1024, 1025, -1);
}

static void draw_sent(struct message *message, int fd)
{
	message->to = to_ask(fd);
	if (once_in(15))
		message->to.host = NO_ADDRESS;
	draw_iovs(message, true);
	if (once_in(4))
		message->cmsg_count = 1 + pick(MOST_CMSGS);
	for (int i = 0; i < MOST_CMSGS; i++)
		message->cmsgs[i] = (enum cmsg)pick(CMSGS);
	if (once_in(12))
		message->control_cut = pick(24);
}

static void draw_received(struct message *message)
{
	draw_iovs(message, false);
	message->name_room = ONE_OF(28, 28, 128, 128, 16, -1, -1);
	if (once_in(6))
		message->name_room = once_in(20) ? -2 : pick(130);
	message->control_room = ONE_OF(0, 0, 32, 64, 128, 256, 1024);
	if (once_in(3))
		message->control_room = pick(200);
	else if (once_in(12))
		message->control_room = ONE_OF(-1, 1023, 1025, 2000);
}

static void draw_messages(struct call *call, int most, bool sent)
{
	call->message_count = 1 + pick((size_t)most);
	for (int i = 0; i < call->message_count; i++) {
		if (sent)
			draw_sent(&call->messages[i], call->fd);
		else
			draw_received(&call->messages[i]);
	}
	if (once_in(60))
		call->message_count = 0;
}

static int receive_flags(void)
{
	int flags = once_in(40) ? 0 : MSG_DONTWAIT;

	if (once_in(4))
		flags |= ONE_OF(MSG_PEEK, MSG_PEEK, MSG_TRUNC,
				MSG_PEEK | MSG_TRUNC, MSG_ERRQUEUE,
				MSG_ERRQUEUE | MSG_PEEK, MSG_WAITALL,
				MSG_CMSG_CLOEXEC, MSG_WAITFORONE, MSG_OOB,
				MSG_NOSIGNAL, MSG_CTRUNC);
	if (once_in(60))
		flags |= 1 << pick(32);
	return flags;
}

static int send_flags(void)
{
	int flags = once_in(2) ? MSG_DONTWAIT : 0;

	if (once_in(5))
		flags |= ONE_OF(MSG_CONFIRM, MSG_MORE, MSG_NOSIGNAL,
				MSG_DONTROUTE, MSG_ZEROCOPY, MSG_EOR, MSG_OOB,
				0x10, MSG_ERRQUEUE, MSG_TRUNC, MSG_FASTOPEN);
	if (once_in(80))
		flags |= 1 << pick(32);
	return flags;
}

/* Options with values that make a difference; len 0: an int. */
struct option {
	int level, name;
	int values[4];
	int len;
};

/* The C library has no names for some. */
static const struct option options[] = {
	{ IPPROTO_IP, IP_PKTINFO, { 0, 1, 1, 7 }, 0 },
	{ IPPROTO_IP, IP_PKTINFO, { 0, 1, 1, 256 }, 0 },
	{ IPPROTO_IPV6, IPV6_RECVPKTINFO, { 0, 1, 1, 7 }, 0 },
	{ IPPROTO_IPV6, IPV6_RECVPKTINFO, { 0, 1, 1, 256 }, 0 },
	{ IPPROTO_IPV6, IPV6_2292PKTINFO, { 0, 1, 1, 1 }, 0 },
	{ SOL_SOCKET, SO_RCVLOWAT, { 0, 1, 5, -1 }, 0 },
	{ SOL_SOCKET, 29 /* SO_TIMESTAMP_OLD */, { 0, 1, 1, 1 }, 0 },
	{ SOL_SOCKET, 35 /* SO_TIMESTAMPNS_OLD */, { 0, 1, 1, 1 }, 0 },
	{ SOL_SOCKET, 63 /* SO_TIMESTAMP_NEW */, { 0, 1, 1, 1 }, 0 },
	{ SOL_SOCKET, 64 /* SO_TIMESTAMPNS_NEW */, { 0, 1, 1, 1 }, 0 },
	/* RX_SOFTWARE and SOFTWARE; TX_SOFTWARE, OPT_CMSG, OPT_TSONLY */
	{ SOL_SOCKET, 37 /* SO_TIMESTAMPING_OLD */, { 0, 24, 26, 3098 }, 0 },
	{ SOL_SOCKET, 65 /* SO_TIMESTAMPING_NEW */, { 0, 24, 1050, 24 }, 0 },
	{ SOL_SOCKET, SO_RXQ_OVFL, { 0, 1, 1, 1 }, 0 },
	{ SOL_SOCKET, SO_RCVBUF, { 0, 4000, 100000, 100000 }, 0 },
	{ SOL_SOCKET, SO_SNDBUF, { 0, 5000, 100000, 100000 }, 0 },
	{ SOL_SOCKET, SO_BROADCAST, { 0, 1, 1, 1 }, 0 },
	{ SOL_SOCKET, SO_REUSEADDR, { 0, 1, 1, 1 }, 0 },
	{ SOL_SOCKET, SO_ERROR, { 0 }, 0 },
	{ SOL_SOCKET, SO_TYPE, { 0 }, 0 },
	{ SOL_SOCKET, SO_PROTOCOL, { 0 }, 0 },
	{ SOL_SOCKET, SO_DOMAIN, { 0 }, 0 },
	{ SOL_SOCKET, SO_ZEROCOPY, { 0, 1, 1, 1 }, 0 },
	{ SOL_SOCKET, SO_PRIORITY, { 0, 1, 2, 3 }, 0 },
	{ SOL_SOCKET, SO_MARK, { 0, 1, 2, 3 }, 0 },
	{ SOL_SOCKET, 75 /* SO_RCVMARK */, { 0, 1, 1, 1 }, 0 },
	{ SOL_SOCKET, 82 /* SO_RCVPRIORITY */, { 0, 1, 1, 1 }, 0 },
	{ SOL_SOCKET, SO_BINDTODEVICE, { 0, 'l' | 'o' << 8, 'x', 'l' }, 0 },
	{ SOL_SOCKET, SO_BINDTOIFINDEX, { 0, 1, 1, 9 }, 0 },
	{ SOL_SOCKET, SO_PEEK_OFF, { 0, -1, 0, 2 }, 0 },
	{ SOL_SOCKET, SO_NO_CHECK, { 0, 1, 1, 1 }, 0 },
	{ SOL_SOCKET, SO_DONTROUTE, { 0, 1, 1, 1 }, 0 },
	{ SOL_SOCKET, SO_LINGER, { 0, 1, 1, 1 }, 8 },
	{ SOL_SOCKET, SO_REUSEPORT, { 0, 1, 1, 1 }, 0 },
	{ SOL_SOCKET, SO_SELECT_ERR_QUEUE, { 0, 1, 1, 1 }, 0 },
	{ SOL_SOCKET, SO_LOCK_FILTER, { 0, 1, 1, 1 }, 0 },
	{ SOL_SOCKET, SO_OOBINLINE, { 0, 1, 1, 1 }, 0 },
	{ SOL_SOCKET, 61 /* SO_TXTIME */, { 1, 1, 7, 1 }, 8 },
	{ SOL_SOCKET, SO_PASSCRED, { 0, 1, 1, 1 }, 0 },
	{ IPPROTO_IP, IP_TOS, { 0, 8, 16, 300 }, 0 },
	{ IPPROTO_IP, IP_TTL, { 1, 64, 255, 300 }, 0 },
	{ IPPROTO_IP, IP_RECVOPTS, { 0, 1, 1, 1 }, 0 },
	{ IPPROTO_IP, IP_RETOPTS, { 0, 1, 1, 1 }, 0 },
	{ IPPROTO_IP, IP_OPTIONS, { 0, 0x01010101, 0, 7 }, 0 },
	{ IPPROTO_IP, IP_MTU_DISCOVER, { 0, 1, 2, 3 }, 0 },
	{ IPPROTO_IP, IP_MTU, { 0 }, 0 },
	{ IPPROTO_IP, IP_RECVERR, { 0, 1, 1, 1 }, 0 },
	{ IPPROTO_IP, IP_RECVTTL, { 0, 1, 1, 1 }, 0 },
	{ IPPROTO_IP, IP_RECVTOS, { 0, 1, 1, 1 }, 0 },
	{ IPPROTO_IP, IP_FREEBIND, { 0, 1, 1, 1 }, 0 },
	{ IPPROTO_IP, IP_TRANSPARENT, { 0, 1, 1, 1 }, 0 },
	{ IPPROTO_IP, IP_RECVORIGDSTADDR, { 0, 1, 1, 1 }, 0 },
	{ IPPROTO_IP, IP_CHECKSUM, { 0, 1, 1, 1 }, 0 },
	{ IPPROTO_IP, IP_RECVFRAGSIZE, { 0, 1, 1, 1 }, 0 },
	{ IPPROTO_IP, 26 /* IP_RECVERR_RFC4884 */, { 0, 1, 1, 1 }, 0 },
	{ IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, { 0, 1, 1, 1 }, 0 },
	{ IPPROTO_IP, 51 /* its port range */, { 0, -0x60007000, 1, 7 }, 0 },
	{ IPPROTO_IP, IP_PASSSEC, { 0, 1, 1, 1 }, 0 },
	{ IPPROTO_IP, IP_UNICAST_IF, { 0, 1 << 24, 9 << 24, 1 }, 0 },
	{ IPPROTO_IP, IP_MULTICAST_TTL, { 0, 1, 5, 300 }, 0 },
	{ IPPROTO_IPV6, IPV6_ADDRFORM, { AF_INET, AF_INET6, AF_INET }, 0 },
	{ IPPROTO_IPV6, IPV6_2292HOPLIMIT, { 0, 1, 1, 1 }, 0 },
	{ IPPROTO_IPV6, IPV6_V6ONLY, { 0, 1, 0, 0 }, 0 },
	{ IPPROTO_IPV6, IPV6_UNICAST_HOPS, { 1, 64, -1, 300 }, 0 },
	{ IPPROTO_IPV6, IPV6_RECVERR, { 0, 1, 1, 1 }, 0 },
	{ IPPROTO_IPV6, IPV6_PKTINFO, { 0 }, 20 },
	{ IPPROTO_IPV6, IPV6_RECVHOPLIMIT, { 0, 1, 1, 1 }, 0 },
	{ IPPROTO_IPV6, IPV6_RECVRTHDR, { 0, 1, 1, 1 }, 0 },
	{ IPPROTO_IPV6, IPV6_RECVPATHMTU, { 0, 1, 1, 1 }, 0 },
	{ IPPROTO_IPV6, IPV6_MTU, { 1280, 1500, 9, 9 }, 0 },
	{ IPPROTO_IPV6, IPV6_DONTFRAG, { 0, 1, 1, 1 }, 0 },
	{ IPPROTO_IPV6, IPV6_RECVTCLASS, { 0, 1, 1, 1 }, 0 },
	{ IPPROTO_IPV6, IPV6_TCLASS, { 0, 8, -1, 300 }, 0 },
	{ IPPROTO_IPV6, 11 /* IPV6_FLOWINFO */, { 0, 1, 1, 1 }, 0 },
	{ IPPROTO_IPV6, 74 /* IPV6_RECVORIGDSTADDR */, { 0, 1, 1, 1 }, 0 },
	{ IPPROTO_IPV6, 31 /* IPV6_RECVERR_RFC4884 */, { 0, 1, 1, 1 }, 0 },
	{ IPPROTO_IPV6, IPV6_RECVHOPOPTS, { 0, 1, 1, 1 }, 0 },
	{ IPPROTO_IPV6, IPV6_RECVDSTOPTS, { 0, 1, 1, 1 }, 0 },
	{ IPPROTO_IPV6, IPV6_2292PKTOPTIONS, { 0, 1, 1, 1 }, 0 },
	{ IPPROTO_IPV6, 33 /* IPV6_FLOWINFO_SEND */, { 0, 1, 1, 1 }, 0 },
	{ IPPROTO_IPV6, 70 /* IPV6_AUTOFLOWLABEL */, { 0, 1, 1, 1 }, 0 },
	{ IPPROTO_IPV6, 76 /* _UNICAST_IF */, { 0, 1 << 24, 9 << 24, 1 }, 0 },
	{ IPPROTO_IPV6, 77 /* IPV6_RECVFRAGSIZE */, { 0, 1, 1, 1 }, 0 },
	{ IPPROTO_IPV6, 78 /* IPV6_FREEBIND */, { 0, 1, 1, 1 }, 0 },
	{ IPPROTO_UDP, UDP_CORK, { 0, 1, 0, 1 }, 0 },
	{ IPPROTO_UDP, 103 /* UDP_SEGMENT */, { 0, 5, 100, 1000 }, 0 },
	{ IPPROTO_UDP, 104 /* UDP_GRO */, { 0, 1, 1, 1 }, 0 },
	{ IPPROTO_UDP, UDP_NO_CHECK6_TX, { 0, 1, 1, 1 }, 0 },
	{ IPPROTO_UDP, UDP_NO_CHECK6_RX, { 0, 1, 1, 1 }, 0 },
	{ IPPROTO_TCP, 1, { 0, 1, 1, 1 }, 0 },
	{ 77, 77, { 0, 1, 1, 1 }, 0 },
};

/* How likely each option is drawn from the first ones, which are ours. */
#define OUR_OPTIONS 7

static void draw_option(struct call *call)
{
	const struct option *option =
		&options[once_in(4) ? pick(OUR_OPTIONS) : pick(COUNT(options))];

	call->a = option->level;
	call->b = option->name;
	call->value = option->values[pick(COUNT(option->values))];
	call->value_len = option->len ? option->len : (int)sizeof(int);
	if (once_in(6))
		call->value_len = ONE_OF(0, 1, 2, 3, 5, 8, 16, -1, -2);
	/* Whom an ICMP error reaches depends on the source of a reply. */
	if (second && call->what == CALL_setsockopt && call->a == SOL_SOCKET &&
	    call->b == SO_REUSEADDR)
		call->value = 0;
}

static void draw_socket(struct call *call)
{
	call->a = once_in(2) ? AF_INET : AF_INET6;
	call->b = SOCK_DGRAM;
	if (once_in(3))
		call->b |= SOCK_NONBLOCK;
	if (once_in(8))
		call->b |= SOCK_CLOEXEC;
	call->c = ONE_OF(0, 0, 0, IPPROTO_UDP, IPPROTO_UDPLITE);
	call->fd = new_fd(call->a == AF_INET ? UDP_V4 : UDP_V6);
	if (!once_in(6))
		return;
	if (call->fd < FIRST_FD + FDS)
		kinds[call->fd] = ANYTHING;
	call->a = ONE_OF(AF_INET, AF_INET6, AF_UNIX, AF_UNIX, 77);
	call->b = ONE_OF(SOCK_STREAM, SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, 9);
	call->c = ONE_OF(0, 0, IPPROTO_TCP, IPPROTO_UDP, 200);
}

static void closed(int fd)
{
	if (fd >= 0 && fd < FIRST_FD + FDS)
		kinds[fd] = CLOSED;
}

static void duplicated(int fd, int to)
{
	if (fd >= FIRST_FD && fd < FIRST_FD + FDS && to >= FIRST_FD &&
	    to < FIRST_FD + FDS && kinds[fd] != CLOSED)
		kinds[to] = kinds[fd];
}

static void draw_fd_call(struct call *call)
{
	call->fd = once_in(2) ? some_fd() : open_fd();
	switch (call->what) {
	case CALL_dup:
	case CALL_pass_fd:
		duplicated(call->fd, new_fd(ANYTHING));
		break;
	case CALL_dup2:
	case CALL_dup3:
		call->to = once_in(20) ? pick(20) - 1 : FIRST_FD + pick(FDS);
		call->flags = once_in(3) ? O_CLOEXEC : 0;
		duplicated(call->fd, call->to);
		break;
	case CALL_fcntl:
		call->a = ONE_OF(F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD,
				 F_GETFL, F_SETFL, F_GETOWN, 999);
		call->b = call->a == F_SETFL	       ? O_NONBLOCK
			  : call->a <= F_DUPFD_CLOEXEC ? pick(FDS)
						       : pick(2);
		if (call->a == F_DUPFD || call->a == F_DUPFD_CLOEXEC)
			duplicated(call->fd, new_fd(ANYTHING));
		break;
	case CALL_close_range:
		call->to = call->fd + pick(3) - (once_in(20) ? 2 : 0);
		call->flags = once_in(4) ? 4 : 0;
		for (int fd = call->fd; fd <= call->to && !call->flags; fd++)
			closed(fd);
		break;
	case CALL_closefrom:
		call->fd = FIRST_FD + FDS / 2 + pick(FDS);
		for (int fd = call->fd; fd < FIRST_FD + FDS; fd++)
			closed(fd);
		break;
	default:
		if (call->what != CALL_vfork_close)
			closed(call->fd);
	}
}

/* The socket calls draw their likelihoods from here. */
static const struct {
	enum what what;
	int weight;
} weights[] = {
	{ CALL_socket, 6 },	 { CALL_socketpair, 1 },
	{ CALL_pipe2, 1 },	 { CALL_bind, 7 },
	{ CALL_connect, 2 },	 { CALL_listen, 1 },
	{ CALL_accept, 1 },	 { CALL_accept4, 1 },
	{ CALL_shutdown, 1 },	 { CALL_recvfrom, 8 },
	{ CALL_recvmsg, 16 },	 { CALL_recvmmsg, 6 },
	{ CALL_recv, 2 },	 { CALL_read, 2 },
	{ CALL_readv, 2 },	 { CALL___recvfrom_chk, 2 },
	{ CALL___recv_chk, 1 },	 { CALL___read_chk, 1 },
	{ CALL_sendto, 16 },	 { CALL_sendmsg, 16 },
	{ CALL_sendmmsg, 6 },	 { CALL_send, 1 },
	{ CALL_write, 1 },	 { CALL_writev, 1 },
	{ CALL_setsockopt, 12 }, { CALL_getsockopt, 5 },
	{ CALL_getsockname, 1 }, { CALL_getpeername, 1 },
	{ CALL_close, 2 },	 { CALL_dup, 1 },
	{ CALL_dup2, 1 },	 { CALL_dup3, 1 },
	{ CALL_fcntl, 2 },	 { CALL_close_range, 1 },
	{ CALL_closefrom, 1 },	 { CALL_fclose, 1 },
	{ CALL_raw_close, 1 },	 { CALL_vfork_close, 1 },
	{ CALL_pass_fd, 1 },	 { CALL_interrupted_recv, 1 },
};

static enum what draw_what(void)
{
	int total = 0, at;

	for (size_t i = 0; i < COUNT(weights); i++)
		total += weights[i].weight;
	at = pick((size_t)total);
	for (size_t i = 0; i < COUNT(weights); i++) {
		at -= weights[i].weight;
		if (at < 0)
			return weights[i].what;
	}
	return CALL_recvmsg;
}

static void draw_call(struct call *call)
{
	call->fd = some_fd();
	call->via = once_in(6) ? (once_in(2) ? BY_ALIAS : BY_SYSCALL) : BY_NAME;
	switch (call->what) {
	case CALL_socket:
		draw_socket(call);
		break;
	case CALL_socketpair:
	case CALL_pipe2:
		call->a = AF_UNIX;
		call->b = once_in(2) ? SOCK_DGRAM : SOCK_STREAM;
		new_fd(ANYTHING);
		new_fd(ANYTHING);
		break;
	case CALL_bind:
	case CALL_connect:
		/* A connected socket refuses an answer from elsewhere. */
		if (call->what == CALL_connect && second)
			call->what = CALL_bind;
		call->messages[0].to = call->what == CALL_bind
					       ? to_bind(call->fd)
					       : to_ask(call->fd);
		break;
	case CALL_accept:
	case CALL_accept4:
		call->fd = open_fd();
		call->messages[0].name_room = ONE_OF(-1, 28, 16, 128, 3);
		call->flags = ONE_OF(0, SOCK_CLOEXEC, SOCK_NONBLOCK, 7);
		break;
	case CALL_listen:
		call->fd = open_fd();
		break;
	case CALL_getsockname:
	case CALL_getpeername:
		call->messages[0].name_room = ONE_OF(28, 28, 16, 128, 0, 3, -2);
		break;
	case CALL_shutdown:
		call->a = pick(4);
		break;
	case CALL_setsockopt:
	case CALL_getsockopt:
		draw_option(call);
		break;
	case CALL_recvmmsg:
		call->timeout = once_in(4) ? ONE_OF(0, 500, -2) : -1;
		draw_messages(call, MOST_MESSAGES, false);
		call->flags =
			receive_flags() | (once_in(4) ? MSG_WAITFORONE : 0);
		break;
	case CALL_sendmmsg:
		draw_messages(call, MOST_MESSAGES, true);
		call->flags = send_flags();
		break;
	default:
		if (call->what >= CALL_recvfrom &&
		    call->what <= CALL___read_chk) {
			draw_received(&call->messages[0]);
			call->flags = receive_flags();
			if (call->what == CALL_read ||
			    call->what == CALL_readv ||
			    call->what == CALL___read_chk)
				call->flags = 0;
		} else if (call->what >= CALL_sendto &&
			   call->what <= CALL_writev) {
			draw_sent(&call->messages[0], call->fd);
			call->flags = send_flags();
		} else if (call->what != CALL_interrupted_recv) {
			draw_fd_call(call);
		}
		call->message_count = 1;
	}
}

/* A server with some client, so that the other calls mean something. */
static int draw_pair(struct call *calls)
{
	enum kind kind = once_in(2) ? UDP_V4 : UDP_V6;
	int n = 0;

	for (int i = 0; i < 2; i++) {
		struct call *call = &calls[n++];

		call->what = CALL_socket;
		call->a = kind == UDP_V4 ? AF_INET : AF_INET6;
		call->b = SOCK_DGRAM | (once_in(2) ? SOCK_NONBLOCK : 0);
		call->fd = new_fd(kind);
		for (int options_left = pick(4); options_left; options_left--) {
			calls[n].what = CALL_setsockopt;
			calls[n].fd = call->fd;
			draw_option(&calls[n++]);
		}
		calls[n].what = CALL_bind;
		calls[n].fd = call->fd;
		calls[n++].messages[0].to = (struct place){
			.host = kind == UDP_V4 ? ANY_V4 : ANY_V6,
			.port = once_in(4) ? 0 : FIRST_PORT + i,
			.len = NATURAL,
		};
		/* Of clients some are not bound until they send. */
		if (i && once_in(2))
			n--;
	}
	return n;
}

void draw(uint64_t seed, struct sequence *sequence)
{
	int length;

	memset(sequence, 0, sizeof(*sequence));
	memset(kinds, 0, sizeof(kinds));
	sequence->seed = state = seed;
	sequence->second = second = once_in(4);
	length = 5 + pick(MOST_CALLS - 20);
	if (!once_in(10))
		sequence->count = draw_pair(sequence->calls);
	while (sequence->count < length) {
		struct call *call = &sequence->calls[sequence->count++];

		memset(call, 0, sizeof(*call));
		call->what = draw_what();
		draw_call(call);
	}
}
