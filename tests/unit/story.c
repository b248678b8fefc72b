/* SPDX-License-Identifier: MIT */
/* Calls the table with addresses given as text. */
#include "story.h"

#include "child.h"
#include "peers.h"

void hear(uint32_t sock, struct address peer, const char *local)
{
	const struct local asked = local_of(local);

	peers_remember(sock, &peer.any, peer.len, &asked, false);
}

void peek(uint32_t sock, struct address peer, const char *local)
{
	const struct local asked = local_of(local);

	peers_remember(sock, &peer.any, peer.len, &asked, true);
}

const char *answer(uint32_t sock, struct address peer)
{
	struct local local;
	bool queued;

	return peers_recall(sock, &peer.any, peer.len, &local, &queued)
		       ? text_of(&local)
		       : "nothing";
}

struct question {
	uint32_t sock;
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

const char *answer_elsewhere(uint32_t sock, struct address peer)
{
	struct question question = { .sock = sock, .peer = peer };

	in_thread(ask, &question);
	return question.found ? text_of(&question.local) : "nothing";
}

void put_back(uint32_t sock, struct address peer, const char *local)
{
	const struct local source = local_of(local);

	peers_unrecall(sock, &peer.any, peer.len, &source);
}

void forget(uint32_t sock, struct address peer, const char *local)
{
	const struct local source = local_of(local);

	peers_forget(sock, &peer.any, peer.len, &source);
}
