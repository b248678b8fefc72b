/* SPDX-License-Identifier: MIT */
/* Says whether the library can help a command, a process, or all there are. */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "command/command.h"
#include "command/host.h"
#include "command/judge.h"
#include "command/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	MOST_SOCKETS = 4096, /* of a host, on the wildcard */
	MOST_NAMED = 8,	     /* addresses, in a line */
	WRONG_BYTES = MOST_NAMED * 3 * HOST_TEXT_BYTES,
};

#define NOT_NEEDED "not needed: no address would be answered wrong"

/* A network namespace, as it was last looked at. */
static struct {
	ino_t inode;
	struct host_address addresses[HOST_MOST_ADDRESSES];
	int count; /* -1: they cannot be read */
	struct wildcard sockets[MOST_SOCKETS];
	size_t socket_count;
} network;

/* What was said already: workers that share a socket are one line. */
static struct {
	unsigned long inode;
	char name[32];
} said[MOST_SOCKETS];
static size_t said_count;

static int check_command(const char *command, const struct starter *starter)
{
	struct verdict verdict;
	char path[PATH_MAX];

	if (!judge_find(command, path))
		return command_fail(EXIT_FAILURE, command,
				    "there is no such command");
	if (!judge(path, starter, &verdict))
		return command_fail_errno(EXIT_FAILURE, path);
	(void)printf("%s: replyfrom %s%s%s\n", command,
		     verdict.helps ? "can help" : "cannot help",
		     *verdict.text ? ": " : "", verdict.text);
	return command_finish(verdict.helps ? EXIT_SUCCESS : EXIT_FAILURE);
}

static int addresses_of(pid_t pid, bool own)
{
	char path[64];
	int there, here, count = -1;

	if (own)
		return host_addresses(network.addresses, HOST_MOST_ADDRESSES);
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	there = open(path, O_RDONLY | O_CLOEXEC);
	if (here >= 0 && there >= 0 && !setns(there, CLONE_NEWNET)) {
		count = host_addresses(network.addresses, HOST_MOST_ADDRESSES);
		if (setns(here, CLONE_NEWNET))
			abort(); /* nothing else would be true any more */
	}
	if (here >= 0)
		(void)close(here);
	if (there >= 0)
		(void)close(there);
	return count;
}

/* A second uplink whose answers leave by the first.  ip-rule(8). */
static void say_ways_out(void)
{
	static ino_t before[64];
	static size_t count;

	for (size_t i = 0; i < count; i++)
		if (before[i] == network.inode)
			return;
	if (count < sizeof(before) / sizeof(*before))
		before[count++] = network.inode;
	for (int i = 0; i < network.count && network.socket_count; i++) {
		const struct host_address *a = &network.addresses[i];

		if (*a->leaves_by)
			(void)printf("note: answers from %s leave by %s, not "
				     "%s: if that is an uplink, it needs a "
				     "route of its own: ip%s rule add from "
				     "%s table 100\n",
				     a->text, a->leaves_by, a->device,
				     a->family == AF_INET6 ? " -6" : "",
				     a->text);
	}
}

static bool is_in_own_network(pid_t pid, ino_t *inode)
{
	struct stat here, there;
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	if (stat("/proc/self/ns/net", &here))
		return false;
	/* What has ended has none, and its sockets cannot be seen either. */
	if (stat(path, &there)) {
		*inode = network.inode;
		return true;
	}
	*inode = there.st_ino;
	return here.st_ino == there.st_ino;
}

/* Looks at the process's network, unless that is the last one. */
static void look_around(pid_t pid)
{
	ino_t inode = 0;
	bool own = is_in_own_network(pid, &inode);

	if (inode == network.inode)
		return;
	network.inode = inode;
	network.socket_count =
		process_wildcards(pid, network.sockets, MOST_SOCKETS);
	network.count = network.socket_count ? addresses_of(pid, own) : 0;
	say_ways_out();
}

static bool is_v6(const struct wildcard *socket)
{
	return strchr(socket->text, '[') != NULL;
}

/* Of another family's twin an IPv6 socket gets nothing. */
static bool has_v4_twin(const struct wildcard *socket)
{
	const char *port = strrchr(socket->text, ':');

	for (size_t i = 0; i < network.socket_count; i++)
		if (!is_v6(&network.sockets[i]) &&
		    !strcmp(strrchr(network.sockets[i].text, ':'), port))
			return true;
	return false;
}

static bool gets_asked(const struct wildcard *socket, bool v6_only,
		       const struct host_address *address)
{
	if (is_v6(socket))
		return address->family == AF_INET6 ||
		       !(v6_only || has_v4_twin(socket));
	return address->family == AF_INET;
}

/* "10.1.2.3, 10.1.2.2 (to 10.1.3.0/24)"; false: there are none. */
static bool list_wrong(const struct wildcard *socket, bool v6_only, char *text,
		       size_t room)
{
	size_t end = 0;
	int count = 0;

	(void)snprintf(text, room, "only root can see");
	for (int i = 0; i < network.count; i++) {
		const struct host_address *a = &network.addresses[i];

		if (!a->wrong || !gets_asked(socket, v6_only, a) ||
		    count++ >= MOST_NAMED || end >= room)
			continue;
		end += (size_t)snprintf(text + end, room - end,
					*a->client ? "%s%s (to %s)" : "%s%s",
					count > 1 ? ", " : "", a->text,
					a->client);
	}
	if (count > MOST_NAMED && end < room)
		(void)snprintf(text + end, room - end, " and %d more",
			       count - MOST_NAMED);
	return count || network.count < 0;
}

static const char *advice(const char *name)
{
	if (!strncmp(name, "inetd", 5))
		return "inetd -E hands it on";
	if (!strncmp(name, "systemd-socket-", 15))
		return "systemd-socket-activate -E LD_PRELOAD hands it on";
	return "that does not hand its environment on";
}

/* Why a process that could have the library has it not; false: unknown. */
static bool find_loss(const struct process *process, int fd,
		      struct verdict *verdict)
{
	struct process above;

	if (process->wanted)
		(void)snprintf(verdict->text, sizeof(verdict->text),
			       "LD_PRELOAD names it, but it was not loaded: "
			       "the loader says why on standard error");
	else if (process_above_with_library(process, &above))
		(void)snprintf(verdict->text, sizeof(verdict->text),
			       "LD_PRELOAD was lost on the way from %s (%d): "
			       "%s",
			       above.name, (int)above.pid, advice(above.name));
	else if (process_socket_is_marked(process->pid, fd))
		(void)snprintf(verdict->text, sizeof(verdict->text),
			       "LD_PRELOAD was lost on the way, as the socket "
			       "was opened with it: %s",
			       process->passed
				       ? advice("systemd-socket-activate")
				       : advice(""));
	else
		return false;
	verdict->helps = false;
	return true;
}

static void judge_process(const struct process *process,
			  const struct wildcard *socket, int fd,
			  struct verdict *verdict)
{
	const struct starter starter = { process->uid, process->gid,
					 process->pid };
	char path[64];

	*verdict = (struct verdict){ .helps = true };
	(void)snprintf(path, sizeof(path), "/proc/%d/exe", (int)process->pid);
	if (process->loaded && process->disabled)
		*verdict =
			(struct verdict){ false, "REPLYFROM_DISABLE is set" };
	else if (process->loaded && process->choosy &&
		 !ports_has(process->only_ports, socket->port) &&
		 !process_socket_is_marked(process->pid, fd))
		*verdict = (struct verdict){
			false, "REPLYFROM_ONLY_PORTS leaves its port out"
		};
	if (process->loaded)
		return;
	if (process->privileged)
		*verdict = (struct verdict){
			false, "it was started as setuid, setgid or with file "
			       "capabilities: the loader ignores LD_PRELOAD"
		};
	else if (!judge(path, &starter, verdict))
		*verdict = (struct verdict){ false, "its program cannot be "
						    "read" };
	else if (verdict->helps)
		(void)find_loss(process, fd, verdict);
}

static bool is_said(unsigned long inode, const char *name)
{
	for (size_t i = 0; i < said_count; i++)
		if (said[i].inode == inode && !strcmp(said[i].name, name))
			return true;
	if (said_count < MOST_SOCKETS) {
		said[said_count].inode = inode;
		(void)snprintf(said[said_count].name,
			       sizeof(said[said_count].name), "%s", name);
		said_count++;
	}
	return false;
}

/* One process's sockets, as they are found. */
struct look {
	const struct process *process;
	int count;
	int status;
};

static void say_socket(const struct wildcard *socket, int fd, struct look *look)
{
	const struct process *process = look->process;
	char wrong[WRONG_BYTES];
	struct verdict verdict;

	(void)printf("%s: %s (%d): replyfrom is %sloaded", socket->text,
		     process->name, (int)process->pid,
		     process->loaded ? "" : "not ");
	if (!list_wrong(socket, process_socket_is_v6_only(process->pid, fd),
			wrong, sizeof(wrong))) {
		(void)puts("; " NOT_NEEDED);
		return;
	}
	if (!process->loaded && process_socket_has_pktinfo(process->pid, fd)) {
		(void)printf("; not needed: it learns itself which address "
			     "was asked (IP_PKTINFO)\n");
		return;
	}
	judge_process(process, socket, fd, &verdict);
	if (!verdict.helps)
		look->status = EXIT_FAILURE;
	if (!verdict.helps || !process->loaded)
		(void)printf(", and %s%s%s",
			     verdict.helps ? "can help" : "cannot help",
			     *verdict.text ? ": " : "", verdict.text);
	(void)printf("; %s: %s\n",
		     process->loaded && verdict.helps ? "wrong without it"
						      : "answered wrong",
		     wrong);
}

static void found_socket(unsigned long inode, int fd, void *data)
{
	struct look *look = data;

	for (size_t i = 0; i < network.socket_count; i++) {
		if (network.sockets[i].inode != inode)
			continue;
		look->count++;
		if (!is_said(inode, look->process->name))
			say_socket(&network.sockets[i], fd, look);
	}
}

static int check_process(const char *text)
{
	struct process process;
	struct look look = { &process, 0, EXIT_SUCCESS };
	long pid = strtol(text, NULL, 10);

	if (pid < 1 || pid > INT_MAX || !process_read((pid_t)pid, &process))
		return command_fail(EXIT_FAILURE, text,
				    "there is no such process");
	look_around(process.pid);
	if (!process.readable ||
	    !process_sockets(process.pid, found_socket, &look))
		return command_fail(EXIT_FAILURE, text,
				    "only its user and root can look at it");
	if (!look.count)
		(void)printf("%s (%d): not needed: it has no UDP socket on "
			     "the wildcard\n",
			     process.name, (int)process.pid);
	return command_finish(look.status);
}

/* What no process that we can see has open; answers how many there are. */
static size_t say_others(void)
{
	size_t count = 0;

	look_around(getpid());
	for (size_t i = 0; i < network.socket_count; i++) {
		const struct wildcard *socket = &network.sockets[i];
		char wrong[WRONG_BYTES];
		bool seen = false;

		for (size_t j = 0; j < said_count && !seen; j++)
			seen = said[j].inode == socket->inode;
		if (seen)
			continue;
		count++;
		(void)printf("%s: ", socket->text);
		if (!list_wrong(socket, false, wrong, sizeof(wrong)))
			(void)puts(NOT_NEEDED);
		else if (!geteuid())
			(void)puts("no process that can be seen has it: the "
				   "kernel's own, as WireGuard's, or another "
				   "container's");
		else
			(void)printf("wrong, unless its owner or replyfrom "
				     "sees to it: %s\n",
				     wrong);
	}
	return count;
}

static int check_all(void)
{
	const struct dirent *entry;
	int status = EXIT_SUCCESS;
	DIR *directory = opendir("/proc");

	if (!directory)
		return command_fail_errno(EXIT_FAILURE, "/proc");
	while ((entry = readdir(directory))) {
		struct process process;
		struct look look = { &process, 0, EXIT_SUCCESS };
		long pid = strtol(entry->d_name, NULL, 10);

		if (pid < 1 || !process_read((pid_t)pid, &process) ||
		    !process.readable)
			continue;
		look_around(process.pid);
		(void)process_sockets(process.pid, found_socket, &look);
		if (look.status)
			status = look.status;
	}
	(void)closedir(directory);
	if (!say_others() && !said_count)
		(void)puts("not needed: there is no UDP socket on the "
			   "wildcard");
	if (geteuid())
		(void)puts("note: only root can see other users' processes, "
			   "and whether replyfrom is loaded there");
	return command_finish(status);
}

int check_main(int argc, char **argv)
{
	struct starter starter = { getuid(), getgid(), 0 };
	int at = 1;

	if (argc == 2 && !strcmp(argv[1], "--all"))
		return check_all();
	if (argc > 2 && !strcmp(argv[1], "--user")) {
		const struct passwd *user = getpwnam(argv[2]);

		if (!user)
			return command_fail(EXIT_FAILURE, argv[2],
					    "there is no such user");
		starter.uid = user->pw_uid;
		starter.gid = user->pw_gid;
		at = 3;
	}
	if (at < argc && argv[at][0] == '-')
		return command_fail(EXIT_USAGE, argv[at],
				    "unknown option; check has --all alone, "
				    "and --user USER before a command");
	if (at >= argc)
		return command_fail(EXIT_USAGE, "check",
				    "wanted is a command, a PID, or --all");
	if (argc == 2 && *argv[at] && !argv[at][strspn(argv[at], "0123456789")])
		return check_process(argv[at]);
	return check_command(argv[at], &starter);
}
// NOLINTEND(concurrency-mt-unsafe)
