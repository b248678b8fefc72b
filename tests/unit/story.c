/* SPDX-License-Identifier: MIT */
/* Calls the table with addresses given as text. */
#include "story.h"

#include "child.h"
#include "state/peers.h"

#include <stdio.h>

void hear(uint64_t sock, struct address peer, const char *local)
{
	const struct local asked = local_of(local);

	peers_remember(sock, &peer.any, peer.len, &asked, false);
}

void peek(uint64_t sock, struct address peer, const char *local)
{
	const struct local asked = local_of(local);

	peers_remember(sock, &peer.any, peer.len, &asked, true);
}

const char *answer(uint64_t sock, struct address peer)
{
	struct local local;
	bool queued;

	return peers_recall(sock, &peer.any, peer.len, &local, &queued)
		       ? text_of(&local)
		       : "nothing";
}

const char *claimed(uint64_t sock, struct address peer)
{
	struct local local;

	return peers_claim(sock, &peer.any, peer.len, &local) ? text_of(&local)
							      : "nothing";
}

struct question {
	uint64_t sock;
	struct address peer;
	struct local local;
	bool queued;
	bool found;
};

static void *ask(void *context)
{
	struct question *question = context;

	question->found = peers_recall(question->sock, &question->peer.any,
				       question->peer.len, &question->local,
				       &question->queued);
	return NULL;
}

const char *answer_elsewhere(uint64_t sock, struct address peer)
{
	struct question question = { .sock = sock, .peer = peer };

	in_thread(ask, &question);
	return question.found ? text_of(&question.local) : "nothing";
}

void put_back(uint64_t sock, struct address peer, const char *local)
{
	const struct local source = local_of(local);

	peers_unrecall(sock, &peer.any, peer.len, &source, true);
}

void forget(uint64_t sock, struct address peer, const char *local)
{
	const struct local source = local_of(local);

	peers_forget(sock, &peer.any, peer.len, &source);
}

static unsigned long total(int which)
{
	unsigned long sum = 0;

	for (size_t i = 0; i < COUNT_LINES; i++)
		sum += atomic_load(&peers_lines[i][which]);
	return sum;
}

const char *counted(void)
{
	static const char *const names[COUNTS_OF_THREAD] = {
		"seen", "rewritten", "own", "unknown", "refused"
	};
	static unsigned long before[COUNTS_OF_THREAD];
	static char text[128];
	size_t length = 0;

	text[0] = '\0';
	for (int n = 0; n < COUNTS_OF_THREAD; n++) {
		const unsigned long now = total(n);

		if (now != before[n])
			length += (size_t)snprintf(
				text + length, sizeof(text) - length, "%lu %s ",
				now - before[n], names[n]);
		before[n] = now;
	}
	return text;
}
