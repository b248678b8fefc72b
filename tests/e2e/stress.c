/* SPDX-License-Identifier: MIT */
/*
 * Clients are answered on 127.0.0.0/8 while the rest of the process does what
 * trips up preloaded libraries:
 *
 *     stress WHAT ROLE SECONDS
 *
 * WHAT is one of:
 *     threads   more threads do the same
 *     vfork     vfork children close every fd, and exec
 *     spawn     posix_spawn(3) with file actions on the fds that serve
 *     fork      children close sockets, make others and exit
 *     clone     as vfork, by clone(CLONE_VM) while its parent goes on
 *     rights    sockets are sent to itself by SCM_RIGHTS
 *     dup2      sockets and files take the fds of others by dup2(2)
 *     raw       sockets are closed past the library, by fclose(3)
 *     contexts  user-level threads, which SIGALRM switches by swapcontext(3)
 *     signals   SIGALRM's handler serves as well
 *
 * ROLE is how a request is answered:
 *     serve     on a socket that stays open
 *     connect   by another socket, which is connected to the client
 *     bind      on a socket that is made for it and closed afterwards
 *
 * In each a thread makes and closes wildcard sockets.  Prints how many answers
 * came from the address asked, from the one that the kernel chooses, from
 * another one, and not at all; how much the memory grew in the second half.
 */
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define HOSTS 5		 /* 127.0.0.2 and so on are asked */
#define CLIENTS 0x10000U /* 127.1.0.0 and so on ask */
#define WAIT_MS 5000
#define THINK_US 50 /* between a request and its answer */
#define SERVERS 2
#define MORE_SERVERS 3
#define CONTEXTS 4
#define SWITCH_US 100
#define STACK_BYTES ((size_t)64 * 1024)
#define FDS 128 /* that a child closes */
#define MS_PER_S 1000

static _Atomic long right, plain, wrong, lost;
static _Atomic bool done;

enum role { SERVE, CONNECT, BIND };
static enum role role;

/* A client and its server, which share nothing with others. */
struct pair {
	int client;
	int server;
	uint32_t host; /* that was asked last: 127.0.0.host */
	bool renews;   /* each request is another client's */
};

/* Those that children and others try to disturb. */
static _Atomic int served[SERVERS];

static long now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * MS_PER_S + now.tv_nsec / 1000000;
}

static int wildcard(void)
{
	return server_bind(AF_INET, SOCK_DGRAM, 0, 0);
}

/* Each at another address. */
static int new_client(void)
{
	static _Atomic uint32_t clients;

	return server_client(CLIENTS + clients++);
}

static struct pair new_pair(void)
{
	return (struct pair){ .client = new_client(), .server = wildcard() };
}

static void ask(struct pair *pair)
{
	struct sockaddr_in to;

	pair->host = 2 + (pair->host + 1) % HOSTS;
	to = server_loopback(pair->host, server_port(pair->server));
	if (sendto(pair->client, &pair->host, sizeof(pair->host), 0,
		   (const struct sockaddr *)&to, sizeof(to)) < 0)
		server_die("ask");
}

static bool is_readable(int fd)
{
	const long end = now_ms() + WAIT_MS;
	struct pollfd there = { .fd = fd, .events = POLLIN };
	int n;

	do {
		n = poll(&there, 1, 1);
	} while (n <= 0 && now_ms() < end);
	return n == 1;
}

static void hear(const struct pair *pair)
{
	struct sockaddr_in from = { 0 };
	socklen_t len = sizeof(from);
	uint32_t data = 0, host;

	if (!is_readable(pair->client) ||
	    recvfrom(pair->client, &data, sizeof(data), 0,
		     (struct sockaddr *)&from, &len) != sizeof(data)) {
		lost++;
		return;
	}
	host = ntohl(from.sin_addr.s_addr) - LOOPBACK;
	if (host == pair->host)
		right++;
	else if (host == 1)
		plain++;
	else
		wrong++;
}

static void think(void)
{
	const struct timespec time = { .tv_nsec = THINK_US * 1000L };

	nanosleep(&time, NULL);
}

/* By another socket, which is connected to the peer. */
static bool answer_connected(uint32_t data, const struct sockaddr_in *peer)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	bool sent =
		fd >= 0 &&
		!connect(fd, (const struct sockaddr *)peer, sizeof(*peer)) &&
		send(fd, &data, sizeof(data), 0) >= 0;

	close(fd);
	return sent;
}

static bool answer(int fd, bool may_think)
{
	uint32_t data;
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);

	if (!is_readable(fd) ||
	    recvfrom(fd, &data, sizeof(data), 0, (struct sockaddr *)&peer,
		     &len) != sizeof(data))
		return false;
	if (may_think)
		think();
	if (role == CONNECT)
		return answer_connected(data, &peer);
	return sendto(fd, &data, sizeof(data), 0,
		      (const struct sockaddr *)&peer, len) >= 0;
}

/* One request. */
static void serve(struct pair *pair, bool may_think)
{
	if (role == CONNECT || pair->renews) {
		close(pair->client);
		pair->client = new_client();
	}
	if (role == BIND) {
		close(pair->server);
		pair->server = wildcard();
	}
	ask(pair);
	if (answer(pair->server, may_think))
		hear(pair);
	else
		lost++;
}

static void *serve_always(void *slot)
{
	struct pair pair = new_pair();

	while (!done) {
		if (slot)
			*(_Atomic int *)slot = pair.server;
		serve(&pair, true);
	}
	return NULL;
}

static void *make_and_close(void *unused)
{
	while (!done) {
		int fd = wildcard();

		close(dup(fd));
		close(fd);
	}
	return unused;
}

/* What a child in our memory does, before it execs. */
static void rearrange(void)
{
	const struct sockaddr_in any = { .sin_family = AF_INET };
	int fd;

	for (int i = 0; i < SERVERS; i++)
		dup2(STDERR_FILENO, served[i]);
	for (fd = STDERR_FILENO + 1; fd < FDS; fd++)
		close(fd);
	for (int i = 0; i < SERVERS; i++) {
		fd = socket(AF_INET, SOCK_DGRAM, 0);
		(void)bind(fd, (const struct sockaddr *)&any, sizeof(any));
		dup2(fd, served[i]);
	}
}

static char *const true_words[] = { "true", NULL };
static char *const no_words[] = { NULL };

static void run_vfork(void)
{
	// NOLINTBEGIN(clang-analyzer-*): it is vfork that is to be tried.
	pid_t child = vfork();

	if (!child) {
		rearrange();
		execve("/bin/true", true_words, no_words);
		_exit(EXIT_FAILURE);
	}
	// NOLINTEND(clang-analyzer-*)
	waitpid(child, NULL, 0);
}

static int rearrange_and_exit(void *unused)
{
	(void)unused;
	rearrange();
	_exit(EXIT_SUCCESS);
}

static void run_clone(void)
{
	static _Alignas(16) char stack[STACK_BYTES];
	pid_t child = clone(rearrange_and_exit, stack + sizeof(stack),
			    CLONE_VM | SIGCHLD, NULL);

	waitpid(child, NULL, 0);
}

static void run_fork(void)
{
	pid_t child = fork();

	if (!child) {
		rearrange();
		_exit(EXIT_SUCCESS);
	}
	waitpid(child, NULL, 0);
}

static void run_spawn(void)
{
	posix_spawn_file_actions_t actions;
	pid_t child;

	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO,
					       served[0]);
	(void)posix_spawn_file_actions_addclose(&actions, served[0]);
	if (!posix_spawn(&child, "/bin/true", &actions, NULL, true_words,
			 no_words))
		waitpid(child, NULL, 0);
	(void)posix_spawn_file_actions_destroy(&actions);
}

static struct msghdr message(struct iovec *iov, char *control, size_t bytes)
{
	return (struct msghdr){ .msg_iov = iov,
				.msg_iovlen = 1,
				.msg_control = control,
				.msg_controllen = bytes };
}

/* Sends a socket to ourselves, and answers what it is there. */
static int pass(int fd, const int pair[2])
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(fd))] = { 0 };
	char byte = 0;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = message(&iov, control, sizeof(control));
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	*c = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
			       .cmsg_type = SCM_RIGHTS,
			       .cmsg_len = CMSG_LEN(sizeof(fd)) };
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	if (sendmsg(pair[0], &msg, 0) != 1 || close(fd) ||
	    recvmsg(pair[1], &msg, 0) != 1)
		server_die("SCM_RIGHTS");
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

static void run_rights(void)
{
	int pair[2], fd;
	char byte;

	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair))
		server_die("socketpair");
	fd = pass(wildcard(), pair);
	(void)recv(fd, &byte, 1, MSG_DONTWAIT);
	close(fd);
	close(pair[0]);
	close(pair[1]);
}

static void run_dup2(void)
{
	int fd = wildcard(), other = wildcard(), file;

	dup2(fd, other);
	close(fd);
	file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	dup2(file, other);
	close(file);
	close(other);
}

/* What libc closes for itself passes no hook. */
static void run_raw(void)
{
	FILE *file = fdopen(wildcard(), "r");

	if (!file || fclose(file))
		server_die("fclose");
}

static void (*volatile disturbance)(void);

static void *disturb(void *unused)
{
	while (!done)
		disturbance();
	return unused;
}

/* Each has a stack of its own, and is interrupted anywhere. */
static ucontext_t contexts[CONTEXTS];
static volatile int running;

static void switch_context(int number)
{
	const int saved = errno, from = running;

	(void)number;
	/* They end one after the other, and then the first goes on. */
	if (done)
		return;
	running = (running + 1) % CONTEXTS;
	if (swapcontext(&contexts[from], &contexts[running]))
		server_die("swapcontext");
	errno = saved;
}

static struct pair context_pairs[CONTEXTS];

static void serve_in_context(void)
{
	struct pair *pair = &context_pairs[running];

	server_mask_alarm(SIG_UNBLOCK);
	while (!done)
		serve(pair, false);
	server_mask_alarm(SIG_BLOCK);
	setcontext(&contexts[0]);
}

static void alarm_often(void (*handler)(int))
{
	const struct itimerval often = {
		.it_value.tv_usec = SWITCH_US,
		.it_interval.tv_usec = SWITCH_US,
	};
	const struct sigaction action = { .sa_handler = handler,
					  .sa_flags = SA_RESTART };

	if (sigaction(SIGALRM, &action, NULL) ||
	    setitimer(ITIMER_REAL, &often, NULL))
		server_die("SIGALRM");
}

/* The first is this thread's own. */
static void *run_contexts(void *unused)
{
	for (volatile int i = 0; i < CONTEXTS; i++) {
		context_pairs[i] = new_pair();
		context_pairs[i].renews = true;
		if (getcontext(&contexts[i]))
			server_die("getcontext");
		contexts[i].uc_stack.ss_sp = malloc(STACK_BYTES);
		if (!contexts[i].uc_stack.ss_sp)
			server_die("malloc");
		contexts[i].uc_stack.ss_size = STACK_BYTES;
		makecontext(&contexts[i], serve_in_context, 0);
	}
	server_mask_alarm(SIG_UNBLOCK);
	while (!done)
		serve(&context_pairs[0], false);
	server_mask_alarm(SIG_BLOCK);
	return unused;
}

static _Thread_local struct pair handlers_pair;

static void serve_in_handler(int number)
{
	const int saved = errno;

	(void)number;
	serve(&handlers_pair, false);
	errno = saved;
}

static void *run_signals(void *unused)
{
	struct pair pair = new_pair();

	pair.renews = true;
	handlers_pair = new_pair();
	handlers_pair.renews = true;
	server_mask_alarm(SIG_UNBLOCK);
	while (!done)
		serve(&pair, false);
	server_mask_alarm(SIG_BLOCK);
	return unused;
}

static const struct {
	const char *name;
	void (*disturb)(void);
	void (*handler)(int);
	void *(*run)(void *);
} kinds[] = {
	{ "threads", .run = serve_always },
	{ "vfork", .disturb = run_vfork },
	{ "spawn", .disturb = run_spawn },
	{ "fork", .disturb = run_fork },
	{ "clone", .disturb = run_clone },
	{ "rights", .disturb = run_rights },
	{ "dup2", .disturb = run_dup2 },
	{ "raw", .disturb = run_raw },
	{ "contexts", .handler = switch_context, .run = run_contexts },
	{ "signals", .handler = serve_in_handler, .run = run_signals },
};

static pthread_t threads[SERVERS + MORE_SERVERS + 1];
static size_t thread_count;

static void start(void *(*body)(void *), void *argument)
{
	if (pthread_create(&threads[thread_count++], NULL, body, argument))
		server_die("pthread_create");
}

/* Starts what `name` names.  False: that is nothing. */
static bool begin(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (strcmp(kinds[i].name, name) != 0)
			continue;
		if (kinds[i].handler)
			alarm_often(kinds[i].handler);
		disturbance = kinds[i].disturb;
		if (kinds[i].disturb)
			start(disturb, NULL);
		else if (kinds[i].handler)
			start(kinds[i].run, NULL);
		else
			for (int n = 0; n < MORE_SERVERS; n++)
				start(kinds[i].run, NULL);
		return true;
	}
	return false;
}

static long rss_kib(void)
{
	long pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (!file || fscanf(file, "%*s %ld", &pages) != 1) // NOLINT: a number
		server_die("statm");
	(void)fclose(file);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void let_run(long ms)
{
	const long end = now_ms() + ms;

	while (now_ms() < end)
		think();
}

int main(int argc, char **argv)
{
	static const char *const roles[] = { "serve", "connect", "bind" };
	const double seconds = argc > 3 ? strtod(argv[3], NULL) : 0;
	const long half_ms = (long)(seconds * MS_PER_S / 2);
	long before;

	while (argc > 2 && role < BIND && strcmp(argv[2], roles[role]) != 0)
		role++;
	server_mask_alarm(SIG_BLOCK);
	for (int i = 0; i < SERVERS; i++)
		served[i] = -1;
	for (int i = 0; i < SERVERS; i++)
		start(serve_always, &served[i]);
	start(make_and_close, NULL);
	while (served[SERVERS - 1] < 0 || served[0] < 0)
		think();
	if (half_ms <= 0 || !begin(argv[1]))
		return EXIT_FAILURE;
	let_run(half_ms);
	before = rss_kib();
	let_run(half_ms);
	before = rss_kib() - before;
	done = true;
	for (size_t i = 0; i < thread_count; i++)
		pthread_join(threads[i], NULL);
	printf("%ld right, %ld plain, %ld wrong, %ld lost, %ld KiB more\n",
	       right, plain, wrong, lost, before);
	return EXIT_SUCCESS;
}
