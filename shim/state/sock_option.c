/* SPDX-License-Identifier: MIT */
/* Shows the application the options that it set, not the library's. */
#include "base/calls.h"
#include "base/lock.h"
#include "base/real.h"
#include "common/mark.h"
#include "state/sock_look.h"
#include "state/sock_table.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

/* The kind that an option of pktinfo switches, or PKTINFO_NONE. */
static uint32_t kind_of_option(int level, int name)
{
	if (level == IPPROTO_IP && name == IP_PKTINFO)
		return PKTINFO_V4;
	if (level == IPPROTO_IPV6 && name == IPV6_RECVPKTINFO)
		return PKTINFO_V6;
	return PKTINFO_NONE;
}

static bool is_device_option(int level, int name)
{
	return level == SOL_SOCKET &&
	       (name == SO_BINDTODEVICE || name == SO_BINDTOIFINDEX);
}

static bool is_mark_option(int level, int name)
{
	return level == SOL_SOCKET && name == SO_RCVLOWAT;
}

static bool is_multicast_option(int level, int name)
{
	return level == IPPROTO_IP && name == IP_MULTICAST_IF;
}

/* The interface that a value of IP_MULTICAST_IF names by number, or 0. */
static uint32_t named_interface(const void *value, socklen_t len)
{
	struct ip_mreqn group = { 0 };

	if (len >= sizeof(group))
		memcpy(&group, value, sizeof(group));
	return (uint32_t)group.imr_ifindex;
}

/* The application switched a kind on or off: notes it, and leaves it on. */
static void note_wanted(int fd, struct sock *sock, int level, int name,
			uint32_t kind, const void *value, socklen_t len)
{
	int on = 0;

	/* For IPv4 the kernel takes one byte, too; no byte is 0. */
	if (!sockopt_get(fd, level, name, &on))
		memcpy(&on, value, len < sizeof(on) ? len : sizeof(on));
	if (on) {
		atomic_fetch_or(&sock->wanted, kind);
	} else {
		atomic_fetch_and(&sock->wanted, ~kind);
		sockopt_set(fd, level, name, 1);
	}
	sock_mark(fd, sock_lowat(fd), MARK | sock->wanted);
}

int sock_set_option(int fd, int level, int name, const void *value,
		    socklen_t len)
{
	const uint32_t kind = kind_of_option(level, name);
	const bool is_device = is_device_option(level, name);
	struct sock *sock = NULL;
	int result, saved;

	if ((kind || is_device || is_mark_option(level, name)) &&
	    !lock_is_borrowed()) {
		/* No longer fresh: look at its options when it is bound. */
		if (sock_is_new(sock_believed(fd)))
			sock_occupy(fd, SOCK_OWN);
		else if (sock_may_be_udp(fd))
			sock = sock_probe(fd);
		if (sock_is_off())
			sock = NULL;
	}
	result = real.setsockopt(fd, level, name, value, len);
	if (result)
		return result;
	saved = errno;
	if (is_multicast_option(level, name) && !lock_is_borrowed())
		sock_note_multicast(fd, named_interface(value, len));
	if (sock && kind)
		note_wanted(fd, sock, level, name, kind, value, len);
	if (sock && is_device)
		atomic_store(&sock->device, sock_read_device(fd));
	errno = saved;
	return 0;
}

/* Replaces the library's mark by what was there before. */
static void hide_mark(int fd, void *value, socklen_t len)
{
	const int before = NO_MARK;
	int saved = errno, lowat;

	/* With less room than an int, *value has only a part of it. */
	if (len < sizeof(lowat))
		lowat = sock_lowat(fd);
	else
		memcpy(&lowat, value, sizeof(lowat));
	/* The kernel's is never 0: it could not be read. */
	if (is_mark(lowat) || !lowat)
		memcpy(value, &before, len);
	errno = saved;
}

/* Replaces what is set by what the application wants. */
static void show_wanted(const struct sock *sock, uint32_t kind, void *value,
			socklen_t len)
{
	const int on = (sock_wanted(sock) & kind) != 0;

	/* With less room than an int the kernel answers IPv4 in one byte. */
	if (kind == PKTINFO_V4 && len == sizeof(unsigned char))
		*(unsigned char *)value = (unsigned char)on;
	else if (len <= sizeof(on))
		memcpy(value, &on, len);
}

int sock_get_option(int fd, int level, int name, void *value, socklen_t *len)
{
	const uint32_t kind = kind_of_option(level, name);
	const bool is_lowat = is_mark_option(level, name);
	struct sock *sock = NULL;
	int result;

	if ((kind || is_lowat) && sock_may_be_udp(fd) &&
	    !sock_is_new(sock_believed(fd)))
		sock = sock_probe(fd);
	result = real.getsockopt(fd, level, name, value, len);
	if (result)
		return result;
	if (sock && kind)
		show_wanted(sock, kind, value, *len);
	/* The mark may be on one that could not be switched on again. */
	if (is_lowat && sock_may_be_udp(fd))
		hide_mark(fd, value, *len);
	return 0;
}
