/* SPDX-License-Identifier: MIT */
/*
 * A process forks in every way, so often, while its other threads answer
 * clients and make and close sockets, on 127.0.0.0/8:
 *
 *     forks COUNT
 *
 * Each child answers a request that its parent has read, or reads one itself.
 * Every seventh is killed while it serves others.  Says how many answers were
 * right and how many plain; an exit status other than 0 says that something was
 * wrong.
 */
#include "server.h"

#include <dlfcn.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHURNERS 2
#define PEERS 8 /* of each that churns */
#define FORKERS 2
#define WAIT_MS 5000
#define CHILD_S 10
#define TO_BE_KILLED 7

static _Atomic long right, plain, wrong;
static _Atomic bool done;

static void ask(int client, uint32_t host, int port)
{
	const struct sockaddr_in to = server_loopback(host, port);

	if (sendto(client, "q", 1, 0, (const struct sockaddr *)&to,
		   sizeof(to)) != 1)
		server_die("ask");
}

static void hear(int client, uint32_t host, bool may_be_plain)
{
	struct pollfd there = { .fd = client, .events = POLLIN };
	struct sockaddr_in from = { 0 };
	socklen_t len = sizeof(from);
	uint32_t source = 0;
	char data;

	if (poll(&there, 1, WAIT_MS) == 1 &&
	    recvfrom(client, &data, 1, 0, (struct sockaddr *)&from, &len) == 1)
		source = ntohl(from.sin_addr.s_addr) - LOOPBACK;
	if (source == host)
		right++;
	else if (may_be_plain && source == 1)
		plain++;
	else
		wrong++;
}

static bool take(int fd, struct sockaddr_in *peer)
{
	socklen_t len = sizeof(*peer);
	char data;

	return recvfrom(fd, &data, 1, 0, (struct sockaddr *)peer, &len) == 1;
}

static bool answer(int fd, const struct sockaddr_in *peer)
{
	return sendto(fd, "a", 1, 0, (const struct sockaddr *)peer,
		      sizeof(*peer)) == 1;
}

static bool echo(int fd)
{
	struct sockaddr_in peer;

	return take(fd, &peer) && answer(fd, &peer);
}

/* Keeps the table, and the sockets, changing. */
static void *churn(void *unused)
{
	int fd = server_bind(AF_INET, SOCK_DGRAM, 0, 0), clients[PEERS];
	int port = server_port(fd), other;

	for (int i = 0; i < PEERS; i++)
		clients[i] = server_client(1);
	for (uint32_t n = 0; !done; n++) {
		ask(clients[n % PEERS], 2 + n % 5, port);
		if (!echo(fd))
			server_die("churn");
		hear(clients[n % PEERS], 2 + n % 5, false);
		if (n % 8)
			continue;
		other = server_bind(AF_INET, SOCK_DGRAM, 0, 0);
		close(dup(other));
		close(other);
	}
	return unused;
}

static pid_t fork_without_handlers(void)
{
	static pid_t (*no_handlers)(void);

	if (!no_handlers) {
		void *found = dlsym(RTLD_DEFAULT, "_Fork");
		pid_t (*plain_fork)(void) = fork;

		memcpy(&no_handlers, found ? &found : (void *)&plain_fork,
		       sizeof(no_handlers));
	}
	return no_handlers();
}

static pid_t clone_by_number(void)
{
	return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

/* What a child does; a vfork one as well. */
static int serve(int fd, const struct sockaddr_in *peer, bool until_killed)
{
	bool answered = true;

	alarm(CHILD_S);
	if (!answer(fd, peer) || !echo(fd))
		return EXIT_FAILURE;
	while (until_killed && answered)
		answered = answer(fd, peer);
	return EXIT_SUCCESS;
}

enum { FORK, VFORK, CLONE, _FORK, WAYS };

static void fork_once(int fd, int port, int client, int killed_client, long n)
{
	const uint32_t host = 2 + (uint32_t)n % 5;
	/* Also after vfork. */
	const volatile bool is_killed =
		n % TO_BE_KILLED == 0 && n % WAYS != VFORK;
	int asker = is_killed ? killed_client : client;
	struct sockaddr_in peer;
	int status = -1;
	pid_t child;

	ask(asker, host, port);
	if (!take(fd, &peer))
		server_die("take");
	ask(client, host + 1, port);
	switch (n % WAYS) {
	case FORK:
		child = fork();
		break;
	case VFORK:
		child = vfork(); // NOLINT: it is vfork that is to be tried.
		break;
	case CLONE:
		child = clone_by_number();
		break;
	default:
		child = fork_without_handlers();
	}
	if (!child)
		// NOLINTNEXTLINE(clang-analyzer-unix.Vfork): servers do.
		_exit(serve(fd, &peer, is_killed));
	if (child < 0)
		server_die("fork");
	if (!is_killed)
		hear(client, host, true);
	hear(client, host + 1, true);
	if (is_killed)
		kill(child, SIGKILL);
	waitpid(child, &status, 0);
	if (status != (is_killed ? SIGKILL : 0)) {
		printf("child %ld, way %ld: status %x\n", n, n % WAYS, status);
		wrong++;
	}
	/* The parent goes on. */
	ask(client, host + 2, port);
	if (!echo(fd))
		server_die("echo");
	hear(client, host + 2, false);
	while (is_killed && recv(killed_client, &peer, 1, MSG_DONTWAIT) >= 0)
		;
}

static long forks_each;

static void *fork_often(void *unused)
{
	int fd = server_bind(AF_INET, SOCK_DGRAM, 0, 0);
	int port = server_port(fd), client = server_client(1);
	int killed_client = server_client(1);

	for (long n = 0; n < forks_each && !wrong; n++)
		fork_once(fd, port, client, killed_client, n);
	return unused;
}

int main(int argc, char **argv)
{
	pthread_t churners[CHURNERS], forkers[FORKERS];
	long count = argc > 1 ? strtol(argv[1], NULL, 10) : 0;

	forks_each = count / FORKERS;
	for (int i = 0; i < CHURNERS; i++)
		if (pthread_create(&churners[i], NULL, churn, NULL))
			server_die("pthread_create");
	for (int i = 0; i < FORKERS; i++)
		if (pthread_create(&forkers[i], NULL, fork_often, NULL))
			server_die("pthread_create");
	for (int i = 0; i < FORKERS; i++)
		pthread_join(forkers[i], NULL);
	done = true;
	for (int i = 0; i < CHURNERS; i++)
		pthread_join(churners[i], NULL);
	printf("%ld forks, %ld right, %ld plain, %ld wrong\n",
	       forks_each * FORKERS, right, plain, wrong);
	return wrong ? EXIT_FAILURE : EXIT_SUCCESS;
}
