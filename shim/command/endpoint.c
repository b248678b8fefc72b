/* SPDX-License-Identifier: MIT */
/* Sends a payload to a server's addresses, and receives the answers. */
#include "command/endpoint.h"

#include "command/command.h"
#include "common/sockaddr.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* After <time.h>, whose struct timespec it has. */
#include <linux/errqueue.h>

/* Of datagrams that are read before the clock is looked at again. */
enum { ANSWER_BYTES = 65536, MOST_AT_ONCE = 64 };

void endpoint_text(const struct sockaddr_in6 *name, char *text)
{
	(void)snprintf(text, ENDPOINT_TEXT, "?");
	(void)getnameinfo((const struct sockaddr *)name,
			  sockaddr_length(name->sin6_family), text,
			  ENDPOINT_TEXT, NULL, 0, NI_NUMERICHOST);
}

/* Of one family: that of the socket. */
static bool same_address(const struct sockaddr_in6 *a,
			 const struct sockaddr_in6 *b)
{
	if (a->sin6_family == AF_INET6)
		return !memcmp(&a->sin6_addr, &b->sin6_addr,
			       sizeof(a->sin6_addr));
	return !memcmp(&((const struct sockaddr_in *)a)->sin_addr,
		       &((const struct sockaddr_in *)b)->sin_addr,
		       sizeof(struct in_addr));
}

static void finish(struct endpoint *endpoint, enum endpoint_verdict verdict,
		   int error)
{
	endpoint->verdict = verdict;
	endpoint->error = error;
	endpoint->done = true;
}

static void ask(struct endpoint *endpoint)
{
	const struct payload *payload = &endpoint->payload;

	if (sendto(endpoint->fd, payload->data, payload->bytes, 0,
		   (const struct sockaddr *)&endpoint->asked,
		   sockaddr_length(endpoint->asked.sin6_family)) < 0 &&
	    errno != EAGAIN)
		finish(endpoint, ENDPOINT_FAILED, errno);
}

static void judge_source(struct endpoint *endpoint,
			 const struct sockaddr_in6 *from)
{
	endpoint->from = *from;
	finish(endpoint,
	       same_address(from, &endpoint->asked) ? ENDPOINT_RIGHT
						    : ENDPOINT_WRONG,
	       0);
}

/* Reads what came to this socket, which a flood may never let end. */
static void hear(struct endpoint *endpoint)
{
	static uint8_t answer[ANSWER_BYTES];

	for (int i = 0; i < MOST_AT_ONCE && !endpoint->done; i++) {
		struct sockaddr_in6 from = { 0 };
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(endpoint->fd, answer, sizeof(answer), 0,
				     (struct sockaddr *)&from, &len);

		if (n >= 0 &&
		    payload_is_answer(&endpoint->payload, answer, (size_t)n))
			judge_source(endpoint, &from);
		else if (n < 0 && errno == ECONNREFUSED)
			finish(endpoint, ENDPOINT_REFUSED, errno);
		else if (n < 0 && errno != EAGAIN && errno != EINTR)
			finish(endpoint, ENDPOINT_FAILED, errno);
		else if (n < 0)
			return;
	}
}

/* Whether any is still to answer; `fds` are for poll(2). */
static bool list_waiting(const struct endpoint *endpoints, size_t count,
			 struct pollfd *fds)
{
	bool waiting = false;

	for (size_t i = 0; i < count; i++) {
		fds[i] = (struct pollfd){ endpoints[i].fd, POLLIN, 0 };
		if (endpoints[i].done)
			fds[i].fd = -1;
		else
			waiting = true;
	}
	return waiting;
}

void endpoints_ask(struct endpoint *endpoints, size_t count, int wait_ms)
{
	struct pollfd fds[MOST_ENDPOINTS];
	const long long end_ms = command_now_ms(CLOCK_MONOTONIC) + wait_ms;
	long long left_ms;

	for (size_t i = 0; i < count; i++)
		if (!endpoints[i].done)
			ask(&endpoints[i]);
	while ((left_ms = end_ms - command_now_ms(CLOCK_MONOTONIC)) > 0 &&
	       list_waiting(endpoints, count, fds)) {
		(void)poll(fds, count, (int)left_ms);
		for (size_t i = 0; i < count; i++)
			if (fds[i].fd >= 0 && fds[i].revents)
				hear(&endpoints[i]);
	}
}

bool endpoint_open(struct endpoint *endpoint, const struct sockaddr_in6 *from)
{
	const int on = 1;
	const bool v6 = endpoint->asked.sin6_family == AF_INET6;

	endpoint->fd = socket(endpoint->asked.sin6_family,
			      SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (endpoint->fd < 0)
		return false;
	/* Or a socket that is not connected hears no refusal.  ip(7). */
	(void)setsockopt(endpoint->fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP,
			 v6 ? IPV6_RECVERR : IP_RECVERR, &on, sizeof(on));
	return !from || !bind(endpoint->fd, (const struct sockaddr *)from,
			      sockaddr_length(from->sin6_family));
}
