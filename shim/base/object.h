/* SPDX-License-Identifier: MIT */
/* ELF objects as the loader mapped them.  elf(5), dl_iterate_phdr(3). */
#ifndef REPLYFROM_OBJECT_H
#define REPLYFROM_OBJECT_H

#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct object {
	uintptr_t base; /* added to the addresses in the file */
	uintptr_t start;
	uintptr_t end;
	const ElfW(Dyn) * dynamic; /* NULL: none */
};

/* Symbols that an object defines, with their index, DT_GNU_HASH. */
struct object_symbols {
	uintptr_t base;
	const ElfW(Sym) * table;
	const char *names;
	const ElfW(Half) * versions; /* NULL: none */
	const uint32_t *buckets;
	const uint32_t *chain; /* a hash each; bit 0: last of its bucket */
	uint32_t bucket_count;
	uint32_t first; /* index of the first symbol that is hashed */
	uint32_t end;	/* one past the last one */
};

/* The loader's structures and the tables hold addresses as numbers. */
static inline void *object_pointer(uintptr_t address)
{
	return (void *)address; // NOLINT(performance-no-int-to-ptr)
}

struct object object_of(const struct dl_phdr_info *info);

static inline bool object_contains(const struct object *o, uintptr_t address)
{
	return address >= o->start && address < o->end;
}

/* The value of a dynamic entry, or 0 where the object has no such entry. */
size_t object_number(const struct object *o, ElfW(Sxword) tag);

/* The value of a dynamic entry that is an address in memory, or 0. */
uintptr_t object_address(const struct object *o, ElfW(Sxword) tag);

/* False, and `symbols` is empty: the object has no DT_GNU_HASH. */
bool object_symbols(const struct object *o, struct object_symbols *symbols);

/* The index of the default version of the symbol with this name, or 0. */
uint32_t object_find(const struct object_symbols *symbols, const char *name);

/* Whether this file is musl, or part of glibc: libc, libpthread or libdl. */
bool object_is_libc(const char *path);

/*
 * Returns libc's function of this name, or NULL.  Does not allocate memory, so
 * it can be called while dlsym(3) does, whose allocator may call a hook.
 */
void *object_libc_function(const char *name);

#endif
