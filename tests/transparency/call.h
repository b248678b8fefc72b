/* SPDX-License-Identifier: MIT */
/* A sequence of calls that an application might make, as data. */
#ifndef TRANSPARENCY_CALL_H
#define TRANSPARENCY_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

#define MOST_CALLS 96
#define MOST_MESSAGES 4
#define MOST_IOVS 3
#define MOST_CMSGS 3

/* fds from here on are the tester's own. */
#define OWN_FDS 900

/* A sequence that takes longer is stuck. */
#define SEQUENCE_SECONDS 5

/* What is called; a lower-case name is the function's. */
#define CALLS(X)          \
	X(socket)         \
	X(socketpair)     \
	X(pipe2)          \
	X(bind)           \
	X(connect)        \
	X(listen)         \
	X(accept)         \
	X(accept4)        \
	X(shutdown)       \
	X(recvfrom)       \
	X(recvmsg)        \
	X(recvmmsg)       \
	X(recv)           \
	X(read)           \
	X(readv)          \
	X(__recvfrom_chk) \
	X(__recv_chk)     \
	X(__read_chk)     \
	X(sendto)         \
	X(sendmsg)        \
	X(sendmmsg)       \
	X(send)           \
	X(write)          \
	X(writev)         \
	X(setsockopt)     \
	X(getsockopt)     \
	X(getsockname)    \
	X(getpeername)    \
	X(close)          \
	X(dup)            \
	X(dup2)           \
	X(dup3)           \
	X(fcntl)          \
	X(close_range)    \
	X(closefrom)      \
	X(fclose)         \
	X(raw_close)      \
	X(vfork_close)    \
	X(pass_fd)        \
	X(interrupted_recv)

enum what {
#define X(name) CALL_##name,
	CALLS(X)
#undef X
		WHATS
};

/* By which name it is called. */
enum via { BY_NAME, BY_ALIAS, BY_SYSCALL };

enum host {
	NO_ADDRESS, /* a null pointer */
	ANY_V4,
	LOOP_V4,
	SECOND_V4,
	ANY_V6,
	LOOP_V6,
	SECOND_V6,
	ANY_MAPPED,
	LOOP_MAPPED,
	SECOND_MAPPED,
	UNSPECIFIED,
	UNSPECIFIED_LOOP,
	BROADCAST,
	MULTICAST_V6,
	UNREACHABLE,
	UNIX,
	HOSTS
};

/* The length that belongs to the address. */
#define NATURAL (-1000)

struct place {
	enum host host;
	int port; /* or -fd: the one that fd is bound to */
	int len;
};

/* What a sent control message is. */
enum cmsg {
	C_TOS,
	C_TTL,
	C_PKTINFO,
	C_PKTINFO_INDEX,
	C_PKTINFO_BAD_INDEX,
	C_PKTINFO_GONE,
	C_PKTINFO_6,
	C_PKTINFO_6_MAPPED,
	C_PKTINFO_6_INDEX,
	C_PKTINFO_6_GONE,
	C_2292PKTINFO,
	C_HOPLIMIT,
	C_TCLASS,
	C_DONTFRAG,
	C_SEGMENT,
	C_MARK,
	C_UNKNOWN,
	C_UNKNOWN_LEVEL,
	C_SHORT, /* its length is less than a header's */
	C_LONG,	 /* and more than there is */
	C_RIGHTS,
	CMSGS
};

/* One message, to be sent or received. */
struct message {
	struct place to;  /* sent */
	int name_room;	  /* received; -1: a null pointer, so -2: negative */
	int control_room; /* received; -1: a null pointer, yet a length */
	int iov_count;	  /* more than MOST_IOVS: there is no such array */
	int iov_len[MOST_IOVS];
	bool bad_iov;	/* the first one's memory is not there */
	int cmsg_count; /* sent */
	enum cmsg cmsgs[MOST_CMSGS];
	int control_cut; /* so many bytes of the last one are missing */
};

struct call {
	enum what what;
	enum via via;
	int fd;
	int to; /* the other fd, or the last of a range */
	int a, b,
		c; /* domain, type, protocol; level, name; command, argument */
	int flags;
	int value, value_len; /* of an option; len -1: a null pointer */
	int timeout;	      /* of recvmmsg: -1: none, -2: a bad one, in us */
	int message_count;
	struct message messages[MOST_MESSAGES];
};

struct sequence {
	uint64_t seed;
	bool second; /* asks at a second address: sources are not compared */
	int count;
	struct call calls[MOST_CALLS];
};

const char *name_of(enum what what);

/* The sequence of this seed, always the same. */
void draw(uint64_t seed, struct sequence *sequence);

/* Prints a call, the nth of its sequence, as C. */
void show(FILE *out, int n, const struct call *call);

/* How show() and the transcript name an option's or message's place. */
socklen_t address_of(const struct place *place, struct sockaddr_storage *out);
size_t control_of(const struct message *message, char *out);

/* Where the transcript goes; it is shared with the process that compares. */
#define TRANSCRIPT_BYTES ((size_t)1 << 20)

struct transcript {
	size_t used;
	char text[TRANSCRIPT_BYTES];
};

/* Makes the calls that are not dropped, and writes down how each went. */
void perform(const struct sequence *sequence, const bool *dropped,
	     struct transcript *transcript);

#endif
