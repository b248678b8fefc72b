/* SPDX-License-Identifier: MIT */
/* The order of one peer's batch. */
#include "state/queue.h"

#include "address.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

/* More than there is room for. */
#define TOO_MANY 5000

BEFORE_EACH(no_queues)
{
	queue_drop_all();
}

static bool append(struct queue *queue, const char *local)
{
	const struct local address = local_of(local);

	return queue_append(queue, &address, 1);
}

static void put_back(struct queue *queue, const char *local)
{
	const struct local address = local_of(local);

	queue_put_back(queue, &address);
}

/* The first one's text, or "nothing". */
static const char *take(struct queue *queue)
{
	struct local local;

	return queue_take(queue, &local) ? text_of(&local) : "nothing";
}

/* Appends other addresses in turn until there is no room. */
static uint32_t fill(struct queue *queue)
{
	for (uint32_t n = 0; n < TOO_MANY; n++) {
		const struct local local = local_through("10.0.0.1", n + 1);

		if (!queue_append(queue, &local, 1))
			return n;
	}
	return TOO_MANY;
}

TEST(a_queue_of_zeroes_is_empty)
{
	const struct queue queue = { 0 };

	bool empty = queue_is_empty(&queue);

	assert_true(empty);
}

TEST(a_queue_without_room_is_lost_until_it_is_dropped)
{
	struct queue queue = { 0 }, other = { 0 };

	assert_true(append(&other, "10.0.0.9"));
	(void)fill(&queue);

	assert_true(queue_is_lost(&queue));
	assert_true(queue_is_lost(&other));
	queue_drop(&queue);
	assert_false(queue_is_lost(&queue));
}

TEST(an_empty_queue_that_finds_no_room_is_lost)
{
	struct queue full = { 0 }, queue = { 0 }, spare = { 0 };

	uint32_t room = fill(&spare);

	queue_drop_all();
	for (uint32_t n = 0; n < room; n++) {
		const struct local local = local_through("10.0.0.1", n + 1);

		assert_true(queue_append(&full, &local, 1));
	}

	assert_false(append(&queue, "10.0.0.2"));

	assert_true(queue_is_lost(&queue));
}

TEST(an_address_is_forgotten_wherever_it_waits)
{
	const struct local gone = local_of("10.0.0.1");
	struct queue queue = { 0 };
	struct local local;

	assert_true(append(&queue, "10.0.0.1"));
	assert_true(append(&queue, "10.0.0.2"));
	assert_true(append(&queue, "10.0.0.1"));

	queue_forget(&queue, &gone);

	assert_true(queue_take(&queue, &local));
	assert_int_equal(local.family, AF_UNSPEC);
	assert_string_equal(take(&queue), "10.0.0.2");
	assert_true(queue_take(&queue, &local));
	assert_int_equal(local.family, AF_UNSPEC);
}

TEST(a_queue_with_an_address_is_not_empty)
{
	struct queue queue = { 0 };

	assert_true(append(&queue, "10.0.0.1"));

	bool empty = queue_is_empty(&queue);

	assert_false(empty);
}

TEST(taking_from_an_empty_queue_leaves_the_result_alone)
{
	struct queue queue = { 0 };
	struct local local = local_of("10.0.0.9");

	bool taken = queue_take(&queue, &local);

	assert_false(taken);
	assert_string_equal(text_of(&local), "10.0.0.9");
}

TEST(the_first_in_is_the_first_out)
{
	struct queue queue = { 0 };

	assert_true(append(&queue, "10.0.0.1"));
	assert_true(append(&queue, "2001:db8::2"));
	assert_true(append(&queue, "10.0.0.1"));

	assert_string_equal(take(&queue), "10.0.0.1");
	assert_string_equal(take(&queue), "2001:db8::2");
	assert_string_equal(take(&queue), "10.0.0.1");
	assert_string_equal(take(&queue), "nothing");
}

TEST(an_address_counts_as_often_as_it_was_appended)
{
	struct queue queue = { 0 };
	const struct local local = local_of("10.0.0.1");

	assert_true(queue_append(&queue, &local, 2));
	assert_true(queue_append(&queue, &local, 3));

	for (int i = 0; i < 5; i++)
		assert_string_equal(take(&queue), "10.0.0.1");
	assert_string_equal(take(&queue), "nothing");
}

TEST(more_than_a_run_can_count_are_counted)
{
	struct queue queue = { 0 };
	const struct local local = local_of("10.0.0.1");
	uint32_t taken = 0;

	assert_true(queue_append(&queue, &local, UINT16_MAX));
	assert_true(queue_append(&queue, &local, 3));

	while (strcmp(take(&queue), "nothing") != 0)
		taken++;

	assert_int_equal(taken, UINT16_MAX + 3);
}

TEST(two_interfaces_are_two_addresses)
{
	struct queue queue = { 0 };
	const struct local one = local_through("fe80::1", 1);
	const struct local two = local_through("fe80::1", 2);

	assert_true(queue_append(&queue, &one, 1));
	assert_true(queue_append(&queue, &two, 1));

	assert_string_equal(take(&queue), "fe80::1%1");
	assert_string_equal(take(&queue), "fe80::1%2");
}

TEST(what_is_put_back_comes_first)
{
	struct queue queue = { 0 };

	assert_true(append(&queue, "10.0.0.1"));
	put_back(&queue, "10.0.0.2");

	assert_string_equal(take(&queue), "10.0.0.2");
	assert_string_equal(take(&queue), "10.0.0.1");
}

TEST(what_is_put_back_into_nothing_is_found)
{
	struct queue queue = { 0 };

	put_back(&queue, "10.0.0.1");

	assert_string_equal(take(&queue), "10.0.0.1");
	assert_string_equal(take(&queue), "nothing");
}

TEST(what_follows_one_put_back_comes_after_it)
{
	struct queue queue = { 0 };

	put_back(&queue, "10.0.0.1");
	assert_true(append(&queue, "10.0.0.2"));

	assert_string_equal(take(&queue), "10.0.0.1");
	assert_string_equal(take(&queue), "10.0.0.2");
}

TEST(an_address_goes_after_the_last_one_taken)
{
	struct queue queue = { 0 };

	assert_true(append(&queue, "10.0.0.1"));
	(void)take(&queue);
	assert_true(append(&queue, "10.0.0.2"));

	assert_string_equal(take(&queue), "10.0.0.2");
	assert_string_equal(take(&queue), "nothing");
}

TEST(two_queues_do_not_mix)
{
	struct queue one = { 0 }, two = { 0 };

	assert_true(append(&one, "10.0.0.1"));
	assert_true(append(&two, "10.0.0.2"));
	assert_true(append(&one, "10.0.0.3"));

	assert_string_equal(take(&two), "10.0.0.2");
	assert_string_equal(take(&one), "10.0.0.1");
	assert_string_equal(take(&one), "10.0.0.3");
	assert_string_equal(take(&two), "nothing");
}

TEST(a_dropped_queue_is_empty)
{
	struct queue queue = { 0 };
	const struct local local = local_of("10.0.0.1");

	assert_true(queue_append(&queue, &local, 3));
	assert_true(append(&queue, "10.0.0.2"));

	queue_drop(&queue);

	assert_string_equal(take(&queue), "nothing");
}

TEST(dropping_a_queue_leaves_the_others)
{
	struct queue dropped = { 0 }, kept = { 0 };

	assert_true(append(&dropped, "10.0.0.1"));
	assert_true(append(&kept, "10.0.0.2"));

	queue_drop(&dropped);

	assert_string_equal(take(&kept), "10.0.0.2");
}

TEST(dropping_all_empties_every_queue)
{
	struct queue one = { 0 }, two = { 0 };

	assert_true(append(&one, "10.0.0.1"));
	assert_true(append(&two, "10.0.0.2"));

	queue_drop_all();

	assert_true(queue_is_empty(&one));
	assert_true(queue_is_empty(&two));
}

TEST(an_emptied_queue_does_not_find_its_successor_s)
{
	struct queue before = { 0 }, after = { 0 };

	assert_true(append(&before, "10.0.0.1"));
	queue_drop_all();
	assert_true(append(&after, "10.0.0.2"));

	assert_string_equal(take(&before), "nothing");
	assert_string_equal(take(&after), "10.0.0.2");
}

TEST(an_emptied_queue_can_be_used_again)
{
	struct queue queue = { 0 };

	assert_true(append(&queue, "10.0.0.1"));
	queue_drop_all();
	assert_true(append(&queue, "10.0.0.2"));

	assert_string_equal(take(&queue), "10.0.0.2");
	assert_string_equal(take(&queue), "nothing");
}

TEST(a_thousand_addresses_have_room)
{
	struct queue queue = { 0 };

	uint32_t appended = fill(&queue);

	assert_in_range(appended, 1000, TOO_MANY - 1);
}

TEST(without_room_all_queues_are_empty)
{
	struct queue full = { 0 }, other = { 0 };

	assert_true(append(&other, "10.0.0.1"));

	(void)fill(&full);

	assert_true(queue_is_empty(&full));
	assert_true(queue_is_empty(&other));
}

TEST(after_it_ran_out_there_is_room_again)
{
	struct queue queue = { 0 };

	uint32_t first = fill(&queue);

	uint32_t second = fill(&queue);

	assert_int_equal(second, first);
}

TEST(putting_back_without_room_leaves_the_queues)
{
	struct queue full = { 0 };
	uint32_t room = fill(&full), left = 0;

	for (uint32_t n = 0; n < room; n++) {
		const struct local local = local_through("10.0.0.1", n + 1);

		assert_true(queue_append(&full, &local, 1));
	}

	put_back(&full, "10.0.0.2");

	while (strcmp(take(&full), "nothing") != 0)
		left++;
	assert_int_equal(left, room);
}

TEST(what_is_taken_gives_its_room_back)
{
	struct queue queue = { 0 };

	for (int i = 0; i < TOO_MANY; i++) {
		assert_true(append(&queue, "10.0.0.1"));
		assert_true(append(&queue, "10.0.0.2"));
		assert_string_equal(take(&queue), "10.0.0.1");
		assert_string_equal(take(&queue), "10.0.0.2");
	}
}

TEST(what_is_dropped_gives_its_room_back)
{
	struct queue queue = { 0 };

	for (int i = 0; i < TOO_MANY; i++) {
		assert_true(append(&queue, "10.0.0.1"));
		assert_true(append(&queue, "10.0.0.2"));
		queue_drop(&queue);
	}
}

TEST(what_is_put_back_and_taken_gives_its_room_back)
{
	struct queue queue = { 0 };

	for (int i = 0; i < TOO_MANY; i++) {
		put_back(&queue, "10.0.0.1");
		assert_string_equal(take(&queue), "10.0.0.1");
	}
}
