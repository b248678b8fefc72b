/* SPDX-License-Identifier: MIT */
/*
 * A socket that is bound to a port by number cannot be bound again, so another
 * one takes its place.  Nobody else can: SO_REUSEPORT, unlike SO_REUSEADDR,
 * lets only sockets of the same user share a port (socket(7)).
 */
#include "state/replace.h"

#include "base/lock.h"
#include "base/name_calls.h"
#include "base/option.h"
#include "base/real.h"
#include "base/scratch.h"
#include "common/name.h"
#include "state/carry.h"
#include "state/pktinfo.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

/* The largest datagram there is, with what goes with it. */
#define PAYLOAD_BYTES ((size_t)65536)
#define CONTROL_BYTES 1024
#define OPTION_BYTES 256
/* A flood must not keep us here: so many are carried at a time. */
#define MOST_AT_A_TIME 65536
/* A busy kernel leaves what loopback has to deliver for a while. */
#define LOOPBACK_NS 10000000
/* Longer than a processor needs from choosing a socket to queueing there. */
#define LATE_NS 20000

struct option {
	int level;
	int name;
};

/*
 * What can be read back and set.  Numbers for those that libc's headers, or the
 * oldest that we are built on, lack.  First those that bind(2) looks at.
 */
static const struct option options[] = {
	{ IPPROTO_IPV6, IPV6_V6ONLY },
	{ SOL_SOCKET, SO_REUSEADDR },
	{ IPPROTO_IP, IP_FREEBIND },
	{ IPPROTO_IPV6, 78 }, /* IPV6_FREEBIND */
	{ IPPROTO_IP, IP_TRANSPARENT },
	{ IPPROTO_IPV6, IPV6_TRANSPARENT },
	{ SOL_SOCKET, SO_BROADCAST },
	{ SOL_SOCKET, SO_DONTROUTE },
	{ SOL_SOCKET, SO_KEEPALIVE },
	{ SOL_SOCKET, SO_LINGER },
	{ SOL_SOCKET, SO_OOBINLINE },
	{ SOL_SOCKET, SO_PRIORITY },
	{ SOL_SOCKET, SO_MARK },
	{ SOL_SOCKET, SO_RCVTIMEO },
	{ SOL_SOCKET, SO_SNDTIMEO },
	{ SOL_SOCKET, SO_RCVLOWAT },
	{ SOL_SOCKET, SO_TIMESTAMP },
	{ SOL_SOCKET, SO_TIMESTAMPNS },
	{ SOL_SOCKET, SO_TIMESTAMPING },
	{ SOL_SOCKET, SO_RXQ_OVFL },
	{ SOL_SOCKET, SO_NO_CHECK },
	{ SOL_SOCKET, SO_BUSY_POLL },
	{ SOL_SOCKET, SO_SELECT_ERR_QUEUE },
	{ SOL_SOCKET, SO_MAX_PACING_RATE },
	{ SOL_SOCKET, SO_PEEK_OFF },
	{ SOL_SOCKET, 60 }, /* SO_ZEROCOPY */
	{ SOL_SOCKET, 61 }, /* SO_TXTIME */
	{ SOL_SOCKET, 75 }, /* SO_RCVMARK */
	{ IPPROTO_IP, IP_TOS },
	{ IPPROTO_IP, IP_TTL },
	{ IPPROTO_IP, IP_MINTTL },
	{ IPPROTO_IP, IP_OPTIONS },
	{ IPPROTO_IP, IP_PKTINFO },
	{ IPPROTO_IP, IP_RECVTTL },
	{ IPPROTO_IP, IP_RECVTOS },
	{ IPPROTO_IP, IP_RECVOPTS },
	{ IPPROTO_IP, IP_RETOPTS },
	{ IPPROTO_IP, IP_RECVERR },
	{ IPPROTO_IP, IP_RECVORIGDSTADDR },
	{ IPPROTO_IP, IP_PASSSEC },
	{ IPPROTO_IP, IP_CHECKSUM },
	{ IPPROTO_IP, 25 }, /* IP_RECVFRAGSIZE */
	{ IPPROTO_IP, 26 }, /* IP_RECVERR_RFC4884 */
	{ IPPROTO_IP, IP_MTU_DISCOVER },
	{ IPPROTO_IP, IP_MULTICAST_TTL },
	{ IPPROTO_IP, IP_MULTICAST_LOOP },
	{ IPPROTO_IP, IP_MULTICAST_ALL },
	{ IPPROTO_IP, IP_MULTICAST_IF },
	{ IPPROTO_IP, IP_UNICAST_IF },
	{ IPPROTO_IPV6, IPV6_UNICAST_HOPS },
	{ IPPROTO_IPV6, IPV6_MULTICAST_HOPS },
	{ IPPROTO_IPV6, IPV6_MULTICAST_LOOP },
	{ IPPROTO_IPV6, 29 }, /* IPV6_MULTICAST_ALL */
	{ IPPROTO_IPV6, IPV6_MULTICAST_IF },
	{ IPPROTO_IPV6, IPV6_RECVPKTINFO },
	{ IPPROTO_IPV6, IPV6_2292PKTINFO },
	{ IPPROTO_IPV6, IPV6_RECVHOPLIMIT },
	{ IPPROTO_IPV6, IPV6_2292HOPLIMIT },
	{ IPPROTO_IPV6, IPV6_RECVTCLASS },
	{ IPPROTO_IPV6, IPV6_TCLASS },
	{ IPPROTO_IPV6, IPV6_RECVRTHDR },
	{ IPPROTO_IPV6, IPV6_RECVHOPOPTS },
	{ IPPROTO_IPV6, IPV6_RECVDSTOPTS },
	{ IPPROTO_IPV6, IPV6_RECVPATHMTU },
	{ IPPROTO_IPV6, IPV6_RECVERR },
	{ IPPROTO_IPV6, 31 }, /* IPV6_RECVERR_RFC4884 */
	{ IPPROTO_IPV6, 74 }, /* IPV6_RECVORIGDSTADDR */
	{ IPPROTO_IPV6, 77 }, /* IPV6_RECVFRAGSIZE */
	{ IPPROTO_IPV6, IPV6_MTU_DISCOVER },
	{ IPPROTO_IPV6, IPV6_DONTFRAG },
	{ IPPROTO_IPV6, IPV6_AUTOFLOWLABEL },
	{ IPPROTO_IPV6, IPV6_ADDR_PREFERENCES },
	{ IPPROTO_IPV6, 33 },	 /* IPV6_FLOWINFO_SEND */
	{ IPPROTO_IPV6, 11 },	 /* IPV6_FLOWINFO */
	{ IPPROTO_IPV6, 76 },	 /* IPV6_UNICAST_IF */
	{ IPPROTO_UDP, 100 },	 /* UDP_ENCAP */
	{ IPPROTO_UDP, 101 },	 /* UDP_NO_CHECK6_TX */
	{ IPPROTO_UDP, 102 },	 /* UDP_NO_CHECK6_RX */
	{ IPPROTO_UDP, 103 },	 /* UDP_SEGMENT */
	{ IPPROTO_UDP, 104 },	 /* UDP_GRO */
	{ IPPROTO_UDPLITE, 10 }, /* UDPLITE_SEND_CSCOV */
	{ IPPROTO_UDPLITE, 11 }, /* UDPLITE_RECV_CSCOV */
};

counter replace_count;

/* What belongs to the file, and who gets its signals.  fcntl(2). */
struct file_flags {
	int status;
	int descriptor;
	int signal;
	struct f_owner_ex owner;
};

/* What a replacement is made of. */
struct replacement {
	int fd;
	int next;    /* the socket that takes its place */
	int carrier; /* sends it what waits, or -1 */
	struct sock *sock;
	int family;
	int protocol;
	const struct sockaddr_in6 *name;
	const struct sockaddr *peer;
	enum sock_mode mode;
	int buffer_bytes;  /* SO_RCVBUF as the application knows it */
	bool is_inherited; /* by a fork: whoever forked us may still listen */
	struct file_flags flags;
	struct sockaddr_in6 former; /* its peer before, or AF_UNSPEC */
};

static void copy_option(int from, int to, int level, int name)
{
	char theirs[OPTION_BYTES], ours[OPTION_BYTES];
	socklen_t their_len = sizeof(theirs), our_len = sizeof(ours);

	if (real.getsockopt(from, level, name, theirs, &their_len))
		return;
	if (!real.getsockopt(to, level, name, ours, &our_len) &&
	    our_len == their_len && !memcmp(ours, theirs, our_len))
		return;
	real.setsockopt(to, level, name, theirs, their_len);
}

/* SO_SNDBUF and SO_RCVBUF are told twice as large as they were set. */
static void copy_buffer(int to, int name, int forced_name, int doubled)
{
	if (!option_set(to, SOL_SOCKET, forced_name, doubled / 2))
		option_set(to, SOL_SOCKET, name, doubled / 2);
}

static void copy_options(int from, int to)
{
	int doubled;

	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
		copy_option(from, to, options[i].level, options[i].name);
	if (option_get(from, SOL_SOCKET, SO_SNDBUF, &doubled))
		copy_buffer(to, SO_SNDBUF, SO_SNDBUFFORCE, doubled);
}

static bool read_flags(int fd, struct file_flags *flags)
{
	flags->status = real.fcntl(fd, F_GETFL);
	flags->descriptor = real.fcntl(fd, F_GETFD);
	flags->signal = real.fcntl(fd, F_GETSIG);
	return flags->status >= 0 && flags->descriptor >= 0 &&
	       flags->signal >= 0 &&
	       !real.fcntl(fd, F_GETOWN_EX, &flags->owner);
}

/* Not yet for signals, of which one that is not chosen may end the program. */
static bool copy_flags(int to, const struct file_flags *flags)
{
	return !real.fcntl(to, F_SETFL, flags->status & ~O_ASYNC) &&
	       (!flags->signal || !real.fcntl(to, F_SETSIG, flags->signal)) &&
	       (!flags->owner.pid ||
		!real.fcntl(to, F_SETOWN_EX, &flags->owner));
}

/* A signal tells the number that its file had when it was asked for. */
static void ask_for_signals(int fd, const struct file_flags *flags)
{
	if (flags->status & O_ASYNC)
		real.fcntl(fd, F_SETFL, flags->status);
}

/* Both share the port for this moment. */
static bool bind_beside(const struct replacement *r)
{
	int before = 0;
	bool bound;

	if (!option_get(r->fd, SOL_SOCKET, SO_REUSEPORT, &before))
		return false;
	bound = option_set(r->fd, SOL_SOCKET, SO_REUSEPORT, 1) &&
		option_set(r->next, SOL_SOCKET, SO_REUSEPORT, 1) &&
		name_bind(r->next, r->name);
	option_set(r->fd, SOL_SOCKET, SO_REUSEPORT, before);
	option_set(r->next, SOL_SOCKET, SO_REUSEPORT, before);
	return bound;
}

static bool connect_to_peer(const struct replacement *r, int fd)
{
	return !r->peer ||
	       !real.connect(fd, r->peer, name_length(r->peer->sa_family));
}

/* Within that time, or until a signal comes. */
static bool is_readable(int fd, long wait_ns)
{
	struct pollfd at = { .fd = fd, .events = POLLIN };
	const struct timespec wait = { .tv_nsec = wait_ns };

	return ppoll(&at, 1, &wait, NULL) == 1 && (at.revents & POLLIN);
}

bool replace_preview(int fd, const struct sockaddr *peer,
		     struct sockaddr_in6 *name)
{
	int saved = errno, family = 0, protocol = 0, other;
	bool connected;

	option_get(fd, SOL_SOCKET, SO_DOMAIN, &family);
	option_get(fd, SOL_SOCKET, SO_PROTOCOL, &protocol);
	other = real.socket(family, SOCK_DGRAM | SOCK_CLOEXEC, protocol);
	if (other < 0) {
		errno = saved;
		return false;
	}
	copy_options(fd, other);
	connected = !real.connect(other, peer, name_length(peer->sa_family)) &&
		    name_read(other, name);
	real.close(other);
	errno = saved;
	return connected;
}

/*
 * Whether it has what could not be given to another socket: a filter, or what a
 * cork holds back.
 */
static bool is_peculiar(int fd)
{
	socklen_t instructions = 0;
	int corked = 0;

	return (option_get(fd, IPPROTO_UDP, UDP_CORK, &corked) && corked) ||
	       (!real.getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, NULL,
				 &instructions) &&
		instructions);
}

/*
 * Whether the peer can be connected to, from that address.  By another socket:
 * once connected, the next one would hear nobody else, in IPv6 not even after
 * AF_UNSPEC.
 */
static bool is_connectable(const struct replacement *r)
{
	int fd = real.socket(r->family, SOCK_DGRAM | SOCK_CLOEXEC, r->protocol);
	struct sockaddr_in6 name = *r->name;
	bool connectable;

	if (fd < 0)
		return false;
	copy_options(r->fd, fd);
	/* Both families keep the port at the same place. */
	name.sin6_port = 0;
	connectable = name_bind(fd, &name) && connect_to_peer(r, fd);
	real.close(fd);
	return connectable;
}

static bool open_next(struct replacement *r)
{
	if (is_peculiar(r->fd) ||
	    !option_get(r->fd, SOL_SOCKET, SO_PROTOCOL, &r->protocol) ||
	    !read_flags(r->fd, &r->flags) || !is_connectable(r))
		return false;
	r->next =
		real.socket(r->family, SOCK_DGRAM | SOCK_CLOEXEC, r->protocol);
	if (r->next < 0)
		return false;
	copy_options(r->fd, r->next);
	if (r->mode == SOCK_FOLLOWED)
		sock_disarm(r->next, r->sock);
	else
		sock_arm(r->next, r->sock);
	return copy_flags(r->next, &r->flags) && bind_beside(r);
}

static void close_one(int fd)
{
	if (fd >= 0)
		real.close(fd);
}

/* Over loopback, whatever its address, and the wildcard as well. */
static bool connect_to_next(const struct replacement *r, int fd)
{
	struct sockaddr_in6 name;

	return name_read(r->next, &name) && name_connect(fd, &name);
}

static bool open_carrier(struct replacement *r)
{
	struct sockaddr_in6 name;

	r->carrier =
		real.socket(r->family, SOCK_DGRAM | SOCK_CLOEXEC, r->protocol);
	if (r->carrier < 0 || !connect_to_next(r, r->carrier))
		return false;
	return name_read(r->carrier, &name) &&
	       carry_begin(r->sock, (struct sockaddr *)&name,
			   name_length(name.sin6_family));
}

/* Takes one from the queue, or looks at it.  Negative: there is none. */
static ssize_t take(const struct replacement *r, void *memory,
		    struct msghdr *msg, int flags)
{
	struct iovec *iov = msg->msg_iov;
	ssize_t n = -1;

	iov->iov_base = memory;
	iov->iov_len = PAYLOAD_BYTES;
	/* Twice, for a pending error is told first, and once. */
	for (int i = 0; i < 2 && n < 0; i++) {
		msg->msg_namelen = sizeof(struct sockaddr_in6);
		msg->msg_controllen = CONTROL_BYTES;
		n = real.recvmsg(r->fd, msg, MSG_DONTWAIT | flags);
	}
	return n;
}

/* Sends one on, with the word of whose it is. */
static bool carry_one(struct replacement *r, const void *payload, ssize_t n,
		      struct msghdr *msg)
{
	struct local local = { .family = AF_UNSPEC };
	ssize_t sent = -1;

	if (!carry_unveil(r->sock, msg, &local, false))
		pktinfo_read(msg, &local);
	/* Twice, for a pending error is told first, and once. */
	for (int i = 0; i < 2 && sent < 0; i++)
		sent = real.send(r->carrier, payload, (size_t)n, 0);
	if (sent < 0)
		return false;
	/* Not before: without its datagram it would be the next one's. */
	carry_add(r->sock, msg->msg_name, msg->msg_namelen, &local);
	return true;
}

/* Whether the first one, which was only looked at, is in the next queue. */
static bool carry_first(struct replacement *r, const void *payload, ssize_t n,
			struct msghdr *msg)
{
	if (!open_carrier(r))
		return false;
	if (carry_one(r, payload, n, msg) && is_readable(r->next, LOOPBACK_NS))
		return true;
	carry_undo(r->sock);
	return false;
}

/*
 * Carries what waits.  The first is taken from the queue only once it is in the
 * next one: if loopback does not work here, nothing is lost.
 */
static int carry_queue(void *memory, void *context)
{
	_Alignas(struct cmsghdr) char control[CONTROL_BYTES];
	struct sockaddr_in6 name;
	struct iovec iov;
	struct msghdr msg = {
		.msg_name = &name,
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
	};
	struct replacement *r = context;
	ssize_t n;

	if (!memory)
		return -1;
	for (int i = 0; i < MOST_AT_A_TIME; i++) {
		if (r->carrier < 0) {
			n = take(r, memory, &msg, MSG_PEEK);
			if (n < 0)
				return errno == EAGAIN ? 0 : -1;
			if (!carry_first(r, memory, n, &msg)) {
				close_one(r->carrier);
				r->carrier = -1;
				return -1;
			}
			take(r, memory, &msg, 0);
		} else {
			n = take(r, memory, &msg, 0);
			if (n < 0)
				return 0;
			carry_one(r, memory, n, &msg);
		}
	}
	return 0;
}

/* Makes sure that the queue of the next socket takes all that waits. */
static void widen(struct replacement *r)
{
	if (!option_get(r->fd, SOL_SOCKET, SO_RCVBUF, &r->buffer_bytes))
		return;
	if (!option_set(r->next, SOL_SOCKET, SO_RCVBUFFORCE, r->buffer_bytes))
		option_set(r->next, SOL_SOCKET, SO_RCVBUF, r->buffer_bytes);
}

static bool move_queue(struct replacement *r)
{
	widen(r);
	return scratch_with(PAYLOAD_BYTES, carry_queue, r) == 0;
}

/* Registrations in epoll sets. */

#define WATCHES 256

struct watch {
	bool is_used;
	int epoll;
	int fd;
	struct epoll_event event;
};

/* Guards `watches`.  A leaf. */
static struct lock lock;
static struct watch watches[WATCHES];
static uint32_t last_watch;
static _Atomic bool watches_lost; /* there were more */

static struct watch *find_watch(int epoll, int fd)
{
	for (struct watch *w = watches; w < watches + WATCHES; w++)
		if (w->is_used && w->epoll == epoll && w->fd == fd)
			return w;
	return NULL;
}

static struct watch *free_watch(void)
{
	for (struct watch *w = watches; w < watches + WATCHES; w++)
		if (!w->is_used)
			return w;
	atomic_store(&watches_lost, true);
	return &watches[last_watch++ % WATCHES];
}

void replace_note_epoll(int epoll, int operation, int fd,
			const struct epoll_event *event)
{
	struct watch *w;

	if (lock_take(&lock) == LOCK_REFUSED)
		return;
	w = find_watch(epoll, fd);
	if (operation == EPOLL_CTL_DEL) {
		if (w)
			w->is_used = false;
	} else if (event) {
		if (!w)
			w = free_watch();
		*w = (struct watch){ .is_used = true,
				     .epoll = epoll,
				     .fd = fd,
				     .event = *event };
	}
	lock_release(&lock);
}

/* Copies the nth registration of fd; false: there are no more. */
static bool nth_watch(uint32_t *n, int fd, struct watch *watch)
{
	bool found = false;

	if (lock_take(&lock) == LOCK_REFUSED)
		return false;
	for (; *n < WATCHES && !found; ++*n) {
		found = watches[*n].is_used && watches[*n].fd == fd;
		if (found)
			*watch = watches[*n];
	}
	lock_release(&lock);
	return found;
}

/* What is no longer registered, its set closed or another's by now. */
static void forget_stale_watches(int fd)
{
	struct watch w;
	uint32_t n = 0;

	while (nth_watch(&n, fd, &w))
		if (real.epoll_ctl(w.epoll, EPOLL_CTL_MOD, fd, &w.event) &&
		    (errno == EBADF || errno == ENOENT))
			replace_note_epoll(w.epoll, EPOLL_CTL_DEL, fd, NULL);
}

/*
 * Registers the next one by its own number, deaf: there may be no memory for
 * that, or no more watches, and then the socket must stay.
 */
static bool prepare_watches(const struct replacement *r)
{
	struct watch w;
	uint32_t n = 0;

	forget_stale_watches(r->fd);
	while (nth_watch(&n, r->fd, &w)) {
		w.event.events = 0;
		if (!real.epoll_ctl(w.epoll, EPOLL_CTL_ADD, r->next, &w.event))
			continue;
		/* That number is no set's any more. */
		if (errno != EINVAL)
			return false;
		replace_note_epoll(w.epoll, EPOLL_CTL_DEL, r->fd, NULL);
	}
	return true;
}

/* By the number that the application knows, or else as it was prepared. */
static void renew_watches(const struct replacement *r)
{
	struct watch w;
	uint32_t n = 0;

	while (nth_watch(&n, r->fd, &w)) {
		if (!real.epoll_ctl(w.epoll, EPOLL_CTL_ADD, r->fd, &w.event)) {
			real.epoll_ctl(w.epoll, EPOLL_CTL_DEL, r->next, NULL);
			continue;
		}
		w.event.events &= ~(uint32_t)EPOLLEXCLUSIVE;
		real.epoll_ctl(w.epoll, EPOLL_CTL_MOD, r->next, &w.event);
	}
}

/* The next socket does not become fd, which is connected as it was before. */
static void resume(const struct replacement *r)
{
	if (!r->former.sin6_family || !name_connect(r->fd, &r->former))
		name_disconnect(r->fd);
}

/* The next socket does not become fd: gives back what it has been sent. */
static void carry_back(const struct replacement *r)
{
	struct replacement back = {
		.fd = r->next,
		.next = r->fd,
		.carrier = -1,
		.sock = r->sock,
		.family = r->family,
		.protocol = r->protocol,
	};
	struct sockaddr_in6 any;

	name_disconnect(r->fd);
	/* In IPv6 it hears whom it was connected to last: loopback, then. */
	if (name_read(r->fd, &any) && name_connect(r->fd, &any))
		name_disconnect(r->fd);
	(void)scratch_with(PAYLOAD_BYTES, carry_queue, &back);
	close_one(back.carrier);
	resume(r);
}

/*
 * The next socket becomes fd.  First the one before is made deaf to all but the
 * next, so that what comes now goes there; what has come is carried as well,
 * and what another processor is just about to queue here.  Not if another
 * process may have it: that goes on to hear everybody.
 */
static bool switch_over(struct replacement *r)
{
	const bool is_cloexec = r->flags.descriptor & FD_CLOEXEC;
	socklen_t len = sizeof(r->former);

	if (getpeername(r->fd, (struct sockaddr *)&r->former, &len))
		r->former.sin6_family = AF_UNSPEC;
	if (!r->is_inherited) {
		connect_to_next(r, r->fd);
		is_readable(r->fd, LATE_NS);
	}
	if (scratch_with(PAYLOAD_BYTES, carry_queue, r) && r->carrier < 0) {
		resume(r);
		return false;
	}
	copy_buffer(r->next, SO_RCVBUF, SO_RCVBUFFORCE, r->buffer_bytes);
	if (!connect_to_peer(r, r->next) ||
	    real.dup3(r->next, r->fd, is_cloexec ? O_CLOEXEC : 0) < 0) {
		carry_back(r);
		return false;
	}
	ask_for_signals(r->fd, &r->flags);
	renew_watches(r);
	return true;
}

bool replace_socket(int fd, struct sock *sock, const struct sockaddr_in6 *name,
		    const struct sockaddr *peer, enum sock_mode mode)
{
	struct replacement r = {
		.fd = fd,
		.next = -1,
		.carrier = -1,
		.sock = sock,
		.family = atomic_load(&sock->family),
		.name = name,
		.peer = peer,
		.mode = mode,
		.is_inherited = sock_is_inherited(sock),
	};
	int saved = errno;
	bool done = !atomic_load(&watches_lost) && open_next(&r) &&
		    prepare_watches(&r) && move_queue(&r) && switch_over(&r);
	close_one(r.next);
	close_one(r.carrier);
	if (done)
		atomic_fetch_add(&replace_count, 1);
	errno = saved;
	return done;
}
