/* SPDX-License-Identifier: MIT */
/* What happens while libraries are loaded and names are looked up. */
// NOLINTBEGIN(concurrency-mt-unsafe,cert-env33-c): one thread, and its shell.
#include "unit.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* glibc's own allocator, behind ours. */
void *__libc_malloc(size_t bytes);

/* volatile: by its declaration dlsym does not call back into this file. */
static volatile bool watching;
static volatile int allocations;
static volatile int sockets_made; /* from inside the allocator */

void *malloc(size_t bytes)
{
	if (watching) {
		int fd = socket(AF_INET, SOCK_DGRAM, 0);

		allocations++;
		if (fd >= 0) {
			sockets_made++;
			close(fd);
		}
	}
	return __libc_malloc(bytes);
}

/* Looks a name up, and counts what happens in the allocator meanwhile. */
static void *look_up(const char *name)
{
	void *found;

	allocations = 0;
	sockets_made = 0;
	watching = true;
	found = dlsym(RTLD_DEFAULT, name);
	watching = false;
	return found;
}

/* Fact 14. */

TEST(a_name_that_libc_lacks_is_NULL)
{
	assert_null(look_up("no_libc_has_this"));
	assert_non_null(dlerror());
}

TEST(dlsym_allocates_for_a_name_that_is_not_there)
{
	look_up("no_libc_has_this");

	assert_true(allocations > 0);
}

TEST(an_allocator_can_make_a_socket_while_dlsym_runs)
{
	look_up("no_libc_has_this");

	assert_true(sockets_made > 0);
	assert_int_equal(sockets_made, allocations);
}

TEST(the_last_of_the_preloaded_is_constructed_first)
{
	char said[32] = "";
	FILE *child = popen("LD_PRELOAD='" HERE "/libfirst.so " HERE
			    "/libsecond.so' /bin/true",
			    "r");

	assert_non_null(child);
	assert_true(fread(said, 1, sizeof(said) - 1, child) > 0);
	assert_int_equal(pclose(child), 0);

	assert_string_equal(said, "second first ");
}
// NOLINTEND(concurrency-mt-unsafe,cert-env33-c)
