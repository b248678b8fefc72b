/* SPDX-License-Identifier: MIT */
/*
 * A server that does everything at once: two threads echo on a dual-stack
 * socket, a request that begins with "f" is answered by a child, another thread
 * makes sockets, connects and closes them, and SIGALRM comes a thousand times a
 * second.  SIGTERM ends it.
 */
#include "../e2e/server.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ECHOERS = 2, PAUSE_US = 2000, SIGNAL_US = 1000 };

static int fd;
static volatile sig_atomic_t ticks;

static void tick(int number)
{
	(void)number;
	ticks++;
}

static void await(pid_t child)
{
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
}

static void *echo(void *unused)
{
	char data[256];

	(void)unused;
	for (;;) {
		struct sockaddr_storage peer;
		struct sockaddr *name = (struct sockaddr *)&peer;
		socklen_t bytes = sizeof(peer);
		ssize_t n = recvfrom(fd, data, sizeof(data), 0, name, &bytes);
		pid_t child = -1;

		if (n < 0)
			continue;
		if (*data == 'f')
			child = fork();
		if (child > 0) {
			await(child);
			continue;
		}
		(void)sendto(fd, data, (size_t)n, 0, name, bytes);
		if (!child)
			_exit(EXIT_SUCCESS);
	}
	return NULL;
}

static void *churn(void *unused)
{
	const struct sockaddr_in somebody = {
		.sin_family = AF_INET,
		.sin_port = htons(9),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	(void)unused;
	for (;;) {
		int one = server_bind(AF_INET6, SOCK_DGRAM, 0, 0);
		int other = server_bind(AF_INET, SOCK_DGRAM, 0, 0);
		int again = dup(one);

		(void)connect(other, (const struct sockaddr *)&somebody,
			      sizeof(somebody));
		close(one);
		close(other);
		close(again);
		(void)usleep(PAUSE_US);
	}
	return NULL;
}

static void start(void *(*body)(void *))
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, body, NULL))
		server_die("pthread_create");
}

int main(void)
{
	const struct itimerval often = { { 0, SIGNAL_US }, { 0, SIGNAL_US } };
	const struct sigaction action = { .sa_handler = tick };
	const int room = 1 << 22;
	sigset_t alarms;

	fd = server_bind(AF_INET6, SOCK_DGRAM, 0, 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	for (int i = 0; i < ECHOERS; i++)
		start(echo);
	start(churn);
	/* The others are interrupted, in calls and in between. */
	sigemptyset(&alarms);
	sigaddset(&alarms, SIGALRM);
	if (pthread_sigmask(SIG_BLOCK, &alarms, NULL) ||
	    sigaction(SIGALRM, &action, NULL) ||
	    setitimer(ITIMER_REAL, &often, NULL))
		server_die("signals");
	server_ready(fd);
	for (;;)
		pause();
}
