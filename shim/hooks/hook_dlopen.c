/* SPDX-License-Identifier: MIT */
/* Makes plugins that are loaded with RTLD_DEEPBIND call the hooks. */
#include "base/attribute.h"
#include "base/config.h"
#include "base/log.h"
#include "state/deepbind.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

/*
 * dlopen(3) takes the object that its return address lies in for its caller,
 * whose RPATH, RUNPATH and $ORIGIN count.  So this hook is not a C function: it
 * asks hook_dlopen_target() for the function to jump to, and jumps there with
 * the arguments and the return address as they were.  On machines that have no
 * JUMP here, dlopen() is not interposed.
 */
#if !defined(__GLIBC__) || !defined(RTLD_DEEPBIND)
/* musl has no RTLD_DEEPBIND. */
#elif defined(__x86_64__) && defined(__LP64__)
#define JUMP                          \
	"endbr64\n"                   \
	"pushq %rdi\n"                \
	".cfi_adjust_cfa_offset 8\n"  \
	"pushq %rsi\n"                \
	".cfi_adjust_cfa_offset 8\n"  \
	"subq $8, %rsp\n"             \
	".cfi_adjust_cfa_offset 8\n"  \
	"movq 24(%rsp), %rdx\n"       \
	"call hook_dlopen_target\n"   \
	"addq $8, %rsp\n"             \
	".cfi_adjust_cfa_offset -8\n" \
	"popq %rsi\n"                 \
	".cfi_adjust_cfa_offset -8\n" \
	"popq %rdi\n"                 \
	".cfi_adjust_cfa_offset -8\n" \
	"jmpq *%rax\n"
#elif defined(__i386__)
/* The return address, the flags and the file, each pushed from where it is. */
#define JUMP                           \
	"endbr32\n"                    \
	"pushl (%esp)\n"               \
	".cfi_adjust_cfa_offset 4\n"   \
	"pushl 12(%esp)\n"             \
	".cfi_adjust_cfa_offset 4\n"   \
	"pushl 12(%esp)\n"             \
	".cfi_adjust_cfa_offset 4\n"   \
	"call hook_dlopen_target\n"    \
	"addl $12, %esp\n"             \
	".cfi_adjust_cfa_offset -12\n" \
	"jmpl *%eax\n"
#elif defined(__aarch64__)
/* hint 34 is bti c. */
#define JUMP                           \
	"hint #34\n"                   \
	"stp x29, x30, [sp, #-32]!\n"  \
	".cfi_adjust_cfa_offset 32\n"  \
	".cfi_rel_offset x30, 8\n"     \
	"stp x0, x1, [sp, #16]\n"      \
	"mov x29, sp\n"                \
	"mov x2, x30\n"                \
	"bl hook_dlopen_target\n"      \
	"mov x16, x0\n"                \
	"ldp x0, x1, [sp, #16]\n"      \
	"ldp x29, x30, [sp], #32\n"    \
	".cfi_adjust_cfa_offset -32\n" \
	".cfi_restore x30\n"           \
	"br x16\n"
#elif defined(__s390x__)
/* Into the save area that a caller provides. */
#define JUMP                               \
	"stmg %r2, %r3, 16(%r15)\n"        \
	"stg %r14, 112(%r15)\n"            \
	".cfi_rel_offset %r14, -48\n"      \
	"aghi %r15, -160\n"                \
	".cfi_adjust_cfa_offset 160\n"     \
	"lgr %r4, %r14\n"                  \
	"brasl %r14, hook_dlopen_target\n" \
	"lgr %r1, %r2\n"                   \
	"aghi %r15, 160\n"                 \
	".cfi_adjust_cfa_offset -160\n"    \
	"lmg %r2, %r3, 16(%r15)\n"         \
	"lg %r14, 112(%r15)\n"             \
	".cfi_restore %r14\n"              \
	"br %r1\n"
#elif defined(__riscv) && __riscv_xlen == 64
#define JUMP                           \
	"addi sp, sp, -32\n"           \
	".cfi_adjust_cfa_offset 32\n"  \
	"sd ra, 24(sp)\n"              \
	".cfi_rel_offset ra, 24\n"     \
	"sd a0, 16(sp)\n"              \
	"sd a1, 8(sp)\n"               \
	"mv a2, ra\n"                  \
	"call hook_dlopen_target\n"    \
	"mv t1, a0\n"                  \
	"ld ra, 24(sp)\n"              \
	".cfi_restore ra\n"            \
	"ld a0, 16(sp)\n"              \
	"ld a1, 8(sp)\n"               \
	"addi sp, sp, 32\n"            \
	".cfi_adjust_cfa_offset -32\n" \
	"jr t1\n"
#endif

#ifdef JUMP
__asm__(".text\n"
	".balign 16\n"
	".globl dlopen\n"
	".type dlopen, %function\n"
	"dlopen:\n"
	".cfi_startproc\n" JUMP ".cfi_endproc\n"
	".size dlopen, . - dlopen\n");

typedef void *open_function(const char *file, int flags);

HIDDEN open_function *hook_dlopen_target(const char *file, int flags,
					 const void *caller);

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
		found = deepbind_libc_dlopen();
	memcpy(&function, &found, sizeof(function));
	return function;
}

/*
 * For dlopen(3) the caller is this library: only for files where the caller
 * does not matter.
 */
static void *open_deep(const char *file, int flags)
{
	const struct deepbind_count before = deepbind_count();
	void *handle = real_dlopen()(file, flags);
	int saved = errno;

	if (handle)
		deepbind_adopt(handle, &before);
	errno = saved;
	return handle;
}

static bool is_left_alone(const char *file, int flags)
{
	const struct config *config;

	if (!file || !(flags & RTLD_DEEPBIND))
		return true;
	config = config_get();
	return config->disable || !config->deepbind;
}

/* The function that dlopen() jumps to, for a call that returns to `caller`. */
open_function *hook_dlopen_target(const char *file, int flags,
				  const void *caller)
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
#endif
