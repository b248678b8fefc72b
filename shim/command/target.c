/* SPDX-License-Identifier: MIT */
/* Sends a payload to a server's addresses, and hears who answers. */
#include "command/target.h"

#include "common/name.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { ANSWER_BYTES = 65536 };

void target_text(const struct sockaddr_in6 *name, char *text)
{
	if (getnameinfo((const struct sockaddr *)name,
			name_length(name->sin6_family), text, TARGET_TEXT, NULL,
			0, NI_NUMERICHOST))
		(void)snprintf(text, TARGET_TEXT, "?");
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

static void finish(struct target *target, enum target_verdict verdict,
		   int error)
{
	target->verdict = verdict;
	target->error = error;
	target->done = true;
}

static void ask(struct target *target)
{
	const struct payload *payload = &target->payload;

	if (sendto(target->fd, payload->data, payload->bytes, 0,
		   (const struct sockaddr *)&target->asked,
		   name_length(target->asked.sin6_family)) < 0 &&
	    errno != EAGAIN)
		finish(target, TARGET_FAILED, errno);
}

static void judge(struct target *target, const struct sockaddr_in6 *from)
{
	target->from = *from;
	finish(target,
	       same_address(from, &target->asked) ? TARGET_RIGHT : TARGET_WRONG,
	       0);
}

/* Reads all that came to this socket. */
static void hear(struct target *target)
{
	static uint8_t answer[ANSWER_BYTES];

	while (!target->done) {
		struct sockaddr_in6 from = { 0 };
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(target->fd, answer, sizeof(answer), 0,
				     (struct sockaddr *)&from, &len);

		if (n >= 0 &&
		    payload_is_answer(&target->payload, answer, (size_t)n))
			judge(target, &from);
		else if (n < 0 && errno == ECONNREFUSED)
			finish(target, TARGET_REFUSED, errno);
		else if (n < 0 && errno != EAGAIN && errno != EINTR)
			finish(target, TARGET_FAILED, errno);
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

/* Whether any is still to answer; `fds` are for poll(2). */
static bool list_waiting(const struct target *targets, size_t count,
			 struct pollfd *fds)
{
	bool waiting = false;

	for (size_t i = 0; i < count; i++) {
		fds[i] = (struct pollfd){ targets[i].fd, POLLIN, 0 };
		if (targets[i].done)
			fds[i].fd = -1;
		else
			waiting = true;
	}
	return waiting;
}

void targets_ask(struct target *targets, size_t count, int wait_ms)
{
	struct pollfd fds[MOST_TARGETS];
	const long long end_ms = now_ms() + wait_ms;
	long long left_ms;

	for (size_t i = 0; i < count; i++)
		if (!targets[i].done)
			ask(&targets[i]);
	while ((left_ms = end_ms - now_ms()) > 0 &&
	       list_waiting(targets, count, fds)) {
		(void)poll(fds, count, (int)left_ms);
		for (size_t i = 0; i < count; i++)
			if (fds[i].fd >= 0 && fds[i].revents)
				hear(&targets[i]);
	}
}

bool target_open(struct target *target, const struct sockaddr_in6 *from)
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
	return !from || !bind(target->fd, (const struct sockaddr *)from,
			      name_length(from->sin6_family));
}
