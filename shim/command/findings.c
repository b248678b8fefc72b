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
	bool is_gauge;	/* for Prometheus: it goes down as well */
	bool of_engine; /* the engine in the kernel has it, too */
} figures[FIGURES] = {
	[FIGURE_SOCKETS] = { .json = "sockets",
			     .text = "sockets tracked",
			     .is_gauge = true },
	[FIGURE_REMEMBERED] = { .json = "peers",
				.text = "peers remembered",
				.is_gauge = true },
	[FIGURE_BOUND] = { .json = "peers_bound",
			   .text = "peers at most",
			   .is_gauge = true },
	[FIGURE_SEEN] = { .json = "datagrams",
			  .text = "datagrams seen",
			  .of_engine = true },
	[FIGURE_REWRITTEN] = { .json = "rewritten",
			       .text = "replies rewritten",
			       .of_engine = true },
	[FIGURE_OWN] = { .json = "already_right",
			 .text = "already with a source",
			 .of_engine = true },
	[FIGURE_UNKNOWN] = { .json = "no_entry",
			     .text = "sent plainly, peer unknown",
			     .of_engine = true },
	[FIGURE_REFUSED] = { .json = "refused",
			     .text = "sent plainly, source refused",
			     .of_engine = true },
	[FIGURE_EVICTED] = { .json = "evictions", .text = "peers evicted" },
	[FIGURE_CONFLICTS] = { .json = "conflicts",
			       .text = "peers that asked two addresses" },
	[FIGURE_REENTRANT] = { .json = "reentrant",
			       .text = "reentrant calls passed through" },
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

void findings_engine_json(const struct view *view)
{
	const struct engine *engine = &view->engine;

	print("{\"time\": \"%s\", \"engine\": \"kernel\", \"serves\": [",
	      view->time);
	for (size_t i = 0; i < engine->scope_count; i++) {
		print("%s", i ? ", " : "");
		print_json(engine->scopes[i]);
	}
	print("]");
	for (size_t i = 0; i < FIGURES; i++)
		if (figures[i].of_engine)
			print(", \"%s\": %" PRIu64, figures[i].json,
			      engine->figures[i]);
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

/* Those of one process, or of the engine, which has not all of them. */
static void add_process_row(struct print_table *table, const char *pid,
			    const char *name, const uint64_t *values,
			    bool is_engine, double rate)
{
	static const enum figure shown[] = { FIGURE_SOCKETS, FIGURE_REMEMBERED,
					     FIGURE_SEEN,    FIGURE_REWRITTEN,
					     FIGURE_UNKNOWN, FIGURE_REFUSED };
	char texts[STATUS_COLUMNS][NUMBER_BYTES];
	const char *cells[STATUS_COLUMNS] = { pid, name };

	for (size_t i = 0; i < sizeof(shown) / sizeof(*shown); i++) {
		(void)snprintf(texts[i + 2], NUMBER_BYTES, "%" PRIu64,
			       values[shown[i]]);
		cells[i + 2] = is_engine && !figures[shown[i]].of_engine
				       ? "-"
				       : texts[i + 2];
	}
	(void)snprintf(texts[8], NUMBER_BYTES, "%.1f", rate);
	cells[8] = rate < 0 ? "-" : texts[8];
	(void)print_add_row(table, cells,
			    values[FIGURE_REFUSED] ? PRINT_YELLOW
						   : PRINT_PLAIN);
}

static void add_process(struct print_table *table,
			const struct finding *finding, double rate)
{
	char pid[NUMBER_BYTES];

	(void)snprintf(pid, sizeof(pid), "%d", (int)finding->process.pid);
	add_process_row(table, pid, finding->process.name, finding->figures,
			false, rate);
}

/* When it was attached is not known. */
static void add_engine(struct print_table *table, const struct view *view,
		       const struct view *earlier)
{
	const uint64_t seen = view->engine.figures[FIGURE_SEEN];
	const uint64_t before = earlier->engine.figures[FIGURE_SEEN];
	const bool is_known = earlier->engine.is_attached && seen >= before &&
			      view->time_ms > earlier->time_ms;

	add_process_row(
		table, "-", "kernel engine", view->engine.figures, true,
		is_known ? (double)(seen - before) * 1000 /
				   (double)(view->time_ms - earlier->time_ms)
			 : -1);
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
		add_process(&table, &view->list[i],
			    rate_of(&view->list[i], view, earlier));
	if (view->engine.is_attached)
		add_engine(&table, view, earlier);
	print_table(&table);
	for (size_t i = 0; i < view->engine.scope_count; i++)
		print_line("kernel engine: serves %s", view->engine.scopes[i]);
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
		if (view->engine.is_attached && figures[i].of_engine)
			print_line("replyfrom_%s%s{pid=\"\","
				   "command=\"kernel engine\",unit=\"\"} "
				   "%" PRIu64,
				   figures[i].json, suffix,
				   view->engine.figures[i]);
	}
}
