/* SPDX-License-Identifier: MIT */
/*
 * A server that does what it is told: reads one command a line, makes that one
 * call, and says in a line of JSON how it went.
 *
 *     puppet COMMANDS_FD REPLIES_FD
 *
 * A command is words, then NAME=VALUE options; see commands[] at the end.
 */
// NOLINTBEGIN(concurrency-mt-unsafe): one thread at a time does something.
#include "puppet.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_WORDS 16
#define MOST_MESSAGES 1024
#define MOST_CONTROL_BYTES 2048
#define MOST_NAME_BYTES 128

/* Out of the way of the numbers that a case is about. */
#define FIRST_OWN_FD 200

/* No call sets it, so that "unchanged" can be told from "set". */
#define UNTOUCHED 4000

/* What fills a buffer, so that what was not written can be told. */
#define FILLER ((char)0xaa)

struct line {
	char *words[MOST_WORDS];
	int count;
};

/* What was received last, for `answer`. */
struct message {
	char data[DATA_BYTES];
	char name[MOST_NAME_BYTES];
	char control[MOST_CONTROL_BYTES];
};

static FILE *commands_in;
static FILE *replies;
static struct message messages[MOST_MESSAGES];
static struct mmsghdr inbox[MOST_MESSAGES];
static struct iovec iovs[MOST_MESSAGES];
static int inbox_count;

static const char *word(const struct line *line, int n)
{
	return n < line->count ? line->words[n] : "";
}

static int number(const struct line *line, int n)
{
	return (int)strtol(word(line, n), NULL, 0);
}

static const char *option(const struct line *line, const char *name)
{
	size_t length = strlen(name);

	for (int i = 1; i < line->count; i++) {
		if (!strncmp(line->words[i], name, length) &&
		    line->words[i][length] == '=')
			return line->words[i] + length + 1;
	}
	return NULL;
}

static int number_option(const struct line *line, const char *name,
			 int otherwise)
{
	const char *text = option(line, name);

	return text ? (int)strtol(text, NULL, 0) : otherwise;
}

static size_t from_hex(const char *text, void *bytes, size_t room)
{
	char digits[3] = "";
	size_t n = 0;

	for (; n < room && text[2 * n] && text[2 * n + 1]; n++) {
		memcpy(digits, text + 2 * n, 2);
		((unsigned char *)bytes)[n] =
			(unsigned char)strtoul(digits, NULL, 16);
	}
	return n;
}

static void print(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

static void print(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	if (vfprintf(replies, format, arguments) < 0)
		abort();
	va_end(arguments);
}

static void say_hex(const char *name, const void *bytes, size_t n)
{
	print(", \"%s\": \"", name);
	for (size_t i = 0; i < n; i++)
		print("%02x", ((const unsigned char *)bytes)[i]);
	print("\"");
}

/* The beginning of a reply; say_end ends it. */
static void say_result(long result)
{
	int error = errno;

	print("{\"result\": %ld, \"errno\": \"%s\"", result,
	      error == UNTOUCHED ? "" : strerrorname_np(error));
}

static void say_end(void)
{
	print("}\n");
	if (fflush(replies))
		abort();
}

static void say(long result)
{
	say_result(result);
	say_end();
}

/* "10.1.2.5", "fd01:2::5", "fe80::5%eth0"; answers its length. */
static socklen_t to_address(const char *text, int port, void *out)
{
	char host[INET6_ADDRSTRLEN + IF_NAMESIZE] = "";
	struct sockaddr_in v4 = {
		.sin_family = AF_INET,
		.sin_port = htons((in_port_t)port),
	};
	struct sockaddr_in6 v6 = {
		.sin6_family = AF_INET6,
		.sin6_port = htons((in_port_t)port),
	};
	char *scope;

	strncpy(host, text, sizeof(host) - 1);
	scope = strchr(host, '%');
	if (scope) {
		*scope = '\0';
		v6.sin6_scope_id = if_nametoindex(scope + 1);
	}
	if (inet_pton(AF_INET, host, &v4.sin_addr) == 1) {
		memcpy(out, &v4, sizeof(v4));
		return sizeof(v4);
	}
	if (inet_pton(AF_INET6, host, &v6.sin6_addr) != 1)
		abort();
	memcpy(out, &v6, sizeof(v6));
	return sizeof(v6);
}

static void *symbol(const char *name)
{
	void *found = dlsym(RTLD_DEFAULT, name);

	if (!found)
		abort();
	errno = UNTOUCHED;
	return found;
}

/* socket DOMAIN TYPE PROTOCOL */
static void do_socket(const struct line *line)
{
	say(socket(number(line, 1), number(line, 2), number(line, 3)));
}

/* bind FD ADDRESS PORT, connect FD ADDRESS PORT */
static void do_name(const struct line *line)
{
	__typeof__(&bind) call = symbol(word(line, 0));
	char name[MOST_NAME_BYTES];
	socklen_t bytes = to_address(word(line, 2), number(line, 3), name);

	say(call(number(line, 1), (struct sockaddr *)name, bytes));
}

/* port FD */
static void do_port(const struct line *line)
{
	struct sockaddr_in6 name = { 0 };
	socklen_t bytes = sizeof(name);
	int result =
		getsockname(number(line, 1), (struct sockaddr *)&name, &bytes);

	/* Both families keep the port at the same place. */
	say(result ? result : ntohs(name.sin6_port));
}

/* await_error FD: until there is one pending, for seconds at most. */
static void do_await_error(const struct line *line)
{
	struct pollfd there = { .fd = number(line, 1) };

	say(poll(&there, 1, 5000) == 1 ? 0 : -1);
}

/* setsockopt FD LEVEL NAME HEX */
static void do_setsockopt(const struct line *line)
{
	char value[64];
	size_t bytes = from_hex(word(line, 4), value, sizeof(value));

	errno = UNTOUCHED;
	say(setsockopt(number(line, 1), number(line, 2), number(line, 3), value,
		       (socklen_t)bytes));
}

/* getsockopt FD LEVEL NAME BYTES */
static void do_getsockopt(const struct line *line)
{
	unsigned char value[64];
	socklen_t bytes = (socklen_t)number(line, 4);

	memset(value, FILLER, sizeof(value));
	say_result(getsockopt(number(line, 1), number(line, 2), number(line, 3),
			      value, &bytes));
	say_hex("value", value, 8);
	print(", \"bytes\": %d", (int)bytes);
	say_end();
}

/* Whether anything was written behind the room that a call was given. */
static bool is_overrun(const char *bytes, size_t room, size_t size)
{
	for (; room < size; room++) {
		if (bytes[room] != FILLER)
			return true;
	}
	return false;
}

static void say_message(int n, size_t name_room, size_t control_room)
{
	const struct mmsghdr *got = &inbox[n];
	const struct msghdr *msg = &got->msg_hdr;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	char text[INET6_ADDRSTRLEN] = "";

	memcpy(&v4, messages[n].name, sizeof(v4));
	memcpy(&v6, messages[n].name, sizeof(v6));
	if (v4.sin_family == AF_INET)
		inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text));
	else if (v6.sin6_family == AF_INET6)
		inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof(text));
	print("{\"length\": %u, \"data\": \"%.*s\", \"peer\": \"%s\", "
	      "\"port\": %d, \"namelen\": %d, \"flags\": %d, "
	      "\"controllen\": %zd",
	      got->msg_len, (int)(got->msg_len & 0xffff),
	      (char *)msg->msg_iov->iov_base, text, ntohs(v4.sin_port),
	      (int)msg->msg_namelen, msg->msg_flags, msg->msg_controllen);
	say_hex("name", messages[n].name, name_room);
	say_hex("control", messages[n].control,
		msg->msg_controllen < control_room ? msg->msg_controllen
						   : control_room);
	if (is_overrun(messages[n].control, control_room, MOST_CONTROL_BYTES) ||
	    is_overrun(messages[n].name, name_room, MOST_NAME_BYTES))
		print(", \"overrun\": true");
	print("}");
}

/* Which shape of call this is: 0 when it is none of them. */
static bool ends_in(const char *name, const char *shape)
{
	size_t n = strlen(name), m = strlen(shape);

	return n >= m && !strcmp(name + n - m, shape);
}

/* Makes the call; its result, with the lengths and flags in inbox. */
static ssize_t receive(const char *call, int fd, size_t bytes, int flags)
{
	struct msghdr *msg = &inbox[0].msg_hdr;
	void *buf = msg->msg_iov->iov_base;

	if (!strcmp(call, "fortified_recvfrom"))
		return fortified_recvfrom(fd, buf, bytes, flags, msg->msg_name,
					  &msg->msg_namelen);
	if (ends_in(call, "recvfrom")) {
		__typeof__(&recvfrom) function = symbol(call);

		return function(fd, buf, bytes, flags, msg->msg_name,
				&msg->msg_namelen);
	}
	if (ends_in(call, "recvfrom_chk")) {
		ssize_t (*function)(int, void *, size_t, size_t, int, void *,
				    socklen_t *) = symbol(call);

		return function(fd, buf, bytes, DATA_BYTES, flags,
				msg->msg_name, &msg->msg_namelen);
	}
	if (ends_in(call, "recvmsg")) {
		__typeof__(&recvmsg) function = symbol(call);

		return function(fd, msg, flags);
	}
	if (ends_in(call, "recvmmsg")) {
		__typeof__(&recvmmsg) function = symbol(call);

		return function(fd, inbox, (unsigned int)inbox_count, flags,
				NULL);
	}
	if (ends_in(call, "recv")) {
		__typeof__(&recv) function = symbol(call);

		return function(fd, buf, bytes, flags);
	}
	if (ends_in(call, "recv_chk")) {
		ssize_t (*function)(int, void *, size_t, size_t, int) =
			symbol(call);

		return function(fd, buf, bytes, DATA_BYTES, flags);
	}
	if (ends_in(call, "readv")) {
		__typeof__(&readv) function = symbol(call);

		return function(fd, msg->msg_iov, 1);
	}
	if (ends_in(call, "read")) {
		__typeof__(&read) function = symbol(call);

		return function(fd, buf, bytes);
	}
	if (ends_in(call, "read_chk")) {
		ssize_t (*function)(int, void *, size_t, size_t) = symbol(call);

		return function(fd, buf, bytes, DATA_BYTES);
	}
	abort();
}

/* Whether a call of this name tells where the datagram came from. */
static bool names_peer(const char *call)
{
	return strstr(call, "from") || strstr(call, "msg");
}

/*
 * receive CALL FD [flags= bytes= name= control= count=]
 *
 * Calls that tell no peer leave that of the call before for `answer`.
 */
static void do_receive(const struct line *line)
{
	const char *call = word(line, 1);
	int room = number_option(line, "name", sizeof(struct sockaddr_in6));
	int control = number_option(line, "control", 0);
	int bytes = number_option(line, "bytes", DATA_BYTES - 1);
	ssize_t n;

	inbox_count = number_option(line, "count", 1);
	for (int i = 0; i < inbox_count; i++) {
		struct msghdr *msg = &inbox[i].msg_hdr;

		memset(messages[i].data, 0, sizeof(messages[i].data));
		memset(messages[i].control, FILLER,
		       sizeof(messages[i].control));
		iovs[i].iov_base = messages[i].data;
		iovs[i].iov_len = (size_t)bytes;
		msg->msg_iov = &iovs[i];
		msg->msg_iovlen = 1;
		msg->msg_control = control ? messages[i].control : NULL;
		msg->msg_controllen = (size_t)control;
		msg->msg_flags = 0;
		if (!names_peer(call))
			continue;
		memset(messages[i].name, FILLER, sizeof(messages[i].name));
		msg->msg_name = room ? messages[i].name : NULL;
		msg->msg_namelen = (socklen_t)room;
	}
	errno = UNTOUCHED;
	n = receive(call, number(line, 2), (size_t)bytes,
		    number_option(line, "flags", 0));
	say_result(n);
	if (!ends_in(call, "mmsg")) {
		inbox[0].msg_len = n < 0 ? 0 : (unsigned int)n;
		inbox_count = 1;
	} else {
		inbox_count = n < 0 ? 0 : (int)n;
	}
	print(", \"messages\": [");
	for (int i = 0; i < inbox_count; i++) {
		if (i)
			print(", ");
		say_message(i, room < 0 ? 0 : (size_t)room, (size_t)control);
	}
	print("]");
	say_end();
}

/* Sends these messages one by one, or all at once with sendmmsg. */
static int send_by(const char *call, int fd, struct mmsghdr *out, int count,
		   int flags)
{
	int sent = 0;

	if (ends_in(call, "sendmmsg")) {
		__typeof__(&sendmmsg) function = symbol(call);

		return function(fd, out, (unsigned int)count, flags);
	}
	for (; sent < count; sent++) {
		const struct msghdr *msg = &out[sent].msg_hdr;
		ssize_t n;

		if (ends_in(call, "sendmsg")) {
			__typeof__(&sendmsg) function = symbol(call);

			n = function(fd, msg, flags);
		} else {
			__typeof__(&sendto) function = symbol(call);

			n = function(fd, msg->msg_iov->iov_base,
				     msg->msg_iov->iov_len, flags,
				     msg->msg_name, msg->msg_namelen);
		}
		if (n < 0)
			return -1;
		out[sent].msg_len = (unsigned int)n;
	}
	return sent;
}

static void say_sent(int sent, const struct mmsghdr *out)
{
	say_result(sent);
	print(", \"lengths\": [");
	for (int i = 0; i < sent; i++)
		print("%s%u", i ? ", " : "", out[i].msg_len);
	print("]");
	say_end();
}

/*
 * send CALL FD [data=A,B,... to= port= tolen= flags= control=HEX]
 *
 * Each of the data in a datagram of its own, with the same control messages.
 */
static void do_send(const struct line *line)
{
	static char control[MOST_CONTROL_BYTES];
	struct mmsghdr out[MOST_MESSAGES] = { 0 };
	char name[MOST_NAME_BYTES], data[DATA_BYTES] = "", *next = data;
	const char *hex = option(line, "control"), *to = option(line, "to");
	const char *text = option(line, "data");
	socklen_t name_bytes = 0;
	size_t control_bytes = 0;
	int count = 0;

	memset(name, 0, sizeof(name));
	if (to)
		name_bytes =
			to_address(to, number_option(line, "port", 0), name);
	name_bytes = (socklen_t)number_option(line, "tolen", (int)name_bytes);
	if (hex)
		control_bytes = from_hex(hex, control, sizeof(control));
	strncpy(data, text ? text : "", sizeof(data) - 1);
	while (next && count < MOST_MESSAGES) {
		struct msghdr *msg = &out[count].msg_hdr;

		iovs[count].iov_base = strsep(&next, ",");
		iovs[count].iov_len = strlen(iovs[count].iov_base);
		msg->msg_iov = &iovs[count];
		msg->msg_iovlen = 1;
		msg->msg_name = to ? name : NULL;
		msg->msg_namelen = name_bytes;
		msg->msg_control = control_bytes ? control : NULL;
		msg->msg_controllen = control_bytes;
		count++;
	}
	errno = UNTOUCHED;
	say_sent(send_by(word(line, 1), number(line, 2), out, count,
			 number_option(line, "flags", 0)),
		 out);
}

/*
 * answer CALL FD [flags= keep_control=1]
 *
 * What was received last goes back where it came from, in the same order.
 */
static void do_answer(const struct line *line)
{
	struct mmsghdr out[MOST_MESSAGES];

	memcpy(out, inbox, sizeof(out));
	for (int i = 0; i < inbox_count; i++) {
		iovs[i].iov_len = inbox[i].msg_len;
		if (number_option(line, "keep_control", 0))
			continue;
		out[i].msg_hdr.msg_control = NULL;
		out[i].msg_hdr.msg_controllen = 0;
	}
	errno = UNTOUCHED;
	say_sent(send_by(word(line, 1), number(line, 2), out, inbox_count,
			 number_option(line, "flags", 0)),
		 out);
}

/* call NAME [A [B [C]]]: for those of ints only, as close and dup2. */
static void do_call(const struct line *line)
{
	const char *name = word(line, 1);
	int a = number(line, 2), b = number(line, 3), c = number(line, 4);

	if (!strcmp(name, "closefrom")) {
		__typeof__(&closefrom) function = symbol(name);

		function(a);
		say(0);
	} else if (ends_in(name, "close")) {
		__typeof__(&close) function = symbol(name);

		say(function(a));
	} else if (ends_in(name, "close_range")) {
		__typeof__(&close_range) function = symbol(name);

		say(function((unsigned int)a, (unsigned int)b, c));
	} else if (ends_in(name, "dup")) {
		__typeof__(&dup) function = symbol(name);

		say(function(a));
	} else if (ends_in(name, "dup2")) {
		__typeof__(&dup2) function = symbol(name);

		say(function(a, b));
	} else if (ends_in(name, "dup3")) {
		__typeof__(&dup3) function = symbol(name);

		say(function(a, b, c));
	} else if (strstr(name, "fcntl")) {
		__typeof__(&fcntl) function = symbol(name);

		say(function(a, b, c));
	} else {
		abort();
	}
}

/* fclose FD */
static void do_fclose(const struct line *line)
{
	FILE *file = fdopen(number(line, 1), "r+");

	say(file ? fclose(file) : -1);
}

/* libc's own syscall(2), behind everybody's back, as in Go. */
static long raw(long call, long a, long b, long c)
{
	static long (*libc_s)(long, ...);

	if (!libc_s) {
		void *libc = dlopen("libc.so.6", RTLD_LAZY);
		void *found = libc ? dlsym(libc, "syscall") : NULL;

		if (!found)
			abort();
		memcpy(&libc_s, &found, sizeof(libc_s));
	}
	errno = UNTOUCHED;
	return libc_s(call, a, b, c);
}

/* raw_socket DOMAIN TYPE PROTOCOL */
static void do_raw_socket(const struct line *line)
{
	say(raw(SYS_socket, number(line, 1), number(line, 2), number(line, 3)));
}

/* raw_close FD */
static void do_raw_close(const struct line *line)
{
	say(raw(SYS_close, number(line, 1), 0, 0));
}

/* numbered_close FD: by libc's syscall(2). */
static void do_numbered_close(const struct line *line)
{
	say(syscall(SYS_close, number(line, 1)));
}

/* vfork_close FD: a vfork child, which shares our memory, closes its own. */
static void do_vfork_close(const struct line *line)
{
	int fd = number(line, 1), status = -1;
	// NOLINTNEXTLINE: it is vfork that is to be tried.
	pid_t child = vfork();

	if (!child) {
		close(fd); // NOLINT: because it is shared, it is tried.
		_exit(0);
	}
	waitpid(child, &status, 0);
	say(status);
}

/* receive_fd FD: one that comes over this unix socket. */
static void do_receive_fd(const struct line *line)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	int fd = -1;

	if (recvmsg(number(line, 1), &msg, 0) == 1 && CMSG_FIRSTHDR(&msg))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	say(fd);
}

/* dlerror: whether there is one. */
static void do_dlerror(const struct line *line)
{
	(void)line;
	say(dlerror() != NULL);
}

/* open PATH */
static void do_open(const struct line *line)
{
	say(open(word(line, 1), O_RDWR));
}

/* exec: the same program again, with the fds that it has; that one replies. */
static void do_exec(const struct line *line)
{
	char in[16], out[16];
	char *argv[] = { "puppet", in, out, "again", NULL };

	(void)line;
	(void)snprintf(in, sizeof(in), "%d", fileno(commands_in));
	(void)snprintf(out, sizeof(out), "%d", fileno(replies));
	execv("/proc/self/exe", argv);
	abort();
}

/* Goes on in a child, and ends the parent. */
static void leave_parent(void)
{
	pid_t child = fork();

	if (child < 0)
		abort();
	if (child)
		_exit(0);
}

/* daemon: as daemons do it, with two forks. */
static void do_daemon(const struct line *line)
{
	(void)line;
	leave_parent();
	if (setsid() < 0)
		abort();
	leave_parent();
	if (chdir("/"))
		abort();
	say(getpid());
}

/* exit STATUS, without a reply. */
static void do_exit(const struct line *line)
{
	exit(number(line, 1));
}

static void run(const struct line *line);

static void *run_in_thread(void *line)
{
	run(line);
	return NULL;
}

/* The command in a line without its first word. */
static struct line rest(const struct line *line)
{
	struct line after = { .count = line->count - 1 };

	memcpy(after.words, line->words + 1,
	       (size_t)after.count * sizeof(*after.words));
	return after;
}

/* in_thread COMMAND...: a thread does it, and ends. */
static void do_in_thread(const struct line *line)
{
	struct line after = rest(line);
	pthread_t thread;

	if (pthread_create(&thread, NULL, run_in_thread, &after) ||
	    pthread_join(thread, NULL))
		abort();
}

/* in_child COMMAND...: a fork does it, and ends. */
static void do_in_child(const struct line *line)
{
	struct line after = rest(line);
	pid_t child = fork();

	if (!child) {
		run(&after);
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

static const struct {
	const char *name;
	void (*run)(const struct line *line);
} commands[] = {
	{ "socket", do_socket },
	{ "bind", do_name },
	{ "connect", do_name },
	{ "__connect", do_name },
	{ "port", do_port },
	{ "await_error", do_await_error },
	{ "setsockopt", do_setsockopt },
	{ "getsockopt", do_getsockopt },
	{ "receive", do_receive },
	{ "send", do_send },
	{ "answer", do_answer },
	{ "call", do_call },
	{ "fclose", do_fclose },
	{ "raw_close", do_raw_close },
	{ "numbered_close", do_numbered_close },
	{ "raw_socket", do_raw_socket },
	{ "vfork_close", do_vfork_close },
	{ "receive_fd", do_receive_fd },
	{ "open", do_open },
	{ "dlerror", do_dlerror },
	{ "exec", do_exec },
	{ "daemon", do_daemon },
	{ "exit", do_exit },
	{ "in_thread", do_in_thread },
	{ "in_child", do_in_child },
};

static void run(const struct line *line)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (strcmp(commands[i].name, word(line, 0)) != 0)
			continue;
		errno = UNTOUCHED;
		commands[i].run(line);
		return;
	}
	(void)fprintf(stderr, "puppet: %s: no such command\n", word(line, 0));
	exit(EXIT_FAILURE);
}

static FILE *move_away(const char *number, const char *mode)
{
	int fd = (int)strtol(number, NULL, 10);
	int moved = fcntl(fd, F_DUPFD, FIRST_OWN_FD);

	if (moved < 0 || close(fd))
		abort();
	return fdopen(moved, mode);
}

int main(int argc, char **argv)
{
	static char text[8 * MOST_CONTROL_BYTES];

	if (argc < 3)
		return EXIT_FAILURE;
	commands_in = move_away(argv[1], "r");
	replies = move_away(argv[2], "w");
	if (argc > 3)
		say(0);
	while (fgets(text, sizeof(text), commands_in)) {
		struct line line = { 0 };
		char *next = text;

		text[strcspn(text, "\n")] = '\0';
		while (next && line.count < MOST_WORDS)
			line.words[line.count++] = strsep(&next, " ");
		run(&line);
	}
	return EXIT_SUCCESS;
}
// NOLINTEND(concurrency-mt-unsafe)
