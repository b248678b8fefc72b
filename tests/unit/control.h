/* SPDX-License-Identifier: MIT */
/* Control messages, put together as the kernel does it. */
#ifndef CONTROL_H
#define CONTROL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/*
 * A model of the kernel's put_cmsg (net/core/scm.c): writes one control message
 * at msg->msg_control into the msg->msg_controllen bytes that are left there,
 * and moves both on.  Sets MSG_CTRUNC when it did not fit.
 */
void put_cmsg(struct msghdr *msg, int level, int type, const void *data,
	      size_t bytes);

/* Control messages in a row. */
struct control {
	_Alignas(struct cmsghdr) unsigned char bytes[4096];
	size_t used;
};

void control_add(struct control *control, int level, int type, const void *data,
		 size_t bytes);

/* IP_PKTINFO, with 0.0.0.0 for what is "". */
void control_add_v4(struct control *control, const char *spec_dst,
		    const char *addr, uint32_t ifindex);

/* IPV6_PKTINFO. */
void control_add_v6(struct control *control, const char *addr,
		    uint32_t ifindex);

/* IP_TOS: one byte that is none of our business. */
void control_add_tos(struct control *control, unsigned char tos);

/* A message that has these. */
struct msghdr with_control(const struct control *control);

#endif
