/* SPDX-License-Identifier: MIT */
/*
 * The `replyfrom` command, run as a program: the one in $BUILD, or in the build
 * directory that this test is in.
 */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "unit.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define INSTALLED "/usr/local/lib/libreplyfrom.so"

static char program[PATH_MAX];
static char library[PATH_MAX];
static char directory[PATH_MAX]; /* for copies; empty at each test */

/* Of an LD_PRELOAD. */
enum { LIST_BYTES = 8 * PATH_MAX };

/* What a run came to. */
static struct {
	int status; /* of waitpid(2) */
	char out[65536];
	char err[4096];
} result;

/* Whole, or not at all. */
__attribute__((format(printf, 3, 4))) static void
print_to(char *text, size_t room, const char *format, ...)
{
	va_list list;
	int length;

	va_start(list, format);
	length = vsnprintf(text, room, format, list);
	va_end(list);
	assert_in_range(length, 0, room - 1);
}

static void join(char *path, const char *parent, const char *name)
{
	print_to(path, PATH_MAX, "%s/%s", parent, name);
}

BEFORE_ALL(find_program)
{
	const char *build = getenv("BUILD");
	char path[PATH_MAX] = "";
	struct stat file;

	if (!build) {
		/* build/tests/unit/launch */
		assert_true(readlink("/proc/self/exe", path,
				     sizeof(path) - 1) >= 0);
		for (int i = 0; i < 3; i++)
			*strrchr(path, '/') = '\0';
		build = path;
	}
	join(program, build, "replyfrom");
	join(library, build, "libreplyfrom.so");
	if (stat(program, &file) || stat(library, &file))
		fail_msg("%s or %s is missing: build them first", program,
			 library);
	assert_non_null(realpath(library, path));
	print_to(library, sizeof(library), "%s", path);
}

BEFORE_EACH(new_directory)
{
	const char *parent = getenv("TMPDIR");

	join(directory, parent ? parent : "/tmp", "replyfrom-unit-XXXXXX");
	assert_non_null(mkdtemp(directory));
}

AFTER_EACH(remove_directory)
{
	char command[PATH_MAX + 16];

	print_to(command, sizeof(command), "rm -r '%s'", directory);
	// NOLINTNEXTLINE(cert-env33-c): of a path that is ours
	assert_int_equal(system(command), 0);
}

/* An environment with no more than PATH, LANG, and one entry, or NULL. */
static char *const *environment(const char *entry)
{
	static char *list[4];

	list[0] = "PATH=/usr/bin:/bin";
	list[1] = "LANG=C";
	list[2] = (char *)entry;
	list[3] = NULL;
	return list;
}

static void read_all(int fd, char *text, size_t room)
{
	size_t length = 0;
	ssize_t n;

	(void)lseek(fd, 0, SEEK_SET);
	while (length < room - 1 &&
	       (n = read(fd, text + length, room - 1 - length)) > 0)
		length += (size_t)n;
	text[length] = '\0';
}

/* Runs `path` with these arguments; standard output goes to `out`. */
static void run_into(int out, const char *path, const char *entry,
		     const char *const *arguments)
{
	FILE *err = tmpfile();
	pid_t child;

	assert_non_null(err);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		(void)dup2(out, STDOUT_FILENO);
		(void)dup2(fileno(err), STDERR_FILENO);
		(void)execve(path, (char *const *)arguments,
			     environment(entry));
		_exit(99);
	}
	assert_int_equal(waitpid(child, &result.status, 0), child);
	read_all(fileno(err), result.err, sizeof(result.err));
	(void)fclose(err);
}

static void run_as(const char *path, const char *entry,
		   const char *const *arguments)
{
	FILE *out = tmpfile();

	assert_non_null(out);
	run_into(fileno(out), path, entry, arguments);
	read_all(fileno(out), result.out, sizeof(result.out));
	(void)fclose(out);
}

#define ARGUMENTS(...) ((const char *const[]){ "replyfrom", __VA_ARGS__, NULL })
#define run(...) run_as(program, NULL, ARGUMENTS(__VA_ARGS__))

static int exit_status(void)
{
	assert_true(WIFEXITED(result.status));
	return WEXITSTATUS(result.status);
}

static size_t count(const char *text, const char *part)
{
	size_t found = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		found++;
	return found;
}

/* Whether `env` said so, in a line of its own. */
static bool has_line(const char *line)
{
	const size_t length = strlen(line);

	for (const char *at = result.out; (at = strstr(at, line)); at++)
		if ((at == result.out || at[-1] == '\n') && at[length] == '\n')
			return true;
	return false;
}

static bool has_preload(const char *list)
{
	char line[LIST_BYTES];

	print_to(line, sizeof(line), "LD_PRELOAD=%s", list);
	return has_line(line);
}

static void copy(const char *from, const char *to)
{
	char buf[65536];
	ssize_t n;
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);

	assert_true(in >= 0 && out >= 0);
	while ((n = read(in, buf, sizeof(buf))) > 0)
		assert_int_equal(write(out, buf, (size_t)n), n);
	assert_int_equal(n, 0);
	(void)close(in);
	(void)close(out);
}

/* What it says of itself. */

TEST(without_a_command_it_says_how_to_use_it)
{
	run_as(program, NULL, (const char *const[]){ "replyfrom", NULL });

	assert_int_equal(exit_status(), 2);
	assert_string_equal(result.out, "");
	assert_non_null(strstr(result.err, "usage: replyfrom [OPTION...]"));
}

TEST(help_is_the_usage_on_standard_output)
{
	run("--help");

	assert_int_equal(exit_status(), 0);
	assert_non_null(strstr(result.out, "usage: replyfrom [OPTION...]"));
	assert_string_equal(result.err, "");
}

TEST(version_is_one_line)
{
	int major, minor, patch, end = 0;

	run("--version");

	assert_int_equal(exit_status(), 0);
	// NOLINTNEXTLINE(cert-err34-c): that they are numbers is what is tested
	assert_int_equal(sscanf(result.out, "replyfrom %d.%d.%d\n%n", &major,
				&minor, &patch, &end),
			 3);
	assert_int_equal(strlen(result.out), end);
	assert_string_equal(result.err, "");
}

TEST(an_unknown_option_is_named)
{
	const char *const options[] = { "--frobnicate", "-x", "--helpx" };

	for (size_t i = 0; i < COUNT(options); i++) {
		run(options[i], "true");

		assert_int_equal(exit_status(), 2);
		assert_string_equal(result.out, "");
		assert_non_null(strstr(result.err, options[i]));
		assert_int_equal(count(result.err, "\n"), 1);
	}
}

TEST(what_follows_an_option_that_goes_alone_is_named)
{
	const char *const options[] = { "--help", "--help-variables",
					"--version", "-h", "-V" };

	for (size_t i = 0; i < COUNT(options); i++) {
		run(options[i], "extra");

		assert_int_equal(exit_status(), 2);
		assert_string_equal(result.out, "");
		assert_string_equal(result.err,
				    "replyfrom: extra: unexpected argument\n");
	}
}

/* Of several in one word, too. */
TEST(an_unknown_short_option_is_named)
{
	run("-vx", "true");

	assert_int_equal(exit_status(), 2);
	assert_string_equal(result.err, "replyfrom: -x: unknown option (see "
					"--help)\n");
}

TEST(help_shows_the_options_of_a_subcommand)
{
	const char *const ways[][2] = { { "help", "ask" },
					{ "ask", "--help" },
					{ "ask", "-h" } };

	for (size_t i = 0; i < COUNT(ways); i++) {
		run(ways[i][0], ways[i][1]);

		assert_int_equal(exit_status(), 0);
		assert_non_null(strstr(result.out, "usage: replyfrom ask "));
		assert_non_null(strstr(result.out, "--timeout"));
		assert_string_equal(result.err, "");
	}
}

TEST(a_subcommand_that_was_mistyped_is_suggested)
{
	run("chekc", "--all");

	assert_int_equal(exit_status(), 127);
	assert_string_equal(result.err,
			    "replyfrom: chekc: no such command (did you mean "
			    "the subcommand 'check'?)\n");
}

TEST(an_option_alone_says_how_to_use_it)
{
	const char *const options[] = { "-v", "--" };

	for (size_t i = 0; i < COUNT(options); i++) {
		run(options[i]);

		assert_int_equal(exit_status(), 2);
		assert_string_equal(result.out, "");
		assert_non_null(strstr(result.err, "usage: replyfrom"));
	}
}

TEST(v_has_the_library_tell_events)
{
	run_as(program, "REPLYFROM_LOG=off", ARGUMENTS("-v", "env"));

	assert_int_equal(exit_status(), 0);
	assert_true(has_line("REPLYFROM_LOG=info"));
	assert_int_equal(count(result.out, "REPLYFROM_LOG="), 1);
}

TEST(v_does_not_have_it_tell_less)
{
	run_as(program, "REPLYFROM_LOG=debug", ARGUMENTS("-v", "env"));

	assert_int_equal(exit_status(), 0);
	assert_true(has_line("REPLYFROM_LOG=debug"));
}

/* Whatever it is called. */
TEST(what_follows_two_dashes_is_the_command)
{
	run("-v", "--", "--help");

	assert_int_equal(exit_status(), 127);
	assert_non_null(strstr(result.err, "--help: "));
}

TEST(help_that_cannot_be_written_fails)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	if (full < 0)
		skip();

	run_into(full, program, NULL, ARGUMENTS("--help"));

	assert_int_not_equal(exit_status(), 0);
	(void)close(full);
}

/* The command. */

TEST(the_command_s_status_is_ours)
{
	run("sh", "-c", "exit 7");

	assert_int_equal(exit_status(), 7);
}

TEST(the_command_is_the_same_process)
{
	run("sh", "-c", "kill -TERM $$");

	assert_true(WIFSIGNALED(result.status));
	assert_int_equal(WTERMSIG(result.status), SIGTERM);
}

TEST(the_command_s_output_is_all)
{
	run("sh", "-c", "echo out; echo err >&2");

	assert_string_equal(result.out, "out\n");
	assert_string_equal(result.err, "err\n");
}

TEST(the_command_gets_its_arguments_as_they_are)
{
	run("sh", "-c", "printf '<%s>' \"$@\"", "sh", "--help", "a b", "", "-x",
	    "*");

	assert_string_equal(result.out, "<--help><a b><><-x><*>");
}

TEST(the_command_gets_the_environment)
{
	run_as(program, "REPLYFROM_TTL=30", ARGUMENTS("env"));

	assert_int_equal(exit_status(), 0);
	assert_true(has_line("PATH=/usr/bin:/bin"));
	assert_true(has_line("REPLYFROM_TTL=30"));
	assert_int_equal(count(result.out, "\n"), 4);
}

TEST(a_command_that_is_not_there_is_127)
{
	const char *const commands[] = { "no-such-command-of-replyfrom",
					 "/no/such/command", "" };

	for (size_t i = 0; i < COUNT(commands); i++) {
		run(commands[i]);

		assert_int_equal(exit_status(), 127);
		assert_non_null(strstr(result.err, commands[i]));
		assert_int_equal(count(result.err, "\n"), 1);
	}
}

static void write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0755), 0);
}

TEST(why_a_command_cannot_be_run_is_said)
{
	char data[PATH_MAX], script[PATH_MAX];

	join(data, directory, "data");
	write_text(data, "");
	assert_int_equal(chmod(data, 0644), 0);
	join(script, directory, "script");
	write_text(script, "#!/no/such/interpreter -x\n");
	const struct {
		const char *command, *why;
	} cases[] = { { data, "is not executable" },
		      { directory, "is a directory" },
		      { script,
			"its interpreter /no/such/interpreter is missing" } };

	for (size_t i = 0; i < COUNT(cases); i++) {
		run(cases[i].command);

		assert_int_equal(exit_status(), 126);
		assert_non_null(strstr(result.err, cases[i].command));
		assert_non_null(strstr(result.err, cases[i].why));
		assert_int_equal(count(result.err, "\n"), 1);
	}
}

/* The library. */

TEST(the_library_beside_the_program_is_preloaded)
{
	run("env");

	assert_int_equal(exit_status(), 0);
	assert_true(has_preload(library));
	assert_string_equal(result.err, "");
}

TEST(what_was_preloaded_is_kept_behind_ours)
{
	char other[PATH_MAX], entry[LIST_BYTES], list[LIST_BYTES];

	join(other, directory, "other.so");
	copy(library, other);
	print_to(entry, sizeof(entry), "LD_PRELOAD=%s", other);
	print_to(list, sizeof(list), "%s:%s", library, other);

	run_as(program, entry, ARGUMENTS("env"));

	assert_int_equal(exit_status(), 0);
	assert_true(has_preload(list));
}

TEST(an_empty_preload_is_none)
{
	run_as(program, "LD_PRELOAD=", ARGUMENTS("env"));

	assert_true(has_preload(library));
}

/* replyfrom replyfrom command */
TEST(the_library_is_preloaded_once)
{
	run(program, program, "env");

	assert_int_equal(exit_status(), 0);
	assert_true(has_preload(library));
}

TEST(the_library_is_found_anywhere_in_the_list)
{
	char other[PATH_MAX], entry[LIST_BYTES];
	const char separators[] = { ':', ' ' };

	join(other, directory, "other.so");
	copy(library, other);
	for (size_t i = 0; i < COUNT(separators); i++) {
		const char c = separators[i];

		print_to(entry, sizeof(entry), "LD_PRELOAD=%s%c%s%c%s", other,
			 c, library, c, other);

		run_as(program, entry, ARGUMENTS("env"));

		assert_true(has_line(entry));
	}
}

/* In $LIB below our directory: libc has the same below the root. */
static void put_where_the_loader_finds_it(void)
{
	char place[PATH_MAX], command[3 * PATH_MAX];
	const char *libc;
	Dl_info info;

	assert_true(dladdr(dlsym(RTLD_DEFAULT, "fork"), &info));
	libc = info.dli_fname;
	if (!strncmp(libc, "/usr/", 5))
		libc += 4;
	print_to(place, sizeof(place), "%s%.*s", directory,
		 (int)(strrchr(libc, '/') - libc), libc);
	print_to(command, sizeof(command), "mkdir -p '%s'; cp '%s' '%s'", place,
		 library, place);
	// NOLINTNEXTLINE(cert-env33-c): of paths that are ours
	assert_int_equal(system(command), 0);
}

TEST(the_library_is_known_by_any_path)
{
	char link[PATH_MAX], numbered[PATH_MAX], entry[LIST_BYTES];
	char for_loader[PATH_MAX];
	const char *const paths[] = { link, numbered, for_loader };

	put_where_the_loader_finds_it();
	join(for_loader, directory, "$LIB/libreplyfrom.so");
	join(link, directory, "link");
	assert_int_equal(symlink(library, link), 0);
	join(numbered, directory, "libreplyfrom.so.1");
	copy(library, numbered);
	for (size_t i = 0; i < COUNT(paths); i++) {
		print_to(entry, sizeof(entry), "LD_PRELOAD=%s", paths[i]);

		run_as(program, entry, ARGUMENTS("env"));

		assert_true(has_line(entry));
	}
}

/* Whatever its name; one without a slash may be there or not. */
TEST(a_library_that_is_not_there_is_not_ours)
{
	const char *const paths[] = { "/no/such/libreplyfrom.so",
				      "libreplyfrom.so",
				      "/no/such/$LIB/libreplyfrom.so",
				      "$ORIGIN/libreplyfrom.so",
				      "$LIBRARY/libreplyfrom.so" };
	char entry[LIST_BYTES], list[LIST_BYTES];

	for (size_t i = 0; i < COUNT(paths); i++) {
		print_to(entry, sizeof(entry), "LD_PRELOAD=%s", paths[i]);
		print_to(list, sizeof(list), "%s:%s", library, paths[i]);

		run_as(program, entry, ARGUMENTS("env"));

		assert_true(has_preload(list));
	}
}

TEST(a_longer_name_is_not_the_library)
{
	char entry[LIST_BYTES], list[LIST_BYTES];

	print_to(entry, sizeof(entry), "LD_PRELOAD=%s.1:/x%s", library,
		 library);
	print_to(list, sizeof(list), "%s:%s", library, strchr(entry, '=') + 1);

	run_as(program, entry, ARGUMENTS("env"));

	assert_true(has_preload(list));
}

TEST(a_link_to_the_program_uses_its_library)
{
	char link[PATH_MAX];

	join(link, directory, "replyfrom");
	assert_int_equal(symlink(program, link), 0);

	run_as(link, NULL, ARGUMENTS("env"));

	assert_true(has_preload(library));
}

TEST(a_program_that_was_moved_uses_the_library_beside_it)
{
	char moved[PATH_MAX], moved_library[PATH_MAX];

	join(moved, directory, "replyfrom");
	join(moved_library, directory, "libreplyfrom.so");
	copy(program, moved);
	copy(library, moved_library);

	run_as(moved, NULL, ARGUMENTS("env"));

	assert_int_equal(exit_status(), 0);
	assert_true(has_preload(moved_library));
}

/* /opt/x/bin/replyfrom, /opt/x/lib/libreplyfrom.so */
TEST(the_library_is_found_in_lib_beside_bin)
{
	const char *const places[] = { "lib", "lib64" };
	char bin[PATH_MAX], moved[PATH_MAX], place[PATH_MAX], there[PATH_MAX];

	join(bin, directory, "bin");
	assert_int_equal(mkdir(bin, 0755), 0);
	join(moved, bin, "replyfrom");
	copy(program, moved);
	for (size_t i = 0; i < COUNT(places); i++) {
		join(place, directory, places[i]);
		assert_int_equal(mkdir(place, 0755), 0);
		join(there, place, "libreplyfrom.so");
		copy(library, there);

		run_as(moved, NULL, ARGUMENTS("env"));

		assert_int_equal(exit_status(), 0);
		assert_true(has_preload(there));
		assert_int_equal(unlink(there), 0);
	}
}

/* ld.so(8) ignores it with a line, and the command would run without help. */
TEST(with_a_library_that_cannot_be_loaded_nothing_is_run)
{
	char moved[PATH_MAX], broken[PATH_MAX];
	const off_t sizes[] = { 0, 1000, 20000 };

	join(moved, directory, "replyfrom");
	join(broken, directory, "libreplyfrom.so");
	copy(program, moved);
	copy(library, broken);
	for (int i = COUNT(sizes) - 1; i >= 0; i--) {
		assert_int_equal(truncate(broken, sizes[i]), 0);

		run_as(moved, NULL, ARGUMENTS("echo", "run"));

		assert_int_equal(exit_status(), 126);
		assert_string_equal(result.out, "");
		assert_non_null(strstr(result.err, broken));
		assert_int_equal(count(result.err, "\n"), 1);
	}
}

TEST(without_a_library_the_command_is_not_run)
{
	char alone[PATH_MAX];

	if (!access(INSTALLED, F_OK))
		skip();
	join(alone, directory, "replyfrom");
	copy(program, alone);

	run_as(alone, NULL, ARGUMENTS("echo", "run"));

	assert_int_equal(exit_status(), 126);
	assert_string_equal(result.out, "");
	assert_non_null(strstr(result.err, "libreplyfrom.so"));
	assert_int_equal(count(result.err, "\n"), 1);
}

/*
 * ld.so(8) splits the list there, and says so on stderr only: the command would
 * run without us.
 */
TEST(a_library_that_cannot_be_named_is_an_error)
{
	const char *const names[] = { "a b", "a:b" };
	char place[PATH_MAX], moved[PATH_MAX], moved_library[PATH_MAX];

	for (size_t i = 0; i < COUNT(names); i++) {
		join(place, directory, names[i]);
		assert_int_equal(mkdir(place, 0755), 0);
		join(moved, place, "replyfrom");
		join(moved_library, place, "libreplyfrom.so");
		copy(program, moved);
		copy(library, moved_library);

		run_as(moved, NULL, ARGUMENTS("echo", "run"));

		assert_int_equal(exit_status(), 126);
		assert_string_equal(result.out, "");
	}
}
// NOLINTEND(concurrency-mt-unsafe)
