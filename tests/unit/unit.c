/* SPDX-License-Identifier: MIT */
/* Units whose files are odd, or meant to hold up who reads them. */
#include "command/unit.h"

#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BOUND = 1 << 20 };

static struct unit unit;

/* Reads this as a unit's file. */
static bool read_bytes(const char *text, size_t bytes)
{
	char path[64];
	const int fd = memfd_create("unit", MFD_CLOEXEC);
	bool is_read;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, bytes), bytes);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	for (int i = 0; i < UNIT_SETTINGS; i++)
		free(unit.settings[i]);
	unit = (struct unit){ 0 };
	is_read = unit_read(path, &unit);
	(void)close(fd);
	return is_read;
}

static const char *value_in(const char *text)
{
	assert_true(read_bytes(text, strlen(text)));
	return unit.settings[UNIT_ENVIRONMENT];
}

/* As much of these lines as a unit may have. */
static char *repeated(const char *line)
{
	static const char service[] = "[Service]\n";
	const size_t each = strlen(line);
	char *text = malloc(BOUND + 1);
	size_t end = sizeof(service) - 1;

	assert_non_null(text);
	memcpy(text, service, end);
	for (; end + each < BOUND; end += each)
		memcpy(text + end, line, each);
	text[end] = '\0';
	return text;
}

static double cpu_s(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

TEST(a_line_that_goes_on_is_one)
{
	assert_string_equal(value_in("[Service]\nEnvironment=A \\\n"
				     "# of it\n  B\\\n\tC\nUser=x\n"),
			    "A  B C");
	assert_string_equal(unit.settings[UNIT_USER], "x");
}

TEST(what_goes_on_behind_the_last_line_is_left_out)
{
	assert_null(value_in("[Service]\nEnvironment=A \\"));
}

TEST(all_of_a_list_counts_from_the_last_empty_one)
{
	assert_string_equal(value_in("[Service]\nEnvironment=A\nEnvironment=\n"
				     "Environment=B\nEnvironment=C D\n"),
			    "B C D");
	assert_null(value_in("[Service]\nEnvironment=A\nEnvironment=\n"));
}

TEST(the_last_of_other_settings_counts)
{
	(void)value_in("[Service]\nUser=a long name\nUser=b\n");

	assert_string_equal(unit.settings[UNIT_USER], "b");
}

/* systemd's read_line(): or a line hides in another one. */
TEST(lines_end_where_systemd_ends_them)
{
	static const char zero[] = "[Service]\0Environment=A\0User=b";

	assert_string_equal(value_in("[Service]\r\nEnvironment=A \\\r\n"
				     "B\r\n"),
			    "A  B");
	assert_string_equal(value_in("[Service]\rEnvironment=A\rUser=b\r"),
			    "A");
	assert_true(read_bytes(zero, sizeof(zero)));
	assert_string_equal(unit.settings[UNIT_ENVIRONMENT], "A");
	assert_string_equal(unit.settings[UNIT_USER], "b");
}

TEST(a_line_that_goes_on_for_a_megabyte_takes_no_time)
{
	const double begin_s = cpu_s();
	char *text = repeated("A\\\n");

	assert_null(value_in(text));

	assert_true(cpu_s() - begin_s < 2);
	free(text);
}

TEST(a_setting_that_is_set_for_a_megabyte_takes_little_time)
{
	const double begin_s = cpu_s();
	char *text = repeated("Environment=A\n");

	assert_int_equal(strlen(value_in(text)), (BOUND - 10) / 14 * 2 - 1);

	assert_true(cpu_s() - begin_s < 5);
	free(text);
}

TEST(a_longer_file_is_refused)
{
	char *text = calloc(1, BOUND + 1);

	assert_non_null(text);

	assert_true(read_bytes(text, BOUND - 1));
	errno = 0;
	assert_false(read_bytes(text, BOUND + 1));

	assert_int_equal(errno, EFBIG);
	free(text);
}

TEST(a_file_without_an_end_is_refused)
{
	unit = (struct unit){ 0 };
	errno = 0;

	assert_false(unit_read("/dev/zero", &unit));

	assert_int_equal(errno, EFBIG);
}

TEST(a_fifo_that_is_not_written_is_given_up)
{
	char directory[] = "/tmp/replyfrom-XXXXXX", path[64];

	assert_non_null(mkdtemp(directory));
	(void)snprintf(path, sizeof(path), "%s/a.service", directory);
	assert_int_equal(mkfifo(path, 0600), 0);
	unit = (struct unit){ 0 };
	(void)alarm(20);

	assert_false(unit_read(path, &unit));

	assert_int_equal(errno, ETIME);
	(void)alarm(0);
	assert_false(unit.known);
	(void)unlink(path);
	(void)rmdir(directory);
}
