/* SPDX-License-Identifier: MIT */
/* Finds processes by number, unit or name. */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "command/target.h"

#include "command/process.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct search {
	const char *word; /* NULL: all */
	bool is_path;	  /* of the program */
	struct target target;
	size_t room;
};

bool target_is_number(const char *word)
{
	return *word && !word[strspn(word, "0123456789")];
}

static bool is_unit(const char *unit, const char *word)
{
	static const char suffix[] = ".service";
	const size_t bytes = strlen(word);

	return !strncmp(unit, word, bytes) &&
	       (!unit[bytes] || !strcmp(unit + bytes, suffix));
}

static bool is_meant(const struct process *process, const char *word)
{
	return !strcmp(process->name, word) ||
	       !strcmp(process->program, word) ||
	       (*process->unit && is_unit(process->unit, word));
}

/*
 * By /proc/PID/exe (proc(5)), which is a container's own path there.  Of
 * another user's process only the name can be seen.
 */
static bool runs(pid_t pid, const char *program)
{
	static const char gone[] = " (deleted)";
	const size_t bytes = strlen(program);
	char path[64], found[PATH_MAX + sizeof(gone)] = "";
	struct process process;

	if (!process_read_names(pid, &process) || *process.container)
		return false;
	(void)snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	if (readlink(path, found, sizeof(found) - 1) <= 0)
		return errno == EACCES &&
		       !strcmp(process.name, strrchr(program, '/') + 1);
	return !strncmp(found, program, bytes) &&
	       (!found[bytes] || !strcmp(found + bytes, gone));
}

static bool is_searched(const struct search *search, pid_t pid)
{
	struct process process;

	if (!search->word)
		return true;
	if (search->is_path)
		return runs(pid, search->word);
	return process_read_names(pid, &process) &&
	       is_meant(&process, search->word);
}

static void add(struct search *search, pid_t pid)
{
	struct target *target = &search->target;

	if (target->count == search->room) {
		const size_t room = search->room ? search->room * 2 : 64;
		pid_t *pids = realloc(target->pids, room * sizeof(*pids));

		if (!pids)
			return;
		target->pids = pids;
		search->room = room;
	}
	target->pids[target->count++] = pid;
}

static void consider(pid_t pid, void *data)
{
	struct search *search = data;

	if (pid != getpid() && is_searched(search, pid))
		add(search, pid);
}

static int compare_pids(const void *a, const void *b)
{
	const pid_t first = *(const pid_t *)a, second = *(const pid_t *)b;

	return (first > second) - (first < second);
}

static struct target search_all(const char *word, bool is_path)
{
	struct search search = { .word = word, .is_path = is_path };

	(void)process_each(consider, &search);
	if (search.target.count)
		qsort(search.target.pids, search.target.count,
		      sizeof(*search.target.pids), compare_pids);
	return search.target;
}

struct target target_find(const char *word)
{
	struct search search = { .word = word };
	struct process process;
	long pid;

	if (!*word)
		return search.target;
	if (!target_is_number(word))
		return search_all(word, false);
	errno = 0;
	pid = strtol(word, NULL, 10);
	if (!errno && pid > 0 && pid <= INT_MAX &&
	    process_read_names((pid_t)pid, &process))
		add(&search, (pid_t)pid);
	return search.target;
}

struct target target_all(void)
{
	return search_all(NULL, false);
}

struct target target_find_program(const char *path)
{
	return search_all(path, true);
}

static bool is_of(pid_t pid, uid_t user)
{
	struct process process;

	return process_read_names(pid, &process) && process.uid == user;
}

static bool is_late(const struct target *target, uid_t user)
{
	for (size_t i = 0; i < target->late_count; i++)
		if (target->late[i] == user)
			return true;
	return target->late_count == TARGET_USERS;
}

/* Moves this user's processes behind all others, from `nth` on. */
static void move_last(struct target *target, size_t nth, uid_t user)
{
	pid_t *last = calloc(target->count, sizeof(*last));
	size_t moved = 0;

	for (size_t i = nth; last && i < target->count; i++)
		if (is_of(target->pids[i], user))
			last[moved++] = target->pids[i];
		else
			target->pids[nth++] = target->pids[i];
	if (moved)
		memcpy(target->pids + nth, last, moved * sizeof(*last));
	free(last);
}

void target_postpone(struct target *target, size_t nth)
{
	struct process process;

	if (!process_read_names(target->pids[nth], &process) ||
	    is_late(target, process.uid))
		return;
	target->late[target->late_count++] = process.uid;
	move_last(target, nth + 1, process.uid);
}
// NOLINTEND(concurrency-mt-unsafe)
