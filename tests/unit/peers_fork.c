/* SPDX-License-Identifier: MIT */
/* The table across a fork, and inside a signal handler. */
#include "state/peers.h"
#include "state/peers_open.h"

#include "base/lock.h"
#include "child.h"
#include "clock.h"
#include "settings.h"
#include "story.h"
#include "unit.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

enum { SOCK = 1 };

static struct address peer;

BEFORE_EACH(empty_table)
{
	clock_asked = NULL;
	settings_reset();
	peers_reset(1000, 120);
	peers_drained();
	peer = v4("192.0.2.9", 5300);
}

static int does_child_answer_from(void *context)
{
	return strcmp(answer(SOCK, peer), context) == 0;
}

TEST(a_child_knows_what_its_parent_knew)
{
	hear(SOCK, peer, "10.0.0.1");

	int does = in_child(does_child_answer_from, "10.0.0.1");

	assert_int_equal(does, true);
}

TEST(a_child_does_not_answer_its_parent_s_batch)
{
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");
	peers_drained();

	int does = in_child(does_child_answer_from, "10.0.0.2");

	assert_int_equal(does, true);
}

TEST(a_child_leaves_its_parent_the_batch)
{
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");
	peers_drained();
	(void)in_child(does_child_answer_from, "");

	const char *source = answer(SOCK, peer);

	assert_string_equal(source, "10.0.0.1");
}

static int does_child_answer_its_own_batch(void *context)
{
	(void)context;
	hear(SOCK, peer, "10.0.0.3");
	hear(SOCK, peer, "10.0.0.4");
	peers_drained();
	return strcmp(answer(SOCK, peer), "10.0.0.3") == 0 &&
	       strcmp(answer(SOCK, peer), "10.0.0.4") == 0;
}

TEST(a_child_has_batches_of_its_own)
{
	hear(SOCK, peer, "10.0.0.1");
	hear(SOCK, peer, "10.0.0.2");
	peers_drained();

	int does = in_child(does_child_answer_its_own_batch, NULL);

	assert_int_equal(does, true);
}

static int hear_in_child(void *context)
{
	hear(SOCK, peer, context);
	return 0;
}

TEST(what_a_child_hears_is_its_own)
{
	hear(SOCK, peer, "10.0.0.1");
	(void)in_child(hear_in_child, "10.0.0.2");

	const char *source = answer(SOCK, peer);

	assert_string_equal(source, "10.0.0.1");
}

/* What a thread read last it knows without the table. */
static void hear_another(void)
{
	hear(SOCK, v4("192.0.2.88", 5300), "10.0.0.8");
}

/* Forked in the middle of another thread's change. */

static pthread_barrier_t changing;
static pthread_barrier_t forked;
static pthread_t changer;

/* Asked for the time inside a lock, a thread is in the middle of a change. */
static void wait_in_the_middle(void)
{
	if (!lock_inside || !pthread_equal(pthread_self(), changer))
		return;
	pthread_barrier_wait(&changing);
	pthread_barrier_wait(&forked);
}

static void *change(void *context)
{
	changer = pthread_self();
	clock_asked = wait_in_the_middle;
	hear(SOCK, peer, context);
	return NULL;
}

static int answer_in_child_amid_a_change(int (*body)(void *), void *context)
{
	pthread_t thread;
	int result;

	assert_int_equal(pthread_barrier_init(&changing, NULL, 2), 0);
	assert_int_equal(pthread_barrier_init(&forked, NULL, 2), 0);
	assert_int_equal(pthread_create(&thread, NULL, change, "10.0.0.9"), 0);
	pthread_barrier_wait(&changing);
	result = in_child(body, context);
	pthread_barrier_wait(&forked);
	assert_int_equal(pthread_join(thread, NULL), 0);
	return result;
}

static int does_child_begin_anew(void *context)
{
	(void)context;
	hear(SOCK, v4("192.0.2.99", 5300), "10.0.0.2");
	return strcmp(answer(SOCK, peer), "nothing") == 0;
}

TEST(a_child_forked_amid_a_change_begins_anew)
{
	hear(SOCK, peer, "10.0.0.1");
	hear_another();

	int does = answer_in_child_amid_a_change(does_child_begin_anew, NULL);

	assert_int_equal(does, true);
}

static int does_child_learn(void *context)
{
	(void)answer(SOCK, peer);
	hear(SOCK, peer, context);
	return strcmp(answer(SOCK, peer), context) == 0;
}

TEST(a_child_forked_amid_a_change_learns_again)
{
	hear(SOCK, peer, "10.0.0.1");

	int does = answer_in_child_amid_a_change(does_child_learn, "10.0.0.2");

	assert_int_equal(does, true);
}

TEST(a_parent_that_forked_amid_a_change_keeps_its_table)
{
	hear(SOCK, peer, "10.0.0.1");
	(void)answer_in_child_amid_a_change(does_child_learn, "10.0.0.2");

	const char *source = answer(SOCK, peer);

	assert_string_equal(source, "10.0.0.9");
}

/* A signal handler that comes in the middle of a change. */

static volatile sig_atomic_t handled;
static volatile sig_atomic_t handler_s_answer;
enum { UNASKED, KNOWN, UNKNOWN };

static void on_signal(int signal_number)
{
	(void)signal_number;
	handled++;
	hear(SOCK, peer, "10.0.0.7");
	hear(SOCK, v4("192.0.2.77", 5300), "10.0.0.7");
	forget(SOCK, peer, "10.0.0.1");
	put_back(SOCK, peer, "10.0.0.7");
	handler_s_answer =
		strcmp(answer(SOCK, peer), "nothing") ? KNOWN : UNKNOWN;
}

static void raise_once(void)
{
	clock_asked = NULL;
	(void)raise(SIGTRAP);
}

static void raise_once_in_the_middle(void)
{
	if (lock_inside)
		raise_once();
}

static void interrupt(void (*asked)(void))
{
	const struct sigaction action = { .sa_handler = on_signal };

	assert_int_equal(sigaction(SIGTRAP, &action, NULL), 0);
	handled = 0;
	handler_s_answer = UNASKED;
	clock_asked = asked;
}

static void interrupt_the_next_change(void)
{
	interrupt(raise_once_in_the_middle);
}

TEST(a_handler_amid_a_change_finds_nothing)
{
	hear(SOCK, peer, "10.0.0.1");
	interrupt_the_next_change();

	hear(SOCK, v4("192.0.2.10", 5300), "10.0.0.2");

	assert_int_equal(handled, 1);
	assert_int_equal(handler_s_answer, UNKNOWN);
}

TEST(what_a_handler_hears_amid_a_change_is_lost)
{
	hear(SOCK, peer, "10.0.0.1");
	interrupt_the_next_change();

	hear(SOCK, v4("192.0.2.10", 5300), "10.0.0.2");

	assert_string_equal(answer(SOCK, peer), "10.0.0.1");
	assert_string_equal(answer(SOCK, v4("192.0.2.77", 5300)), "nothing");
}

TEST(a_change_that_was_interrupted_is_complete)
{
	hear(SOCK, peer, "10.0.0.1");
	interrupt_the_next_change();

	hear(SOCK, peer, "10.0.0.2");

	assert_string_equal(answer(SOCK, peer), "10.0.0.2");
}

TEST(an_answer_that_was_interrupted_is_complete)
{
	hear(SOCK, peer, "10.0.0.1");
	hear_another();
	interrupt_the_next_change();

	const char *source = answer(SOCK, peer);

	assert_string_equal(source, "10.0.0.1");
}

/* It heard the same peer in between. */
TEST(an_answer_to_the_last_that_was_interrupted_is_to_a_later)
{
	hear(SOCK, peer, "10.0.0.1");
	(void)answer(SOCK, peer);
	interrupt(raise_once);

	const char *source = answer(SOCK, peer);

	assert_string_equal(source, "10.0.0.7");
}

TEST(a_child_forked_amid_a_change_knows_what_was_read_last)
{
	hear(SOCK, peer, "10.0.0.1");

	int does = answer_in_child_amid_a_change(does_child_answer_from,
						 "10.0.0.1");

	assert_int_equal(does, true);
}

TEST(a_handler_between_changes_is_answered)
{
	hear(SOCK, peer, "10.0.0.1");
	interrupt_the_next_change();
	clock_asked = NULL;

	(void)raise(SIGTRAP);

	assert_int_equal(handler_s_answer, KNOWN);
}

/* Whoever is inside any of the locks is inside. */
TEST(inside_another_lock_nothing_is_known)
{
	struct lock other = { 0 };

	hear(SOCK, peer, "10.0.0.1");
	assert_int_equal(lock_take(&other), LOCK_HELD);

	const char *source = answer(SOCK, peer);

	lock_release(&other);
	assert_string_equal(source, "nothing");
}

TEST(a_first_peer_heard_inside_a_lock_is_heard_later)
{
	struct lock other = { 0 };

	assert_int_equal(lock_take(&other), LOCK_HELD);
	hear(SOCK, peer, "10.0.0.1");
	lock_release(&other);
	hear(SOCK, peer, "10.0.0.2");

	const char *source = answer(SOCK, peer);

	assert_string_equal(source, "10.0.0.2");
}
