/* SPDX-License-Identifier: MIT */
/* Makes sockets on both hosts of demo/lab, and moves datagrams. */
// NOLINTBEGIN(concurrency-mt-unsafe,cert-env33-c): one thread, and its shell.
#include "lab.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

/* On a busy machine: what is late by more will not come. */
#define SECONDS 5
#define NO_NAMESPACES 77
#define MOST_FDS 64

static int fds[MOST_FDS];
static size_t fd_count;
static const char *client_network;

static int shell(const char *format, ...)
{
	char line[512];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	assert_true(length < (int)sizeof(line));
	return system(line);
}

/* The kernel makes a new IPv6 address usable a moment later. */
static int await_address(const char *host, const char *address)
{
	return shell("for _ in $(seq 500); do %s ip -6 route show table local |"
		     " grep -q '^local %.*s ' && exit 0; sleep 0.01; done;"
		     " exit 1",
		     host, (int)strcspn(address, "/"), address);
}

static int await_hosts(void)
{
	return await_address("", "fd01:2::2") ||
	       await_address("", "fd01:2::3") ||
	       await_address("", "fd01:3::2") || await_address("", "fe80::2") ||
	       await_address("$LAB_CLIENT", "fd01:2::5") ||
	       await_address("$LAB_CLIENT", "fe80::5");
}

static void enter_lab(char **argv)
{
	char *const inside[] = { LAB, argv[0], argv[1], NULL };
	const char *enter = getenv("LAB_CLIENT"); /* "nsenter --net=..." */
	int status;

	if (enter) {
		client_network = enter + strcspn(enter, "=") + 1;
		if (!await_hosts())
			return;
		puts("Bail out! The lab has not all of its addresses");
		exit(EXIT_FAILURE);
	}
	status = system("'" LAB "' true");
	if (WIFEXITED(status) && WEXITSTATUS(status) == NO_NAMESPACES) {
		puts("1..0 # SKIP no namespaces here");
		exit(EXIT_SUCCESS);
	}
	execv(LAB, inside);
	perror(LAB);
	exit(EXIT_FAILURE);
}

__attribute__((constructor)) static void have_it_entered(void)
{
	unit_fixtures.enter = enter_lab;
}

void lab_run(const char *command)
{
	assert_int_equal(shell("%s", command), 0);
}

void lab_run_on_client(const char *command)
{
	assert_int_equal(shell("$LAB_CLIENT %s", command), 0);
}

void lab_add_address(const char *address)
{
	const bool is_v6 = strchr(address, ':') != NULL;

	assert_int_equal(shell("ip addr add %s dev eth0 %s", address,
			       is_v6 ? "nodad" : ""),
			 0);
	assert_int_equal(is_v6 ? await_address("", address) : 0, 0);
}

void lab_remove_address(const char *address)
{
	assert_int_equal(shell("ip addr del %s dev eth0", address), 0);
}

static int open_network(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

/* This thread is on that host now, which its older sockets do not mind. */
static void go_to(int network)
{
	assert_int_equal(setns(network, CLONE_NEWNET), 0);
	close(network);
}

static int new_socket(int domain)
{
	const struct timeval patience = { .tv_sec = SECONDS };
	int fd = socket(domain, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0 && fd_count < MOST_FDS);
	fds[fd_count++] = fd;
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
				    sizeof(patience)),
			 0);
	return fd;
}

AFTER_EACH(close_all)
{
	while (fd_count)
		close(fds[--fd_count]);
}

void lab_close_one(int fd)
{
	for (size_t i = 0; i < fd_count; i++) {
		if (fds[i] == fd)
			fds[i] = fds[--fd_count];
	}
	close(fd);
}

void lab_set(int fd, int level, int name, int value)
{
	assert_int_equal(setsockopt(fd, level, name, &value, sizeof(value)), 0);
}

struct address lab_address(const char *text, in_port_t port_be)
{
	struct address address = { .bytes = sizeof(address.v4) };
	char host[INET6_ADDRSTRLEN + IF_NAMESIZE];
	char *scope;

	assert_true(strlen(text) < sizeof(host));
	memcpy(host, text, strlen(text) + 1);
	scope = strchr(host, '%');
	if (scope) {
		*scope++ = '\0';
		address.v6.sin6_scope_id = if_nametoindex(scope);
		assert_true(address.v6.sin6_scope_id);
	}
	if (inet_pton(AF_INET, host, &address.v4.sin_addr)) {
		address.v4.sin_family = AF_INET;
		address.v4.sin_port = port_be;
		return address;
	}
	assert_true(inet_pton(AF_INET6, host, &address.v6.sin6_addr));
	address.v6.sin6_family = AF_INET6;
	address.v6.sin6_port = port_be;
	address.bytes = sizeof(address.v6);
	return address;
}

in_port_t lab_port_be(int fd)
{
	struct address address = { .bytes = sizeof(address.v6) };

	assert_int_equal(getsockname(fd, &address.any, &address.bytes), 0);
	/* Both families keep the port at the same place. */
	return address.v4.sin_port;
}

static void bind_to(int fd, const char *text)
{
	struct address address = lab_address(text, 0);

	assert_int_equal(bind(fd, &address.any, address.bytes), 0);
}

int lab_server(int domain)
{
	int fd = new_socket(domain);

	bind_to(fd, domain == AF_INET ? "0.0.0.0" : "::");
	return fd;
}

int lab_client(const char *address)
{
	int here = open_network("/proc/self/ns/net");
	int fd;

	go_to(open_network(client_network));
	fd = new_socket(strchr(address, ':') ? AF_INET6 : AF_INET);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "eth0",
				    sizeof("eth0")),
			 0);
	lab_set(fd, SOL_SOCKET, SO_BROADCAST, 1);
	bind_to(fd, address);
	go_to(here);
	return fd;
}

void lab_ask(int client, const char *address, int server)
{
	struct address to = lab_address(address, lab_port_be(server));

	assert_int_equal(sendto(client, "?", 1, 0, &to.any, to.bytes), 1);
}

static struct datagram receive(int fd, int flags)
{
	struct datagram got = { .peer.bytes = sizeof(got.peer.v6) };
	struct iovec iov = {
		.iov_base = got.data,
		.iov_len = sizeof(got.data),
	};
	struct msghdr msg = {
		.msg_name = &got.peer.any,
		.msg_namelen = got.peer.bytes,
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = got.control,
		.msg_controllen = sizeof(got.control),
	};
	ssize_t n = recvmsg(fd, &msg, flags);

	assert_true(n >= 0);
	got.bytes = (size_t)n;
	got.peer.bytes = msg.msg_namelen;
	got.flags = msg.msg_flags;
	got.control_bytes = msg.msg_controllen;
	return got;
}

void lab_await_error(int fd)
{
	struct pollfd there = { .fd = fd };

	assert_int_equal(poll(&there, 1, SECONDS * 1000), 1);
}

struct datagram lab_take(int fd, int flags)
{
	/* A read of the error queue does not wait by itself. */
	if (flags & MSG_ERRQUEUE)
		lab_await_error(fd);
	return receive(fd, flags);
}

const void *lab_find(const struct datagram *got, int level, int type)
{
	struct msghdr msg = {
		.msg_control = (void *)got->control,
		.msg_controllen = got->control_bytes,
	};

	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c;
	     c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_level == level && c->cmsg_type == type)
			return CMSG_DATA(c);
	}
	return NULL;
}

/* Writes the control message that names the source; answers its length. */
static size_t write_source(char *control, const char *source,
			   unsigned int ifindex)
{
	struct in_pktinfo v4 = { .ipi_ifindex = (int)ifindex };
	struct in6_pktinfo v6 = { .ipi6_ifindex = ifindex };
	const bool is_v4 = inet_pton(AF_INET, source, &v4.ipi_spec_dst) == 1;
	const struct cmsghdr c = {
		.cmsg_len = CMSG_LEN(is_v4 ? sizeof(v4) : sizeof(v6)),
		.cmsg_level = is_v4 ? IPPROTO_IP : IPPROTO_IPV6,
		.cmsg_type = is_v4 ? IP_PKTINFO : IPV6_PKTINFO,
	};

	assert_true(is_v4 || inet_pton(AF_INET6, source, &v6.ipi6_addr) == 1);
	memcpy(control, &c, sizeof(c));
	memcpy(control + CMSG_LEN(0), is_v4 ? (void *)&v4 : (void *)&v6,
	       c.cmsg_len - CMSG_LEN(0));
	return CMSG_ALIGN(c.cmsg_len);
}

int lab_send(int fd, const struct address *to, const char *source,
	     unsigned int ifindex, const char *data, int flags)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(64)] = { 0 };
	struct iovec iov = { .iov_base = (void *)data };
	struct msghdr msg = {
		.msg_name = (void *)&to->any,
		.msg_namelen = to->bytes,
		.msg_iov = &iov,
	};

	if (data) {
		iov.iov_len = strlen(data);
		msg.msg_iovlen = 1;
	}
	if (source) {
		msg.msg_control = control;
		msg.msg_controllen = write_source(control, source, ifindex);
	}
	return sendmsg(fd, &msg, flags) < 0 ? errno : 0;
}

int lab_answer(int server, const struct datagram *request, const char *source,
	       unsigned int ifindex)
{
	return lab_send(server, &request->peer, source, ifindex, "!", 0);
}

void lab_assert_from(int fd, const char *address)
{
	struct datagram got = lab_take(fd, 0);

	if (got.peer.any.sa_family == AF_INET)
		assert_address(got.peer.v4.sin_addr, address);
	else
		assert_address(got.peer.v6.sin6_addr, address);
}

void lab_assert_nothing(int fd)
{
	struct pollfd there = { .fd = fd, .events = POLLIN };

	/* What was sent is there at once: a veth delivers in the send. */
	assert_int_equal(poll(&there, 1, 50), 0);
}
// NOLINTEND(concurrency-mt-unsafe,cert-env33-c)
