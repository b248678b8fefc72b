/* SPDX-License-Identifier: MIT */
/*
 * Writes a line at once, so that lines do not mix, and nothing of stdio or
 * malloc in it: whoever is interrupted may be in there.
 */
#include "base/log.h"

#include "base/config.h"
#include "base/line.h"
#include "base/name.h"
#include "base/real.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>

/* So many lines in so many seconds. */
#define MOST_LINES 20
#define WINDOW_S 10

#define SYSLOG_DAEMON (3 << 3) /* a facility.  syslog(3). */

/* What is logged may be more than what may be written. */
static struct {
	_Atomic uint32_t window;
	_Atomic uint32_t lines; /* in this window, and those left out */
} rate;

/* Whether one more line may be written; *left_out were not before it. */
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

/* A file is opened for each line: the application never meets the fd. */
static void write_to_file(const char *path, const struct line *line)
{
	const int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC |
			  O_NOFOLLOW | O_NOCTTY | O_NONBLOCK;
	const int for_its_owner = 0600;
	/* Not open(2), which is a cancellation point. */
	int fd = (int)real.syscall(SYS_openat, AT_FDCWD, path, flags,
				   for_its_owner);

	if (fd < 0)
		return;
	(void)!real.write(fd, line->text, line->length);
	real.close(fd);
}

/* RFC 3164; who receives it knows the time.  Nobody waits for it. */
static void write_to_syslog(const struct line *line)
{
	const struct sockaddr_un to = { .sun_family = AF_UNIX,
					.sun_path = "/dev/log" };
	int fd = real.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	real.sendto(fd, line->text, line->length, MSG_DONTWAIT | MSG_NOSIGNAL,
		    (const struct sockaddr *)&to, sizeof(to));
	real.close(fd);
}

/* What a write to a pipe, a large file or a terminal with tostop may raise. */
static const int signals[] = { SIGPIPE, SIGXFSZ, SIGTTOU };

#define SIGNALS (sizeof(signals) / sizeof(*signals))

/* The same as a set, and how it was before. */
struct hush {
	sigset_t raised;
	sigset_t pending;
	sigset_t mask;
	int cancelable;
};

/* A timeout. */
static const struct timespec at_once = { 0 };

/* A filter may refuse any of these calls: then nothing may be written. */
static bool hush_signals(struct hush *hush)
{
	sigset_t none;

	sigemptyset(&none);
	if (pthread_sigmask(SIG_BLOCK, &hush->raised, &hush->mask))
		return false;
	if (!sigpending(&hush->pending) &&
	    sigtimedwait(&none, NULL, &at_once) < 0 && errno == EAGAIN)
		return true;
	(void)pthread_sigmask(SIG_SETMASK, &hush->mask, NULL);
	return false;
}

static bool hush_begin(struct hush *hush)
{
	sigemptyset(&hush->raised);
	for (size_t i = 0; i < SIGNALS; i++)
		sigaddset(&hush->raised, signals[i]);
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &hush->cancelable);
	if (hush_signals(hush))
		return true;
	(void)pthread_setcancelstate(hush->cancelable, NULL);
	return false;
}

static void hush_end(struct hush *hush)
{
	/* What was there before is the application's. */
	for (size_t i = 0; i < SIGNALS; i++)
		if (sigismember(&hush->pending, signals[i]))
			sigdelset(&hush->raised, signals[i]);
	while (sigtimedwait(&hush->raised, NULL, &at_once) > 0)
		;
	(void)pthread_sigmask(SIG_SETMASK, &hush->mask, NULL);
	(void)pthread_setcancelstate(hush->cancelable, NULL);
}

/* What comes before the text, at each place. */
static void begin(struct line *line, enum log_level level, const char *to)
{
	/* syslog(3): LOG_ERR, LOG_INFO, LOG_DEBUG. */
	const unsigned int severities[] = { 0, 3, 6, 7 };

	line->length = 0;
	if (!to) {
		line_add(line, "replyfrom: ");
		return;
	}
	if (!strcmp(to, CONFIG_SYSLOG)) {
		line_add(line, "<");
		line_add_number(line, SYSLOG_DAEMON | severities[level]);
		line_add(line, ">");
	} else {
		line_add_time(line, (uint32_t)time(NULL));
		line_add(line, " ");
	}
	line_add(line, "replyfrom[");
	line_add_number(line, (unsigned long)getpid());
	line_add(line, "]: ");
}

static _Atomic bool stderr_closed;

void log_stderr_is(bool there)
{
	atomic_store_explicit(&stderr_closed, !there, memory_order_relaxed);
}

/* Who reads a pipe may not: then nobody waits for that. */
static void write_to_stderr(const struct line *line)
{
	struct pollfd at = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (!atomic_load(&stderr_closed) && ppoll(&at, 1, &at_once, NULL) == 1)
		(void)!real.write(STDERR_FILENO, line->text, line->length);
}

static void write_out(struct line *line, const char *to)
{
	struct hush hush;

	line_end(line);
	if (!hush_begin(&hush))
		return;
	if (!to)
		write_to_stderr(line);
	else if (!strcmp(to, CONFIG_SYSLOG))
		write_to_syslog(line);
	else
		write_to_file(to, line);
	hush_end(&hush);
}

void log_bad_value(const char *name, const char *value, const char *accepted)
{
	const size_t most = 80; /* of a value that may be anything */
	struct line line;

	begin(&line, LOG_ERROR, NULL);
	line_add(&line, name);
	line_add(&line, "=");
	line_add_at_most(&line, value, most);
	line_add(&line, " is not ");
	line_add(&line, accepted);
	line_add(&line, "; using the default");
	write_out(&line, NULL);
}

/* fd 5 udp 0.0.0.0:53 */
static void add_socket(struct line *line, int fd)
{
	struct sockaddr_in6 name;

	line_add(line, "fd ");
	line_add_number(line, (unsigned long)fd);
	line_add(line, " udp ");
	if (name_read(fd, &name))
		line_add_name(line, &name);
	line_add(line, ": ");
}

static _Atomic bool silent;

void log_no_more(bool yes)
{
	atomic_store(&silent, yes);
}

void log_event(enum log_level level, int fd, const char *what)
{
	const struct config *config = config_get();
	int saved = errno;
	uint32_t left_out;
	struct line line;

	if (config->log < (uint32_t)level || atomic_load(&silent))
		return;
	if (may_write(&left_out)) {
		if (left_out) {
			begin(&line, LOG_INFO, config->log_to);
			line_add(&line, "lines left out: ");
			line_add_number(&line, left_out);
			write_out(&line, config->log_to);
		}
		begin(&line, level, config->log_to);
		if (fd >= 0)
			add_socket(&line, fd);
		line_add(&line, what);
		write_out(&line, config->log_to);
	}
	errno = saved;
}
