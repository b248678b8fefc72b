/* SPDX-License-Identifier: MIT */
/* Logs events if REPLYFROM_LOG includes them, with a limited rate. */
#include "base/log.h"

#include "base/calls.h"
#include "base/config.h"
#include "base/lock.h"
#include "base/quiet.h"
#include "base/sandbox.h"
#include "base/text_buffer.h"

#include <errno.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

/* At most MOST_LINES in WINDOW_S seconds. */
#define MOST_LINES 20
#define WINDOW_S 10

#define SYSLOG_DAEMON (3 << 3) /* the facility.  syslog(3). */

/* Counts lines, also those that are not written. */
static struct {
	_Atomic uint32_t window;
	_Atomic uint32_t lines; /* in this window, with those left out */
} rate;

/*
 * Whether one more line may be written.  *left_out: how many were not written
 * in the window before.
 */
static bool may_write(uint32_t *left_out)
{
	uint32_t window = atomic_load(&rate.window), now;
	struct timespec uptime = { 0 };

	clock_gettime(CLOCK_MONOTONIC_COARSE, &uptime);
	now = (uint32_t)uptime.tv_sec / WINDOW_S + 1;
	*left_out = 0;
	if (window != now &&
	    atomic_compare_exchange_strong(&rate.window, &window, now)) {
		const uint32_t lines = atomic_exchange(&rate.lines, 0);
		if (lines > MOST_LINES)
			*left_out = lines - MOST_LINES;
	}
	return atomic_fetch_add(&rate.lines, 1) < MOST_LINES;
}

/* Starts the line as its destination needs it. */
static void begin(struct text_buffer *line, enum log_level level,
		  enum log_place to)
{
	/* syslog(3): LOG_ERR, LOG_INFO, LOG_DEBUG. */
	const unsigned int severities[] = { 0, 3, 6, 7 };

	line->length = 0;
	if (to == LOG_TO_STDERR) {
		text_buffer_add(line, "replyfrom: ");
		return;
	}
	text_buffer_add(line, "<");
	text_buffer_add_number(line, SYSLOG_DAEMON | severities[level]);
	text_buffer_add(line, ">replyfrom[");
	text_buffer_add_number(line, (unsigned long)getpid());
	text_buffer_add(line, "]: ");
}

/* Reports once, to stderr, that no line arrives at syslog. */
static void write_line(struct text_buffer *line, enum log_place to)
{
	static _Atomic bool said;

	if (quiet_write(line, to) || to != LOG_TO_SYSLOG ||
	    atomic_exchange(&said, true))
		return;
	begin(line, LOG_ERROR, LOG_TO_STDERR);
	text_buffer_add(line, "syslog does not take lines: nothing is logged");
	(void)quiet_write(line, LOG_TO_STDERR);
}

/* fd 5 udp 0.0.0.0:53 */
static void add_socket(struct text_buffer *line, int fd)
{
	struct sockaddr_in6 name;

	text_buffer_add(line, "fd ");
	text_buffer_add_number(line, (unsigned long)fd);
	text_buffer_add(line, " udp ");
	if (sockaddr_read(fd, &name))
		text_buffer_add_sockaddr(line, &name);
	text_buffer_add(line, ": ");
}

void log_stderr_is(bool there)
{
	const int saved = errno;

	/* A vfork child's fds are its own, but this memory is its parent's. */
	if (config_get()->log && !sandbox_forbids(SANDBOX_LINES) &&
	    !lock_is_borrowed())
		quiet_stderr_is(there);
	errno = saved;
}

void log_event(enum log_level level, int fd, const char *what)
{
	const struct config *config = config_get();
	int saved = errno;
	enum log_place to = LOG_TO_SYSLOG;
	uint32_t left_out;
	struct text_buffer line;

	if (config->log < (uint32_t)level || sandbox_forbids(SANDBOX_LINES))
		return;
	if (may_write(&left_out)) {
		if (config->log_to == LOG_TO_STDERR && quiet_has_stderr())
			to = LOG_TO_STDERR;
		if (left_out) {
			begin(&line, LOG_INFO, to);
			text_buffer_add(&line, "lines left out: ");
			text_buffer_add_number(&line, left_out);
			write_line(&line, to);
		}
		begin(&line, level, to);
		if (fd >= 0)
			add_socket(&line, fd);
		text_buffer_add(&line, what);
		write_line(&line, to);
	}
	errno = saved;
}
