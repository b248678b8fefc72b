/* SPDX-License-Identifier: MIT */
/*
 * What the application sees of the control messages, against a model of the
 * kernel that knows nothing of ours.
 */
#include "state/pktinfo.h"

#include "control.h"
#include "unit.h"

#include <stdbool.h>
#include <string.h>

/* What a control message may be. */
static const struct message {
	int level;
	int type;
	size_t bytes;
	enum pktinfo_kinds kind;
} messages[] = {
	{ IPPROTO_IP, IP_PKTINFO, sizeof(struct in_pktinfo), PKTINFO_V4 },
	{ IPPROTO_IPV6, IPV6_PKTINFO, sizeof(struct in6_pktinfo), PKTINFO_V6 },
	{ IPPROTO_IP, IP_TOS, 1, PKTINFO_NONE },
	{ IPPROTO_IP, IP_TTL, 4, PKTINFO_NONE },
	{ SOL_SOCKET, SO_TIMESTAMP, 16, PKTINFO_NONE },
	/* No kernel has one like these; but none has to be even. */
	{ SOL_SOCKET, 1000, 0, PKTINFO_NONE },
	{ SOL_SOCKET, 1001, 7, PKTINFO_NONE },
	{ SOL_SOCKET, 1002, 9, PKTINFO_NONE },
};

enum { KINDS = COUNT(messages), MOST = 4, ROOM = 512, UNTOUCHED = 0xa5 };

/* Up to MOST control messages: the digits of `code` in base KINDS + 1. */
struct row {
	size_t kinds[MOST];
	size_t count;
};

static bool row_of(size_t code, struct row *row)
{
	*row = (struct row){ 0 };
	for (; code; code /= KINDS + 1) {
		/* 0 stands for the end, so that each row comes once. */
		if (code % (KINDS + 1) == 0)
			return false;
		row->kinds[row->count++] = code % (KINDS + 1) - 1;
	}
	return true;
}

static size_t row_codes(void)
{
	size_t codes = 1;

	for (size_t i = 0; i < MOST; i++)
		codes *= KINDS + 1;
	return codes;
}

/* A buffer, and what is untouched of it shows. */
struct buffer {
	_Alignas(struct cmsghdr) unsigned char bytes[ROOM];
};

static void wipe(struct buffer *buffer)
{
	memset(buffer->bytes, UNTOUCHED, sizeof(buffer->bytes));
}

/*
 * What recvmsg(2) makes of a row in `room` bytes, when only the kinds that are
 * wanted are switched on.
 */
static struct msghdr receive(const struct row *row, enum pktinfo_kinds wanted,
			     struct buffer *buffer, size_t room, int flags)
{
	struct msghdr msg = { .msg_control = buffer->bytes,
			      .msg_controllen = room,
			      .msg_flags = flags };

	for (size_t i = 0; i < row->count; i++) {
		const struct message *m = &messages[row->kinds[i]];
		unsigned char data[sizeof(struct in6_pktinfo)];

		if (m->kind && !(m->kind & wanted))
			continue;
		/* Other bytes in each, so that a mixed up one shows. */
		for (size_t at = 0; at < sizeof(data); at++)
			data[at] = (unsigned char)(i * 32 + at + 1);
		put_cmsg(&msg, m->level, m->type, data, m->bytes);
	}
	msg.msg_control = buffer->bytes;
	msg.msg_controllen = room - msg.msg_controllen;
	return msg;
}

static size_t space_of(const struct row *row)
{
	size_t bytes = 0;

	for (size_t i = 0; i < row->count; i++)
		bytes += CMSG_SPACE(messages[row->kinds[i]].bytes);
	return bytes;
}

static void describe(const struct row *row, enum pktinfo_kinds wanted,
		     size_t room)
{
	print_error("row:");
	for (size_t i = 0; i < row->count; i++)
		print_error(" %zu", row->kinds[i]);
	print_error(", wanted %u, room %zu\n", wanted, room);
}

/* Each row, wanted kinds and room, up to more than the row needs. */
static void for_all(void (*check)(const struct row *row,
				  enum pktinfo_kinds wanted, size_t room))
{
	struct row row;

	for (size_t code = 0; code < row_codes(); code++) {
		if (!row_of(code, &row))
			continue;
		for (unsigned int wanted = 0;
		     wanted <= (PKTINFO_V4 | PKTINFO_V6); wanted++)
			for (size_t room = 0; room <= space_of(&row) + 9;
			     room++)
				check(&row, (enum pktinfo_kinds)wanted, room);
	}
}

static void check_as_without_us(const struct row *row,
				enum pktinfo_kinds wanted, size_t room)
{
	struct buffer ours, theirs, expected;
	wipe(&ours);
	wipe(&theirs);
	wipe(&expected);
	const struct msghdr from = receive(row, PKTINFO_V4 | PKTINFO_V6, &ours,
					   sizeof(ours.bytes), MSG_TRUNC);
	const struct msghdr without_us =
		receive(row, wanted, &expected, room, MSG_TRUNC);
	struct msghdr to = { .msg_control = theirs.bytes,
			     .msg_controllen = room,
			     .msg_flags = -1 };

	pktinfo_strip(&from, &to, wanted);

	if (to.msg_controllen == without_us.msg_controllen &&
	    to.msg_flags == without_us.msg_flags &&
	    !memcmp(theirs.bytes, expected.bytes, sizeof(theirs.bytes)))
		return;
	describe(row, wanted, room);
	assert_int_equal(to.msg_controllen, without_us.msg_controllen);
	assert_int_equal(to.msg_flags, without_us.msg_flags);
	assert_memory_equal(theirs.bytes, expected.bytes, sizeof(theirs.bytes));
}

TEST(the_application_sees_what_it_would_without_us)
{
	for_all(check_as_without_us);
}

/* One after the other: the same headers and data; padding is nobody's. */
static bool are_messages_equal(const struct msghdr *a, const struct msghdr *b)
{
	const unsigned char *one = a->msg_control, *two = b->msg_control;
	struct cmsghdr c;

	if (a->msg_controllen != b->msg_controllen ||
	    a->msg_flags != b->msg_flags)
		return false;
	for (size_t at = 0; at + sizeof(c) <= a->msg_controllen;
	     at += CMSG_ALIGN(c.cmsg_len)) {
		memcpy(&c, one + at, sizeof(c));
		if (c.cmsg_len < sizeof(c) ||
		    c.cmsg_len > a->msg_controllen - at ||
		    memcmp(one + at, two + at, c.cmsg_len) != 0)
			return false;
	}
	return true;
}

static void check_in_place(const struct row *row, enum pktinfo_kinds wanted,
			   size_t room)
{
	struct buffer shared, expected;

	/* In place works a buffer that had room for ours as well. */
	if (room < space_of(row))
		return;
	wipe(&shared);
	wipe(&expected);
	const struct msghdr from =
		receive(row, PKTINFO_V4 | PKTINFO_V6, &shared, room, 0);
	const struct msghdr without_us =
		receive(row, wanted, &expected, room, 0);
	struct msghdr to = { .msg_control = shared.bytes,
			     .msg_controllen = room };

	pktinfo_strip(&from, &to, wanted);

	if (!are_messages_equal(&to, &without_us))
		describe(row, wanted, room);
	assert_true(are_messages_equal(&to, &without_us));
	for (size_t at = from.msg_controllen; at < sizeof(shared.bytes); at++)
		assert_int_equal(shared.bytes[at], UNTOUCHED);
}

TEST(in_one_buffer_the_application_sees_the_same)
{
	for_all(check_in_place);
}

static void check_cut_in_place(const struct row *row, enum pktinfo_kinds wanted,
			       size_t room)
{
	struct buffer shared;

	wipe(&shared);
	const struct msghdr from =
		receive(row, PKTINFO_V4 | PKTINFO_V6, &shared, room, 0);
	struct msghdr to = { .msg_control = shared.bytes,
			     .msg_controllen = room };

	pktinfo_strip(&from, &to, wanted);

	if (to.msg_controllen > from.msg_controllen ||
	    (to.msg_flags & MSG_CTRUNC) != (from.msg_flags & MSG_CTRUNC))
		describe(row, wanted, room);
	assert_in_range(to.msg_controllen, 0, from.msg_controllen);
	assert_int_equal(to.msg_flags & MSG_CTRUNC,
			 from.msg_flags & MSG_CTRUNC);
	for (size_t at = room; at < sizeof(shared.bytes); at++)
		assert_int_equal(shared.bytes[at], UNTOUCHED);
}

TEST(in_one_buffer_too_small_the_cut_shows)
{
	for_all(check_cut_in_place);
}

TEST(a_buffer_at_an_odd_address_is_filled)
{
	const struct row row = { .kinds = { 2, 0, 4 }, .count = 3 };
	struct buffer ours, expected;
	unsigned char theirs[ROOM + 1];

	wipe(&ours);
	wipe(&expected);
	const struct msghdr from = receive(&row, PKTINFO_V4, &ours, ROOM, 0);
	const struct msghdr without_us =
		receive(&row, PKTINFO_NONE, &expected, ROOM, 0);
	struct msghdr to = { .msg_control = theirs + 1,
			     .msg_controllen = ROOM };
	memset(theirs, UNTOUCHED, sizeof(theirs));

	pktinfo_strip(&from, &to, PKTINFO_NONE);

	assert_int_equal(to.msg_controllen, without_us.msg_controllen);
	assert_memory_equal(theirs + 1, expected.bytes, ROOM);
}

TEST(without_a_buffer_a_message_is_cut_off)
{
	const struct row row = { .kinds = { 2 }, .count = 1 };
	struct buffer ours = { 0 };
	const struct msghdr from = receive(&row, PKTINFO_NONE, &ours, ROOM, 0);
	struct msghdr to = { .msg_controllen = 100 };

	pktinfo_strip(&from, &to, PKTINFO_NONE);

	assert_int_equal(to.msg_controllen, 0);
	assert_int_equal(to.msg_flags, MSG_CTRUNC);
}

TEST(without_a_buffer_ours_is_not_missed)
{
	const struct row row = { .kinds = { 0, 1 }, .count = 2 };
	struct buffer ours = { 0 };
	const struct msghdr from =
		receive(&row, PKTINFO_V4 | PKTINFO_V6, &ours, ROOM, 0);
	struct msghdr to = { 0 };

	pktinfo_strip(&from, &to, PKTINFO_NONE);

	assert_int_equal(to.msg_controllen, 0);
	assert_int_equal(to.msg_flags, 0);
}

/* Our room was not enough: the application's is not either. */
TEST(what_was_cut_in_our_room_shows)
{
	const struct row row = { .kinds = { 2, 4 }, .count = 2 };
	struct buffer ours = { 0 }, theirs;
	const struct msghdr from = receive(&row, PKTINFO_NONE, &ours, 30, 0);
	struct msghdr to = { .msg_control = theirs.bytes,
			     .msg_controllen = sizeof(theirs.bytes) };

	assert_int_equal(from.msg_flags, MSG_CTRUNC);

	pktinfo_strip(&from, &to, PKTINFO_NONE);

	assert_int_equal(to.msg_flags, MSG_CTRUNC);
}

TEST(the_other_flags_are_the_kernel_s)
{
	const struct msghdr from = { .msg_flags = MSG_TRUNC | MSG_ERRQUEUE };
	struct msghdr to = { .msg_flags = MSG_OOB };

	pktinfo_strip(&from, &to, PKTINFO_NONE);

	assert_int_equal(to.msg_flags, MSG_TRUNC | MSG_ERRQUEUE);
}
