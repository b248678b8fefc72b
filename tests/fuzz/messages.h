/* SPDX-License-Identifier: MIT */
/* Control messages that a fuzzer chose. */
#ifndef REPLYFROM_TESTS_FUZZ_MESSAGES_H
#define REPLYFROM_TESTS_FUZZ_MESSAGES_H

#include "control.h"
#include "fuzz.h"
#include "state/pktinfo.h"

#include <netinet/in.h>
#include <stdbool.h>

struct message {
	int level;
	int type;
	size_t bytes;
	enum pktinfo_kinds kind;
	uint8_t data[64];
};

/* False: there are no more. */
static inline bool next_message(struct tape *tape, struct message *message)
{
	const uint8_t kind = tape_byte(tape);

	if (tape->at == tape->end)
		return false;
	*message = (struct message){ .level = SOL_SOCKET,
				     .type = kind,
				     .bytes = tape_byte(tape) %
					      sizeof(message->data) };
	if (kind % 4 == 0) {
		message->level = IPPROTO_IP;
		message->type = IP_PKTINFO;
		message->bytes = sizeof(struct in_pktinfo);
		message->kind = PKTINFO_V4;
	} else if (kind % 4 == 1) {
		message->level = IPPROTO_IPV6;
		message->type = IPV6_PKTINFO;
		message->bytes = sizeof(struct in6_pktinfo);
		message->kind = PKTINFO_V6;
	}
	for (size_t i = 0; i < message->bytes; i++)
		message->data[i] = tape_byte(tape);
	return true;
}

#endif
