/* SPDX-License-Identifier: MIT */
/* Asks a server at each address, as a client does, and says who answered. */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "command/command.h"
#include "command/question.h"
#include "common/name.h"

#include <errno.h>
#include <limits.h>
#include <linux/errqueue.h>
#include <netdb.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	MOST_ADDRESSES = 32,
	TRIES = 2,
	TRY_MS = 1000,
	ANSWER_BYTES = 65536,
};

/*
 * An address that is asked.  Each has a socket of its own, so that an answer
 * tells by its port which question it is to; it is not connected, so that it
 * hears whoever answers.
 */
struct target {
	struct sockaddr_in6 asked; /* with room for either family */
	struct question question;
	int fd;
	bool done;
	bool right;
	char finding[NI_MAXHOST + 128];
};

static struct target targets[MOST_ADDRESSES];
static nfds_t count;

static const char *text_of(const struct sockaddr_in6 *name)
{
	static char text[NI_MAXHOST];

	if (getnameinfo((const struct sockaddr *)name,
			name_length(name->sin6_family), text, sizeof(text),
			NULL, 0, NI_NUMERICHOST))
		return "?";
	return text;
}

/* ::ffff:A.B.C.D is asked as A.B.C.D: a socket of IPv6 hears no refusal. */
static void unmap(struct sockaddr_in6 *name)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET,
				  .sin_port = name->sin6_port };

	if (name->sin6_family != AF_INET6 ||
	    !IN6_IS_ADDR_V4MAPPED(&name->sin6_addr))
		return;
	memcpy(&v4.sin_addr, &name->sin6_addr.s6_addr[12], sizeof(v4.sin_addr));
	*name = (struct sockaddr_in6){ 0 };
	memcpy(name, &v4, sizeof(v4));
}

static bool same_address(const struct sockaddr_in6 *a,
			 const struct sockaddr_in6 *b)
{
	if (a->sin6_family != b->sin6_family)
		return false;
	if (a->sin6_family == AF_INET6)
		return !memcmp(&a->sin6_addr, &b->sin6_addr,
			       sizeof(a->sin6_addr));
	return !memcmp(&((const struct sockaddr_in *)a)->sin_addr,
		       &((const struct sockaddr_in *)b)->sin_addr,
		       sizeof(struct in_addr));
}

/* Neither many hosts, nor whichever is meant here by no address. */
static bool is_one_host(const struct sockaddr_in6 *name)
{
	in_addr_t v4 = ntohl(((const struct sockaddr_in *)(const void *)name)
				     ->sin_addr.s_addr);

	if (name->sin6_family == AF_INET6)
		return !IN6_IS_ADDR_MULTICAST(&name->sin6_addr) &&
		       !IN6_IS_ADDR_UNSPECIFIED(&name->sin6_addr);
	return !IN_MULTICAST(v4) && v4 != INADDR_ANY && v4 != INADDR_BROADCAST;
}

__attribute__((format(printf, 3, 4))) static void
finish(struct target *target, bool right, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	(void)vsnprintf(target->finding, sizeof(target->finding), format, list);
	va_end(list);
	target->right = right;
	target->done = true;
}

static void ask(struct target *target)
{
	if (sendto(target->fd, target->question.data, target->question.bytes, 0,
		   (const struct sockaddr *)&target->asked,
		   name_length(target->asked.sin6_family)) < 0 &&
	    errno != EAGAIN)
		finish(target, false, "cannot be asked: %s", strerror(errno));
}

static void judge(struct target *target, const struct sockaddr_in6 *from)
{
	bool right = same_address(from, &target->asked);
	char port[32] = "";

	if (name_port(from) != name_port(&target->asked))
		(void)snprintf(port, sizeof(port), " port %u", name_port(from));
	finish(target, right, "answered from %s%s: %s", text_of(from), port,
	       right ? "right" : "WRONG");
}

/* What came to this socket, until there is no more. */
static void hear(struct target *target)
{
	static uint8_t answer[ANSWER_BYTES];

	while (!target->done) {
		struct sockaddr_in6 from = { 0 };
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(target->fd, answer, sizeof(answer), 0,
				     (struct sockaddr *)&from, &len);

		if (n >= 0 && target->question.answered(&target->question,
							answer, (size_t)n))
			judge(target, &from);
		else if (n < 0 && errno == ECONNREFUSED)
			finish(target, false,
			       "refused: nothing listens on port %u there",
			       name_port(&target->asked));
		else if (n < 0 && errno != EAGAIN && errno != EINTR)
			finish(target, false, "cannot be asked: %s",
			       strerror(errno));
		else if (n < 0)
			return;
	}
}

static long long now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Hears whoever answers, until all have or the time is over. */
static void hear_all(long long end_ms)
{
	struct pollfd fds[MOST_ADDRESSES];
	long long left_ms;

	while ((left_ms = end_ms - now_ms()) > 0) {
		bool waiting = false;

		for (nfds_t i = 0; i < count; i++) {
			fds[i] = (struct pollfd){ targets[i].fd, POLLIN, 0 };
			if (targets[i].done)
				fds[i].fd = -1;
			else
				waiting = true;
		}
		if (!waiting)
			return;
		(void)poll(fds, count, (int)left_ms);
		for (nfds_t i = 0; i < count; i++)
			if (fds[i].fd >= 0 && fds[i].revents)
				hear(&targets[i]);
	}
}

static bool open_socket(struct target *target)
{
	const int on = 1;
	const bool v6 = target->asked.sin6_family == AF_INET6;

	target->fd = socket(target->asked.sin6_family,
			    SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (target->fd < 0)
		return false;
	/* Or a socket that is not connected hears no refusal.  ip(7). */
	(void)setsockopt(target->fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP,
			 v6 ? IPV6_RECVERR : IP_RECVERR, &on, sizeof(on));
	return true;
}

/* All addresses of a host, or the one that is written.  An exit status. */
static int add_targets(const char *host, const char *port, const char *payload)
{
	const struct addrinfo hints = { .ai_flags =
						AI_ADDRCONFIG | AI_NUMERICSERV,
					.ai_family = AF_UNSPEC,
					.ai_socktype = SOCK_DGRAM };
	const struct addrinfo numeric = { .ai_flags = AI_NUMERICHOST |
						      AI_NUMERICSERV,
					  .ai_socktype = SOCK_DGRAM };
	struct addrinfo *list;
	/* A family that is not configured is no reason not to try. */
	int failed = getaddrinfo(host, port, &numeric, &list);

	if (failed == EAI_NONAME)
		failed = getaddrinfo(host, port, &hints, &list);
	if (failed)
		return command_fail(EXIT_FAILURE, host, gai_strerror(failed));
	for (const struct addrinfo *a = list; a; a = a->ai_next) {
		struct target *target = &targets[count];

		if (count == MOST_ADDRESSES)
			return command_fail(EXIT_USAGE, host,
					    "more than 32 addresses");
		memcpy(&target->asked, a->ai_addr, a->ai_addrlen);
		unmap(&target->asked);
		if (!is_one_host(&target->asked))
			return command_fail(EXIT_USAGE, host,
					    "not the address of one host");
		(void)question_make(&target->question, payload,
				    name_port(&target->asked));
		if (!open_socket(target))
			return command_fail_errno(EXIT_FAILURE, host);
		count++;
	}
	freeaddrinfo(list);
	return EXIT_SUCCESS;
}

static int report(void)
{
	int status = EXIT_SUCCESS;

	for (nfds_t i = 0; i < count; i++) {
		struct target *target = &targets[i];

		if (!target->done)
			finish(target, false, "no answer in %d seconds",
			       TRIES * TRY_MS / 1000);
		if (!target->right)
			status = EXIT_FAILURE;
		(void)printf("%s: %s\n", text_of(&target->asked),
			     target->finding);
	}
	return command_finish(status);
}

static bool all_digits(const char *text)
{
	return *text && !text[strspn(text, "0123456789")];
}

int ask_main(int argc, char **argv)
{
	struct question question;
	const char *port, *payload;
	int ports_at = 1;
	long port_number;

	while (ports_at < argc && !all_digits(argv[ports_at]))
		if (argv[ports_at++][0] == '-')
			return command_fail(EXIT_USAGE, argv[ports_at - 1],
					    "unknown option; ask has none");
	if (ports_at < 2 || ports_at >= argc || ports_at + 2 < argc)
		return command_fail(EXIT_USAGE, "ask",
				    "wanted are ADDRESS... PORT [PAYLOAD]");
	port = argv[ports_at];
	payload = argv[ports_at + 1]; /* NULL behind the last */
	port_number = strtol(port, NULL, 10);
	if (port_number < 1 || port_number > 65535)
		return command_fail(EXIT_USAGE, port,
				    "not a port from 1 to 65535");
	if (!question_make(&question, payload, (unsigned int)port_number)) {
		char why[128];

		(void)snprintf(why, sizeof(why),
			       "no payload: there are %s, and up to %d bytes "
			       "in hex",
			       question_names, QUESTION_MOST_BYTES);
		return command_fail(EXIT_USAGE, payload, why);
	}
	for (int i = 1; i < ports_at; i++) {
		int status = add_targets(argv[i], port, payload);

		if (status)
			return status;
	}
	for (int i = 0; i < TRIES; i++) {
		for (nfds_t j = 0; j < count; j++)
			if (!targets[j].done)
				ask(&targets[j]);
		hear_all(now_ms() + TRY_MS);
	}
	return report();
}
// NOLINTEND(concurrency-mt-unsafe)
