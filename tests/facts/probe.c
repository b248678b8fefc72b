/* SPDX-License-Identifier: MIT */
/*
 * What shim/hook_send relies on when it asks the kernel whether a source was
 * the reason that a send failed: a send with MSG_PROBE and without an iovec.
 */
#include "lab.h"

#include <errno.h>
#include <linux/errqueue.h>

/* The kernel's own name; no header has it. */
#ifndef MSG_PROBE
#define MSG_PROBE 0x10
#endif

/* Each test is measured for both. */
struct family {
	int domain;
	const char *client;
	const char *asked;
	const char *gone; /* an address that the server has not */
	int gone_errno;
};

static const struct family ipv4 = {
	AF_INET, "10.1.2.5", "10.1.2.3", "10.1.2.77", ENETUNREACH,
};
static const struct family ipv6 = {
	AF_INET6, "fd01:2::5", "fd01:2::3", "fd01:2::77", EINVAL,
};

/* Begins the definition of a test of `family`, one of the two. */
#define FAMILIES_TEST(name)                            \
	static void name(const struct family *family); \
	TEST(name##_ipv4)                              \
	{                                              \
		name(&ipv4);                           \
	}                                              \
	TEST(name##_ipv6)                              \
	{                                              \
		name(&ipv6);                           \
	}                                              \
	static void name(const struct family *family)

/* One request that waits for an answer. */
struct exchange {
	int client;
	int server;
	struct datagram request;
};

static struct exchange begin(const struct family *family)
{
	struct exchange x = {
		.client = lab_client(family->client),
		.server = lab_server(family->domain),
	};

	lab_ask(x.client, family->asked, x.server);
	x.request = lab_take(x.server, 0);
	return x;
}

/* As is_refused does it; 0 or errno. */
static int probe(const struct exchange *x, const char *source)
{
	return lab_send(x->server, &x->request.peer, source, 0, NULL,
			MSG_CONFIRM | MSG_PROBE | MSG_MORE | MSG_DONTWAIT);
}

static void report_errors(const struct family *family, int fd)
{
	if (family->domain == AF_INET)
		lab_set(fd, IPPROTO_IP, IP_RECVERR, 1);
	else
		lab_set(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
}

/* Makes the server answer a client that has gone, and waits for the ICMP. */
static void provoke_error(struct exchange *x)
{
	lab_close_one(x->client);
	assert_int_equal(lab_answer(x->server, &x->request, NULL, 0), 0);
	lab_await_error(x->server);
}

FAMILIES_TEST(a_probe_sends_nothing)
{
	struct exchange x = begin(family);

	assert_int_equal(probe(&x, family->asked), 0);

	lab_assert_nothing(x.client);
}

FAMILIES_TEST(a_probe_succeeds_when_the_source_is_there)
{
	struct exchange x = begin(family);

	assert_int_equal(probe(&x, family->asked), 0);
	assert_int_equal(lab_answer(x.server, &x.request, family->asked, 0), 0);
}

FAMILIES_TEST(a_probe_fails_as_the_send_does_when_the_source_is_gone)
{
	struct exchange x = begin(family);

	assert_int_equal(lab_answer(x.server, &x.request, family->gone, 0),
			 family->gone_errno);
	assert_int_equal(probe(&x, family->gone), family->gone_errno);
}

FAMILIES_TEST(a_probe_leaves_a_queued_error_report_alone)
{
	struct exchange x = begin(family);
	struct datagram report;

	report_errors(family, x.server);
	provoke_error(&x);

	assert_int_equal(probe(&x, family->asked), 0);
	assert_int_equal(lab_answer(x.server, &x.request, NULL, 0),
			 ECONNREFUSED);
	report = lab_take(x.server, MSG_ERRQUEUE);
	assert_true(report.flags & MSG_ERRQUEUE);
}

FAMILIES_TEST(a_probe_that_fails_leaves_the_report_alone_too)
{
	struct exchange x = begin(family);

	report_errors(family, x.server);
	provoke_error(&x);

	assert_int_equal(probe(&x, family->gone), family->gone_errno);
	assert_int_equal(lab_answer(x.server, &x.request, NULL, 0),
			 ECONNREFUSED);
	lab_take(x.server, MSG_ERRQUEUE);
}

FAMILIES_TEST(a_probe_leaves_the_error_of_a_connected_socket_pending)
{
	struct exchange x = begin(family);

	assert_int_equal(
		connect(x.server, &x.request.peer.any, x.request.peer.bytes),
		0);
	provoke_error(&x);

	assert_int_equal(probe(&x, family->asked), 0);
	assert_int_equal(lab_answer(x.server, &x.request, NULL, 0),
			 ECONNREFUSED);
}

FAMILIES_TEST(a_probe_leaves_corked_data_alone)
{
	struct exchange x = begin(family);
	struct datagram got;

	assert_int_equal(lab_send(x.server, &x.request.peer, family->asked, 0,
				  "one", MSG_MORE),
			 0);
	probe(&x, family->asked);
	lab_assert_nothing(x.client);
	assert_int_equal(
		lab_send(x.server, &x.request.peer, family->asked, 0, "two", 0),
		0);
	got = lab_take(x.client, 0);

	assert_int_equal(got.bytes, 6);
	assert_memory_equal(got.data, "onetwo", 6);
}

/* So there a source is never taken for refused. */
FAMILIES_TEST(a_probe_of_a_corked_socket_does_not_look_for_a_route)
{
	struct exchange x = begin(family);

	assert_int_equal(lab_send(x.server, &x.request.peer, family->asked, 0,
				  "one", MSG_MORE),
			 0);

	assert_int_equal(probe(&x, family->gone), 0);
	assert_int_equal(
		lab_send(x.server, &x.request.peer, family->asked, 0, "two", 0),
		0);
	assert_int_equal(lab_take(x.client, 0).bytes, 6);
}

FAMILIES_TEST(a_plain_empty_send_is_no_substitute_for_it_sends)
{
	struct exchange x = begin(family);

	assert_int_equal(
		lab_send(x.server, &x.request.peer, family->asked, 0, NULL, 0),
		0);

	assert_int_equal(lab_take(x.client, 0).bytes, 0);
}
