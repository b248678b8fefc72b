/* SPDX-License-Identifier: MIT */
/* Says of a process's sockets whether they answer right, and why not. */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "command/inspect.h"

#include "command/command.h"
#include "command/engine.h"
#include "command/guard.h"
#include "command/order.h"
#include "command/preload_check.h"
#include "command/selinux.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const inspect_outcomes[] = {
	[INSPECT_GONE] = "there is no such process",
	[INSPECT_DENIED] = "only its user and root can look at it",
	[INSPECT_LATE] = "could not be looked at: it does not answer",
	[INSPECT_NO_NETWORK] = "its network could not be looked at",
	[INSPECT_SKIPPED] = "was not looked at: others took too long",
};

static const char *advice(const char *name)
{
	if (!strncmp(name, "inetd", 5))
		return "inetd -E hands it on";
	if (!strncmp(name, "systemd-socket-", 15))
		return "systemd-socket-activate -E LD_PRELOAD hands it on";
	return "that does not hand its environment on";
}

/* The process that is looked at, in the child. */
struct look {
	pid_t pid;
	const struct network_view *network;
	bool attached; /* the engine in the kernel serves it */
	struct process process;
};

static void say_not_loaded(const struct process *process,
			   struct preload_check *check)
{
	char label[PROCESS_LABEL_BYTES];
	struct selinux_start start;
	int length = snprintf(check->text, sizeof(check->text),
			      "LD_PRELOAD names it, but it was not loaded: ");
	char *end = check->text + length;
	const size_t room = sizeof(check->text) - (size_t)length;
	const char *why = "the loader says why on standard error";

	process_label(process->pid, "current", label);
	if (selinux_start_of(process, &start) &&
	    selinux_obstacle(&start, command_library()) != SELINUX_NOTHING)
		why = "SELinux's policy forbids it; `replyfrom doctor` says "
		      "what allows it";
	else if (strstr(label, " (enforce)"))
		why = NULL;
	if (why)
		(void)snprintf(end, room, "%s", why);
	else
		(void)snprintf(end, room,
			       "AppArmor's profile %s may forbid it; "
			       "`replyfrom doctor` says what allows it",
			       label);
}

/* Why a process that could have the library has it not; false: unknown. */
static bool find_loss(const struct process *process, bool marked,
		      struct preload_check *check)
{
	struct process above;

	if (process->wanted)
		say_not_loaded(process, check);
	else if (process_above_with_library(process, &above))
		(void)snprintf(check->text, sizeof(check->text),
			       "LD_PRELOAD was lost on the way from %s (%d): "
			       "%s",
			       above.name, (int)above.pid, advice(above.name));
	else if (marked)
		(void)snprintf(check->text, sizeof(check->text),
			       "LD_PRELOAD was lost on the way, as the socket "
			       "was opened with it: %s",
			       process->passed
				       ? advice("systemd-socket-activate")
				       : advice(""));
	else
		return false;
	check->helps = false;
	return true;
}

/* A container has files of its own. */
static bool is_library_missing(const struct process *process)
{
	char path[PATH_MAX + 32];

	(void)snprintf(path, sizeof(path), "/proc/%d/root%s", (int)process->pid,
		       command_library());
	return process_namespace(process->pid, "mnt") !=
		       process_namespace(getpid(), "mnt") &&
	       access(path, F_OK);
}

/* One that is older than the library needs cannot load it. */
static void compare_libc(const struct process *process,
			 struct preload_check *check)
{
	char path[PATH_MAX + 32];

	if (!*process->libc)
		return;
	(void)snprintf(path, sizeof(path), "/proc/%d/root%s", (int)process->pid,
		       process->libc);
	(void)preload_check_libc(path, check);
}

static void say_privileged(const struct process *process,
			   struct preload_check *check)
{
	char next[SELINUX_TEXT_BYTES];
	struct selinux_start start;

	check->helps = false;
	if (process->privileged_file) {
		(void)snprintf(check->text, sizeof(check->text),
			       "it was started as setuid, setgid or with file "
			       "capabilities: the loader ignores LD_PRELOAD; "
			       "`replyfrom attach` can help");
		return;
	}
	if (!selinux_start_of(process, &start)) {
		(void)snprintf(check->text, sizeof(check->text),
			       "the loader ignores LD_PRELOAD, as a security "
			       "module has the program count as privileged");
		return;
	}
	selinux_say_next(SELINUX_TRANSITION, &start, "", next);
	(void)snprintf(check->text, sizeof(check->text),
		       "the loader ignores LD_PRELOAD, as SELinux's domain "
		       "changed; to allow it: %.512s",
		       next);
}

static void check_unloaded(const struct process *process, bool marked,
			   struct preload_check *check)
{
	const struct starter starter = { .uid = process->uid,
					 .gid = process->gid,
					 .root_of = process->pid };
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/exe", (int)process->pid);
	if (process->privileged)
		say_privileged(process, check);
	else if (is_library_missing(process))
		*check = (struct preload_check){
			false, "the library is not in this container (mount it "
			       "and set LD_PRELOAD)"
		};
	else if (!preload_check(path, &starter, check))
		*check = (struct preload_check){ false, "its program cannot be "
							"read" };
	else if (check->helps && !find_loss(process, marked, check))
		compare_libc(process, check);
}

/* The program is read once, not for each of thousands of sockets. */
static const struct preload_check *unloaded_check(const struct process *process,
						  bool marked)
{
	static struct preload_check checks[2]; /* not marked, marked */
	static bool known[2];

	if (!known[marked]) {
		checks[marked] = (struct preload_check){ .helps = true };
		check_unloaded(process, marked, &checks[marked]);
		known[marked] = true;
	}
	return &checks[marked];
}

/* One that it was handed, and has not used: the first receive changes that. */
static bool is_inherited(const struct process *process, unsigned long inode,
			 int fd)
{
	return fd <= STDERR_FILENO || process->passed ||
	       wildcard_is_of(process->parent, inode);
}

static void say_bypassed(const struct process *process,
			 struct preload_check *check)
{
	char first[PATH_MAX];

	check->helps = false;
	if (order_find_first(process->preload, process->pid, first))
		(void)snprintf(check->text, sizeof(check->text),
			       "it does not track this socket: %.256s, before "
			       "it in LD_PRELOAD, may not pass calls on (name "
			       "%s first)",
			       first, COMMAND_LIBRARY);
	else
		(void)snprintf(check->text, sizeof(check->text),
			       "it does not track this socket, whose calls "
			       "bypass it (RTLD_DEEPBIND, io_uring, or system "
			       "calls of the program's own); `replyfrom "
			       "attach` can help");
}

static void check_loaded(const struct process *process,
			 const struct wildcard *socket, int fd,
			 const struct socket_options *options,
			 struct preload_check *check)
{
	if (process->disabled)
		*check = (struct preload_check){ false,
						 "REPLYFROM_DISABLE is set" };
	else if (!options->known || options->marked)
		return;
	else if (process->choosy &&
		 !ports_has(process->only_ports, socket->port))
		*check = (struct preload_check){
			false, "REPLYFROM_ONLY_PORTS leaves its port out"
		};
	else if (!is_inherited(process, socket->inode, fd))
		say_bypassed(process, check);
}

static void explain_wrong(const struct look *look, int fd,
			  const struct socket_options *options,
			  struct inspected *one)
{
	const struct process *process = &look->process;
	static struct preload_check check;

	if (process->loaded) {
		check = (struct preload_check){ .helps = true };
		check_loaded(process, &one->socket, fd, options, &check);
	} else {
		check = *unloaded_check(process, options->marked);
	}
	one->attached = !(process->loaded && check.helps) && look->attached;
	if (one->attached)
		check = (struct preload_check){ .helps = true };
	one->helps = check.helps;
	one->answers = one->attached || (process->loaded && check.helps)
			       ? ANSWERS_FIXED
			       : ANSWERS_WRONG;
	(void)snprintf(one->why, sizeof(one->why), "%.*s",
		       INSPECT_WHY_BYTES - 1, check.text);
}

static void describe_where(const struct process *process, struct inspected *one)
{
	const ino_t net = process_namespace(process->pid, "net");

	if (*process->container)
		(void)snprintf(one->where, sizeof(one->where), "container %s",
			       process->container);
	else if (*process->unit)
		(void)snprintf(one->where, sizeof(one->where), "%s",
			       process->unit);
	else if (net && net != process_namespace(getpid(), "net"))
		(void)snprintf(one->where, sizeof(one->where), "netns %lu",
			       (unsigned long)net);
}

static void found(unsigned long inode, int fd, void *data)
{
	const struct look *look = data;
	const struct process *process = &look->process;
	const struct wildcard *socket = network_find(look->network, inode);
	struct socket_options options;
	static struct inspected one;

	if (!socket)
		return;
	options = wildcard_options_of(process->pid, fd);
	one = (struct inspected){ .socket = *socket,
				  .pid = process->pid,
				  .loaded = process->loaded,
				  .outdated = process->outdated };
	memcpy(one.name, process->name, sizeof(one.name));
	describe_where(process, &one);
	if (!look->network->known)
		one.answers = ANSWERS_UNKNOWN;
	else if (!network_wrong(look->network, socket, options.v6_only,
				one.wrong))
		one.answers = ANSWERS_RIGHT;
	else if (!process->loaded && options.pktinfo)
		one.answers = ANSWERS_ITSELF;
	else
		explain_wrong(look, fd, &options, &one);
	guard_write(&one, sizeof(one));
}

/* Writes the sockets, and then how it went. */
static void look_at_sockets(void *data)
{
	struct look *look = data;
	int outcome = INSPECT_DONE;

	if (!process_read(look->pid, &look->process))
		outcome = INSPECT_GONE;
	else if (!look->process.readable ||
		 !wildcard_sockets_of(look->pid, found, look))
		outcome = INSPECT_DENIED;
	guard_write(&outcome, sizeof(outcome));
}

struct inspection inspect(pid_t pid)
{
	struct inspection inspection = { .outcome = INSPECT_GONE };
	static struct look looked;
	struct guard_output output;
	enum guard_outcome guarded;
	int outcome;
	size_t at;

	if (!process_read_names(pid, &looked.process))
		return inspection;
	inspection.outcome = INSPECT_LATE;
	memcpy(inspection.name, looked.process.name, sizeof(inspection.name));
	looked.pid = pid;
	looked.attached = engine_serves(pid); /* here, where it is asked once */
	looked.network = network_of(pid);
	if (!looked.network)
		return inspection;
	guarded = guard_run(look_at_sockets, &looked, &output);
	if (guarded == GUARD_SKIPPED)
		inspection.outcome = INSPECT_SKIPPED;
	if (guarded != GUARD_DONE ||
	    output.bytes % sizeof(struct inspected) != sizeof(outcome)) {
		free(output.at);
		return inspection;
	}
	at = output.bytes - sizeof(outcome);
	inspection.count = at / sizeof(struct inspected);
	inspection.list = (struct inspected *)(void *)output.at;
	(void)guard_take(&output, &at, &outcome, sizeof(outcome));
	inspection.outcome = (unsigned int)outcome;
	if (outcome == INSPECT_DONE && network_is_unread(looked.network))
		inspection.outcome = INSPECT_NO_NETWORK;
	return inspection;
}
// NOLINTEND(concurrency-mt-unsafe)
