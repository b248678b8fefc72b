/* SPDX-License-Identifier: MIT */
/* Versions of glibc in files. */
#include "command/libc_version.h"

#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

/* Of a file with these bytes. */
static unsigned int version_in(const char *bytes, size_t count)
{
	const int fd = memfd_create("libc", 0);
	unsigned int version;
	char path[64];

	assert_int_equal(write(fd, bytes, count), count);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	version = libc_version_of(path);
	(void)close(fd);
	return version;
}

#define VERSION_IN(text) version_in(text, sizeof(text))

TEST(the_greatest_one_counts)
{
	assert_int_equal(VERSION_IN("GLIBC_2.2.5\0GLIBC_2.34\0GLIBC_2.9"), 34);
	assert_int_equal(VERSION_IN("xGLIBC_GLIBC_2.7"), 7);
	assert_int_equal(VERSION_IN("GLIBC_2.3GLIBC_2.4"), 4);
}

TEST(what_is_none_does_not_count)
{
	assert_int_equal(VERSION_IN("GLIBC_PRIVATE\0GLIBC_3.5\0GLIBC_2."), 0);
	assert_int_equal(VERSION_IN("GLIBC_2.99999999999999"), 0);
	assert_int_equal(libc_version_of("/no/such/file"), 0);
}

TEST(a_name_may_go_across_what_is_read_at_once)
{
	static char bytes[70000];

	for (size_t at = 65530; at < 65540; at++) {
		memset(bytes, 'G', sizeof(bytes));
		memcpy(bytes + at, "GLIBC_2.36", sizeof("GLIBC_2.36"));
		assert_int_equal(version_in(bytes, sizeof(bytes)), 36);
	}
}
