/* SPDX-License-Identifier: MIT */
/*
 * Behind the shim, in front of libc: makes the nth call fail, whoever makes it.
 * Preloaded after libreplyfrom.so, or alone.
 */
#include "fault.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The program's, shared with what it forks; NULL: no scene is played. */
struct fault_state *fault_state;

/* 'r' and 's' for all that receive and send: they stand for each other. */
static const char *family_of(const char *name)
{
	static const char *const receives[] = { "recvfrom", "recvmsg",
						"recvmmsg", "recv", "read" };
	static const char *const sends[] = { "sendto", "sendmsg", "sendmmsg",
					     "send", "write" };

	for (size_t i = 0; i < sizeof(sends) / sizeof(*sends); i++) {
		if (!strcmp(name, receives[i]))
			return "r";
		if (!strcmp(name, sends[i]))
			return "s";
	}
	return name;
}

/* Whether it is the program's own call, as it is or rewritten. */
static bool is_passed_on(const char *name, int fd, const void *key)
{
	const struct fault_state *s = fault_state;

	return !strcmp(family_of(name), family_of(s->name)) &&
	       (!s->mark || key == s->mark) && (s->fd < 0 || fd == s->fd);
}

/* Counts a call; true, and errno: it has to fail. */
static bool is_faulty(const char *name, int fd, const void *key, void *caller)
{
	struct fault_state *s = fault_state;
	struct fault_call *call;

	if (!s || !s->is_on || s->count == MOST_FAULT_CALLS)
		return false;
	call = &s->calls[s->count++];
	*call = (struct fault_call){
		.name = name,
		.step = s->step,
		.is_own = !is_passed_on(name, fd, key),
		.caller = (uintptr_t)caller,
	};
	if (s->count == s->at && s->is_lasting) {
		s->lasting = name;
		s->is_lasting_own = call->is_own;
	}
	if (s->count != s->at &&
	    !(s->lasting && call->is_own == s->is_lasting_own &&
	      !strcmp(s->lasting, name)))
		return false;
	errno = s->error;
	return true;
}

static const void *first_buffer(const struct msghdr *msg)
{
	return msg && msg->msg_iovlen ? msg->msg_iov->iov_base : NULL;
}

/* A function that fails when it is told to, with `failed`. */
// NOLINTBEGIN(bugprone-macro-parentheses): names are not expressions
#define FAULTY(type, name, parameters, arguments, fd, key, failed) \
	type name parameters                                       \
	{                                                          \
		static __typeof__(&name) next;                     \
                                                                   \
		if (!next) {                                       \
			void *found = dlsym(RTLD_NEXT, #name);     \
                                                                   \
			memcpy(&next, &found, sizeof(found));      \
		}                                                  \
		if (is_faulty(#name, (fd), (key),                  \
			      __builtin_return_address(0)))        \
			return failed;                             \
		return next arguments;                             \
	}

// NOLINTEND(bugprone-macro-parentheses)

FAULTY(int, socket, (int domain, int type, int protocol),
       (domain, type, protocol), -1, NULL, -1)
FAULTY(int, bind, (int fd, const struct sockaddr *addr, socklen_t len),
       (fd, addr, len), fd, addr, -1)
FAULTY(int, connect, (int fd, const struct sockaddr *addr, socklen_t len),
       (fd, addr, len), fd, addr, -1)
FAULTY(ssize_t, recvfrom,
       (int fd, void *buf, size_t len, int flags, struct sockaddr *from,
	socklen_t *fromlen),
       (fd, buf, len, flags, from, fromlen), fd, buf, -1)
FAULTY(ssize_t, recvmsg, (int fd, struct msghdr *msg, int flags),
       (fd, msg, flags), fd, first_buffer(msg), -1)
FAULTY(int, recvmmsg,
       (int fd, struct mmsghdr *msgs, unsigned int n, int flags,
	struct timespec *timeout),
       (fd, msgs, n, flags, timeout), fd, first_buffer(&msgs->msg_hdr), -1)
FAULTY(ssize_t, recv, (int fd, void *buf, size_t len, int flags),
       (fd, buf, len, flags), fd, buf, -1)
FAULTY(ssize_t, read, (int fd, void *buf, size_t len), (fd, buf, len), fd, buf,
       -1)
FAULTY(ssize_t, sendto,
       (int fd, const void *buf, size_t len, int flags,
	const struct sockaddr *to, socklen_t tolen),
       (fd, buf, len, flags, to, tolen), fd, buf, -1)
FAULTY(ssize_t, sendmsg, (int fd, const struct msghdr *msg, int flags),
       (fd, msg, flags), fd, first_buffer(msg), -1)
FAULTY(int, sendmmsg, (int fd, struct mmsghdr *msgs, unsigned int n, int flags),
       (fd, msgs, n, flags), fd, first_buffer(&msgs->msg_hdr), -1)
FAULTY(ssize_t, send, (int fd, const void *buf, size_t len, int flags),
       (fd, buf, len, flags), fd, buf, -1)
FAULTY(ssize_t, write, (int fd, const void *buf, size_t len), (fd, buf, len),
       fd, buf, -1)
FAULTY(int, setsockopt,
       (int fd, int level, int name, const void *value, socklen_t len),
       (fd, level, name, value, len), fd, value, -1)
FAULTY(int, getsockopt,
       (int fd, int level, int name, void *value, socklen_t *len),
       (fd, level, name, value, len), fd, value, -1)
FAULTY(int, getsockname, (int fd, struct sockaddr *addr, socklen_t *len),
       (fd, addr, len), fd, addr, -1)
FAULTY(int, getpeername, (int fd, struct sockaddr *addr, socklen_t *len),
       (fd, addr, len), fd, addr, -1)
FAULTY(int, dup, (int fd), (fd), fd, NULL, -1)
FAULTY(int, dup3, (int fd, int to, int flags), (fd, to, flags), to, NULL, -1)
FAULTY(void *, mmap,
       (void *at, size_t bytes, int protection, int flags, int fd,
	off_t offset),
       (at, bytes, protection, flags, fd, offset), -1, NULL, MAP_FAILED)
FAULTY(int, munmap, (void *at, size_t bytes), (at, bytes), -1, NULL, -1)
FAULTY(int, madvise, (void *at, size_t bytes, int advice), (at, bytes, advice),
       -1, NULL, -1)
FAULTY(ssize_t, getrandom, (void *buf, size_t bytes, unsigned int flags),
       (buf, bytes, flags), -1, NULL, -1)
FAULTY(int, ppoll,
       (struct pollfd * fds, nfds_t n, const struct timespec *timeout,
	const sigset_t *mask),
       (fds, n, timeout, mask), -1, NULL, -1)
FAULTY(int, kill, (pid_t pid, int number), (pid, number), -1, NULL, -1)
FAULTY(int, sigpending, (sigset_t * set), (set), -1, NULL, -1)
FAULTY(int, sigtimedwait,
       (const sigset_t *set, siginfo_t *info, const struct timespec *timeout),
       (set, info, timeout), -1, NULL, -1)

/* Whatever it answers, the fd is gone: close(2), "Dealing with errors". */
int close(int fd)
{
	static __typeof__(&close) next;
	void *found;
	int result;

	if (!next) {
		found = dlsym(RTLD_NEXT, "close");
		memcpy(&next, &found, sizeof(found));
	}
	result = next(fd);
	return is_faulty("close", fd, NULL, __builtin_return_address(0))
		       ? -1
		       : result;
}

int fcntl(int fd, int command, ...)
{
	static __typeof__(&fcntl) next;
	void *found, *argument;
	va_list list;

	va_start(list, command);
	argument = va_arg(list, void *);
	va_end(list);
	if (!next) {
		found = dlsym(RTLD_NEXT, "fcntl");
		memcpy(&next, &found, sizeof(found));
	}
	if (is_faulty("fcntl", fd, NULL, __builtin_return_address(0)))
		return -1;
	return next(fd, command, argument);
}

int ioctl(int fd, unsigned long request, ...)
{
	static __typeof__(&ioctl) next;
	void *found, *argument;
	va_list list;

	va_start(list, request);
	argument = va_arg(list, void *);
	va_end(list);
	if (!next) {
		found = dlsym(RTLD_NEXT, "ioctl");
		memcpy(&next, &found, sizeof(found));
	}
	if (is_faulty("ioctl", fd, NULL, __builtin_return_address(0)))
		return -1;
	return next(fd, request, argument);
}

/* Who may change the mask may change it back: that is another name. */
int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
	static __typeof__(&pthread_sigmask) next;
	const char *name = old ? "pthread_sigmask" : "mask_back";
	const int saved = errno;
	void *found;
	int error;

	if (!next) {
		found = dlsym(RTLD_NEXT, "pthread_sigmask");
		memcpy(&next, &found, sizeof(found));
	}
	if (!is_faulty(name, -1, NULL, __builtin_return_address(0)))
		return next(how, set, old);
	error = errno;
	errno = saved;
	return error;
}

/* Of those by number the shim makes one itself. */
long syscall(long number, ...)
{
	static __typeof__(&syscall) next;
	long a[6];
	void *found;
	va_list list;

	va_start(list, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(list, long);
	va_end(list);
	if (!next) {
		found = dlsym(RTLD_NEXT, "syscall");
		memcpy(&next, &found, sizeof(found));
	}
	if (number == SYS_statx &&
	    is_faulty("statx", -1, NULL, __builtin_return_address(0)))
		return -1;
	return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
