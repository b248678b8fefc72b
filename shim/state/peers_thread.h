/* SPDX-License-Identifier: MIT */
/* What each thread knows of the datagrams that it reads, and what it counts. */
#ifndef REPLYFROM_PEERS_THREAD_H
#define REPLYFROM_PEERS_THREAD_H

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

/* What the table comes to. */
extern counter peers_counts[COUNTS_OF_TABLE];

#define PEERS_COUNTS                               \
	{                                          \
		.at = peers_counts, .elements = 1, \
		.stride = sizeof(peers_counts),    \
	}

/* What each thread counts; the first is for those that are not known yet. */
extern counter peers_lines[COUNT_LINES][COUNT_LINE / sizeof(counter)];

#define PEERS_THREADS                                       \
	{                                                   \
		.at = peers_lines, .elements = COUNT_LINES, \
		.stride = sizeof(*peers_lines),             \
	}

/* What a thread does with the datagrams that it reads. */
enum peers_state {
	PEERS_READING,	 /* one more belongs to the batch */
	PEERS_DRAINED,	 /* the batch is complete: answers come in order */
	PEERS_ANSWERING, /* it was none: answers are to the last one */
	PEERS_PACKETS,	 /* it reads in another way, and goes on to do so */
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

/*
 * This thread has read what there was: a whole recvmmsg(2), or up to EAGAIN.
 * What it read since it last sent or last had read everything is a batch, and
 * its answers are taken to come in the same order.
 */
void peers_drained(void);

/*
 * This thread reads a packet(7) socket, or a raw one: what it writes answers
 * what came there.  Of our sockets it only drains the copies, some time before
 * or after the answer, as ISC dhcpd does.  So from now on it remembers and
 * recalls nothing.
 */
void peers_read_packets(void);

/* Gives a thread that is new, also by fork, a number. */
void peers_meet_thread(uint32_t generation);

static inline void peers_know_thread(void)
{
	const uint32_t generation = lock_generation();

	if (UNLIKELY(peers_thread.generation != generation))
		peers_meet_thread(generation);
}

/* Which batch this thread is in: no other's, in any process, is equal. */
static inline uint64_t peers_current_batch(void)
{
	peers_know_thread();
	return peers_thread.batch;
}

/* The batch that a datagram which is read now belongs to. */
static inline uint64_t peers_reading_batch(void)
{
	uint64_t current = peers_current_batch();

	if (peers_thread.state != PEERS_READING) {
		peers_thread.state = PEERS_READING;
		current = ++peers_thread.batch;
	}
	return current;
}

/* Whoever writes it right now will see that the peer has changed. */
static inline void peers_drop_last(void)
{
	_Atomic uint64_t *sock = &peers_thread.last.sock;
	uint64_t there = atomic_load_explicit(sock, memory_order_relaxed);

	if (there != PEERS_WRITTEN)
		atomic_compare_exchange_strong_explicit(sock, &there, 0,
							memory_order_relaxed,
							memory_order_relaxed);
}

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

#endif
