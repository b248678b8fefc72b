/* SPDX-License-Identifier: MIT */
/* What `replyfrom check` found, however many others have made. */
#include "command/report.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static struct report report;

BEFORE_EACH(begin)
{
	free(report.list);
	report = (struct report){ 0 };
}

static void add(unsigned long inode, const char *name, pid_t pid,
		enum answers answers)
{
	struct inspected one = { .socket = { .inode = inode },
				 .pid = pid,
				 .answers = answers };

	(void)snprintf(one.name, sizeof(one.name), "%s", name);
	report_add(&report, &one);
}

static double cpu_s(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

static bool is_wrong(const struct inspected *one)
{
	return one->answers == ANSWERS_WRONG;
}

TEST(workers_that_share_a_socket_are_one_entry_in_their_order)
{
	static const pid_t left[] = { 10, 11, 14 };

	add(7, "b", 10, ANSWERS_WRONG);
	add(3, "a", 11, ANSWERS_UNKNOWN);
	add(7, "b", 12, ANSWERS_WRONG);
	add(3, "a", 13, ANSWERS_UNKNOWN);
	add(7, "a", 14, ANSWERS_WRONG);

	report_merge(&report);

	assert_int_equal(report.count, COUNT(left));
	for (size_t i = 0; i < COUNT(left); i++)
		assert_int_equal(report.list[i].pid, left[i]);
	assert_int_equal(report.wrong, 2);
	assert_int_equal(report.unknown, 1);
}

TEST(each_socket_is_counted_once)
{
	unsigned long *inodes;
	size_t count;

	add(7, "b", 10, ANSWERS_WRONG);
	add(3, "a", 11, ANSWERS_RIGHT);
	add(7, "a", 12, ANSWERS_WRONG);

	inodes = report_inodes(&report, NULL, &count);
	assert_int_equal(count, 2);
	assert_true(report_has_inode(inodes, count, 3));
	assert_true(report_has_inode(inodes, count, 7));
	assert_false(report_has_inode(inodes, count, 5));
	free(inodes);

	free(report_inodes(&report, is_wrong, &count));
	assert_int_equal(count, 1);
}

TEST(nothing_is_merged_and_counted_as_such)
{
	unsigned long *inodes;
	size_t count;

	report_merge(&report);

	inodes = report_inodes(&report, NULL, &count);
	assert_int_equal(report.count + count, 0);
	assert_false(report_has_inode(inodes, count, 0));
	free(inodes);
}

TEST(sockets_beyond_the_bound_are_counted_as_not_looked_at)
{
	for (unsigned long i = 0; i < REPORT_MOST_SOCKETS + 5; i++)
		add(i, "a", 1, ANSWERS_RIGHT);

	assert_int_equal(report.count, REPORT_MOST_SOCKETS);
	assert_int_equal(report.more, 5);
	assert_int_equal(report.unknown, 5);
}

/* One user's: any number of processes may share them, under any names. */
TEST(as_many_as_there_may_be_take_little_time)
{
	const double begin_s = cpu_s();
	char name[16];
	size_t count;

	for (unsigned long i = 0; i < REPORT_MOST_SOCKETS; i++) {
		(void)snprintf(name, sizeof(name), "%lu", i % 16);
		add(i / 32, name, 1, ANSWERS_WRONG);
	}

	report_merge(&report);
	free(report_inodes(&report, is_wrong, &count));

	assert_int_equal(report.count, REPORT_MOST_SOCKETS / 2);
	assert_int_equal(count, REPORT_MOST_SOCKETS / 32);
	assert_true(cpu_s() - begin_s < 5);
}
