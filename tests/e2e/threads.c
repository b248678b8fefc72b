/* SPDX-License-Identifier: MIT */
/*
 * Echo servers of many threads:
 *
 *     threads pool        4 receive, 4 answer, all on one socket
 *     threads busy        the same, while another makes and closes sockets
 *     threads reuseport   2 threads, each with a socket of its own to one port
 */
#include "server.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

enum { POOL = 4, SHARERS = 2, WAITING = 256 };

struct request {
	char data[64];
	size_t bytes;
	struct sockaddr_storage peer;
	socklen_t peer_bytes;
};

/* Received and not yet answered: a ring, guarded by `lock`. */
static struct request ring[WAITING];
static size_t put, taken;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static int shared_fd;

static void receive(int fd, struct request *request)
{
	ssize_t n;

	request->peer_bytes = sizeof(request->peer);
	n = recvfrom(fd, request->data, sizeof(request->data), 0,
		     (struct sockaddr *)&request->peer, &request->peer_bytes);
	if (n < 0)
		server_die("recvfrom");
	request->bytes = (size_t)n;
}

static void answer(int fd, const struct request *request)
{
	if (sendto(fd, request->data, request->bytes, 0,
		   (const struct sockaddr *)&request->peer,
		   request->peer_bytes) < 0)
		server_die("sendto");
}

static void *receive_all(void *unused)
{
	struct request request;

	(void)unused;
	for (;;) {
		receive(shared_fd, &request);
		pthread_mutex_lock(&lock);
		while (put - taken == WAITING)
			pthread_cond_wait(&changed, &lock);
		ring[put++ % WAITING] = request;
		pthread_cond_broadcast(&changed);
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

static void *answer_all(void *unused)
{
	struct request request;

	(void)unused;
	for (;;) {
		pthread_mutex_lock(&lock);
		while (put == taken)
			pthread_cond_wait(&changed, &lock);
		request = ring[taken++ % WAITING];
		pthread_cond_broadcast(&changed);
		pthread_mutex_unlock(&lock);
		answer(shared_fd, &request);
	}
	return NULL;
}

static void *make_sockets(void *unused)
{
	(void)unused;
	for (;;) {
		int fd = server_bind(AF_INET6, SOCK_DGRAM, 0, 0);
		int other = dup(fd);

		close(fd);
		close(other);
	}
	return NULL;
}

static void *echo_own(void *fd)
{
	struct request request;

	for (;;) {
		receive(*(int *)fd, &request);
		answer(*(int *)fd, &request);
	}
	return NULL;
}

static void start(void *(*body)(void *), void *argument)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, body, argument))
		server_die("pthread_create");
}

static void start_sharers(void)
{
	static int fds[SHARERS];
	int port = 0;

	for (int i = 0; i < SHARERS; i++) {
		fds[i] = server_bind(AF_INET, SOCK_DGRAM, port, 1);
		port = server_port(fds[i]);
		start(echo_own, &fds[i]);
	}
	server_ready(fds[0]);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "reuseport")) {
		start_sharers();
	} else {
		shared_fd = server_bind(AF_INET, SOCK_DGRAM, 0, 0);
		for (int i = 0; i < POOL; i++) {
			start(receive_all, NULL);
			start(answer_all, NULL);
		}
		if (argc > 1 && !strcmp(argv[1], "busy"))
			start(make_sockets, NULL);
		server_ready(shared_fd);
	}
	for (;;)
		pause();
}
