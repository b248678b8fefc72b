/* SPDX-License-Identifier: MIT */
/* The order of one peer's batch. */
#include "state/queue.h"

#include "address.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

/* More than there is room for. */
#define TOO_MANY 5000

static int no_queues(void **state)
{
	(void)state;
	queue_drop_all();
	return 0;
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

static void a_queue_of_zeroes_is_empty(void **state)
{
	const struct queue queue = { 0 };

	(void)state;

	bool empty = queue_is_empty(&queue);

	assert_true(empty);
}

static void a_queue_with_an_address_is_not_empty(void **state)
{
	struct queue queue = { 0 };

	(void)state;
	assert_true(append(&queue, "10.0.0.1"));

	bool empty = queue_is_empty(&queue);

	assert_false(empty);
}

static void taking_from_an_empty_queue_leaves_the_result_alone(void **state)
{
	struct queue queue = { 0 };
	struct local local = local_of("10.0.0.9");

	(void)state;

	bool taken = queue_take(&queue, &local);

	assert_false(taken);
	assert_string_equal(text_of(&local), "10.0.0.9");
}

static void the_first_in_is_the_first_out(void **state)
{
	struct queue queue = { 0 };

	(void)state;
	assert_true(append(&queue, "10.0.0.1"));
	assert_true(append(&queue, "2001:db8::2"));
	assert_true(append(&queue, "10.0.0.1"));

	assert_string_equal(take(&queue), "10.0.0.1");
	assert_string_equal(take(&queue), "2001:db8::2");
	assert_string_equal(take(&queue), "10.0.0.1");
	assert_string_equal(take(&queue), "nothing");
}

static void an_address_counts_as_often_as_it_was_appended(void **state)
{
	struct queue queue = { 0 };
	const struct local local = local_of("10.0.0.1");

	(void)state;
	assert_true(queue_append(&queue, &local, 2));
	assert_true(queue_append(&queue, &local, 3));

	for (int i = 0; i < 5; i++)
		assert_string_equal(take(&queue), "10.0.0.1");
	assert_string_equal(take(&queue), "nothing");
}

static void more_than_a_run_can_count_are_counted(void **state)
{
	struct queue queue = { 0 };
	const struct local local = local_of("10.0.0.1");
	uint32_t taken = 0;

	(void)state;
	assert_true(queue_append(&queue, &local, UINT16_MAX));
	assert_true(queue_append(&queue, &local, 3));

	while (strcmp(take(&queue), "nothing") != 0)
		taken++;

	assert_int_equal(taken, UINT16_MAX + 3);
}

static void two_interfaces_are_two_addresses(void **state)
{
	struct queue queue = { 0 };
	const struct local one = local_through("fe80::1", 1);
	const struct local two = local_through("fe80::1", 2);

	(void)state;
	assert_true(queue_append(&queue, &one, 1));
	assert_true(queue_append(&queue, &two, 1));

	assert_string_equal(take(&queue), "fe80::1%1");
	assert_string_equal(take(&queue), "fe80::1%2");
}

static void what_is_put_back_comes_first(void **state)
{
	struct queue queue = { 0 };

	(void)state;
	assert_true(append(&queue, "10.0.0.1"));
	put_back(&queue, "10.0.0.2");

	assert_string_equal(take(&queue), "10.0.0.2");
	assert_string_equal(take(&queue), "10.0.0.1");
}

static void what_is_put_back_into_nothing_is_found(void **state)
{
	struct queue queue = { 0 };

	(void)state;
	put_back(&queue, "10.0.0.1");

	assert_string_equal(take(&queue), "10.0.0.1");
	assert_string_equal(take(&queue), "nothing");
}

static void what_follows_one_put_back_comes_after_it(void **state)
{
	struct queue queue = { 0 };

	(void)state;
	put_back(&queue, "10.0.0.1");
	assert_true(append(&queue, "10.0.0.2"));

	assert_string_equal(take(&queue), "10.0.0.1");
	assert_string_equal(take(&queue), "10.0.0.2");
}

static void an_address_goes_after_the_last_one_taken(void **state)
{
	struct queue queue = { 0 };

	(void)state;
	assert_true(append(&queue, "10.0.0.1"));
	(void)take(&queue);
	assert_true(append(&queue, "10.0.0.2"));

	assert_string_equal(take(&queue), "10.0.0.2");
	assert_string_equal(take(&queue), "nothing");
}

static void two_queues_do_not_mix(void **state)
{
	struct queue one = { 0 }, two = { 0 };

	(void)state;
	assert_true(append(&one, "10.0.0.1"));
	assert_true(append(&two, "10.0.0.2"));
	assert_true(append(&one, "10.0.0.3"));

	assert_string_equal(take(&two), "10.0.0.2");
	assert_string_equal(take(&one), "10.0.0.1");
	assert_string_equal(take(&one), "10.0.0.3");
	assert_string_equal(take(&two), "nothing");
}

static void a_dropped_queue_is_empty(void **state)
{
	struct queue queue = { 0 };
	const struct local local = local_of("10.0.0.1");

	(void)state;
	assert_true(queue_append(&queue, &local, 3));
	assert_true(append(&queue, "10.0.0.2"));

	queue_drop(&queue);

	assert_string_equal(take(&queue), "nothing");
}

static void dropping_a_queue_leaves_the_others(void **state)
{
	struct queue dropped = { 0 }, kept = { 0 };

	(void)state;
	assert_true(append(&dropped, "10.0.0.1"));
	assert_true(append(&kept, "10.0.0.2"));

	queue_drop(&dropped);

	assert_string_equal(take(&kept), "10.0.0.2");
}

static void dropping_all_empties_every_queue(void **state)
{
	struct queue one = { 0 }, two = { 0 };

	(void)state;
	assert_true(append(&one, "10.0.0.1"));
	assert_true(append(&two, "10.0.0.2"));

	queue_drop_all();

	assert_true(queue_is_empty(&one));
	assert_true(queue_is_empty(&two));
}

static void an_emptied_queue_does_not_find_its_successor_s(void **state)
{
	struct queue before = { 0 }, after = { 0 };

	(void)state;
	assert_true(append(&before, "10.0.0.1"));
	queue_drop_all();
	assert_true(append(&after, "10.0.0.2"));

	assert_string_equal(take(&before), "nothing");
	assert_string_equal(take(&after), "10.0.0.2");
}

static void an_emptied_queue_can_be_used_again(void **state)
{
	struct queue queue = { 0 };

	(void)state;
	assert_true(append(&queue, "10.0.0.1"));
	queue_drop_all();
	assert_true(append(&queue, "10.0.0.2"));

	assert_string_equal(take(&queue), "10.0.0.2");
	assert_string_equal(take(&queue), "nothing");
}

static void a_thousand_addresses_have_room(void **state)
{
	struct queue queue = { 0 };

	(void)state;

	uint32_t appended = fill(&queue);

	assert_in_range(appended, 1000, TOO_MANY - 1);
}

static void without_room_all_queues_are_empty(void **state)
{
	struct queue full = { 0 }, other = { 0 };

	(void)state;
	assert_true(append(&other, "10.0.0.1"));

	(void)fill(&full);

	assert_true(queue_is_empty(&full));
	assert_true(queue_is_empty(&other));
}

static void after_it_ran_out_there_is_room_again(void **state)
{
	struct queue queue = { 0 };

	(void)state;
	uint32_t first = fill(&queue);

	uint32_t second = fill(&queue);

	assert_int_equal(second, first);
}

static void putting_back_without_room_leaves_the_queues(void **state)
{
	struct queue full = { 0 };
	uint32_t room = fill(&full), left = 0;

	(void)state;
	for (uint32_t n = 0; n < room; n++) {
		const struct local local = local_through("10.0.0.1", n + 1);

		assert_true(queue_append(&full, &local, 1));
	}

	put_back(&full, "10.0.0.2");

	while (strcmp(take(&full), "nothing") != 0)
		left++;
	assert_int_equal(left, room);
}

static void what_is_taken_gives_its_room_back(void **state)
{
	struct queue queue = { 0 };

	(void)state;
	for (int i = 0; i < TOO_MANY; i++) {
		assert_true(append(&queue, "10.0.0.1"));
		assert_true(append(&queue, "10.0.0.2"));
		assert_string_equal(take(&queue), "10.0.0.1");
		assert_string_equal(take(&queue), "10.0.0.2");
	}
}

static void what_is_dropped_gives_its_room_back(void **state)
{
	struct queue queue = { 0 };

	(void)state;
	for (int i = 0; i < TOO_MANY; i++) {
		assert_true(append(&queue, "10.0.0.1"));
		assert_true(append(&queue, "10.0.0.2"));
		queue_drop(&queue);
	}
}

static void what_is_put_back_and_taken_gives_its_room_back(void **state)
{
	struct queue queue = { 0 };

	(void)state;
	for (int i = 0; i < TOO_MANY; i++) {
		put_back(&queue, "10.0.0.1");
		assert_string_equal(take(&queue), "10.0.0.1");
	}
}

static void a_queue_without_room_is_lost_until_it_is_dropped(void **state)
{
	struct queue queue = { 0 }, other = { 0 };

	(void)state;
	assert_true(append(&other, "10.0.0.9"));
	(void)fill(&queue);

	assert_true(queue_is_lost(&queue));
	assert_true(queue_is_lost(&other));
	queue_drop(&queue);
	assert_false(queue_is_lost(&queue));
}

static void an_empty_queue_that_finds_no_room_is_lost(void **state)
{
	struct queue full = { 0 }, queue = { 0 }, spare = { 0 };

	(void)state;
	uint32_t room = fill(&spare);

	queue_drop_all();
	for (uint32_t n = 0; n < room; n++) {
		const struct local local = local_through("10.0.0.1", n + 1);

		assert_true(queue_append(&full, &local, 1));
	}

	assert_false(append(&queue, "10.0.0.2"));

	assert_true(queue_is_lost(&queue));
}

static void an_address_is_forgotten_wherever_it_waits(void **state)
{
	const struct local gone = local_of("10.0.0.1");
	struct queue queue = { 0 };
	struct local local;

	(void)state;
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

#define TEST(name) cmocka_unit_test_setup(name, no_queues)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_queue_of_zeroes_is_empty),
		TEST(a_queue_without_room_is_lost_until_it_is_dropped),
		TEST(an_empty_queue_that_finds_no_room_is_lost),
		TEST(an_address_is_forgotten_wherever_it_waits),
		TEST(a_queue_with_an_address_is_not_empty),
		TEST(taking_from_an_empty_queue_leaves_the_result_alone),
		TEST(the_first_in_is_the_first_out),
		TEST(an_address_counts_as_often_as_it_was_appended),
		TEST(more_than_a_run_can_count_are_counted),
		TEST(two_interfaces_are_two_addresses),
		TEST(what_is_put_back_comes_first),
		TEST(what_is_put_back_into_nothing_is_found),
		TEST(what_follows_one_put_back_comes_after_it),
		TEST(an_address_goes_after_the_last_one_taken),
		TEST(two_queues_do_not_mix),
		TEST(a_dropped_queue_is_empty),
		TEST(dropping_a_queue_leaves_the_others),
		TEST(dropping_all_empties_every_queue),
		TEST(an_emptied_queue_does_not_find_its_successor_s),
		TEST(an_emptied_queue_can_be_used_again),
		TEST(a_thousand_addresses_have_room),
		TEST(without_room_all_queues_are_empty),
		TEST(after_it_ran_out_there_is_room_again),
		TEST(putting_back_without_room_leaves_the_queues),
		TEST(what_is_taken_gives_its_room_back),
		TEST(what_is_dropped_gives_its_room_back),
		TEST(what_is_put_back_and_taken_gives_its_room_back),
	};

	return cmocka_run_group_tests(tests, end_when_stuck, NULL);
}
