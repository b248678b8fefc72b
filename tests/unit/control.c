/* SPDX-License-Identifier: MIT */
/* Puts control messages together. */
#include "control.h"

#include "address.h"
#include "unit.h"

#include <netinet/in.h>
#include <string.h>

void put_cmsg(struct msghdr *msg, int level, int type, const void *data,
	      size_t bytes)
{
	struct cmsghdr header = {
		.cmsg_len = CMSG_LEN(bytes),
		.cmsg_level = level,
		.cmsg_type = type,
	};
	unsigned char *at = msg->msg_control;
	size_t space = CMSG_SPACE(bytes);

	if (!at || msg->msg_controllen < sizeof(header)) {
		msg->msg_flags |= MSG_CTRUNC;
		return;
	}
	if (msg->msg_controllen < header.cmsg_len) {
		msg->msg_flags |= MSG_CTRUNC;
		header.cmsg_len = msg->msg_controllen;
	}
	memcpy(at, &header, sizeof(header));
	if (header.cmsg_len > sizeof(header))
		memcpy(at + sizeof(header), data,
		       header.cmsg_len - sizeof(header));
	if (space > msg->msg_controllen)
		space = msg->msg_controllen;
	msg->msg_control = at + space;
	msg->msg_controllen -= space;
}

void control_add(struct control *control, int level, int type, const void *data,
		 size_t bytes)
{
	struct msghdr rest = {
		.msg_control = control->bytes + control->used,
		.msg_controllen = sizeof(control->bytes) - control->used,
	};

	put_cmsg(&rest, level, type, data, bytes);
	assert_int_equal(rest.msg_flags, 0);
	control->used = sizeof(control->bytes) - rest.msg_controllen;
}

void control_add_v4(struct control *control, const char *spec_dst,
		    const char *addr, uint32_t ifindex)
{
	const struct in_pktinfo info = {
		.ipi_ifindex = (int)ifindex,
		.ipi_spec_dst = in4(*spec_dst ? spec_dst : "0.0.0.0"),
		.ipi_addr = in4(*addr ? addr : "0.0.0.0"),
	};

	control_add(control, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
}

void control_add_v6(struct control *control, const char *addr, uint32_t ifindex)
{
	const struct in6_pktinfo info = {
		.ipi6_addr = in6(addr),
		.ipi6_ifindex = ifindex,
	};

	control_add(control, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
}

void control_add_tos(struct control *control, unsigned char tos)
{
	control_add(control, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
}

struct msghdr with_control(const struct control *control)
{
	return (struct msghdr){
		.msg_control = (void *)control->bytes,
		.msg_controllen = control->used,
	};
}
