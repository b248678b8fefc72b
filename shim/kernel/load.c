/* SPDX-License-Identifier: MIT */
/* Puts the engine's programs into the kernel, and takes them out. */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "kernel/loader.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <engine.skel.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#define BTF "/sys/kernel/btf/vmlinux"
#define BPFFS "/sys/fs/bpf"

#ifndef BPF_FS_MAGIC
#define BPF_FS_MAGIC 0xcafe4a11
#endif

void unload(void)
{
	DIR *dir = opendir(PINS);
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir)))
		(void)unlinkat(dirfd(dir), entry->d_name, 0);
	(void)closedir(dir);
	(void)rmdir(PINS);
}

/* Whether this host's Linux is older than 5.MINOR.  uname(2). */
static bool is_older_than(long minor_wanted, struct utsname *host)
{
	char *minor;
	long major;

	(void)uname(host);
	major = strtol(host->release, &minor, 10);
	return major < 5 ||
	       (major == 5 && strtol(minor + 1, NULL, 10) < minor_wanted);
}

static int refuse(int error, const struct loading *loading)
{
	struct utsname host;

	if (is_older_than(15, &host))
		return fail("Linux 5.15 or later is needed, this is %s; "
			    "check: uname -r",
			    host.release);
	if (access(BTF, R_OK))
		return fail("the kernel was built without BTF "
			    "(CONFIG_DEBUG_INFO_BTF); check: ls " BTF);
	if (error == EPERM || error == EACCES)
		return fail("the kernel refuses the programs: CAP_BPF, "
			    "CAP_PERFMON and CAP_NET_ADMIN are needed, and no "
			    "lockdown=confidentiality; check: id -u; "
			    "cat /sys/kernel/security/lockdown");
	if (loading->falls_back && is_older_than(19, &host))
		return fail("this kernel has inlined skb_consume_udp(), and "
			    "then Linux 5.19 or later is needed, this is %s; "
			    "check: uname -r",
			    host.release);
	return fail("the kernel does not take the programs: %s; "
		    "check: dmesg | tail",
		    strerror(error));
}

/* One more mount would hide what others have pinned in the one that is there.
 */
static bool is_bpffs(void)
{
	struct statfs system;

	return !statfs(BPFFS, &system) && system.f_type == BPF_FS_MAGIC;
}

int lock_engine(void)
{
	int fd;

	if (!is_bpffs() && mount("bpf", BPFFS, "bpf", 0, "mode=0700"))
		return errno == EPERM
			       ? refuse(errno, &(struct loading){ 0 })
			       : fail("cannot mount bpffs on " BPFFS ": %s; "
				      "check: mount -t bpf bpf " BPFFS,
				      strerror(errno));
	fd = open(BPFFS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == EACCES)
		return refuse(errno, &(struct loading){ 0 });
	if (fd < 0 || flock(fd, LOCK_EX))
		return fail("cannot lock " BPFFS ": %s; check: ls -ld " BPFFS,
			    strerror(errno));
	return 0; /* until this process ends */
}

static int make_pins(void)
{
	if (mkdir(PINS, 0700) && errno != EEXIST)
		return fail("cannot make " PINS ": %s; check: ls -ld " BPFFS,
			    strerror(errno));
	return 0;
}

static int pin(struct bpf_link *link, const char *name)
{
	char path[PATH_MAX];

	if (!link)
		return -1;
	(void)snprintf(path, sizeof(path), PINS "/%s", name);
	return bpf_link__pin(link, path);
}

static int attach_program(struct bpf_program *program, int root)
{
	const bool is_cgroup =
		!strncmp(bpf_program__section_name(program), "cgroup/", 7);
	struct bpf_link *link =
		is_cgroup ? bpf_program__attach_cgroup(program, root)
			  : bpf_program__attach(program);
	const int error = pin(link, bpf_program__name(program));

	(void)bpf_link__destroy(link); /* the pin holds it */
	return error;
}

static int pin_maps(struct bpf_object *object)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object)
	{
		char path[PATH_MAX];

		if (bpf_map__is_internal(map))
			continue;
		(void)snprintf(path, sizeof(path), PINS "/%s",
			       bpf_map__name(map));
		if (bpf_map__pin(map, path))
			return -1;
	}
	return 0;
}

static int attach_all(struct engine *engine)
{
	const int root = open(CGROUPS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct bpf_program *program;
	int error = pin_maps(engine->obj);

	bpf_object__for_each_program(program, engine->obj)
	{
		if (!error && bpf_program__autoload(program))
			error = attach_program(program, root);
	}
	(void)close(root);
	return error;
}

/* A datagram to ourselves is read on `server`.  False: it did not come. */
static bool send_and_read(int server, int client)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct pollfd there = { .fd = server, .events = POLLIN };
	socklen_t bytes = sizeof(to);
	char byte = 0;

	return !bind(server, (struct sockaddr *)&to, bytes) &&
	       !getsockname(server, (struct sockaddr *)&to, &bytes) &&
	       sendto(client, &byte, 1, 0, (struct sockaddr *)&to, bytes) ==
		       1 &&
	       poll(&there, 1, 1000) == 1 && recv(server, &byte, 1, 0) == 1;
}

/* What our own datagram counted is not the operator's. */
static void clear_counters(int map)
{
	const int processors = libbpf_num_possible_cpus();
	struct counters *none = NULL;
	const __u32 zero = 0;

	if (processors > 0)
		none = calloc((size_t)processors, sizeof(*none));
	if (none)
		(void)bpf_map_update_elem(map, &zero, none, BPF_ANY);
	free(none);
}

/* Whether reads call what on_read watches: it may be inlined. */
static bool sees_reads(struct engine *engine)
{
	struct bpf_link *link = bpf_program__attach(engine->progs.on_read);
	const int server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const int client = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const int counts = bpf_map__fd(engine->maps.counts);
	const struct mark mark = { 0 };
	struct counters sum = { 0 };
	bool came;

	if (!link || bpf_map_update_elem(bpf_map__fd(engine->maps.marks),
					 &server, &mark, BPF_NOEXIST))
		came = false; /* the next step says why */
	else
		came = send_and_read(server, client);
	(void)close(server);
	(void)close(client);
	(void)bpf_link__destroy(link);
	if (came && !sum_counters(counts, &sum) && !sum.seen)
		return false;
	clear_counters(counts);
	return true;
}

/* NULL, and errno: the kernel does not take it. */
static struct engine *open_engine(const struct loading *loading)
{
	struct engine *engine = engine__open();
	int error;

	if (!engine)
		return NULL;
	(void)bpf_program__set_autoload(engine->progs.on_read,
					!loading->falls_back);
	(void)bpf_program__set_autoload(engine->progs.on_receive,
					loading->falls_back);
	if (!engine__load(engine))
		return engine;
	error = errno;
	engine__destroy(engine);
	errno = error;
	return NULL;
}

static int put_in(const struct loading *loading)
{
	struct loading how = *loading;
	struct engine *engine = open_engine(&how);
	int error = errno;

	if (engine && !how.falls_back && !sees_reads(engine)) {
		engine__destroy(engine);
		how.falls_back = true;
		engine = open_engine(&how);
		error = errno;
	}
	if (engine && !attach_all(engine)) {
		engine__destroy(engine);
		return 0;
	}
	if (engine)
		error = errno;
	unload();
	engine__destroy(engine);
	return refuse(error, &how);
}

int load(const struct loading *loading)
{
	if (!is_cgroup_v2(CGROUPS))
		return fail("cgroup v2 is not mounted on " CGROUPS
			    "; check: stat -fc %%T " CGROUPS);
	unload(); /* what an attach that was interrupted has left */
	return make_pins() ? EXIT_FAILURE : put_in(loading);
}

/* The last program that is pinned: with it all are. */
bool is_loaded(void)
{
	return !access(PINS "/connect_ipv6", F_OK);
}
// NOLINTEND(concurrency-mt-unsafe)
