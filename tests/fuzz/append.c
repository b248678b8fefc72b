/* SPDX-License-Identifier: MIT */
/* A source behind the application's control messages: the last word is ours. */
#include "messages.h"

#include <string.h>

enum { ROOM = 4096 };

static struct local draw_local(struct tape *tape)
{
	struct local local = { .family = tape_byte(tape) % 2 ? AF_INET
							     : AF_INET6 };
	uint8_t address[sizeof(local.v6)];

	for (size_t i = 0; i < sizeof(address); i++)
		address[i] = tape_byte(tape);
	local.ifindex = tape_byte(tape);
	if (local.family == AF_INET)
		memcpy(&local.v4, address, sizeof(local.v4));
	else
		memcpy(&local.v6, address, sizeof(local.v6));
	return local;
}

/* Whether the last message, as libc walks them, is this source. */
static int is_last(struct msghdr *msg, const struct local *local)
{
	struct cmsghdr *last = NULL;
	struct in_pktinfo v4;
	struct in6_pktinfo v6;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c))
		last = c;
	if (!last)
		return 0;
	if (local->family == AF_INET) {
		memcpy(&v4, CMSG_DATA(last), sizeof(v4));
		return last->cmsg_type == IP_PKTINFO &&
		       last->cmsg_len == CMSG_LEN(sizeof(v4)) &&
		       v4.ipi_spec_dst.s_addr == local->v4.s_addr &&
		       v4.ipi_ifindex == (int)local->ifindex &&
		       !v4.ipi_addr.s_addr;
	}
	memcpy(&v6, CMSG_DATA(last), sizeof(v6));
	return last->cmsg_type == IPV6_PKTINFO &&
	       last->cmsg_len == CMSG_LEN(sizeof(v6)) &&
	       IN6_ARE_ADDR_EQUAL(&v6.ipi6_addr, &local->v6) &&
	       v6.ipi6_ifindex == local->ifindex;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static _Alignas(struct cmsghdr) char control[ROOM + PKTINFO_SPACE],
		before[ROOM];
	struct tape tape = { data, data + bytes };
	const struct local local = draw_local(&tape);
	struct msghdr rest = { .msg_control = control, .msg_controllen = ROOM };
	struct msghdr msg = { .msg_control = control };
	struct message message;
	uint32_t ifindex;
	size_t at;

	memset(control, 0, sizeof(control));
	while (next_message(&tape, &message))
		put_cmsg(&rest, message.level, message.type, message.data,
			 message.bytes);
	if (rest.msg_flags & MSG_CTRUNC)
		return 0;
	msg.msg_controllen = ROOM - rest.msg_controllen;

	(void)pktinfo_carried(&msg, PKTINFO_TO_V4, &at, &ifindex);
	assert(at == msg.msg_controllen);
	memcpy(before, control, at);
	msg.msg_controllen =
		at + pktinfo_append(control + at, &local, local.ifindex);

	assert(msg.msg_controllen <= sizeof(control));
	assert(!memcmp(control, before, at));
	assert(is_last(&msg, &local));
	return 0;
}
