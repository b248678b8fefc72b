/* SPDX-License-Identifier: MIT */
/*
 * replyfrom-kernel: puts the engine's programs into the kernel, says which
 * units they serve, and takes them out.  What stays is pinned; no process does.
 */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "kernel/loader.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_USAGE = 2 };

int fail(const char *format, ...)
{
	va_list words;

	va_start(words, format);
	(void)fputs("replyfrom: ", stderr);
	(void)vfprintf(stderr, format, words);
	(void)fputc('\n', stderr);
	va_end(words);
	return EXIT_FAILURE;
}

int open_map(const char *name)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), PINS "/%s", name);
	return bpf_obj_get(path);
}

/* Whether a pinned map has entries of these sizes. */
static bool is_map_of(const char *name, __u32 key_bytes, __u32 value_bytes)
{
	struct bpf_map_info info = { 0 };
	__u32 bytes = sizeof(info);
	const int map = open_map(name);
	const bool is_known =
		map >= 0 && !bpf_obj_get_info_by_fd(map, &info, &bytes);

	(void)close(map);
	return is_known && info.key_size == key_bytes &&
	       info.value_size == value_bytes;
}

/* An upgrade leaves the programs and maps of the version before. */
static int check_version(void)
{
	if (is_map_of("scopes", sizeof(struct scope), sizeof(__u8)) &&
	    is_map_of("counts", sizeof(__u32), sizeof(struct counters)) &&
	    is_map_of("unusable", sizeof(struct unusable_key), sizeof(__u8)))
		return 0;
	return fail("the engine that is attached is of another version; end it "
		    "first: replyfrom detach");
}

/* With the errno of is_loaded(). */
static int fail_not_attached(void)
{
	return errno == EACCES
		       ? fail("only root can see whether the engine is "
			      "attached; check: id -u")
		       : fail("the engine is not attached; check: ls " PINS);
}

static int silent(enum libbpf_print_level level, const char *format,
		  va_list words)
{
	(void)level;
	(void)format;
	(void)words;
	return 0;
}

static int attach_main(int argc, char **argv)
{
	const __u8 one = 1;
	struct loading loading = { 0 };
	struct scope scope;
	int scopes;

	if (argc > 1 && !strcmp(argv[1], "--fallback")) {
		loading.falls_back = true;
		argc--;
		argv++;
	}
	if (argc != 2)
		return EXIT_USAGE;
	if (scope_of(argv[1], &scope) || lock_engine() ||
	    (is_loaded() ? check_version() : load(&loading)))
		return EXIT_FAILURE;
	scopes = open_map("scopes");
	if (scopes < 0 || bpf_map_update_elem(scopes, &scope, &one, BPF_ANY))
		return fail("%s: %s", argv[1], strerror(errno));
	if (!scope_is_there(&scope))
		(void)printf("%s is not running: it is served from its next "
			     "start\n",
			     scope.name);
	return visit_namespaces();
}

static int detach_main(int argc, char **argv)
{
	struct scope scope, first;

	if (argc > 2)
		return EXIT_USAGE;
	if (!is_loaded())
		return fail_not_attached();
	if ((argc == 2 && scope_of(argv[1], &scope)) || lock_engine())
		return EXIT_FAILURE;
	if (argc == 2) {
		const int scopes = open_map("scopes");

		if (check_version())
			return EXIT_FAILURE;
		if (bpf_map_delete_elem(scopes, &scope))
			return fail("%s is not attached", argv[1]);
		if (!bpf_map_get_next_key(scopes, NULL, &first))
			return visit_namespaces();
	}
	unload();
	return 0;
}

int sum_counters(int map, struct counters *sum)
{
	const int processors = libbpf_num_possible_cpus();
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
	return error;
}

/* A line each: what is served, as attach takes it. */
static void show_scopes(const char *before_each)
{
	const int scopes = open_map("scopes");
	struct scope scope, *before = NULL;

	while (!bpf_map_get_next_key(scopes, before, &scope)) {
		if (*scope.name)
			(void)printf("%s%s\n", before_each, scope.name);
		else
			(void)printf("%scgroup %llu\n", before_each, scope.id);
		before = &scope;
	}
	(void)close(scopes);
}

/* For `replyfrom status`, which has the words for them: see command/engine.c.
 */
static void show_figures(const struct counters *sum)
{
#define X(name, text) (void)printf(#name " %llu\n", sum->name);
	COUNTERS(X)
#undef X
	show_scopes("serves ");
}

static void show(const struct counters *sum)
{
	show_scopes("kernel ");
#define X(name, text) (void)printf("  %-30s %llu\n", text, sum->name);
	COUNTERS(X)
#undef X
}

static int status_main(int argc, char **argv)
{
	const bool is_figures = argc == 2 && !strcmp(argv[1], "--figures");
	struct counters sum;

	if (argc > 1 && !is_figures)
		return EXIT_USAGE;
	if (!is_loaded())
		return fail_not_attached();
	if (check_version())
		return EXIT_FAILURE;
	if (sum_counters(open_map("counts"), &sum))
		return fail("its counters cannot be read: %s; check: id -u",
			    strerror(errno));
	if (is_figures)
		show_figures(&sum);
	else
		show(&sum);
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

	if (!getenv("REPLYFROM_KERNEL_DEBUG"))
		libbpf_set_print(silent);
	for (size_t i = 0;
	     argc > 1 && i < sizeof(subcommands) / sizeof(subcommands[0]); i++)
		if (!strcmp(argv[1], subcommands[i].name))
			status = subcommands[i].run(argc - 1, argv + 1);
	if (status == EXIT_USAGE)
		(void)fputs("Usage: replyfrom-kernel attach [--fallback] "
			    "UNIT|CGROUP|PID\n"
			    "       replyfrom-kernel detach [UNIT|CGROUP|PID]\n"
			    "       replyfrom-kernel status [--figures]\n",
			    stderr);
	return status;
}
// NOLINTEND(concurrency-mt-unsafe)
