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

/* Counters of the table: COUNT_REMEMBERED and so on. */
extern counter peers_counts[COUNTS_OF_TABLE];

/* Counters of each thread; the first line is for threads not seen yet. */
extern counter peers_lines[COUNT_LINES][COUNT_LINE / sizeof(counter)];

/* What a thread does with the datagrams that it reads. */
enum peers_state {
	PEERS_READING,	 /* the next one belongs to the same batch */
	PEERS_DRAINED,	 /* the batch is complete: answers come in order */
	PEERS_ANSWERING, /* no batch: each answer is to what it read last */
	PEERS_PACKETS,	 /* for good: see peers_read_packets() */
};

/* Why a peer is in the table, of one socket. */
enum peers_kind {
	PEERS_ASKED,	/* it wrote first: a client */
	PEERS_OUTBOUND, /* this process wrote first */
	/* A new socket answered what it asked another one.  Until it writes to
	 * the new one, what it asked may have been forged in its name. */
	PEERS_CLAIMED,
	PEERS_LEARNED,	/* its request on another socket was answered here */
	PEERS_FOR_HOST, /* got the answer to another port of its host */
};

/* The beginning of each entry of the table, struct peer. */
struct peers_entry {
	/*
	 * 0 while the peer, its address or its queue change, and a new number
	 * of the whole table afterwards.
	 */
	_Atomic uint32_t version;
	/* Only a hint: threads may lose each other's counts. */
	uint16_t unanswered; /* datagrams that were read and not answered */
	bool answered;	     /* at least once: for eviction */
	uint8_t kind;	     /* enum peers_kind */
};

/* A datagram is sent to the peer. */
RACY static inline void peers_note_answer(struct peers_entry *entry)
{
	entry->answered = true;
	if (LIKELY(entry->unanswered))
		entry->unanswered--;
}

/*
 * The datagram that this thread read last.  Its answer is mostly what the
 * thread sends next, and is sent without the lock and without a look into the
 * table.
 */
struct peers_last {
	/* PEERS_LAST() of a socket, PEERS_WRITTEN, or 0: look into the table */
	_Atomic uint64_t sock;
	uint32_t version; /* of the entry; once that differs, outdated */
	struct peers_entry *entry;
	uint64_t name[4]; /* of the peer: the bytes of its sockaddr */
	struct local local;
	bool answered;
};

#define PEERS_LAST(sock) ((uint64_t)(sock) + 1)
/*
 * A call on this thread is writing the rest.  A handler that interrupts it
 * leaves it alone; if it jumps out, the thread looks into the table from then
 * on.
 */
#define PEERS_WRITTEN UINT64_MAX

/* State of this thread.  For inline functions, and for peers*.c. */
struct peers_thread {
	struct peers_last last;
	enum peers_state state;
	uint32_t generation; /* lock_generation(); another one after a fork */
	uint64_t batch;	     /* its number: unlike any of another thread */
	counter *counts;     /* one of peers_lines */
};
extern HIDDEN _Thread_local struct peers_thread peers_thread;

/* Adds to a counter of this thread; `which` is COUNT_SEEN and so on. */
static inline void peers_count(int which, unsigned long more)
{
	count_add(&peers_thread.counts[which], more);
}

/* Returns `event`, and counts it if true. */
ALWAYS_INLINE bool peers_count_if(bool event, int which)
{
	if (UNLIKELY(event))
		peers_count(which, 1);
	return event;
}

/*
 * Call this when the thread has read all datagrams that were there: after a
 * recvmmsg(2), or at EAGAIN.  The datagrams that it read since its last send,
 * or since the last call of this function, are one batch.  They are expected to
 * be answered in the order in which they were read.
 */
void peers_drained(void);

/*
 * Call this when the thread reads a packet(7) or raw(7) socket.  Such a thread
 * gets its requests there, and reads the same requests from a UDP socket only
 * to discard them, as ISC dhcpd does.  From now on nothing is remembered or
 * recalled for this thread.
 */
void peers_read_packets(void);

/* Gives this thread a number; after a fork(2), a new one. */
void peers_meet_thread(uint32_t generation);

static inline void peers_know_thread(void)
{
	const uint32_t generation = lock_generation();

	if (UNLIKELY(peers_thread.generation != generation))
		peers_meet_thread(generation);
}

/* The number of the batch that this thread is reading, or answering. */
static inline uint64_t peers_current_batch(void)
{
	peers_know_thread();
	return peers_thread.batch;
}

/* The batch of a datagram that is read now. */
static inline uint64_t peers_reading_batch(void)
{
	uint64_t current = peers_current_batch();

	if (peers_thread.state != PEERS_READING) {
		peers_thread.state = PEERS_READING;
		current = ++peers_thread.batch;
	}
	return current;
}

/*
 * Forgets what this thread read last, unless a call is writing it right now:
 * its version will be outdated then.
 */
static inline void peers_drop_last(void)
{
	_Atomic uint64_t *sock = &peers_thread.last.sock;
	uint64_t there = atomic_load_explicit(sock, memory_order_relaxed);

	if (there != PEERS_WRITTEN)
		atomic_compare_exchange_strong_explicit(sock, &there, 0,
							memory_order_relaxed,
							memory_order_relaxed);
}

/* Whether this thread read `peer` on `sock` last, and it has not changed. */
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

/* The next answer does not belong to the datagrams that are read now. */
static inline void peers_note_answering(void)
{
	if (LIKELY(peers_thread.state == PEERS_READING))
		peers_thread.state = PEERS_ANSWERING;
}

/*
 * Sets *local to the address of what this thread read last, if its version is
 * this one, and notes the answer.  False: a handler, or another user-level
 * thread, has read something else meanwhile.
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
	peers_note_answering();
	thread->last.answered = true;
	peers_note_answer(entry);
	return true;
}

#endif
