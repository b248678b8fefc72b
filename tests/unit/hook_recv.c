/* SPDX-License-Identifier: MIT */
/* What the application gets when it receives, and what is remembered of it. */
#include "address.h"
#include "base/real.h"
#include "clock.h"
#include "control.h"
#include "kernel.h"
#include "memory.h"
#include "settings.h"
#include "state/peers.h"
#include "state/peers_open.h"
#include "state/sock.h"
#include "story.h"
#include "unit.h"

#include <errno.h>
#include <limits.h>
#include <net/ethernet.h>
#include <netpacket/packet.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>

ssize_t __read(int fd, void *buf, size_t len);

enum { FD = 5, OTHER_FD = 6, UNTOUCHED = 0xa5 };

/* Bit 31, which is none of the flags. */
static const int odd_flags = INT_MIN;

/* Of the socket at FD. */
static uint64_t id;

static struct address peer;

/* A socket of ours at FD, of this family. */
static void open_ours(int domain)
{
	sock_forget(FD);
	kernel_socket(FD, domain, SOCK_DGRAM, 0);
	kernel_bound(FD, domain == AF_INET ? v4("0.0.0.0", 53) : v6("::", 53));
	assert_non_null(sock_probe(FD));
	id = sock_known(FD)->id;
	(void)kernel_calls();
}

BEFORE_EACH(one_ipv4_socket)
{
	memory_reset();
	settings_reset();
	peers_reset(1000, 120);
	peers_drained();
	sock_forget_range(0, ~0U);
	kernel_boot();
	open_ours(AF_INET);
	peer = v4("192.0.2.9", 5300);
}

/* `peer` asks `local`: a datagram waits. */
static struct datagram *arrive(const char *local, const char *payload)
{
	struct datagram *datagram = kernel_datagram(peer, payload);

	if (strchr(local, ':'))
		control_add_v6(&datagram->control, local, 3);
	else
		control_add_v4(&datagram->control, local, local, 3);
	return datagram;
}

/* What real.recvmsg was called with last. */
static struct msghdr seen;
static struct iovec seen_iov;
static int seen_flags;
static ssize_t (*recvmsg_behind_spy)(int, struct msghdr *, int);

static ssize_t spy(int fd, struct msghdr *msg, int flags)
{
	seen = *msg;
	seen_iov = msg->msg_iovlen ? *msg->msg_iov : (struct iovec){ 0 };
	seen_flags = flags;
	return recvmsg_behind_spy(fd, msg, flags);
}

static void spy_on_recvmsg(void)
{
	recvmsg_behind_spy = real.recvmsg;
	real.recvmsg = spy;
}

/* recvfrom(2) and its relatives. */

enum { MANY = 1500, MOST = 2000 };

static struct mmsghdr batch[MOST];
static struct iovec batch_iov[MOST];
static char batch_buf[MOST][8];
static struct address batch_name[MOST];
static struct control batch_control[MOST];

static void prepare_batch(unsigned int n, size_t control_bytes)
{
	for (unsigned int i = 0; i < n; i++) {
		batch_iov[i] =
			(struct iovec){ batch_buf[i], sizeof(batch_buf[i]) };
		memset(batch_buf[i], 0, sizeof(batch_buf[i]));
		batch[i] = (struct mmsghdr){
			.msg_hdr = {
				.msg_name = &batch_name[i],
				.msg_namelen = sizeof(batch_name[i].room),
				.msg_iov = &batch_iov[i],
				.msg_iovlen = 1,
				.msg_control = batch_control[i].bytes,
				.msg_controllen = control_bytes,
			},
			.msg_len = 12345,
		};
	}
}

/* Before any other has left memory that is more than enough. */
TEST(recvmmsg_has_room_for_any_number)
{
	for (unsigned int n = 1; n <= 500; n += 1 + n / 50) {
		prepare_batch(n, 0);
		for (unsigned int i = 0; i < n; i++)
			batch[i].msg_hdr.msg_namelen = sizeof(peer.v4);
		kernel_boot();
		open_ours(AF_INET);
		for (unsigned int i = 0; i < n; i++)
			(void)arrive("10.0.0.1", "hello");

		assert_int_equal(recvmmsg(FD, batch, n, 0, NULL), n);

		for (unsigned int i = 0; i < n; i++)
			assert_memory_equal(&batch_name[i], &peer.v4, peer.len);
	}
}

TEST(recvfrom_gives_the_datagram)
{
	char buf[10] = "";
	struct address from = { .len = sizeof(from.room) };

	(void)arrive("10.0.0.1", "hello");

	ssize_t n = recvfrom(FD, buf, sizeof(buf), 0, &from.any, &from.len);

	assert_int_equal(n, 5);
	assert_string_equal(buf, "hello");
	assert_int_equal(from.len, peer.len);
	assert_memory_equal(&from.v4, &peer.v4, peer.len);
}

TEST(recvfrom_remembers_the_address_asked)
{
	char buf[10];
	struct address from = { .len = sizeof(from.room) };

	(void)arrive("10.0.0.1", "hello");

	(void)recvfrom(FD, buf, sizeof(buf), 0, &from.any, &from.len);

	assert_string_equal(answer(id, peer), "10.0.0.1");
}

TEST(recvfrom_without_an_address_remembers_too)
{
	char buf[10] = "";

	(void)arrive("10.0.0.1", "hello");

	ssize_t n = recvfrom(FD, buf, sizeof(buf), 0, NULL, NULL);

	assert_int_equal(n, 5);
	assert_string_equal(answer(id, peer), "10.0.0.1");
}

/* What the peer is answered from once such a socket was read. */
static const char *answer_after_reading(int domain, int type, int protocol)
{
	char buf[10];

	kernel_socket(OTHER_FD, domain, type, protocol);
	sock_created(OTHER_FD, domain, type, protocol);
	hear(id, peer, "10.0.0.1");
	(void)recv(OTHER_FD, buf, sizeof(buf), 0);
	return answer(id, peer);
}

TEST(who_reads_ip_packets_recalls_nothing)
{
	const uint16_t protocols[] = { ETHERTYPE_IP, ETHERTYPE_IPV6,
				       ETH_P_ALL };

	for (size_t i = 0; i < COUNT(protocols); i++) {
		peers_reset(1000, 120);

		assert_string_equal(answer_after_reading(AF_PACKET, SOCK_RAW,
							 htons(protocols[i])),
				    "nothing");
	}
}

TEST(who_reads_raw_udp_recalls_nothing)
{
	assert_string_equal(
		answer_after_reading(AF_INET, SOCK_RAW, IPPROTO_UDP),
		"nothing");
}

TEST(an_option_of_a_packet_socket_is_no_packet_that_was_read)
{
	int value = 1;
	socklen_t len = sizeof(value);

	kernel_socket(OTHER_FD, AF_INET, SOCK_RAW, IPPROTO_UDP);
	sock_created(OTHER_FD, AF_INET, SOCK_RAW, IPPROTO_UDP);
	hear(id, peer, "10.0.0.1");

	(void)setsockopt(OTHER_FD, SOL_SOCKET, SO_BINDTOIFINDEX, &value, len);
	(void)getsockopt(OTHER_FD, SOL_SOCKET, SO_RCVLOWAT, &value, &len);

	assert_string_equal(answer(id, peer), "10.0.0.1");
}

/* Of that number there is no netlink(7), and there may be. */
TEST(a_netlink_socket_of_udp_s_number_reads_no_packets)
{
	assert_string_equal(
		answer_after_reading(AF_NETLINK, SOCK_RAW, IPPROTO_UDP),
		"10.0.0.1");
}

TEST(who_reads_other_packets_recalls_as_before)
{
	const uint16_t protocols[] = { ETHERTYPE_ARP, ETH_P_LLDP };

	for (size_t i = 0; i < COUNT(protocols); i++)
		assert_string_equal(answer_after_reading(AF_PACKET, SOCK_RAW,
							 htons(protocols[i])),
				    "10.0.0.1");
}

static struct sockaddr_ll packets_of(uint16_t protocol)
{
	return (struct sockaddr_ll){ .sll_family = AF_PACKET,
				     .sll_protocol = htons(protocol) };
}

/* The same, once it was bound to this address. */
static const char *answer_after_bind(const struct sockaddr_ll *name,
				     uint16_t protocol)
{
	char buf[10];

	peers_reset(1000, 120);
	kernel_socket(OTHER_FD, AF_PACKET, SOCK_RAW, htons(protocol));
	sock_created(OTHER_FD, AF_PACKET, SOCK_RAW, htons(protocol));
	sock_bound_packets(OTHER_FD, (const void *)name, sizeof(*name));
	hear(id, peer, "10.0.0.1");
	(void)recv(OTHER_FD, buf, sizeof(buf), 0);
	return answer(id, peer);
}

TEST(a_bind_says_which_packets_are_read)
{
	const struct sockaddr_ll ip = packets_of(ETHERTYPE_IP);
	const struct sockaddr_ll arp = packets_of(ETHERTYPE_ARP);

	assert_string_equal(answer_after_bind(&ip, 0), "nothing");
	assert_string_equal(answer_after_bind(&ip, ETHERTYPE_ARP), "nothing");
	assert_string_equal(answer_after_bind(&arp, 0), "10.0.0.1");
	assert_string_equal(answer_after_bind(&arp, ETH_P_ALL), "10.0.0.1");
}

TEST(a_bind_to_an_interface_only_leaves_which_packets)
{
	const struct sockaddr_ll any = packets_of(0);

	assert_string_equal(answer_after_bind(&any, ETH_P_ALL), "nothing");
	assert_string_equal(answer_after_bind(&any, ETHERTYPE_ARP), "10.0.0.1");
}

TEST(fortified_recvfrom_does_as_recvfrom)
{
	char buf[10] = "";
	struct address from = { .len = sizeof(from.room) };

	(void)arrive("10.0.0.1", "hello");

	ssize_t n = __recvfrom_chk(FD, buf, sizeof(buf), sizeof(buf), 0,
				   &from.any, &from.len);

	assert_int_equal(n, 5);
	assert_int_equal(from.len, peer.len);
	assert_string_equal(answer(id, peer), "10.0.0.1");
}

TEST(recv_gives_and_remembers)
{
	char buf[10] = "";

	(void)arrive("10.0.0.1", "hello");

	ssize_t n = recv(FD, buf, sizeof(buf), 0);

	assert_int_equal(n, 5);
	assert_string_equal(buf, "hello");
	assert_string_equal(answer(id, peer), "10.0.0.1");
}

TEST(fortified_recv_does_as_recv)
{
	char buf[10] = "";

	(void)arrive("10.0.0.1", "hello");

	ssize_t n = __recv_chk(FD, buf, sizeof(buf), sizeof(buf), 0);

	assert_int_equal(n, 5);
	assert_string_equal(answer(id, peer), "10.0.0.1");
}

TEST(read_gives_and_remembers)
{
	char buf[10] = "";

	(void)arrive("10.0.0.1", "hello");

	ssize_t n = read(FD, buf, sizeof(buf));

	assert_int_equal(n, 5);
	assert_string_equal(buf, "hello");
	assert_string_equal(answer(id, peer), "10.0.0.1");
}

TEST(read_by_its_other_name_does_the_same)
{
	char buf[10] = "";

	(void)arrive("10.0.0.1", "hello");

	ssize_t n = __read(FD, buf, sizeof(buf));

	assert_int_equal(n, 5);
	assert_string_equal(answer(id, peer), "10.0.0.1");
}

TEST(fortified_read_does_as_read)
{
	char buf[10] = "";

	(void)arrive("10.0.0.1", "hello");

	ssize_t n = __read_chk(FD, buf, sizeof(buf), sizeof(buf));

	assert_int_equal(n, 5);
	assert_string_equal(answer(id, peer), "10.0.0.1");
}

TEST(readv_gives_and_remembers)
{
	char one[3], two[10] = "";
	const struct iovec iov[] = { { one, sizeof(one) },
				     { two, sizeof(two) } };

	(void)arrive("10.0.0.1", "hello");

	ssize_t n = readv(FD, iov, COUNT(iov));

	assert_int_equal(n, 5);
	assert_memory_equal(one, "hel", 3);
	assert_string_equal(two, "lo");
	assert_string_equal(answer(id, peer), "10.0.0.1");
}

TEST(a_longer_datagram_is_cut)
{
	char buf[3];

	(void)arrive("10.0.0.1", "hello");

	ssize_t n = recvfrom(FD, buf, sizeof(buf), 0, NULL, NULL);

	assert_int_equal(n, 3);
	assert_int_equal(kernel_waiting(), 0);
}

TEST(the_flags_reach_the_kernel)
{
	char buf[3];

	spy_on_recvmsg();
	(void)arrive("10.0.0.1", "hello");

	ssize_t n = recv(FD, buf, sizeof(buf), MSG_TRUNC | MSG_DONTWAIT);

	assert_int_equal(seen_flags, MSG_TRUNC | MSG_DONTWAIT);
	assert_int_equal(n, 5);
}

/* recvmsg(2) says EINVAL to a length that recvfrom(2) cuts. */
TEST(a_huge_length_is_cut_as_the_kernel_does)
{
	char buf[10];

	spy_on_recvmsg();
	(void)arrive("10.0.0.1", "hello");

	ssize_t n = recv(FD, buf, SIZE_MAX, 0);

	assert_int_equal(n, 5);
	assert_int_equal(seen_iov.iov_len, INT_MAX & ~4095);
}

TEST(receiving_keeps_errno)
{
	char buf[10];
	struct address from = { .len = sizeof(from.room) };

	(void)arrive("10.0.0.1", "hello");
	errno = ENOTTY;

	(void)recvfrom(FD, buf, sizeof(buf), 0, &from.any, &from.len);

	assert_int_equal(errno, ENOTTY);
}

TEST(the_kernel_s_error_is_the_application_s)
{
	char buf[10];
	struct address from = { .len = sizeof(from.room) };

	kernel_datagram(peer, "")->error = ECONNREFUSED;
	errno = 0;

	ssize_t n = recvfrom(FD, buf, sizeof(buf), 0, &from.any, &from.len);

	assert_int_equal(n, -1);
	assert_int_equal(errno, ECONNREFUSED);
	assert_int_equal(from.len, sizeof(from.room));
}

/* Fact 11: the room for the address. */

/* recvfrom(2) with so much of it; what is behind it must stay. */
static socklen_t receive_name(socklen_t room, unsigned char name[64])
{
	char buf[10];
	socklen_t len = room;

	memset(name, UNTOUCHED, 64);
	(void)arrive("10.0.0.1", "hello");
	assert_int_equal(recvfrom(FD, buf, sizeof(buf), 0,
				  (struct sockaddr *)(void *)name, &len),
			 5);
	for (socklen_t at = room; at < 64; at++)
		assert_int_equal(name[at], UNTOUCHED);
	return len;
}

TEST(an_address_fills_the_room_there_is)
{
	_Alignas(struct sockaddr_in6) unsigned char name[64];

	for (socklen_t room = 0; room <= 40; room++) {
		socklen_t len = receive_name(room, name);

		assert_int_equal(len, peer.len);
		assert_memory_equal(name, &peer.v4,
				    room < peer.len ? room : peer.len);
	}
}

TEST(an_ipv6_address_fills_the_room_there_is)
{
	_Alignas(struct sockaddr_in6) unsigned char name[64];

	open_ours(AF_INET6);
	peer = v6_scoped("fe80::9", 5300, 3);
	for (socklen_t room = 0; room <= 40; room++) {
		socklen_t len = receive_name(room, name);

		assert_int_equal(len, peer.len);
		assert_memory_equal(name, &peer.v6,
				    room < peer.len ? room : peer.len);
	}
}

TEST(a_peer_whose_address_was_cut_is_remembered_whole)
{
	_Alignas(struct sockaddr_in6) unsigned char name[64];

	(void)receive_name(1, name);

	assert_string_equal(answer(id, peer), "10.0.0.1");
}

TEST(a_negative_room_is_refused_after_the_datagram)
{
	char buf[10];
	struct address from = { .len = (socklen_t)-1 };

	(void)arrive("10.0.0.1", "hello");

	ssize_t n = recvfrom(FD, buf, sizeof(buf), 0, &from.any, &from.len);

	assert_int_equal(n, -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(kernel_waiting(), 0);
}

TEST(no_room_to_say_the_length_is_refused_after_it_too)
{
	char buf[10];
	struct address from;

	(void)arrive("10.0.0.1", "hello");

	ssize_t n = recvfrom(FD, buf, sizeof(buf), 0, &from.any, NULL);

	assert_int_equal(n, -1);
	assert_int_equal(errno, EFAULT);
	assert_int_equal(kernel_waiting(), 0);
}

/* To ask once more whether a filter forbids it may answer yes of another fd. */
TEST(what_was_taken_in_vain_is_not_asked_for_again)
{
	char buf[10];
	struct address from = { .len = (socklen_t)-1 };

	(void)arrive("10.0.0.1", "hello");

	(void)recvfrom(FD, buf, sizeof(buf), 0, &from.any, &from.len);

	assert_string_equal(kernel_calls(), "recvmsg");
}

TEST(an_error_comes_before_a_negative_room)
{
	char buf[10];
	struct address from = { .len = (socklen_t)-1 };

	ssize_t n = recvfrom(FD, buf, sizeof(buf), 0, &from.any, &from.len);

	assert_int_equal(n, -1);
	assert_int_equal(errno, EAGAIN);
}

static ssize_t refuse_with_eperm(int fd, struct msghdr *msg, int flags)
{
	(void)fd;
	(void)msg;
	(void)flags;
	errno = EPERM;
	return -1;
}

/*
 * A filter refuses recvmsg(): libc's call of this name takes its place, and
 * does not change errno.
 */
static void expect_refused_for(ssize_t n, const char *calls)
{
	assert_int_equal(n, kernel.answer);
	assert_int_equal(errno, ENOTTY);
	assert_string_equal(kernel_calls(), calls);
	assert_true(sock_is_off());
	sock_go_on();
	open_ours(AF_INET);
	real.recvmsg = refuse_with_eperm;
	errno = ENOTTY;
}

TEST(errno_is_kept_when_a_filter_refuses_recvmsg)
{
	char buf[10];
	struct iovec iov = { .iov_base = buf, .iov_len = sizeof(buf) };
	struct address from = { .len = sizeof(from.room) };
	socklen_t bad_len = (socklen_t)-1;

	real.recvmsg = refuse_with_eperm;
	errno = ENOTTY;

	expect_refused_for(recv(FD, buf, sizeof(buf), 0), "recv");
	expect_refused_for(
		recvfrom(FD, buf, sizeof(buf), 0, &from.any, &from.len),
		"recvfrom");
	expect_refused_for(
		recvfrom(FD, buf, sizeof(buf), 0, &from.any, &bad_len),
		"recvfrom");
	expect_refused_for(read(FD, buf, sizeof(buf)), "read");
	expect_refused_for(readv(FD, &iov, 1), "readv");
}

/* What is left to libc. */

TEST(what_is_not_ours_is_received_by_libc)
{
	char buf[10];
	struct address from = { .len = sizeof(from.room) };

	kernel_socket(OTHER_FD, AF_INET, SOCK_STREAM, 0);
	sock_created(OTHER_FD, AF_INET, SOCK_STREAM, 0);

	assert_int_equal(recvfrom(OTHER_FD, buf, 10, 0, &from.any, &from.len),
			 kernel.answer);
	assert_int_equal(
		__recvfrom_chk(OTHER_FD, buf, 10, 10, 0, &from.any, &from.len),
		kernel.answer);
	assert_int_equal(recv(OTHER_FD, buf, 10, 0), kernel.answer);
	assert_int_equal(__recv_chk(OTHER_FD, buf, 10, 10, 0), kernel.answer);
	assert_int_equal(read(OTHER_FD, buf, 10), kernel.answer);
	assert_int_equal(__read_chk(OTHER_FD, buf, 10, 10), kernel.answer);
	assert_string_equal(kernel_calls(), "recvfrom __recvfrom_chk recv "
					    "__recv_chk read __read_chk");
}

TEST(odd_flags_are_left_to_libc)
{
	char buf[10];
	struct address from = { .len = sizeof(from.room) };

	assert_int_equal(recvfrom(FD, buf, 10, odd_flags, &from.any, &from.len),
			 kernel.answer);
	assert_int_equal(recv(FD, buf, 10, odd_flags), kernel.answer);
	assert_int_equal(__recvfrom_chk(FD, buf, 10, 10, odd_flags, &from.any,
					&from.len),
			 kernel.answer);
	assert_int_equal(__recv_chk(FD, buf, 10, 10, odd_flags), kernel.answer);
	assert_string_equal(kernel_calls(),
			    "recvfrom recv __recvfrom_chk __recv_chk");
}

/* libc's ends the program: that is its job. */
TEST(an_overflow_is_left_to_the_fortified_names)
{
	char buf[10];
	struct address from = { .len = sizeof(from.room) };

	(void)arrive("10.0.0.1", "hello");

	(void)__recvfrom_chk(FD, buf, 11, 10, 0, &from.any, &from.len);
	(void)__recv_chk(FD, buf, 11, 10, 0);
	(void)__read_chk(FD, buf, 11, 10);

	assert_string_equal(kernel_calls(),
			    "__recvfrom_chk __recv_chk __read_chk");
}

TEST(a_socket_nobody_saw_is_looked_at_before_it_receives)
{
	char buf[10];

	sock_forget(FD);
	(void)arrive("10.0.0.1", "hello");

	(void)recv(FD, buf, sizeof(buf), 0);

	assert_string_equal(answer(sock_known(FD)->id, peer), "10.0.0.1");
}

TEST(read_looks_at_no_fd)
{
	char buf[10];
	const struct iovec iov = { buf, sizeof(buf) };

	sock_forget(FD);

	(void)read(FD, buf, sizeof(buf));
	(void)__read_chk(FD, buf, sizeof(buf), sizeof(buf));
	(void)readv(FD, &iov, 1);

	assert_string_equal(kernel_calls(), "read __read_chk readv");
}

/* It takes no datagram: read(2). */
TEST(reading_no_bytes_is_left_to_libc)
{
	char buf[10];
	const struct iovec iov[] = { { buf, 0 }, { buf, 0 } };

	(void)arrive("10.0.0.1", "hello");

	(void)read(FD, buf, 0);
	(void)__read_chk(FD, buf, 0, sizeof(buf));
	(void)readv(FD, iov, COUNT(iov));
	(void)readv(FD, iov, 0);

	assert_string_equal(kernel_calls(), "read __read_chk readv readv");
	assert_int_equal(kernel_waiting(), 1);
}

TEST(readv_may_have_empty_parts)
{
	char buf[10];
	const struct iovec iov[] = { { buf, 0 }, { buf, sizeof(buf) } };

	(void)arrive("10.0.0.1", "hello");

	ssize_t n = readv(FD, iov, COUNT(iov));

	assert_int_equal(n, 5);
	assert_int_equal(kernel_waiting(), 0);
}

TEST(what_readv_cannot_take_is_left_to_libc)
{
	static struct iovec iov[IOV_MAX + 1];
	/* volatile: the compiler warns of what readv(2) is to refuse. */
	const struct iovec *volatile none = NULL;
	volatile int negative = -1;
	static char buf[10];

	iov[0] = (struct iovec){ buf, sizeof(buf) };

	(void)readv(FD, iov, IOV_MAX + 1);
	(void)readv(FD, iov, negative);
	(void)readv(FD, none, 1);

	assert_string_equal(kernel_calls(), "readv readv readv");
}

TEST(readv_takes_as_many_parts_as_the_kernel)
{
	static struct iovec iov[IOV_MAX];
	static char buf[10];

	iov[IOV_MAX - 1] = (struct iovec){ buf, sizeof(buf) };
	(void)arrive("10.0.0.1", "hello");

	ssize_t n = readv(FD, iov, IOV_MAX);

	assert_int_equal(n, 5);
}

/* Closed behind our back, and opened again as a file. */
TEST(a_file_in_our_socket_s_place_is_read)
{
	char buf[10];
	const struct iovec iov = { buf, sizeof(buf) };

	kernel_file(FD);
	errno = ENOTTY;

	assert_int_equal(read(FD, buf, sizeof(buf)), kernel.answer);
	assert_int_equal(errno, ENOTTY);
	(void)kernel_calls();
	assert_int_equal(readv(FD, &iov, 1), kernel.answer);
	assert_string_equal(kernel_calls(), "readv");
}

TEST(readv_of_a_file_in_our_socket_s_place_keeps_errno)
{
	char buf[10];
	const struct iovec iov = { buf, sizeof(buf) };

	kernel_file(FD);
	errno = ENOTTY;

	assert_int_equal(readv(FD, &iov, 1), kernel.answer);

	assert_int_equal(errno, ENOTTY);
	assert_null(sock_known(FD));
}

TEST(a_closed_fd_is_forgotten)
{
	char buf[10];

	kernel_closed(FD);

	ssize_t n = recv(FD, buf, sizeof(buf), 0);

	assert_int_equal(n, -1);
	assert_int_equal(errno, EBADF);
	assert_null(sock_known(FD));
}

TEST(an_empty_queue_is_no_reason_to_forget)
{
	char buf[10];

	(void)recv(FD, buf, sizeof(buf), 0);

	assert_non_null(sock_known(FD));
}

/* What is remembered. */

TEST(datagrams_up_to_eagain_are_a_batch)
{
	char buf[10];

	(void)arrive("10.0.0.1", "one");
	(void)arrive("10.0.0.2", "two");

	while (recv(FD, buf, sizeof(buf), 0) >= 0)
		;

	assert_string_equal(answer(id, peer), "10.0.0.1");
	assert_string_equal(answer(id, peer), "10.0.0.2");
}

TEST(datagrams_without_eagain_are_no_batch)
{
	char buf[10];

	(void)arrive("10.0.0.1", "one");
	(void)arrive("10.0.0.2", "two");

	(void)recv(FD, buf, sizeof(buf), 0);
	(void)recv(FD, buf, sizeof(buf), 0);

	assert_string_equal(answer(id, peer), "10.0.0.2");
}

TEST(another_error_makes_no_batch)
{
	char buf[10];

	(void)arrive("10.0.0.1", "one");
	(void)arrive("10.0.0.2", "two");
	kernel_datagram(peer, "")->error = EINTR;

	while (recv(FD, buf, sizeof(buf), 0) >= 0)
		;

	assert_string_equal(answer(id, peer), "10.0.0.2");
}

TEST(a_peeked_datagram_is_remembered_and_stays)
{
	char buf[10];

	(void)arrive("10.0.0.1", "hello");

	(void)recv(FD, buf, sizeof(buf), MSG_PEEK);

	assert_string_equal(answer(id, peer), "10.0.0.1");
	assert_int_equal(kernel_waiting(), 1);
}

TEST(what_is_peeked_at_and_read_is_counted_once)
{
	char buf[10];

	(void)arrive("10.0.0.1", "hello");
	(void)counted();

	(void)recv(FD, buf, sizeof(buf), MSG_PEEK);
	(void)recv(FD, buf, sizeof(buf), 0);

	assert_string_equal(counted(), "1 seen ");
}

TEST(a_peeked_datagram_is_no_request_yet)
{
	char buf[10];
	struct local local;

	(void)arrive("10.0.0.1", "hello");

	(void)recv(FD, buf, sizeof(buf), MSG_PEEK);

	assert_false(peers_claim(0, &peer.any, peer.len, &local));
}

TEST(a_peeked_datagram_counts_once_in_a_batch)
{
	char buf[10];

	(void)arrive("10.0.0.1", "one");
	(void)arrive("10.0.0.2", "two");
	(void)arrive("10.0.0.3", "three");

	(void)recv(FD, buf, sizeof(buf), 0);
	(void)recv(FD, buf, sizeof(buf), 0);
	(void)recv(FD, buf, sizeof(buf), MSG_PEEK);
	while (recv(FD, buf, sizeof(buf), 0) >= 0)
		;

	(void)answer(id, peer);
	assert_string_equal(answer(id, peer), "10.0.0.2");
	assert_string_equal(answer(id, peer), "10.0.0.3");
}

/* Fact 7: the addresses of an error report are the ICMP packet's. */
TEST(nothing_is_remembered_of_an_error_report)
{
	char buf[10];

	(void)arrive("10.0.0.1", "hello");

	(void)recv(FD, buf, sizeof(buf), MSG_ERRQUEUE);

	assert_string_equal(answer(id, peer), "nothing");
}

TEST(nothing_is_remembered_of_what_the_kernel_calls_a_report)
{
	char buf[10];

	arrive("10.0.0.1", "hello")->flags = MSG_ERRQUEUE;

	(void)recv(FD, buf, sizeof(buf), 0);

	assert_string_equal(answer(id, peer), "nothing");
}

TEST(a_datagram_of_nobody_is_not_remembered)
{
	char buf[10];

	arrive("10.0.0.1", "hello")->from.len = 0;

	ssize_t n = recv(FD, buf, sizeof(buf), 0);

	assert_int_equal(n, 5);
	assert_string_equal(answer(id, peer), "nothing");
}

/* An armed socket always delivers it: this one cannot be what we took it for.
 */
TEST(a_datagram_without_its_address_makes_us_look_again)
{
	char buf[10];

	kernel_closed(FD);
	kernel_socket(FD, AF_INET, SOCK_DGRAM, 0);
	kernel_bound(FD, v4("192.0.2.1", 53));
	(void)kernel_datagram(peer, "hello");

	(void)recv(FD, buf, sizeof(buf), 0);

	assert_null(sock_known(FD));
}

TEST(an_error_report_without_an_address_is_no_reason_to_look)
{
	char buf[10];

	(void)kernel_datagram(peer, "hello");

	(void)recv(FD, buf, sizeof(buf), MSG_ERRQUEUE);

	assert_string_equal(kernel_calls(), "recvmsg");
}

TEST(a_datagram_costs_one_call)
{
	char buf[10];

	(void)arrive("10.0.0.1", "hello");

	(void)recv(FD, buf, sizeof(buf), 0);

	assert_string_equal(kernel_calls(), "recvmsg");
}

/* SO_TIMESTAMPING: it comes before ours, and nobody asked for control. */
TEST(messages_nobody_has_room_for_leave_room_for_ours)
{
	static const char timestamps[48];
	struct datagram *datagram = kernel_datagram(peer, "hello");
	char buf[10];

	control_add(&datagram->control, SOL_SOCKET, SCM_TIMESTAMPING,
		    timestamps, sizeof(timestamps));
	control_add_v4(&datagram->control, "10.0.0.1", "10.0.0.1", 3);

	(void)recv(FD, buf, sizeof(buf), 0);

	assert_string_equal(answer(id, peer), "10.0.0.1");
}

/* The interface. */

TEST(an_answer_names_no_interface)
{
	char buf[10];

	open_ours(AF_INET6);
	peer = v6("2001:db8::9", 5300);
	(void)arrive("2001:db8::1", "hello");

	(void)recv(FD, buf, sizeof(buf), 0);

	assert_string_equal(answer(id, peer), "2001:db8::1");
}

TEST(a_link_local_answer_names_its_interface)
{
	char buf[10];

	open_ours(AF_INET6);
	peer = v6("2001:db8::9", 5300);
	(void)arrive("fe80::1", "hello");

	(void)recv(FD, buf, sizeof(buf), 0);

	assert_string_equal(answer(id, peer), "fe80::1%3");
}

TEST(whoever_wants_it_gets_the_interface_named)
{
	char buf[10];

	settings.ifindex = 1;
	(void)arrive("10.0.0.1", "hello");

	(void)recv(FD, buf, sizeof(buf), 0);

	assert_string_equal(answer(id, peer), "10.0.0.1%3");
}

/* recvmsg(2). */

/* A message of the application's, with all that it may have. */
static char app_buf[10];
static struct iovec app_iov;
static struct address app_name;
static struct control app_control;

static struct msghdr app_message(size_t control_bytes)
{
	app_iov = (struct iovec){ app_buf, sizeof(app_buf) };
	memset(app_buf, 0, sizeof(app_buf));
	memset(&app_control, UNTOUCHED, sizeof(app_control));
	return (struct msghdr){
		.msg_name = &app_name,
		.msg_namelen = sizeof(app_name.room),
		.msg_iov = &app_iov,
		.msg_iovlen = 1,
		.msg_control = control_bytes ? app_control.bytes : NULL,
		.msg_controllen = control_bytes,
		.msg_flags = -1,
	};
}

/* Whether the application got nothing but the type of service. */
static void assert_only_tos(const struct msghdr *msg, unsigned char tos)
{
	struct control expected = { 0 };
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);

	control_add_tos(&expected, tos);
	assert_int_equal(msg->msg_controllen, expected.used);
	assert_non_null(c);
	assert_memory_equal(c, expected.bytes, CMSG_LEN(sizeof(tos)));
}

TEST(recvmsg_gives_the_datagram)
{
	struct msghdr msg = app_message(200);

	(void)arrive("10.0.0.1", "hello");

	ssize_t n = recvmsg(FD, &msg, 0);

	assert_int_equal(n, 5);
	assert_string_equal(app_buf, "hello");
	assert_int_equal(msg.msg_namelen, peer.len);
	assert_memory_equal(&app_name.v4, &peer.v4, peer.len);
	assert_int_equal(msg.msg_flags, 0);
}

TEST(recvmsg_remembers_the_address_asked)
{
	struct msghdr msg = app_message(0);

	(void)arrive("10.0.0.1", "hello");

	(void)recvmsg(FD, &msg, 0);

	assert_string_equal(answer(id, peer), "10.0.0.1");
}

TEST(recvmsg_hides_our_messages)
{
	struct msghdr msg = app_message(200);

	(void)arrive("10.0.0.1", "hello");

	(void)recvmsg(FD, &msg, 0);

	assert_int_equal(msg.msg_controllen, 0);
	assert_int_equal(app_control.bytes[0], UNTOUCHED);
}

TEST(recvmsg_shows_the_application_s_messages)
{
	struct msghdr msg = app_message(200);

	control_add_tos(&arrive("10.0.0.1", "hello")->control, 0x10);

	(void)recvmsg(FD, &msg, 0);

	assert_only_tos(&msg, 0x10);
}

/* Fact 6. */
TEST(ours_takes_no_room_from_the_application_s)
{
	struct msghdr msg = app_message(CMSG_SPACE(1));

	control_add_tos(&arrive("10.0.0.1", "hello")->control, 0x10);

	(void)recvmsg(FD, &msg, 0);

	assert_only_tos(&msg, 0x10);
	assert_int_equal(msg.msg_flags, 0);
}

TEST(what_the_application_asked_for_it_gets)
{
	struct msghdr msg = app_message(200);
	struct local local;

	sock_known(FD)->wanted = PKTINFO_V4;
	(void)arrive("10.0.0.1", "hello");

	(void)recvmsg(FD, &msg, 0);

	assert_true(pktinfo_read(&msg, &local));
	assert_string_equal(text_of(&local), "10.0.0.1%3");
}

TEST(a_large_control_buffer_shows_no_more)
{
	struct msghdr msg = app_message(sizeof(app_control.bytes));

	control_add_tos(&arrive("10.0.0.1", "hello")->control, 0x10);

	(void)recvmsg(FD, &msg, 0);

	assert_only_tos(&msg, 0x10);
	assert_int_equal(msg.msg_flags, 0);
	assert_string_equal(answer(id, peer), "10.0.0.1");
}

TEST(every_size_of_control_buffer_shows_the_same)
{
	for (size_t bytes = CMSG_SPACE(1); bytes < 1300; bytes++) {
		struct msghdr msg = app_message(bytes);

		kernel_boot();
		open_ours(AF_INET);
		control_add_tos(&arrive("10.0.0.1", "hello")->control, 0x10);

		(void)recvmsg(FD, &msg, 0);

		assert_only_tos(&msg, 0x10);
		assert_int_equal(msg.msg_flags, 0);
		assert_int_equal(app_control.bytes[bytes], UNTOUCHED);
	}
}

TEST(a_control_length_without_a_buffer_is_none)
{
	struct msghdr msg = app_message(0);

	msg.msg_controllen = 100;
	(void)arrive("10.0.0.1", "hello");

	(void)recvmsg(FD, &msg, 0);

	assert_int_equal(msg.msg_controllen, 0);
	assert_int_equal(msg.msg_flags, 0);
	assert_string_equal(answer(id, peer), "10.0.0.1");
}

TEST(without_a_name_its_length_is_left_alone)
{
	struct msghdr msg = app_message(0);

	msg.msg_name = NULL;
	msg.msg_namelen = 12345;
	(void)arrive("10.0.0.1", "hello");

	(void)recvmsg(FD, &msg, 0);

	assert_int_equal(msg.msg_namelen, 12345);
	assert_string_equal(answer(id, peer), "10.0.0.1");
}

TEST(recvmsg_fills_the_room_there_is_for_a_name)
{
	for (socklen_t room = 0; room <= 40; room++) {
		struct msghdr msg = app_message(0);

		memset(&app_name, UNTOUCHED, sizeof(app_name));
		msg.msg_namelen = room;
		(void)arrive("10.0.0.1", "hello");

		(void)recvmsg(FD, &msg, 0);

		assert_int_equal(msg.msg_namelen, peer.len);
		assert_memory_equal(&app_name, &peer,
				    room < peer.len ? room : peer.len);
		assert_int_equal(
			((unsigned char *)&app_name)[room > peer.len ? peer.len
								     : room],
			UNTOUCHED);
	}
}

/* Fact 11: unlike recvfrom(2). */
TEST(recvmsg_refuses_a_negative_room_before_the_datagram)
{
	struct msghdr msg = app_message(0);

	msg.msg_namelen = (socklen_t)-1;
	(void)arrive("10.0.0.1", "hello");

	ssize_t n = recvmsg(FD, &msg, 0);

	assert_int_equal(n, -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(kernel_waiting(), 1);
}

TEST(recvmsg_leaves_the_pointers_alone)
{
	struct msghdr msg = app_message(200);
	const struct msghdr before = msg;

	(void)arrive("10.0.0.1", "hello");

	(void)recvmsg(FD, &msg, 0);

	assert_ptr_equal(msg.msg_name, before.msg_name);
	assert_ptr_equal(msg.msg_iov, before.msg_iov);
	assert_int_equal(msg.msg_iovlen, before.msg_iovlen);
	assert_ptr_equal(msg.msg_control, before.msg_control);
}

TEST(a_recvmsg_that_fails_leaves_the_message_alone)
{
	struct msghdr msg = app_message(200);
	const struct msghdr before = msg;

	ssize_t n = recvmsg(FD, &msg, 0);

	assert_int_equal(n, -1);
	assert_int_equal(errno, EAGAIN);
	assert_memory_equal(&msg, &before, sizeof(msg));
}

TEST(recvmsg_keeps_errno)
{
	struct msghdr msg = app_message(200);

	(void)arrive("10.0.0.1", "hello");
	errno = ENOTTY;

	(void)recvmsg(FD, &msg, 0);

	assert_int_equal(errno, ENOTTY);
}

static ssize_t refuse_with_efault(int fd, struct msghdr *msg, int flags)
{
	(void)fd;
	(void)flags;
	assert_null(msg);
	errno = EFAULT;
	return -1;
}

TEST(recvmsg_of_no_message_is_left_to_the_kernel)
{
	real.recvmsg = refuse_with_efault;

	ssize_t n = recvmsg(FD, NULL, 0);

	assert_int_equal(n, -1);
	assert_int_equal(errno, EFAULT);
}

TEST(recvmsg_of_odd_flags_is_left_to_the_kernel)
{
	struct msghdr msg = app_message(200);

	spy_on_recvmsg();

	(void)recvmsg(FD, &msg, odd_flags);

	assert_ptr_equal(seen.msg_control, msg.msg_control);
	assert_int_equal(seen_flags, odd_flags);
}

TEST(recvmsg_on_what_is_not_ours_gets_the_application_s)
{
	struct msghdr msg = app_message(200);

	spy_on_recvmsg();
	kernel_socket(OTHER_FD, AF_UNIX, SOCK_DGRAM, 0);

	(void)recvmsg(OTHER_FD, &msg, 0);

	assert_ptr_equal(seen.msg_control, msg.msg_control);
	assert_ptr_equal(seen.msg_name, msg.msg_name);
}

/* It is looked at when it is used. */
TEST(an_fd_that_is_passed_to_us_is_unknown)
{
	struct msghdr msg = app_message(200);
	const int fds[] = { 30, FD };

	kernel_socket(OTHER_FD, AF_UNIX, SOCK_DGRAM, 0);
	sock_created(30, AF_INET, SOCK_STREAM, 0);
	control_add(&kernel_datagram(peer, "fds")->control, SOL_SOCKET,
		    SCM_RIGHTS, fds, sizeof(fds));

	(void)recvmsg(OTHER_FD, &msg, 0);

	assert_null(sock_known(FD));
	kernel_socket(30, AF_INET, SOCK_DGRAM, 0);
	kernel_bound(30, v4("0.0.0.0", 53));
	assert_non_null(sock_probe(30));
}

/* recvmmsg(2). */

TEST(recvmmsg_gives_one_datagram)
{
	prepare_batch(1, 200);
	control_add_tos(&arrive("10.0.0.1", "hello")->control, 0x10);

	int n = recvmmsg(FD, batch, 1, 0, NULL);

	assert_int_equal(n, 1);
	assert_int_equal(batch[0].msg_len, 5);
	assert_string_equal(batch_buf[0], "hello");
	assert_int_equal(batch[0].msg_hdr.msg_namelen, peer.len);
	assert_only_tos(&batch[0].msg_hdr, 0x10);
	assert_string_equal(answer(id, peer), "10.0.0.1");
}

/* Each one from its own peer, to its own address. */
static void arrive_from_many(unsigned int n)
{
	char local[24];

	for (unsigned int i = 0; i < n; i++) {
		peer.v4.sin_port = htons((uint16_t)(1 + i));
		(void)snprintf(local, sizeof(local), "10.1.%u.%u", i / 200,
			       1 + i % 200);
		control_add_tos(&arrive(local, "hello")->control,
				(unsigned char)i);
	}
}

static void assert_batch(unsigned int first, unsigned int n)
{
	for (unsigned int i = first; i < first + n; i++) {
		char local[24];

		peer.v4.sin_port = htons((uint16_t)(1 + i));
		(void)snprintf(local, sizeof(local), "10.1.%u.%u", i / 200,
			       1 + i % 200);
		assert_int_equal(batch[i].msg_len, 5);
		assert_string_equal(batch_buf[i], "hello");
		assert_memory_equal(&batch_name[i], &peer.v4, peer.len);
		assert_only_tos(&batch[i].msg_hdr, (unsigned char)i);
		assert_string_equal(answer(id, peer), local);
	}
}

TEST(recvmmsg_gives_a_thousand_datagrams)
{
	peers_reset(2000, 120);
	prepare_batch(1024, 200);
	arrive_from_many(1024);

	int n = recvmmsg(FD, batch, 1024, 0, NULL);

	assert_int_equal(n, 1024);
	assert_batch(0, 1024);
}

/* Their sizes differ from one to the next. */
TEST(recvmmsg_takes_messages_of_all_sizes)
{
	const size_t control_bytes[] = { 24, 4096, 25, 1024, 1025, 200 };

	prepare_batch(60, 0);
	for (size_t i = 0; i < 60; i++) {
		batch[i].msg_hdr.msg_controllen =
			control_bytes[i % COUNT(control_bytes)];
		if (i % 4 == 1)
			batch[i].msg_hdr.msg_namelen = sizeof(peer.v4);
	}
	arrive_from_many(60);

	int n = recvmmsg(FD, batch, 60, 0, NULL);

	assert_int_equal(n, 60);
	assert_batch(0, 60);
}

/* Tried on Linux 6.18: only sendmmsg has a limit. */
TEST(recvmmsg_gives_as_many_as_the_kernel)
{
	prepare_batch(MANY, 0);
	arrive_from_many(MANY);

	int n = recvmmsg(FD, batch, MANY, MSG_DONTWAIT, NULL);

	assert_int_equal(n, MANY);
}

TEST(recvmmsg_gives_what_there_is)
{
	prepare_batch(5, 200);
	const struct mmsghdr untouched = batch[3];

	arrive_from_many(3);

	int n = recvmmsg(FD, batch, 5, 0, NULL);

	assert_int_equal(n, 3);
	assert_batch(0, 3);
	assert_memory_equal(&batch[3], &untouched, sizeof(untouched));
}

TEST(a_recvmmsg_of_nothing_leaves_the_messages_alone)
{
	prepare_batch(5, 200);
	const struct mmsghdr untouched = batch[0];

	int n = recvmmsg(FD, batch, 5, 0, NULL);

	assert_int_equal(n, -1);
	assert_int_equal(errno, EAGAIN);
	assert_memory_equal(&batch[0], &untouched, sizeof(untouched));
}

TEST(a_recvmmsg_is_a_batch)
{
	prepare_batch(3, 0);
	(void)arrive("10.0.0.1", "one");
	(void)arrive("10.0.0.2", "two");
	(void)arrive("10.0.0.3", "three");

	(void)recvmmsg(FD, batch, 3, 0, NULL);

	assert_string_equal(answer(id, peer), "10.0.0.1");
	assert_string_equal(answer(id, peer), "10.0.0.2");
	assert_string_equal(answer(id, peer), "10.0.0.3");
}

TEST(peeking_at_a_batch_is_not_its_end)
{
	prepare_batch(1, 0);
	(void)arrive("10.0.0.1", "one");
	(void)recvmmsg(FD, batch, 1, MSG_PEEK, NULL);
	(void)recv(FD, NULL, 0, 0);
	(void)arrive("10.0.0.2", "two");
	(void)recvmmsg(FD, batch, 1, MSG_PEEK, NULL);

	assert_string_equal(answer(id, peer), "10.0.0.2");
}

TEST(recvmmsg_keeps_errno)
{
	prepare_batch(100, 1024);
	arrive_from_many(100);
	errno = ENOTTY;

	(void)recvmmsg(FD, batch, 100, 0, NULL);

	assert_int_equal(errno, ENOTTY);
}

TEST(a_recvmmsg_on_a_closed_fd_forgets_it)
{
	prepare_batch(1, 0);
	kernel_closed(FD);

	int n = recvmmsg(FD, batch, 1, 0, NULL);

	assert_int_equal(n, -1);
	assert_int_equal(errno, EBADF);
	assert_null(sock_known(FD));
}

/* Larger than any before, whose memory was kept. */
TEST(without_memory_a_batch_is_received_all_the_same)
{
	prepare_batch(MOST, 1024);
	arrive_from_many(1000);
	memory_is_out = true;

	int n = recvmmsg(FD, batch, MOST, 0, NULL);

	assert_int_equal(memory_refusals, 1);
	assert_int_equal(n, 1000);
	assert_string_equal(batch_buf[999], "hello");
}

static unsigned int seen_n;
static struct mmsghdr *seen_messages;
static struct timespec *seen_timeout;

static int spy_recvmmsg(int fd, struct mmsghdr *msgs, unsigned int n, int flags,
			struct timespec *timeout)
{
	(void)fd;
	seen_messages = msgs;
	seen_n = n;
	seen_flags = flags;
	seen_timeout = timeout;
	return 0;
}

TEST(recvmmsg_hands_on_flags_and_timeout)
{
	struct timespec timeout = { .tv_sec = 1 };

	prepare_batch(2, 0);
	real.recvmmsg = spy_recvmmsg;

	(void)recvmmsg(FD, batch, 2, MSG_WAITFORONE, &timeout);

	assert_int_equal(seen_n, 2);
	assert_int_equal(seen_flags, MSG_WAITFORONE);
	assert_ptr_equal(seen_timeout, &timeout);
}

TEST(recvmmsg_of_others_gets_the_application_s)
{
	prepare_batch(2, 0);
	real.recvmmsg = spy_recvmmsg;
	kernel_socket(OTHER_FD, AF_UNIX, SOCK_DGRAM, 0);

	(void)recvmmsg(OTHER_FD, batch, 2, 0, NULL);
	assert_ptr_equal(seen_messages, batch);
	(void)recvmmsg(FD, batch, 2, odd_flags, NULL);
	assert_ptr_equal(seen_messages, batch);
	(void)recvmmsg(FD, NULL, 2, 0, NULL);
	assert_null(seen_messages);
}

TEST(a_recvmmsg_of_no_messages_is_none)
{
	(void)arrive("10.0.0.1", "hello");

	int n = recvmmsg(FD, batch, 0, 0, NULL);

	assert_int_equal(n, 0);
	assert_int_equal(kernel_waiting(), 1);
}

TEST(fds_passed_in_a_batch_are_unknown)
{
	const int fd = FD;

	prepare_batch(2, 200);
	kernel_socket(OTHER_FD, AF_UNIX, SOCK_DGRAM, 0);
	(void)kernel_datagram(peer, "none");
	control_add(&kernel_datagram(peer, "fd")->control, SOL_SOCKET,
		    SCM_RIGHTS, &fd, sizeof(fd));

	(void)recvmmsg(OTHER_FD, batch, 2, 0, NULL);

	assert_null(sock_known(FD));
}
