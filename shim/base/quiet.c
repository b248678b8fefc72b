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
static bool write_to_syslog(const struct text_buffer *line)
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
struct quiet {
	sigset_t raised;
	sigset_t pending;
	sigset_t mask;
	int cancelable;
};

/* A timeout. */
static const struct timespec at_once = { 0 };

/* False, and nothing may be written: a seccomp filter refuses a call. */
static bool block_raised(struct quiet *quiet)
{
	sigset_t none;

	sigemptyset(&none);
	if (pthread_sigmask(SIG_BLOCK, &quiet->raised, &quiet->mask))
		return false;
	if (!sigpending(&quiet->pending) &&
	    sigtimedwait(&none, NULL, &at_once) < 0 && errno == EAGAIN)
		return true;
	(void)pthread_sigmask(SIG_SETMASK, &quiet->mask, NULL);
	return false;
}

static bool begin_quiet(struct quiet *quiet)
{
	sigemptyset(&quiet->raised);
	for (size_t i = 0; i < SIGNALS; i++)
		sigaddset(&quiet->raised, signals[i]);
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE,
				     &quiet->cancelable);
	if (block_raised(quiet))
		return true;
	(void)pthread_setcancelstate(quiet->cancelable, NULL);
	return false;
}

static void end_quiet(struct quiet *quiet)
{
	/* Signals that were pending before are the application's. */
	for (size_t i = 0; i < SIGNALS; i++)
		if (sigismember(&quiet->pending, signals[i]))
			sigdelset(&quiet->raised, signals[i]);
	while (sigtimedwait(&quiet->raised, NULL, &at_once) > 0)
		;
	(void)pthread_sigmask(SIG_SETMASK, &quiet->mask, NULL);
	(void)pthread_setcancelstate(quiet->cancelable, NULL);
}

/* Which file fd 2 is. */
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
 * Places in struct statx, in words of 64 bits: stx_ino, and stx_dev_major with
 * stx_dev_minor.  Not every libc declares it, and the kernel's header conflicts
 * with musl's.
 */
enum { INODE = 4, DEVICE = 17, STATUS_WORDS = 32 };

/* STATX_TYPE and STATX_INO */
#define QUIET_WANTED 0x101

/* By number: fstat(2) has many names.  Before Linux 4.11: all files are one. */
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
static bool write_to_stderr(const struct text_buffer *line)
{
	struct pollfd at = { .fd = STDERR_FILENO, .events = POLLOUT };

	return quiet_has_stderr() && ppoll(&at, 1, &at_once, NULL) == 1 &&
	       real.write(STDERR_FILENO, line->text, line->length) >= 0;
}

bool quiet_write(struct text_buffer *line, enum log_place to)
{
	struct quiet quiet;
	bool written;

	text_buffer_end(line);
	if (!begin_quiet(&quiet))
		return true; /* which is not reported, either */
	written = to == LOG_TO_SYSLOG ? write_to_syslog(line)
				      : write_to_stderr(line);
	end_quiet(&quiet);
	return written;
}
