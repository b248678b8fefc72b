/* SPDX-License-Identifier: MIT */
/* How received control messages, options and addresses are handed over. */
#include "lab.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <string.h>

/* What recvmsg(2) put into a control buffer of a certain size. */
struct cut {
	_Alignas(struct cmsghdr) unsigned char control[256];
	size_t bytes;
	int flags;
};

/* Receives with so much room for control messages. */
static struct cut take_with(int fd, size_t room)
{
	char data[8];
	struct iovec iov = { .iov_base = data, .iov_len = sizeof(data) };
	struct cut cut = { 0 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = cut.control,
		.msg_controllen = room,
	};

	assert_int_equal(recvmsg(fd, &msg, 0), 1);
	cut.bytes = msg.msg_controllen;
	cut.flags = msg.msg_flags;
	return cut;
}

static int server_that_wants_tos(void)
{
	int server = lab_server(AF_INET);

	lab_set(server, IPPROTO_IP, IP_RECVTOS, 1);
	return server;
}

/* Fact 6: the application's control buffer. */

TEST(the_tos_fits_a_buffer_for_one_message)
{
	int client = lab_client("10.1.2.5"), server = server_that_wants_tos();
	const size_t room = CMSG_SPACE(sizeof(unsigned char));
	struct cmsghdr c;
	struct cut cut;

	lab_ask(client, "10.1.2.3", server);
	cut = take_with(server, room);
	memcpy(&c, cut.control, sizeof(c));

	assert_int_equal(c.cmsg_type, IP_TOS);
	assert_int_equal(cut.bytes, room);
	assert_false(cut.flags & MSG_CTRUNC);
}

TEST(pktinfo_takes_the_room_and_the_tos_is_lost)
{
	int client = lab_client("10.1.2.5"), server = server_that_wants_tos();
	struct cmsghdr c;
	struct cut cut;

	lab_set(server, IPPROTO_IP, IP_PKTINFO, 1);
	lab_ask(client, "10.1.2.3", server);
	cut = take_with(server, CMSG_SPACE(sizeof(unsigned char)));
	memcpy(&c, cut.control, sizeof(c));

	assert_int_equal(c.cmsg_type, IP_PKTINFO);
	assert_true(cut.flags & MSG_CTRUNC);
}

TEST(a_partial_last_message_keeps_its_shortened_length)
{
	int client = lab_client("10.1.2.5"), server = lab_server(AF_INET);
	const size_t room = CMSG_LEN(sizeof(struct in_pktinfo)) - 2;
	struct cmsghdr c;
	struct cut cut;

	lab_set(server, IPPROTO_IP, IP_PKTINFO, 1);
	lab_ask(client, "10.1.2.3", server);
	cut = take_with(server, room);
	memcpy(&c, cut.control, sizeof(c));

	assert_int_equal(c.cmsg_type, IP_PKTINFO);
	assert_int_equal(c.cmsg_len, room);
	assert_int_equal(cut.bytes, room);
	assert_true(cut.flags & MSG_CTRUNC);
	/* What of ipi_addr came in time: two bytes. */
	assert_memory_equal(cut.control + room - 2, "\x0a\x01", 2);
	assert_int_equal(cut.control[room], 0);
}

TEST(without_room_for_a_header_there_is_only_MSG_CTRUNC)
{
	int client = lab_client("10.1.2.5"), server = lab_server(AF_INET);
	struct cut cut;

	lab_set(server, IPPROTO_IP, IP_PKTINFO, 1);
	lab_ask(client, "10.1.2.3", server);
	cut = take_with(server, sizeof(struct cmsghdr) - 1);

	assert_int_equal(cut.bytes, 0);
	assert_true(cut.flags & MSG_CTRUNC);
}

/* Fact 7: the error queue. */

TEST(an_error_report_carries_an_ip_pktinfo_without_source)
{
	int client = lab_client("10.1.2.5"), server = lab_server(AF_INET);
	const struct sock_extended_err *error;
	const struct in_pktinfo *info;
	struct datagram got;

	lab_set(server, IPPROTO_IP, IP_PKTINFO, 1);
	lab_set(server, IPPROTO_IP, IP_RECVERR, 1);
	lab_ask(client, "10.1.2.3", server);
	got = lab_take(server, 0);
	lab_close_one(client);
	assert_int_equal(lab_answer(server, &got, "10.1.2.3", 0), 0);
	got = lab_take(server, MSG_ERRQUEUE);
	error = lab_find(&got, IPPROTO_IP, IP_RECVERR);
	info = lab_find(&got, IPPROTO_IP, IP_PKTINFO);

	assert_non_null(error);
	assert_int_equal(error->ee_errno, ECONNREFUSED);
	assert_non_null(info);
	assert_address(info->ipi_spec_dst, "0.0.0.0");
	assert_address(info->ipi_addr, "10.1.2.3");
}

TEST(an_ipv6_error_report_carries_an_ipv6_pktinfo)
{
	int client = lab_client("fd01:2::5"), server = lab_server(AF_INET6);
	struct datagram got;

	lab_set(server, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	lab_set(server, IPPROTO_IPV6, IPV6_RECVERR, 1);
	lab_ask(client, "fd01:2::3", server);
	got = lab_take(server, 0);
	lab_close_one(client);
	assert_int_equal(lab_answer(server, &got, "fd01:2::3", 0), 0);
	got = lab_take(server, MSG_ERRQUEUE);

	assert_true(got.flags & MSG_ERRQUEUE);
	assert_non_null(lab_find(&got, IPPROTO_IPV6, IPV6_RECVERR));
	assert_non_null(lab_find(&got, IPPROTO_IPV6, IPV6_PKTINFO));
}

/* Fact 10: options. */

static int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t bytes = sizeof(value);

	assert_int_equal(getsockopt(fd, level, name, &value, &bytes), 0);
	assert_int_equal(bytes, sizeof(value));
	return value;
}

TEST(getsockopt_shows_whoever_asks_that_pktinfo_is_on)
{
	int server = lab_server(AF_INET6);

	assert_int_equal(option(server, IPPROTO_IP, IP_PKTINFO), 0);
	assert_int_equal(option(server, IPPROTO_IPV6, IPV6_RECVPKTINFO), 0);
	lab_set(server, IPPROTO_IP, IP_PKTINFO, 7);
	lab_set(server, IPPROTO_IPV6, IPV6_RECVPKTINFO, 7);
	assert_int_equal(option(server, IPPROTO_IP, IP_PKTINFO), 1);
	assert_int_equal(option(server, IPPROTO_IPV6, IPV6_RECVPKTINFO), 1);
}

TEST(getsockopt_answers_in_one_byte_when_there_is_no_room)
{
	int server = lab_server(AF_INET);
	unsigned char value[4] = { 0xaa, 0xaa, 0xaa, 0xaa };
	socklen_t bytes = 3;

	lab_set(server, IPPROTO_IP, IP_PKTINFO, 1);

	assert_int_equal(
		getsockopt(server, IPPROTO_IP, IP_PKTINFO, value, &bytes), 0);
	assert_int_equal(bytes, 1);
	assert_memory_equal(value, "\x01\xaa\xaa\xaa", 4);
}

TEST(getsockopt_for_ipv6_answers_in_as_many_as_there_are)
{
	int server = lab_server(AF_INET6);
	unsigned char value[4] = { 0xaa, 0xaa, 0xaa, 0xaa };
	socklen_t bytes = 3;

	lab_set(server, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);

	assert_int_equal(getsockopt(server, IPPROTO_IPV6, IPV6_RECVPKTINFO,
				    value, &bytes),
			 0);
	assert_int_equal(bytes, 3);
	assert_memory_equal(value, "\x01\x00\x00\xaa", 4);
}

/* Fact 11: the length of the peer's address. */

TEST(recvfrom_fills_what_fits_and_reports_the_whole_length)
{
	int client = lab_client("10.1.2.5"), server = lab_server(AF_INET);
	unsigned char name[sizeof(struct sockaddr_in)];
	socklen_t bytes = 6;
	char data[8];

	memset(name, 0xaa, sizeof(name));
	lab_ask(client, "10.1.2.3", server);

	assert_int_equal(recvfrom(server, data, sizeof(data), 0,
				  (struct sockaddr *)name, &bytes),
			 1);
	assert_int_equal(bytes, sizeof(struct sockaddr_in));
	/* Family, port, the first half of the address, and no more. */
	assert_memory_equal(name + 4, "\x0a\x01\xaa\xaa", 4);
}

TEST(a_negative_length_is_EINVAL_after_the_datagram_went)
{
	int client = lab_client("10.1.2.5"), server = lab_server(AF_INET);
	struct sockaddr_in name;
	socklen_t bytes = (socklen_t)-1;
	char data[8] = "";

	lab_ask(client, "10.1.2.3", server);

	assert_int_equal(recvfrom(server, data, sizeof(data), 0,
				  (struct sockaddr *)&name, &bytes),
			 -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(data[0], '?');
	lab_assert_nothing(server);
}

TEST(recvmsg_minds_a_negative_length_before_it_receives)
{
	int client = lab_client("10.1.2.5"), server = lab_server(AF_INET);
	struct sockaddr_in name;
	char data[8] = "";
	struct iovec iov = { .iov_base = data, .iov_len = sizeof(data) };
	struct msghdr msg = {
		.msg_name = &name,
		.msg_namelen = (socklen_t)-1,
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};

	lab_ask(client, "10.1.2.3", server);

	assert_int_equal(recvmsg(server, &msg, 0), -1);
	assert_int_equal(errno, EINVAL);
	lab_take(server, 0);
}
