/* SPDX-License-Identifier: MIT */
/* ELF objects as the loader mapped them.  elf(5), dl_iterate_phdr(3). */
#ifndef REPLYFROM_OBJECT_H
#define REPLYFROM_OBJECT_H

#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct object {
	uintptr_t base; /* what is added to the addresses in the file */
	uintptr_t start;
	uintptr_t end;
	const ElfW(Dyn) * dynamic; /* NULL: it has none */
};

/* Symbols that an object defines, with their index, DT_GNU_HASH. */
struct object_symbols {
	uintptr_t base;
	const ElfW(Sym) * table;
	const char *names;
	const ElfW(Half) * versions; /* NULL: there are none */
	const uint32_t *buckets;
	const uint32_t *chain; /* a hash for each, the last of a bucket odd */
	uint32_t bucket_count;
	uint32_t first; /* in `table`: those before it are not in the index */
	uint32_t end;	/* behind the last one */
};

/* The loader and the tables have addresses as numbers. */
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

/* The same for one that is an address in memory. */
uintptr_t object_address(const struct object *o, ElfW(Sxword) tag);

/* Nothing is in `symbols`, and false is returned, without a DT_GNU_HASH. */
bool object_symbols(const struct object *o, struct object_symbols *symbols);

/* The index of the symbol with this name, and its default version, or 0. */
uint32_t object_find(const struct object_symbols *symbols, const char *name);

#endif
