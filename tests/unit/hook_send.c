/* SPDX-License-Identifier: MIT */
/* What the kernel gets when the application sends, and what becomes of it. */
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
#include <netpacket/packet.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

ssize_t __send(int fd, const void *buf, size_t len, int flags);
ssize_t __write(int fd, const void *buf, size_t len);

enum { FD = 5, OTHER_FD = 6 };

/* Bit 31, which is none of the flags. */
static const int odd_flags = INT_MIN;

/* Of the socket at FD. */
static uint64_t id;

static struct address peer;
static struct address stranger;

/* What the kernel says to a source, to a plain message, and to a payload. */
static const char *refused_source;
static int refusal;
static int plain_error;
static int any_error;
static const void *bad_payload;

static int judge(const struct sent *sent)
{
	const char *source = source_of(sent);

	if (any_error && !sent->is_probe)
		return any_error;
	if (bad_payload && sent->payload == bad_payload)
		return EMSGSIZE;
	if (!*source)
		return sent->is_probe ? 0 : plain_error;
	return refused_source && !strcmp(source, refused_source) ? refusal : 0;
}

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

static void one_ipv4_socket(void)
{
	settings_reset();
	peers_reset(2000, 120);
	peers_drained();
	sock_forget_range(0, ~0U);
	kernel_boot();
	kernel.judge = judge;
	open_ours(AF_INET);
	peer = v4("192.0.2.9", 5300);
	stranger = v4("192.0.2.10", 5300);
	memory_reset();
	refused_source = NULL;
	refusal = EINVAL;
	plain_error = 0;
	any_error = 0;
	bad_payload = NULL;
}

/* The sources of all that was sent, in order; "-" is none. */
static const char *sources(void)
{
	static char text[256];
	size_t used = 0;

	for (size_t n = 0; n < kernel_sent_count(); n++) {
		const char *source = source_of(kernel_sent(n));

		used += (size_t)snprintf(text + used, sizeof(text) - used,
					 "%s%s", n ? " " : "",
					 *source ? source : "-");
		assert_true(used < sizeof(text));
	}
	return text;
}

/* The peer asked an address that has gone since. */
static void hear_at_lost_address(void)
{
	hear(id, peer, "10.0.0.1");
	refused_source = "10.0.0.1";
}

static ssize_t send_to(struct address to)
{
	return sendto(FD, "hello", 5, 0, &to.any, to.len);
}

/* sendto(2). */

enum { MOST = 2000 };

static struct mmsghdr batch[MOST];
static struct mmsghdr batch_before[MOST];
static struct iovec batch_iov[MOST];
static char batch_payload[MOST];
static struct address batch_to[MOST];

/* Messages of 1 + i % 7 bytes, to `peer`. */
static void prepare_batch(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		batch_to[i] = peer;
		batch_iov[i] = (struct iovec){ &batch_payload[i], 1 + i % 7 };
		batch[i] = (struct mmsghdr){
			.msg_hdr = {
				.msg_name = &batch_to[i],
				.msg_namelen = peer.len,
				.msg_iov = &batch_iov[i],
				.msg_iovlen = 1,
			},
			.msg_len = 12345,
		};
	}
	memcpy(batch_before, batch, sizeof(batch));
}

/* Before any other has left memory that is more than enough. */
TEST(a_batch_of_any_number_is_sent)
{
	for (unsigned int n = 1; n <= 500; n += 1 + n / 50) {
		kernel_boot();
		open_ours(AF_INET);
		hear(id, peer, "10.0.0.1");
		prepare_batch(n);

		assert_int_equal(sendmmsg(FD, batch, n, 0), n);

		for (unsigned int i = 0; i < n; i++)
			assert_string_equal(source_of(kernel_sent(i)),
					    "10.0.0.1");
	}
}

TEST(an_answer_has_the_address_asked_as_its_source)
{
	hear(id, peer, "10.0.0.1");

	ssize_t n = send_to(peer);

	assert_int_equal(n, 5);
	assert_int_equal(kernel_sent_count(), 1);
	assert_string_equal(sources(), "10.0.0.1");
}

TEST(an_answer_is_what_the_application_sent)
{
	static const char payload[] = "hello";

	hear(id, peer, "10.0.0.1");

	(void)sendto(FD, payload, 5, MSG_DONTWAIT | MSG_NOSIGNAL, &peer.any,
		     peer.len);

	assert_int_equal(kernel_sent(0)->fd, FD);
	assert_int_equal(kernel_sent(0)->flags, MSG_DONTWAIT | MSG_NOSIGNAL);
	assert_ptr_equal(kernel_sent(0)->payload, payload);
	assert_int_equal(kernel_sent(0)->payload_bytes, 5);
	assert_int_equal(kernel_sent(0)->to.len, peer.len);
	assert_memory_equal(&kernel_sent(0)->to.v4, &peer.v4, peer.len);
}

TEST(an_answer_carries_its_source_and_no_more)
{
	struct control expected = { 0 };

	hear(id, peer, "10.0.0.1");
	control_add_v4(&expected, "10.0.0.1", "", 0);

	(void)send_to(peer);

	assert_int_equal(kernel_sent(0)->control.used, expected.used);
	assert_memory_equal(kernel_sent(0)->control.bytes, expected.bytes,
			    CMSG_LEN(sizeof(struct in_pktinfo)));
}

TEST(an_answer_costs_one_call)
{
	hear(id, peer, "10.0.0.1");

	(void)send_to(peer);

	assert_string_equal(kernel_calls(), "sendmsg");
}

TEST(an_ipv6_answer_has_its_source)
{
	open_ours(AF_INET6);
	peer = v6("2001:db8::9", 5300);
	hear(id, peer, "2001:db8::1");

	(void)send_to(peer);

	assert_string_equal(sources(), "2001:db8::1");
}

TEST(a_link_local_answer_names_its_interface)
{
	const struct local asked = local_through("fe80::1", 3);

	open_ours(AF_INET6);
	peer = v6("2001:db8::9", 5300);
	peers_remember(id, &peer.any, peer.len, &asked, false);

	(void)send_to(peer);

	assert_string_equal(sources(), "fe80::1%3");
}

TEST(an_answer_to_a_mapped_peer_has_an_ipv4_source)
{
	open_ours(AF_INET6);
	peer = v6("::ffff:192.0.2.9", 5300);
	hear(id, peer, "10.0.0.1");

	(void)send_to(peer);

	assert_string_equal(sources(), "10.0.0.1");
}

/* An AF_INET6 socket takes it too: udpv6_sendmsg. */
TEST(an_answer_in_ipv4_form_has_an_ipv4_source)
{
	open_ours(AF_INET6);
	hear(id, v6("::ffff:192.0.2.9", 5300), "10.0.0.1");

	(void)send_to(v4("192.0.2.9", 5300));

	assert_string_equal(sources(), "10.0.0.1");
}

TEST(an_answer_to_another_port_has_its_host_s_source)
{
	hear(id, peer, "10.0.0.1");

	(void)send_to(v4("192.0.2.9", 5060));

	assert_string_equal(sources(), "10.0.0.1");
}

TEST(what_goes_to_a_stranger_goes_as_it_is)
{
	hear(id, peer, "10.0.0.1");

	ssize_t n = send_to(stranger);

	assert_int_equal(n, 5);
	assert_string_equal(kernel_calls(), "sendto");
	assert_memory_equal(&kernel_sent(0)->to.v4, &stranger.v4, stranger.len);
}

TEST(an_answer_to_a_multicast_question_goes_as_it_is)
{
	hear(id, peer, "");

	(void)send_to(peer);

	assert_string_equal(kernel_calls(), "sendto");
}

TEST(what_another_socket_sends_goes_as_it_is)
{
	hear(id, peer, "10.0.0.1");
	(void)answer(id, peer);
	kernel_socket(OTHER_FD, AF_INET, SOCK_DGRAM, 0);
	sock_created(OTHER_FD, AF_INET, SOCK_DGRAM, 0);

	(void)sendto(OTHER_FD, "hello", 5, 0, &peer.any, peer.len);

	assert_string_equal(kernel_calls(), "sendto");
}

TEST(a_new_socket_that_answers_becomes_ours)
{
	hear(id, peer, "10.0.0.1");
	kernel_socket(OTHER_FD, AF_INET, SOCK_DGRAM, 0);
	sock_created(OTHER_FD, AF_INET, SOCK_DGRAM, 0);

	(void)sendto(OTHER_FD, "hello", 5, 0, &peer.any, peer.len);

	assert_non_null(sock_known(OTHER_FD));
	assert_string_equal(sources(), "10.0.0.1");
}

/* As busybox's udhcpd does, which reads its UDP socket. */
TEST(what_is_sent_as_a_packet_is_not_read_as_one)
{
	const struct sockaddr_ll to = { .sll_family = AF_PACKET };

	hear(id, peer, "10.0.0.1");
	kernel_socket(OTHER_FD, AF_PACKET, SOCK_DGRAM, 0);
	sock_created(OTHER_FD, AF_PACKET, SOCK_DGRAM, 0);

	(void)sendto(OTHER_FD, "hello", 5, 0, (const void *)&to, sizeof(to));

	assert_string_equal(answer(id, peer), "10.0.0.1");
}

TEST(what_has_no_address_goes_as_it_is)
{
	sock_forget(FD);

	(void)sendto(FD, "hello", 5, 0, NULL, 0);

	assert_string_equal(kernel_calls(), "sendto");
}

TEST(a_socket_nobody_saw_is_looked_at_before_it_sends)
{
	hear(id, peer, "10.0.0.1");
	sock_forget(FD);

	(void)send_to(peer);

	assert_non_null(sock_known(FD));
	assert_string_equal(sources(), "10.0.0.1");
}

TEST(odd_flags_are_left_to_libc)
{
	const struct msghdr msg = { .msg_name = &peer,
				    .msg_namelen = peer.len };
	struct mmsghdr one = { .msg_hdr = msg };

	hear(id, peer, "10.0.0.1");

	(void)sendto(FD, "hello", 5, odd_flags, &peer.any, peer.len);
	(void)sendmsg(FD, &msg, odd_flags);
	(void)sendmmsg(FD, &one, 1, odd_flags);

	assert_string_equal(sources(), "- - -");
	assert_ptr_equal(kernel_sent(1)->msg, &msg);
	assert_ptr_equal(kernel_sent(2)->msg, &one.msg_hdr);
}

TEST(an_address_of_an_odd_length_is_left_to_the_kernel)
{
	const socklen_t lengths[] = { 0,
				      1,
				      sizeof(struct sockaddr_in) - 1,
				      sizeof(struct sockaddr_storage) + 1,
				      INT_MAX,
				      (socklen_t)-1 };

	hear(id, peer, "10.0.0.1");
	for (size_t i = 0; i < COUNT(lengths); i++) {
		(void)sendto(FD, "hello", 5, 0, &peer.any, lengths[i]);

		assert_string_equal(kernel_calls(), "sendto");
		assert_int_equal(kernel_sent(i)->to.len, lengths[i]);
	}
}

TEST(an_address_with_room_behind_it_is_one)
{
	hear(id, peer, "10.0.0.1");

	(void)sendto(FD, "hello", 5, 0, &peer.any, sizeof(peer.room));

	assert_string_equal(sources(), "10.0.0.1");
	assert_int_equal(kernel_sent(0)->to.len, sizeof(peer.room));
}

/* sendmsg(2) says EINVAL to a length that sendto(2) cuts. */
TEST(a_huge_length_is_cut_as_the_kernel_does)
{
	hear(id, peer, "10.0.0.1");

	(void)sendto(FD, "hello", SIZE_MAX, 0, &peer.any, peer.len);

	assert_int_equal(kernel_sent(0)->payload_bytes, INT_MAX & ~4095);
}

TEST(nothing_at_all_can_be_sent)
{
	hear(id, peer, "10.0.0.1");

	ssize_t n = sendto(FD, NULL, 0, 0, &peer.any, peer.len);

	assert_int_equal(n, 0);
	assert_string_equal(sources(), "10.0.0.1");
}

TEST(sending_keeps_errno)
{
	hear(id, peer, "10.0.0.1");
	errno = ENOTTY;

	(void)send_to(peer);
	(void)send_to(stranger);

	assert_int_equal(errno, ENOTTY);
}

TEST(an_answer_is_counted)
{
	hear(id, peer, "10.0.0.1");
	(void)counted();

	(void)send_to(peer);

	assert_string_equal(counted(), "1 rewritten ");
}

TEST(what_goes_to_a_stranger_is_counted)
{
	(void)counted();

	(void)send_to(stranger);

	assert_string_equal(counted(), "1 unknown ");
}

/* A source that is refused. */

TEST(a_refused_source_is_counted)
{
	hear_at_lost_address();
	(void)counted();

	(void)send_to(peer);

	assert_string_equal(counted(), "1 refused ");
}

TEST(what_was_not_sent_is_not_counted)
{
	hear_at_lost_address();
	plain_error = ENETUNREACH;
	(void)counted();

	(void)send_to(peer);

	assert_string_equal(counted(), "");
}

TEST(a_refused_source_is_left_away)
{
	const int refusals_of_sources[] = { EINVAL,	  ENETUNREACH,
					    EHOSTUNREACH, EADDRNOTAVAIL,
					    ENODEV,	  EACCES };

	for (size_t i = 0; i < COUNT(refusals_of_sources); i++) {
		hear(id, peer, "10.0.0.1");
		refused_source = "10.0.0.1";
		refusal = refusals_of_sources[i];

		ssize_t n = send_to(peer);

		assert_int_equal(n, 5);
		assert_int_equal(kernel_sent_count(), i + 1);
		assert_string_equal(source_of(kernel_sent(i)), "");
		assert_memory_equal(&kernel_sent(i)->to.v4, &peer.v4, peer.len);
	}
}

TEST(a_refused_source_costs_three_calls)
{
	hear_at_lost_address();

	(void)send_to(peer);

	assert_string_equal(kernel_calls(), "sendmsg probe sendto");
}

TEST(a_refused_source_is_forgotten)
{
	hear_at_lost_address();
	(void)send_to(peer);
	(void)kernel_calls();

	(void)send_to(peer);

	assert_string_equal(kernel_calls(), "sendto");
}

TEST(a_plain_send_that_succeeds_keeps_errno)
{
	hear_at_lost_address();
	errno = ENOTTY;

	(void)send_to(peer);

	assert_int_equal(errno, ENOTTY);
}

/* ENETUNREACH also means that the route is down. */
TEST(a_source_is_kept_when_the_plain_send_fails_too)
{
	hear_at_lost_address();
	refusal = ENETUNREACH;
	plain_error = ENETUNREACH;
	(void)send_to(peer);
	refused_source = NULL;

	(void)send_to(peer);

	assert_string_equal(sources(), "10.0.0.1");
}

TEST(the_plain_send_s_error_is_the_application_s)
{
	hear_at_lost_address();
	refusal = EINVAL;
	plain_error = EHOSTUNREACH;

	ssize_t n = send_to(peer);

	assert_int_equal(n, -1);
	assert_int_equal(errno, EHOSTUNREACH);
}

/* What the kernel says to the message and not to its source. */
TEST(an_error_of_the_message_is_the_application_s)
{
	const int errors[] = { EINVAL, ENETUNREACH,   EHOSTUNREACH,
			       EACCES, EADDRNOTAVAIL, ENODEV };

	hear(id, peer, "10.0.0.1");
	for (size_t i = 0; i < COUNT(errors); i++) {
		any_error = errors[i];

		ssize_t n = send_to(peer);

		assert_int_equal(n, -1);
		assert_int_equal(errno, errors[i]);
		assert_string_equal(kernel_calls(), "sendmsg probe");
	}
}

TEST(other_errors_are_not_even_asked_about)
{
	const int errors[] = { EAGAIN, ENOBUFS, EMSGSIZE, EPIPE, ECONNREFUSED,
			       EINTR,  ENOMEM,	EBADF,	  EFAULT };

	hear(id, peer, "10.0.0.1");
	for (size_t i = 0; i < COUNT(errors); i++) {
		any_error = errors[i];

		ssize_t n = send_to(peer);

		assert_int_equal(n, -1);
		assert_int_equal(errno, errors[i]);
		assert_string_equal(kernel_calls(), "sendmsg");
	}
}

TEST(an_error_of_the_kernel_s_filters_is_the_application_s)
{
	hear(id, peer, "10.0.0.1");
	any_error = EPERM;

	ssize_t n = send_to(peer);

	assert_int_equal(n, -1);
	assert_int_equal(errno, EPERM);
	assert_string_equal(kernel_calls(), "sendmsg sendmsg");
}

TEST(after_an_error_of_the_message_the_source_is_kept)
{
	hear(id, peer, "10.0.0.1");
	any_error = EINVAL;
	(void)send_to(peer);
	any_error = 0;

	(void)send_to(peer);

	assert_string_equal(sources(), "10.0.0.1");
}

static int refuse_all(const struct sent *sent)
{
	return sent->is_probe ? EDESTADDRREQ : EINVAL;
}

TEST(what_has_no_destination_is_not_sent_again)
{
	open_ours(AF_INET6);
	hear(id, v6("::ffff:192.0.2.9", 5300), "10.0.0.1");
	peer = v4("192.0.2.9", 5300);
	peer.any.sa_family = AF_UNSPEC;
	kernel.judge = refuse_all;

	ssize_t n = send_to(peer);

	assert_int_equal(n, -1);
	assert_int_equal(errno, EINVAL);
	assert_string_equal(kernel_calls(), "sendmsg");
}

static int probe_flags;
static size_t probe_iovlen;
static struct address probe_to;

static int note_probe(const struct sent *sent)
{
	if (!sent->is_probe)
		return EINVAL;
	probe_flags = sent->flags;
	probe_iovlen = sent->iovlen;
	probe_to = sent->to;
	assert_string_equal(source_of(sent), "10.0.0.1");
	return 0;
}

TEST(what_asks_about_a_source_sends_nothing)
{
	const int probe = 0x10; /* the kernel's MSG_PROBE */

	hear(id, peer, "10.0.0.1");
	kernel.judge = note_probe;

	(void)send_to(peer);

	/* MSG_MORE: what a corked socket has pending stays there. */
	assert_int_equal(probe_flags,
			 probe | MSG_CONFIRM | MSG_DONTWAIT | MSG_MORE);
	assert_int_equal(probe_iovlen, 0);
	assert_memory_equal(&probe_to.v4, &peer.v4, peer.len);
}

/* Batches: the order of the answers. */

static void hear_three(void)
{
	hear(id, peer, "10.0.0.1");
	hear(id, peer, "10.0.0.2");
	hear(id, peer, "10.0.0.3");
	peers_drained();
}

TEST(answers_to_a_batch_have_its_order)
{
	hear_three();

	for (int i = 0; i < 3; i++)
		(void)send_to(peer);

	assert_string_equal(sources(), "10.0.0.1 10.0.0.2 10.0.0.3");
}

TEST(an_answer_that_failed_keeps_its_place)
{
	hear_three();
	any_error = EAGAIN;
	(void)send_to(peer);
	any_error = 0;

	(void)send_to(peer);

	assert_string_equal(sources(), "10.0.0.1");
}

TEST(an_answer_that_failed_after_a_question_keeps_its_place)
{
	hear_three();
	any_error = EINVAL;
	(void)send_to(peer);
	any_error = 0;

	(void)send_to(peer);

	assert_string_equal(sources(), "10.0.0.1");
}

TEST(an_answer_that_failed_plainly_keeps_its_place)
{
	hear_three();
	refused_source = "10.0.0.1";
	plain_error = ENETUNREACH;
	(void)send_to(peer);
	refused_source = NULL;

	(void)send_to(peer);

	assert_string_equal(sources(), "10.0.0.1");
}

TEST(an_answer_that_went_plainly_is_done)
{
	hear_three();
	refused_source = "10.0.0.1";
	(void)send_to(peer);

	(void)send_to(peer);

	assert_string_equal(sources(), "- 10.0.0.2");
}

/* sendmsg(2). */

static char app_payload[] = "hello";
static struct iovec app_iov;
static struct control app_control;

/* A message of the application's to `peer`, with app_control. */
static struct msghdr app_message(void)
{
	app_iov = (struct iovec){ app_payload, 5 };
	return (struct msghdr){
		.msg_name = &peer,
		.msg_namelen = peer.len,
		.msg_iov = &app_iov,
		.msg_iovlen = 1,
		.msg_control = app_control.used ? app_control.bytes : NULL,
		.msg_controllen = app_control.used,
		.msg_flags = -1,
	};
}

static struct msghdr app_msg;

static ssize_t send_app_message(void)
{
	app_msg = app_message();
	return sendmsg(FD, &app_msg, 0);
}

static void assert_sent_as_it_is(void)
{
	assert_ptr_equal(kernel_sent(0)->msg, &app_msg);
}

BEFORE_EACH(no_control)
{
	memset(&app_control, 0, sizeof(app_control));
	one_ipv4_socket();
}

TEST(sendmsg_has_the_address_asked_as_its_source)
{
	const struct msghdr msg = app_message();

	hear(id, peer, "10.0.0.1");

	ssize_t n = sendmsg(FD, &msg, MSG_DONTWAIT);

	assert_int_equal(n, 5);
	assert_string_equal(sources(), "10.0.0.1");
	assert_int_equal(kernel_sent(0)->flags, MSG_DONTWAIT);
	assert_ptr_equal(kernel_sent(0)->payload, app_payload);
}

TEST(sendmsg_does_not_write_the_application_s_message)
{
	control_add_tos(&app_control, 0x10);
	const struct msghdr msg = app_message(), before = msg;
	const struct control control_before = app_control;

	hear(id, peer, "10.0.0.1");

	(void)sendmsg(FD, &msg, 0);

	assert_string_equal(sources(), "10.0.0.1");
	assert_memory_equal(&msg, &before, sizeof(msg));
	assert_memory_equal(&app_control, &control_before, sizeof(app_control));
}

TEST(what_the_application_added_goes_before_ours)
{
	struct control expected = { 0 };

	hear(id, peer, "10.0.0.1");
	control_add_tos(&app_control, 0x10);
	control_add_tos(&expected, 0x10);
	control_add_v4(&expected, "10.0.0.1", "", 0);

	(void)send_app_message();

	assert_int_equal(kernel_sent(0)->control.used, expected.used);
	assert_memory_equal(kernel_sent(0)->control.bytes, expected.bytes,
			    expected.used -
				    CMSG_SPACE(sizeof(struct in_pktinfo)) +
				    CMSG_LEN(sizeof(struct in_pktinfo)));
}

/* CMSG_LEN in place of CMSG_SPACE, as many applications have it. */
TEST(behind_an_unpadded_message_ours_is_aligned)
{
	hear(id, peer, "10.0.0.1");
	control_add_tos(&app_control, 0x10);
	app_control.used = CMSG_LEN(1);

	(void)send_app_message();

	assert_int_equal(kernel_sent(0)->control.used,
			 CMSG_SPACE(1) + CMSG_SPACE(sizeof(struct in_pktinfo)));
	assert_string_equal(sources(), "10.0.0.1");
}

TEST(the_application_s_own_source_goes_as_it_is)
{
	hear(id, peer, "10.0.0.1");
	control_add_v4(&app_control, "10.0.0.9", "", 0);

	(void)send_app_message();

	assert_sent_as_it_is();
}

TEST(the_application_s_own_source_is_counted)
{
	hear(id, peer, "10.0.0.1");
	control_add_v4(&app_control, "10.0.0.9", "", 0);
	(void)counted();

	(void)send_app_message();

	assert_string_equal(counted(), "1 own ");
}

TEST(an_interface_of_the_application_stays_and_gets_a_source)
{
	hear(id, peer, "10.0.0.1");
	control_add_v4(&app_control, "", "", 7);

	(void)send_app_message();

	assert_string_equal(sources(), "10.0.0.1%7");
}

/* The one of now: it may have changed since the request. */
TEST(a_socket_bound_to_a_device_names_it)
{
	hear(id, peer, "10.0.0.1");
	sock_known(FD)->device = 7;

	(void)send_app_message();

	assert_string_equal(sources(), "10.0.0.1%7");
}

TEST(control_the_kernel_will_refuse_goes_as_it_is)
{
	hear(id, peer, "10.0.0.1");
	control_add_tos(&app_control, 0x10);
	app_control.bytes[0] = 1;

	(void)send_app_message();

	assert_sent_as_it_is();
}

TEST(sendmsg_to_a_stranger_goes_as_it_is)
{
	hear(id, peer, "10.0.0.1");
	struct msghdr msg = app_message();

	msg.msg_name = &stranger;

	(void)sendmsg(FD, &msg, 0);

	assert_ptr_equal(kernel_sent(0)->msg, &msg);
}

TEST(sendmsg_without_a_name_looks_at_nothing)
{
	struct msghdr msg = app_message();

	sock_forget(FD);
	msg.msg_name = NULL;

	(void)sendmsg(FD, &msg, 0);

	assert_string_equal(kernel_calls(), "sendmsg");
	assert_ptr_equal(kernel_sent(0)->msg, &msg);
}

static ssize_t refuse_with_efault(int fd, const struct msghdr *msg, int flags)
{
	(void)fd;
	(void)flags;
	assert_null(msg);
	errno = EFAULT;
	return -1;
}

TEST(sendmsg_of_no_message_is_left_to_the_kernel)
{
	real.sendmsg = refuse_with_efault;

	ssize_t n = sendmsg(FD, NULL, 0);

	assert_int_equal(n, -1);
	assert_int_equal(errno, EFAULT);
}

TEST(sendmsg_of_a_refused_source_goes_plainly)
{
	hear_at_lost_address();

	ssize_t n = send_app_message();

	assert_int_equal(n, 5);
	assert_sent_as_it_is();
	assert_string_equal(answer(id, peer), "nothing");
}

TEST(a_plain_sendmsg_that_succeeds_keeps_errno)
{
	hear_at_lost_address();
	errno = ENOTTY;

	(void)send_app_message();

	assert_int_equal(errno, ENOTTY);
}

TEST(a_plain_sendmsg_that_fails_leaves_the_source)
{
	hear_at_lost_address();
	plain_error = ENETUNREACH;

	ssize_t n = send_app_message();

	assert_int_equal(n, -1);
	assert_int_equal(errno, ENETUNREACH);
	assert_string_equal(answer(id, peer), "10.0.0.1");
}

/* Messages of up to 4000 bytes of control, of which the last is a byte. */
TEST(every_size_of_control_goes_before_ours)
{
	static const char data[64];

	for (size_t messages = 1; messages < 45; messages++) {
		memset(&app_control, 0, sizeof(app_control));
		for (size_t i = 1; i < messages; i++)
			control_add(&app_control, SOL_SOCKET, 1000, data,
				    sizeof(data));
		control_add_tos(&app_control, (unsigned char)messages);
		hear(id, peer, "10.0.0.1");

		ssize_t n = send_app_message();

		const struct sent *sent = kernel_sent(messages - 1);

		assert_int_equal(n, 5);
		assert_memory_equal(sent->control.bytes, app_control.bytes,
				    app_control.used);
		assert_int_equal(sent->control.used,
				 app_control.used +
					 CMSG_SPACE(sizeof(struct in_pktinfo)));
		assert_string_equal(source_of(sent), "10.0.0.1");
	}
}

/* It asks by itself as well, so it gets one answer; but that one it gets. */
TEST(an_answer_to_one_we_wrote_to_first_that_was_not_sent_is_still_due)
{
	assert_true(peers_open());
	(void)send_to(peer);
	hear(id, peer, "10.0.0.1");
	any_error = ENOBUFS;
	assert_int_equal(send_to(peer), -1);
	any_error = 0;

	(void)send_to(peer);
	(void)send_to(peer);

	assert_string_equal(sources(), "- 10.0.0.1 -");
}

TEST(much_control_does_not_hide_an_error)
{
	static const char data[2000];

	hear(id, peer, "10.0.0.1");
	control_add(&app_control, SOL_SOCKET, 1000, data, sizeof(data));
	any_error = EMSGSIZE;

	ssize_t n = send_app_message();

	assert_int_equal(n, -1);
	assert_int_equal(errno, EMSGSIZE);
}

TEST(much_control_with_a_refused_source_goes_plainly)
{
	static const char data[2000];

	hear_at_lost_address();
	control_add(&app_control, SOL_SOCKET, 1000, data, sizeof(data));

	ssize_t n = send_app_message();

	assert_int_equal(n, 5);
	assert_string_equal(sources(), "-");
	assert_string_equal(answer(id, peer), "nothing");
}

/* net.core.optmem_max: the kernel says ENOBUFS. */
TEST(more_control_than_the_kernel_takes_goes_as_it_is)
{
	static char huge[256 * 1024];
	struct msghdr msg = app_message();

	hear(id, peer, "10.0.0.1");
	msg.msg_control = huge;
	msg.msg_controllen = sizeof(huge);

	ssize_t n = sendmsg(FD, &msg, 0);

	assert_int_equal(n, 5);
	assert_int_equal(kernel_sent_count(), 1);
	assert_memory_equal(kernel_sent(0)->control.bytes, huge,
			    sizeof(kernel_sent(0)->control.bytes));
}

TEST(a_control_length_without_a_buffer_is_no_message)
{
	struct msghdr msg = app_message();

	hear(id, peer, "10.0.0.1");
	msg.msg_control = NULL;
	msg.msg_controllen = 0;

	(void)sendmsg(FD, &msg, 0);

	assert_string_equal(sources(), "10.0.0.1");
}

TEST(an_ipv4_source_on_a_dual_socket_is_the_application_s)
{
	open_ours(AF_INET6);
	peer = v6("::ffff:192.0.2.9", 5300);
	hear(id, peer, "10.0.0.1");
	control_add_v6(&app_control, "::ffff:10.0.0.9", 0);

	(void)send_app_message();

	assert_sent_as_it_is();
}

/* sendmmsg(2). */

TEST(a_batch_is_sent_from_the_address_asked)
{
	hear(id, peer, "10.0.0.1");
	prepare_batch(3);

	int n = sendmmsg(FD, batch, 3, MSG_DONTWAIT);

	assert_int_equal(n, 3);
	for (unsigned int i = 0; i < 3; i++) {
		assert_string_equal(source_of(kernel_sent(i)), "10.0.0.1");
		assert_ptr_equal(kernel_sent(i)->payload, &batch_payload[i]);
		assert_int_equal(kernel_sent(i)->flags, MSG_DONTWAIT);
	}
}

TEST(a_batch_has_the_lengths_that_were_sent)
{
	hear(id, peer, "10.0.0.1");
	prepare_batch(3);

	(void)sendmmsg(FD, batch, 3, 0);

	assert_int_equal(batch[0].msg_len, 1);
	assert_int_equal(batch[1].msg_len, 2);
	assert_int_equal(batch[2].msg_len, 3);
}

TEST(a_batch_s_messages_are_not_written)
{
	hear(id, peer, "10.0.0.1");
	prepare_batch(3);

	(void)sendmmsg(FD, batch, 3, 0);

	for (unsigned int i = 0; i < 3; i++)
		assert_memory_equal(&batch[i].msg_hdr, &batch_before[i].msg_hdr,
				    sizeof(batch[i].msg_hdr));
}

TEST(a_batch_answers_a_batch_in_its_order)
{
	hear_three();
	prepare_batch(3);

	(void)sendmmsg(FD, batch, 3, 0);

	assert_string_equal(sources(), "10.0.0.1 10.0.0.2 10.0.0.3");
}

TEST(a_batch_to_friends_and_strangers_is_mixed)
{
	hear(id, peer, "10.0.0.1");
	prepare_batch(4);
	batch_to[1] = stranger;
	batch[2].msg_hdr.msg_name = NULL;

	int n = sendmmsg(FD, batch, 4, 0);

	assert_int_equal(n, 4);
	assert_string_equal(sources(), "10.0.0.1 - - 10.0.0.1");
}

TEST(each_message_of_a_batch_keeps_its_control)
{
	static struct control controls[20];

	hear(id, peer, "10.0.0.1");
	prepare_batch(20);
	for (unsigned int i = 0; i < 20; i++) {
		controls[i] = (struct control){ 0 };
		for (unsigned int k = 0; k < i; k++)
			control_add_tos(&controls[i], (unsigned char)(16 * k));
		batch[i].msg_hdr.msg_control = controls[i].bytes;
		batch[i].msg_hdr.msg_controllen = controls[i].used;
	}

	(void)sendmmsg(FD, batch, 20, 0);

	for (unsigned int i = 0; i < 20; i++) {
		assert_memory_equal(kernel_sent(i)->control.bytes,
				    controls[i].bytes, controls[i].used);
		assert_string_equal(source_of(kernel_sent(i)), "10.0.0.1");
	}
}

TEST(a_batch_of_a_thousand_is_sent)
{
	hear(id, peer, "10.0.0.1");
	prepare_batch(1024);

	int n = sendmmsg(FD, batch, 1024, 0);

	assert_int_equal(n, 1024);
	for (unsigned int i = 0; i < 1024; i++)
		assert_string_equal(source_of(kernel_sent(i)), "10.0.0.1");
}

/* UIO_MAXIOV: sendmmsg(2). */
TEST(no_more_than_the_kernel_takes_is_sent)
{
	hear(id, peer, "10.0.0.1");
	prepare_batch(MOST);

	int n = sendmmsg(FD, batch, MOST, 0);

	assert_int_equal(n, 1024);
	assert_int_equal(kernel_sent_count(), 1024);
	assert_int_equal(batch[1024].msg_len, 12345);
}

TEST(a_batch_of_nothing_is_nothing)
{
	int n = sendmmsg(FD, batch, 0, 0);

	assert_int_equal(n, 0);
}

TEST(a_batch_that_fails_at_once_says_why)
{
	hear(id, peer, "10.0.0.1");
	prepare_batch(3);
	any_error = EAGAIN;

	int n = sendmmsg(FD, batch, 3, 0);

	assert_int_equal(n, -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(batch[0].msg_len, 12345);
}

TEST(a_batch_that_fails_later_says_how_far_it_came)
{
	hear(id, peer, "10.0.0.1");
	prepare_batch(3);
	bad_payload = &batch_payload[2];

	int n = sendmmsg(FD, batch, 3, 0);

	assert_int_equal(n, 2);
	assert_int_equal(kernel_sent_count(), 2);
	assert_int_equal(batch[1].msg_len, 2);
	assert_int_equal(batch[2].msg_len, 12345);
}

TEST(the_rest_of_a_batch_that_fails_keeps_its_order)
{
	hear_three();
	prepare_batch(3);
	bad_payload = &batch_payload[1];
	(void)sendmmsg(FD, batch, 3, 0);
	bad_payload = NULL;

	(void)sendmmsg(FD, batch + 1, 2, 0);

	assert_string_equal(source_of(kernel_sent(1)), "10.0.0.2");
	assert_string_equal(source_of(kernel_sent(2)), "10.0.0.3");
}

TEST(a_batch_that_fails_at_once_keeps_its_order)
{
	hear_three();
	prepare_batch(3);
	any_error = EAGAIN;
	(void)sendmmsg(FD, batch, 3, 0);
	any_error = 0;

	(void)sendmmsg(FD, batch, 3, 0);

	assert_string_equal(sources(), "10.0.0.1 10.0.0.2 10.0.0.3");
}

/* Three peers, of which the second asked an address that has gone. */
static void prepare_three_peers(void)
{
	const char *const local[] = { "10.0.0.1", "10.0.0.2", "10.0.0.3" };

	prepare_batch(3);
	for (uint16_t i = 0; i < 3; i++) {
		batch_to[i].v4.sin_port = htons((uint16_t)(5300 + i));
		hear(id, batch_to[i], local[i]);
	}
	refused_source = "10.0.0.2";
}

TEST(a_refused_source_in_a_batch_is_left_away)
{
	prepare_three_peers();

	int n = sendmmsg(FD, batch, 3, 0);

	assert_int_equal(n, 3);
	assert_string_equal(sources(), "10.0.0.1 - 10.0.0.3");
	assert_int_equal(batch[1].msg_len, 2);
	assert_int_equal(batch[2].msg_len, 3);
}

TEST(a_refused_source_in_a_batch_is_forgotten)
{
	prepare_three_peers();

	(void)sendmmsg(FD, batch, 3, 0);

	assert_string_equal(answer(id, batch_to[0]), "10.0.0.1");
	assert_string_equal(answer(id, batch_to[1]), "nothing");
	assert_string_equal(answer(id, batch_to[2]), "10.0.0.3");
}

TEST(refused_sources_first_and_last_are_left_away)
{
	prepare_three_peers();
	refused_source = "10.0.0.1";
	hear(id, batch_to[2], "10.0.0.1");

	int n = sendmmsg(FD, batch, 3, 0);

	assert_int_equal(n, 3);
	assert_string_equal(sources(), "- 10.0.0.2 -");
}

TEST(a_batch_whose_plain_send_fails_ends_there)
{
	prepare_three_peers();
	plain_error = ENETUNREACH;

	int n = sendmmsg(FD, batch, 3, 0);

	assert_int_equal(n, 1);
	assert_int_equal(kernel_sent_count(), 1);
	assert_string_equal(answer(id, batch_to[1]), "10.0.0.2");
}

TEST(a_batch_whose_first_plain_send_fails_says_why)
{
	prepare_three_peers();
	refused_source = "10.0.0.1";
	plain_error = ENETUNREACH;

	int n = sendmmsg(FD, batch, 3, 0);

	assert_int_equal(n, -1);
	assert_int_equal(errno, ENETUNREACH);
	assert_string_equal(answer(id, batch_to[0]), "10.0.0.1");
}

TEST(a_batch_s_plain_answer_is_done)
{
	hear_three();
	prepare_batch(3);
	refused_source = "10.0.0.2";

	int n = sendmmsg(FD, batch, 3, 0);

	assert_int_equal(n, 3);
	assert_string_equal(source_of(kernel_sent(1)), "");
	assert_string_equal(source_of(kernel_sent(2)), "10.0.0.3");
}

TEST(a_batch_that_is_sent_keeps_errno)
{
	hear(id, peer, "10.0.0.1");
	prepare_batch(1024);
	errno = ENOTTY;

	(void)sendmmsg(FD, batch, 1024, 0);

	assert_int_equal(errno, ENOTTY);
}

TEST(a_batch_sent_with_a_refused_source_keeps_errno)
{
	prepare_three_peers();
	refused_source = "10.0.0.1";
	errno = ENOTTY;

	int n = sendmmsg(FD, batch, 3, 0);

	assert_int_equal(n, 3);
	assert_int_equal(errno, ENOTTY);
}

TEST(without_memory_a_batch_goes_as_it_is)
{
	static struct control control;
	static const char data[2000];

	hear(id, peer, "10.0.0.1");
	prepare_batch(1024);
	control_add(&control, SOL_SOCKET, 1000, data, sizeof(data));
	for (unsigned int i = 0; i < 1024; i++) {
		batch[i].msg_hdr.msg_control = control.bytes;
		batch[i].msg_hdr.msg_controllen = control.used;
	}
	memory_is_out = true;

	int n = sendmmsg(FD, batch, 1024, 0);

	assert_int_equal(memory_refusals, 1);
	assert_int_equal(n, 1024);
	assert_ptr_equal(kernel_sent(0)->msg, &batch[0].msg_hdr);
}

static struct mmsghdr *seen_messages;
static unsigned int seen_n;

static int spy_sendmmsg(int fd, struct mmsghdr *msgs, unsigned int n, int flags)
{
	(void)fd;
	(void)flags;
	seen_messages = msgs;
	seen_n = n;
	return (int)n;
}

TEST(a_batch_of_others_gets_the_application_s)
{
	prepare_batch(MOST);
	real.sendmmsg = spy_sendmmsg;
	kernel_socket(OTHER_FD, AF_UNIX, SOCK_DGRAM, 0);

	(void)sendmmsg(OTHER_FD, batch, MOST, 0);
	assert_ptr_equal(seen_messages, batch);
	assert_int_equal(seen_n, MOST);
	(void)sendmmsg(FD, NULL, 3, 0);
	assert_null(seen_messages);
}

/* What has no address. */

TEST(send_and_write_are_left_to_libc)
{
	sock_forget(FD);

	assert_int_equal(send(FD, "hello", 5, 0), kernel.answer);
	assert_int_equal(__send(FD, "hello", 5, 0), kernel.answer);
	assert_int_equal(write(FD, "hello", 5), kernel.answer);
	assert_int_equal(__write(FD, "hello", 5), kernel.answer);
	assert_string_equal(kernel_calls(), "send send write write");
}

/* Sends without an address, on a socket that is pinned to its peer. */

static struct sock *pin(const char *source)
{
	struct sock *sock = sock_known(FD);

	sock->source = local_of(source);
	atomic_store(&sock->mode, SOCK_PINNED);
	errno = ENOTTY;
	return sock;
}

static void assert_sent_from(const char *source, const void *payload)
{
	assert_string_equal(kernel_calls(), "sendmsg");
	assert_int_equal(kernel_sent_count(), 1);
	assert_string_equal(source_of(kernel_sent(0)), source);
	assert_ptr_equal(kernel_sent(0)->payload, payload);
	assert_int_equal(kernel_sent(0)->payload_bytes, 5);
	assert_int_equal(kernel_sent(0)->to.len, 0);
	assert_int_equal(errno, ENOTTY);
}

TEST(a_pinned_send_has_its_source)
{
	static const char payload[] = "hello";

	(void)pin("10.0.0.1");

	assert_int_equal(send(FD, payload, 5, MSG_DONTWAIT), 5);
	assert_sent_from("10.0.0.1", payload);
	assert_int_equal(kernel_sent(0)->flags, MSG_DONTWAIT);
}

TEST(a_pinned_write_has_its_source)
{
	static const char payload[] = "hello";

	(void)pin("10.0.0.1");

	assert_int_equal(write(FD, payload, 5), 5);
	assert_sent_from("10.0.0.1", payload);
	assert_int_equal(kernel_sent(0)->flags, 0);
}

TEST(a_pinned_writev_has_its_source)
{
	static char payload[] = "hello";
	const struct iovec iov[] = { { payload, 2 }, { payload + 2, 3 } };

	(void)pin("10.0.0.1");

	assert_int_equal(writev(FD, iov, 2), 5);
	assert_sent_from("10.0.0.1", payload);
	assert_int_equal(kernel_sent(0)->iovlen, 2);
}

TEST(a_pinned_sendmsg_has_its_source)
{
	static char payload[] = "hello";
	struct iovec iov = { payload, 5 };
	const struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	(void)pin("10.0.0.1");

	assert_int_equal(sendmsg(FD, &msg, 0), 5);
	assert_sent_from("10.0.0.1", payload);
}

/* To the kernel that is none, but not in a sendto(2). */
TEST(a_pinned_message_with_a_name_of_no_bytes_has_its_source)
{
	static char payload[] = "hello";
	struct iovec iov = { payload, 5 };
	struct mmsghdr msg = { .msg_hdr = { .msg_name = &peer.any,
					    .msg_iov = &iov,
					    .msg_iovlen = 1 } };

	(void)pin("10.0.0.1");

	assert_int_equal(sendmsg(FD, &msg.msg_hdr, 0), 5);
	assert_int_equal(sendmmsg(FD, &msg, 1, 0), 1);
	assert_string_equal(sources(), "10.0.0.1 10.0.0.1");
	assert_ptr_equal(msg.msg_hdr.msg_name, &peer.any);
}

TEST(so_has_one_that_fails_and_if_it_is_refused_no_other_one)
{
	static char payload[] = "hello";
	struct iovec iov = { payload, 5 };
	struct mmsghdr msg = { .msg_hdr = { .msg_iov = &iov,
					    .msg_iovlen = 1 } };
	const long page_bytes = sysconf(_SC_PAGESIZE);
	void *unreadable = mmap(NULL, (size_t)page_bytes, PROT_NONE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(unreadable, MAP_FAILED);
	msg.msg_hdr.msg_name = unreadable;
	(void)pin("10.0.0.1");
	any_error = ENOBUFS;
	assert_int_equal(sendmmsg(FD, &msg, 1, 0), -1);
	any_error = 0;
	refused_source = "10.0.0.1";

	assert_int_equal(sendmmsg(FD, &msg, 1, 0), 1);
	assert_int_equal(sendmmsg(FD, &msg, 1, 0), 1);

	assert_string_equal(sources(), "- -");
	assert_int_equal(sock_mode(sock_known(FD)), SOCK_ARMED);
	assert_int_equal(munmap(unreadable, (size_t)page_bytes), 0);
}

TEST(a_pinned_sendto_to_nobody_has_its_source)
{
	static const char payload[] = "hello";

	(void)pin("10.0.0.1");

	assert_int_equal(sendto(FD, payload, 5, 0, NULL, 0), 5);
	assert_sent_from("10.0.0.1", payload);
}

TEST(a_pinned_batch_has_its_source)
{
	static char payload[] = "hello";
	struct iovec iov = { payload, 5 };
	struct mmsghdr msgs[2] = {
		{ .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } },
		{ .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } },
	};

	(void)pin("10.0.0.1");

	assert_int_equal(sendmmsg(FD, msgs, 2, 0), 2);
	assert_string_equal(sources(), "10.0.0.1 10.0.0.1");
}

TEST(a_pinned_ipv6_send_has_its_source)
{
	open_ours(AF_INET6);
	pin("fe80::1")->source.ifindex = 3;

	(void)send(FD, "hello", 5, 0);

	assert_string_equal(sources(), "fe80::1%3");
}

TEST(a_pinned_send_to_a_mapped_peer_has_its_source)
{
	open_ours(AF_INET6);
	(void)pin("10.0.0.1");

	(void)send(FD, "hello", 5, 0);

	assert_string_equal(sources(), "10.0.0.1");
}

TEST(a_pinned_send_to_another_has_that_one_s_source)
{
	(void)pin("10.0.0.1");
	hear(id, peer, "10.0.0.2");

	(void)send_to(peer);
	(void)send_to(stranger);

	assert_string_equal(sources(), "10.0.0.2 -");
}

TEST(a_pinned_sendmsg_with_a_source_keeps_it)
{
	struct iovec iov = { "hello", 5 };
	struct control control = { 0 };
	struct msghdr msg;

	(void)pin("10.0.0.1");
	control_add_v4(&control, "10.0.0.7", "", 0);
	msg = with_control(&control);
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;

	(void)sendmsg(FD, &msg, 0);

	assert_string_equal(sources(), "10.0.0.7");
}

TEST(a_refused_pinned_source_is_left_away)
{
	struct sock *sock = pin("10.0.0.1");

	refused_source = "10.0.0.1";

	assert_int_equal(write(FD, "hello", 5), 5);
	assert_string_equal(kernel_calls(), "sendmsg probe sendmsg");
	assert_string_equal(sources(), "-");
	assert_int_equal(errno, ENOTTY);
	assert_int_equal(atomic_load(&sock->mode), SOCK_ARMED);
}

TEST(a_refused_pinned_source_is_not_tried_again)
{
	(void)pin("10.0.0.1");
	refused_source = "10.0.0.1";
	(void)send(FD, "hello", 5, 0);
	(void)kernel_calls();

	(void)send(FD, "hello", 5, 0);

	assert_string_equal(kernel_calls(), "send");
}

/* The route is down: the source is still right. */
TEST(a_pinned_source_outlives_a_plain_send_that_fails)
{
	struct iovec iov = { "hello", 5 };
	const struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct sock *sock = pin("10.0.0.1");

	refused_source = "10.0.0.1";
	refusal = ENETUNREACH;
	plain_error = ENETUNREACH;

	assert_int_equal(sendmsg(FD, &msg, 0), -1);
	assert_int_equal(errno, ENETUNREACH);
	assert_int_equal(atomic_load(&sock->mode), SOCK_PINNED);
	assert_int_equal(send(FD, "hello", 5, 0), -1);
	assert_int_equal(atomic_load(&sock->mode), SOCK_PINNED);
}

TEST(a_pinned_send_that_fails_says_why)
{
	struct sock *sock = pin("10.0.0.1");

	any_error = EMSGSIZE;

	assert_int_equal(send(FD, "hello", 5, 0), -1);
	assert_int_equal(errno, EMSGSIZE);
	assert_string_equal(kernel_calls(), "sendmsg");
	assert_int_equal(atomic_load(&sock->mode), SOCK_PINNED);
}

TEST(odd_pinned_calls_are_left_to_libc)
{
	static const struct iovec iov[IOV_MAX + 1] = { { "hello", 5 } };
	volatile int negative = -1;

	(void)pin("10.0.0.1");

	(void)send(FD, "hello", 5, odd_flags);
	(void)writev(FD, iov, 0);
	(void)writev(FD, iov, negative);
	(void)writev(FD, iov, IOV_MAX + 1);

	assert_string_equal(kernel_calls(), "send writev writev writev");
}

/* Tried on Linux 6.18: write(2) of nothing sends a datagram, writev not. */
TEST(a_pinned_writev_of_nothing_sends_nothing)
{
	const struct iovec nothing[] = { { "", 0 }, { NULL, 0 } };

	(void)pin("10.0.0.1");

	(void)writev(FD, nothing, 2);
	assert_string_equal(kernel_calls(), "writev");
	assert_int_equal(write(FD, "", 0), 0);
	assert_string_equal(kernel_calls(), "sendmsg");
}

TEST(a_pinned_fd_that_is_a_file_by_now_is_written)
{
	(void)pin("10.0.0.1");
	kernel_file(FD);
	any_error = ENOTSOCK;

	assert_int_equal(write(FD, "hello", 5), kernel.answer);
	assert_string_equal(kernel_calls(), "sendmsg write");
	assert_int_equal(errno, ENOTTY);
	assert_null(sock_known(FD));
}
