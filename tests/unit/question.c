/* SPDX-License-Identifier: MIT */
/* What `replyfrom ask` sends, and what it takes for an answer. */
#include "command/question.h"

#include "unit.h"

#include <string.h>

static struct question question;

static const char *const presets[] = { "dns",  "ntp",  "snmp",
				       "stun", "tftp", "echo" };

/* An answer: the question, changed so. */
struct answer {
	uint8_t data[QUESTION_MOST_BYTES];
	size_t bytes;
};

static struct answer echoed(void)
{
	struct answer answer = { .bytes = question.bytes };

	memcpy(answer.data, question.data, question.bytes);
	return answer;
}

static bool is_answered(const struct answer *answer)
{
	return question.answered(&question, answer->data, answer->bytes);
}

TEST(each_preset_is_named)
{
	for (size_t i = 0; i < COUNT(presets); i++) {
		assert_true(question_make(&question, presets[i], 9));
		assert_non_null(strstr(question_names, presets[i]));
	}
}

TEST(what_is_no_payload_is_refused)
{
	static const char *const payloads[] = { "",	"frob", "dn", "dnss",
						"DNS",	"1",	"0g", "g0",
						"0x00", " 00" };

	for (size_t i = 0; i < COUNT(payloads); i++)
		assert_false(question_make(&question, payloads[i], 53));
}

TEST(hex_is_read_to_the_last_byte)
{
	static const uint8_t bytes[] = { 0x00, 0xff, 0xab, 0x19 };

	assert_true(question_make(&question, "00fFaB19", 53));

	assert_int_equal(question.bytes, sizeof(bytes));
	assert_memory_equal(question.data, bytes, sizeof(bytes));
}

TEST(hex_has_a_most)
{
	char hex[2 * QUESTION_MOST_BYTES + 3];

	memset(hex, '0', sizeof(hex) - 1);
	hex[sizeof(hex) - 1] = '\0';

	assert_false(question_make(&question, hex, 53));
	hex[sizeof(hex) - 3] = '\0';
	assert_true(question_make(&question, hex, 53));
	assert_int_equal(question.bytes, QUESTION_MOST_BYTES);
}

TEST(the_port_tells_what_is_usual)
{
	static const struct {
		unsigned int port;
		const char *preset;
	} usual[] = { { 53, "dns" },	{ 123, "ntp" }, { 161, "snmp" },
		      { 3478, "stun" }, { 69, "tftp" }, { 7, "echo" } };

	for (size_t i = 0; i < COUNT(usual); i++) {
		struct question named;

		assert_true(question_make(&named, usual[i].preset, 9));
		assert_true(question_make(&question, NULL, usual[i].port));
		assert_int_equal(question.bytes, named.bytes);
		assert_ptr_equal(question.answered, named.answered);
	}
}

TEST(from_any_other_port_anything_is_an_answer)
{
	struct answer answer = { .bytes = 1 };

	assert_true(question_make(&question, NULL, 11211));

	assert_true(is_answered(&answer));
}

/* Or an answer to one would be one to another.  One in 65536 is the same. */
TEST(each_has_an_id_of_its_own)
{
	const int tries = 4;

	for (size_t i = 0; i < COUNT(presets); i++) {
		struct question first;
		int same = 0;

		if (!strcmp(presets[i], "tftp"))
			continue; /* it has none */
		assert_true(question_make(&first, presets[i], 9));
		for (int n = 0; n < tries; n++) {
			assert_true(question_make(&question, presets[i], 9));
			same += !memcmp(first.data, question.data, first.bytes);
		}
		assert_int_not_equal(same, tries);
	}
}

TEST(an_answer_that_ends_early_is_none)
{
	for (size_t i = 0; i < COUNT(presets); i++) {
		struct answer answer;

		assert_true(question_make(&question, presets[i], 9));
		answer = echoed();
		answer.bytes = 3;
		assert_false(is_answered(&answer));
		answer.bytes = 0;
		assert_false(is_answered(&answer));
	}
}

TEST(dns_is_answered_by_its_id_and_a_response)
{
	struct answer answer;

	assert_true(question_make(&question, "dns", 53));
	answer = echoed();
	assert_false(is_answered(&answer));

	answer.data[2] |= 0x80;
	assert_true(is_answered(&answer));
	answer.data[1] ^= 1;
	assert_false(is_answered(&answer));
}

TEST(ntp_is_answered_by_our_transmit_time)
{
	struct answer answer;

	assert_true(question_make(&question, "ntp", 123));
	answer = echoed();
	assert_int_equal(answer.bytes, 48);
	assert_false(is_answered(&answer));

	memcpy(answer.data + 24, question.data + 40, 8);
	assert_true(is_answered(&answer));
}

TEST(snmp_has_right_lengths)
{
	assert_true(question_make(&question, "snmp", 161));

	/* The message, the request in it, and its variables. */
	assert_int_equal(question.data[1], question.bytes - 2);
	assert_int_equal(question.data[14], question.bytes - 15);
	assert_int_equal(question.data[28], question.bytes - 29);
}

TEST(snmp_is_answered_by_its_id)
{
	struct answer answer;

	assert_true(question_make(&question, "snmp", 161));
	answer = echoed();
	/* As when the community is shorter. */
	memmove(answer.data + 4, answer.data + 6, answer.bytes -= 6);
	assert_true(is_answered(&answer));
	answer.data[15] ^= 1;
	assert_false(is_answered(&answer));
}

TEST(tftp_is_answered_by_data_and_by_errors)
{
	struct answer answer = { { 0, 3, 0, 1 }, 4 };

	assert_true(question_make(&question, "tftp", 69));

	assert_true(is_answered(&answer));
	answer.data[1] = 5;
	assert_true(is_answered(&answer));
	answer.data[1] = 1;
	assert_false(is_answered(&answer));
}
