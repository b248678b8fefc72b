/* SPDX-License-Identifier: MIT */
/*
 * A server whose signal handler serves, too, on 127.0.0.0/8:
 *
 *     signals step recvfrom|recvmsg|recvmmsg BODY STRIDE
 *         The handler does BODY at each instruction of a request: at the first,
 *         and each STRIDE further on, of the first request, at the second and
 *         so on of the next.  What ends a request it does at the first, at the
 *         first and STRIDE of the next, until a request has no more:
 *         sendto, sendmsg   answers another client on the same socket
 *         close             makes, binds and closes sockets
 *         fork              has a child answer another client
 *         jump              leaves by siglongjmp
 *         kill              the request is served by a vfork child, which is
 *                           killed there
 *         evict             answers so many clients that others are forgotten
 *     signals answer recvfrom|recvmsg|recvmmsg BODY STRIDE
 *         The same from when the request was received, once in each.
 *     signals late recvfrom|recvmsg|recvmmsg BODY STRIDE
 *         The same, from when another client's request was received as well.
 *     signals again recvfrom|recvmsg|recvmmsg BODY STRIDE
 *         Once in each, where each client always asks one address; afterwards
 *         the server sends the handler's client something more.
 *     signals every
 *         One socket's life, from socket() to connect() and close(): at each of
 *         its instructions the handler answers on another.
 *     signals timer SECONDS
 *         The handler answers, makes and closes sockets 5000 times a second,
 *         while threads answer one request after the other.
 *
 * With ONSTACK in the environment the handler has a stack of its own.  Prints
 * what it saw; an exit status other than 0 says that something was wrong.
 */
#include "server.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
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

#define HERTZ 5000
#define THREADS 3
#define LIFE_REQUESTS 4
/* More than the handlers that interrupt one request, also of a library by -O0.
 */
#define MOST_CLIENTS 128
#define EVICTING 20 /* clients, where 16 are remembered */
#define WAIT_MS 5000
#define STACK_BYTES 65536
#define TRAP_FLAG 0x100 /* of the processor's flags */

/* Somebody who asks, and what was asked last. */
struct client {
	int fd;
	bool is_handlers;
	unsigned char host; /* that was asked last: 127.0.0.host */
};

/* A request, and its answer. */
struct datagram {
	unsigned char host;			   /* that was asked */
	enum { NOBODY, HANDLER, INTERRUPTED } who; /* answered it */
};

/* What was heard, by any handler and thread. */
static _Atomic unsigned long right, plain, wrong;

/* What is special about the requests that are stepped through. */
static bool only_answers, answers_late, asks_one, once;

static struct client new_client(bool is_handlers)
{
	/* Of another host, whose address answers no other one's. */
	return (struct client){ .fd = server_client(is_handlers ? 0x101 : 1),
				.is_handlers = is_handlers };
}

/*
 * Each time at another address, none of which the kernel would choose, nor a
 * handler's client asks as well.
 */
static void ask(struct client *client, int port)
{
	const int which = asks_one ? 0 : (client->host + 1) & 3;
	const struct datagram request = {
		.host = (unsigned char)((client->is_handlers ? 6 : 2) + which),
	};
	const struct sockaddr_in to = server_loopback(request.host, port);

	client->host = request.host;
	if (sendto(client->fd, &request, sizeof(request), 0,
		   (const struct sockaddr *)&to, sizeof(to)) < 0)
		server_die("ask");
}

static void count(const struct datagram *answer, uint32_t host)
{
	const bool may_be_plain = answer->who == HANDLER || answers_late;

	if (host == answer->host) {
		right++;
	} else if (may_be_plain && host == 1) {
		plain++;
	} else {
		printf("127.0.0.%d was asked, and 127.0.0.%u has answered%s\n",
		       answer->host, host,
		       answer->who == HANDLER ? " in a handler" : "");
		wrong++;
	}
}

/* Takes one answer.  A handler's may be plain, nobody else's. */
static void hear(const struct client *client)
{
	struct pollfd there = { .fd = client->fd, .events = POLLIN };
	struct sockaddr_in from = { 0 };
	socklen_t len = sizeof(from);
	struct datagram answer;
	int n;

	do {
		n = poll(&there, 1, WAIT_MS);
	} while (n < 0 && errno == EINTR);
	if (n == 1 &&
	    recvfrom(client->fd, &answer, sizeof(answer), 0,
		     (struct sockaddr *)&from, &len) == sizeof(answer))
		count(&answer, ntohl(from.sin_addr.s_addr) - LOOPBACK);
	else
		wrong++;
}

/* The steps of what is between begin_steps and end_steps. */
static volatile bool begins, stepping;
static volatile long step, next_step, stride;

#if defined(__x86_64__) || defined(__i386__)
static void set_trap_flag(void *context, bool on)
{
	greg_t *flags = &((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL];

	*flags = on ? *flags | TRAP_FLAG : *flags & ~(greg_t)TRAP_FLAG;
}

static void begin_steps(void)
{
	begins = true;
	__asm__ volatile("int3" ::: "memory");
}
#else
static void set_trap_flag(void *context, bool on)
{
	(void)context;
	(void)on;
}

static void begin_steps(void)
{
}
#endif

/* Whose request comes between another and its answer. */
static struct client another;

static void take_another(int fd)
{
	struct datagram data;
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);

	ask(&another, server_port(fd));
	if (recvfrom(fd, &data, sizeof(data), 0, (struct sockaddr *)&peer,
		     &len) != sizeof(data))
		wrong++;
}

/* Echoes one datagram, which is there, in one of the ways. */
enum way { RECVFROM, RECVMSG, RECVMMSG };

static bool echo(int fd, enum way way, bool in_handler)
{
	struct datagram data;
	struct sockaddr_in peer;
	struct iovec iov = { .iov_base = &data, .iov_len = sizeof(data) };
	struct mmsghdr message = {
		.msg_hdr = {
			.msg_name = &peer,
			.msg_namelen = sizeof(peer),
			.msg_iov = &iov,
			.msg_iovlen = 1,
		},
	};
	struct msghdr *msg = &message.msg_hdr;
	ssize_t n;

	if (way == RECVFROM)
		n = recvfrom(fd, &data, sizeof(data), 0,
			     (struct sockaddr *)&peer, &msg->msg_namelen);
	else if (way == RECVMSG)
		n = recvmsg(fd, msg, 0);
	else
		n = recvmmsg(fd, &message, 1, 0, NULL);
	if (n <= 0)
		return false;
	data.who = in_handler ? HANDLER : INTERRUPTED;
	if (only_answers && !in_handler) {
		if (answers_late)
			take_another(fd);
		begin_steps();
	}
	if (way == RECVFROM)
		n = sendto(fd, &data, sizeof(data), 0, (struct sockaddr *)&peer,
			   msg->msg_namelen);
	else if (way == RECVMSG)
		n = sendmsg(fd, msg, 0);
	else
		n = sendmmsg(fd, &message, 1, 0);
	return n > 0;
}

/* What the handler does, on which sockets. */
enum body { SENDTO, SENDMSG, CLOSE, FORK, JUMP, KILL, EVICT, BODIES };
static const char *const bodies[] = { "sendto", "sendmsg", "close", "fork",
				      "jump",	"kill",	   "evict" };
static int served;
static int served_port;
/* One for each that is not heard yet: of one client's the last would win. */
static struct client handlers_clients[MOST_CLIENTS];
static volatile unsigned int handled;
static sigjmp_buf before;

static struct client *handlers_client(unsigned int n)
{
	return &handlers_clients[n % MOST_CLIENTS];
}

static void make_and_close(void)
{
	int fd = server_bind(AF_INET, SOCK_DGRAM, 0, 0);

	close(dup(fd));
	close(fd);
	close(dup(served));
}

static void answer_by_child(void)
{
	int status = -1;
	pid_t child = fork();

	if (!child) {
		alarm(WAIT_MS / 1000);
		_exit(echo(served, RECVFROM, true) ? 0 : 1);
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (status) {
		printf("the child ended with %d\n", status);
		wrong++;
	}
}

static void answer_many(void)
{
	for (unsigned int i = 0; i < EVICTING; i++) {
		ask(handlers_client(i), served_port);
		if (!echo(served, RECVFROM, true))
			wrong++;
		hear(handlers_client(i));
	}
}

static void handle(enum body body)
{
	switch (body) {
	case SENDTO:
	case SENDMSG:
		ask(handlers_client(handled), served_port);
		if (!echo(served, body == SENDTO ? RECVFROM : RECVMSG, true))
			wrong++;
		break;
	case CLOSE:
		make_and_close();
		break;
	case FORK:
		ask(handlers_client(handled), served_port);
		answer_by_child();
		break;
	case JUMP:
		handled = 1;
		siglongjmp(before, 1);
	case EVICT:
		answer_many();
		break;
	default:
		/* Not raise(3), which would wait for nobody here. */
		kill(getpid(), SIGKILL);
	}
}

static enum body stepped_body;

static void end_steps(void)
{
	stepping = false;
}

/* After each instruction. */
static void stepped(int number, siginfo_t *info, void *context)
{
	int saved = errno;

	(void)number;
	(void)info;
	if (begins) {
		begins = false;
		stepping = true;
		step = 0;
	} else if (stepping && ++step == next_step) {
		if (!once)
			next_step += stride;
		handle(stepped_body);
		if (stride == 1 && !once)
			hear(handlers_client(handled));
		handled++;
	}
	set_trap_flag(context, stepping);
	errno = saved;
}

static bool has_own_stacks;

static void own_stack(void)
{
	const stack_t stack = { .ss_sp = malloc(STACK_BYTES),
				.ss_size = STACK_BYTES };

	if (!stack.ss_sp || sigaltstack(&stack, NULL))
		server_die("sigaltstack");
}

static void handle_signals(int number,
			   void (*handler)(int, siginfo_t *, void *))
{
	struct sigaction action = { .sa_sigaction = handler,
				    .sa_flags = SA_SIGINFO | SA_RESTART };

	if (has_own_stacks) {
		action.sa_flags |= SA_ONSTACK;
		own_stack();
	}
	if (sigaction(number, &action, NULL))
		server_die("sigaction");
}

/* A request that a vfork child serves, up to the instruction. */
static void serve_by_vfork(enum way way)
{
	// NOLINTBEGIN(clang-analyzer-*): it is vfork that is to be tried.
	pid_t child = vfork();

	if (!child) {
		begin_steps();
		echo(served, way, false);
		_exit(0);
	}
	// NOLINTEND(clang-analyzer-*)
	waitpid(child, NULL, 0);
	end_steps();
}

static void drain(int fd)
{
	struct datagram data;

	while (recv(fd, &data, sizeof(data), MSG_DONTWAIT) >= 0)
		;
}

static bool asks(enum body body)
{
	return body == SENDTO || body == SENDMSG || body == FORK;
}

static bool ends_request(enum body body)
{
	return body == JUMP || body == KILL;
}

/* Something more, unasked. */
static void push(const struct client *client)
{
	const struct datagram data = { .host = client->host, .who = HANDLER };
	struct sockaddr_in to;
	socklen_t len = sizeof(to);

	if (getsockname(client->fd, (struct sockaddr *)&to, &len) ||
	    sendto(served, &data, sizeof(data), 0, (struct sockaddr *)&to,
		   len) < 0)
		wrong++;
	hear(client);
}

/* They are answered, so they are not the first to be forgotten. */
static void be_known(struct client *client)
{
	struct client *both[] = { client, &another };

	for (int i = 0; i < 2; i++) {
		ask(both[i], served_port);
		if (!echo(served, RECVFROM, true))
			wrong++;
		hear(both[i]);
	}
}

/* One request, with the handler from this instruction on. */
static void serve_stepped(enum way way, struct client *client, long first)
{
	if (answers_late)
		be_known(client);
	handled = 0;
	next_step = first;
	ask(client, served_port);
	if (stepped_body == KILL) {
		serve_by_vfork(way);
		handled = step >= first;
	} else if (!sigsetjmp(before, 1)) {
		if (!only_answers)
			begin_steps();
		if (!echo(served, way, false))
			wrong++;
	}
	end_steps();
	if (ends_request(stepped_body)) {
		drain(served);
		drain(client->fd);
		ask(client, served_port);
		if (!echo(served, way, false))
			wrong++;
	}
	/* Whoever came first has taken the first request. */
	hear(client);
	for (unsigned int i = 0; i < handled && asks(stepped_body); i++)
		hear(handlers_client(i));
	if (asks_one && handled)
		push(handlers_client(0));
}

static void say(const char *what, long n)
{
	printf("%ld %s, %lu right, %lu plain, %lu wrong\n", n, what, right,
	       plain, wrong);
}

static void step_through(enum way way, const char *name)
{
	struct client client = new_client(false);
	long first = 1;

	for (int i = 0; i < BODIES; i++)
		if (!strcmp(name, bodies[i]))
			stepped_body = (enum body)i;
	once = only_answers || asks_one || ends_request(stepped_body);
	another = new_client(true);
	handle_signals(SIGTRAP, stepped);
	do {
		serve_stepped(way, &client, first);
		first += once ? stride : 1;
	} while (once ? handled : first <= stride);
	say("instructions", step);
}

/* All that may happen to a socket. */
static void live(struct client *client)
{
	int fd = server_bind(AF_INET, SOCK_DGRAM, 0, 0), other;
	int port = server_port(fd);
	struct sockaddr_in name = server_loopback(1, 0);
	struct datagram answer = { .who = INTERRUPTED };
	socklen_t len = sizeof(name);

	ask(client, port);
	echo(fd, RECVFROM, false);
	other = dup(fd);
	ask(client, port);
	echo(other, RECVMSG, false);
	close(other);
	ask(client, port);
	echo(fd, RECVMMSG, false);
	getsockname(client->fd, (struct sockaddr *)&name, &len);
	if (connect(fd, (struct sockaddr *)&name, sizeof(name)))
		wrong++;
	answer.host = client->host;
	if (send(fd, &answer, sizeof(answer), 0) < 0)
		wrong++;
	close(fd);
}

static void step_through_life(void)
{
	struct client client = new_client(false);

	next_step = stride = 1;
	stepped_body = SENDTO;
	handle_signals(SIGTRAP, stepped);
	begin_steps();
	live(&client);
	end_steps();
	for (int i = 0; i < LIFE_REQUESTS; i++)
		hear(&client);
	say("instructions", step);
}

/* A timer of each thread interrupts it. */
static _Atomic long interrupts;
static _Thread_local struct client interrupted_client;
static _Thread_local int interrupted_fd, interrupted_port;

static void interrupt(int number, siginfo_t *info, void *context)
{
	int saved = errno;

	(void)number;
	(void)info;
	(void)context;
	ask(&interrupted_client, interrupted_port);
	if (!echo(interrupted_fd, interrupts++ % 2 ? RECVMSG : RECVFROM, true))
		wrong++;
	hear(&interrupted_client);
	if (interrupts % 16 == 0)
		make_and_close();
	errno = saved;
}

/* Of the process: whichever thread runs is interrupted. */
static void interrupt_often(void)
{
	const struct itimerval often = {
		.it_value.tv_usec = 1000000 / HERTZ,
		.it_interval.tv_usec = 1000000 / HERTZ,
	};

	if (setitimer(ITIMER_REAL, &often, NULL))
		server_die("setitimer");
}

static long seconds;
static _Atomic long requests;

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void *serve_interrupted(void *unused)
{
	struct client client = new_client(false);
	int fd = server_bind(AF_INET, SOCK_DGRAM, 0, 0);
	int port = server_port(fd);
	const long end = now_ms() + seconds * 1000;

	interrupted_client = new_client(true);
	interrupted_fd = server_bind(AF_INET, SOCK_DGRAM, 0, 0);
	interrupted_port = server_port(interrupted_fd);
	if (has_own_stacks)
		own_stack();
	server_mask_alarm(SIG_UNBLOCK);
	while (now_ms() < end && !wrong) {
		ask(&client, port);
		if (!echo(fd, (enum way)(requests++ % 3), false))
			wrong++;
		hear(&client);
	}
	return unused;
}

static void serve_with_timers(void)
{
	pthread_t threads[THREADS];

	handle_signals(SIGALRM, interrupt);
	server_mask_alarm(SIG_BLOCK);
	interrupt_often();
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, serve_interrupted, NULL))
			server_die("pthread_create");
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	printf("%ld requests, ", requests);
	say("interrupts", interrupts);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";

	if (setvbuf(stdout, NULL, _IOLBF, 0))
		server_die("setvbuf");
	// NOLINTNEXTLINE(concurrency-mt-unsafe): there is no other thread yet.
	has_own_stacks = getenv("ONSTACK");
	served = server_bind(AF_INET, SOCK_DGRAM, 0, 0);
	served_port = server_port(served);
	for (int i = 0; i < MOST_CLIENTS; i++)
		handlers_clients[i] = new_client(true);
	answers_late = !strcmp(how, "late");
	only_answers = answers_late || !strcmp(how, "answer");
	asks_one = !strcmp(how, "again");
	if (argc > 4 && (only_answers || asks_one || !strcmp(how, "step"))) {
		stride = strtol(argv[4], NULL, 10);
		step_through(!strcmp(argv[2], "recvfrom")  ? RECVFROM
			     : !strcmp(argv[2], "recvmsg") ? RECVMSG
							   : RECVMMSG,
			     argv[3]);
	} else if (!strcmp(how, "every")) {
		step_through_life();
	} else if (argc > 2 && !strcmp(how, "timer")) {
		seconds = strtol(argv[2], NULL, 10);
		serve_with_timers();
	} else {
		return EXIT_FAILURE;
	}
	return wrong ? EXIT_FAILURE : EXIT_SUCCESS;
}
