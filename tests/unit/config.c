/* SPDX-License-Identifier: MIT */
/* The REPLYFROM_* numbers, each in a process of its own. */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "base/config.h"

#include "base/real.h"
#include "child.h"
#include "unit.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* As in libreplyfrom(7). */
static const struct number {
	const char *name;
	size_t offset; /* in struct config */
	uint32_t least;
	uint32_t most;
	uint32_t preset;
} numbers[] = {
	{ "REPLYFROM_PEERS", offsetof(struct config, peers), 16, 4194304,
	  65536 },
	{ "REPLYFROM_TTL", offsetof(struct config, ttl_s), 1, 86400, 120 },
	{ "REPLYFROM_FOLLOW_MS", offsetof(struct config, follow_ms), 0, 60000,
	  2000 },
};

static const struct number switches[] = {
	{ "REPLYFROM_IFINDEX", offsetof(struct config, ifindex), 0, 1, 0 },
	{ "REPLYFROM_DEEPBIND", offsetof(struct config, deepbind), 0, 1, 1 },
	{ "REPLYFROM_DISABLE", offsetof(struct config, disable), 0, 1, 0 },
};

static const char *const others[] = { "REPLYFROM_LOG", "REPLYFROM_LOG_TO",
				      "REPLYFROM_ONLY_PORTS",
				      "REPLYFROM_DISABEL", "REPLYFROM_FROB" };

/* What a process answered and said; it shares this with the test. */
static struct {
	struct config config;
	struct config amid; /* asked for while it was being read */
	bool is_same;
	bool has_ports;
	uint32_t ports[PORTS_WORDS];
	int writes;
	int fd;
	int error;
	char said[4096];
} * seen;

BEFORE_ALL(share_memory)
{
	seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(seen != MAP_FAILED);
}

/* No variable but those that the test sets. */
BEFORE_EACH(no_variables)
{
	for (size_t i = 0; i < COUNT(numbers); i++)
		(void)unsetenv(numbers[i].name);
	for (size_t i = 0; i < COUNT(switches); i++)
		(void)unsetenv(switches[i].name);
	for (size_t i = 0; i < COUNT(others); i++)
		(void)unsetenv(others[i]);
}

/* What would go to stderr; it also asks, as an interrupting handler might. */
static ssize_t listen_to(int fd, const void *buf, size_t len)
{
	const size_t before = strlen(seen->said);

	seen->fd = fd;
	seen->writes++;
	if (before + len < sizeof(seen->said))
		memcpy(seen->said + before, buf, len);
	seen->amid = *config_get();
	errno = EBADF;
	return -1;
}

static int read_in_child(void *context)
{
	const struct config *config;

	(void)context;
	real_resolve(); /* or the first call does, and undoes this */
	real.write = listen_to;
	errno = ENOTTY;
	config = config_get();
	seen->error = errno;
	seen->config = *config;
	seen->has_ports = config->only_ports != NULL;
	if (seen->has_ports)
		memcpy(seen->ports, config->only_ports, sizeof(seen->ports));
	/* Too late: the application's own code has run. */
	(void)setenv("REPLYFROM_TTL", "77", 1);
	(void)setenv("REPLYFROM_PEERS", "nonsense", 1);
	seen->is_same = config_get() == config;
	seen->config.ttl_s = config->ttl_s;
	return 0;
}

/* What a process with the present environment makes of it. */
static void read_config(void)
{
	memset(seen, 0, sizeof(*seen));
	assert_int_equal(in_child(read_in_child, NULL), 0);
}

static uint32_t value_of(const struct number *variable)
{
	uint32_t value;

	memcpy(&value, (const char *)&seen->config + variable->offset,
	       sizeof(value));
	return value;
}

static void set(const struct number *variable, const char *text)
{
	no_variables();
	assert_int_equal(setenv(variable->name, text, 1), 0);
}

static void set_number(const struct number *variable, uint64_t number)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	set(variable, text);
}

static void assert_is_taken(const struct number *variable, uint32_t number)
{
	set_number(variable, number);
	read_config();
	assert_int_equal(value_of(variable), number);
	assert_string_equal(seen->said, "");
}

static size_t count_lines(const char *text)
{
	size_t lines = 0;

	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

/* The default holds, and one line says which variable, value and range. */
static void assert_is_reported(const struct number *variable, const char *text)
{
	char range[64];

	(void)snprintf(range, sizeof(range), "%u to %u", variable->least,
		       variable->most);
	set(variable, text);
	read_config();
	assert_int_equal(value_of(variable), variable->preset);
	assert_non_null(strstr(seen->said, variable->name));
	assert_non_null(strstr(seen->said, text));
	assert_non_null(strstr(seen->said, range));
	assert_int_equal(count_lines(seen->said), 1);
	assert_int_equal(seen->said[strlen(seen->said) - 1], '\n');
}

TEST(without_variables_the_defaults_hold)
{
	read_config();

	for (size_t i = 0; i < COUNT(numbers); i++)
		assert_int_equal(value_of(&numbers[i]), numbers[i].preset);
	assert_int_equal(seen->writes, 0);
}

TEST(the_least_value_is_taken)
{
	for (size_t i = 0; i < COUNT(numbers); i++)
		assert_is_taken(&numbers[i], numbers[i].least);
}

TEST(the_greatest_value_is_taken)
{
	for (size_t i = 0; i < COUNT(numbers); i++)
		assert_is_taken(&numbers[i], numbers[i].most);
}

TEST(a_value_between_is_taken)
{
	assert_is_taken(&numbers[0], 4096);
	assert_is_taken(&numbers[1], 30);
}

TEST(a_value_just_too_small_is_reported)
{
	char text[32];

	for (size_t i = 0; i < COUNT(numbers); i++) {
		if (!numbers[i].least)
			continue;
		(void)snprintf(text, sizeof(text), "%u", numbers[i].least - 1);
		assert_is_reported(&numbers[i], text);
	}
}

TEST(a_value_just_too_large_is_reported)
{
	char text[32];

	for (size_t i = 0; i < COUNT(numbers); i++) {
		(void)snprintf(text, sizeof(text), "%u", numbers[i].most + 1);
		assert_is_reported(&numbers[i], text);
	}
}

/* What strtoul and its kin would take, and what wraps to something usable. */
TEST(what_is_not_a_plain_number_is_reported)
{
	const char *const texts[] = {
		"",
		"-1",
		"+1",
		" 1",
		"1 ",
		"1x",
		"x",
		"0x1",
		"1e0",
		"1.0",
		"1,0",
		"yes",
		"1\t",
		"--1",
		"４",
		"4294967297", /* 2^32 + 1 */
		"4294967312", /* 2^32 + 16 */
		"18446744073709551617",
		"99999999999999999999999999999999999999",
	};

	for (size_t i = 0; i < COUNT(numbers); i++)
		for (size_t n = 0; n < COUNT(texts); n++)
			assert_is_reported(&numbers[i], texts[n]);
}

TEST(a_long_value_is_reported_in_one_whole_line)
{
	char text[3000];

	memset(text, '7', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	set(&numbers[0], text);

	read_config();

	assert_int_equal(value_of(&numbers[0]), numbers[0].preset);
	assert_int_equal(count_lines(seen->said), 1);
	assert_non_null(strstr(seen->said, "REPLYFROM_PEERS=7777"));
	assert_non_null(strstr(seen->said, "16 to 4194304"));
}

TEST(a_value_of_two_lines_is_reported_in_one)
{
	set(&numbers[0], "1\nreplyfrom: all is well");

	read_config();

	assert_int_equal(count_lines(seen->said), 1);
}

static void assert_is_switched(const struct number *variable, const char *text,
			       uint32_t value)
{
	set(variable, text);
	read_config();
	assert_int_equal(value_of(variable), value);
	assert_string_equal(seen->said, "");
}

TEST(a_switch_takes_the_usual_words)
{
	static const char *const off[] = {
		"", "0", "no", "false", "off", "NO"
	};
	static const char *const on[] = { "1", "yes", "true", "on", "Yes" };

	for (size_t i = 0; i < COUNT(switches); i++) {
		for (size_t n = 0; n < COUNT(off); n++)
			assert_is_switched(&switches[i], off[n], 0);
		for (size_t n = 0; n < COUNT(on); n++)
			assert_is_switched(&switches[i], on[n], 1);
	}
}

TEST(another_word_disables_but_does_not_switch_others)
{
	static const char *const texts[] = { "2",    "-1",    "y", " 1",
					     "yes ", "maybe", "01" };

	for (size_t i = 0; i < COUNT(switches); i++)
		for (size_t n = 0; n < COUNT(texts); n++) {
			const bool disables =
				!strcmp(switches[i].name, "REPLYFROM_DISABLE");

			set(&switches[i], texts[n]);
			read_config();
			assert_int_equal(value_of(&switches[i]),
					 disables || switches[i].preset);
			assert_non_null(strstr(seen->said, switches[i].name));
			assert_non_null(
				strstr(seen->said,
				       disables ? "; replyfrom is disabled\n"
						: "; using the default\n"));
			assert_int_equal(count_lines(seen->said), 1);
		}
}

TEST(an_unknown_variable_is_reported_with_the_nearest)
{
	assert_int_equal(setenv("REPLYFROM_DISABEL", "1", 1), 0);
	read_config();
	assert_string_equal(seen->said,
			    "replyfrom: REPLYFROM_DISABEL: unknown variable "
			    "(did you mean REPLYFROM_DISABLE?)\n");
	assert_int_equal(seen->config.disable, 0);

	no_variables();
	assert_int_equal(setenv("REPLYFROM_FROB", "1", 1), 0);
	read_config();
	assert_string_equal(seen->said,
			    "replyfrom: REPLYFROM_FROB: unknown variable\n");
}

TEST(a_long_name_is_cut)
{
	char name[200];

	memset(name, 'X', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): its beginning */
	memcpy(name, "REPLYFROM_", 10);
	assert_int_equal(setenv(name, "1", 1), 0);
	read_config();
	(void)unsetenv(name);

	assert_int_equal(count_lines(seen->said), 1);
	assert_non_null(strstr(seen->said, "REPLYFROM_XXXX"));
	assert_in_range(strlen(seen->said), 80, 120);
}

/* A variable of words: each by its place. */
struct words {
	const char *name;
	size_t offset;
	const char *words[4];
	const char *accepted;
};

static const struct words word_lists[] = {
	{ "REPLYFROM_LOG",
	  offsetof(struct config, log),
	  { "off", "error", "INFO", "Debug" },
	  "one of off, error, info, debug;" },
	{ "REPLYFROM_LOG_TO",
	  offsetof(struct config, log_to),
	  { "stderr", "Syslog" },
	  "one of stderr, syslog;" }
};

static uint32_t word_of(const struct words *list)
{
	uint32_t value;

	memcpy(&value, (const char *)&seen->config + list->offset,
	       sizeof(value));
	return value;
}

TEST(a_word_is_taken_in_any_case)
{
	for (size_t i = 0; i < COUNT(word_lists); i++)
		for (uint32_t n = 0; n < 4 && word_lists[i].words[n]; n++) {
			no_variables();
			assert_int_equal(setenv(word_lists[i].name,
						word_lists[i].words[n], 1),
					 0);

			read_config();

			assert_int_equal(word_of(&word_lists[i]), n);
			assert_string_equal(seen->said, "");
		}
}

TEST(what_is_none_of_the_words_is_reported)
{
	const char *const texts[] = { "",	  "0",	      "inf",
				      "info ",	  "off,info", "off, error",
				      ",",	  "/x",	      "syslo",
				      "syslog\t", "stdout" };

	for (size_t i = 0; i < COUNT(word_lists); i++)
		for (size_t n = 0; n < COUNT(texts); n++) {
			no_variables();
			assert_int_equal(
				setenv(word_lists[i].name, texts[n], 1), 0);

			read_config();

			assert_int_equal(word_of(&word_lists[i]), 0);
			assert_non_null(strstr(seen->said, word_lists[i].name));
			assert_non_null(
				strstr(seen->said, word_lists[i].accepted));
			assert_int_equal(count_lines(seen->said), 1);
		}
}

static void set_other(const char *name, const char *text)
{
	no_variables();
	assert_int_equal(setenv(name, text, 1), 0);
	read_config();
}

static void assert_other_is_reported(const char *name, const char *text)
{
	set_other(name, text);

	assert_false(seen->has_ports);
	assert_non_null(strstr(seen->said, "; all ports are handled\n"));
	assert_non_null(strstr(seen->said, name));
	assert_non_null(strstr(seen->said, text));
	assert_int_equal(count_lines(seen->said), 1);
}

static bool has_port(unsigned int port)
{
	return seen->ports[port / PORTS_PER_WORD] >> port % PORTS_PER_WORD & 1;
}

TEST(the_ports_of_a_list_are_taken)
{
	/* Each is these ports, and one more. */
	const struct {
		const char *text;
		unsigned int first, last, more;
	} lists[] = {
		{ "53", 53, 53, 53 },
		{ "1", 1, 1, 1 },
		{ "65535", 65535, 65535, 65535 },
		{ "1-65535", 1, 65535, 7 },
		{ "31-32", 31, 32, 32 },
		{ "7,5000-5010", 5000, 5010, 7 },
		{ "5000-5010,7", 5000, 5010, 7 },
		{ "5-5,9,5", 5, 5, 9 },
		{ " 9, 5000-5010 ", 5000, 5010, 9 },
	};

	for (size_t n = 0; n < COUNT(lists); n++) {
		set_other("REPLYFROM_ONLY_PORTS", lists[n].text);

		assert_string_equal(seen->said, "");
		assert_true(seen->has_ports);
		for (unsigned int port = 0; port < PORTS_COUNT; port++)
			assert_int_equal(has_port(port),
					 port == lists[n].more ||
						 (port >= lists[n].first &&
						  port <= lists[n].last));
	}
}

TEST(services_of_a_list_are_their_ports)
{
	/* The package netbase has it. */
	if (access("/etc/services", R_OK))
		skip();
	set_other("REPLYFROM_ONLY_PORTS", "domain 69");

	assert_string_equal(seen->said, "");
	assert_true(has_port(53));
	assert_true(has_port(69));
	assert_false(has_port(54));
}

TEST(all_ports_are_no_list)
{
	set_other("REPLYFROM_ONLY_PORTS", "all");
	assert_false(seen->has_ports);
	assert_string_equal(seen->said, "");

	set_other("REPLYFROM_ONLY_PORTS", "All");
	assert_false(seen->has_ports);
	assert_string_equal(seen->said, "");
}

TEST(what_is_no_list_of_ports_is_reported)
{
	const char *const texts[] = {
		"",	      "0",	 "65536", "53,",     ",53",
		"5-",	      "-5",	 "5-4",	  "no-such", "53;54",
		"1-2-3",      "53,all",	 "0-5",	  "5-0",     "1,,2",
		"4294967349", "5-65536", "+5",	  "0x35",
	};

	for (size_t n = 0; n < COUNT(texts); n++)
		assert_other_is_reported("REPLYFROM_ONLY_PORTS", texts[n]);
}

TEST(each_unusable_value_has_a_line_of_its_own)
{
	for (size_t i = 0; i < COUNT(numbers); i++)
		assert_int_equal(setenv(numbers[i].name, "x", 1), 0);

	read_config();

	assert_int_equal(count_lines(seen->said), COUNT(numbers));
	assert_int_equal(seen->writes, COUNT(numbers));
}

TEST(an_unusable_value_leaves_the_others)
{
	assert_int_equal(setenv("REPLYFROM_PEERS", "x", 1), 0);
	assert_int_equal(setenv("REPLYFROM_IFINDEX", "1", 1), 0);

	read_config();

	assert_int_equal(seen->config.ifindex, 1);
}

/* So that lines of two processes do not mix. */
TEST(a_line_is_written_to_stderr_at_once)
{
	set(&numbers[0], "x");

	read_config();

	assert_int_equal(seen->writes, 1);
	assert_int_equal(seen->fd, STDERR_FILENO);
}

TEST(the_environment_is_read_once)
{
	read_config();

	assert_true(seen->is_same);
	assert_int_equal(seen->config.ttl_s, 120);
	assert_string_equal(seen->said, "");
}

TEST(reading_keeps_errno)
{
	set(&numbers[0], "x");

	read_config();

	assert_int_equal(seen->error, ENOTTY);
}

TEST(whoever_asks_amid_reading_gets_the_defaults)
{
	assert_int_equal(setenv("REPLYFROM_PEERS", "16", 1), 0);
	assert_int_equal(setenv("REPLYFROM_DISABLE", "x", 1), 0);

	read_config();

	assert_int_equal(seen->config.peers, 16);
	assert_int_equal(seen->amid.peers, 65536);
	assert_int_equal(seen->amid.ttl_s, 120);
}

static int read_plainly(void *context)
{
	(void)context;
	(void)dup2(*(int *)context, STDERR_FILENO);
	(void)config_get();
	return 0;
}

TEST(the_line_reaches_stderr)
{
	char said[512] = "";
	int fds[2];

	set(&numbers[1], "soon");
	assert_int_equal(pipe(fds), 0);

	assert_int_equal(in_child(read_plainly, &fds[1]), 0);

	assert_true(read(fds[0], said, sizeof(said) - 1) > 0);
	assert_string_equal(said, "replyfrom: REPLYFROM_TTL=soon is not a "
				  "number from 1 to 86400; using the "
				  "default\n");
	(void)close(fds[0]);
	(void)close(fds[1]);
}
// NOLINTEND(concurrency-mt-unsafe)
