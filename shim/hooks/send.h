/* SPDX-License-Identifier: MIT */
/* What all sending hooks share: gives a message its source. */
#ifndef REPLYFROM_SEND_H
#define REPLYFROM_SEND_H

#include "base/attribute.h"
#include "base/probe.h"
#include "base/real.h"
#include "hooks/hook.h"
#include "state/peers.h"
#include "state/pktinfo.h"
#include "state/sock.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

/* Only looks up the route of a send.  The kernel does not export this flag. */
#define MSG_PROBE 0x10

/*
 * Whether a send with these flags is left to libc.  Bit 31 is the kernel's own
 * MSG_CMSG_COMPAT, with which sendmsg(2) fails; MSG_PROBE sends nothing.
 */
static inline bool sends_nothing(unsigned int flags)
{
	return (flags & (1U << 31 | MSG_PROBE)) != 0;
}

/* Room for the control message that names the source, in6_pktinfo at most. */
#define SOURCE_CONTROL_BYTES CMSG_SPACE(sizeof(struct in6_pktinfo))

/* The kernel takes no more, by default (net.core.optmem_max). */
#define MOST_CONTROL_BYTES ((size_t)128 * 1024)

/* The source that a message gets. */
struct source {
	struct local local;
	uint32_t ifindex; /* of the interface that it leaves by, or 0: any */
	bool queued;	  /* taken from a batch: see peers_unrecall */
	size_t end;	  /* of the application's control messages, in bytes */
};

/* A name without length is none.  net/socket.c, __copy_msghdr. */
ALWAYS_INLINE bool send_has_name(const struct msghdr *msg)
{
	return msg->msg_name && msg->msg_namelen;
}

/* The family of the peer; AF_INET for a v4-mapped address. */
ALWAYS_INLINE int family_of(const struct sockaddr_in6 *to)
{
	return UNLIKELY(to->sin6_family == AF_INET6) &&
			       !IN6_IS_ADDR_V4MAPPED(&to->sin6_addr)
		       ? AF_INET6
		       : AF_INET;
}

/* Which control message names the source: see pktinfo.h. */
ALWAYS_INLINE enum pktinfo_target target_of(const struct sock *sock,
					    int peer_family)
{
	if (sock_family(sock) == AF_INET)
		return PKTINFO_TO_V4;
	return peer_family == AF_INET ? PKTINFO_TO_MAPPED : PKTINFO_TO_V6;
}

/*
 * The address that msg goes to.  A link-local peer is remembered with its
 * scope; if the application left that out, *scoped is the address with the
 * scope of the socket's device, or of the interface that its pktinfo names.
 */
const struct sockaddr *send_with_scope(const struct sock *sock,
				       const struct msghdr *msg,
				       struct sockaddr_in6 *scoped);

/* Looks up the source of an answer to the peer of msg.  False: none. */
ALWAYS_INLINE bool recall(struct sock *sock, const struct msghdr *msg,
			  struct source *source)
{
	const socklen_t len = msg->msg_namelen;
	struct sockaddr_in6 scoped;
	const struct sockaddr *to = msg->msg_name;

	if (UNLIKELY(to->sa_family == AF_INET6))
		to = send_with_scope(sock, msg, &scoped);
	return peers_recall(sock_id(sock), to, len, &source->local,
			    &source->queued);
}

/*
 * Reads the control messages of a message that is to be sent: sets
 * source->ifindex and source->end.  False: they name a source themselves, or
 * the kernel will refuse them.
 */
bool send_read_control(const struct msghdr *msg, enum pktinfo_target target,
		       struct source *source);

/*
 * Finds the source of msg.  has_control: it has control messages.  False: send
 * it plainly, because it has a source of its own, or its peer is no client.
 */
ALWAYS_INLINE bool find_source(struct sock *sock, const struct msghdr *msg,
			       bool has_control, struct source *source)
{
	enum pktinfo_target target;

	/* The kernel will refuse these: let it. */
	if (UNLIKELY(has_control) &&
	    (msg->msg_controllen > MOST_CONTROL_BYTES || !msg->msg_control))
		return false;
	if (UNLIKELY(!msg->msg_name ||
		     msg->msg_namelen < sizeof(struct sockaddr_in) ||
		     msg->msg_namelen > sizeof(struct sockaddr_storage))) {
		if (send_has_name(msg) || !sock_is_pinned(sock, &source->local))
			return false;
		source->queued = false;
		target = target_of(sock, source->local.family);
	} else {
		if (peers_count_if(!recall(sock, msg, source), COUNT_UNKNOWN))
			return false;
		target = target_of(sock, family_of(msg->msg_name));
	}
	source->ifindex = 0;
	source->end = 0;
	if (UNLIKELY((target == PKTINFO_TO_V6) !=
		     (source->local.family == AF_INET6)) ||
	    (UNLIKELY(has_control) &&
	     peers_count_if(!send_read_control(msg, target, source),
			    COUNT_OWN)))
		return false;
	/* On older kernels an index of 0 undoes the binding to a device. */
	if (!source->ifindex)
		source->ifindex = source->local.ifindex;
	if (!source->ifindex)
		source->ifindex = sock_ifindex(sock);
	return true;
}

/*
 * Gives msg, which is not the application's own, its source; `control` has
 * source->end + SOURCE_CONTROL_BYTES bytes.
 */
ALWAYS_INLINE void add_source(struct msghdr *msg, const struct source *source,
			      char *control)
{
	size_t theirs = msg->msg_controllen;

	if (UNLIKELY(source->end && msg->msg_control)) {
		if (theirs > source->end)
			theirs = source->end;
		memcpy(control, msg->msg_control, theirs);
		memset(control + theirs, 0, source->end - theirs);
	}
	/* Last: the last source wins, even if it names only an interface. */
	msg->msg_control = control;
	msg->msg_controllen =
		source->end + pktinfo_append(control + source->end,
					     &source->local, source->ifindex);
}

/* Whether a send may fail with this errno because of its source. */
bool send_may_mean_source(int error);

/*
 * Whether the kernel has no route for `out`, which was not sent, from its
 * source; then logs that.  Asks with MSG_PROBE, which sends nothing.  Any other
 * error, such as a pending one, is the application's; so is AF_UNSPEC on an
 * AF_INET6 socket, which is no peer.  Keeps errno.
 */
bool send_is_refused(int fd, const struct sock *sock, const struct msghdr *out,
		     const struct source *source);

/* Counts a message that was sent from its source. */
ALWAYS_INLINE void note_rewritten(struct sock *sock, const struct msghdr *msg,
				  const struct source *source)
{
	peers_count(COUNT_REWRITTEN, 1);
	PROBE4(rewritten, sock, msg->msg_name, msg->msg_namelen,
	       &source->local);
}

/* A message was not sent: its answer is still due.  See peers_unrecall(). */
void send_note_unsent(const struct sock *sock, const struct msghdr *msg,
		      const struct source *source);

/*
 * After the plain send of a message whose source was refused.  If it succeeded,
 * the source is not recalled for this peer again.
 */
void send_note_plain(struct sock *sock, const struct msghdr *msg,
		     const struct source *source, bool succeeded);

/*
 * The rest of sender(), for an fd that is not tracked: follow_send() in
 * state/follow.h, and otherwise sock_probe().
 */
struct sock *sender_slowly(int fd, const void *to, socklen_t len);

/*
 * The armed sock of fd, or NULL.  The caller is about to send to this address;
 * NULL: to the peer that fd is connected to.
 */
ALWAYS_INLINE struct sock *sender(int fd, const void *to, socklen_t len)
{
	struct sock *sock = sock_occupant(fd);

	return LIKELY(sock_is_armed(sock)) ? sock : sender_slowly(fd, to, len);
}

/* sendmmsg(2), on any fd, by `call`. */
int send_messages(__typeof__(&sendmmsg) call, int fd, struct mmsghdr *msgs,
		  unsigned int n, batch_flags flags);

#endif
