/* SPDX-License-Identifier: MIT */
/*
 * Reads lists of ports, with names of services.  Not with getservbyname(3): it
 * allocates and loads plugins, and the library reads its variables when it may
 * be too early for either.
 */
#include "common/port_list.h"

#include "common/variable.h"

#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/syscall.h>

/* Digits of a port number; longer words are names. */
enum { MOST_DIGITS = 5 };

/* One line of services(5); a longer one is cut. */
struct service_line {
	size_t length;
	char text[256];
};

/* The next word in [text, end), or NULL; *length is its length. */
static const char *next_word(const char *text, const char *end, size_t *length)
{
	const char *word;

	while (text < end && strchr(" \t", *text))
		text++;
	for (word = text; text < end && !strchr(" \t#", *text); text++)
		;
	*length = (size_t)(text - word);
	return *length ? word : NULL;
}

static bool read_port(const char *text, size_t length, uint32_t *number)
{
	const char *end = text;

	return length <= MOST_DIGITS &&
	       variable_read_digits(&end, PORTS_COUNT - 1, number) &&
	       end == text + length && *number;
}

/* "53/udp" */
static bool read_udp_port(const char *word, size_t length, uint32_t *port)
{
	static const char udp[] = "/udp";
	const size_t suffix = sizeof(udp) - 1;

	return length > suffix &&
	       !memcmp(word + length - suffix, udp, suffix) &&
	       read_port(word, length - suffix, port);
}

/* "domain 53/udp nameserver": whether one of its names is the one wanted. */
static bool line_names(const struct service_line *line, const char *name,
		       size_t length, uint32_t *port)
{
	const char *end = line->text + line->length, *at = line->text;
	bool named = false, udp = false;
	uint32_t number = 0;
	size_t word;

	for (int i = 0; (at = next_word(at, end, &word)); i++, at += word) {
		if (i == 1)
			udp = read_udp_port(at, word, &number);
		else if (word == length && !strncasecmp(at, name, length))
			named = true;
	}
	if (!named || !udp)
		return false;
	*port = number;
	return true;
}

static bool find_in_file(int fd, __typeof__(&syscall) call, const char *name,
			 size_t length, uint32_t *port)
{
	struct service_line line = { 0 };
	char data[1024];
	long n;

	while ((n = call(SYS_read, fd, data, sizeof(data))) > 0)
		for (long i = 0; i < n; i++) {
			if (data[i] != '\n') {
				if (line.length < sizeof(line.text))
					line.text[line.length++] = data[i];
				continue;
			}
			if (line_names(&line, name, length, port))
				return true;
			line.length = 0;
		}
	return line_names(&line, name, length, port);
}

static bool find_service(__typeof__(&syscall) call, const char *name,
			 size_t length, uint32_t *port)
{
	const int fd = (int)call(SYS_openat, AT_FDCWD, "/etc/services",
				 O_RDONLY | O_CLOEXEC);
	bool found;

	if (fd < 0)
		return false;
	found = find_in_file(fd, call, name, length, port);
	(void)call(SYS_close, fd);
	return found;
}

static void set_range(uint32_t *ports, uint32_t first, uint32_t last)
{
	for (uint32_t n = first; n <= last; n++)
		ports[n / PORTS_PER_WORD] |= 1U << n % PORTS_PER_WORD;
}

/* "53", "5000-5010" or "domain" */
static bool read_item(const char *item, size_t length,
		      __typeof__(&syscall) call, uint32_t *ports)
{
	const char *dash = memchr(item, '-', length);
	const size_t before = dash ? (size_t)(dash - item) : length;
	const bool is_name = strspn(item, "0123456789-") < length;
	uint32_t first, last;

	if (is_name ? !find_service(call, item, length, &first)
		    : !read_port(item, before, &first))
		return false;
	last = first;
	if (!is_name && dash &&
	    !read_port(dash + 1, length - before - 1, &last))
		return false;
	if (first > last)
		return false;
	set_range(ports, first, last);
	return true;
}

bool port_list_read(const char *text, __typeof__(&syscall) call,
		    uint32_t *ports)
{
	static const char blanks[] = " \t", separators[] = ", \t";

	text += strspn(text, blanks);
	if (!*text)
		return false;
	while (*text) {
		const size_t length = strcspn(text, separators);

		if (!read_item(text, length, call, ports))
			return false;
		text += length + strspn(text + length, blanks);
		if (*text != ',')
			continue;
		text++;
		text += strspn(text, blanks);
		if (!*text)
			return false;
	}
	return true;
}
