/* SPDX-License-Identifier: MIT */
/*
 * What shim/hook_recvmmsg relies on when it asks how many datagrams can be
 * there: each one counts in the receive buffer from before it can be received
 * until it has been.
 */
#include "lab.h"

#include <linux/sock_diag.h>
#include <stdint.h>

enum { DATAGRAMS = 50, LEAST_TRUESIZE = 128 };

static uint32_t used_by(int fd)
{
	uint32_t used = 0;
	socklen_t len = sizeof(used);

	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_MEMINFO, &used, &len),
			 0);
	assert_int_equal(len, sizeof(used));
	return used;
}

static void assert_each_counts(const char *client, const char *asked,
			       int domain)
{
	const int asker = lab_client(client), server = lab_server(domain);

	assert_int_equal(used_by(server), 0);
	for (int i = 0; i < DATAGRAMS; i++)
		lab_ask(asker, asked, server);
	for (uint32_t left = DATAGRAMS; left; left--) {
		assert_in_range(used_by(server), left * LEAST_TRUESIZE,
				UINT32_MAX);
		lab_take(server, 0);
	}
}

TEST(each_datagram_counts_in_the_receive_buffer_ipv4)
{
	assert_each_counts("10.1.2.5", "10.1.2.3", AF_INET);
}

TEST(each_datagram_counts_in_the_receive_buffer_ipv6)
{
	assert_each_counts("fd01:2::5", "fd01:2::3", AF_INET6);
}
