/* SPDX-License-Identifier: MIT */
/* What comes back to who asks, of a server that does as it likes. */
#include "command/endpoint.h"

#include "unit.h"

#include <arpa/inet.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { FD = 1000, WAIT_MS = 50 };

static struct endpoint endpoint;
static unsigned int asks, reads, junk;
static long now_ms;

int __wrap_clock_gettime(clockid_t id, struct timespec *now);
int __wrap_poll(struct pollfd *fds, nfds_t count, int wait_ms);
ssize_t __wrap_recvfrom(int fd, void *data, size_t room, int flags,
			struct sockaddr *from, socklen_t *len);
ssize_t __wrap_sendto(int fd, const void *data, size_t bytes, int flags,
		      const struct sockaddr *to, socklen_t len);

int __wrap_clock_gettime(clockid_t id, struct timespec *now)
{
	(void)id;
	now_ms++;
	*now = (struct timespec){ now_ms / 1000, now_ms % 1000 * 1000000 };
	return 0;
}

int __wrap_poll(struct pollfd *fds, nfds_t count, int wait_ms)
{
	(void)wait_ms;
	for (nfds_t i = 0; i < count; i++)
		fds[i].revents = POLLIN;
	return (int)count;
}

ssize_t __wrap_sendto(int fd, const void *data, size_t bytes, int flags,
		      const struct sockaddr *to, socklen_t len)
{
	(void)fd;
	(void)data;
	(void)flags;
	(void)to;
	(void)len;
	asks++;
	return (ssize_t)bytes;
}

/* So many datagrams that are no answers, and then the request itself. */
ssize_t __wrap_recvfrom(int fd, void *data, size_t room, int flags,
			struct sockaddr *from, socklen_t *len)
{
	(void)fd;
	(void)flags;
	assert_in_range(++reads, 1, 100000);
	assert_in_range(endpoint.payload.bytes, 1, room);
	memcpy(data, endpoint.payload.data, endpoint.payload.bytes);
	memcpy(from, &endpoint.asked, sizeof(struct sockaddr_in));
	*len = sizeof(struct sockaddr_in);
	return reads > junk ? (ssize_t)endpoint.payload.bytes : 1;
}

static void ask_echo(unsigned int junk_before)
{
	const struct sockaddr_in to = { .sin_family = AF_INET,
					.sin_port = htons(7) };

	endpoint = (struct endpoint){ .fd = FD };
	memcpy(&endpoint.asked, &to, sizeof(to));
	assert_true(payload_make(&endpoint.payload, NULL, &endpoint.asked));
	asks = reads = 0;
	junk = junk_before;
	endpoints_ask(&endpoint, 1, WAIT_MS);
}

TEST(an_answer_is_found_behind_other_datagrams)
{
	ask_echo(1000);

	assert_int_equal(endpoint.verdict, ENDPOINT_RIGHT);
	assert_int_equal(asks, 1);
	assert_int_equal(reads, 1001);
}

TEST(a_flood_of_other_datagrams_takes_no_longer_than_the_time_to_wait)
{
	ask_echo(UINT32_MAX);

	assert_int_equal(endpoint.verdict, ENDPOINT_SILENT);
	assert_int_equal(endpoint.done, false);
	assert_in_range(now_ms, WAIT_MS, 1 << 20);
}
