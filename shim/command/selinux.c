/* SPDX-License-Identifier: MIT */
/* Asks the kernel what SELinux's policy does to a preloaded library. */
#include "command/selinux.h"

#include "command/guard.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#define TREE "/sys/fs/selinux/"

enum { ANSWER_BYTES = 1024 };

/* Writes a question into a file of that tree, if any, and reads its answer. */
static bool ask_policy(const char *name, const char *question, char *answer)
{
	const size_t bytes = strlen(question);
	char path[128];
	ssize_t n = -1;
	int fd;

	(void)snprintf(path, sizeof(path), TREE "%s", name);
	fd = open(path, (bytes ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (!bytes || write(fd, question, bytes) == (ssize_t)bytes)
		n = read(fd, answer, ANSWER_BYTES - 1);
	(void)close(fd);
	answer[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* The number of a class or of a permission; 0: the policy has none such. */
static unsigned int number_of(const char *class, const char *what)
{
	char name[96], answer[ANSWER_BYTES];

	(void)snprintf(name, sizeof(name), "class/%s/%s", class, what);
	return ask_policy(name, "", answer)
		       ? (unsigned int)strtoul(answer, NULL, 10)
		       : 0;
}

enum selinux_mode selinux_mode(void)
{
	char answer[ANSWER_BYTES];

	if (!ask_policy("enforce", "", answer))
		return SELINUX_OFF;
	return *answer == '0' ? SELINUX_PERMISSIVE : SELINUX_ENFORCING;
}

/* "user:role:type:level"; AppArmor's labels have spaces. */
bool selinux_domain(const char *label, char *domain, size_t room)
{
	for (int i = 0; i < 2 && label; i++) {
		label = strchr(label, ':');
		label += label != NULL;
	}
	if (!label || strchr(label, ' '))
		return false;
	(void)snprintf(domain, room, "%.*s", (int)strcspn(label, ":"), label);
	return true;
}

static bool is_same_domain(const char *label, const char *other)
{
	char one[PROCESS_LABEL_BYTES] = "", two[PROCESS_LABEL_BYTES] = "";

	(void)selinux_domain(label, one, sizeof(one));
	(void)selinux_domain(other, two, sizeof(two));
	return !strcmp(one, two);
}

/*
 * Where the last execve() did not change the domain, that of a script before it
 * may have: then the parent is what started both.
 */
bool selinux_start_of(const struct process *process,
		      struct selinux_start *start)
{
	char domain[PROCESS_LABEL_BYTES];

	process_label(process->pid, "current", start->to);
	process_label(process->pid, "prev", start->from);
	if (is_same_domain(start->from, start->to))
		process_label(process->parent, "current", start->from);
	return selinux_domain(start->to, domain, sizeof(domain));
}

static bool file_label(const char *path, char *label)
{
	const ssize_t n = getxattr(path, "security.selinux", label,
				   PROCESS_LABEL_BYTES - 1);

	label[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static void write_label(void *path)
{
	char label[PROCESS_LABEL_BYTES];

	if (file_label(path, label))
		guard_write(label, strlen(label));
}

/*
 * Reads the label of a program in a child with a deadline: the program may be
 * on a file system that never answers.
 */
static bool program_label(const char *program, char *label)
{
	char path[PATH_MAX];
	struct guard_output output;
	bool found;

	(void)snprintf(path, sizeof(path), "%s", program);
	found = guard_run(write_label, path, &output) == GUARD_DONE &&
		output.bytes && output.bytes < PROCESS_LABEL_BYTES;
	if (found) {
		memcpy(label, output.at, output.bytes);
		label[output.bytes] = '\0';
	}
	free(output.at);
	return found;
}

bool selinux_start_by_systemd(const char *program, struct selinux_start *start)
{
	char label[PROCESS_LABEL_BYTES], answer[ANSWER_BYTES];
	char question[3 * PROCESS_LABEL_BYTES];

	process_label(1, "current", start->from);
	if (selinux_mode() == SELINUX_OFF || !program_label(program, label))
		return false;
	(void)snprintf(question, sizeof(question), "%s %s %u", start->from,
		       label, number_of("process", "index"));
	if (!ask_policy("create", question, answer))
		return false;
	(void)snprintf(start->to, sizeof(start->to), "%.*s",
		       PROCESS_LABEL_BYTES - 1, answer);
	return true;
}

/* Whether the bits have that permission, or the policy has none such. */
static bool is_allowed(unsigned long allowed, const char *class,
		       const char *permission)
{
	char what[64];
	unsigned int number;

	(void)snprintf(what, sizeof(what), "perms/%s", permission);
	number = number_of(class, what);
	return !number || allowed >> (number - 1) & 1;
}

/*
 * The permissions that one label has for another, as bits.  All, where that is
 * not known, or the last word says that the first label's domain is permissive.
 * security_compute_av(3).
 */
static unsigned long permissions(const char *source, const char *target,
				 const char *class)
{
	char question[3 * PROCESS_LABEL_BYTES], answer[ANSWER_BYTES];
	const char *flags;

	(void)snprintf(question, sizeof(question), "%s %s %u", source, target,
		       number_of(class, "index"));
	if (!ask_policy("access", question, answer))
		return ~0UL;
	flags = strrchr(answer, ' ');
	if (flags && strtoul(flags, NULL, 16) & 1)
		return ~0UL;
	return strtoul(answer, NULL, 16);
}

static bool may_map(const char *domain, const char *library)
{
	static const char *const needed[] = { "read", "open", "getattr", "map",
					      "execute" };
	char label[PROCESS_LABEL_BYTES];
	unsigned long allowed;

	if (!file_label(library, label))
		return true;
	allowed = permissions(domain, label, "file");
	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++)
		if (!is_allowed(allowed, "file", needed[i]))
			return false;
	return true;
}

enum selinux_obstacle selinux_obstacle(const struct selinux_start *start,
				       const char *library)
{
	if (!is_same_domain(start->from, start->to) &&
	    !is_allowed(permissions(start->from, start->to, "process"),
			"process", "noatsecure"))
		return SELINUX_TRANSITION;
	return may_map(start->to, library) ? SELINUX_NOTHING : SELINUX_FILE;
}

void selinux_say_why(enum selinux_obstacle obstacle,
		     const struct selinux_start *start, const char *library,
		     char *text)
{
	char from[PROCESS_LABEL_BYTES] = "init_t";
	char to[PROCESS_LABEL_BYTES] = "DOMAIN_t";
	char label[PROCESS_LABEL_BYTES] = "", type[PROCESS_LABEL_BYTES] = "";

	(void)selinux_domain(start->from, from, sizeof(from));
	(void)selinux_domain(start->to, to, sizeof(to));
	if (obstacle == SELINUX_TRANSITION) {
		(void)snprintf(text, SELINUX_TEXT_BYTES,
			       "the loader ignores LD_PRELOAD when %s starts a "
			       "program in %s",
			       from, to);
		return;
	}
	(void)file_label(library, label);
	(void)selinux_domain(label, type, sizeof(type));
	(void)snprintf(text, SELINUX_TEXT_BYTES,
		       "%s may not map the library, whose type is %s", to,
		       type);
}

void selinux_say_next(enum selinux_obstacle obstacle,
		      const struct selinux_start *start, const char *library,
		      char *text)
{
	char from[PROCESS_LABEL_BYTES] = "init_t";
	char to[PROCESS_LABEL_BYTES] = "DOMAIN_t";

	(void)selinux_domain(start->from, from, sizeof(from));
	(void)selinux_domain(start->to, to, sizeof(to));
	/* A file for each domain: semodule names the module after it. */
	if (obstacle == SELINUX_TRANSITION)
		(void)snprintf(text, SELINUX_TEXT_BYTES,
			       "echo '(allow %s %s (process (noatsecure)))' "
			       ">replyfrom_%s.cil; "
			       "semodule -i replyfrom_%s.cil",
			       from, to, to, to);
	else
		(void)snprintf(text, SELINUX_TEXT_BYTES,
			       "semanage fcontext -a -t lib_t %s; "
			       "restorecon %s",
			       library, library);
}
