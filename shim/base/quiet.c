/* SPDX-License-Identifier: MIT */
/*
 * Writes a line with one call, so that lines do not mix, and without stdio and
 * malloc: a signal handler may have interrupted either.
 */
#include "base/quiet.h"

#include "base/real.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define QUIET_EMPTY_PATH 0x1000 /* AT_EMPTY_PATH.  open(2) */

/* RFC 3164, without a time: the receiver adds it.  Does not block. */
static bool write_to_syslog(const struct line *line)
{
	const struct sockaddr_un to = { .sun_family = AF_UNIX,
					.sun_path = "/dev/log" };
	int fd = real.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool written;

	if (fd < 0)
		return false;
	written = real.sendto(fd, line->text, line->length,
			      MSG_DONTWAIT | MSG_NOSIGNAL,
			      (const struct sockaddr *)&to, sizeof(to)) >= 0;
	real.close(fd);
	return written;
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

/* Identifies the file that fd 2 is. */
struct identity {
	uint64_t device;
	uint64_t inode;
};

enum { STDERR_UNKNOWN, STDERR_MEANT, STDERR_OTHER };

/* The file that fd 2 was when it was first looked at, or last duplicated to. */
static struct {
	_Atomic int state;
	_Atomic uint64_t device;
	_Atomic uint64_t inode;
} meant;

/*
 * What statx(2) fills in, in words, for not every libc has it, and the kernel's
 * header and musl's define the same: stx_ino, and stx_dev_major with
 * stx_dev_minor.
 */
enum { INODE = 4, DEVICE = 17, STATUS_WORDS = 32 };

/* STATX_TYPE and STATX_INO */
#define QUIET_WANTED 0x101

/* By number, for fstat(2) has many names.  Before Linux 4.11: all are one. */
static bool identify(struct identity *identity)
{
	uint64_t status[STATUS_WORDS] = { 0 };

	*identity = (struct identity){ 0, 0 };
	if (real.syscall(SYS_statx, STDERR_FILENO, "", QUIET_EMPTY_PATH,
			 QUIET_WANTED, status) < 0)
		return errno != EBADF;
	identity->device = status[DEVICE];
	identity->inode = status[INODE];
	return true;
}

static bool is_for_lines(void)
{
	int domain = 0, type = 0;
	socklen_t len = sizeof(domain);

	if (real.getsockopt(STDERR_FILENO, SOL_SOCKET, SO_DOMAIN, &domain,
			    &len) < 0)
		return errno != EBADF; /* no socket */
	len = sizeof(type);
	return domain == AF_UNIX &&
	       !real.getsockopt(STDERR_FILENO, SOL_SOCKET, SO_TYPE, &type,
				&len) &&
	       type != SOCK_DGRAM;
}

void quiet_stderr_is(bool there)
{
	struct identity now = { 0, 0 };

	there = there && is_for_lines() && identify(&now);
	atomic_store(&meant.device, now.device);
	atomic_store(&meant.inode, now.inode);
	atomic_store(&meant.state, there ? STDERR_MEANT : STDERR_OTHER);
}

bool quiet_has_stderr(void)
{
	struct identity now;

	if (atomic_load(&meant.state) == STDERR_UNKNOWN)
		quiet_stderr_is(true);
	return atomic_load(&meant.state) == STDERR_MEANT && identify(&now) &&
	       now.device == atomic_load(&meant.device) &&
	       now.inode == atomic_load(&meant.inode);
}

/* Does not block: the reader of a pipe may be late. */
static bool write_to_stderr(const struct line *line)
{
	struct pollfd at = { .fd = STDERR_FILENO, .events = POLLOUT };

	return quiet_has_stderr() && ppoll(&at, 1, &at_once, NULL) == 1 &&
	       real.write(STDERR_FILENO, line->text, line->length) >= 0;
}

bool quiet_write(struct line *line, enum log_place to)
{
	struct hush hush;
	bool written;

	line_end(line);
	if (!hush_begin(&hush))
		return true; /* not to be said, either */
	written = to == LOG_TO_SYSLOG ? write_to_syslog(line)
				      : write_to_stderr(line);
	hush_end(&hush);
	return written;
}
