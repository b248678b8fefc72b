/* SPDX-License-Identifier: MIT */
/* Remembers to which local address each peer's datagram was sent. */
#ifndef REPLYFROM_PEERS_H
#define REPLYFROM_PEERS_H

#include "base/attribute.h"
#include "base/counter.h"
#include "base/lock.h"
#include "common/count.h"
#include "state/pktinfo.h"

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

/*
 * In all of these `sock` is the id of a socket: its port, if it was bound to
 * one by number, in the lower 16 bits, and above them a number of its own; 0 is
 * a socket that is not tracked.  `peer`, of `len` bytes, is the address as a
 * call on that socket gave or took it; an IPv4 peer and its v4-mapped form are
 * one.  They take the table's leaf lock, keep errno, and are
 * async-signal-safe: a handler that interrupts one of them gets the answer of
 * an empty table, and its datagram is not remembered.
 */

/* What they come to. */
extern counter peers_counts[COUNTS_OF_TABLE];

/* What each thread counts; the first is for those that are not known yet. */
extern counter peers_lines[COUNT_LINES][COUNT_LINE / sizeof(counter)];

#define PEERS_THREADS                                       \
	{                                                   \
		.at = peers_lines, .elements = COUNT_LINES, \
		.stride = sizeof(*peers_lines),             \
	}

#define PEERS_COUNTS                               \
	{                                          \
		.at = peers_counts, .elements = 1, \
		.stride = sizeof(peers_counts),    \
	}

static inline uint64_t peers_id(uint64_t number, in_port_t port_be)
{
	return number << 16 | port_be;
}

/* The port that the socket was bound to by number, or 0. */
static inline in_port_t peers_port_be(uint64_t sock)
{
	return (in_port_t)(sock & 0xffff);
}

/*
 * Gets what memory the first peers need.  Now, for a server may be about to
 * forbid itself mmap(2) and getrandom(2).
 */
void peers_open(void);

/*
 * A datagram of `peer` to `local` was read; `peeked` when it stays in the
 * queue.  Forgets another when REPLYFROM_PEERS are remembered.
 */
void peers_remember(uint64_t sock, const struct sockaddr *peer, socklen_t len,
		    const struct local *local, bool peeked);

/*
 * This thread has read what there was: a whole recvmmsg(2), or up to EAGAIN.
 * What it read since it last sent or last had read everything is a batch, and
 * its answers are taken to come in the same order.
 */
void peers_drained(void);

/*
 * This thread reads a packet(7) socket, or a raw one: what it writes next
 * answers what came there, and its copy in our socket is not read yet, as in
 * ISC dhcpd.  Until it reads one of our sockets nothing is recalled.
 */
void peers_read_packets(void);

/* What a thread does with the datagrams that it reads. */
enum peers_state {
	PEERS_READING,	 /* one more belongs to the batch */
	PEERS_DRAINED,	 /* the batch is complete: answers come in order */
	PEERS_ANSWERING, /* it was none: answers are to the last one */
	PEERS_PACKETS,	 /* it read in another way: answers are not to these */
};

/* Why a peer is in the table, of one socket. */
enum peers_kind {
	PEERS_ASKED,	/* it wrote first: a client */
	PEERS_OUTBOUND, /* this process wrote first */
	/* A new socket answered what it asked another one; until it writes to
	 * such a socket, too, it may be one in whose name that was forged. */
	PEERS_CLAIMED,
	PEERS_LEARNED,	/* its request on another socket was answered here */
	PEERS_FOR_HOST, /* got the answer to another port of its host */
};

/* What begins each entry of the table. */
struct peers_entry {
	/*
	 * Another, of all that there ever were, when the peer, its addresses or
	 * its queue are; 0 while they change.
	 */
	_Atomic uint32_t version;
	/* Of no weight, so threads may lose each other's counts. */
	uint16_t unanswered; /* that were read, and no answer sent since */
	bool answered;
	uint8_t kind; /* enum peers_kind */
};

RACY static inline void peers_note_answer(struct peers_entry *entry)
{
	entry->answered = true;
	if (LIKELY(entry->unanswered))
		entry->unanswered--;
}

/*
 * The datagram that this thread read last, whose answer is mostly the next that
 * it sends: it then needs neither the lock nor the table.
 */
struct peers_last {
	/* PEERS_LAST(), PEERS_WRITTEN, or 0: none, ask the table */
	_Atomic uint64_t sock;
	uint32_t version; /* the entry's, while what follows is true */
	struct peers_entry *entry;
	uint64_t name[4]; /* of the peer: the bytes of its sockaddr */
	struct local local;
	uint32_t heard; /* in ticks */
	bool answered;
};

#define PEERS_LAST(sock) ((uint64_t)(sock) + 1)
/*
 * Somebody on this thread writes the rest, and has perhaps been interrupted:
 * others leave it alone.  If it does not come back, the thread asks the table
 * from then on.
 */
#define PEERS_WRITTEN UINT64_MAX

/* For what is inline here. */
struct peers_thread {
	struct peers_last last;
	enum peers_state state;
	uint32_t generation; /* a fork makes its thread another one */
	uint64_t batch;	     /* no other thread, in any process, has it */
	counter *counts;     /* one of peers_lines */
};
extern HIDDEN _Thread_local struct peers_thread peers_thread;

/* Counts so many more of those in count.h that are a thread's. */
static inline void peers_count(int which, unsigned long more)
{
	count_add(&peers_thread.counts[which], more);
}

/* Answers `event`, and counts it. */
ALWAYS_INLINE bool peers_count_if(bool event, int which)
{
	if (UNLIKELY(event))
		peers_count(which, 1);
	return event;
}

bool peers_recall_slowly(uint64_t sock, const struct sockaddr *peer,
			 socklen_t len, struct local *local, bool *queued);

/* Whether that was of `peer` to `sock`, and nothing has changed since. */
ALWAYS_INLINE bool peers_is_last(uint64_t sock, const struct sockaddr *peer,
				 socklen_t len)
{
	const struct peers_last *last = &peers_thread.last;
	uint64_t name[4] = { 0 };

	if (UNLIKELY(atomic_load_explicit(&last->sock, memory_order_relaxed) !=
			     PEERS_LAST(sock) ||
		     lock_inside || len < sizeof(struct sockaddr_in) ||
		     atomic_load_explicit(&last->entry->version,
					  memory_order_relaxed) !=
			     last->version))
		return false;
	memcpy(name, peer, sizeof(*name));
	if (UNLIKELY(name[0] != last->name[0]))
		return false;
	if (LIKELY(peer->sa_family == AF_INET))
		return true;
	if (len < sizeof(struct sockaddr_in6))
		return false;
	memcpy(name, peer, sizeof(struct sockaddr_in6));
	return name[1] == last->name[1] && name[2] == last->name[2] &&
	       name[3] == last->name[3];
}

/*
 * *local as it was read last, when that had this version.  False: a handler, or
 * another user-level thread, has read another meanwhile, or is about to.
 */
ALWAYS_INLINE bool peers_recall_last(uint32_t version, struct local *local)
{
	struct peers_thread *thread = &peers_thread;
	struct peers_entry *entry = thread->last.entry;

	local_copy(local, &thread->last.local);
	atomic_signal_fence(memory_order_seq_cst);
	if (UNLIKELY(thread->last.version != version ||
		     atomic_load_explicit(&thread->last.sock,
					  memory_order_relaxed) ==
			     PEERS_WRITTEN))
		return false;
	if (LIKELY(thread->state == PEERS_READING))
		thread->state = PEERS_ANSWERING;
	thread->last.answered = true;
	peers_note_answer(entry);
	return true;
}

/*
 * The address that what is written to `peer` comes from.  False, and *local is
 * of no use, when the kernel chooses, for nothing is answered.
 *
 * | the peer                               | the source is the address        |
 * |----------------------------------------|----------------------------------|
 * | asked this socket, before we wrote     | that it asked last; while this   |
 * |                                        | thread answers a batch, the next |
 * |                                        | of the batch (*queued is true)   |
 * | was written to first, and asked since  | that it asked, once              |
 * | was written to first                   | none                             |
 * | asked another socket of the same port  | that it asked last               |
 * | asked another socket, lately, and was  | that it asked; never if we wrote |
 * | not answered yet                       | to the peer first                |
 * | has not asked, but another port of its | that this one asked, once        |
 * | host, on this socket: not answered yet |                                  |
 * | any other                              | none; it was written to first    |
 */
ALWAYS_INLINE bool peers_recall(uint64_t sock, const struct sockaddr *peer,
				socklen_t len, struct local *local,
				bool *queued)
{
	const uint32_t version = peers_thread.last.version;

	atomic_signal_fence(memory_order_seq_cst);
	*queued = false;
	/* The first answer is never too late. */
	if (LIKELY(!peers_thread.last.answered &&
		   peers_is_last(sock, peer, len) &&
		   peers_recall_last(version, local)))
		return true;
	return peers_recall_slowly(sock, peer, len, local, queued);
}

/* Whether there may be any: peers_open() was called.  Takes no lock. */
bool peers_are_open(void);

/*
 * As peers_recall, but not for another port of the peer's host: for connect(2),
 * and for a socket that is not tracked.
 */
bool peers_claim(uint64_t sock, const struct sockaddr *peer, socklen_t len,
		 struct local *local);

/* `sock` answers `peer`, which asked `local` on another socket. */
void peers_learn(uint64_t sock, const struct sockaddr *peer, socklen_t len,
		 const struct local *local);

/* A queued recall that came to nothing: the next one shall find it again. */
void peers_unrecall(uint64_t sock, const struct sockaddr *peer, socklen_t len,
		    const struct local *local);

/* The kernel refuses `local` as a source: no longer recall it for `peer`. */
void peers_forget(uint64_t sock, const struct sockaddr *peer, socklen_t len,
		  const struct local *local);

/* Empties the table and sets its bounds anew; for tests, single-threaded. */
void peers_reset(uint32_t bound, uint32_t ttl_s);

#endif
