/* SPDX-License-Identifier: MIT */
/*
 * The functions of libgcc_s that a cleanup in a cancelled thread needs.  They
 * are looked up when they are called, as libc does, so that a program that is
 * not linked with libgcc_s starts without it, even where it is not installed.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

/* ARM's compiler calls other functions, too. */
#if defined(__GLIBC__) && !defined(__ARM_EABI_UNWINDER__)

/* Not from <unwind.h>, whose declarations make the functions exported. */
int __gcc_personality_v0(int version, int actions, unsigned long long kind,
			 void *exception, void *context);
_Noreturn void _Unwind_Resume(void *exception);

static void *found(const char *name)
{
	void *library = dlopen("libgcc_s.so.1", RTLD_LAZY);
	void *function = library ? dlsym(library, name) : NULL;

	if (!function)
		abort();
	return function;
}

/* Whether a frame has a cleanup.  Itanium C++ ABI: Exception Handling, 2.5. */
int __gcc_personality_v0(int version, int actions, unsigned long long kind,
			 void *exception, void *context)
{
	__typeof__(&__gcc_personality_v0) personality;
	void *function = found("__gcc_personality_v0");

	memcpy(&personality, &function, sizeof(personality));
	return personality(version, actions, kind, exception, context);
}

#if defined(__GNUC__) && !defined(__clang__)
/* A cleanup that a tool adds here would call this function again. */
#define WITHOUT_TOOLS \
	__attribute__((no_sanitize("thread"), no_profile_instrument_function))
#else
#define WITHOUT_TOOLS
#endif

/* The cleanup is done.  Itanium C++ ABI: Exception Handling, 1.5.5. */
WITHOUT_TOOLS _Noreturn void _Unwind_Resume(void *exception)
{
	__typeof__(&_Unwind_Resume) resume;
	void *function = found("_Unwind_Resume");

	memcpy(&resume, &function, sizeof(resume));
	resume(exception);
	abort();
}

#endif
