/* SPDX-License-Identifier: MIT */
/* Chooses what `replyfrom ask` sends: by name, by port, or bytes as given. */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "command/payload.h"

#include "common/sockaddr.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct protocol *find_by_name(const char *name)
{
	for (const struct protocol *p = protocols; p->name; p++)
		if (!strcmp(p->name, name))
			return p;
	return NULL;
}

static const struct protocol *find_by_port(unsigned int port)
{
	for (const struct protocol *p = protocols; p->name; p++)
		if (p->ports[0] == port || p->ports[1] == port)
			return p;
	return NULL;
}

/* The value of a hex digit. */
static int digit(char c)
{
	return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

static const char *read_hex(struct payload *choice, const char *hex)
{
	const size_t digits = strspn(hex, "0123456789abcdefABCDEF");

	if (!digits || hex[digits])
		return "unknown payload";
	if (digits % 2)
		return "hex digits come in pairs (several ports are written "
		       "53,123)";
	if (digits / 2 > sizeof(choice->data))
		return "longer than 1472 bytes";
	for (size_t i = 0; i < digits / 2; i++)
		choice->data[i] = (uint8_t)(digit(hex[2 * i]) << 4 |
					    digit(hex[2 * i + 1]));
	choice->bytes = digits / 2;
	return NULL;
}

static const char *read_all(struct payload *choice, int fd)
{
	uint8_t data[sizeof(choice->data) + 1];
	size_t bytes = 0;
	ssize_t n;

	while (bytes < sizeof(data) &&
	       (n = read(fd, data + bytes, sizeof(data) - bytes)) > 0)
		bytes += (size_t)n;
	if (bytes < sizeof(data) && n < 0)
		return strerror(errno);
	if (!bytes)
		return "empty";
	if (bytes > sizeof(choice->data))
		return "longer than 1472 bytes";
	memcpy(choice->data, data, bytes);
	choice->bytes = bytes;
	return NULL;
}

static const char *read_payload_file(struct payload *choice, const char *path)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	const char *why;

	if (fd < 0)
		return strerror(errno);
	why = read_all(choice, fd);
	(void)close(fd);
	return why;
}

const char *payload_choose(const char *text, struct payload *choice)
{
	choice->protocol = find_by_name(text);
	if (choice->protocol)
		return NULL;
	if (!strcmp(text, "-"))
		return read_all(choice, STDIN_FILENO);
	if (*text == '@')
		return read_payload_file(choice, text + 1);
	return read_hex(choice, text);
}

bool payload_is_protocol(const char *text)
{
	return find_by_name(text) != NULL;
}

bool payload_make(struct payload *payload, const struct payload *choice,
		  const struct sockaddr_in6 *to)
{
	if (choice && !choice->protocol) {
		*payload = *choice;
		return true;
	}
	payload->protocol =
		choice ? choice->protocol : find_by_port(sockaddr_port(to));
	if (payload->protocol) {
		payload->protocol->make(payload, to);
		return true;
	}
	/* The first echoes a line of text; another server may answer it. */
	protocols->make(payload, to);
	return false;
}

bool payload_is_answer(const struct payload *payload, const uint8_t *answer,
		       size_t bytes)
{
	return !payload->protocol ||
	       payload->protocol->is_answer(payload, answer, bytes);
}

const char *payload_names(void)
{
	static char names[256];
	size_t end = 0;

	for (const struct protocol *p = protocols; p->name; p++)
		if (end < sizeof(names))
			end += (size_t)snprintf(
				names + end, sizeof(names) - end, "%s%s",
				p == protocols ? "" : ", ", p->name);
	return names;
}
// NOLINTEND(concurrency-mt-unsafe)
