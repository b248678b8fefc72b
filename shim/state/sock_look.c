/* SPDX-License-Identifier: MIT */
/* Asks the kernel what an fd is, and switches pktinfo on and off. */
#include "state/sock_look.h"

#include "base/calls.h"
#include "base/config.h"
#include "base/real.h"
#include "common/mark.h"
#include "common/sockaddr.h"

#include <errno.h>
#include <net/if.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>

#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif

uint64_t sock_cookie(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	if (real.getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len))
		return 0;
	return cookie;
}

uint32_t sock_read_device(int fd)
{
	int index = 0;
	struct ifreq request = { 0 };
	socklen_t len = sizeof(request.ifr_name);

	if (sockopt_get(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &index))
		return (uint32_t)index;
	/* Before Linux 5.0. */
	if (real.getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, request.ifr_name,
			    &len) ||
	    !request.ifr_name[0] || ioctl(fd, SIOCGIFINDEX, &request))
		return 0;
	return (uint32_t)request.ifr_ifindex;
}

int sock_lowat(int fd)
{
	int lowat = 0;

	sockopt_get(fd, SOL_SOCKET, SO_RCVLOWAT, &lowat);
	return lowat;
}

void sock_mark(int fd, int lowat, uint32_t next)
{
	if (lowat == NO_MARK || is_mark(lowat))
		sockopt_set(fd, SOL_SOCKET, SO_RCVLOWAT, (int)next);
}

bool sock_read_wanted(int fd, int family, int lowat, uint32_t *wanted)
{
	int v4 = 0, v6 = 0;

	if (is_mark(lowat)) {
		*wanted = (uint32_t)lowat & PKTINFO_BOTH;
		return true;
	}
	/* 0: it could not be read, so it may be the library's mark. */
	if (!lowat || !sockopt_get(fd, IPPROTO_IP, IP_PKTINFO, &v4) ||
	    (family == AF_INET6 &&
	     !sockopt_get(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &v6)))
		return false;
	*wanted = (v4 ? PKTINFO_V4 : 0U) | (v6 ? PKTINFO_V6 : 0U);
	return true;
}

bool sock_switch_on(int fd, int family)
{
	bool v4 = sockopt_set(fd, IPPROTO_IP, IP_PKTINFO, 1);

	if (family == AF_INET)
		return v4;
	return sockopt_set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
}

void sock_switch_back(int fd, const struct sock *sock)
{
	if (!(sock->wanted & PKTINFO_V4))
		sockopt_set(fd, IPPROTO_IP, IP_PKTINFO, 0);
	if (sock->family == AF_INET6 && !(sock->wanted & PKTINFO_V6))
		sockopt_set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 0);
	sock_mark(fd, sock_lowat(fd), NO_MARK);
}

struct sock *sock_kind(int fd, int *family)
{
	int protocol, type;

	if (!sockopt_get(fd, SOL_SOCKET, SO_PROTOCOL, &protocol))
		return errno == EBADF || errno == ENOTSOCK ? NULL : SOCK_OTHER;
	/* Raw sockets may have the protocol too. */
	if ((protocol != IPPROTO_UDP && protocol != IPPROTO_UDPLITE) ||
	    !sockopt_get(fd, SOL_SOCKET, SO_TYPE, &type) || type != SOCK_DGRAM)
		return SOCK_OTHER;
	if (!sockopt_get(fd, SOL_SOCKET, SO_DOMAIN, family) ||
	    (*family != AF_INET && *family != AF_INET6))
		return SOCK_OTHER;
	return SOCK_UDP;
}

bool sock_is_wildcard(const struct sockaddr *addr, socklen_t len)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6 = { 0 };
	struct in_addr mapped;

	if (!addr || len < sizeof(v4))
		return false;
	/* AF_UNSPEC: taken for AF_INET by bind(2), with 0.0.0.0 only. */
	if (addr->sa_family == AF_INET || addr->sa_family == AF_UNSPEC) {
		memcpy(&v4, addr, sizeof(v4));
		return v4.sin_addr.s_addr == INADDR_ANY;
	}
	/* Without its scope a sockaddr_in6 is still one.  RFC 2133. */
	if (addr->sa_family != AF_INET6 ||
	    len < offsetof(struct sockaddr_in6, sin6_scope_id))
		return false;
	memcpy(&v6, addr, len < sizeof(v6) ? len : sizeof(v6));
	memcpy(&mapped, &v6.sin6_addr.s6_addr[12], sizeof(mapped));
	return IN6_IS_ADDR_UNSPECIFIED(&v6.sin6_addr) ||
	       (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr) &&
		mapped.s_addr == INADDR_ANY);
}

in_port_t sock_read_port(int fd, bool *is_wildcard)
{
	struct sockaddr_in6 name;

	*is_wildcard = false;
	if (!sockaddr_read(fd, &name))
		return 0;
	*is_wildcard =
		sockaddr_port(&name) &&
		config_wants_port(sockaddr_port(&name)) &&
		sock_is_wildcard((const struct sockaddr *)&name, sizeof(name));
	return name.sin6_port;
}
