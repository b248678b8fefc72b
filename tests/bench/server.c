/* SPDX-License-Identifier: MIT */
/*
 * The echo servers that are measured:
 *
 *     server WAY LAYOUT[:COUNT] WARM-UP REQUESTS [ADDRESS...]
 *
 * WAY:    naive     recvfrom and sendto
 *         pktinfo   recvmsg, IP_PKTINFO and sendmsg, written by hand
 * LAYOUT: single    one thread, one socket; COUNT more sockets are idle
 *         batch     the same by recvmmsg and sendmmsg
 *         each      one thread, a socket bound to each ADDRESS
 *         sharers   COUNT threads, a socket to one port (SO_REUSEPORT) each
 *         pool      four threads receive and four answer, on one socket
 *
 * It says its port.  When it has answered about WARM-UP requests, and then
 * about REQUESTS more, it says what those cost, and stops.
 */
#include "../e2e/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { BYTES = 64, BATCH = 32, POOL = 4, MOST_THREADS = 64, WAITING = 256 };
enum { MOST_ADDRESSES = 16, CACHE_LINE = 64 };

struct request {
	char data[BYTES];
	size_t bytes;
	struct sockaddr_in peer;
	size_t control_bytes;
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(
		sizeof(struct in_pktinfo))];
};

struct way {
	const char *name;
	bool (*receive)(int fd, struct request *request, int flags);
	void (*answer)(int fd, struct request *request);
	bool pktinfo;
};

struct layout {
	const char *name;
	void (*run)(void);
	unsigned int answering; /* threads; 0: COUNT */
};

/* Written by one thread each, and read by the first. */
struct tally {
	_Alignas(CACHE_LINE) _Atomic uint64_t answered;
};

struct snapshot {
	uint64_t answered;
	uint64_t cpu_ns;
	uint64_t wall_ns;
	long sleeps;
};

static const struct way *way;
static struct tally tallies[MOST_THREADS];
static uint64_t warm_up, requests;
static unsigned int more; /* COUNT */
static const char *const *addresses;
static int address_count;

static uint64_t now_ns(clockid_t clock)
{
	const uint64_t ns_per_s = 1000000000;
	struct timespec now = { 0 };

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * ns_per_s + (uint64_t)now.tv_nsec;
}

static struct snapshot take_snapshot(void)
{
	struct snapshot now = {
		.cpu_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID),
		.wall_ns = now_ns(CLOCK_MONOTONIC),
	};
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	now.sleeps = usage.ru_nvcsw;
	for (int i = 0; i < MOST_THREADS; i++)
		now.answered += atomic_load(&tallies[i].answered);
	return now;
}

static void report(const struct snapshot *from, const struct snapshot *to)
{
	printf("requests %ju cpu_ns %ju wall_ns %ju sleeps %ld\n",
	       (uintmax_t)(to->answered - from->answered),
	       (uintmax_t)(to->cpu_ns - from->cpu_ns),
	       (uintmax_t)(to->wall_ns - from->wall_ns),
	       to->sleeps - from->sleeps);
	if (fflush(stdout))
		server_die("stdout");
	/* What it has in memory is looked at from outside. */
	for (;;)
		pause();
}

/* `n` more answers by the thread of this tally. */
static void count(struct tally *tally, uint64_t n)
{
	static struct snapshot begin;
	uint64_t before =
		atomic_load_explicit(&tally->answered, memory_order_relaxed);
	uint64_t after = before + n;

	atomic_store_explicit(&tally->answered, after, memory_order_relaxed);
	if (tally != tallies)
		return;
	if (before < warm_up && after >= warm_up) {
		begin = take_snapshot();
	} else if (after >= warm_up + requests) {
		struct snapshot end = take_snapshot();

		report(&begin, &end);
	}
}

static bool receive_naive(int fd, struct request *request, int flags)
{
	socklen_t peer_bytes = sizeof(request->peer);
	ssize_t n = recvfrom(fd, request->data, BYTES, flags,
			     (struct sockaddr *)&request->peer, &peer_bytes);

	request->bytes = (size_t)n;
	return n >= 0;
}

static void answer_naive(int fd, struct request *request)
{
	if (sendto(fd, request->data, request->bytes, 0,
		   (struct sockaddr *)&request->peer,
		   sizeof(request->peer)) < 0)
		server_die("sendto");
}

/* What was received as the destination is sent as the source, by any route. */
static void point_back(struct msghdr *msg)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	const int any = 0;

	if (c && c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
		memcpy(CMSG_DATA(c) + offsetof(struct in_pktinfo, ipi_ifindex),
		       &any, sizeof(any));
}

static bool receive_pktinfo(int fd, struct request *request, int flags)
{
	struct iovec iov = { .iov_base = request->data, .iov_len = BYTES };
	struct msghdr msg = {
		.msg_name = &request->peer,
		.msg_namelen = sizeof(request->peer),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = request->control,
		.msg_controllen = sizeof(request->control),
	};
	ssize_t n = recvmsg(fd, &msg, flags);

	if (n < 0)
		return false;
	point_back(&msg);
	request->bytes = (size_t)n;
	request->control_bytes = msg.msg_controllen;
	return true;
}

static void answer_pktinfo(int fd, struct request *request)
{
	struct iovec iov = {
		.iov_base = request->data,
		.iov_len = request->bytes,
	};
	struct msghdr msg = {
		.msg_name = &request->peer,
		.msg_namelen = sizeof(request->peer),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = request->control,
		.msg_controllen = request->control_bytes,
	};

	if (sendmsg(fd, &msg, 0) < 0)
		server_die("sendmsg");
}

/* Room for what comes while the load is kept waiting: or it sleeps then. */
static void deepen_queue(int fd)
{
	const int bytes = 1 << 20;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
}

static int open_socket(int port, int reuseport)
{
	int fd = server_bind(AF_INET, SOCK_DGRAM, port, reuseport);
	const int on = 1;

	if (way->pktinfo &&
	    setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)))
		server_die("IP_PKTINFO");
	deepen_queue(fd);
	return fd;
}

static void start(void *(*body)(void *), void *argument)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, body, argument))
		server_die("pthread_create");
}

static void echo(int fd, struct tally *tally)
{
	struct request request;

	for (;;) {
		if (!way->receive(fd, &request, 0))
			server_die("receive");
		way->answer(fd, &request);
		count(tally, 1);
	}
}

static void allow_fds(unsigned int count)
{
	const unsigned int others = 64;
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < count + others) {
		limit.rlim_cur = count + others;
		if (setrlimit(RLIMIT_NOFILE, &limit))
			server_die("RLIMIT_NOFILE");
	}
}

static void run_single(void)
{
	int fd = open_socket(0, 0);

	allow_fds(more);
	for (unsigned int i = 0; i < more; i++)
		open_socket(0, 0);
	server_ready(fd);
	echo(fd, tallies);
}

static void run_batch(void)
{
	static struct request batch[BATCH];
	static struct mmsghdr messages[BATCH];
	static struct iovec iovs[BATCH];
	int fd = open_socket(0, 0), received, sent, n;

	server_ready(fd);
	for (;;) {
		for (int i = 0; i < BATCH; i++) {
			struct msghdr *msg = &messages[i].msg_hdr;

			iovs[i].iov_base = batch[i].data;
			iovs[i].iov_len = BYTES;
			msg->msg_iov = &iovs[i];
			msg->msg_iovlen = 1;
			msg->msg_name = &batch[i].peer;
			msg->msg_namelen = sizeof(batch[i].peer);
			if (!way->pktinfo)
				continue;
			msg->msg_control = batch[i].control;
			msg->msg_controllen = sizeof(batch[i].control);
		}
		received = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
		if (received < 0)
			server_die("recvmmsg");
		for (int i = 0; i < received; i++) {
			iovs[i].iov_len = messages[i].msg_len;
			if (way->pktinfo)
				point_back(&messages[i].msg_hdr);
		}
		for (sent = 0; sent < received; sent += n) {
			n = sendmmsg(fd, messages + sent,
				     (unsigned int)(received - sent), 0);
			if (n < 0)
				server_die("sendmmsg");
		}
		count(tallies, (uint64_t)received);
	}
}

/* Answers what is there, and no more than a batch: others wait as well. */
static void drain(int fd)
{
	struct request request;

	for (int i = 0; i < BATCH; i++) {
		if (!way->receive(fd, &request, MSG_DONTWAIT))
			return;
		way->answer(fd, &request);
		count(tallies, 1);
	}
}

static void run_each(void)
{
	struct epoll_event events[MOST_ADDRESSES];
	struct sockaddr_in name = { .sin_family = AF_INET };
	int epoll = epoll_create1(0), fd = -1;

	for (int i = 0; i < address_count; i++) {
		struct epoll_event event = { .events = EPOLLIN };

		fd = event.data.fd = socket(AF_INET, SOCK_DGRAM, 0);
		if (!inet_aton(addresses[i], &name.sin_addr) ||
		    bind(fd, (struct sockaddr *)&name, sizeof(name)) ||
		    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
			server_die(addresses[i]);
		deepen_queue(fd);
		name.sin_port = htons((in_port_t)server_port(fd));
	}
	server_ready(fd);
	for (;;) {
		int n = epoll_wait(epoll, events, MOST_ADDRESSES, -1);

		for (int i = 0; i < n; i++)
			drain(events[i].data.fd);
	}
}

static int shared_fds[MOST_THREADS];

static void *share(void *tally)
{
	echo(shared_fds[(struct tally *)tally - tallies], tally);
	return NULL;
}

static void run_sharers(void)
{
	int port = 0;

	for (unsigned int i = 0; i < more; i++) {
		shared_fds[i] = open_socket(port, 1);
		port = server_port(shared_fds[i]);
	}
	for (unsigned int i = 0; i < more; i++)
		start(share, &tallies[i]);
	server_ready(shared_fds[0]);
}

/* Received and not yet answered: a ring, guarded by `lock`. */
static struct request ring[WAITING];
static size_t put, taken;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t not_empty = PTHREAD_COND_INITIALIZER;
static pthread_cond_t not_full = PTHREAD_COND_INITIALIZER;

static void *receive_all(void *unused)
{
	struct request request;

	(void)unused;
	for (;;) {
		if (!way->receive(shared_fds[0], &request, 0))
			server_die("receive");
		pthread_mutex_lock(&lock);
		while (put - taken == WAITING)
			pthread_cond_wait(&not_full, &lock);
		ring[put++ % WAITING] = request;
		pthread_mutex_unlock(&lock);
		pthread_cond_signal(&not_empty);
	}
	return NULL;
}

static void *answer_all(void *tally)
{
	struct request request;

	for (;;) {
		pthread_mutex_lock(&lock);
		while (put == taken)
			pthread_cond_wait(&not_empty, &lock);
		request = ring[taken++ % WAITING];
		pthread_mutex_unlock(&lock);
		pthread_cond_signal(&not_full);
		way->answer(shared_fds[0], &request);
		count(tally, 1);
	}
	return NULL;
}

static void run_pool(void)
{
	shared_fds[0] = open_socket(0, 0);
	for (int i = 0; i < POOL; i++) {
		start(receive_all, NULL);
		start(answer_all, &tallies[i]);
	}
	server_ready(shared_fds[0]);
}

/* LAYOUT[:COUNT].  NULL: there is no such layout, or the count is missing. */
static const struct layout *find_layout(const struct layout *layouts,
					const char *text)
{
	const size_t bytes = strcspn(text, ":");
	const struct layout *found = layouts;

	if (text[bytes])
		more = (unsigned int)strtoul(text + bytes + 1, NULL, 0);
	while (found->name && (strlen(found->name) != bytes ||
			       strncmp(found->name, text, bytes) != 0))
		found++;
	return found->name && (found->answering ||
			       (more && more <= MOST_THREADS))
		       ? found
		       : NULL;
}

int main(int argc, char **argv)
{
	static const struct way ways[] = {
		{ "naive", receive_naive, answer_naive, false },
		{ "pktinfo", receive_pktinfo, answer_pktinfo, true },
		{ 0 },
	};
	static const struct layout layouts[] = {
		{ "single", run_single, 1 }, { "batch", run_batch, 1 },
		{ "each", run_each, 1 },     { "sharers", run_sharers, 0 },
		{ "pool", run_pool, POOL },  { 0 },
	};
	const int fixed = 5;
	const struct layout *layout;
	unsigned int answering;

	way = ways;
	while (argc >= fixed && way->name && strcmp(way->name, argv[1]) != 0)
		way++;
	layout = argc >= fixed ? find_layout(layouts, argv[2]) : NULL;
	if (!layout || !way->name || argc > fixed + MOST_ADDRESSES) {
		(void)fputs("usage: see the top of server.c\n", stderr);
		return EXIT_FAILURE;
	}
	/* The first thread counts, and has its share. */
	answering = layout->answering ? layout->answering : more;
	warm_up = strtoull(argv[3], NULL, 0) / answering;
	requests = strtoull(argv[4], NULL, 0) / answering;
	addresses = (const char *const *)argv + fixed;
	address_count = argc - fixed;
	layout->run();
	for (;;)
		pause();
}
