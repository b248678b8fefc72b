/* SPDX-License-Identifier: MIT */
/* Keeps a batch's local addresses in order, as runs from one small pool. */
#include "state/queue.h"

#include <stddef.h>

#define RUNS 1024

/* `count` datagrams in sequence, of one peer to one address. */
struct run {
	struct local local;
	uint16_t count;
	uint16_t next; /* 0: none */
};

static struct run runs[RUNS]; /* 0 is none */
static uint16_t used = 1;
static uint16_t unused; /* a list of those that were used and given back */
uint32_t queue_epoch;

static uint16_t new_run(void)
{
	uint16_t n = unused;

	if (n) {
		unused = runs[n].next;
		return n;
	}
	return used < RUNS ? used++ : 0;
}

bool queue_append(struct queue *queue, const struct local *local,
		  uint16_t count)
{
	struct run *last = queue_is_empty(queue) ? NULL : &runs[queue->last];
	uint16_t n;

	if (last && local_equal(&last->local, local) &&
	    last->count <= UINT16_MAX - count) {
		last->count = (uint16_t)(last->count + count);
		return true;
	}
	n = new_run();
	if (!n) {
		/* Most sit in the queues of peers that are long gone. */
		*queue = (struct queue){ .epoch = queue_epoch, .first = 1 };
		queue_drop_all();
		return false;
	}
	runs[n] = (struct run){ .local = *local, .count = count };
	if (last)
		last->next = n;
	else
		*queue = (struct queue){ .epoch = queue_epoch, .first = n };
	queue->last = n;
	return true;
}

void queue_put_back(struct queue *queue, const struct local *local)
{
	bool empty = queue_is_empty(queue);
	uint16_t n = new_run();

	if (!n)
		return;
	runs[n] = (struct run){ .local = *local, .count = 1 };
	if (empty)
		*queue = (struct queue){ .epoch = queue_epoch, .last = n };
	else
		runs[n].next = queue->first;
	queue->first = n;
}

bool queue_take(struct queue *queue, struct local *local)
{
	uint16_t n = queue->first;

	if (queue_is_empty(queue))
		return false;
	*local = runs[n].local;
	if (--runs[n].count)
		return true;
	queue->first = runs[n].next;
	runs[n].next = unused;
	unused = n;
	return true;
}

void queue_forget(struct queue *queue, const struct local *local)
{
	uint16_t n = queue_is_empty(queue) ? 0 : queue->first;

	for (; n; n = runs[n].next)
		if (local_equal(&runs[n].local, local))
			runs[n].local.family = AF_UNSPEC;
}

void queue_drop(struct queue *queue)
{
	if (!queue_is_empty(queue)) {
		runs[queue->last].next = unused;
		unused = queue->first;
	}
	queue->first = 0;
}

void queue_drop_all(void)
{
	queue_epoch++;
	used = 1;
	unused = 0;
}
