/* SPDX-License-Identifier: MIT */
/* A request of each well-known UDP protocol, and how its answer is recognized.
 */
#include "command/protocol.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

/* For transaction ids, which need to differ but not to be secret. */
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

static bool has(const uint8_t *answer, size_t bytes, const uint8_t *part,
		size_t part_bytes)
{
	return memmem(answer, bytes, part, part_bytes) != NULL;
}

static void set(struct payload *q, const void *data, size_t bytes)
{
	memcpy(q->data, data, bytes);
	q->bytes = bytes;
}

static void append_bytes(struct payload *q, const void *data, size_t bytes)
{
	memcpy(q->data + q->bytes, data, bytes);
	q->bytes += bytes;
}

static void append_hex_id(struct payload *q)
{
	uint8_t id[8];

	draw(id, sizeof(id));
	for (size_t i = 0; i < sizeof(id); i++)
		q->data[q->bytes++] = (uint8_t)("0123456789abcdef"[id[i] & 15]);
}

/* RFC 862; any other server gets it as a line of text. */
static void make_echo(struct payload *q, const struct sockaddr_in6 *to)
{
	(void)to;
	set(q, "replyfrom ", 10);
	append_hex_id(q);
	append_bytes(q, "\n", 1);
}

static bool answers_echo(const struct payload *q, const uint8_t *answer,
			 size_t bytes)
{
	return bytes == q->bytes && !memcmp(answer, q->data, bytes);
}

/* RFC 1035 section 4: the name servers of the root, recursion desired. */
static void make_dns(struct payload *q, const struct sockaddr_in6 *to)
{
	static const uint8_t query[] = { 0, 0, 1, 0, 0, 1, 0, 0, 0,
					 0, 0, 0, 0, 0, 2, 0, 1 };

	(void)to;
	set(q, query, sizeof(query));
	draw(q->data, 2);
}

/* Also of its relatives: an id, and the bit of a response. */
static bool answers_dns(const struct payload *q, const uint8_t *answer,
			size_t bytes)
{
	return bytes >= 12 && answer[2] & 0x80 &&
	       has_at(answer, bytes, 0, q->data, 2);
}

/* The address as a name: 2.2.1.10.in-addr.arpa. */
static void append_reverse_name(struct payload *q,
				const struct sockaddr_in6 *to)
{
	const struct sockaddr_in *v4 = (const void *)to;
	const uint8_t *byte = (const uint8_t *)&v4->sin_addr;

	if (to->sin6_family == AF_INET6) {
		for (int i = 15; i >= 0; i--)
			q->bytes += (size_t)sprintf(
				(char *)q->data + q->bytes, "\1%x\1%x",
				to->sin6_addr.s6_addr[i] & 15,
				to->sin6_addr.s6_addr[i] >> 4);
		append_bytes(q, "\3ip6\4arpa", 10);
		return;
	}
	for (int i = 3; i >= 0; i--) {
		const int digits =
			sprintf((char *)q->data + q->bytes + 1, "%u", byte[i]);

		q->data[q->bytes] = (uint8_t)digits;
		q->bytes += (size_t)digits + 1;
	}
	append_bytes(q, "\7in-addr\4arpa", 14);
}

/*
 * RFC 6762 section 6.7: a query from another port than 5353 is answered by
 * unicast.  Each responder knows the name of its own address.
 */
static void make_mdns(struct payload *q, const struct sockaddr_in6 *to)
{
	static const uint8_t header[] = { 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0 };
	static const uint8_t ptr_in[] = { 0, 12, 0, 1 };

	set(q, header, sizeof(header));
	draw(q->data, 2);
	append_reverse_name(q, to);
	append_bytes(q, ptr_in, sizeof(ptr_in));
}

/* RFC 1002 section 4.2.17: the node status of any name. */
static void make_netbios(struct payload *q, const struct sockaddr_in6 *to)
{
	static const uint8_t query[] = "\0\0\0\0\0\1\0\0\0\0\0\0\x20"
				       "CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
				       "\0\0\x21\0\1";

	(void)to;
	set(q, query, sizeof(query) - 1);
	draw(q->data, 2);
}

/* RFC 5905 figure 8: version 4, a client; the answer has our transmit time. */
static void make_ntp(struct payload *q, const struct sockaddr_in6 *to)
{
	static const uint8_t query[48] = { 0x23 };

	(void)to;
	set(q, query, sizeof(query));
	draw(q->data + 40, 8);
}

static bool answers_ntp(const struct payload *q, const uint8_t *answer,
			size_t bytes)
{
	return bytes >= 48 && has_at(answer, bytes, 24, q->data + 40, 8);
}

/* RFC 3416 section 3: SNMPv2c, community "public", get sysUpTime.0. */
enum { SNMP_ID_AT = 17, SNMP_ID_BYTES = 4 };

static void make_snmp(struct payload *q, const struct sockaddr_in6 *to)
{
	static const uint8_t query[] =
		"\x30\x29\x02\x01\x01\x04\x06public\xa0\x1c\x02\x04....\x02\x01"
		"\x00\x02\x01\x00\x30\x0e\x30\x0c\x06\x08\x2b\x06\x01\x02\x01"
		"\x01\x03\x00\x05";

	(void)to;
	/* Its last byte, the length of a null, is the literal's. */
	set(q, query, sizeof(query));
	draw(q->data + SNMP_ID_AT, SNMP_ID_BYTES);
	/* Neither negative nor to be shortened. */
	q->data[SNMP_ID_AT] = 0x40;
}

static bool answers_snmp(const struct payload *q, const uint8_t *answer,
			 size_t bytes)
{
	return has(answer, bytes, q->data + SNMP_ID_AT, SNMP_ID_BYTES);
}

/* RFC 5389 section 6: a binding request. */
static void make_stun(struct payload *q, const struct sockaddr_in6 *to)
{
	static const uint8_t query[20] = { 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42 };

	(void)to;
	set(q, query, sizeof(query));
	draw(q->data + 8, 12);
}

static bool answers_stun(const struct payload *q, const uint8_t *answer,
			 size_t bytes)
{
	return has_at(answer, bytes, 4, q->data + 4, 16);
}

/* RFC 1350: a file that is not there; an error is an answer, and the end. */
static void make_tftp(struct payload *q, const struct sockaddr_in6 *to)
{
	static const char query[] = "\0\1replyfrom-asks\0octet";

	(void)to;
	set(q, query, sizeof(query));
}

static bool answers_tftp(const struct payload *q, const uint8_t *answer,
			 size_t bytes)
{
	(void)q;
	return bytes >= 4 && !answer[0] && (answer[1] == 3 || answer[1] == 5);
}

/* memcached's doc/protocol.txt, "UDP protocol": request id, one datagram. */
static void make_memcached(struct payload *q, const struct sockaddr_in6 *to)
{
	(void)to;
	set(q, "\0\0\0\0\0\1\0\0version\r\n", 17);
	draw(q->data, 2);
}

static bool answers_memcached(const struct payload *q, const uint8_t *answer,
			      size_t bytes)
{
	return bytes > 8 && has_at(answer, bytes, 0, q->data, 2);
}

/* RFC 3261 section 11, and RFC 3581: rport has it answer where it came from. */
enum { SIP_ID_AT = 80, SIP_ID_BYTES = 8 };

static void make_sip(struct payload *q, const struct sockaddr_in6 *to)
{
	static const char before[] = "OPTIONS sip:replyfrom@replyfrom.invalid "
				     "SIP/2.0\r\n"
				     "Max-Forwards: 1\r\n"
				     "Call-ID: .....";
	static const char after[] =
		"\r\n"
		"Via: SIP/2.0/UDP "
		"replyfrom.invalid;rport;branch=z9hG4bKreply\r\n"
		"From: <sip:ask@replyfrom.invalid>;tag=ask\r\n"
		"To: <sip:replyfrom@replyfrom.invalid>\r\n"
		"CSeq: 1 OPTIONS\r\n"
		"Contact: <sip:ask@replyfrom.invalid>\r\n"
		"Content-Length: 0\r\n"
		"\r\n";

	(void)to;
	set(q, before, sizeof(before) - 1);
	append_hex_id(q);
	append_bytes(q, after, sizeof(after) - 1);
}

static bool answers_sip(const struct payload *q, const uint8_t *answer,
			size_t bytes)
{
	return has_at(answer, bytes, 0, (const uint8_t *)"SIP/2.0 ", 8) &&
	       has(answer, bytes, q->data + SIP_ID_AT, SIP_ID_BYTES);
}

/*
 * RFC 5997: a Status-Server request.  Its Message-Authenticator (RFC 3579
 * section 3.2) is that of the secret "testing123", which is the usual example;
 * as all else in it is fixed, so is that.
 */
static void make_radius(struct payload *q, const struct sockaddr_in6 *to)
{
	static const uint8_t request[] = {
		0x0c, 0x72, 0x00, 0x26, 0x72, 0x65, 0x70, 0x6c, 0x79, 0x66,
		0x72, 0x6f, 0x6d, 0x2d, 0x73, 0x74, 0x61, 0x74, 0x75, 0x73,
		0x50, 0x12, 0x31, 0x5c, 0x8b, 0x76, 0xe7, 0xe5, 0x30, 0x9c,
		0x5b, 0x15, 0x12, 0xe7, 0x07, 0x55, 0x1a, 0x70
	};

	(void)to;
	set(q, request, sizeof(request));
}

static bool answers_radius(const struct payload *q, const uint8_t *answer,
			   size_t bytes)
{
	return bytes >= 20 && answer[1] == q->data[1];
}

/* P_CONTROL_HARD_RESET_CLIENT_V2: session id, no acknowledgements, packet 0. */
static void make_openvpn(struct payload *q, const struct sockaddr_in6 *to)
{
	static const uint8_t reset[14] = { 0x38 };

	(void)to;
	set(q, reset, sizeof(reset));
	draw(q->data + 1, 8);
}

/* P_CONTROL_HARD_RESET_SERVER_V2 acknowledges our session. */
static bool answers_openvpn(const struct payload *q, const uint8_t *answer,
			    size_t bytes)
{
	return bytes >= 14 && answer[0] == 0x40 &&
	       has(answer, bytes, q->data + 1, 8);
}

/*
 * RFC 7296 section 1.2: IKE_SA_INIT, with AES-CBC, HMAC-SHA-256 and Curve25519
 * (RFC 8031).  A server that wants something else says so, which is an answer.
 */
enum { IKE_FLAGS_AT = 19, IKE_RESPONSE = 0x20, IKE_SPI_BYTES = 8 };

static void make_ike(struct payload *q, const struct sockaddr_in6 *to)
{
	static const uint8_t header[28] = {
		[16] = 33, 0x20, 34, 0x08, [27] = 152
	};
	static const uint8_t proposals[] = {
		34, 0, 0, 48, 0,    0,	0, 44,	1, 1, 0, 4, 3, 0, 0, 12,
		1,  0, 0, 12, 0x80, 14, 0, 128, 3, 0, 0, 8, 2, 0, 0, 5,
		3,  0, 0, 8,  3,    0,	0, 12,	0, 0, 0, 8, 4, 0, 0, 31,
	};
	static const uint8_t key[] = { 40, 0, 0, 40, 0, 31, 0, 0 };
	static const uint8_t nonce[] = { 0, 0, 0, 36 };

	(void)to;
	set(q, header, sizeof(header));
	draw(q->data, IKE_SPI_BYTES);
	append_bytes(q, proposals, sizeof(proposals));
	append_bytes(q, key, sizeof(key));
	draw(q->data + q->bytes, 32);
	q->bytes += 32;
	append_bytes(q, nonce, sizeof(nonce));
	draw(q->data + q->bytes, 32);
	q->bytes += 32;
}

static bool answers_ike(const struct payload *q, const uint8_t *answer,
			size_t bytes)
{
	return bytes >= 28 && answer[IKE_FLAGS_AT] & IKE_RESPONSE &&
	       has_at(answer, bytes, 0, q->data, IKE_SPI_BYTES);
}

/* RFC 3948 section 2.2: on port 4500 four zero bytes stand before IKE. */
enum { NAT_MARK_BYTES = 4 };

static void make_ike_nat(struct payload *q, const struct sockaddr_in6 *to)
{
	make_ike(q, to);
	memmove(q->data + NAT_MARK_BYTES, q->data, q->bytes);
	memset(q->data, 0, NAT_MARK_BYTES);
	q->bytes += NAT_MARK_BYTES;
}

static bool answers_ike_nat(const struct payload *q, const uint8_t *answer,
			    size_t bytes)
{
	return bytes >= NAT_MARK_BYTES + 28 &&
	       answer[NAT_MARK_BYTES + IKE_FLAGS_AT] & IKE_RESPONSE &&
	       has_at(answer, bytes, 0, q->data,
		      NAT_MARK_BYTES + IKE_SPI_BYTES);
}

/* RFC 7252, and RFC 6690 section 4: GET /.well-known/core, confirmable. */
static void make_coap(struct payload *q, const struct sockaddr_in6 *to)
{
	(void)to;
	set(q,
	    "\x40\x01\0\0\xbb.well-known\x04"
	    "core",
	    21);
	draw(q->data + 2, 2);
}

static bool answers_coap(const struct payload *q, const uint8_t *answer,
			 size_t bytes)
{
	return bytes >= 4 && answer[0] >> 6 == 1 &&
	       has_at(answer, bytes, 2, q->data + 2, 2);
}

/* Valve's "Server queries": A2S_INFO; a challenge is an answer, too. */
static void make_a2s(struct payload *q, const struct sockaddr_in6 *to)
{
	(void)to;
	set(q, "\xff\xff\xff\xffTSource Engine Query", 25);
}

static bool answers_a2s(const struct payload *q, const uint8_t *answer,
			size_t bytes)
{
	return bytes >= 5 && has_at(answer, bytes, 0, q->data, 4) &&
	       strchr("IAm", answer[4]) && answer[4];
}

/* RFC 2661 section 6.1: SCCRQ, with a tunnel id of our own. */
static void make_l2tp(struct payload *q, const struct sockaddr_in6 *to)
{
	static const uint8_t request[] =
		"\xc8\x02\0\x3c\0\0\0\0\0\0\0\0" /* its length: 60 */
		"\x80\x08\0\0\0\0\0\1"		 /* message type: SCCRQ */
		"\x80\x08\0\0\0\2\1\0"		 /* protocol version 1.0 */
		"\x80\x0a\0\0\0\3\0\0\0\3"	 /* framing capabilities */
		"\x80\x0f\0\0\0\7replyfrom"	 /* host name */
		"\x80\x08\0\0\0\x09";		 /* assigned tunnel id */

	(void)to;
	set(q, request, sizeof(request) - 1);
	q->bytes += 2;
	q->data[3] = (uint8_t)q->bytes;
	draw(q->data + q->bytes - 2, 2);
	q->data[q->bytes - 1] |= 1; /* 0 is none */
}

static bool answers_l2tp(const struct payload *q, const uint8_t *answer,
			 size_t bytes)
{
	return bytes >= 12 && answer[0] & 0x80 && (answer[1] & 15) == 2 &&
	       has_at(answer, bytes, 4, q->data + q->bytes - 2, 2);
}

const struct protocol protocols[] = {
	{ "echo", { 7, 0 }, make_echo, answers_echo },
	{ "dns", { 53, 0 }, make_dns, answers_dns },
	{ "ntp", { 123, 0 }, make_ntp, answers_ntp },
	{ "snmp", { 161, 0 }, make_snmp, answers_snmp },
	{ "stun", { 3478, 0 }, make_stun, answers_stun },
	{ "tftp", { 69, 0 }, make_tftp, answers_tftp },
	{ "memcached", { 11211, 0 }, make_memcached, answers_memcached },
	{ "sip", { 5060, 0 }, make_sip, answers_sip },
	{ "radius", { 1812, 1813 }, make_radius, answers_radius },
	{ "openvpn", { 1194, 0 }, make_openvpn, answers_openvpn },
	{ "ike", { 500, 0 }, make_ike, answers_ike },
	{ "ike-nat", { 4500, 0 }, make_ike_nat, answers_ike_nat },
	{ "coap", { 5683, 0 }, make_coap, answers_coap },
	{ "a2s", { 27015, 0 }, make_a2s, answers_a2s },
	{ "mdns", { 5353, 0 }, make_mdns, answers_dns },
	{ "netbios", { 137, 0 }, make_netbios, answers_dns },
	{ "l2tp", { 1701, 0 }, make_l2tp, answers_l2tp },
	{ .name = NULL },
};
