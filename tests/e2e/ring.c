/* SPDX-License-Identifier: MIT */
/*
 * A server that waits on its socket by io_uring while another thread connects
 * it: ring poll|recv.  Without liburing: the calls are the kernel's own.
 *
 * Its answer to the first client goes out by the connected socket; it prints
 * what the wait came to when the client has answered that, or "late".
 */
#include "server.h"

#include <linux/io_uring.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { ENTRIES = 1, WAIT_MS = 4000, BEFORE_CONNECT_MS = 200 };

static struct io_uring_params params;
static int ring;
static char data[64];

static void sleep_ms(long ms)
{
	const struct timespec time = { .tv_sec = ms / 1000,
				       .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

static char *map(size_t bytes, uint64_t offset)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, ring,
			(off_t)offset);

	if (at == MAP_FAILED)
		server_die("mmap");
	return at;
}

/* Puts the one call under way; ENTRIES is 1, so each index is 0. */
static void submit(const struct io_uring_sqe *call)
{
	char *queue =
		map(params.sq_off.array + params.sq_entries * sizeof(uint32_t),
		    IORING_OFF_SQ_RING);
	struct io_uring_sqe *calls = (struct io_uring_sqe *)map(
		params.sq_entries * sizeof(*calls), IORING_OFF_SQES);
	uint32_t first = 0, tail = 1;

	*calls = *call;
	memcpy(queue + params.sq_off.array, &first, sizeof(first));
	atomic_thread_fence(memory_order_release);
	memcpy(queue + params.sq_off.tail, &tail, sizeof(tail));
	if (syscall(SYS_io_uring_enter, ring, 1, 0, 0, NULL, 0) != 1)
		server_die("io_uring_enter");
}

/* Sleeps in the kernel until the call is done. */
static void *wait_for_ring(void *unused)
{
	const char *queue =
		map(params.cq_off.cqes +
			    params.cq_entries * sizeof(struct io_uring_cqe),
		    IORING_OFF_CQ_RING);
	struct io_uring_cqe done;

	if (syscall(SYS_io_uring_enter, ring, 0, 1, IORING_ENTER_GETEVENTS,
		    NULL, 0) < 0)
		server_die("io_uring_enter");
	memcpy(&done, queue + params.cq_off.cqes, sizeof(done));
	(void)printf("awake %d %s\n", done.res, data);
	(void)fflush(stdout);
	_exit(EXIT_SUCCESS);
	return unused;
}

int main(int argc, char **argv)
{
	const int fd = server_bind(AF_INET, SOCK_DGRAM, 0, 0);
	struct io_uring_sqe call = { .opcode = IORING_OP_RECV,
				     .fd = fd,
				     .addr = (uint64_t)(uintptr_t)data,
				     .len = sizeof(data) - 1 };
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);
	pthread_t thread;
	char byte;

	if (argc > 1 && !strcmp(argv[1], "poll"))
		call = (struct io_uring_sqe){ .opcode = IORING_OP_POLL_ADD,
					      .fd = fd,
					      .poll32_events = POLLIN };
	ring = (int)syscall(SYS_io_uring_setup, ENTRIES, &params);
	if (ring < 0)
		server_die("io_uring_setup");
	server_ready(fd);
	if (recvfrom(fd, &byte, 1, 0, (struct sockaddr *)&peer, &len) != 1)
		server_die("recvfrom");
	submit(&call);
	if (pthread_create(&thread, NULL, wait_for_ring, NULL))
		server_die("pthread_create");
	sleep_ms(BEFORE_CONNECT_MS);
	if (connect(fd, (struct sockaddr *)&peer, len) ||
	    send(fd, "[0]", 3, 0) != 3)
		server_die("connect");
	sleep_ms(WAIT_MS);
	(void)puts("late");
	return EXIT_SUCCESS;
}
