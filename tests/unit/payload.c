/* SPDX-License-Identifier: MIT */
/* What `replyfrom ask` sends, and what it takes for an answer. */
#include "command/payload.h"

#include "unit.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct payload payload;

/* An answer: the request, changed so. */
struct answer {
	uint8_t data[PAYLOAD_MOST_BYTES];
	size_t bytes;
};

static struct sockaddr_in6 at_port(unsigned int port)
{
	const struct sockaddr_in v4 = { .sin_family = AF_INET,
					.sin_port = htons((uint16_t)port),
					.sin_addr = { htonl(0x0a010203) } };
	struct sockaddr_in6 name = { 0 };

	memcpy(&name, &v4, sizeof(v4));
	return name;
}

/* What is sent to a port that has nothing to do with it. */
static void make(const char *text)
{
	const struct sockaddr_in6 to = at_port(9);
	static struct payload choice;

	assert_null(payload_choose(text, &choice));
	assert_true(payload_make(&payload, &choice, &to));
}

static bool make_for_port(unsigned int port)
{
	const struct sockaddr_in6 to = at_port(port);

	return payload_make(&payload, NULL, &to);
}

static struct answer echoed(void)
{
	struct answer answer = { .bytes = payload.bytes };

	memcpy(answer.data, payload.data, payload.bytes);
	return answer;
}

static bool is_answered(const struct answer *answer)
{
	return payload_is_answer(&payload, answer->data, answer->bytes);
}

TEST(each_protocol_is_named)
{
	for (const struct protocol *p = protocols; p->name; p++) {
		make(p->name);
		assert_ptr_equal(payload.protocol, p);
		assert_non_null(strstr(payload_names(), p->name));
		assert_true(payload.bytes > 0);
	}
}

TEST(an_unknown_payload_is_refused)
{
	static const char *const texts[] = {
		"",   "frob", "dn",   "dnss", "DNS",	       "1",
		"0g", "g0",   "0x00", " 00",  "@/no/such/file"
	};
	struct payload choice;

	for (size_t i = 0; i < COUNT(texts); i++)
		assert_non_null(payload_choose(texts[i], &choice));
}

TEST(hex_is_read_to_the_last_byte)
{
	static const uint8_t bytes[] = { 0x00, 0xff, 0xab, 0x19 };

	make("00fFaB19");

	assert_int_equal(payload.bytes, sizeof(bytes));
	assert_memory_equal(payload.data, bytes, sizeof(bytes));
}

TEST(hex_fits_into_one_frame)
{
	char hex[2 * PAYLOAD_MOST_BYTES + 3];
	struct payload choice;

	memset(hex, '0', sizeof(hex) - 1);
	hex[sizeof(hex) - 1] = '\0';

	assert_non_null(payload_choose(hex, &choice));
	hex[sizeof(hex) - 3] = '\0';
	make(hex);
	assert_int_equal(payload.bytes, PAYLOAD_MOST_BYTES);
}

TEST(a_file_is_sent_as_it_is)
{
	char text[] = "@/tmp/replyfrom-payload-XXXXXX";
	const char *path = text + 1;
	int fd = mkstemp(text + 1);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "a\0b", 3), 3);
	make(text);
	(void)close(fd);
	(void)unlink(path);

	assert_int_equal(payload.bytes, 3);
	assert_memory_equal(payload.data, "a\0b", 3);
}

TEST(standard_input_is_sent_as_it_is)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "a\0b", 3), 3);
	(void)close(ends[1]);
	assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
	(void)close(ends[0]);
	make("-");

	assert_int_equal(payload.bytes, 3);
	assert_memory_equal(payload.data, "a\0b", 3);
}

TEST(a_file_that_does_not_fit_is_refused)
{
	struct payload choice;

	assert_string_equal(payload_choose("@/dev/null", &choice), "empty");
	assert_string_equal(payload_choose("@/dev/zero", &choice),
			    "longer than 1472 bytes");
	assert_string_equal(payload_choose("@/", &choice), "Is a directory");
}

TEST(the_port_chooses_the_usual_protocol)
{
	static const struct {
		unsigned int port;
		const char *protocol;
	} usual[] = {
		{ 53, "dns" },		{ 123, "ntp" },	     { 161, "snmp" },
		{ 3478, "stun" },	{ 69, "tftp" },	     { 7, "echo" },
		{ 11211, "memcached" }, { 5060, "sip" },     { 1812, "radius" },
		{ 1813, "radius" },	{ 1194, "openvpn" }, { 500, "ike" },
		{ 4500, "ike-nat" },	{ 5683, "coap" },    { 27015, "a2s" },
		{ 5353, "mdns" },	{ 137, "netbios" },  { 1701, "l2tp" }
	};

	for (size_t i = 0; i < COUNT(usual); i++) {
		assert_true(make_for_port(usual[i].port));
		assert_string_equal(payload.protocol->name, usual[i].protocol);
	}
}

TEST(to_any_other_port_a_line_of_text_is_sent)
{
	struct answer answer = { .bytes = 1 };

	assert_false(make_for_port(9999));

	assert_null(payload.protocol);
	assert_int_equal(payload.data[payload.bytes - 1], '\n');
	/* What its server answers is not known. */
	assert_true(is_answered(&answer));
}

/* Or an answer to one would be one to another.  One in 65536 is the same. */
TEST(each_has_an_id_of_its_own)
{
	static const char *const fixed[] = { "tftp", "a2s", "radius" };
	const int tries = 4;

	for (const struct protocol *p = protocols; p->name; p++) {
		struct payload first;
		int same = 0;
		bool has_none = false;

		for (size_t i = 0; i < COUNT(fixed); i++)
			has_none |= !strcmp(p->name, fixed[i]);
		if (has_none)
			continue;
		make(p->name);
		first = payload;
		for (int n = 0; n < tries; n++) {
			make(p->name);
			same += !memcmp(first.data, payload.data, first.bytes);
		}
		assert_int_not_equal(same, tries);
	}
}

TEST(an_answer_that_ends_early_is_none)
{
	for (const struct protocol *p = protocols; p->name; p++) {
		struct answer answer;

		make(p->name);
		answer = echoed();
		answer.bytes = 3;
		assert_false(is_answered(&answer));
		answer.bytes = 0;
		assert_false(is_answered(&answer));
	}
}

/* But echo's: it comes from a server that only sends back what it gets. */
TEST(the_request_itself_is_no_answer)
{
	/* Their answers have the same form as requests. */
	static const char *const alike[] = { "echo", "stun",	  "snmp",
					     "coap", "memcached", "radius" };

	for (const struct protocol *p = protocols; p->name; p++) {
		struct answer answer;
		bool is_alike = false;

		for (size_t i = 0; i < COUNT(alike); i++)
			is_alike |= !strcmp(p->name, alike[i]);
		make(p->name);
		answer = echoed();
		assert_int_equal(is_answered(&answer), is_alike);
	}
}

TEST(mdns_asks_for_the_name_of_the_address)
{
	static const char v4[] = "\0013\0012\0011\00210\7in-addr\4arpa";
	struct sockaddr_in6 to = { .sin6_family = AF_INET6 };
	struct payload choice;

	make("mdns");
	assert_memory_equal(payload.data + 12, v4, sizeof(v4));

	assert_int_equal(inet_pton(AF_INET6, "fd01::2", &to.sin6_addr), 1);
	assert_null(payload_choose("mdns", &choice));
	assert_true(payload_make(&payload, &choice, &to));
	assert_memory_equal(payload.data + 12, "\0012\0010\0010", 6);
	assert_memory_equal(payload.data + 12 + 64, "\3ip6\4arpa", 10);
}

TEST(lengths_in_requests_are_right)
{
	make("ike");
	assert_int_equal(payload.bytes, 152);
	make("ike-nat");
	assert_int_equal(payload.bytes, 156);
	make("l2tp");
	assert_int_equal(payload.data[3], payload.bytes);
	make("radius");
	assert_int_equal(payload.data[3], payload.bytes);
	make("netbios");
	assert_int_equal(payload.bytes, 50);
}

TEST(dns_is_answered_by_its_id_and_a_response)
{
	struct answer answer;

	make("dns");
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

	make("ntp");
	answer = echoed();
	assert_int_equal(answer.bytes, 48);
	assert_false(is_answered(&answer));

	memcpy(answer.data + 24, payload.data + 40, 8);
	assert_true(is_answered(&answer));
}

/* Answers as servers begin them, all else being ours. */
TEST(an_answer_to_another_request_is_none)
{
	static const struct {
		const char *name;
		size_t at;
		const char *text;
		size_t bytes;
		size_t id_at;
	} cases[] = { { "sip", 0, "SIP/2.0 200 OK", 14, 80 },
		      { "openvpn", 0, "\x40", 1, 1 },
		      { "ike", 19, "\x20", 1, 0 },
		      { "ike-nat", 23, "\x20", 1, 4 } };

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct answer answer;

		make(cases[i].name);
		answer = echoed();
		memcpy(answer.data + cases[i].at, cases[i].text,
		       cases[i].bytes);
		assert_true(is_answered(&answer));
		answer.data[cases[i].id_at] ^= 1;
		assert_false(is_answered(&answer));
	}
}

TEST(snmp_has_right_lengths)
{
	make("snmp");

	/* The message, the request in it, and its variables. */
	assert_int_equal(payload.data[1], payload.bytes - 2);
	assert_int_equal(payload.data[14], payload.bytes - 15);
	assert_int_equal(payload.data[28], payload.bytes - 29);
}

TEST(snmp_is_answered_by_its_id)
{
	struct answer answer;

	make("snmp");
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

	make("tftp");

	assert_true(is_answered(&answer));
	answer.data[1] = 5;
	assert_true(is_answered(&answer));
	answer.data[1] = 1;
	assert_false(is_answered(&answer));
}
