/* SPDX-License-Identifier: MIT */
#include "state/peers_thread.h"

static _Atomic uint32_t threads;

_Alignas(COUNT_LINE) counter
	peers_lines[COUNT_LINES][COUNT_LINE / sizeof(counter)];

_Thread_local struct peers_thread peers_thread = { .counts = *peers_lines };

void peers_meet_thread(uint32_t generation)
{
	const uint32_t number = atomic_fetch_add(&threads, 1) + 1;

	peers_thread.generation = generation;
	peers_thread.batch = (uint64_t)number << 32;
	peers_thread.state = PEERS_READING;
	peers_thread.counts = peers_lines[number % COUNT_LINES];
}

void peers_drained(void)
{
	if (peers_thread.state == PEERS_READING)
		peers_thread.state = PEERS_DRAINED;
}

void peers_read_packets(void)
{
	peers_drop_last();
	peers_thread.state = PEERS_PACKETS;
}
