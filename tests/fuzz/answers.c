/* SPDX-License-Identifier: MIT */
/*
 * Any datagrams, from anywhere, as answers to what `replyfrom ask` sent: which
 * of them counts is found out without reading beyond them, who sent it decides,
 * and those that do not count hold up nothing.
 */
#include "command/endpoint.h"
#include "fuzz.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { WAIT_MS = 10, FD = 1000, MOST_READS = 10000 };

static struct tape tape;
static struct endpoint endpoint;
static uint64_t ids;
static long now_ms;
static unsigned int reads;
static bool is_flood;

/* Who sent the datagram that was read last. */
static struct sockaddr_in6 sender;

ssize_t __wrap_getrandom(void *to, size_t bytes, unsigned int flags);
int __wrap_clock_gettime(clockid_t id, struct timespec *now);
int __wrap_poll(struct pollfd *fds, nfds_t count, int wait_ms);
ssize_t __wrap_sendto(int fd, const void *data, size_t bytes, int flags,
		      const struct sockaddr *to, socklen_t len);
ssize_t __wrap_recvfrom(int fd, void *data, size_t room, int flags,
			struct sockaddr *from, socklen_t *len);

ssize_t __wrap_getrandom(void *to, size_t bytes, unsigned int flags)
{
	(void)flags;
	for (size_t i = 0; i < bytes; i++) {
		ids = ids * 6364136223846793005U + 1442695040888963407U;
		((uint8_t *)to)[i] = (uint8_t)(ids >> 56);
	}
	return (ssize_t)bytes;
}

int __wrap_clock_gettime(clockid_t id, struct timespec *now)
{
	(void)id;
	now_ms++;
	*now = (struct timespec){ now_ms / 1000, now_ms % 1000 * 1000000 };
	return 0;
}

int __wrap_poll(struct pollfd *fds, nfds_t count, int wait_ms)
{
	assert(count == 1 && fds[0].fd == FD && wait_ms <= WAIT_MS);
	fds[0].revents = POLLIN;
	return 1;
}

ssize_t __wrap_sendto(int fd, const void *data, size_t bytes, int flags,
		      const struct sockaddr *to, socklen_t len)
{
	(void)data;
	(void)flags;
	(void)len;
	assert(fd == FD && bytes && bytes <= PAYLOAD_MOST_BYTES);
	assert(to == (const struct sockaddr *)&endpoint.asked);
	return (ssize_t)bytes;
}

/* The request, changed here and there, or bytes of the tape's alone. */
static size_t draw_datagram(uint8_t *to, size_t room)
{
	const struct payload *payload = &endpoint.payload;
	const uint8_t changes = tape_byte(&tape);
	size_t bytes = tape_size(&tape);

	if (bytes > room)
		bytes = room;
	memset(to, 0, bytes);
	if (changes & 0x80)
		memcpy(to, payload->data,
		       bytes < payload->bytes ? bytes : payload->bytes);
	if (changes == 0xff && bytes >= payload->bytes + 8)
		memcpy(to + 8, payload->data, payload->bytes);
	for (size_t i = 0; i < (changes & 0x7fU) && bytes; i++) {
		const size_t at = tape_size(&tape);

		to[at % bytes] = tape_byte(&tape);
	}
	return bytes;
}

static void draw_sender(void)
{
	const uint8_t choice = tape_byte(&tape);

	sender = endpoint.asked;
	if (choice & 1 && sender.sin6_family == AF_INET)
		((struct sockaddr_in *)&sender)->sin_addr.s_addr ^=
			htonl(tape_byte(&tape));
	else if (choice & 1)
		sender.sin6_addr.s6_addr[choice >> 4] ^= tape_byte(&tape);
	if (choice & 2)
		sender.sin6_port = htons((uint16_t)tape_size(&tape));
}

ssize_t __wrap_recvfrom(int fd, void *data, size_t room, int flags,
			struct sockaddr *from, socklen_t *len)
{
	static const int errors[] = { EAGAIN, EINTR, ECONNREFUSED, ENOMEM };
	uint8_t choice;

	(void)flags;
	reads++;
	assert(fd == FD && reads <= MOST_READS);
	if (tape.at == tape.end && !is_flood) {
		errno = EAGAIN;
		return -1;
	}
	choice = tape_byte(&tape);
	if (choice >= 0xf0) {
		errno = errors[choice % 4];
		return -1;
	}
	draw_sender();
	*len = sender.sin6_family == AF_INET ? sizeof(struct sockaddr_in)
					     : sizeof(sender);
	memcpy(from, &sender, *len);
	return (ssize_t)draw_datagram(data, room);
}

static bool is_from_asked(void)
{
	char asked[INET6_ADDRSTRLEN], from[INET6_ADDRSTRLEN];
	const bool v6 = endpoint.asked.sin6_family == AF_INET6;
	const void *const of_asked =
		v6 ? (const void *)&endpoint.asked.sin6_addr
		   : &((struct sockaddr_in *)&endpoint.asked)->sin_addr;
	const void *const of_sender =
		v6 ? (const void *)&sender.sin6_addr
		   : &((struct sockaddr_in *)&sender)->sin_addr;

	return !strcmp(inet_ntop(endpoint.asked.sin6_family, of_asked, asked,
				 sizeof(asked)),
		       inet_ntop(endpoint.asked.sin6_family, of_sender, from,
				 sizeof(from)));
}

/* Nothing behind the datagram is read; the sanitizer tells. */
static void survive(void)
{
	uint8_t *memory, *datagram;
	uint8_t room[2048];
	const size_t bytes = draw_datagram(room, sizeof(room));
	bool counts;

	memory = malloc(bytes + 1);
	assert(memory);
	datagram = memory + 1; /* it may be empty */
	memcpy(datagram, room, bytes);
	counts = payload_is_answer(&endpoint.payload, datagram, bytes);
	assert(bytes || !counts || !endpoint.payload.protocol);
	free(memory);
}

static void choose_payload(uint8_t choice)
{
	static const unsigned int beyond = 9; /* no protocol's port */
	const struct protocol *p = protocols;
	size_t count = 0;

	while (protocols[count].name)
		count++;
	p += choice % (count + 1);
	((struct sockaddr_in *)&endpoint.asked)->sin_port =
		htons((uint16_t)(p->name ? p->ports[0] : beyond));
	endpoint.is_text =
		!payload_make(&endpoint.payload, NULL, &endpoint.asked);
	assert(endpoint.payload.protocol == (p->name ? p : NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	uint8_t choice;

	tape = (struct tape){ data, data + bytes };
	ids = reads = 0;
	choice = tape_byte(&tape);
	is_flood = choice & 2;
	endpoint = (struct endpoint){ .fd = FD };
	endpoint.asked.sin6_family = choice & 1 ? AF_INET6 : AF_INET;
	if (choice & 1)
		endpoint.asked.sin6_addr.s6_addr[0] = 0xfd;
	choose_payload(tape_byte(&tape));
	survive();

	endpoints_ask(&endpoint, 1, WAIT_MS);

	assert(endpoint.done == (endpoint.verdict != ENDPOINT_SILENT));
	if (endpoint.verdict == ENDPOINT_RIGHT ||
	    endpoint.verdict == ENDPOINT_WRONG) {
		char text[ENDPOINT_TEXT];

		assert((endpoint.verdict == ENDPOINT_RIGHT) == is_from_asked());
		endpoint_text(&endpoint.from, text);
		assert(memchr(text, '\0', sizeof(text)));
	}
	return 0;
}
