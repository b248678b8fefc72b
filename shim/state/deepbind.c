/* SPDX-License-Identifier: MIT */
/*
 * With RTLD_DEEPBIND the loader looks for an object's symbols in that object
 * and its dependencies, libc among them, before it looks in what is preloaded.
 * After such a dlopen(3) the new objects' relocations are done once more, for
 * those symbols that were, or would be, bound to libc and have a hook here.
 */
#include "state/deepbind.h"

#include "base/object.h"
#include "base/real.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The relocations that store a symbol's address.  DT_RELR's have no symbol. */
#if defined(__x86_64__)
#define SLOT R_X86_64_JUMP_SLOT
#define GOT_ENTRY R_X86_64_GLOB_DAT
#define POINTER R_X86_64_64
#elif defined(__i386__)
#define SLOT R_386_JMP_SLOT
#define GOT_ENTRY R_386_GLOB_DAT
#define POINTER R_386_32
#elif defined(__aarch64__)
#define SLOT R_AARCH64_JUMP_SLOT
#define GOT_ENTRY R_AARCH64_GLOB_DAT
#define POINTER R_AARCH64_ABS64
#elif defined(__s390x__)
#define SLOT R_390_JMP_SLOT
#define GOT_ENTRY R_390_GLOB_DAT
#define POINTER R_390_64
#elif defined(__riscv)
#define SLOT R_RISCV_JUMP_SLOT
#define GOT_ENTRY R_RISCV_64
#define POINTER R_RISCV_64
#endif

#ifdef HAS_DEEPBIND
#include <linux/futex.h>

/* The macros of <elf.h> for this machine's width. */
#define SYMBOL_OF(info) _ElfW(ELF, __ELF_NATIVE_CLASS, R_SYM)(info)
#define TYPE_OF(info) _ElfW(ELF, __ELF_NATIVE_CLASS, R_TYPE)(info)

/* More functions than this library exports. */
#define MOST_HOOKS 256

/* libc.so, libpthread.so and libdl.so; since glibc 2.34 it is one. */
#define LIBCS 3

/* State of one dlopen(3). */
struct adoption {
	struct object own;
	struct object libcs[LIBCS];
	size_t libc_count;
	struct object_symbols hooks;
	/* Whether libc's function is what is behind this hook. */
	bool stands_for_libc[MOST_HOOKS];
	/* Whether lazy binding of the new objects would lead to libc. */
	bool lazy_leads_to_libc[MOST_HOOKS];
	/* Whether lazy binding without RTLD_DEEPBIND would lead to the hooks:
	 * another thread may load an object at the same time. */
	bool hooks_come_first;
	/* How many of the older objects, loaded or not, are still to come. */
	unsigned long long before;
};

static int count_object(struct dl_phdr_info *info, size_t bytes, void *data)
{
	unsigned long long *count = data;

	(void)bytes;
	/* Those that were unloaded: the same number for each. */
	if (!*count)
		*count = info->dlpi_subs;
	++*count;
	return 0;
}

unsigned long long deepbind_count(void)
{
	unsigned long long count = 0;

	dl_iterate_phdr(count_object, &count);
	return count;
}

/* Whether it is this library. */
static bool is_own(const struct object *o)
{
	return object_contains(o, (uintptr_t)is_own);
}

struct search {
	uintptr_t caller;
	bool caller_is_known;
	bool is_first;
	bool depends;
};

/* With the rules of ld.so(8), "libraries are searched for". */
static int look_at_search_path(struct dl_phdr_info *info, size_t bytes,
			       void *data)
{
	const struct object o = object_of(info);
	struct search *s = data;
	const bool is_caller = object_contains(&o, s->caller);

	(void)bytes;
	/* The program's RPATH counts for all. */
	if (!s->is_first && object_number(&o, DT_RPATH))
		s->depends = true;
	if ((is_caller || is_own(&o)) &&
	    (object_number(&o, DT_RUNPATH) ||
	     object_number(&o, DT_FLAGS_1) & DF_1_NODEFLIB))
		s->depends = true;
	s->caller_is_known |= is_caller;
	s->is_first = false;
	return s->depends;
}

bool deepbind_depends_on_caller(const char *file, const void *caller)
{
	struct search s = { .caller = (uintptr_t)caller, .is_first = true };

	if (strchr(file, '$'))
		return true;
	if (strchr(file, '/'))
		return false;
	dl_iterate_phdr(look_at_search_path, &s);
	return s.depends || !s.caller_is_known;
}

static bool is_libcs(const struct adoption *a, const void *function)
{
	for (size_t i = 0; i < a->libc_count; i++)
		if (object_contains(&a->libcs[i], (uintptr_t)function))
			return true;
	return false;
}

static int look_for_known(struct dl_phdr_info *info, size_t bytes, void *data)
{
	const struct object o = object_of(info);
	struct adoption *a = data;

	(void)bytes;
	if (is_own(&o))
		a->own = o;
	if (object_is_libc(info->dlpi_name) && a->libc_count < LIBCS)
		a->libcs[a->libc_count++] = o;
	return 0;
}

static const void *hook_at(const struct adoption *a, uint32_t i)
{
	return object_pointer(a->hooks.base + a->hooks.table[i].st_value);
}

/*
 * False where another preloaded library has such a function behind ours: the
 * new objects would call that one, which they do not without us.
 */
static bool look_at_hook(struct adoption *a, void *handle, uint32_t hook)
{
	const char *name = a->hooks.names + a->hooks.table[hook].st_name;
	const void *behind = dlsym(RTLD_NEXT, name);
	const bool is_dlopen = !strcmp(name, "dlopen");
	const size_t i = hook - a->hooks.first;

	a->stands_for_libc[i] = behind && is_libcs(a, behind);
	a->lazy_leads_to_libc[i] = is_libcs(a, dlsym(handle, name));
	/* Without dlopen() all others are still of use. */
	if (!is_dlopen && dlsym(RTLD_DEFAULT, name) != hook_at(a, hook))
		a->hooks_come_first = false;
	return !behind || a->stands_for_libc[i] || is_dlopen;
}

static bool look_at_hooks(struct adoption *a, void *handle)
{
	dl_iterate_phdr(look_for_known, a);
	if (!object_symbols(&a->own, &a->hooks) ||
	    a->hooks.end - a->hooks.first > MOST_HOOKS)
		return false;
	a->hooks_come_first = true;
	for (uint32_t i = a->hooks.first; i < a->hooks.end; i++)
		if (!look_at_hook(a, handle, i))
			return false;
	return true;
}

/*
 * Adds nothing to a word there.  False, and errno: EFAULT where it is
 * read-only.  futex(2), FUTEX_WAKE_OP.
 */
static bool is_writable(uintptr_t *at)
{
	const int add_nothing = FUTEX_OP(FUTEX_OP_OR, 0, FUTEX_OP_CMP_EQ, 0);
	uint32_t no_waiters = 0;

	return real.syscall(SYS_futex, &no_waiters, FUTEX_WAKE_OP_PRIVATE, 0,
			    NULL, at, add_nothing) >= 0;
}

/* Read-only slots are in PT_GNU_RELRO: the loader protected them when done. */
static void store(uintptr_t *at, uintptr_t value)
{
	const uintptr_t page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
	void *page = object_pointer((uintptr_t)at & ~(page_bytes - 1));
	const bool is_protected = !is_writable(at);

	if (is_protected &&
	    (errno != EFAULT ||
	     mprotect(page, page_bytes, PROT_READ | PROT_WRITE)))
		return;
	__atomic_store_n(at, value, __ATOMIC_RELAXED);
	if (is_protected)
		(void)mprotect(page, page_bytes, PROT_READ);
}

/* An object, and what its relocations refer to. */
struct newcomer {
	struct object object;
	const ElfW(Sym) * symbols;
	const char *names;
};

/* Where lazy binding has not happened, a slot leads into its own object. */
static bool leads_to_libc(const struct adoption *a, const struct object *o,
			  uintptr_t function, bool is_slot, size_t i)
{
	if (is_slot && object_contains(o, function))
		return a->lazy_leads_to_libc[i] && a->hooks_come_first;
	return is_libcs(a, object_pointer(function));
}

static void redo(const struct adoption *a, const struct newcomer *n,
		 const ElfW(Rel) * relocation)
{
	const ElfW(Sym) *symbol = &n->symbols[SYMBOL_OF(relocation->r_info)];
	const uint32_t hook =
		object_find(&a->hooks, n->names + symbol->st_name);
	const bool is_slot = TYPE_OF(relocation->r_info) == SLOT;
	const size_t i = hook - a->hooks.first;
	uintptr_t *at;

	/* SHN_UNDEF: the object does not define the function itself. */
	if (!hook || symbol->st_shndx != SHN_UNDEF || !a->stands_for_libc[i])
		return;
	at = object_pointer(n->object.base + relocation->r_offset);
	if (leads_to_libc(a, &n->object, *at, is_slot, i))
		store(at, (uintptr_t)hook_at(a, hook));
}

/* With entries of ElfW(Rel), or of ElfW(Rela), which begin as those do. */
static void redo_all(const struct adoption *a, const struct newcomer *n,
		     ElfW(Sxword) table_tag, ElfW(Sxword) bytes_tag,
		     size_t entry_bytes)
{
	const uintptr_t table = object_address(&n->object, table_tag);
	const uintptr_t end = table + object_number(&n->object, bytes_tag);

	for (uintptr_t at = table; at + entry_bytes <= end; at += entry_bytes) {
		const ElfW(Rel) *relocation = object_pointer(at);
		const size_t type = TYPE_OF(relocation->r_info);

		if (type == SLOT || type == GOT_ENTRY || type == POINTER)
			redo(a, n, relocation);
	}
}

static int adopt_object(struct dl_phdr_info *info, size_t bytes, void *data)
{
	struct newcomer n = { .object = object_of(info) };
	struct adoption *a = data;
	bool has_addends;

	(void)bytes;
	/* The oldest come first; some of them may have been unloaded since. */
	if (a->before > info->dlpi_subs) {
		a->before--;
		return 0;
	}
	n.symbols = object_pointer(object_address(&n.object, DT_SYMTAB));
	n.names = object_pointer(object_address(&n.object, DT_STRTAB));
	has_addends = object_number(&n.object, DT_PLTREL) == DT_RELA;
	redo_all(a, &n, DT_RELA, DT_RELASZ, sizeof(ElfW(Rela)));
	redo_all(a, &n, DT_REL, DT_RELSZ, sizeof(ElfW(Rel)));
	redo_all(a, &n, DT_JMPREL, DT_PLTRELSZ,
		 has_addends ? sizeof(ElfW(Rela)) : sizeof(ElfW(Rel)));
	return 0;
}

void deepbind_adopt(void *handle, unsigned long long before)
{
	struct adoption a = { .before = before };

	if (look_at_hooks(&a, handle))
		dl_iterate_phdr(adopt_object, &a);
	/* dlsym(3) left an error where this libc lacks a name. */
	(void)dlerror(); // NOLINT(concurrency-mt-unsafe): it is per thread
}
#endif
