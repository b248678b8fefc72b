/* SPDX-License-Identifier: MIT */
/*
 * Servers that do what is allowed and seldom done:
 *
 *     hazards jump       leaves recvmmsg by siglongjmp, 100 times; then echoes
 *     hazards cancel     has threads canceled in recvmmsg; then echoes
 *     hazards number     leaves each receive by its number by siglongjmp, and
 *                        makes each when it is to be canceled; then echoes
 *     hazards sandbox    forbids itself to get memory; then echoes
 *     hazards resvport   is bound by bindresvport(3); then echoes
 *
 * Each prints its port when it is about to echo, once.
 */
#include "server.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <rpc/netdb.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#define MESSAGES 64
#define CANCELED 100
#define JUMPS 100
#define JUMP_US 1000

static sigjmp_buf before;

static void jump(int number)
{
	siglongjmp(before, number);
}

/* Each time out of the middle of a batch that is large. */
static void wait_for_nothing(int fd)
{
	const struct itimerval soon = { .it_value.tv_usec = JUMP_US };
	static struct mmsghdr messages[MESSAGES];

	(void)signal(SIGALRM, jump);
	for (volatile int i = 0; i < JUMPS; i++) {
		if (sigsetjmp(before, 1))
			continue;
		setitimer(ITIMER_REAL, &soon, NULL);
		(void)recvmmsg(fd, messages, MESSAGES, 0, NULL);
		server_die("recvmmsg");
	}
}

/* By syscall(2), which is no cancellation point. */
static void receive_by_number(int fd, long number)
{
	static struct mmsghdr messages[MESSAGES];
	char buf[64];
	struct iovec iov = { .iov_base = buf, .iov_len = sizeof(buf) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (number == SYS_recvfrom)
		(void)syscall(number, fd, buf, sizeof(buf), 0, NULL, NULL);
	else if (number == SYS_recvmsg)
		(void)syscall(number, fd, &msg, 0);
	else if (number == SYS_recvmmsg)
		(void)syscall(number, fd, messages, MESSAGES, 0, NULL);
	else if (number == SYS_read)
		(void)syscall(number, fd, buf, sizeof(buf));
	else
		(void)syscall(number, fd, &iov, 1);
}

static const long receives[] = { SYS_recvfrom, SYS_recvmsg, SYS_recvmmsg,
				 SYS_read, SYS_readv };

#define RECEIVES (sizeof(receives) / sizeof(*receives))

/* What comes then may be canceled, as before. */
static void jump_out_of_numbers(int fd)
{
	const struct itimerval soon = { .it_value.tv_usec = JUMP_US };
	int was;

	(void)signal(SIGALRM, jump);
	server_mask_alarm(SIG_UNBLOCK);
	for (volatile size_t i = 0; i < RECEIVES; i++) {
		if (!sigsetjmp(before, 1)) {
			setitimer(ITIMER_REAL, &soon, NULL);
			receive_by_number(fd, receives[i]);
			server_die("received");
		}
		(void)pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &was);
		if (was != PTHREAD_CANCEL_ENABLE)
			server_die("cancellation is disabled");
	}
}

static void *receive_when_canceled(void *argument)
{
	int fd = *(const int *)argument;

	(void)pthread_cancel(pthread_self());
	for (size_t i = 0; i < RECEIVES; i++)
		receive_by_number(fd, receives[i]);
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	return NULL;
}

static void use_numbers(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	pthread_t thread;
	void *result;

	jump_out_of_numbers(fd);
	if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) ||
	    pthread_create(&thread, NULL, receive_when_canceled, &fd) ||
	    pthread_join(thread, &result) || result ||
	    fcntl(fd, F_SETFL, flags))
		server_die("canceled");
}

static void say_port(int fd)
{
	(void)printf("port %d\n", server_port(fd));
	(void)fflush(stdout);
}

static void *serve_after_jumps(void *argument)
{
	const int *fd = argument;

	server_mask_alarm(SIG_UNBLOCK);
	wait_for_nothing(*fd);
	say_port(*fd);
	server_echo(*fd);
	pthread_exit(NULL);
}

static void *wait_to_be_canceled(void *argument)
{
	struct mmsghdr messages[MESSAGES] = { 0 };

	(void)recvmmsg(*(const int *)argument, messages, MESSAGES, 0, NULL);
	server_die("recvmmsg");
	return NULL;
}

/* Each in the middle of a batch that is large, or before it. */
static void cancel_threads(int fd)
{
	pthread_t thread;
	void *result;

	for (int i = 0; i < CANCELED; i++) {
		if (pthread_create(&thread, NULL, wait_to_be_canceled, &fd))
			server_die("pthread_create");
		if (i % 2)
			usleep(JUMP_US);
		if (pthread_cancel(thread) || pthread_join(thread, &result) ||
		    result != PTHREAD_CANCELED)
			server_die("pthread_cancel");
	}
}

/* What a strict server needs not any more kills it. */
static void forbid_memory(void)
{
#define KILL(name)                                             \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		KILL(mmap),
		KILL(madvise),
		KILL(getrandom),
		KILL(brk),
		KILL(setsockopt),
		KILL(getsockopt),
		KILL(getsockname),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {
		.len = sizeof(code) / sizeof(*code),
		.filter = code,
	};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		server_die("seccomp");
}

static int bind_reserved(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || bindresvport(fd, &any))
		server_die("bindresvport");
	return fd;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	pthread_t thread;
	int fd;

	fd = strcmp(how, "resvport") == 0
		     ? bind_reserved()
		     : server_bind(AF_INET, SOCK_DGRAM, 0, 0);
	/* For the thread, not for us who wait for it. */
	server_mask_alarm(SIG_BLOCK);
	if (strcmp(how, "jump") == 0)
		return pthread_create(&thread, NULL, serve_after_jumps, &fd) ||
		       pthread_join(thread, NULL);
	if (strcmp(how, "cancel") == 0)
		cancel_threads(fd);
	if (strcmp(how, "number") == 0)
		use_numbers(fd);
	say_port(fd);
	if (strcmp(how, "sandbox") == 0)
		forbid_memory();
	server_echo(fd);
	return EXIT_SUCCESS;
}
