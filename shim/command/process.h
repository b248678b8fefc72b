/* SPDX-License-Identifier: MIT */
/* What /proc says of a process and of its sockets.  proc(5). */
#ifndef REPLYFROM_PROCESS_H
#define REPLYFROM_PROCESS_H

#include "common/ports.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { PROCESS_SOCKET_TEXT = 64 };

struct process {
	pid_t pid;
	pid_t parent;
	char name[32];
	uid_t uid; /* effective */
	gid_t gid;
	bool readable;	 /* what follows could be read */
	bool loaded;	 /* has the library mapped */
	uintptr_t base;	 /* there, in its memory */
	bool wanted;	 /* was started with it in LD_PRELOAD */
	bool disabled;	 /* and with REPLYFROM_DISABLE */
	bool choosy;	 /* and with REPLYFROM_ONLY_PORTS */
	bool passed;	 /* was handed sockets: sd_listen_fds(3) */
	bool privileged; /* its loader ignored LD_PRELOAD: getauxval(3) */
	/* The bits of those ports. */
	uint32_t only_ports[PORTS_COUNT / PORTS_PER_WORD];
};

/* False, and errno: there is none. */
bool process_read(pid_t pid, struct process *process);

/* A UDP socket that is bound to the wildcard. */
struct wildcard {
	unsigned long inode;
	uint16_t port;
	char text[PROCESS_SOCKET_TEXT]; /* "udp 0.0.0.0:53" */
};

/* Those of the process's network namespace; answers how many. */
size_t process_wildcards(pid_t pid, struct wildcard *list, size_t room);

/*
 * Calls `found` for each socket that the process has open, with its fd.  False,
 * and errno: they cannot be read.
 */
bool process_sockets(pid_t pid,
		     void (*found)(unsigned long inode, int fd, void *data),
		     void *data);

/* Whether the socket was set up by the library, whoever has it now. */
bool process_socket_is_marked(pid_t pid, int fd);

/* Whether the process itself is told which address was asked.  ip(7). */
bool process_socket_has_pktinfo(pid_t pid, int fd);

bool process_socket_is_v6_only(pid_t pid, int fd);

/* The nearest process above this one that has the library, or should. */
bool process_above_with_library(const struct process *process,
				struct process *above);

#endif
