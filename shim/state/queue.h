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
 * used up, all queues are empty at once.  Whoever calls holds the peers' lock.
 */
struct queue {
	uint32_t epoch;
	uint16_t first;
	uint16_t last;
};

/* Queues of an earlier one are empty; for what is inline here. */
extern HIDDEN uint32_t queue_epoch;

static inline bool queue_is_empty(const struct queue *queue)
{
	return !queue->first || queue->epoch != queue_epoch;
}

/* Whether it was not empty when all were emptied. */
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

/* Wherever `local` is waiting, the kernel shall choose. */
void queue_forget(struct queue *queue, const struct local *local);

void queue_drop(struct queue *queue);

/* Empties every queue there is. */
void queue_drop_all(void);

#endif
