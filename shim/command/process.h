/* SPDX-License-Identifier: MIT */
/* What /proc says of a process.  proc(5). */
#ifndef REPLYFROM_PROCESS_H
#define REPLYFROM_PROCESS_H

#include "common/port_list.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

enum {
	PROCESS_NAME_BYTES = 64,
	PROCESS_WHERE_BYTES = 256,
	PROCESS_LABEL_BYTES = 256,
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
	/* as its program is setuid, setgid, has capabilities, or is hidden */
	bool privileged_file;
	char preload[PROCESS_PRELOAD_BYTES]; /* LD_PRELOAD, from its start */
	char libc[PATH_MAX];		     /* in its root directory; or "" */
	/* The library's readable data, and where its file begins. */
	struct process_mapping data[PROCESS_MAPPINGS];
	size_t data_count;
	uint64_t base;
	/* The bits of those ports. */
	uint32_t only_ports[PORTS_WORDS];
};

/* Reads all of it.  False, and errno: there is none. */
bool process_read(pid_t pid, struct process *process);

/*
 * Reads what takes no part of its memory or files, and so cannot get stuck: the
 * names, users, unit and container.
 */
bool process_read_names(pid_t pid, struct process *process);

/*
 * What AppArmor or SELinux confines it by, such as "named (enforce)" or
 * "system_u:system_r:named_t:s0"; "" where neither is there.  `which` is
 * "current", or "prev": as it was before its last execve().  The label has
 * PROCESS_LABEL_BYTES.
 */
void process_label(pid_t pid, const char *which, char *label);

/* When it started, by CLOCK_BOOTTIME; 0: it is not known. */
uint64_t process_start_ms(pid_t pid);

/* The inode of one of its namespaces, such as "net"; 0: it cannot be seen. */
ino_t process_namespace(pid_t pid, const char *kind);

/* Calls `found` for each process there is, in no order.  False, and errno. */
bool process_each(void (*found)(pid_t pid, void *data), void *data);

/* Opens /proc/PID/NAME for reading. */
FILE *process_open(pid_t pid, const char *name);

/* The nearest process above this one that has the library, or should. */
bool process_above_with_library(const struct process *process,
				struct process *above);

#endif
