/* SPDX-License-Identifier: MIT */
/*
 * Writes a line with one call, so that lines do not mix, and without stdio and
 * malloc: a signal handler may have interrupted either.
 */
#include "base/quiet.h"

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
#include <unistd.h>

/* The file is opened for each line, so the application never sees the fd. */
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

/* RFC 3164, without a time: the receiver adds it.  Does not block. */
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

/* Raised by writes to a pipe, a large file or a terminal with tostop. */
static const int signals[] = { SIGPIPE, SIGXFSZ, SIGTTOU };

#define SIGNALS (sizeof(signals) / sizeof(*signals))

/* These signals as a set, and what to restore. */
struct hush {
	sigset_t raised;
	sigset_t pending;
	sigset_t mask;
	int cancelable;
};

/* A timeout. */
static const struct timespec at_once = { 0 };

/* False, and nothing may be written: a seccomp filter refuses a call. */
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
	/* Signals that were pending before are the application's. */
	for (size_t i = 0; i < SIGNALS; i++)
		if (sigismember(&hush->pending, signals[i]))
			sigdelset(&hush->raised, signals[i]);
	while (sigtimedwait(&hush->raised, NULL, &at_once) > 0)
		;
	(void)pthread_sigmask(SIG_SETMASK, &hush->mask, NULL);
	(void)pthread_setcancelstate(hush->cancelable, NULL);
}

static _Atomic bool stderr_closed;

void quiet_stderr_is(bool there)
{
	atomic_store_explicit(&stderr_closed, !there, memory_order_relaxed);
}

/* Does not block on a pipe whose reader does not read. */
static void write_to_stderr(const struct line *line)
{
	struct pollfd at = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (!atomic_load(&stderr_closed) && ppoll(&at, 1, &at_once, NULL) == 1)
		(void)!real.write(STDERR_FILENO, line->text, line->length);
}

void quiet_write(struct line *line, const char *to)
{
	struct hush hush;

	line_end(line);
	if (!hush_begin(&hush))
		return;
	if (!to)
		write_to_stderr(line);
	else if (!strcmp(to, QUIET_SYSLOG))
		write_to_syslog(line);
	else
		write_to_file(to, line);
	hush_end(&hush);
}
