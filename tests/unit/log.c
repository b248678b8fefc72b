/* SPDX-License-Identifier: MIT */
/* Where lines go, how often, and what the application notices: nothing. */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "base/log.h"

#include "base/quiet.h"
#include "base/real.h"
#include "child.h"
#include "clock.h"
#include "settings.h"
#include "unit.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/un.h>

#define MOST_LINES 20 /* in 10 s */

static char said[65536]; /* on stderr */
static struct {
	char text[512];
	char to[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	int flags;
	int count;
} sent;
static int fds[2];	    /* a pipe that nobody reads */
static const char *refused; /* the call that a filter refuses */

static bool is_refused(const char *name)
{
	if (!refused || strcmp(name, refused) != 0)
		return false;
	errno = ENOSYS;
	return true;
}

int __real_pthread_sigmask(int how, const sigset_t *set, sigset_t *old);
int __wrap_pthread_sigmask(int how, const sigset_t *set, sigset_t *old);

int __wrap_pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
	return is_refused("sigmask") ? ENOSYS
				     : __real_pthread_sigmask(how, set, old);
}

int __real_sigpending(sigset_t *set);
int __wrap_sigpending(sigset_t *set);

int __wrap_sigpending(sigset_t *set)
{
	return is_refused("sigpending") ? -1 : __real_sigpending(set);
}

int __real_sigtimedwait(const sigset_t *set, siginfo_t *info,
			const struct timespec *timeout);
int __wrap_sigtimedwait(const sigset_t *set, siginfo_t *info,
			const struct timespec *timeout);

int __wrap_sigtimedwait(const sigset_t *set, siginfo_t *info,
			const struct timespec *timeout)
{
	return is_refused("sigtimedwait")
		       ? -1
		       : __real_sigtimedwait(set, info, timeout);
}

static ssize_t note_write(int fd, const void *buf, size_t len)
{
	assert_int_equal(fd, STDERR_FILENO);
	assert_true(strlen(said) + len < sizeof(said));
	strncat(said, buf, len);
	errno = EIO;
	return -1;
}

static ssize_t note_send(int fd, const void *buf, size_t len, int flags,
			 const struct sockaddr *to, socklen_t tolen)
{
	struct sockaddr_un name;

	(void)fd;
	assert_int_equal(tolen, sizeof(name));
	assert_true(len < sizeof(sent.text));
	memcpy(&name, to, sizeof(name));
	memcpy(sent.text, buf, len);
	memcpy(sent.to, name.sun_path, sizeof(sent.to));
	sent.flags = flags;
	sent.count++;
	errno = ECONNREFUSED;
	return -1;
}

BEFORE_EACH(new_place)
{
	settings_reset();
	settings.log = LOG_INFO;
	clock_s += 100; /* the last test's lines do not count */
	memset(&sent, 0, sizeof(sent));
	memset(said, 0, sizeof(said));
	real_resolve(); /* or the first call does, and undoes this */
	real.write = note_write;
	real.sendto = note_send;
}

/* First, for others have a syslog that takes nothing. */
TEST(a_syslog_that_takes_nothing_is_reported_once)
{
	settings.log_to = LOG_TO_SYSLOG;

	for (int i = 0; i < 3; i++)
		log_event(LOG_INFO, 3, "x");

	assert_string_equal(said, "replyfrom: syslog does not take lines: "
				  "nothing is logged\n");
	assert_int_equal(sent.count, 3);
}

TEST(a_line_names_the_socket)
{
	struct sockaddr_in any = { .sin_family = AF_INET };
	socklen_t len = sizeof(any);
	char line[128];
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&any, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&any, &len), 0);
	(void)snprintf(line, sizeof(line),
		       "replyfrom: fd %d udp 0.0.0.0:%d: all is well\n", fd,
		       ntohs(any.sin_port));

	log_event(LOG_INFO, fd, "all is well");

	assert_string_equal(said, line);
	(void)close(fd);
}

TEST(what_is_below_the_level_is_not_told)
{
	log_event(LOG_DEBUG, 0, "x");
	settings.log = LOG_OFF;
	log_event(LOG_ERROR, 0, "x");

	assert_string_equal(said, "");
}

TEST(errno_is_kept)
{
	const enum log_place places[] = { LOG_TO_STDERR, LOG_TO_SYSLOG };

	for (size_t i = 0; i < COUNT(places); i++) {
		settings.log_to = places[i];
		errno = EXDEV;

		log_event(LOG_INFO, -1, "x");

		assert_int_equal(errno, EXDEV);
	}
}

TEST(too_many_lines_are_left_out_and_counted)
{
	size_t lines = 0;

	for (int i = 0; i < MOST_LINES + 7; i++)
		log_event(LOG_INFO, 3, "x");
	for (const char *c = said; *c; c++)
		lines += *c == '\n';
	assert_int_equal(lines, MOST_LINES);

	memset(said, 0, sizeof(said));
	clock_s += 10;
	log_event(LOG_INFO, 3, "again");

	assert_non_null(strstr(said, "replyfrom: lines left out: 7\n"));
	assert_non_null(strstr(said, ": again\n"));
}

TEST(no_fd_is_left_open)
{
	int next = dup(0);

	(void)close(next);
	settings.log_to = LOG_TO_SYSLOG;

	log_event(LOG_INFO, 3, "x");

	assert_int_equal(dup(0), next);
	(void)close(next);
}

TEST(syslog_gets_a_datagram_that_nobody_waits_for)
{
	char begin[64];

	settings.log_to = LOG_TO_SYSLOG;

	log_event(LOG_INFO, 3, "x");

	(void)snprintf(begin, sizeof(begin), "<30>replyfrom[%d]: fd 3 udp ",
		       getpid());
	assert_memory_equal(sent.text, begin, strlen(begin));
	assert_string_equal(sent.to, "/dev/log");
	assert_int_equal(sent.flags, MSG_DONTWAIT | MSG_NOSIGNAL);
	assert_int_equal(sent.count, 1);
}

/* In a child, which a signal would end. */
static int write_to_closed_pipe(void *unused)
{
	(void)unused;
	(void)dup2(fds[1], STDERR_FILENO);
	log_stderr_is(true);
	real.write = write;
	log_event(LOG_INFO, 3, "x");
	return 0;
}

TEST(a_closed_pipe_raises_no_signal)
{
	assert_int_equal(pipe(fds), 0);
	(void)close(fds[0]);

	assert_int_equal(in_child(write_to_closed_pipe, NULL), 0);

	(void)close(fds[1]);
}

TEST(without_the_calls_for_that_nothing_is_written)
{
	const char *const calls[] = { "sigmask", "sigpending", "sigtimedwait" };
	/* The kernel fills in a part. */
	sigset_t before = { 0 }, after = { 0 };

	(void)pthread_sigmask(SIG_BLOCK, NULL, &before);
	for (size_t i = 0; i < COUNT(calls); i++) {
		refused = calls[i];
		log_event(LOG_INFO, 3, "x");
		refused = NULL;

		assert_string_equal(said, "");
		(void)pthread_sigmask(SIG_BLOCK, NULL, &after);
		assert_memory_equal(&before, &after, sizeof(before));
	}
}

static int keep_pending(void *unused)
{
	sigset_t set;

	(void)unused;
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);
	(void)kill(getpid(), SIGPIPE);
	(void)write_to_closed_pipe(NULL);
	(void)sigpending(&set);
	return sigismember(&set, SIGPIPE) == 1 ? 0 : 1;
}

TEST(a_signal_that_was_pending_is_so_still)
{
	assert_int_equal(pipe(fds), 0);
	(void)close(fds[0]);

	assert_int_equal(in_child(keep_pending, NULL), 0);

	(void)close(fds[1]);
}

static void *log_when_cancelled(void *survived)
{
	real.write = write;
	(void)pthread_cancel(pthread_self());
	log_event(LOG_INFO, 3, "x");
	*(bool *)survived = true;
	return NULL;
}

TEST(it_is_no_cancellation_point)
{
	const enum log_place places[] = { LOG_TO_STDERR, LOG_TO_SYSLOG };
	pthread_t thread;

	for (size_t i = 0; i < COUNT(places); i++) {
		bool survived = false;

		settings.log_to = places[i];
		assert_int_equal(pthread_create(&thread, NULL,
						log_when_cancelled, &survived),
				 0);
		(void)pthread_join(thread, NULL);

		assert_true(survived);
	}
}

/* In a child, whose stderr is its own.  `how` makes another file of it. */
static int log_after(void *how)
{
	log_event(LOG_INFO, 3, "before");
	((void (*)(void))how)();
	log_event(LOG_INFO, 3, "after");
	return (strstr(said, "before") ? 0 : 1) |
	       (strstr(said, "after") ? 2 : 0) |
	       (strstr(sent.text, "after") ? 4 : 0);
}

static void replace(int with)
{
	/* Unnoticed, as by fclose(3). */
	(void)dup2(with, STDERR_FILENO);
	(void)close(with);
}

static void by_a_file(void)
{
	replace(memfd_create("database", 0));
}

static void by_a_datagram_socket(void)
{
	replace(socket(AF_INET, SOCK_DGRAM, 0));
	log_stderr_is(true);
}

static void by_a_client(void)
{
	replace(socket(AF_INET, SOCK_STREAM, 0));
	log_stderr_is(true);
}

static void by_nothing(void)
{
	(void)close(STDERR_FILENO);
}

static void by_a_file_that_is_meant(void)
{
	replace(memfd_create("log", 0));
	log_stderr_is(true);
}

static void by_a_connection_to_the_journal(void)
{
	int ends[2];

	(void)socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
	replace(ends[0]);
	log_stderr_is(true);
}

TEST(what_is_no_stderr_gets_no_line_but_syslog_does)
{
	void (*const replaced[])(void) = { by_a_file, by_a_datagram_socket,
					   by_a_client, by_nothing };
	void (*const meant[])(void) = { by_a_file_that_is_meant,
					by_a_connection_to_the_journal };

	for (size_t i = 0; i < COUNT(replaced); i++)
		assert_int_equal(in_child(log_after, (void *)replaced[i]), 4);
	for (size_t i = 0; i < COUNT(meant); i++)
		assert_int_equal(in_child(log_after, (void *)meant[i]), 2);
}

// NOLINTEND(concurrency-mt-unsafe)
