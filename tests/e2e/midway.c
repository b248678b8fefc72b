/* SPDX-License-Identifier: MIT */
/*
 * Makes children while another thread connects a server's socket to its client
 * and disconnects it, again and again: midway fork|vfork|spawn ROUNDS ADDRESS.
 *
 * The client asked 127.0.0.2; ADDRESS is where the connected socket is expected
 * to be.  A child that was forked looks at the socket at once, when it may be
 * between two connects, and when the thread is done; then it connects it, and a
 * socket of its own.  One by vfork(2) closes all fds.  One by posix_spawn(3) is
 * this program again, which looks when the thread is done.  After each round
 * the parent looks, and connects and answers.
 *
 * Prints what was wrong, or "right N M": M of N forked children saw the socket
 * between the two connects, which is one file for all of them.
 */
#include "server.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CONNECTS = 40, LOOKS = 200, SAW_HALF = 1, DIGITS = 12 };

static int server, client, go[2];
static struct sockaddr_in peer;
static in_addr_t expected_be;

static void check(bool good, const char *what)
{
	if (good)
		return;
	(void)printf("wrong: %s\n", what);
	(void)fflush(stdout);
	_exit(EXIT_FAILURE);
}

/* The client asks the second address of `to`, which hears it. */
static void ask(int to)
{
	const struct sockaddr_in name = server_loopback(2, server_port(to));
	socklen_t len = sizeof(peer);
	char byte = 'q';

	if (sendto(client, &byte, 1, 0, (const struct sockaddr *)&name,
		   sizeof(name)) != 1 ||
	    recvfrom(to, &byte, 1, 0, (struct sockaddr *)&peer, &len) != 1)
		server_die("ask");
}

static void connect_to_peer(int fd)
{
	struct sockaddr_in name = { 0 };
	socklen_t len = sizeof(name);

	if (connect(fd, (struct sockaddr *)&peer, sizeof(peer)) ||
	    getsockname(fd, (struct sockaddr *)&name, &len))
		server_die("connect");
	check(name.sin_addr.s_addr == expected_be, "connected from elsewhere");
}

static void disconnect(int fd)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };

	if (connect(fd, &none, sizeof(none)))
		server_die("disconnect");
}

static void *connect_again_and_again(void *unused)
{
	for (int i = 0; i < CONNECTS; i++) {
		connect_to_peer(server);
		disconnect(server);
	}
	return unused;
}

static bool has_address(int fd)
{
	struct sockaddr_in name = { 0 };
	socklen_t len = sizeof(name);

	return !getsockname(fd, (struct sockaddr *)&name, &len) &&
	       name.sin_addr.s_addr != htonl(INADDR_ANY);
}

/*
 * Whether it has an address but no peer.  The kernel names no peer whose port
 * is 0, as that of the multicast group is.  The address is read twice, for the
 * thread may connect or disconnect it meanwhile.
 */
static bool is_half_connected(int fd)
{
	struct sockaddr_in name = { 0 };
	socklen_t len = sizeof(name);

	return has_address(fd) &&
	       getpeername(fd, (struct sockaddr *)&name, &len) &&
	       has_address(fd);
}

static void check_is_whole(int fd)
{
	struct in_addr group = { 0 };
	socklen_t len = sizeof(group);

	check(!is_half_connected(fd), "half connected");
	check(!getsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &group, &len) &&
		      !group.s_addr,
	      "IP_MULTICAST_IF has changed");
}

static void check_signals(void)
{
	sigset_t blocked;

	check(!pthread_sigmask(SIG_BLOCK, NULL, &blocked) &&
		      sigisemptyset(&blocked),
	      "signals are blocked");
}

static void await_thread(int fd)
{
	char byte;

	if (read(fd, &byte, 1) != 1)
		server_die("read");
}

static int look_as_forked(void)
{
	bool half = false;
	int own;

	check_signals();
	for (int i = 0; i < LOOKS; i++)
		half |= is_half_connected(server);
	/* Now, while the thread may hold what a connect of ours needs. */
	own = server_bind(AF_INET, SOCK_DGRAM, 0, 0);
	ask(own);
	connect_to_peer(own);
	await_thread(go[0]);
	check_is_whole(server);
	ask(server);
	connect_to_peer(server);
	check_is_whole(server);
	disconnect(server);
	return half ? SAW_HALF << 1 : EXIT_SUCCESS;
}

static pid_t by_fork(void)
{
	const pid_t pid = fork();

	if (!pid)
		_exit(look_as_forked());
	return pid;
}

static pid_t by_vfork(void)
{
	// NOLINTNEXTLINE(clang-analyzer-security.insecureAPI.vfork): the point
	const pid_t pid = vfork();

	if (pid)
		return pid;
	/* NOLINTBEGIN(clang-analyzer-unix.Vfork): as Python's subprocess */
	for (int fd = STDERR_FILENO + 1; fd <= go[1]; fd++)
		(void)close(fd);
	_exit(EXIT_SUCCESS);
	/* NOLINTEND(clang-analyzer-unix.Vfork) */
}

static pid_t by_spawn(void)
{
	char fd[DIGITS], wait_on[DIGITS];
	char *words[] = { "midway", "look", fd, wait_on, NULL };
	pid_t pid;

	(void)snprintf(fd, sizeof(fd), "%d", server);
	(void)snprintf(wait_on, sizeof(wait_on), "%d", go[0]);
	if (posix_spawn(&pid, "/proc/self/exe", NULL, NULL, words, environ))
		server_die("posix_spawn");
	return pid;
}

static int count_fds(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int count = 0;

	if (!directory)
		server_die("/proc/self/fd");
	// NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
	while (readdir(directory))
		count++;
	(void)closedir(directory);
	return count;
}

static void check_answer(void)
{
	struct sockaddr_in from = { 0 };
	socklen_t len = sizeof(from);
	char byte = 'a';

	ask(server);
	connect_to_peer(server);
	if (send(server, &byte, 1, 0) != 1 ||
	    recvfrom(client, &byte, 1, 0, (struct sockaddr *)&from, &len) != 1)
		server_die("answer");
	check(from.sin_addr.s_addr == expected_be, "answered from elsewhere");
	disconnect(server);
}

/* Whether the child saw the socket between two connects. */
static bool make_child(pid_t (*make)(void))
{
	pthread_t thread;
	pid_t pid;
	int status;

	if (pthread_create(&thread, NULL, connect_again_and_again, NULL))
		server_die("pthread_create");
	pid = make();
	if (pid < 0)
		server_die("fork");
	pthread_join(thread, NULL);
	check_is_whole(server);
	if (make != by_vfork && write(go[1], "g", 1) != 1)
		server_die("write");
	if (waitpid(pid, &status, 0) != pid)
		server_die("waitpid");
	check(WIFEXITED(status) && WEXITSTATUS(status) != EXIT_FAILURE,
	      "a child");
	check_is_whole(server);
	check_answer();
	return WEXITSTATUS(status) == SAW_HALF << 1;
}

static int look_as_spawned(char **argv)
{
	check_signals();
	await_thread((int)strtol(argv[3], NULL, 10));
	check_is_whole((int)strtol(argv[2], NULL, 10));
	return EXIT_SUCCESS;
}

/* Bound to a port by number, so that it is disconnected and keeps it. */
static void open_sockets(void)
{
	int port;

	client = server_client(1);
	if (pipe(go))
		server_die("pipe");
	server = server_bind(AF_INET, SOCK_DGRAM, 0, 0);
	port = server_port(server);
	(void)close(server);
	server = server_bind(AF_INET, SOCK_DGRAM, port, 0);
}

int main(int argc, char **argv)
{
	pid_t (*make)(void) = by_fork;
	long rounds, seen = 0;
	int fds;

	if (argc != 4)
		return EXIT_FAILURE;
	if (!strcmp(argv[1], "look"))
		return look_as_spawned(argv);
	if (!strcmp(argv[1], "vfork"))
		make = by_vfork;
	if (!strcmp(argv[1], "spawn"))
		make = by_spawn;
	rounds = strtol(argv[2], NULL, 10);
	expected_be = inet_addr(argv[3]);
	open_sockets();
	ask(server);
	fds = count_fds();
	for (long i = 0; i < rounds; i++)
		seen += make_child(make);
	check(count_fds() == fds, "an fd more");
	(void)printf("right %ld %ld\n", rounds, seen);
	return EXIT_SUCCESS;
}
