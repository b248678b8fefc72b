/* SPDX-License-Identifier: MIT */
/*
 * What the application sees of the control messages, against a model of the
 * kernel that knows nothing of ours; and bytes that no kernel writes.
 */
#include "messages.h"

#include <string.h>

enum { ROOM = 4096, UNTOUCHED = 0xa5 };

struct buffer {
	_Alignas(struct cmsghdr) uint8_t bytes[ROOM];
};

static struct msghdr begin(struct buffer *buffer, size_t room)
{
	memset(buffer->bytes, UNTOUCHED, sizeof(buffer->bytes));
	return (struct msghdr){ .msg_control = buffer->bytes,
				.msg_controllen = room };
}

static void end(struct msghdr *msg, struct buffer *buffer, size_t room)
{
	msg->msg_control = buffer->bytes;
	msg->msg_controllen = room - msg->msg_controllen;
}

static void strip_as_the_kernel(struct tape tape)
{
	static struct buffer all, expected, got;
	const enum pktinfo_kinds wanted = tape_byte(&tape) % 4;
	const size_t room = tape_size(&tape);
	struct msghdr from = begin(&all, ROOM);
	struct msghdr without_us = begin(&expected, room);
	struct msghdr to = begin(&got, room);
	struct message message;

	while (next_message(&tape, &message)) {
		put_cmsg(&from, message.level, message.type, message.data,
			 message.bytes);
		if (message.kind && !(message.kind & wanted))
			continue;
		put_cmsg(&without_us, message.level, message.type, message.data,
			 message.bytes);
	}
	/* Ours is never too small for what a kernel has. */
	if (from.msg_flags & MSG_CTRUNC)
		return;
	end(&from, &all, ROOM);
	end(&without_us, &expected, room);

	pktinfo_strip(&from, &to, wanted);

	assert(to.msg_controllen == without_us.msg_controllen);
	assert(to.msg_flags == without_us.msg_flags);
	assert(!memcmp(got.bytes, expected.bytes, ROOM));
}

/* Nothing outside is read or written; the sanitizer tells. */
static void survive(const uint8_t *data, size_t bytes)
{
	uint8_t *const control = malloc(bytes), *const to = malloc(bytes);
	struct msghdr from = { .msg_control = control,
			       .msg_controllen = bytes };
	struct msghdr app = { .msg_control = to, .msg_controllen = bytes };
	struct local local;
	uint32_t ifindex;
	size_t at;

	memcpy(control, data, bytes);
	(void)pktinfo_read(&from, &local);
	for (enum pktinfo_target target = PKTINFO_TO_V4;
	     target <= PKTINFO_TO_V6; target++) {
		(void)pktinfo_carried(&from, target, &at, &ifindex);
		assert(at == SIZE_MAX || at <= CMSG_ALIGN(bytes));
	}
	pktinfo_strip(&from, &app, PKTINFO_V4);
	assert(app.msg_controllen <= bytes);
	free(control);
	free(to);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	if (bytes > ROOM)
		return 0;
	strip_as_the_kernel((struct tape){ data, data + bytes });
	survive(data, bytes);
	return 0;
}
