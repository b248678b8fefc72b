/* SPDX-License-Identifier: MIT */
/*
 * `replyfrom status`: reads the counters of a process that has the library
 * loaded out of its memory.  That process does not notice, and is not trusted.
 */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "command/command.h"
#include "command/process.h"
#include "common/count.h"

#include <ctype.h>
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define SYMBOL "replyfrom_counts"

/* Far more than ours have: whose it is may have written anything there. */
#define MOST_POINTERS 1024
#define MOST_ELEMENTS 1024
#define MOST_STRIDE 4096
#define MOST_HEADERS 64
#define MOST_DYNAMIC 256
#define MOST_CHAIN 4096

#define MOST_WATCH_S 86400

enum {
	SOCKETS,
	REMEMBERED,
	BOUND,
	SEEN,
	REWRITTEN,
	OWN,
	UNKNOWN,
	REFUSED,
	EVICTED,
	CONFLICTS,
	REENTRANT,
	FIGURES,
};

/* How each is called, in the process's counters' order. */
static const struct {
	const char *json;
	const char *text;
} figures[FIGURES] = {
	[SOCKETS] = { "sockets", "sockets tracked" },
	[REMEMBERED] = { "peers", "peers remembered" },
	[BOUND] = { "peers_bound", "peers at most" },
	[SEEN] = { "datagrams", "datagrams seen" },
	[REWRITTEN] = { "rewritten", "replies rewritten" },
	[OWN] = { "already_right", "already with a source" },
	[UNKNOWN] = { "no_entry", "sent plainly, peer unknown" },
	[REFUSED] = { "refused", "sent plainly, source refused" },
	[EVICTED] = { "evictions", "peers evicted" },
	[CONFLICTS] = { "conflicts", "peers that asked two addresses" },
	[REENTRANT] = { "reentrant", "reentrant calls passed through" },
};

/* How looking at a process ended. */
enum outcome {
	SHOWN,
	GONE,
	DENIED,
	NOT_LOADED,
	OTHER_CLASS,
	OTHER_VERSION,
	UNREADABLE,
};

static const char *const outcomes[] = {
	[GONE] = "there is no such process",
	[DENIED] = "permission denied; root, or the user that it runs as and "
		   "that may trace it (kernel.yama.ptrace_scope), can look",
	[NOT_LOADED] = "does not have " COMMAND_LIBRARY " loaded",
	[OTHER_CLASS] = "is a program of another word size; use the replyfrom "
			"that was built for it",
	[OTHER_VERSION] =
		"has another version of " COMMAND_LIBRARY " loaded; use "
		"the replyfrom of that version",
	[UNREADABLE] = "its counters make no sense",
};

static enum outcome outcome_of(int error)
{
	if (error == ESRCH || error == ENOENT)
		return GONE;
	return error == EPERM || error == EACCES ? DENIED : UNREADABLE;
}

/* Whether all of it was read.  False, and errno: it was not. */
static bool peek(const struct process *process, uintptr_t at, void *to,
		 size_t bytes)
{
	struct iovec here = { .iov_base = to, .iov_len = bytes };
	struct iovec there = {
		// NOLINTNEXTLINE(performance-no-int-to-ptr): in its memory
		.iov_base = (void *)at,
		.iov_len = bytes,
	};
	ssize_t n = process_vm_readv(process->pid, &here, 1, &there, 1, 0);

	if (n >= 0 && (size_t)n < bytes)
		errno = EFAULT;
	return n >= 0 && (size_t)n == bytes;
}

/* What of the dynamic section a name is looked up by.  elf(5). */
struct names {
	uintptr_t symbols;
	uintptr_t strings;
	uintptr_t hash;
};

/* The loader relocates these in place, or does not. */
static uintptr_t address_of(const struct process *process, uintptr_t value)
{
	return value < process->base ? process->base + value : value;
}

static bool read_dynamic(const struct process *process, uintptr_t at,
			 struct names *names)
{
	ElfW(Dyn) entry = { 0 };

	*names = (struct names){ 0 };
	for (size_t i = 0; i < MOST_DYNAMIC; i++, at += sizeof(entry)) {
		if (!peek(process, at, &entry, sizeof(entry)))
			return false;
		if (entry.d_tag == DT_NULL)
			break;
		if (entry.d_tag == DT_SYMTAB)
			names->symbols = address_of(process, entry.d_un.d_ptr);
		else if (entry.d_tag == DT_STRTAB)
			names->strings = address_of(process, entry.d_un.d_ptr);
		else if (entry.d_tag == DT_GNU_HASH)
			names->hash = address_of(process, entry.d_un.d_ptr);
	}
	return names->symbols && names->strings && names->hash;
}

/* The file may be gone or another by now: what counts is in memory. */
static enum outcome find_names(const struct process *process,
			       struct names *names)
{
	ElfW(Ehdr) header;
	ElfW(Phdr) segment;
	uintptr_t at = process->base;

	if (!peek(process, at, &header, sizeof(header)))
		return outcome_of(errno);
	if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
		return UNREADABLE;
	if (header.e_ident[EI_CLASS] !=
	    (sizeof(long) > sizeof(int32_t) ? ELFCLASS64 : ELFCLASS32))
		return OTHER_CLASS;
	at += header.e_phoff;
	for (int i = 0; i < header.e_phnum && i < MOST_HEADERS; i++) {
		if (!peek(process, at, &segment, sizeof(segment)))
			return outcome_of(errno);
		if (segment.p_type == PT_DYNAMIC)
			return read_dynamic(process,
					    process->base + segment.p_vaddr,
					    names)
				       ? SHOWN
				       : UNREADABLE;
		at += sizeof(segment);
	}
	return UNREADABLE;
}

static bool is_named(const struct process *process, const struct names *names,
		     const ElfW(Sym) * symbol, const char *name)
{
	char found[sizeof(SYMBOL)];

	return peek(process, names->strings + symbol->st_name, found,
		    sizeof(found)) &&
	       !memcmp(found, name, sizeof(found));
}

/* DT_GNU_HASH is: counts, a Bloom filter, buckets, chains. */
static uintptr_t find_symbol(const struct process *process,
			     const struct names *names, const char *name)
{
	struct {
		uint32_t buckets;
		uint32_t first; /* symbol that is hashed */
		uint32_t bloom_words;
		// cppcheck-suppress unusedStructMember
		uint32_t bloom_shift;
	} table;
	uint32_t hash = 5381, n, chained;
	uintptr_t buckets, chains;
	ElfW(Sym) symbol;

	for (const char *c = name; *c; c++)
		hash = hash * 33 + (unsigned char)*c;
	if (!peek(process, names->hash, &table, sizeof(table)) ||
	    !table.buckets)
		return 0;
	buckets = names->hash + sizeof(table) +
		  table.bloom_words * sizeof(uintptr_t);
	chains = buckets + table.buckets * sizeof(uint32_t);
	if (!peek(process, buckets + hash % table.buckets * sizeof(n), &n,
		  sizeof(n)) ||
	    n < table.first)
		return 0;
	for (size_t i = 0; i < MOST_CHAIN; i++, n++) {
		if (!peek(process, chains + (n - table.first) * sizeof(chained),
			  &chained, sizeof(chained)))
			return 0;
		if ((chained | 1) == (hash | 1) &&
		    peek(process, names->symbols + n * sizeof(symbol), &symbol,
			 sizeof(symbol)) &&
		    is_named(process, names, &symbol, name))
			return process->base + symbol.st_value;
		if (chained & 1)
			return 0;
	}
	return 0;
}

/* Adds up an element's counters, `count` of them. */
static void add_element(const char *element, const struct count_area *area,
			size_t count, unsigned long *sums, unsigned long *used)
{
	unsigned long value;
	uint32_t in_use;

	memcpy(&in_use, element + area->in_use, sizeof(in_use));
	*used += in_use != 0;
	for (size_t i = 0; i < count; i++) {
		memcpy(&value, element + area->offset + i * sizeof(value),
		       sizeof(value));
		sums[i] += value;
	}
}

static bool add_array(const struct process *process, uintptr_t at,
		      const struct count_area *area, size_t count,
		      unsigned long *sums, unsigned long *used)
{
	char element[MOST_STRIDE];

	for (uint32_t i = 0; i < area->elements; i++) {
		if (!peek(process, at + (uintptr_t)i * area->stride, element,
			  area->stride))
			return false;
		add_element(element, area, count, sums, used);
	}
	return true;
}

static bool add_area(const struct process *process,
		     const struct count_area *area, size_t count,
		     unsigned long *sums, unsigned long *used)
{
	uintptr_t at = (uintptr_t)area->at, array;

	if (area->pointers > MOST_POINTERS || area->elements > MOST_ELEMENTS ||
	    area->stride > MOST_STRIDE ||
	    area->offset + count * sizeof(*sums) > area->stride ||
	    area->in_use + sizeof(uint32_t) > area->stride)
		return false;
	if (!area->pointers)
		return add_array(process, at, area, count, sums, used);
	for (uint32_t i = 0; i < area->pointers; i++, at += sizeof(array)) {
		if (!peek(process, at, &array, sizeof(array)))
			return false;
		/* They are used one after the other. */
		if (!array)
			break;
		if (!add_array(process, array, area, count, sums, used))
			return false;
	}
	return true;
}

static enum outcome read_figures(const struct process *process,
				 const struct count_block *block,
				 unsigned long *to)
{
	unsigned long threads[COUNTS_OF_THREAD] = { 0 };
	unsigned long tables[COUNTS_OF_TABLE] = { 0 }, unused = 0;

	to[SOCKETS] = 0;
	if (!add_area(process, &block->socks, 0, NULL, &to[SOCKETS]) ||
	    !add_area(process, &block->threads, COUNTS_OF_THREAD, threads,
		      &unused) ||
	    !add_area(process, &block->tables, COUNTS_OF_TABLE, tables,
		      &unused) ||
	    !peek(process, (uintptr_t)block->reentrant, &to[REENTRANT],
		  sizeof(*to)))
		return errno == ESRCH ? GONE : UNREADABLE;
	to[SEEN] = threads[COUNT_SEEN];
	to[REWRITTEN] = threads[COUNT_REWRITTEN];
	to[OWN] = threads[COUNT_OWN];
	to[UNKNOWN] = threads[COUNT_UNKNOWN];
	to[REFUSED] = threads[COUNT_REFUSED];
	to[REMEMBERED] = tables[COUNT_REMEMBERED];
	to[BOUND] = tables[COUNT_BOUND];
	to[EVICTED] = tables[COUNT_EVICTED];
	to[CONFLICTS] = tables[COUNT_CONFLICTS];
	return SHOWN;
}

static enum outcome look_once(pid_t pid, struct process *process,
			      unsigned long *to)
{
	struct count_block block;
	enum outcome outcome;
	struct names names = { 0 };
	uintptr_t at;

	if (!process_read(pid, process))
		return GONE;
	if (!process->readable)
		return DENIED;
	if (!process->loaded)
		return NOT_LOADED;
	outcome = find_names(process, &names);
	if (outcome != SHOWN)
		return outcome;
	at = find_symbol(process, &names, SYMBOL);
	/* One that was built before there was such a symbol. */
	if (!at)
		return OTHER_VERSION;
	if (!peek(process, at, &block, sizeof(block)))
		return outcome_of(errno);
	if (memcmp(block.magic, COUNT_MAGIC, sizeof(block.magic)) != 0)
		return UNREADABLE;
	if (block.version != COUNT_VERSION || block.bytes != sizeof(block))
		return OTHER_VERSION;
	return read_figures(process, &block, to);
}

/* One that was just started has not relocated the library yet. */
static enum outcome look_at(pid_t pid, struct process *process,
			    unsigned long *to)
{
	const struct timespec nap = { .tv_nsec = 10000000 };
	enum outcome outcome = look_once(pid, process, to);

	for (int i = 0; i < 10 && outcome == UNREADABLE; i++) {
		(void)nanosleep(&nap, NULL);
		outcome = look_once(pid, process, to);
	}
	return outcome;
}

static void print_json(const struct process *process, const unsigned long *of)
{
	(void)printf("{\"pid\": %d, \"command\": \"", process->pid);
	for (const char *c = process->name; *c; c++)
		(void)printf(*c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
	(void)putchar('"');
	for (size_t i = 0; i < FIGURES; i++)
		(void)printf(", \"%s\": %lu", figures[i].json, of[i]);
	(void)puts("}");
}

static void print_text(const struct process *process, const unsigned long *of)
{
	(void)printf("%d %s\n", process->pid, process->name);
	for (size_t i = 0; i < FIGURES; i++)
		(void)printf("  %-30s %lu\n", figures[i].text, of[i]);
}

struct request {
	pid_t pid; /* 0: all */
	bool json;
	unsigned int watch_s; /* 0: once */
};

/* Prints what it finds of this process. */
static enum outcome show(const struct request *request, pid_t pid)
{
	unsigned long found[FIGURES];
	struct process process;
	enum outcome outcome = look_at(pid, &process, found);

	if (outcome == SHOWN && request->json)
		print_json(&process, found);
	else if (outcome == SHOWN)
		print_text(&process, found);
	return outcome;
}

/* In one line, of the process of this number. */
static int fail(int status, pid_t pid, enum outcome outcome)
{
	char number[16];

	(void)snprintf(number, sizeof(number), "%d", pid);
	return command_fail(status, number, outcomes[outcome]);
}

static int show_one(const struct request *request)
{
	enum outcome outcome = show(request, request->pid);

	return outcome == SHOWN ? EXIT_SUCCESS
				: fail(EXIT_FAILURE, request->pid, outcome);
}

static bool parse_number(const char *text, unsigned int most,
			 unsigned int *number)
{
	char *end;
	unsigned long n;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno || *end || !n || n > most)
		return false;
	*number = (unsigned int)n;
	return true;
}

static const char no_process[] = "no process has " COMMAND_LIBRARY " loaded";
static const char no_process_of_ours[] =
	"no process that we may look at has " COMMAND_LIBRARY
	" loaded; root may "
	"look at all";

static int show_all(const struct request *request)
{
	DIR *proc = opendir("/proc");
	unsigned int shown = 0, denied = 0;
	struct dirent *entry;
	unsigned int pid;

	if (!proc)
		return command_fail_errno(EXIT_FAILURE, "/proc");
	while ((entry = readdir(proc))) {
		enum outcome outcome;

		if (!parse_number(entry->d_name, INT_MAX, &pid))
			continue;
		outcome = show(request, (pid_t)pid);
		if (outcome == OTHER_CLASS || outcome == OTHER_VERSION ||
		    outcome == UNREADABLE)
			fail(EXIT_FAILURE, (pid_t)pid, outcome);
		shown += outcome == SHOWN;
		denied += outcome == DENIED;
	}
	(void)closedir(proc);
	if (!shown)
		return command_fail(EXIT_FAILURE, "status",
				    denied ? no_process_of_ours : no_process);
	return EXIT_SUCCESS;
}

static int parse_option(const char *option, struct request *request)
{
	const size_t watch = sizeof("--watch") - 1;

	if (!strcmp(option, "--json"))
		request->json = true;
	else if (!strcmp(option, "--watch"))
		request->watch_s = 1;
	else if (strncmp(option, "--watch=", watch + 1) != 0)
		return command_fail(EXIT_USAGE, option,
				    "unknown option of status; there are "
				    "--json and --watch[=SECONDS]");
	else if (!parse_number(option + watch + 1, MOST_WATCH_S,
			       &request->watch_s))
		return command_fail(EXIT_USAGE, option,
				    "not a number of seconds from 1 to 86400");
	return EXIT_SUCCESS;
}

static int parse(int argc, char **argv, struct request *request)
{
	int status = EXIT_SUCCESS;
	unsigned int pid;

	for (int i = 1; i < argc && status == EXIT_SUCCESS; i++) {
		if (argv[i][0] == '-') {
			status = parse_option(argv[i], request);
		} else if (request->pid) {
			status = command_fail(EXIT_USAGE, argv[i],
					      "status takes one PID at most");
		} else if (!parse_number(argv[i], INT_MAX, &pid)) {
			status = command_fail(EXIT_USAGE, argv[i], "not a PID");
		} else {
			request->pid = (pid_t)pid;
		}
	}
	return status;
}

int status_main(int argc, char **argv)
{
	struct request request = { 0 };
	int status = parse(argc, argv, &request);

	if (status != EXIT_SUCCESS)
		return status;
	for (;;) {
		status = request.pid ? show_one(&request) : show_all(&request);
		status = command_finish(status);
		if (!request.watch_s || status != EXIT_SUCCESS)
			return status;
		(void)sleep(request.watch_s);
	}
}
// NOLINTEND(concurrency-mt-unsafe)
