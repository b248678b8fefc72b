/* SPDX-License-Identifier: MIT */
/*
 * A kernel on paper, behind `real`: it has sockets, notes each call in a word,
 * gives out the datagrams that a test put there, and keeps what is sent.
 * Link with --wrap=getsockname and --wrap=ioctl, which do not pass `real`.
 */
#ifndef KERNEL_H
#define KERNEL_H

#include "address.h"
#include "control.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* A message on its way out, as the kernel got it. */
struct sent {
	int fd;
	int flags;
	struct address to; /* len: what the application said */
	const void *payload;
	size_t payload_bytes;
	size_t iovlen;
	struct control control;
	const struct msghdr *msg; /* NULL for sendto */
	bool is_probe;
};

/* A datagram that waits to be received, or what receiving fails with. */
struct datagram {
	struct address from;
	struct control control;
	const char *payload;
	int flags; /* of msg_flags */
	int error;
};

/* What a test sets; kernel_boot() clears it. */
extern struct kernel {
	/* Errors of all calls of a kind, or 0. */
	int bind_error;
	int connect_error; /* but not to nobody */
	int setsockopt_error;
	/* Errors of the nth of them from now on, or 0. */
	struct nth_error {
		unsigned int nth;
		int error;
		bool is_lasting; /* and of all later ones */
	} nth_connect, nth_setsockopt;
	int socket_error;
	int filter_error; /* of recvmsg, and of sendmsg on no fd */
	/* There is the wildcard only. */
	bool lacks_addresses;
	/* A connect gives the routing table's address, whatever was asked. */
	bool is_stubborn;
	/* What an older one lacks. */
	bool lacks_cookie;
	bool lacks_bindtoifindex;
	/* The error of what is sent, or 0; NULL: all is sent. */
	int (*judge)(const struct sent *sent);
	/* Called before a bind: what is so at that time? */
	void (*before_bind)(int fd);
	void (*before_connect)(int fd);
	/* What it returns from calls that it does not model. */
	int answer;
	/* What syscall(2) was called with last. */
	long number;
	long arguments[6];
} kernel;

/* A new one: no fds, nothing waits; puts itself behind `real` up to the end. */
void kernel_boot(void);

/* An fd that a socket call of nobody's made. */
void kernel_socket(int fd, int domain, int type, int protocol);
void kernel_file(int fd);
/* Past every hook, as libc's own calls are. */
void kernel_bound(int fd, struct address address);
void kernel_closed(int fd);
void kernel_duplicated(int fd, int to);
void kernel_set(int fd, int level, int name, int value);
int kernel_get(int fd, int level, int name);

/* What IP_MULTICAST_IF is: "10.0.0.1%2". */
const char *kernel_multicast(int fd);

/* What it is bound and connected to, "192.0.2.1:53"; "" is nobody. */
const char *kernel_name(int fd);
const char *kernel_peer(int fd);

/* One more datagram, at the end of the only queue there is. */
struct datagram *kernel_datagram(struct address from, const char *payload);
size_t kernel_waiting(void);

/* The calls since the last time, each a word. */
const char *kernel_calls(void);

/* What was sent, probes left out. */
size_t kernel_sent_count(void);
const struct sent *kernel_sent(size_t n);

/* The source a message asks for, "192.0.2.1%3"; "" for none. */
const char *source_of(const struct sent *sent);

#endif
