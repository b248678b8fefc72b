/* SPDX-License-Identifier: MIT */
/* Hooks that create, bind, connect, configure and close sockets. */
#include "base/config.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/quiet.h"
#include "base/real.h"
#include "hooks/hook.h"
#include "state/follow.h"
#include "state/peers_open.h"
#include "state/sock.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The loader calls this before the application's own code. */
__attribute__((constructor)) static void loaded(void)
{
	int saved = errno;

	real_resolve();
	lock_watch();
	pthread_atfork(NULL, sock_forked, sock_forked);
	if (config_get()->log)
		quiet_stderr_is(true);
	errno = saved;
}

EXPORTED int socket(int domain, int type, int protocol)
{
	int fd = real.socket(domain, type, protocol);

	if (fd >= 0)
		sock_created(fd, domain, type, protocol);
	return fd;
}

int hook_not_ours(int fd)
{
	if (fd >= 0)
		sock_created(fd, AF_UNIX, SOCK_STREAM, 0);
	return fd;
}

EXPORTED int socketpair(int domain, int type, int protocol, int fds[2])
{
	int result = real.socketpair(domain, type, protocol, fds);

	for (int i = 0; !result && i < 2; i++)
		hook_not_ours(fds[i]);
	return result;
}

EXPORTED int accept(int fd, struct sockaddr *addr, socklen_t *len)
{
	return hook_not_ours(real.accept(fd, addr, len));
}

EXPORTED int accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	return hook_not_ours(real.accept4(fd, addr, len, flags));
}

/* The port, which both families keep at the same place. */
static uint16_t port_of(const struct sockaddr *addr)
{
	struct sockaddr_in v4;

	memcpy(&v4, addr, sizeof(v4));
	return ntohs(v4.sin_port);
}

EXPORTED int bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct sock *sock = NULL;
	int result;

	/* Port 0 counts, whatever REPLYFROM_ONLY_PORTS lists. */
	if (sock_is_wildcard(addr, len) &&
	    (!port_of(addr) || config_wants_port(port_of(addr))))
		sock = sock_binding(fd, htons(port_of(addr)));
	result = real.bind(fd, addr, len);
	if (sock)
		sock_bound(fd, sock, result == 0);
	if (!sock && !result)
		sock_bound_packets(fd, addr, len);
	if (sock && !result) {
		log_event(LOG_INFO, fd, SOCK_TOLD);
		if (!peers_open())
			log_event(LOG_ERROR, fd, PEERS_ARE_FEW);
	} else if (!result && sock_settle(fd)) {
		log_event(LOG_DEBUG, fd, SOCK_UNTOUCHED);
	}
	return result;
}

EXPORTED int connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	return follow_connect(fd, addr, len);
}

EXPORTED int setsockopt(int fd, int level, int name, const void *value,
			socklen_t len)
{
	return sock_set_option(fd, level, name, value, len);
}

EXPORTED int getsockopt(int fd, int level, int name, void *value,
			socklen_t *len)
{
	return sock_get_option(fd, level, name, value, len);
}

/* Before the call: afterwards another thread may have got the same number. */
void hook_closing(int fd)
{
	sock_forget(fd);
	if (fd == STDERR_FILENO)
		log_stderr_is(false);
}

EXPORTED int close(int fd)
{
	hook_closing(fd);
	return real.close(fd);
}

static void forget_range(unsigned int first, unsigned int last)
{
	sock_forget_range(first, last);
	if (first <= STDERR_FILENO && last >= STDERR_FILENO)
		log_stderr_is(false);
}

EXPORTED int close_range(unsigned int first, unsigned int last, int flags)
{
	const int set_cloexec_only = 1 << 2; /* CLOSE_RANGE_CLOEXEC */

	if (!(flags & set_cloexec_only))
		forget_range(first, last);
	return real.close_range(first, last, flags);
}

EXPORTED void closefrom(int first)
{
	forget_range(first < 0 ? 0 : (unsigned int)first, ~0U);
	real.closefrom(first);
}

static int duplicated(int fd, int to)
{
	if (to >= 0)
		sock_duplicated(fd, to);
	if (to == STDERR_FILENO)
		log_stderr_is(true);
	return to;
}

EXPORTED int dup(int fd)
{
	return duplicated(fd, real.dup(fd));
}

EXPORTED int dup2(int fd, int to)
{
	return duplicated(fd, real.dup2(fd, to));
}

EXPORTED int dup3(int fd, int to, int flags)
{
	return duplicated(fd, real.dup3(fd, to, flags));
}

/* The third argument is an int or a pointer, or is not there: see fcntl(2). */
static int control(__typeof__(&fcntl) call, int fd, int command, void *argument)
{
	int result = call(fd, command, argument);

	if (command == F_DUPFD || command == F_DUPFD_CLOEXEC)
		return duplicated(fd, result);
	return result;
}

EXPORTED int fcntl(int fd, int command, ...)
{
	va_list list;
	void *argument;

	va_start(list, command);
	argument = va_arg(list, void *);
	va_end(list);
	return control(real.fcntl, fd, command, argument);
}

EXPORTED int fcntl64(int fd, int command, ...)
{
	va_list list;
	void *argument;

	va_start(list, command);
	argument = va_arg(list, void *);
	va_end(list);
	return control(real.fcntl64, fd, command, argument);
}

/* The names by which other libraries call some of these. */
__typeof__(connect) __connect EXPORTED __attribute__((alias("connect")));
__typeof__(close) __close EXPORTED __attribute__((alias("close")));
__typeof__(dup2) __dup2 EXPORTED __attribute__((alias("dup2"), nothrow, leaf));
__typeof__(fcntl) __fcntl EXPORTED __attribute__((alias("fcntl")));
#if HAS_TIME64_NAMES
__typeof__(setsockopt) __setsockopt64 EXPORTED
	__attribute__((alias("setsockopt"), nothrow, leaf));
__typeof__(getsockopt) __getsockopt64 EXPORTED
	__attribute__((alias("getsockopt"), nothrow, leaf));
__typeof__(fcntl) __fcntl_time64 EXPORTED __attribute__((alias("fcntl64")));
#endif
