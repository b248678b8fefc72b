/* SPDX-License-Identifier: MIT */
/*
 * A library to be preloaded before the shim that spoils what the shim does, in
 * one way, which PLANTED names: the tester has to find each of them.
 */
// NOLINTBEGIN(concurrency-mt-unsafe): nobody sets the environment.
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))
#define BEHIND(name) ((__typeof__(&(name)))behind(#name))

static void *behind(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);

	if (!found)
		abort();
	return found;
}

static bool is_planted(const char *bug)
{
	const char *planted = getenv("PLANTED");

	return planted && !strcmp(planted, bug);
}

/* One control message more than the application asked for. */
static void leak(struct msghdr *msg, size_t room)
{
	const struct in_pktinfo info = { .ipi_ifindex = 1 };
	const struct cmsghdr c = { .cmsg_len = CMSG_LEN(sizeof(info)),
				   .cmsg_level = IPPROTO_IP,
				   .cmsg_type = IP_PKTINFO };
	char *at;

	if (!msg->msg_control ||
	    room < msg->msg_controllen + CMSG_SPACE(sizeof(info)))
		return;
	at = (char *)msg->msg_control + msg->msg_controllen;
	memcpy(at, &c, sizeof(c));
	memcpy(at + CMSG_LEN(0), &info, sizeof(info));
	msg->msg_controllen += CMSG_SPACE(sizeof(info));
}

EXPORTED ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	size_t room = msg ? msg->msg_controllen : 0;
	ssize_t n = BEHIND(recvmsg)(fd, msg, flags);

	if (n < 0 || !msg)
		return n;
	if (is_planted("a lost MSG_CTRUNC"))
		msg->msg_flags &= ~MSG_CTRUNC;
	else if (is_planted("a leaked control message"))
		leak(msg, room);
	else if (is_planted("an errno that is not kept"))
		errno = 0;
	else if (is_planted("a lost flag MSG_TRUNC"))
		msg->msg_flags &= ~MSG_TRUNC;
	else if (is_planted("a byte written behind the address") &&
		 msg->msg_name)
		((char *)msg->msg_name)[msg->msg_namelen] = 0;
	return n;
}

EXPORTED ssize_t recvfrom(int fd, void *buf, size_t len, int flags,
			  struct sockaddr *from, socklen_t *fromlen)
{
	ssize_t n = BEHIND(recvfrom)(fd, buf, len, flags, from, fromlen);

	if (n >= 0 && fromlen && is_planted("an address length off by one"))
		--*fromlen;
	return n;
}

EXPORTED ssize_t sendto(int fd, const void *buf, size_t len, int flags,
			const struct sockaddr *to, socklen_t tolen)
{
	ssize_t n = BEHIND(sendto)(fd, buf, len, flags, to, tolen);

	if (n < 0 && errno == EINVAL && is_planted("another error"))
		errno = ENETUNREACH;
	return n;
}

EXPORTED int getsockopt(int fd, int level, int name, void *value,
			socklen_t *len)
{
	int result = BEHIND(getsockopt)(fd, level, name, value, len);

	if (!result && level == IPPROTO_IP && name == IP_PKTINFO &&
	    *len == sizeof(int) && is_planted("an option that shows"))
		*(int *)value = 1;
	return result;
}

EXPORTED int close(int fd)
{
	if (is_planted("an fd that stays open"))
		return 0;
	return BEHIND(close)(fd);
}
// NOLINTEND(concurrency-mt-unsafe)
