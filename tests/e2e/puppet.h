/* SPDX-License-Identifier: MIT */
/* What of the puppet is elsewhere. */
#ifndef REPLYFROM_TESTS_PUPPET_H
#define REPLYFROM_TESTS_PUPPET_H

#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#define DATA_BYTES 2048

/* recvfrom(2) as a fortified program calls it, into `buf` of DATA_BYTES. */
ssize_t fortified_recvfrom(int fd, void *buf, size_t bytes, int flags,
			   void *name, socklen_t *namelen);

/* Its calls by their numbers, and by the names that the headers give them. */
ssize_t by_number_recvfrom(int fd, void *buf, size_t bytes, int flags,
			   struct sockaddr *from, socklen_t *fromlen);
ssize_t by_socketcall_recvfrom(int fd, void *buf, size_t bytes, int flags,
			       struct sockaddr *from, socklen_t *fromlen);
ssize_t by_number_recvmsg(int fd, struct msghdr *msg, int flags);
int by_number_recvmmsg(int fd, struct mmsghdr *msgs, unsigned int n, int flags,
		       struct timespec *timeout);
int by_time64_number_recvmmsg(int fd, struct mmsghdr *msgs, unsigned int n,
			      int flags, struct timespec *timeout);
ssize_t by_number_read(int fd, void *buf, size_t bytes);
ssize_t by_number_sendto(int fd, const void *buf, size_t bytes, int flags,
			 const struct sockaddr *to, socklen_t tolen);
ssize_t by_number_sendmsg(int fd, const struct msghdr *msg, int flags);
int by_number_sendmmsg(int fd, struct mmsghdr *msgs, unsigned int n, int flags);
ssize_t by_header_recvmsg(int fd, struct msghdr *msg, int flags);
int by_header_recvmmsg(int fd, struct mmsghdr *msgs, unsigned int n, int flags,
		       struct timespec *timeout);
ssize_t by_header_sendmsg(int fd, const struct msghdr *msg, int flags);
int by_header_sendmmsg(int fd, struct mmsghdr *msgs, unsigned int n, int flags);

#endif
