/* SPDX-License-Identifier: MIT */
/* The local addresses that one peer asked in one batch, in order. */
#ifndef REPLYFROM_QUEUE_H
#define REPLYFROM_QUEUE_H

#include "base/attribute.h"
#include "state/pktinfo.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * All zero: empty.  The queues share a fixed number of runs; when these are
 * used up, all queues are emptied at once.  The caller of each function holds
 * peers_lock.
 */
struct queue {
	uint32_t epoch;
	uint16_t first;
	uint16_t last;
};

/* Queues of an earlier epoch are empty.  For the inline functions below. */
extern HIDDEN uint32_t queue_epoch;

static inline bool queue_is_empty(const struct queue *queue)
{
	return !queue->first || queue->epoch != queue_epoch;
}

/* Whether it lost its addresses when all queues were emptied. */
static inline bool queue_is_lost(const struct queue *queue)
{
	return queue->first && queue->epoch != queue_epoch;
}

/* Appends `count` times `local`.  False, and all queues lost: no room. */
bool queue_append(struct queue *queue, const struct local *local,
		  uint16_t count);

/* Puts `local` back before all others. */
void queue_put_back(struct queue *queue, const struct local *local);

/* Takes the first; false when there is none. */
bool queue_take(struct queue *queue, struct local *local);

/* Replaces `local` by AF_UNSPEC, with which the kernel chooses. */
void queue_forget(struct queue *queue, const struct local *local);

/* Empties this queue. */
void queue_drop(struct queue *queue);

/* Empties every queue there is. */
void queue_drop_all(void);

#endif
