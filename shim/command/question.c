/* SPDX-License-Identifier: MIT */
/* Makes questions of UDP's usual protocols, and knows answers to them. */
#include "command/question.h"

#include <string.h>
#include <sys/random.h>

/* Not for secrets: a second question shall not get the first one's answer. */
static void draw(uint8_t *id, size_t bytes)
{
	(void)!getrandom(id, bytes, GRND_NONBLOCK);
}

static bool has_at(const uint8_t *answer, size_t bytes, size_t at,
		   const uint8_t *part, size_t part_bytes)
{
	return bytes >= at + part_bytes &&
	       !memcmp(answer + at, part, part_bytes);
}

static void set(struct question *q, const void *data, size_t bytes)
{
	memcpy(q->data, data, bytes);
	q->bytes = bytes;
}

/* RFC 1035 section 4: the name servers of the root, recursion desired. */
static void make_dns(struct question *q)
{
	static const uint8_t query[] = { 0, 0, 1, 0, 0, 1, 0, 0, 0,
					 0, 0, 0, 0, 0, 2, 0, 1 };

	set(q, query, sizeof(query));
	draw(q->data, 2);
}

static bool answers_dns(const struct question *q, const uint8_t *answer,
			size_t bytes)
{
	return bytes >= 12 && answer[2] & 0x80 &&
	       has_at(answer, bytes, 0, q->data, 2);
}

/* RFC 5905 figure 8: version 4, a client; the answer has our transmit time. */
static void make_ntp(struct question *q)
{
	static const uint8_t query[48] = { 0x23 };

	set(q, query, sizeof(query));
	draw(q->data + 40, 8);
}

static bool answers_ntp(const struct question *q, const uint8_t *answer,
			size_t bytes)
{
	return bytes >= 48 && has_at(answer, bytes, 24, q->data + 40, 8);
}

/* RFC 3416 section 3: SNMPv2c, community "public", get sysUpTime.0. */
enum { SNMP_ID_AT = 17, SNMP_ID_BYTES = 4 };

static void make_snmp(struct question *q)
{
	static const uint8_t query[] =
		"\x30\x29\x02\x01\x01\x04\x06public\xa0\x1c\x02\x04....\x02\x01"
		"\x00\x02\x01\x00\x30\x0e\x30\x0c\x06\x08\x2b\x06\x01\x02\x01"
		"\x01\x03\x00\x05";

	/* Its last byte, the length of a null, is the literal's. */
	set(q, query, sizeof(query));
	draw(q->data + SNMP_ID_AT, SNMP_ID_BYTES);
	/* Neither negative nor to be shortened. */
	q->data[SNMP_ID_AT] = 0x40;
}

static bool answers_snmp(const struct question *q, const uint8_t *answer,
			 size_t bytes)
{
	for (size_t at = 0; at < bytes; at++)
		if (has_at(answer, bytes, at, q->data + SNMP_ID_AT,
			   SNMP_ID_BYTES))
			return true;
	return false;
}

/* RFC 5389 section 6: a binding request. */
static void make_stun(struct question *q)
{
	static const uint8_t query[20] = { 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42 };

	set(q, query, sizeof(query));
	draw(q->data + 8, 12);
}

static bool answers_stun(const struct question *q, const uint8_t *answer,
			 size_t bytes)
{
	return has_at(answer, bytes, 4, q->data + 4, 16);
}

/* RFC 1350: a file that is not there; an error is an answer, and the end. */
static void make_tftp(struct question *q)
{
	static const char query[] = "\0\1replyfrom-asks\0octet";

	set(q, query, sizeof(query));
}

static bool answers_tftp(const struct question *q, const uint8_t *answer,
			 size_t bytes)
{
	(void)q;
	return bytes >= 4 && !answer[0] && (answer[1] == 3 || answer[1] == 5);
}

static void make_echo(struct question *q)
{
	uint8_t id[8];

	draw(id, sizeof(id));
	set(q, "replyfrom ", 10);
	for (size_t i = 0; i < sizeof(id); i++)
		q->data[q->bytes++] = (uint8_t)("0123456789abcdef"[id[i] & 15]);
	q->data[q->bytes++] = '\n';
}

static bool answers_echo(const struct question *q, const uint8_t *answer,
			 size_t bytes)
{
	return bytes == q->bytes && !memcmp(answer, q->data, bytes);
}

static bool answers_any(const struct question *q, const uint8_t *answer,
			size_t bytes)
{
	(void)q;
	(void)answer;
	(void)bytes;
	return true;
}

static const struct {
	const char *name;
	unsigned int port;
	void (*make)(struct question *question);
	bool (*answered)(const struct question *question, const uint8_t *answer,
			 size_t bytes);
} presets[] = {
	{ "dns", 53, make_dns, answers_dns },
	{ "ntp", 123, make_ntp, answers_ntp },
	{ "snmp", 161, make_snmp, answers_snmp },
	{ "stun", 3478, make_stun, answers_stun },
	{ "tftp", 69, make_tftp, answers_tftp },
	/* The last is what is sent to any other port. */
	{ "echo", 7, make_echo, answers_echo },
};

const char question_names[] = "dns, ntp, snmp, stun, tftp, echo";

static int digit(char c)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	const char *at = c ? strchr(digits, c) : NULL;

	if (!at)
		return -1;
	return (int)(at - digits) - (at - digits > 15 ? 6 : 0);
}

static bool read_hex(struct question *q, const char *hex)
{
	q->bytes = 0;
	for (; *hex; hex += 2) {
		int high = digit(hex[0]);
		int low = high < 0 ? -1 : digit(hex[1]);

		if (low < 0 || q->bytes == sizeof(q->data))
			return false;
		q->data[q->bytes++] = (uint8_t)(high << 4 | low);
	}
	q->answered = answers_any;
	return q->bytes > 0;
}

bool question_make(struct question *q, const char *payload, unsigned int port)
{
	const size_t last = sizeof(presets) / sizeof(*presets) - 1;

	for (size_t i = 0; i <= last; i++) {
		const bool known = payload ? !strcmp(payload, presets[i].name)
					   : port == presets[i].port;

		if (!known && (payload || i < last))
			continue;
		presets[i].make(q);
		/* What comes back from any other port is not known. */
		q->answered = known ? presets[i].answered : answers_any;
		return true;
	}
	return read_hex(q, payload);
}
