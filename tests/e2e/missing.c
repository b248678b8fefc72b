/* SPDX-License-Identifier: MIT */
/*
 * A library to be preloaded behind the shim: to those who ask dlsym, libc lacks
 * the name that E2E_MISSING has; "all": all of them.
 */
// NOLINTBEGIN(concurrency-mt-unsafe): nobody sets the environment.
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#define GLIBC_DLSYM_SINCE_2_34 "GLIBC_2.34"

static void *(*find_dlsym(void))(void *, const char *)
{
	void *(*found)(void *, const char *) = NULL;
	void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
	void *at = libc ? dlvsym(libc, "dlsym", GLIBC_DLSYM_SINCE_2_34) : NULL;

	if (!at)
		abort();
	memcpy(&found, &at, sizeof(found));
	return found;
}

void *dlsym(void *handle, const char *name)
{
	static void *(*real)(void *, const char *);
	const char *missing = getenv("E2E_MISSING");

	if (!real)
		real = find_dlsym();
	/* The real one allocates, and has a dlerror, for such a name. */
	if (handle == RTLD_NEXT && missing &&
	    (!strcmp(missing, "all") || !strcmp(missing, name)))
		return real(handle, "no_libc_has_this");
	return real(handle, name);
}
// NOLINTEND(concurrency-mt-unsafe)
