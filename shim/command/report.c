/* SPDX-License-Identifier: MIT */
/* Shows sockets and how they answer. */
#include "command/report.h"

#include "command/print.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 6, NUMBER_BYTES = 48 };

void report_add(struct report *report, const struct inspected *one)
{
	if (report->count == report->room) {
		const size_t room = report->room ? report->room * 2 : 64;
		struct inspected *list =
			room <= REPORT_MOST_SOCKETS
				? realloc(report->list, room * sizeof(*list))
				: NULL;

		if (!list) {
			report->unknown++;
			report->more++;
			return;
		}
		report->list = list;
		report->room = room;
	}
	report->list[report->count++] = *one;
	report->wrong += one->answers == ANSWERS_WRONG;
	report->unknown += one->answers == ANSWERS_UNKNOWN;
}

static int compare_owners(const void *a, const void *b)
{
	const struct inspected *first = *(const struct inspected *const *)a;
	const struct inspected *second = *(const struct inspected *const *)b;
	int order = (first->socket.inode > second->socket.inode) -
		    (first->socket.inode < second->socket.inode);

	if (!order)
		order = strcmp(first->name, second->name);
	return order ? order : (first > second) - (first < second);
}

static bool has_same_owner(const struct inspected *a, const struct inspected *b)
{
	return a->socket.inode == b->socket.inode && !strcmp(a->name, b->name);
}

/* Moves those that are kept together; the others are not counted. */
static void drop_unkept(struct report *report, const bool *kept)
{
	size_t end = 0;

	for (size_t i = 0; i < report->count; i++) {
		const struct inspected *one = &report->list[i];

		if (kept[i]) {
			memmove(&report->list[end++], one, sizeof(*one));
			continue;
		}
		report->wrong -= one->answers == ANSWERS_WRONG;
		report->unknown -= one->answers == ANSWERS_UNKNOWN;
	}
	report->count = end;
}

/* NOLINTBEGIN(bugprone-sizeof-expression): a list of pointers */
void report_merge(struct report *report)
{
	const size_t count = report->count;
	const struct inspected **sorted = calloc(count + 1, sizeof(*sorted));
	bool *kept = calloc(count + 1, sizeof(*kept));

	for (size_t i = 0; sorted && i < count; i++)
		sorted[i] = &report->list[i];
	if (sorted && kept) {
		qsort(sorted, count, sizeof(*sorted), compare_owners);
		for (size_t i = 0; i < count; i++)
			kept[sorted[i] - report->list] =
				!i || !has_same_owner(sorted[i], sorted[i - 1]);
		drop_unkept(report, kept);
	}
	free(sorted);
	free(kept);
}
/* NOLINTEND(bugprone-sizeof-expression) */

static int compare_inodes(const void *a, const void *b)
{
	const unsigned long first = *(const unsigned long *)a;
	const unsigned long second = *(const unsigned long *)b;

	return (first > second) - (first < second);
}

unsigned long *report_inodes(const struct report *report,
			     bool (*is_wanted)(const struct inspected *),
			     size_t *count)
{
	unsigned long *inodes = calloc(report->count + 1, sizeof(*inodes));
	size_t all = 0;

	*count = 0;
	if (!inodes)
		return NULL;
	for (size_t i = 0; i < report->count; i++)
		if (!is_wanted || is_wanted(&report->list[i]))
			inodes[all++] = report->list[i].socket.inode;
	qsort(inodes, all, sizeof(*inodes), compare_inodes);
	for (size_t i = 0; i < all; i++)
		if (!i || inodes[i] != inodes[i - 1])
			inodes[(*count)++] = inodes[i];
	return inodes;
}

size_t report_count(const struct report *report,
		    bool (*is_wanted)(const struct inspected *))
{
	size_t count;

	free(report_inodes(report, is_wanted, &count));
	return count;
}

bool report_has_inode(const unsigned long *inodes, size_t count,
		      unsigned long inode)
{
	return count &&
	       bsearch(&inode, inodes, count, sizeof(inode), compare_inodes);
}

static void print_line_of(const struct inspected *one)
{
	print("%s: ", one->socket.text);
	if (one->pid)
		print("%s (%d)%s%s: %s", one->name, (int)one->pid,
		      *one->where ? " in " : "", one->where,
		      one->attached ? "the kernel engine serves it"
		      : one->loaded ? "replyfrom is loaded"
				    : "replyfrom is not loaded");
	if (one->outdated)
		print(" (an old library: restart to upgrade)");
	if (one->pid)
		print("%s", one->answers == ANSWERS_WRONG ? ", and " : "; ");
	switch (one->answers) {
	case ANSWERS_RIGHT:
		print_line("%s", *one->why ? one->why
					   : "not needed: no address would be "
					     "answered wrong");
		break;
	case ANSWERS_ITSELF:
		print_line("not needed: it already handles this itself "
			   "(it enables IP_PKTINFO)");
		break;
	case ANSWERS_FIXED:
		print_line("wrong without it: %s", one->wrong);
		break;
	case ANSWERS_UNKNOWN:
		print_line("%s%s%s",
			   *one->why ? one->why : "could not be looked at",
			   *one->wrong ? ": " : "", one->wrong);
		break;
	case ANSWERS_WRONG:
		print("%s%s%s; ", one->helps ? "can help" : "cannot help",
		      *one->why ? ": " : "", one->why);
		print_in(PRINT_RED, "answered wrong");
		print_line(": %s%s", one->wrong,
			   one->loaded ? ""
				       : ", unless it handles this itself "
					 "later; confirm with `replyfrom ask`");
		break;
	}
}

void report_lines(const struct report *report, bool wrong_only)
{
	for (size_t i = 0; i < report->count; i++)
		if (!wrong_only || report->list[i].answers == ANSWERS_WRONG)
			print_line_of(&report->list[i]);
}

static int compare_inspected(const void *a, const void *b)
{
	const struct inspected *first = a, *second = b;
	int order = first->socket.port - second->socket.port;

	if (!order)
		order = strcmp(first->socket.text, second->socket.text);
	if (!order)
		order = strcmp(first->where, second->where);
	if (!order)
		order = (int)first->answers - (int)second->answers;
	if (!order)
		order = strcmp(first->wrong, second->wrong);
	return order ? order
		     : (first->pid > second->pid) - (first->pid < second->pid);
}

/* Whether these are one row: of one service, or of processes of one name. */
static bool is_alike(const struct inspected *a, const struct inspected *b)
{
	return !strcmp(a->socket.text, b->socket.text) &&
	       !strcmp(a->where, b->where) && a->answers == b->answers &&
	       a->loaded == b->loaded && a->outdated == b->outdated &&
	       a->attached == b->attached && !strcmp(a->wrong, b->wrong) &&
	       !strcmp(a->why, b->why) &&
	       (*a->where || !strcmp(a->name, b->name));
}

static void describe_answers(const struct inspected *one, char *text,
			     size_t room)
{
	switch (one->answers) {
	case ANSWERS_RIGHT:
		(void)snprintf(text, room, "%s",
			       *one->why ? one->why : "right");
		break;
	case ANSWERS_ITSELF:
		(void)snprintf(text, room, "right: handles it itself");
		break;
	case ANSWERS_FIXED:
		(void)snprintf(text, room, "right by replyfrom: %s",
			       one->wrong);
		break;
	case ANSWERS_UNKNOWN:
		(void)snprintf(text, room, "unknown: %s%s%s",
			       *one->why ? one->why : "could not be looked at",
			       *one->wrong ? ": " : "", one->wrong);
		break;
	case ANSWERS_WRONG:
		(void)snprintf(text, room, "WRONG: %s; replyfrom %s%s%s",
			       one->wrong,
			       one->helps ? "can help" : "cannot help",
			       *one->why ? ": " : "", one->why);
		break;
	}
}

static void add_socket_row(struct print_table *table,
			   const struct inspected *one, size_t alike)
{
	char text[PRINT_CELL_BYTES], pids[NUMBER_BYTES] = "-";
	const char *cells[COLUMNS] = { one->socket.text,
				       one->pid ? one->name : "-",
				       pids,
				       *one->where ? one->where : "-",
				       one->outdated   ? "old: restart"
				       : one->attached ? "kernel"
				       : one->loaded   ? "loaded"
						       : "-",
				       text };
	enum print_color color = PRINT_PLAIN;

	if (one->pid && alike)
		(void)snprintf(pids, sizeof(pids), "%d +%zu", (int)one->pid,
			       alike);
	else if (one->pid)
		(void)snprintf(pids, sizeof(pids), "%d", (int)one->pid);
	describe_answers(one, text, sizeof(text));
	if (one->answers == ANSWERS_WRONG)
		color = PRINT_RED;
	else if (one->answers == ANSWERS_UNKNOWN)
		color = PRINT_YELLOW;
	(void)print_add_row(table, cells, color);
}

static bool is_wrong(const struct inspected *one)
{
	return one->answers == ANSWERS_WRONG;
}

static bool is_unknown(const struct inspected *one)
{
	return one->answers == ANSWERS_UNKNOWN;
}

static void print_sum(const struct report *report)
{
	const size_t unknown = report_count(report, is_unknown);

	print("%zu of %zu sockets answer from the wrong address",
	      report_count(report, is_wrong), report_count(report, NULL));
	if (unknown)
		print(", %zu unknown", unknown);
	print_line("%s", "");
}

void report_table(const struct report *report, bool wrong_only)
{
	static const char *const heading[COLUMNS] = { "SOCKET",	 "PROCESS",
						      "PID",	 "WHERE",
						      "LIBRARY", "ANSWERS" };
	struct print_table table = { .columns = COLUMNS };
	const struct inspected *list = report->list;

	if (report->count)
		qsort(report->list, report->count, sizeof(*list),
		      compare_inspected);
	(void)print_add_row(&table, heading, PRINT_PLAIN);
	for (size_t i = 0, next; i < report->count; i = next) {
		for (next = i + 1; next < report->count; next++)
			if (!is_alike(&list[i], &list[next]))
				break;
		if (!wrong_only || list[i].answers == ANSWERS_WRONG)
			add_socket_row(&table, &list[i], next - i - 1);
	}
	if (table.rows > 1)
		print_table(&table);
	print_sum(report);
}

static void print_pair(const char *name, const char *value)
{
	print(", \"%s\": ", name);
	print_json(value);
}

static void print_json_of(const struct inspected *one)
{
	static const char *const answers[] = {
		[ANSWERS_RIGHT] = "right",
		[ANSWERS_ITSELF] = "right-by-itself",
		[ANSWERS_FIXED] = "right-by-replyfrom",
		[ANSWERS_WRONG] = "wrong",
		[ANSWERS_UNKNOWN] = "unknown",
	};

	print("{\"socket\": ");
	print_json(one->socket.text);
	print(", \"port\": %u, \"pid\": %d", one->socket.port, (int)one->pid);
	print_pair("command", one->name);
	print_pair("where", one->where);
	print(", \"loaded\": %s, \"outdated\": %s, \"attached\": %s, "
	      "\"helps\": %s",
	      one->loaded ? "true" : "false", one->outdated ? "true" : "false",
	      one->attached ? "true" : "false", one->helps ? "true" : "false");
	print_pair("answers", answers[one->answers]);
	print_pair("wrong", one->wrong);
	print_pair("why", one->why);
	print("}");
}

void report_json(const struct report *report, bool wrong_only, int status)
{
	bool comma = false;

	print("{\"status\": %d, \"sockets\": [", status);
	for (size_t i = 0; i < report->count; i++) {
		if (wrong_only && report->list[i].answers != ANSWERS_WRONG)
			continue;
		print("%s", comma ? ", " : "");
		comma = true;
		print_json_of(&report->list[i]);
	}
	print("], \"wrong\": %zu, \"not_looked_at\": %zu", report->wrong,
	      report->unknown);
	if (report->reason)
		print_pair("reason", report->reason);
	print_line("}");
}
