/* SPDX-License-Identifier: MIT */
/* What /proc says of a process and of its sockets.  proc(5). */
#ifndef REPLYFROM_PROCESS_H
#define REPLYFROM_PROCESS_H

#include "common/port_list.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	PROCESS_SOCKET_TEXT = 64,
	PROCESS_NAME_BYTES = 64,
	PROCESS_WHERE_BYTES = 256,
	PROCESS_PRELOAD_BYTES = 1024,
	PROCESS_MAPPINGS = 32,
};

/* A part of a process's memory. */
struct process_mapping {
	uint64_t start;
	uint64_t end;
};

/* All text here is the process's own: print_clean(). */
struct process {
	pid_t pid;
	pid_t parent;
	char name[PROCESS_NAME_BYTES];
	char program[PROCESS_NAME_BYTES];    /* its file, without directory */
	char unit[PROCESS_WHERE_BYTES];	     /* "nsd.service", or "" */
	char container[PROCESS_WHERE_BYTES]; /* its name or short id, or "" */
	uid_t uid;			     /* effective */
	gid_t gid;
	bool readable;	 /* what follows could be read */
	bool loaded;	 /* has the library mapped */
	bool outdated;	 /* and its file was replaced since, or removed */
	bool wanted;	 /* was started with it in LD_PRELOAD */
	bool disabled;	 /* and with REPLYFROM_DISABLE */
	bool choosy;	 /* and with REPLYFROM_ONLY_PORTS */
	bool passed;	 /* was handed sockets: sd_listen_fds(3) */
	bool privileged; /* its loader ignored LD_PRELOAD: getauxval(3) */
	char preload[PROCESS_PRELOAD_BYTES]; /* LD_PRELOAD, from its start */
	char libc[PATH_MAX];		     /* in its root directory; or "" */
	/* The library's readable data, and where its file begins. */
	struct process_mapping data[PROCESS_MAPPINGS];
	size_t data_count;
	uint64_t base;
	/* The bits of those ports. */
	uint32_t only_ports[PORTS_WORDS];
};

/* This host's services(5). */
extern const struct port_list_services process_services;

/* Reads all of it.  False, and errno: there is none. */
bool process_read(pid_t pid, struct process *process);

/*
 * Reads what takes no part of its memory or files, and so cannot get stuck: the
 * names, users, unit and container.
 */
bool process_read_names(pid_t pid, struct process *process);

/* The inode of one of its namespaces, such as "net"; 0: it cannot be seen. */
ino_t process_namespace(pid_t pid, const char *kind);

/* Calls `found` for each process there is, in no order.  False, and errno. */
bool process_each(void (*found)(pid_t pid, void *data), void *data);

/* A UDP socket that is bound to the wildcard. */
struct wildcard {
	unsigned long inode;
	uint16_t port;
	bool v6;
	char text[PROCESS_SOCKET_TEXT]; /* "udp 0.0.0.0:53" */
};

/*
 * Lists those of the process's network namespace, in memory that the caller
 * frees; `more` is how many there are beyond.
 */
struct wildcard *process_wildcards(pid_t pid, size_t *count, size_t *more);

/*
 * Calls `found` for each socket that the process has open, with its fd.  False,
 * and errno: they cannot be read.
 */
bool process_sockets(pid_t pid,
		     void (*found)(unsigned long inode, int fd, void *data),
		     void *data);

struct socket_options {
	bool known;   /* the rest could be read */
	bool marked;  /* it was set up by the library, whoever has it now */
	bool pktinfo; /* the process itself asked for it.  ip(7) */
	bool v6_only;
};
struct socket_options process_socket_options(pid_t pid, int fd);

/* The nearest process above this one that has the library, or should. */
bool process_above_with_library(const struct process *process,
				struct process *above);

/* Whether this process has this socket open. */
bool process_has_socket(pid_t pid, unsigned long inode);

#endif
