/* SPDX-License-Identifier: MIT */
/*
 * An application whose libc calls can fail:
 *
 *     scenes SCENE 4|6
 *
 * Plays the scene once for each line of stdin, "CALL ERRNO LASTING", in a
 * process of its own: libc's CALLth call (0: none) fails with ERRNO.  Says in a
 * line what the program got of each of its calls, and behind a tab which calls
 * were made: "NAME STEP OWN CALLER" each.
 */
// NOLINTBEGIN(concurrency-mt-unsafe): it has one thread.
#include "fault.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PORT = 5300, SECONDS = 20, PATIENCE_MS = 20, KEPT = 4095 };

#define TRANSCRIPT_BYTES ((size_t)8192)

static struct fault_state *state;
static int family;

/* What the scene's program got. */
static char *transcript;

/* A call of the other side goes past everybody: by libc's own function. */
static long raw(long number, long a, long b, long c, long d, long e, long f)
{
	static __typeof__(&syscall) call;
	void *found;

	if (!call) {
		found = dlsym(dlopen("libc.so.6", RTLD_LAZY), "syscall");
		memcpy(&call, &found, sizeof(call));
	}
	return call(number, a, b, c, d, e, f);
}

__attribute__((format(printf, 1, 2))) static void note(const char *format, ...)
{
	const size_t used = strlen(transcript);
	va_list list;

	va_start(list, format);
	(void)vsnprintf(transcript + used, TRANSCRIPT_BYTES - used, format,
			list);
	va_end(list);
}

static void begin(const char *name, int fd, const void *mark)
{
	state->name = name;
	state->fd = fd;
	state->mark = mark;
	state->step++;
	errno = KEPT;
	state->is_on = true;
}

/* None is blocked or pending. */
static void note_signals(void)
{
	uint64_t blocked = 0, pending = 0;

	(void)raw(SYS_rt_sigprocmask, SIG_BLOCK, 0, (long)&blocked,
		  sizeof(blocked), 0, 0);
	(void)raw(SYS_rt_sigpending, (long)&pending, sizeof(pending), 0, 0, 0,
		  0);
	if (blocked || pending)
		note("signals %#llx, %#llx; ", (unsigned long long)blocked,
		     (unsigned long long)pending);
}

static long end(const char *name, long result)
{
	const int error = errno;

	state->is_on = false;
	if (result < 0)
		note("%s %s; ", name, strerrorname_np(error));
	else
		note("%s %ld%s; ", name, result, error == KEPT ? "" : " errno");
	note_signals();
	return result;
}

/* A call of the program: one that may fail. */
#define TRY(fd, mark, name, ...) \
	(begin(#name, (fd), (mark)), end(#name, name(__VA_ARGS__)))

union name {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static socklen_t name_bytes(void)
{
	return family == AF_INET ? sizeof(struct sockaddr_in)
				 : sizeof(struct sockaddr_in6);
}

static union name name_of(const char *address, int port)
{
	union name name = { 0 };

	name.any.sa_family = (sa_family_t)family;
	name.v4.sin_port = htons((in_port_t)port);
	if (family == AF_INET)
		(void)inet_pton(AF_INET, address, &name.v4.sin_addr);
	else
		(void)inet_pton(AF_INET6, address, &name.v6.sin6_addr);
	return name;
}

static const char *asked(void)
{
	return family == AF_INET ? "10.1.2.3" : "fd01:2::3";
}

static const char *own(void)
{
	return family == AF_INET ? "10.1.2.2" : "fd01:2::2";
}

static const char *any(void)
{
	return family == AF_INET ? "0.0.0.0" : "::";
}

static const char *text_of(const union name *name)
{
	static char text[INET6_ADDRSTRLEN];

	*text = '\0';
	if (name->any.sa_family == AF_INET)
		(void)inet_ntop(AF_INET, &name->v4.sin_addr, text,
				sizeof(text));
	if (name->any.sa_family == AF_INET6)
		(void)inet_ntop(AF_INET6, &name->v6.sin6_addr, text,
				sizeof(text));
	return text;
}

/* A socket, by nobody's hand. */
static int raw_socket(const char *address, int port)
{
	const union name name = name_of(address, port);
	const int fd = (int)raw(SYS_socket, family, SOCK_DGRAM | SOCK_NONBLOCK,
				0, 0, 0, 0);

	if (fd < 0 ||
	    raw(SYS_bind, fd, (long)&name, name_bytes(), 0, 0, 0) < 0) {
		perror("raw socket");
		exit(EXIT_FAILURE);
	}
	return fd;
}

static int client;

static void ask(const char *address, int port, const char *question)
{
	const union name name = name_of(address, port);

	(void)raw(SYS_sendto, client, (long)question, (long)strlen(question), 0,
		  (long)&name, name_bytes());
}

static bool is_there(int fd, long patience_ms)
{
	struct pollfd at = { .fd = fd, .events = POLLIN };
	struct timespec wait = { .tv_nsec = patience_ms * 1000000 };

	return raw(SYS_ppoll, (long)&at, 1, (long)&wait, 0, 0, 0) > 0;
}

/* What the client hears of a send that answered n, and from where. */
static void hear(long n)
{
	char data[64] = "";
	union name name = { 0 };
	socklen_t bytes = sizeof(name);
	long heard = -1;

	if (n >= 0 && is_there(client, PATIENCE_MS))
		heard = raw(SYS_recvfrom, client, (long)data, sizeof(data) - 1,
			    MSG_DONTWAIT, (long)&name, (long)&bytes);
	if (heard < 0)
		note("<nothing>; ");
	else
		note("<%s from %s>; ", data,
		     strcmp(text_of(&name), own()) == 0 ? "chosen" : "asked");
}

/* The program receives one, when there is one. */
static long take(int fd, union name *peer)
{
	static char data[64];
	socklen_t bytes = sizeof(*peer);
	long n;

	memset(data, 0, sizeof(data));
	memset(peer, 0, sizeof(*peer));
	(void)is_there(fd, PATIENCE_MS);
	n = TRY(fd, data, recvfrom, fd, data, sizeof(data) - 1, MSG_DONTWAIT,
		&peer->any, &bytes);
	if (n >= 0)
		note("(%s of %s, %u); ", data, text_of(peer), bytes);
	return n;
}

static long answer(int fd, const union name *peer, const char *data)
{
	const long n = TRY(fd, data, sendto, fd, data, strlen(data), 0,
			   &peer->any, name_bytes());

	hear(n);
	return n;
}

static int serve(int port)
{
	const union name name = name_of(any(), port);
	const int fd = (int)TRY(-1, NULL, socket, family, SOCK_DGRAM, 0);

	if (fd >= 0)
		TRY(fd, &name, bind, fd, &name.any, name_bytes());
	return fd;
}

static int port_of(int fd)
{
	union name name = { 0 };
	socklen_t bytes = sizeof(name);

	(void)raw(SYS_getsockname, fd, (long)&name, (long)&bytes, 0, 0, 0);
	return ntohs(name.v4.sin_port);
}

static void exchange(int fd)
{
	union name peer;

	ask(asked(), port_of(fd), "question");
	if (take(fd, &peer) >= 0)
		(void)answer(fd, &peer, "answer");
}

static void finish(int fd)
{
	if (fd >= 0)
		TRY(fd, NULL, close, fd);
}

static void play_plain(void)
{
	const int fd = serve(PORT);
	int other;

	exchange(fd);
	exchange(fd);
	other = (int)TRY(fd, NULL, dup, fd);
	finish(fd);
	exchange(other);
	finish(other);
}

/* With a log. */
static void play_logged(void)
{
	const int fd = serve(PORT);

	exchange(fd);
	finish(fd);
}

static void play_inherited(void)
{
	const int fd = raw_socket(any(), PORT);

	exchange(fd);
	exchange(fd);
	finish(fd);
}

/* A socket that somebody else switched on: by number is not how we would. */
static void play_options(void)
{
	const int fd = (int)TRY(-1, NULL, socket, family, SOCK_DGRAM, 0);
	const int level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
	const int name = family == AF_INET ? IP_PKTINFO : (int)IPV6_RECVPKTINFO;
	const union name local = name_of(any(), PORT);
	int value = 0, on = 1;
	socklen_t bytes = sizeof(value);
	struct ifreq device = { .ifr_name = "eth0" };

	TRY(fd, &on, setsockopt, fd, level, name, &on, sizeof(on));
	TRY(fd, &local, bind, fd, &local.any, name_bytes());
	for (on = 0; on < 2; on++) {
		if (TRY(fd, &value, getsockopt, fd, level, name, &value,
			&bytes) >= 0)
			note("(%d); ", value);
		exchange(fd);
		TRY(fd, &on, setsockopt, fd, level, name, &on, sizeof(on));
	}
	if (TRY(fd, &value, getsockopt, fd, SOL_SOCKET, SO_RCVLOWAT, &value,
		&bytes) >= 0)
		note("(%d); ", value);
	TRY(fd, &device, setsockopt, fd, SOL_SOCKET, SO_BINDTODEVICE, &device,
	    sizeof(device.ifr_name));
	exchange(fd);
	finish(fd);
}

enum { SMALL = 3, MEDIUM = 100, LARGE = 300 };

static void exchange_batch(int fd, unsigned int n)
{
	static struct mmsghdr msgs[LARGE];
	static struct iovec iovs[LARGE];
	static union name peers[LARGE];
	static char data[LARGE][32];
	long got;

	for (unsigned int i = 0; i < n; i++) {
		memset(data[i], 0, sizeof(data[i]));
		iovs[i] = (struct iovec){ data[i], sizeof(data[i]) - 1 };
		msgs[i].msg_hdr = (struct msghdr){
			.msg_name = &peers[i],
			.msg_namelen = sizeof(peers[i]),
			.msg_iov = &iovs[i],
			.msg_iovlen = 1,
		};
		if (i < SMALL)
			ask(asked(), PORT, "batch");
	}
	(void)is_there(fd, PATIENCE_MS);
	got = TRY(fd, data, recvmmsg, fd, msgs, n, MSG_DONTWAIT, NULL);
	for (long i = 0; i < got; i++) {
		note("(%s of %s, %u); ", data[i], text_of(&peers[i]),
		     msgs[i].msg_hdr.msg_namelen);
		iovs[i].iov_len = msgs[i].msg_len;
	}
	if (got > 0)
		got = TRY(fd, data, sendmmsg, fd, msgs,
			  n > SMALL ? n : (unsigned int)got, 0);
	for (long i = 0; i < got && i < SMALL; i++)
		hear(got);
}

/* An answer with more control messages than have room on our stack. */
static void exchange_laden(int fd)
{
	_Alignas(struct cmsghdr) char control[30 * CMSG_SPACE(sizeof(int))];
	const int hops = 64;
	const struct cmsghdr c = {
		.cmsg_len = CMSG_LEN(sizeof(hops)),
		.cmsg_level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6,
		.cmsg_type = family == AF_INET ? IP_TTL : IPV6_HOPLIMIT,
	};
	char data[32] = "";
	union name peer = { 0 };
	struct iovec iov = { data, sizeof(data) };
	struct msghdr msg = {
		.msg_name = &peer,
		.msg_namelen = sizeof(peer),
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	long n;

	memset(control, 0, sizeof(control));
	for (char *at = control; at < control + sizeof(control);
	     at += CMSG_SPACE(sizeof(hops))) {
		memcpy(at, &c, sizeof(c));
		memcpy(at + CMSG_LEN(0), &hops, sizeof(hops));
	}
	ask(asked(), PORT, "laden");
	(void)is_there(fd, PATIENCE_MS);
	n = TRY(fd, data, recvmsg, fd, &msg, MSG_DONTWAIT);
	if (n <= 0)
		return;
	iov.iov_len = (size_t)n;
	msg.msg_control = control;
	msg.msg_controllen = sizeof(control);
	hear(TRY(fd, data, sendmsg, fd, &msg, 0));
}

static void play_batches(void)
{
	const int fd = serve(PORT);

	exchange_laden(fd);

	exchange_batch(fd, SMALL);
	exchange_batch(fd, MEDIUM);
	exchange_batch(fd, LARGE);
	finish(fd);
}

static void watch(int epoll, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	(void)raw(SYS_epoll_ctl, epoll, EPOLL_CTL_ADD, fd, (long)&event, 0, 0);
}

static void count_events(int epoll)
{
	struct epoll_event event = { 0 };

	note("events %ld; ",
	     raw(SYS_epoll_pwait, epoll, (long)&event, 1, PATIENCE_MS, 0, 0));
}

/* Receives and sends without an address. */
static void converse(int fd)
{
	static char data[64] = "again";

	if (is_there(fd, 1)) {
		const long n = TRY(fd, data, recv, fd, data, sizeof(data) - 1,
				   MSG_DONTWAIT);
		if (n >= 0)
			note("(%s); ", data);
	}
	hear(TRY(fd, data, send, fd, data, strlen(data), 0));
	hear(TRY(fd, data, write, fd, data, strlen(data)));
}

static bool has_address(int fd)
{
	union name name = { 0 };
	socklen_t bytes = sizeof(name);

	return !raw(SYS_getsockname, fd, (long)&name, (long)&bytes, 0, 0, 0) &&
	       strcmp(text_of(&name), any()) != 0;
}

/* Where multicast comes from, whom it is connected to, and its port. */
static void note_socket(int fd)
{
	struct in_addr from = { 0 };
	union name peer = { 0 };
	socklen_t bytes = sizeof(from);

	if (!raw(SYS_getsockopt, fd, IPPROTO_IP, IP_MULTICAST_IF, (long)&from,
		 (long)&bytes, 0))
		note("multicast %#x; ", ntohl(from.s_addr));
	bytes = sizeof(peer);
	if (!raw(SYS_getpeername, fd, (long)&peer, (long)&bytes, 0, 0, 0))
		note("connected to %s of %s; ",
		     ntohs(peer.v4.sin_port) == port_of(client) ? "the port"
								: "a port",
		     text_of(&peer));
	/* The kernel names no peer whose port is 0, as a group's is. */
	else if (has_address(fd))
		note("half connected; ");
	note("port %s; ", port_of(fd) == PORT ? "as bound"
			  : port_of(fd)	      ? "another"
					      : "none");
}

/* Another server may have the port now. */
static void note_next_server(void)
{
	const union name name = name_of(any(), PORT);
	const int fd = (int)raw(SYS_socket, family, SOCK_DGRAM, 0, 0, 0, 0);

	note("next server %ld; ",
	     raw(SYS_bind, fd, (long)&name, name_bytes(), 0, 0, 0));
	(void)raw(SYS_close, fd, 0, 0, 0, 0, 0);
}

static void connect_to(int fd, const union name *peer)
{
	TRY(fd, peer, connect, fd, &peer->any, name_bytes());
	note_socket(fd);
}

/* To nobody, also when that fails: then it is connected to different names. */
static void disconnect(int fd)
{
	const union name nobody = { .any.sa_family = AF_UNSPEC };

	if (TRY(fd, &nobody, connect, fd, &nobody.any, sizeof(nobody.any)) < 0)
		(void)raw(SYS_connect, fd, (long)&nobody.any,
			  sizeof(nobody.any), 0, 0, 0);
	note_socket(fd);
}

/* A server that connects its socket. */
static void play_connected(void)
{
	const int epoll =
		(int)raw(SYS_epoll_create1, EPOLL_CLOEXEC, 0, 0, 0, 0, 0);
	const int fd = serve(PORT);
	union name peer;

	watch(epoll, fd);
	/* It is told of each datagram by a signal that is mostly ignored. */
	(void)raw(SYS_fcntl, fd, F_SETSIG, SIGURG, 0, 0, 0);
	(void)raw(SYS_fcntl, fd, F_SETOWN, getpid(), 0, 0, 0);
	(void)raw(SYS_fcntl, fd, F_SETFL, O_ASYNC, 0, 0, 0);
	ask(asked(), PORT, "first");
	ask(asked(), PORT, "second");
	if (take(fd, &peer) < 0)
		peer = name_of(own(), port_of(client));
	connect_to(fd, &peer);
	count_events(epoll);
	converse(fd);
	disconnect(fd);
	exchange(fd);
	finish(fd);
	note_next_server();
	(void)raw(SYS_close, epoll, 0, 0, 0, 0, 0);
}

/* The same, in a child. */
static void play_forked(void)
{
	const int fd = serve(PORT);
	union name peer;
	pid_t child;

	ask(asked(), PORT, "first");
	if (take(fd, &peer) < 0)
		peer = name_of(own(), port_of(client));
	child = fork();
	if (!child) {
		connect_to(fd, &peer);
		converse(fd);
		_exit(EXIT_SUCCESS);
	}
	(void)waitpid(child, NULL, 0);
	finish(fd);
}

/* The same, of a socket that has another fd. */
static void play_duplicated(void)
{
	const int fd = serve(PORT);
	const int other = (int)TRY(fd, NULL, dup, fd);
	union name peer;

	ask(asked(), PORT, "first");
	if (take(fd, &peer) < 0)
		peer = name_of(own(), port_of(client));
	connect_to(fd, &peer);
	converse(other);
	disconnect(fd);
	exchange(fd);
	finish(other);
	finish(fd);
	note_next_server();
}

/* What multicast comes from, by its address, or its interface's number. */
static void choose_multicast(int fd, bool by_number)
{
	struct ip_mreqn group = { 0 };

	if (by_number)
		group.imr_ifindex = (int)if_nametoindex("eth0");
	else
		(void)inet_pton(AF_INET, "10.1.2.2", &group.imr_address);
	TRY(fd, &group, setsockopt, fd, IPPROTO_IP, IP_MULTICAST_IF, &group,
	    sizeof(group));
}

/* The same, twice, of a socket that is bound to a device. */
static void play_device(void)
{
	const int fd = serve(PORT);
	struct ifreq device = { .ifr_name = "eth0" };
	union name peer;

	TRY(fd, &device, setsockopt, fd, SOL_SOCKET, SO_BINDTODEVICE, &device,
	    sizeof(device.ifr_name));
	choose_multicast(fd, true);
	ask(asked(), PORT, "first");
	if (take(fd, &peer) < 0)
		peer = name_of(own(), port_of(client));
	connect_to(fd, &peer);
	converse(fd);
	connect_to(fd, &peer);
	converse(fd);
	disconnect(fd);
	finish(fd);
	note_next_server();
}

static void alias(bool is_up)
{
	struct ifreq request = { .ifr_name = "lo:9" };
	struct sockaddr_in *addr = (struct sockaddr_in *)&request.ifr_addr;
	const int fd = (int)raw(SYS_socket, AF_INET, SOCK_DGRAM, 0, 0, 0, 0);

	addr->sin_family = AF_INET;
	(void)inet_pton(AF_INET, "10.9.9.9", &addr->sin_addr);
	if (!is_up)
		request.ifr_flags = 0;
	(void)raw(SYS_ioctl, fd, is_up ? SIOCSIFADDR : SIOCSIFFLAGS,
		  (long)&request, 0, 0, 0);
	(void)raw(SYS_close, fd, 0, 0, 0, 0, 0);
}

/* The same, twice, from an address that the kernel does not let it have. */
static void play_pinned(void)
{
	const int fd = serve(PORT);
	union name peer;

	choose_multicast(fd, false);
	alias(true);
	ask(family == AF_INET ? "10.9.9.9" : "2001:db8:9::7", PORT, "first");
	ask(asked(), PORT, "second");
	if (take(fd, &peer) < 0)
		peer = name_of(own(), port_of(client));
	alias(false);
	connect_to(fd, &peer);
	converse(fd);
	connect_to(fd, &peer);
	converse(fd);
	disconnect(fd);
	exchange(fd);
	finish(fd);
	note_next_server();
}

/* The same, of a port that the kernel chose. */
static void play_ephemeral(void)
{
	const union name nobody = { .any.sa_family = AF_UNSPEC };
	const int fd = serve(0);
	union name peer;

	ask(asked(), port_of(fd), "first");
	if (take(fd, &peer) < 0)
		peer = name_of(own(), port_of(client));
	connect_to(fd, &peer);
	hear(TRY(fd, "pong", send, fd, "pong", 4, 0));
	/* After a connect that came to nothing half way its port is its own. */
	TRY(fd, &nobody, connect, fd, &nobody.any, sizeof(nobody.any));
	finish(fd);
}

/* Servers that answer from a new socket, connected or not. */
static void play_new(void)
{
	const int fd = serve(PORT);
	union name peer;
	int next;

	ask(asked(), PORT, "first");
	if (take(fd, &peer) < 0)
		peer = name_of(own(), port_of(client));
	next = (int)TRY(-1, NULL, socket, family, SOCK_DGRAM, 0);
	/* A real failure would have bound it. */
	if (answer(next, &peer, "from a new one") >= 0)
		exchange(next);
	finish(next);
	ask(asked(), PORT, "second");
	(void)take(fd, &peer);
	next = (int)TRY(-1, NULL, socket, family, SOCK_DGRAM, 0);
	connect_to(next, &peer);
	converse(next);
	disconnect(next);
	finish(next);
	finish(fd);
}

/* The address that was asked is taken away before the answer. */
static void play_gone(void)
{
	const int fd = serve(PORT);
	union name peer;

	if (family != AF_INET)
		return;
	alias(true);
	ask("10.9.9.9", PORT, "first");
	ask("10.9.9.9", PORT, "second");
	(void)take(fd, &peer);
	alias(false);
	(void)answer(fd, &peer, "from elsewhere");
	(void)take(fd, &peer);
	(void)answer(fd, &peer, "from elsewhere again");
	exchange(fd);
	finish(fd);
}

static const struct {
	const char *name;
	void (*play)(void);
} scenes[] = {
	{ "plain", play_plain },
	{ "syslogged", play_logged },
	{ "inherited", play_inherited },
	{ "options", play_options },
	{ "batches", play_batches },
	{ "connected", play_connected },
	{ "ephemeral", play_ephemeral },
	{ "new", play_new },
	{ "gone", play_gone },
	{ "forked", play_forked },
	{ "duplicated", play_duplicated },
	{ "device", play_device },
	{ "pinned", play_pinned },
};

static int open_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 64; fd++)
		n += raw(SYS_fcntl, fd, F_GETFD, 0, 0, 0, 0) >= 0;
	return n;
}

static _Noreturn void play(void (*scene)(void))
{
	int before;

	(void)alarm(SECONDS);
	client = raw_socket(own(), 0);
	before = open_fds();
	scene();
	note("%d fds more", open_fds() - before);
	/* Not _exit: the coverage is written then. */
	exit(EXIT_SUCCESS);
}

static void print_calls(void)
{
	for (unsigned int i = 0; i < state->count; i++) {
		const struct fault_call *call = &state->calls[i];
		Dl_info library = { 0 };
		uintptr_t at = 0;

		/* An address of ours names a line; another's does not matter.
		 */
		// NOLINTNEXTLINE(performance-no-int-to-ptr)
		if (dladdr((void *)call->caller, &library) &&
		    strstr(library.dli_fname, "libreplyfrom"))
			at = call->caller - (uintptr_t)library.dli_fbase;
		printf("%s%s %u %d %lx", i ? "," : "", call->name, call->step,
		       call->is_own, (unsigned long)at);
	}
	printf("\n");
	if (fflush(stdout))
		exit(EXIT_FAILURE);
}

/* What a line of stdin says. */
struct fault_order {
	unsigned int at;
	int error;
	int lasting;
};

static bool read_order(struct fault_order *order)
{
	char line[64];

	if (!fgets(line, sizeof(line), stdin))
		return false;
	// NOLINTNEXTLINE(cert-err34-c): tests/faults/injected wrote it
	return sscanf(line, "%u %d %d", &order->at, &order->error,
		      &order->lasting) == 3;
}

static void play_with(void (*scene)(void), const struct fault_order *order)
{
	int status;
	pid_t child;

	*transcript = '\0';
	state->count = 0;
	state->step = 0;
	state->at = order->at;
	state->error = order->error;
	state->is_lasting = order->lasting;
	state->lasting = NULL;
	child = fork();
	if (!child)
		play(scene);
	if (child < 0 || waitpid(child, &status, 0) != child)
		exit(EXIT_FAILURE);
	printf("%s%s\t", transcript, status ? " ENDED BY A SIGNAL" : "");
	print_calls();
}

static void *shared(size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		exit(EXIT_FAILURE);
	return at;
}

int main(int argc, char **argv)
{
	struct fault_state **found = dlsym(RTLD_DEFAULT, "fault_state");
	struct fault_order order;

	if (argc != 3 || !found)
		return EXIT_FAILURE;
	*found = state = shared(sizeof(*state));
	transcript = shared(TRANSCRIPT_BYTES);
	family = *argv[2] == '4' ? AF_INET : AF_INET6;
	for (size_t i = 0; i < sizeof(scenes) / sizeof(*scenes); i++) {
		if (strcmp(scenes[i].name, argv[1]) != 0)
			continue;
		while (read_order(&order))
			play_with(scenes[i].play, &order);
		return EXIT_SUCCESS;
	}
	return EXIT_FAILURE;
}
// NOLINTEND(concurrency-mt-unsafe)
