/* SPDX-License-Identifier: MIT */
/*
 * An echo server that restricts itself by a filter before it serves:
 *
 *     sandboxed HOW errno|kill|trap|unlike|only CALL...
 *
 * The filter has this action for these calls, or to `unlike`, kills for them
 * when their first argument is not 0, or to do `only` these, for all others.
 * HOW: it is installed by
 *     prctl, seccomp    what is so called, the latter by its number
 *     number            prctl, by its number
 *     refused           prctl, which refuses it
 *     exec              prctl, and the server is the program that follows
 *     numbered          prctl; the server receives by syscall(2)
 *     shown             prctl; the server receives by recvmsg, and says how
 *                       many bytes of control messages there are
 *     two               prctl, a filter for each call
 *     probed            prctl, after libseccomp's question for seccomp(2)
 *     child             prctl, in a child that ends, and in one of vfork
 *     contained         the same in a PID namespace, which has one child only
 *     late              prctl, before it has a UDP socket
 *     connects          prctl; it connects to its client, the only one, when
 *                       another request of it waits, by a socket that is in an
 *                       epoll set
 *     pinned            prctl, once it has connected so, by a socket that has
 *                       two fds
 *     many              prctl; it serves more than twice
 *     elsewhere         prctl; it has no UDP socket, and only uses epoll
 *     strict            there is none: only read and write are allowed
 * It serves two requests on fd 0, if that is a socket, or on one of its own,
 * and says its port first.
 */
#include "server.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_INSTRUCTIONS 64
#define REQUESTS 2
#define MANY_REQUESTS 600

static const struct {
	const char *name;
	unsigned int number;
} calls[] = {
	{ "recvmsg", SYS_recvmsg },
	{ "sendmsg", SYS_sendmsg },
	{ "getsockopt", SYS_getsockopt },
	{ "setsockopt", SYS_setsockopt },
	{ "getsockname", SYS_getsockname },
	{ "recvfrom", SYS_recvfrom },
	{ "sendto", SYS_sendto },
	{ "socket", SYS_socket },
	{ "bind", SYS_bind },
	{ "connect", SYS_connect },
	{ "read", SYS_read },
	{ "write", SYS_write },
	{ "close", SYS_close },
	{ "fcntl", SYS_fcntl },
	{ "epoll_ctl", SYS_epoll_ctl },
	{ "getrandom", SYS_getrandom },
	{ "exit", SYS_exit },
	{ "rt_sigpending", SYS_rt_sigpending },
	{ "rt_sigprocmask", SYS_rt_sigprocmask },
	{ "rt_sigtimedwait", SYS_rt_sigtimedwait },
	{ "getpid", SYS_getpid },
	{ "statx", SYS_statx },
	{ "munmap", SYS_munmap },
	{ "madvise", SYS_madvise },
	{ "dup3", SYS_dup3 },
	{ "ppoll", SYS_ppoll },
	{ "getpeername", SYS_getpeername },
#ifdef SYS_mmap2
	{ "mmap", SYS_mmap2 },
#else
	{ "mmap", SYS_mmap },
#endif
};

static unsigned int number_of(const char *name)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		if (!strcmp(name, calls[i].name))
			return calls[i].number;
	server_die(name);
}

static struct sock_filter code[MOST_INSTRUCTIONS];
static unsigned short length;

static void append(struct sock_filter instruction)
{
	code[length++] = instruction;
}

static void make_filter(const char *action, char **names)
{
	const int is_only = !strcmp(action, "only");
	const unsigned int action_of =
		is_only			   ? SECCOMP_RET_ALLOW
		: !strcmp(action, "errno") ? SECCOMP_RET_ERRNO | EPERM
		: !strcmp(action, "trap")  ? SECCOMP_RET_TRAP
					   : SECCOMP_RET_KILL_PROCESS;
	const unsigned char unlike = !strcmp(action, "unlike");

	for (; *names; names++) {
		append((struct sock_filter)BPF_STMT(
			BPF_LD | BPF_W | BPF_ABS,
			offsetof(struct seccomp_data, nr)));
		append((struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, number_of(*names), 0,
			(unsigned char)(unlike ? 3 : 1)));
		if (unlike) {
			append((struct sock_filter)BPF_STMT(
				BPF_LD | BPF_W | BPF_ABS,
				offsetof(struct seccomp_data, args)));
			append((struct sock_filter)BPF_JUMP(
				BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0));
		}
		append((struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
						    action_of));
	}
	append((struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
					    is_only ? SECCOMP_RET_KILL_PROCESS
						    : SECCOMP_RET_ALLOW));
}

static void install(const char *how)
{
	const struct sock_fprog program = { .len = length, .filter = code };
	const int is_refused = !strcmp(how, "refused");
	long result;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		server_die("no_new_privs");
	if (is_refused)
		code[length - 1].code = 0xffff;
	if (!strcmp(how, "strict"))
		result = prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
	else if (!strcmp(how, "seccomp"))
		result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0,
				 &program);
	else if (!strcmp(how, "number"))
		result = syscall(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER,
				 &program, 0, 0);
	else
		result = prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
	if ((result != 0) != is_refused)
		server_die("seccomp");
}

/* As the child of either fork, which does nothing else. */
static void install_in_children(bool in_namespace)
{
	pid_t child;

	if (in_namespace && unshare(CLONE_NEWPID))
		server_die("unshare");
	child = fork();
	if (!child) {
		/* As a process that is not the first one there. */
		if (!in_namespace || !(child = fork()))
			install("prctl");
		else
			(void)waitpid(child, NULL, 0);
		_exit(0);
	}
	(void)waitpid(child, NULL, 0);
	child = vfork(); // NOLINT: this is what is to be tried
	if (!child) {
		install("prctl"); // NOLINT: it returns, and so harms nobody
		_exit(0);
	}
	(void)waitpid(child, NULL, 0);
}

/* Each call of the command line by a filter of its own. */
static void install_each(const char *action, char **names)
{
	char *one[] = { NULL, NULL };

	for (; *names; names++) {
		one[0] = *names;
		length = 0;
		make_filter(action, one);
		install("prctl");
	}
}

static void use_epoll(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(0), fd = eventfd(0, 0);

	install("prctl");
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
		server_die("epoll_ctl");
	_exit(EXIT_SUCCESS);
}

/* A call that succeeds leaves errno as it was. */
static void echo(int fd)
{
	errno = EXDEV;
	server_echo(fd);
	if (errno != EXDEV)
		server_die("errno has changed");
}

static void echo_by_number(int fd)
{
	char buf[64];
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);
	long n;

	errno = EXDEV;
	n = syscall(SYS_recvfrom, fd, buf, sizeof(buf), 0, &peer, &len);
	if (n < 0 || errno != EXDEV ||
	    sendto(fd, buf, (size_t)n, 0, (struct sockaddr *)&peer, len) != n)
		server_die("echo by number");
}

static void serve_connected(int fd, const char *how)
{
	const int is_pinned = !strcmp(how, "pinned");
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);
	char buf[64];
	ssize_t n = recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&peer,
			     &len);

	if (n < 0 || recvfrom(fd, buf, sizeof(buf), MSG_PEEK, NULL, NULL) < 0 ||
	    (is_pinned && dup(fd) < 0) ||
	    connect(fd, (struct sockaddr *)&peer, len))
		server_die("connected");
	if (is_pinned)
		install(how);
	for (int i = 0; i < REQUESTS; i++) {
		errno = EXDEV;
		if (write(fd, buf, (size_t)n) != n || errno != EXDEV)
			server_die("write");
		if (!i)
			n = read(fd, buf, sizeof(buf));
	}
}

/* What recvmsg shows goes back. */
static void show(int fd)
{
	char control[128], text[64] = "";
	struct sockaddr_storage peer;
	struct iovec iov = { .iov_base = text, .iov_len = sizeof(text) };
	struct msghdr msg = {
		.msg_name = &peer,
		.msg_namelen = sizeof(peer),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	int n;

	if (recvmsg(fd, &msg, 0) < 0)
		server_die("recvmsg");
	n = snprintf(text, sizeof(text), "%zu", (size_t)msg.msg_controllen);
	if (sendto(fd, text, (size_t)n, 0, (struct sockaddr *)&peer,
		   msg.msg_namelen) != n)
		server_die("sendto");
}

static void read_strictly(int fd)
{
	char buf[64];
	ssize_t n = read(fd, buf, sizeof(buf));

	(void)!write(STDOUT_FILENO, buf, n < 0 ? 0 : (size_t)n);
	/* exit_group, which exit(3) is, is forbidden. */
	syscall(SYS_exit, n < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

static int own_socket(void)
{
	struct sockaddr_in6 name;
	socklen_t len = sizeof(name);

	if (!getsockname(STDIN_FILENO, (struct sockaddr *)&name, &len))
		return STDIN_FILENO;
	return server_bind(AF_INET, SOCK_DGRAM, 0, 0);
}

static int is_connected(const char *how)
{
	return !strcmp(how, "connects") || !strcmp(how, "pinned");
}

/* On a port that is free; says so without stdio, which may want more. */
static int bind_late(const char *how)
{
	struct sockaddr_in local = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_DGRAM, 0), port, n;
	char said[16];

	if (bind(fd, (struct sockaddr *)&local, sizeof(local)))
		server_die("bind");
	port = server_port(fd);
	(void)close(fd);
	install(how);
	fd = server_bind(AF_INET, SOCK_DGRAM, port, 0);
	n = snprintf(said, sizeof(said), "port %d\n", port);
	if (write(STDOUT_FILENO, said, (size_t)n) != n)
		server_die("stdout");
	return fd;
}

static int requests_of(const char *how)
{
	if (!strcmp(how, "many"))
		return MANY_REQUESTS;
	return is_connected(how) ? 1 : REQUESTS;
}

/* One that has chosen its port cannot be bound again. */
static int bind_to_connect(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	int fd = own_socket(), port = server_port(fd);

	(void)close(fd);
	fd = server_bind(AF_INET, SOCK_DGRAM, port, 0);
	if (epoll_ctl(epoll_create1(0), EPOLL_CTL_ADD, fd, &event))
		server_die("epoll_ctl");
	return fd;
}

static void serve(const char *how, int fd)
{
	for (int i = 0; i < requests_of(how); i++)
		if (!strcmp(how, "shown"))
			show(fd);
		else if (!strcmp(how, "numbered"))
			echo_by_number(fd);
		else if (is_connected(how))
			serve_connected(fd, how);
		else
			echo(fd);
}

/* exit(3) may do what it now is killed for (tests/tools/dump.c). */
static int end(const char *how, const char *action)
{
	if (strcmp(how, "refused") != 0 &&
	    (!strcmp(action, "only") || !strcmp(action, "kill")))
		syscall(SYS_exit, EXIT_SUCCESS);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	char *const server[] = { argv[0], NULL };
	int is_late, fd;

	if (argc > 3)
		make_filter(argv[2], argv + 3);
	if (!strcmp(how, "elsewhere"))
		use_epoll();
	is_late = !strcmp(how, "late");
	fd = is_late		 ? bind_late(how)
	     : is_connected(how) ? bind_to_connect()
				 : own_socket();
	if (!is_late)
		server_ready(fd);
	if (!strcmp(how, "probed"))
		(void)syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 1, NULL);
	if (!strcmp(how, "child") || !strcmp(how, "contained")) {
		install_in_children(!strcmp(how, "contained"));
	} else if (!strcmp(how, "two")) {
		install_each(argv[2], argv + 3);
	} else if (argc > 3 && strcmp(how, "pinned") != 0 && !is_late) {
		install(how);
	} else if (!strcmp(how, "strict")) {
		install(how);
		read_strictly(fd);
	}
	if (!strcmp(how, "exec")) {
		if (fd != STDIN_FILENO && dup2(fd, STDIN_FILENO) < 0)
			server_die("dup2");
		execv("/proc/self/exe", server);
		server_die("exec");
	}
	serve(how, fd);
	return end(how, argc > 2 ? argv[2] : "");
}
