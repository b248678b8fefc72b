/* SPDX-License-Identifier: MIT */
/* Shows counters: as a list, a table, JSON or Prometheus' text format. */
#include "command/findings.h"

#include "command/print.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

/* How each is called, in the order that they are shown in. */
static const struct {
	const char *json;
	const char *text;
	bool is_gauge; /* for Prometheus: it goes down as well */
} figures[FIGURES] = {
	[FIGURE_SOCKETS] = { "sockets", "sockets tracked", true },
	[FIGURE_REMEMBERED] = { "peers", "peers remembered", true },
	[FIGURE_BOUND] = { "peers_bound", "peers at most", true },
	[FIGURE_SEEN] = { "datagrams", "datagrams seen", false },
	[FIGURE_REWRITTEN] = { "rewritten", "replies rewritten", false },
	[FIGURE_OWN] = { "already_right", "already with a source", false },
	[FIGURE_UNKNOWN] = { "no_entry", "sent plainly, peer unknown", false },
	[FIGURE_REFUSED] = { "refused", "sent plainly, source refused", false },
	[FIGURE_EVICTED] = { "evictions", "peers evicted", false },
	[FIGURE_CONFLICTS] = { "conflicts", "peers that asked two addresses",
			       false },
	[FIGURE_REENTRANT] = { "reentrant", "reentrant calls passed through",
			       false },
};

void findings_json(const struct finding *finding, const char *time)
{
	const struct process *process = &finding->process;

	print("{\"time\": \"%s\", \"pid\": %d, \"command\": ", time,
	      (int)process->pid);
	print_json(process->name);
	if (*process->unit) {
		print(", \"unit\": ");
		print_json(process->unit);
	}
	for (size_t i = 0; i < FIGURES; i++)
		print(", \"%s\": %" PRIu64, figures[i].json,
		      finding->figures[i]);
	print_line("}");
}

void findings_details(const struct finding *finding)
{
	print_line("%d %s", (int)finding->process.pid, finding->process.name);
	for (size_t i = 0; i < FIGURES; i++)
		print_line("  %-30s %" PRIu64, figures[i].text,
			   finding->figures[i]);
}

/* What a process counted at an earlier look; NULL: there was none. */
static const struct finding *find_earlier(const struct view *earlier, pid_t pid)
{
	for (size_t i = 0; i < earlier->count; i++)
		if (earlier->list[i].process.pid == pid)
			return &earlier->list[i];
	return NULL;
}

/* Datagrams since the last look, or since the process began. */
static double rate_of(const struct finding *finding, const struct view *view,
		      const struct view *earlier)
{
	const struct finding *before =
		find_earlier(earlier, finding->process.pid);
	const uint64_t seen = before ? before->figures[FIGURE_SEEN] : 0;
	const uint64_t since_ms =
		before ? earlier->time_ms : finding->started_ms;

	if (view->time_ms <= since_ms || finding->figures[FIGURE_SEEN] < seen)
		return 0;
	return (double)(finding->figures[FIGURE_SEEN] - seen) * 1000 /
	       (double)(view->time_ms - since_ms);
}

enum { STATUS_COLUMNS = 9, NUMBER_BYTES = 32 };

static void add_row(struct print_table *table, const struct finding *finding,
		    double rate)
{
	static const enum figure shown[] = { FIGURE_SOCKETS, FIGURE_REMEMBERED,
					     FIGURE_SEEN,    FIGURE_REWRITTEN,
					     FIGURE_UNKNOWN, FIGURE_REFUSED };
	char texts[STATUS_COLUMNS][NUMBER_BYTES];
	const char *cells[STATUS_COLUMNS] = { texts[0], finding->process.name };

	(void)snprintf(texts[0], NUMBER_BYTES, "%d", (int)finding->process.pid);
	for (size_t i = 0; i < sizeof(shown) / sizeof(*shown); i++) {
		(void)snprintf(texts[i + 2], NUMBER_BYTES, "%" PRIu64,
			       finding->figures[shown[i]]);
		cells[i + 2] = texts[i + 2];
	}
	(void)snprintf(texts[8], NUMBER_BYTES, "%.1f", rate);
	cells[8] = texts[8];
	(void)print_add_row(table, cells,
			    finding->figures[FIGURE_REFUSED] ? PRINT_YELLOW
							     : PRINT_PLAIN);
}

void findings_table(const struct view *view, const struct view *earlier)
{
	static const char *const heading[STATUS_COLUMNS] = {
		"PID",	     "COMMAND", "SOCKETS", "PEERS",	"RECEIVED",
		"REWRITTEN", "PLAIN",	"REFUSED", "PER SECOND"
	};
	struct print_table table = { .columns = STATUS_COLUMNS,
				     .whole_rows = true };

	(void)print_add_row(&table, heading, PRINT_PLAIN);
	for (size_t i = 0; i < view->count; i++)
		add_row(&table, &view->list[i],
			rate_of(&view->list[i], view, earlier));
	print_table(&table);
}

/* Prometheus' text format has the samples of one metric together. */
void findings_prometheus(const struct view *view)
{
	for (size_t i = 0; i < FIGURES; i++) {
		const char *suffix = figures[i].is_gauge ? "" : "_total";

		print_line("# HELP replyfrom_%s%s libreplyfrom: %s.",
			   figures[i].json, suffix, figures[i].text);
		print_line("# TYPE replyfrom_%s%s %s", figures[i].json, suffix,
			   figures[i].is_gauge ? "gauge" : "counter");
		for (size_t n = 0; n < view->count; n++) {
			const struct process *process = &view->list[n].process;

			print("replyfrom_%s%s{pid=\"%d\",command=",
			      figures[i].json, suffix, (int)process->pid);
			print_json(process->name);
			print(",unit=");
			print_json(process->unit);
			print_line("} %" PRIu64, view->list[n].figures[i]);
		}
	}
}
