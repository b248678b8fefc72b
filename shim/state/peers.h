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
 * In all of these `sock` is the id of a socket, and `peer`, of `len` bytes, the
 * address as a call on that socket gave or took it; an IPv4 peer and its
 * v4-mapped form are one.  They take the table's leaf lock, keep errno, and are
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

/*
 * Gets what memory the first peers need.  Now, for a server may be about to
 * forbid itself mmap(2) and getrandom(2).
 */
void peers_open(void);

/*
 * A datagram of `peer` to `local` was read; `peeked` when it stays in the
 * queue.  Forgets another when REPLYFROM_PEERS are remembered.
 */
void peers_remember(uint32_t sock, const struct sockaddr *peer, socklen_t len,
		    const struct local *local, bool peeked);

/*
 * This thread has read what there was: a whole recvmmsg(2), or up to EAGAIN.
 * What it read since it last sent or last had read everything is a batch, and
 * its answers are taken to come in the same order.
 */
void peers_drained(void);

/* What a thread does with the datagrams that it reads. */
enum peers_state {
	PEERS_READING,	 /* one more belongs to the batch */
	PEERS_DRAINED,	 /* the batch is complete: answers come in order */
	PEERS_ANSWERING, /* it was none: answers are to the last one */
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
	/* PEERS_LAST(), PEERS_WRITTEN_BY(), or 0: none, ask the table */
	_Atomic uint64_t sock;
	uint32_t version; /* the entry's, while what follows is true */
	struct peers_entry *entry;
	uint64_t name[4]; /* of the peer: the bytes of its sockaddr */
	struct local local;
	uint32_t heard; /* in ticks */
	bool answered;
};

#define PEERS_LAST(sock) ((uint64_t)(sock) + 1)
/* A frame of this thread writes the rest; handlers leave it alone meanwhile. */
#define PEERS_WRITTEN_BY(frame) (~(uint64_t)(uintptr_t)(frame))
/* NOLINTNEXTLINE(performance-no-int-to-ptr): it was one */
#define PEERS_WRITER(sock) ((const char *)(uintptr_t) ~(sock))
#define PEERS_IS_WRITTEN(sock) ((int64_t)(sock) < 0)

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

bool peers_recall_slowly(uint32_t sock, const struct sockaddr *peer,
			 socklen_t len, struct local *local, bool *queued);

/* Whether that was of `peer` to `sock`, and nothing has changed since. */
ALWAYS_INLINE bool peers_is_last(uint32_t sock, const struct sockaddr *peer,
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
 * *local as it was read last, when that had this version.  False: a handler has
 * read another meanwhile.
 */
ALWAYS_INLINE bool peers_recall_last(uint32_t version, struct local *local)
{
	struct peers_thread *thread = &peers_thread;
	struct peers_entry *entry = thread->last.entry;

	local_copy(local, &thread->last.local);
	atomic_signal_fence(memory_order_seq_cst);
	if (UNLIKELY(thread->last.version != version))
		return false;
	if (LIKELY(thread->state == PEERS_READING))
		thread->state = PEERS_ANSWERING;
	thread->last.answered = true;
	peers_note_answer(entry);
	return true;
}

/*
 * The address that an answer to `peer` shall come from.  False, and *local is
 * of no use, when nothing is known of it or the kernel shall choose.
 *
 * It is the address this peer asked last; while this thread answers a batch,
 * the first that it asked there and that was not recalled yet (*queued is then
 * true).  For a peer that has not asked it is the address that another port of
 * its host asked last.
 */
ALWAYS_INLINE bool peers_recall(uint32_t sock, const struct sockaddr *peer,
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
 * Whether `peer` asked this socket, that very port: *local gets the address
 * that it asked last, and this counts as an answer.
 */
bool peers_find(uint32_t sock, const struct sockaddr *peer, socklen_t len,
		struct local *local);

/*
 * The same, when a datagram of it was read, not merely peeked at, and waits for
 * an answer for REPLYFROM_FOLLOW_MS at most.  Each is good for one claim.
 */
bool peers_claim(uint32_t sock, const struct sockaddr *peer, socklen_t len,
		 struct local *local);

/* A queued recall that came to nothing: the next one shall find it again. */
void peers_unrecall(uint32_t sock, const struct sockaddr *peer, socklen_t len,
		    const struct local *local);

/* The kernel refuses `local` as a source: no longer recall it for `peer`. */
void peers_forget(uint32_t sock, const struct sockaddr *peer, socklen_t len,
		  const struct local *local);

/* Empties the table and sets its bounds anew; for tests, single-threaded. */
void peers_reset(uint32_t bound, uint32_t ttl_s);

#endif
