/* SPDX-License-Identifier: MIT */
/* Makes plugins that are loaded with RTLD_DEEPBIND call the hooks. */
#include "base/attribute.h"
#include "base/config.h"
#include "base/log.h"
#include "base/object.h"
#include "state/deepbind.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#ifdef HAS_DEEPBIND
typedef void *open_function(const char *file, int flags);

/*
 * The next dlopen() after this library's.  While dlsym(3) runs it is libc's
 * own, because the dlsym() of another preloaded library may call dlopen().
 */
static open_function *real_dlopen(void)
{
	static _Thread_local volatile bool is_resolving;
	static void *_Atomic known;
	void *found = atomic_load_explicit(&known, memory_order_relaxed);
	open_function *function;

	if (!found && !is_resolving) {
		is_resolving = true;
		found = dlsym(RTLD_NEXT, "dlopen");
		is_resolving = false;
		atomic_store_explicit(&known, found, memory_order_relaxed);
	}
	if (!found)
		found = object_libc_function("dlopen");
	memcpy(&function, &found, sizeof(function));
	return function;
}

/*
 * For dlopen(3) the caller is this library: only for files where the caller
 * does not matter.
 */
static void *open_deep(const char *file, int flags)
{
	const unsigned long long before = deepbind_count();
	void *handle = real_dlopen()(file, flags);
	int saved = errno;

	if (handle)
		deepbind_adopt(handle, before);
	errno = saved;
	return handle;
}

static bool is_left_alone(const char *file, int flags)
{
	return !file || !(flags & RTLD_DEEPBIND) || config_get()->disable ||
	       !config_get()->deepbind;
}

/* The function that dlopen() jumps to, for a call that returns to `caller`. */
static __attribute__((noinline)) open_function *
dlopen_target(const char *file, int flags, const void *caller)
{
	if (is_left_alone(file, flags))
		return real_dlopen();
	if (!deepbind_depends_on_caller(file, caller))
		return open_deep;
	log_event(LOG_INFO, -1,
		  "a plugin loaded with RTLD_DEEPBIND is left as it is: which "
		  "file that is depends on the caller");
	return real_dlopen();
}

/*
 * dlopen(3) takes the object that its return address lies in for its caller,
 * whose RPATH, RUNPATH and $ORIGIN count.  So this hook does not call it, but
 * jumps there, with the return address as it was: also without optimization,
 * and where compilers would add something at the end of a function.
 */
#if __has_attribute(musttail)
#define JUMP __attribute__((musttail)) return
#define JUMPS __attribute__((no_sanitize("thread")))
#else
#define JUMP return
#define JUMPS                                                         \
	__attribute__((optimize("O2", "optimize-sibling-calls"),      \
		       no_sanitize("thread"), no_instrument_function, \
		       no_profile_instrument_function))
#endif
EXPORTED JUMPS void *dlopen(const char *file, int flags)
{
	JUMP dlopen_target(file, flags, __builtin_return_address(0))(file,
								     flags);
}
#endif
