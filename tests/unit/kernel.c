/* SPDX-License-Identifier: MIT */
/* Sockets, options, datagrams: as far as the shim can tell, a kernel. */
#include "kernel.h"

#include "base/real.h"
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#ifndef SO_BINDTOIFINDEX
#define SO_BINDTOIFINDEX 62
#endif
#ifndef MSG_PROBE
#define MSG_PROBE 0x10
#endif

enum { FDS = 512, DATAGRAMS = 2048, SENT = 2100, FIRST_FD = 100 };

struct paper_socket {
	bool is_file;
	bool owns_address; /* it was bound to: SOCK_BINDADDR_LOCK */
	bool owns_port;	   /* SOCK_BINDPORT_LOCK */
	int domain;
	int type;
	int protocol;
	uint64_t cookie;
	struct sockaddr_in6 name;
	struct sockaddr_in6 peer;
	int v4_pktinfo;
	int v6_pktinfo;
	int device;
	int lowat;
	struct in_addr multicast_address;
	int multicast_ifindex;
};

static struct {
	int fd;
	struct paper_socket *socket; /* NULL: not in use */
} fds[FDS];

static struct paper_socket sockets[FDS];
static size_t socket_count;
static uint64_t last_cookie; /* never used twice, as in the kernel */

static struct datagram datagrams[DATAGRAMS];
static size_t datagram_count, received_count;

static struct sent sent[SENT];
static size_t sent_count;

static char calls[8192];

struct kernel kernel;

static void note(const char *word)
{
	const size_t length = strlen(calls);

	(void)snprintf(calls + length, sizeof(calls) - length, "%s%s",
		       length ? " " : "", word);
}

const char *kernel_calls(void)
{
	static char since[sizeof(calls)];

	memcpy(since, calls, sizeof(since));
	*calls = '\0';
	return since;
}

static struct paper_socket *socket_of(int fd)
{
	for (size_t i = 0; i < FDS; i++)
		if (fds[i].socket && fds[i].fd == fd)
			return fds[i].socket;
	errno = EBADF;
	return NULL;
}

static void open_fd(int fd, struct paper_socket *socket)
{
	kernel_closed(fd);
	for (size_t i = 0; i < FDS; i++) {
		if (fds[i].socket)
			continue;
		fds[i].fd = fd;
		fds[i].socket = socket;
		return;
	}
	fail_msg("more than %d fds", FDS);
}

void kernel_closed(int fd)
{
	for (size_t i = 0; i < FDS; i++)
		if (fds[i].fd == fd)
			fds[i].socket = NULL;
}

static struct paper_socket *new_socket(int fd)
{
	struct paper_socket *socket = &sockets[socket_count++ % FDS];

	*socket = (struct paper_socket){ .cookie = ++last_cookie, .lowat = 1 };
	open_fd(fd, socket);
	return socket;
}

void kernel_socket(int fd, int domain, int type, int protocol)
{
	struct paper_socket *socket = new_socket(fd);
	const bool is_inet = domain == AF_INET || domain == AF_INET6;

	socket->domain = domain;
	socket->type = type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK);
	socket->protocol = protocol;
	if (is_inet && !protocol)
		socket->protocol =
			socket->type == SOCK_DGRAM ? IPPROTO_UDP : IPPROTO_TCP;
	socket->name.sin6_family = (sa_family_t)domain;
}

void kernel_file(int fd)
{
	new_socket(fd)->is_file = true;
}

static bool is_any(const struct sockaddr_in6 *name)
{
	struct sockaddr_in in;

	memcpy(&in, name, sizeof(in));
	return name->sin6_family == AF_INET6
		       ? IN6_IS_ADDR_UNSPECIFIED(&name->sin6_addr)
		       : in.sin_addr.s_addr == INADDR_ANY;
}

void kernel_bound(int fd, struct address address)
{
	struct paper_socket *socket = socket_of(fd);

	assert_non_null(socket);
	socket->name = address.v6;
	socket->owns_address = !is_any(&socket->name);
	socket->owns_port = socket->name.sin6_port != 0;
	/* At the same place for both families. */
	if (!socket->name.sin6_port)
		socket->name.sin6_port = htons(40000);
}

void kernel_duplicated(int fd, int to)
{
	struct paper_socket *socket = socket_of(fd);

	assert_non_null(socket);
	open_fd(to, socket);
}

static int *option_of(struct paper_socket *socket, int level, int name)
{
	if (level == IPPROTO_IP && name == IP_PKTINFO)
		return &socket->v4_pktinfo;
	if (level == IPPROTO_IPV6 && name == IPV6_RECVPKTINFO &&
	    socket->domain == AF_INET6)
		return &socket->v6_pktinfo;
	if (level != SOL_SOCKET)
		return NULL;
	if (name == SO_PROTOCOL)
		return &socket->protocol;
	if (name == SO_DOMAIN)
		return &socket->domain;
	if (name == SO_TYPE)
		return &socket->type;
	if (name == SO_BINDTOIFINDEX && !kernel.lacks_bindtoifindex)
		return &socket->device;
	if (name == SO_RCVLOWAT)
		return &socket->lowat;
	return NULL;
}

static const char *option_text(int level, int name)
{
	if (level == IPPROTO_IP && name == IP_MULTICAST_IF)
		return "IP_MULTICAST_IF";
	if (level == IPPROTO_IP)
		return name == IP_PKTINFO ? "IP_PKTINFO" : "IP_OTHER";
	if (level == IPPROTO_IPV6)
		return name == IPV6_RECVPKTINFO ? "IPV6_RECVPKTINFO"
						: "IPV6_OTHER";
	switch (name) {
	case SO_PROTOCOL:
		return "SO_PROTOCOL";
	case SO_DOMAIN:
		return "SO_DOMAIN";
	case SO_TYPE:
		return "SO_TYPE";
	case SO_COOKIE:
		return "SO_COOKIE";
	case SO_BINDTOIFINDEX:
		return "SO_BINDTOIFINDEX";
	case SO_RCVLOWAT:
		return "SO_RCVLOWAT";
	case SO_BINDTODEVICE:
		return "SO_BINDTODEVICE";
	default:
		return "SO_OTHER";
	}
}

void kernel_set(int fd, int level, int name, int value)
{
	struct paper_socket *socket = socket_of(fd);

	assert_non_null(socket);
	*option_of(socket, level, name) = value;
}

int kernel_get(int fd, int level, int name)
{
	struct paper_socket *socket = socket_of(fd);

	assert_non_null(socket);
	return *option_of(socket, level, name);
}

static int refuse(int error)
{
	errno = error;
	return -1;
}

/* The socket of fd, or NULL and an errno. */
static struct paper_socket *checked_socket(int fd)
{
	struct paper_socket *socket = socket_of(fd);

	if (!socket || !socket->is_file)
		return socket;
	errno = ENOTSOCK;
	return NULL;
}

/* Whether this call is the one that shall fail. */
static bool is_nth(struct nth_error *failing)
{
	if (!failing->nth || --failing->nth)
		return false;
	failing->nth = failing->is_lasting;
	return true;
}

/* What this setsockopt(2) fails with, or 0. */
static int option_error(void)
{
	if (is_nth(&kernel.nth_setsockopt))
		return kernel.nth_setsockopt.error;
	return kernel.setsockopt_error;
}

const char *kernel_multicast(int fd)
{
	const struct paper_socket *socket = socket_of(fd);

	assert_non_null(socket);
	return text_of(
		&(struct local){ .family = AF_INET,
				 .ifindex = (uint32_t)socket->multicast_ifindex,
				 .v4 = socket->multicast_address });
}

/* The interface of 10.0.N.x is N + 1, that of all else is 9. */
static int interface_of(struct in_addr address)
{
	const uint32_t word = ntohl(address.s_addr);

	return word >> 16 == 0x0a00 ? (int)(word >> 8 & 0xff) + 1 : 9;
}

/* IP_MULTICAST_IF of do_ip_setsockopt in net/ipv4/ip_sockglue.c. */
static int set_multicast(struct paper_socket *socket, struct ip_mreqn group)
{
	if (!group.imr_ifindex && group.imr_address.s_addr != INADDR_ANY) {
		if (kernel.lacks_addresses)
			return refuse(EADDRNOTAVAIL);
		group.imr_ifindex = interface_of(group.imr_address);
	}
	if (socket->device && group.imr_ifindex &&
	    group.imr_ifindex != socket->device)
		return refuse(EINVAL);
	socket->multicast_address = group.imr_address;
	socket->multicast_ifindex = group.imr_ifindex;
	return 0;
}

static int set_multicast_if(struct paper_socket *socket, const void *value,
			    socklen_t len)
{
	struct ip_mreqn group = { 0 };
	const int error = option_error();
	char word[64];

	if (len >= sizeof(group))
		memcpy(&group, value, sizeof(group));
	else if (len >= sizeof(group.imr_address))
		memcpy(&group.imr_address, value, sizeof(group.imr_address));
	(void)snprintf(
		word, sizeof(word), "IP_MULTICAST_IF=%s",
		text_of(&(struct local){ .family = AF_INET,
					 .ifindex = (uint32_t)group.imr_ifindex,
					 .v4 = group.imr_address }));
	note(word);
	if (!socket)
		return -1;
	if (error)
		return refuse(error);
	return set_multicast(socket, group);
}

static int paper_setsockopt(int fd, int level, int name, const void *value,
			    socklen_t len)
{
	struct paper_socket *socket = checked_socket(fd);
	char word[64];
	int number = 0, *option, error;

	if (level == IPPROTO_IP && name == IP_MULTICAST_IF)
		return set_multicast_if(socket, value, len);
	error = option_error();
	/* ip(7): an int, or one byte. */
	if (len >= sizeof(number))
		memcpy(&number, value, sizeof(number));
	else if (len)
		number = *(const unsigned char *)value;
	(void)snprintf(word, sizeof(word), number > 0xff ? "%s=%#x" : "%s=%d",
		       option_text(level, name), number);
	note(word);
	if (!socket)
		return -1;
	if (error)
		return refuse(error);
	if (level == SOL_SOCKET && name == SO_BINDTODEVICE) {
		/* "eth7" */
		socket->device = ((const char *)value)[3] - '0';
		return 0;
	}
	option = option_of(socket, level, name);
	if (!option || !len)
		return refuse(option ? EINVAL : ENOPROTOOPT);
	*option = level == SOL_SOCKET ? number : number != 0;
	return 0;
}

static int get_cookie(const struct paper_socket *socket, void *value,
		      socklen_t len)
{
	if (kernel.lacks_cookie)
		return refuse(ENOPROTOOPT);
	if (len != sizeof(socket->cookie))
		return refuse(EINVAL);
	memcpy(value, &socket->cookie, sizeof(socket->cookie));
	return 0;
}

static int get_device(const struct paper_socket *socket, char *value,
		      socklen_t *len)
{
	if (*len < IF_NAMESIZE)
		return refuse(EINVAL);
	*len = 0;
	if (socket->device)
		*len = 1 + (socklen_t)sprintf(value, "eth%d", socket->device);
	return 0;
}

/* Its interface cannot be read. */
static int get_multicast(const struct paper_socket *socket, void *value,
			 socklen_t *len)
{
	if (*len > sizeof(socket->multicast_address))
		*len = sizeof(socket->multicast_address);
	memcpy(value, &socket->multicast_address, *len);
	return 0;
}

/* Tried on Linux 6.18: IPv4 gives one byte for less than an int. */
static int paper_getsockopt(int fd, int level, int name, void *value,
			    socklen_t *len)
{
	struct paper_socket *socket = checked_socket(fd);
	int *option;

	note(option_text(level, name));
	if (!socket)
		return -1;
	if (level == SOL_SOCKET && name == SO_COOKIE)
		return get_cookie(socket, value, *len);
	if (level == SOL_SOCKET && name == SO_BINDTODEVICE)
		return get_device(socket, value, len);
	if (level == IPPROTO_IP && name == IP_MULTICAST_IF)
		return get_multicast(socket, value, len);
	option = option_of(socket, level, name);
	if (!option)
		return refuse(ENOPROTOOPT);
	if (!value || !len)
		return refuse(EFAULT);
	if (level == IPPROTO_IP && *len && *len < sizeof(*option)) {
		*len = 1;
		*(unsigned char *)value = (unsigned char)*option;
		return 0;
	}
	if (*len > sizeof(*option))
		*len = sizeof(*option);
	memcpy(value, option, *len);
	return 0;
}

int __wrap_getsockname(int fd, struct sockaddr *addr, socklen_t *len);

int __wrap_getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
	struct paper_socket *socket = checked_socket(fd);
	socklen_t bytes;

	note("getsockname");
	if (!socket)
		return -1;
	bytes = socket->domain == AF_INET ? sizeof(struct sockaddr_in)
					  : sizeof(struct sockaddr_in6);
	memcpy(addr, &socket->name, *len < bytes ? *len : bytes);
	*len = bytes;
	return 0;
}

int __wrap_ioctl(int fd, unsigned long request, struct ifreq *argument);

int __wrap_ioctl(int fd, unsigned long request, struct ifreq *argument)
{
	note("ioctl");
	if (!checked_socket(fd))
		return -1;
	assert_int_equal(request, SIOCGIFINDEX);
	if (strncmp(argument->ifr_name, "eth", 3) != 0)
		return refuse(ENODEV);
	argument->ifr_ifindex = argument->ifr_name[3] - '0';
	return 0;
}

/* Making and closing. */

static int lowest_fd(int least)
{
	int saved = errno;

	while (socket_of(least))
		least++;
	errno = saved;
	return least;
}

static int paper_socket(int domain, int type, int protocol)
{
	int fd = lowest_fd(FIRST_FD);

	note("socket");
	if (kernel.socket_error)
		return refuse(kernel.socket_error);
	kernel_socket(fd, domain, type, protocol);
	return fd;
}

static int paper_socketpair(int domain, int type, int protocol, int pair[2])
{
	note("socketpair");
	if (kernel.socket_error)
		return refuse(kernel.socket_error);
	for (int i = 0; i < 2; i++) {
		pair[i] = lowest_fd(FIRST_FD);
		kernel_socket(pair[i], domain, type, protocol);
	}
	return 0;
}

// NOLINTNEXTLINE(readability-non-const-parameter): the type is libc's
static int paper_accept(int fd, struct sockaddr *addr, socklen_t *len)
{
	int accepted = lowest_fd(FIRST_FD);

	(void)addr;
	(void)len;
	note("accept");
	if (!checked_socket(fd))
		return -1;
	kernel_socket(accepted, AF_INET, SOCK_STREAM, 0);
	return accepted;
}

static int paper_accept4(int fd, struct sockaddr *addr, socklen_t *len,
			 int flags)
{
	(void)flags;
	return paper_accept(fd, addr, len);
}

static const char *name_text(const struct sockaddr_in6 *name)
{
	static char text[128];
	char address[INET6_ADDRSTRLEN] = "";
	struct sockaddr_in in;

	memcpy(&in, name, sizeof(in));
	if (name->sin6_family == AF_INET)
		(void)inet_ntop(AF_INET, &in.sin_addr, address,
				sizeof(address));
	else
		(void)inet_ntop(AF_INET6, &name->sin6_addr, address,
				sizeof(address));
	*text = '\0';
	if (name->sin6_family)
		(void)snprintf(text, sizeof(text), "%s:%u", address,
			       ntohs(name->sin6_port));
	return text;
}

const char *kernel_name(int fd)
{
	const struct paper_socket *socket = socket_of(fd);

	assert_non_null(socket);
	return name_text(&socket->name);
}

const char *kernel_peer(int fd)
{
	const struct paper_socket *socket = socket_of(fd);

	assert_non_null(socket);
	return name_text(&socket->peer);
}

static int paper_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct paper_socket *socket;
	struct address address = { 0 };

	if (kernel.before_bind)
		kernel.before_bind(fd);
	note("bind");
	socket = checked_socket(fd);
	if (!socket)
		return -1;
	if (kernel.bind_error)
		return refuse(kernel.bind_error);
	memcpy(&address, addr,
	       len < sizeof(address.room) ? len : sizeof(address.room));
	if (socket->name.sin6_port)
		return refuse(EINVAL);
	if (kernel.lacks_addresses && !is_any(&address.v6))
		return refuse(EADDRNOTAVAIL);
	kernel_bound(fd, address);
	return 0;
}

/* As far as they are not its own.  __udp_disconnect in net/ipv4/udp.c. */
static int forget_names(struct paper_socket *socket)
{
	struct sockaddr_in6 any = { .sin6_family = socket->name.sin6_family };

	any.sin6_port = socket->name.sin6_port;
	if (!socket->owns_address)
		socket->name = any;
	if (!socket->owns_port)
		socket->name.sin6_port = 0;
	socket->peer = (struct sockaddr_in6){ 0 };
	socket->device = 0;
	return 0;
}

/* The IPv4 address of a peer in either form; false: it is none. */
static bool is_v4(const struct sockaddr_in6 *peer, struct in_addr *address)
{
	struct sockaddr_in in;

	memcpy(&in, peer, sizeof(in));
	*address = in.sin_addr;
	if (peer->sin6_family == AF_INET)
		return true;
	memcpy(address, &peer->sin6_addr.s6_addr[12], sizeof(*address));
	return IN6_IS_ADDR_V4MAPPED(&peer->sin6_addr);
}

/* 2001:db8::1 to ::8, and fe80::1 to ::8. */
static bool is_own_v6(const struct in6_addr *address)
{
	static const unsigned char zeroes[7];
	const unsigned char last = address->s6_addr[15];

	return !kernel.lacks_addresses && last && last <= 8 &&
	       !memcmp(&address->s6_addr[8], zeroes, sizeof(zeroes));
}

/*
 * The routing table's word: always the same, and never what was asked.  But a
 * group's source is IP_MULTICAST_IF (__ip4_datagram_connect).
 */
static struct in_addr choose_v4(const struct paper_socket *socket,
				struct in_addr peer)
{
	return IN_MULTICAST(ntohl(peer.s_addr)) &&
			       socket->multicast_address.s_addr &&
			       !kernel.is_stubborn
		       ? socket->multicast_address
		       : in4("10.0.0.99");
}

/* And that of what we send to ourselves is the address itself. */
static struct in6_addr choose_v6(const struct in6_addr *peer)
{
	return is_own_v6(peer) && !kernel.is_stubborn ? *peer
						      : in6("2001:db8::ee");
}

static void choose_address(struct paper_socket *socket,
			   const struct sockaddr_in6 *peer)
{
	struct sockaddr_in6 *name = &socket->name;
	struct sockaddr_in in;
	struct in_addr to;

	if (!is_v4(peer, &to)) {
		name->sin6_addr = choose_v6(&peer->sin6_addr);
		if (IN6_IS_ADDR_LINKLOCAL(&name->sin6_addr))
			name->sin6_scope_id = (uint32_t)socket->device;
		return;
	}
	to = choose_v4(socket, to);
	if (name->sin6_family == AF_INET6) {
		memset(&name->sin6_addr.s6_addr[10], 0xff, 2);
		memcpy(&name->sin6_addr.s6_addr[12], &to, sizeof(to));
		return;
	}
	memcpy(&in, name, sizeof(in));
	in.sin_addr = to;
	memcpy(name, &in, sizeof(in));
}

/* A link-local peer binds to its interface.  __ip6_datagram_connect. */
static bool take_scope(struct paper_socket *socket,
		       const struct sockaddr_in6 *peer)
{
	if (peer->sin6_family != AF_INET6 ||
	    !IN6_IS_ADDR_LINKLOCAL(&peer->sin6_addr))
		return true;
	if (socket->device && peer->sin6_scope_id &&
	    socket->device != (int)peer->sin6_scope_id)
		return false;
	if (peer->sin6_scope_id)
		socket->device = (int)peer->sin6_scope_id;
	return socket->device;
}

static int paper_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct paper_socket *socket = checked_socket(fd);
	struct sockaddr_in6 peer = { 0 };

	if (kernel.before_connect)
		kernel.before_connect(fd);
	note(addr->sa_family == AF_UNSPEC ? "disconnect" : "connect");
	if (!socket)
		return -1;
	if (addr->sa_family == AF_UNSPEC)
		return forget_names(socket);
	if (kernel.connect_error)
		return refuse(kernel.connect_error);
	if (is_nth(&kernel.nth_connect))
		return refuse(kernel.nth_connect.error);
	memcpy(&peer, addr, len < sizeof(peer) ? len : sizeof(peer));
	if (!take_scope(socket, &peer))
		return refuse(EINVAL);
	if (!socket->name.sin6_port)
		socket->name.sin6_port = htons(40000);
	if (is_any(&socket->name))
		choose_address(socket, &peer);
	socket->peer = peer;
	return 0;
}

static int paper_close(int fd)
{
	note("close");
	if (!socket_of(fd))
		return -1;
	kernel_closed(fd);
	return 0;
}

static int paper_dup3(int fd, int to, int flags)
{
	struct paper_socket *socket = socket_of(fd);

	(void)flags;
	note("dup3");
	if (!socket)
		return -1;
	if (fd == to)
		return refuse(EINVAL);
	open_fd(to, socket);
	return to;
}

static int paper_dup2(int fd, int to)
{
	note("dup2");
	if (!socket_of(fd))
		return -1;
	if (fd != to)
		kernel_duplicated(fd, to);
	return to;
}

static int paper_dup(int fd)
{
	int to = lowest_fd(FIRST_FD);

	note("dup");
	if (!socket_of(fd))
		return -1;
	kernel_duplicated(fd, to);
	return to;
}

static int paper_fcntl(int fd, int command, ...)
{
	va_list list;
	int argument;

	va_start(list, command);
	argument = (int)(intptr_t)va_arg(list, void *);
	va_end(list);
	note("fcntl");
	if (!socket_of(fd))
		return -1;
	if (command != F_DUPFD && command != F_DUPFD_CLOEXEC)
		return argument;
	argument = lowest_fd(argument);
	kernel_duplicated(fd, argument);
	return argument;
}

static int paper_close_range(unsigned int first, unsigned int last, int flags)
{
	note("close_range");
	for (size_t i = 0; i < FDS && !flags; i++)
		if ((unsigned int)fds[i].fd >= first &&
		    (unsigned int)fds[i].fd <= last)
			fds[i].socket = NULL;
	return 0;
}

static void paper_closefrom(int first)
{
	(void)paper_close_range(first < 0 ? 0 : (unsigned int)first, ~0U, 0);
}

static long paper_syscall(long number, ...)
{
	va_list list;

	va_start(list, number);
	for (size_t i = 0; i < COUNT(kernel.arguments); i++)
		kernel.arguments[i] = va_arg(list, long);
	va_end(list);
	kernel.number = number;
	note("syscall");
	return kernel.answer;
}

/* Receiving. */

struct datagram *kernel_datagram(struct address from, const char *payload)
{
	struct datagram *datagram = &datagrams[datagram_count++];

	assert_in_range(datagram_count, 1, DATAGRAMS);
	*datagram = (struct datagram){ .from = from, .payload = payload };
	return datagram;
}

size_t kernel_waiting(void)
{
	return datagram_count - received_count;
}

static size_t scatter(const struct datagram *datagram, const struct msghdr *msg)
{
	size_t left = strlen(datagram->payload), done = 0;

	for (size_t i = 0; i < msg->msg_iovlen && left; i++) {
		const struct iovec *iov = &msg->msg_iov[i];
		size_t bytes = iov->iov_len < left ? iov->iov_len : left;

		if (bytes)
			memcpy(iov->iov_base, datagram->payload + done, bytes);
		done += bytes;
		left -= bytes;
	}
	return done;
}

static void give_name(const struct datagram *datagram, struct msghdr *msg)
{
	const socklen_t len = datagram->from.len;

	if (!msg->msg_name)
		return;
	memcpy(msg->msg_name, &datagram->from,
	       msg->msg_namelen < len ? msg->msg_namelen : len);
	msg->msg_namelen = len;
}

static void give_control(const struct datagram *datagram, struct msghdr *msg)
{
	const struct control *control = &datagram->control;
	struct msghdr rest = *msg;
	struct cmsghdr c;

	rest.msg_flags = datagram->flags;
	if (!rest.msg_control)
		rest.msg_controllen = 0;
	const size_t room = rest.msg_controllen;

	for (size_t at = 0; at < control->used; at += CMSG_ALIGN(c.cmsg_len)) {
		memcpy(&c, control->bytes + at, sizeof(c));
		put_cmsg(&rest, c.cmsg_level, c.cmsg_type,
			 control->bytes + at + CMSG_LEN(0),
			 c.cmsg_len - CMSG_LEN(0));
	}
	msg->msg_controllen = room - rest.msg_controllen;
	msg->msg_flags = rest.msg_flags;
}

static ssize_t receive(int fd, struct msghdr *msg, int flags)
{
	const struct datagram *datagram = &datagrams[received_count];
	size_t bytes;

	if (!checked_socket(fd))
		return -1;
	if (msg->msg_name && (int)msg->msg_namelen < 0)
		return refuse(EINVAL);
	if (received_count == datagram_count)
		return refuse(EAGAIN);
	if (datagram->error) {
		received_count++;
		return refuse(datagram->error);
	}
	bytes = scatter(datagram, msg);
	give_name(datagram, msg);
	give_control(datagram, msg);
	if (!(flags & MSG_PEEK))
		received_count++;
	return (ssize_t)((flags & MSG_TRUNC) ? strlen(datagram->payload)
					     : bytes);
}

static ssize_t paper_recvmsg(int fd, struct msghdr *msg, int flags)
{
	note("recvmsg");
	if (kernel.filter_error || fd < 0)
		return refuse(kernel.filter_error ? kernel.filter_error
						  : EBADF);
	return receive(fd, msg, flags);
}

static int paper_recvmmsg(int fd, struct mmsghdr *msgs, unsigned int n,
			  int flags, struct timespec *timeout)
{
	ssize_t bytes = 0;
	unsigned int i;

	(void)timeout;
	note("recvmmsg");
	for (i = 0; i < n; i++) {
		bytes = receive(fd, &msgs[i].msg_hdr, flags);
		if (bytes < 0)
			break;
		msgs[i].msg_len = (unsigned int)bytes;
	}
	return i ? (int)i : (int)bytes;
}

/* Calls that the hooks hand on as they are. */
// NOLINTBEGIN(readability-non-const-parameter): their types are libc's.

static ssize_t hand_on(const char *word, int fd)
{
	note(word);
	return socket_of(fd) ? kernel.answer : -1;
}

static ssize_t paper_recvfrom(int fd, void *buf, size_t len, int flags,
			      struct sockaddr *from, socklen_t *fromlen)
{
	(void)buf;
	(void)len;
	(void)flags;
	(void)from;
	(void)fromlen;
	return hand_on("recvfrom", fd);
}

static ssize_t paper___recvfrom_chk(int fd, void *buf, size_t len,
				    size_t buf_bytes, int flags,
				    struct sockaddr *from, socklen_t *fromlen)
{
	(void)buf;
	(void)len;
	(void)buf_bytes;
	(void)flags;
	(void)from;
	(void)fromlen;
	return hand_on("__recvfrom_chk", fd);
}

static ssize_t paper_recv(int fd, void *buf, size_t len, int flags)
{
	(void)buf;
	(void)len;
	(void)flags;
	return hand_on("recv", fd);
}

static ssize_t paper___recv_chk(int fd, void *buf, size_t len, size_t buf_bytes,
				int flags)
{
	(void)buf;
	(void)len;
	(void)buf_bytes;
	(void)flags;
	return hand_on("__recv_chk", fd);
}

static ssize_t paper_read(int fd, void *buf, size_t len)
{
	(void)buf;
	(void)len;
	return hand_on("read", fd);
}

static ssize_t paper___read_chk(int fd, void *buf, size_t len, size_t buf_bytes)
{
	(void)buf;
	(void)len;
	(void)buf_bytes;
	return hand_on("__read_chk", fd);
}

static ssize_t paper_readv(int fd, const struct iovec *iov, int count)
{
	(void)iov;
	(void)count;
	return hand_on("readv", fd);
}

// NOLINTEND(readability-non-const-parameter)

/* Sending. */

size_t kernel_sent_count(void)
{
	return sent_count;
}

const struct sent *kernel_sent(size_t n)
{
	assert_in_range(n + 1, 1, sent_count);
	return &sent[n];
}

static void copy_control(const struct msghdr *msg, struct control *control)
{
	if (!msg->msg_control)
		return;
	control->used = msg->msg_controllen < sizeof(control->bytes)
				? msg->msg_controllen
				: sizeof(control->bytes);
	memcpy(control->bytes, msg->msg_control, control->used);
}

/* The error of it, or 0; what was refused is not kept. */
static int judge(struct sent *one)
{
	const int error = kernel.judge ? kernel.judge(one) : 0;

	if (!error && !one->is_probe) {
		assert_in_range(sent_count, 0, SENT - 1);
		sent[sent_count++] = *one;
	}
	return error;
}

static ssize_t send_msg(int fd, const struct msghdr *msg, int flags)
{
	struct sent one = {
		.fd = fd,
		.flags = flags,
		.iovlen = msg->msg_iovlen,
		.msg = msg,
		.is_probe = flags & MSG_PROBE,
	};
	int error;

	if (msg->msg_name)
		memcpy(&one.to, msg->msg_name,
		       msg->msg_namelen < sizeof(one.to.room)
			       ? msg->msg_namelen
			       : sizeof(one.to.room));
	one.to.len = msg->msg_namelen;
	for (size_t i = 0; i < msg->msg_iovlen; i++)
		one.payload_bytes += msg->msg_iov[i].iov_len;
	if (msg->msg_iovlen)
		one.payload = msg->msg_iov[0].iov_base;
	copy_control(msg, &one.control);
	error = judge(&one);
	return error ? refuse(error) : (ssize_t)one.payload_bytes;
}

static ssize_t paper_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	note((flags & MSG_PROBE) ? "probe" : "sendmsg");
	if (fd < 0)
		return refuse(kernel.filter_error ? kernel.filter_error
						  : EBADF);
	return send_msg(fd, msg, flags);
}

static ssize_t paper_sendto(int fd, const void *buf, size_t len, int flags,
			    const struct sockaddr *to, socklen_t tolen)
{
	struct sent one = {
		.fd = fd,
		.flags = flags,
		.to = { .len = tolen },
		.payload = buf,
		.payload_bytes = len,
		.iovlen = 1,
	};
	int error;

	note("sendto");
	if (to)
		memcpy(&one.to, to,
		       tolen < sizeof(one.to.room) ? tolen
						   : sizeof(one.to.room));
	error = judge(&one);
	return error ? refuse(error) : (ssize_t)len;
}

static int paper_sendmmsg(int fd, struct mmsghdr *msgs, unsigned int n,
			  int flags)
{
	unsigned int i;

	note("sendmmsg");
	for (i = 0; i < n; i++) {
		ssize_t bytes = send_msg(fd, &msgs[i].msg_hdr, flags);

		if (bytes < 0)
			return i ? (int)i : -1;
		msgs[i].msg_len = (unsigned int)bytes;
	}
	return (int)n;
}

static ssize_t paper_send(int fd, const void *buf, size_t len, int flags)
{
	(void)buf;
	(void)len;
	(void)flags;
	return hand_on("send", fd);
}

static ssize_t paper_write(int fd, const void *buf, size_t len)
{
	(void)buf;
	(void)len;
	return hand_on("write", fd);
}

static ssize_t paper_writev(int fd, const struct iovec *iov, int count)
{
	(void)iov;
	(void)count;
	return hand_on("writev", fd);
}

// NOLINTNEXTLINE(readability-non-const-parameter): the type is libc's

static int paper_prctl(int operation, ...)
{
	(void)operation;
	note("prctl");
	return kernel.answer;
}

const char *source_of(const struct sent *one)
{
	const struct control *control = &one->control;
	struct local local = { 0 };
	struct in_pktinfo v4_info;
	struct in6_pktinfo v6_info;
	struct cmsghdr c;

	for (size_t at = 0; at < control->used; at += CMSG_ALIGN(c.cmsg_len)) {
		const void *data = control->bytes + at + CMSG_LEN(0);

		memcpy(&c, control->bytes + at, sizeof(c));
		if (c.cmsg_len < sizeof(c))
			break;
		if (c.cmsg_level == IPPROTO_IP && c.cmsg_type == IP_PKTINFO) {
			memcpy(&v4_info, data, sizeof(v4_info));
			local = (struct local){
				.family = AF_INET,
				.ifindex = (uint32_t)v4_info.ipi_ifindex,
				.v4 = v4_info.ipi_spec_dst
			};
		}
		if (c.cmsg_level == IPPROTO_IPV6 &&
		    c.cmsg_type == IPV6_PKTINFO) {
			memcpy(&v6_info, data, sizeof(v6_info));
			local = (struct local){ .family = AF_INET6,
						.ifindex = v6_info.ipi6_ifindex,
						.v6 = v6_info.ipi6_addr };
		}
	}
	return text_of(&local);
}

void kernel_boot(void)
{
	kernel = (struct kernel){ .answer = 77 };
	memset(fds, 0, sizeof(fds));
	datagram_count = 0;
	received_count = 0;
	sent_count = 0;
	*calls = '\0';
	real = (struct real_libc){
#define X(name) .name = paper_##name,
#define paper_fcntl64 paper_fcntl
		INTERPOSED(X)
#undef paper_fcntl64
#undef X
	};
}

/* For what runs at exit. */
AFTER_ALL(put_libc_back)
{
	real_resolve();
}
