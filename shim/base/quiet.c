/* SPDX-License-Identifier: MIT */
/*
 * Writes a line with one call, so that lines do not mix, and without stdio and
 * malloc: a signal handler may have interrupted either.
 */
#include "base/quiet.h"

#include "base/calls.h"
#include "base/real.h"

#include <errno.h>
#include <fcntl.h>
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
static bool begin_quiet(struct quiet *quiet)
{
	sigset_t none;

	sigemptyset(&none);
	quiet->raised = none;
	for (size_t i = 0; i < SIGNALS; i++)
		sigaddset(&quiet->raised, signals[i]);
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE,
				     &quiet->cancelable);
	if (!pthread_sigmask(SIG_BLOCK, &quiet->raised, &quiet->mask)) {
		if (!sigpending(&quiet->pending) &&
		    sigtimedwait(&none, NULL, &at_once) < 0 && errno == EAGAIN)
			return true;
		(void)pthread_sigmask(SIG_SETMASK, &quiet->mask, NULL);
	}
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
#define STATUS_WANTED 0x101

/*
 * Whether there is an fd 2.  By number: fstat(2) has many names.  Before Linux
 * 4.11 `status` is left as it is: all files are one.
 */
static bool stderr_read(uint64_t *status)
{
	return real.syscall(SYS_statx, STDERR_FILENO, "", AT_EMPTY_PATH,
			    STATUS_WANTED, status) >= 0 ||
	       errno != EBADF;
}

static bool is_for_lines(void)
{
	int domain, type;

	if (!sockopt_get(STDERR_FILENO, SOL_SOCKET, SO_DOMAIN, &domain))
		return errno != EBADF; /* no socket */
	return domain == AF_UNIX &&
	       sockopt_get(STDERR_FILENO, SOL_SOCKET, SO_TYPE, &type) &&
	       type != SOCK_DGRAM;
}

void quiet_stderr_is(bool there)
{
	uint64_t now[STATUS_WORDS] = { 0 };

	there = there && is_for_lines() && stderr_read(now);
	atomic_store(&meant.device, now[DEVICE]);
	atomic_store(&meant.inode, now[INODE]);
	atomic_store(&meant.state, there ? STDERR_MEANT : STDERR_OTHER);
}

bool quiet_has_stderr(void)
{
	uint64_t now[STATUS_WORDS] = { 0 };

	if (atomic_load(&meant.state) == STDERR_UNKNOWN)
		quiet_stderr_is(true);
	return atomic_load(&meant.state) == STDERR_MEANT && stderr_read(now) &&
	       now[DEVICE] == atomic_load(&meant.device) &&
	       now[INODE] == atomic_load(&meant.inode);
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
