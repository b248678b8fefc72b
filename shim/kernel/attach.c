/* SPDX-License-Identifier: MIT */
/*
 * replyfrom-kernel: puts the engine's programs into the kernel, says which
 * units they serve, and takes them out.  What stays is pinned; no process does.
 */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "kernel/engine.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <ctype.h>
#include <dirent.h>
#include <engine.skel.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <limits.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#define PINS "/sys/fs/bpf/replyfrom"
#define CGROUPS "/sys/fs/cgroup"
#define BTF "/sys/kernel/btf/vmlinux"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

enum { EXIT_USAGE = 2, NAMESPACES = 4096 };

__attribute__((format(printf, 1, 2))) static int fail(const char *format, ...)
{
	va_list words;

	va_start(words, format);
	(void)fputs("replyfrom: ", stderr);
	(void)vfprintf(stderr, format, words);
	(void)fputc('\n', stderr);
	va_end(words);
	return EXIT_FAILURE;
}

static int open_map(const char *name)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), PINS "/%s", name);
	return bpf_obj_get(path);
}

/* Removes what is pinned, and so ends the engine. */
static void unpin_all(void)
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

/* -- the scope: which sockets -- */

static bool is_number(const char *word)
{
	return *word && word[strspn(word, "0123456789")] == '\0';
}

/* The cgroup of a process in the unified hierarchy, below /sys/fs/cgroup. */
static int cgroup_of(const char *pid, char *path, size_t bytes)
{
	char name[64];
	char line[PATH_MAX];
	FILE *file;
	int found = -1;

	(void)snprintf(name, sizeof(name), "/proc/%s/cgroup", pid);
	file = fopen(name, "re");
	if (!file)
		return fail("no process %s", pid);
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, "0::", 3)) {
			line[strcspn(line, "\n")] = '\0';
			found = snprintf(path, bytes, CGROUPS "%s", line + 3);
		}
	(void)fclose(file);
	if (found < 0)
		return fail("process %s is in no cgroup v2; check: cat %s", pid,
			    name);
	return 0;
}

static int scope_of_cgroup(const char *path, struct scope *scope)
{
	struct stat status;

	if (stat(path, &status) || !S_ISDIR(status.st_mode))
		return fail("no cgroup %s; check: ls -d %s", path, path);
	/* A cgroup's id is its directory's inode number.  cgroups(7). */
	scope->id = status.st_ino;
	return 0;
}

/* UNIT, CGROUP (a path) or PID.  Not 0: it is none, and that was reported. */
static int scope_of(const char *word, struct scope *scope)
{
	char path[PATH_MAX];
	int length;

	memset(scope, 0, sizeof(*scope));
	if (is_number(word))
		return cgroup_of(word, path, sizeof(path)) ||
		       scope_of_cgroup(path, scope);
	if (strchr(word, '/')) {
		(void)snprintf(path, sizeof(path), "%s%s",
			       strncmp(word, CGROUPS "/", sizeof(CGROUPS))
				       ? CGROUPS "/"
				       : "",
			       word);
		return scope_of_cgroup(path, scope);
	}
	length = snprintf(scope->name, sizeof(scope->name), "%s%s", word,
			  strchr(word, '.') ? "" : ".service");
	if (length >= (int)sizeof(scope->name))
		return fail("the unit's name is too long: %s", word);
	return 0;
}

/* -- in each network namespace -- */

/* Has the kernel judge the sockets of this namespace; see mark_existing. */
static int mark_sockets(void)
{
	const int iterator = open(PINS "/mark_existing", O_RDONLY | O_CLOEXEC);
	char rest[64];
	ssize_t n;

	if (iterator < 0)
		return -1;
	do
		n = read(iterator, rest, sizeof(rest));
	while (n > 0 || (n < 0 && errno == EAGAIN));
	(void)close(iterator);
	return n < 0 ? -1 : 0;
}

static __u64 netns_cookie(void)
{
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	__u64 cookie = 0;
	socklen_t bytes = sizeof(cookie);

	(void)getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &bytes);
	(void)close(fd);
	return cookie;
}

/* Addresses added later are noted by add_ipv4. */
static void note_broadcasts(int unusable)
{
	const __u64 netns = netns_cookie();
	const __u8 one = 1;
	struct ifaddrs *first, *i;

	if (getifaddrs(&first))
		return;
	for (i = first; i; i = i->ifa_next) {
		struct unusable_key key = { .netns = netns };
		struct sockaddr_in addr, mask;

		if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET ||
		    !i->ifa_netmask)
			continue;
		memcpy(&addr, i->ifa_addr, sizeof(addr));
		memcpy(&mask, i->ifa_netmask, sizeof(mask));
		if (mask.sin_addr.s_addr == INADDR_BROADCAST)
			continue;
		key.addr.s6_addr32[2] = htonl(0xffff);
		key.addr.s6_addr32[3] =
			addr.sin_addr.s_addr | ~mask.sin_addr.s_addr;
		(void)bpf_map_update_elem(unusable, &key, &one, BPF_ANY);
	}
	freeifaddrs(first);
}

static bool is_new(ino_t namespace)
{
	static ino_t seen[NAMESPACES];
	static size_t count;

	for (size_t i = 0; i < count; i++)
		if (seen[i] == namespace)
			return false;
	if (count < NAMESPACES)
		seen[count++] = namespace;
	return true;
}

static int visit(int namespace, int unusable)
{
	if (setns(namespace, CLONE_NEWNET))
		return -1;
	note_broadcasts(unusable);
	return mark_sockets();
}

/* The iterator shows the sockets of the reader's namespace only. */
static int visit_namespaces(void)
{
	const int unusable = open_map("unusable");
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int failed = 0;

	while (proc && (entry = readdir(proc))) {
		char path[NAME_MAX + 16];
		struct stat status;
		int namespace;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%s/ns/net",
			       entry->d_name);
		namespace = open(path, O_RDONLY | O_CLOEXEC);
		if (namespace < 0)
			continue; /* the process has ended */
		if (!fstat(namespace, &status) && is_new(status.st_ino) &&
		    visit(namespace, unusable))
			failed = fail("sockets from before are not served: %s",
				      strerror(errno));
		(void)close(namespace);
	}
	if (proc)
		(void)closedir(proc);
	(void)close(unusable);
	return failed;
}

/* -- the programs -- */

static int refuse(int error)
{
	struct utsname host;
	char *minor;
	long major;

	(void)uname(&host);
	major = strtol(host.release, &minor, 10);
	if (major < 5 || (major == 5 && strtol(minor + 1, NULL, 10) < 15))
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
	return fail("the kernel does not take the programs: %s; "
		    "check: dmesg | tail",
		    strerror(error));
}

static int silent(enum libbpf_print_level level, const char *format,
		  va_list words)
{
	if (!getenv("REPLYFROM_KERNEL_DEBUG"))
		return 0;
	(void)level;
	return vfprintf(stderr, format, words);
}

/* A mount of bpffs that others made is used as it is. */
static int make_pins(void)
{
	(void)mount("bpf", "/sys/fs/bpf", "bpf", 0, "mode=0700");
	if (mkdir(PINS, 0700) && errno != EEXIST)
		return fail("cannot make " PINS ": %s; check: mount -t bpf",
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
		if (!error)
			error = attach_program(program, root);
	}
	(void)close(root);
	return error;
}

static int start(void)
{
	struct engine *engine;

	if (make_pins())
		return EXIT_FAILURE;
	unpin_all(); /* what an attach that was interrupted has left */
	if (make_pins())
		return EXIT_FAILURE;
	engine = engine__open_and_load();
	if (!engine || attach_all(engine)) {
		const int error = errno;

		unpin_all();
		engine__destroy(engine);
		return refuse(error);
	}
	engine__destroy(engine);
	return 0;
}

/* The last program that is pinned: with it all are. */
static bool is_running(void)
{
	return !access(PINS "/connect_ipv6", F_OK);
}

/* -- subcommands -- */

static int attach_main(int argc, char **argv)
{
	const __u8 one = 1;
	struct scope scope;
	int scopes;

	if (argc != 2)
		return EXIT_USAGE;
	if (scope_of(argv[1], &scope) || (!is_running() && start()))
		return EXIT_FAILURE;
	scopes = open_map("scopes");
	if (scopes < 0 || bpf_map_update_elem(scopes, &scope, &one, BPF_ANY))
		return fail("%s: %s", argv[1], strerror(errno));
	return visit_namespaces();
}

static int detach_main(int argc, char **argv)
{
	const int scopes = open_map("scopes");
	struct scope scope, first;

	if (argc > 2)
		return EXIT_USAGE;
	if (scopes < 0)
		return fail("the engine is not attached; check: ls " PINS);
	if (argc == 2) {
		if (scope_of(argv[1], &scope))
			return EXIT_FAILURE;
		if (bpf_map_delete_elem(scopes, &scope))
			return fail("%s is not attached", argv[1]);
		if (!bpf_map_get_next_key(scopes, NULL, &first))
			return visit_namespaces();
	}
	unpin_all();
	return 0;
}

static int sum_counters(struct counters *sum)
{
	const int processors = libbpf_num_possible_cpus();
	const int map = open_map("counts");
	struct counters *each;
	const __u32 zero = 0;
	int error;

	memset(sum, 0, sizeof(*sum));
	if (map < 0 || processors < 1)
		return -1;
	each = calloc((size_t)processors, sizeof(*each));
	error = each ? bpf_map_lookup_elem(map, &zero, each) : -1;
	for (int i = 0; !error && i < processors; i++) {
#define X(name, text) sum->name += each[i].name;
		COUNTERS(X)
#undef X
	}
	free(each);
	(void)close(map);
	return error;
}

static void show_scopes(void)
{
	const int scopes = open_map("scopes");
	struct scope scope, *before = NULL;

	while (!bpf_map_get_next_key(scopes, before, &scope)) {
		if (*scope.name)
			(void)printf("kernel %s\n", scope.name);
		else
			(void)printf("kernel cgroup %llu\n", scope.id);
		before = &scope;
	}
	(void)close(scopes);
}

static int status_main(int argc, char **argv)
{
	const bool is_json = argc == 2 && !strcmp(argv[1], "--json");
	struct counters sum;

	if (argc > 1 && !is_json)
		return EXIT_USAGE;
	if (sum_counters(&sum))
		return fail("the engine is not attached; check: ls " PINS);
	if (is_json) {
		const char *comma = "{\"engine\":\"kernel\"";

		(void)fputs(comma, stdout);
#define X(name, text) (void)printf(",\"" text "\":%llu", sum.name);
		COUNTERS(X)
#undef X
		(void)puts("}");
	} else {
		show_scopes();
#define X(name, text) (void)printf("  %-30s %llu\n", text, sum.name);
		COUNTERS(X)
#undef X
	}
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} subcommands[] = {
		{ "attach", attach_main },
		{ "detach", detach_main },
		{ "status", status_main },
	};
	int status = EXIT_USAGE;

	libbpf_set_print(silent);
	for (size_t i = 0;
	     argc > 1 && i < sizeof(subcommands) / sizeof(subcommands[0]); i++)
		if (!strcmp(argv[1], subcommands[i].name))
			status = subcommands[i].run(argc - 1, argv + 1);
	if (status == EXIT_USAGE)
		(void)fputs("Usage: replyfrom-kernel attach UNIT|CGROUP|PID\n"
			    "       replyfrom-kernel detach [UNIT|CGROUP|PID]\n"
			    "       replyfrom-kernel status [--json]\n",
			    stderr);
	return status;
}
// NOLINTEND(concurrency-mt-unsafe)
