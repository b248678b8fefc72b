/* SPDX-License-Identifier: MIT */
/* Reads the symbol tables of loaded ELF objects. */
#include "base/object.h"

#include <elf.h>
#include <string.h>

struct object object_of(const struct dl_phdr_info *info)
{
	struct object o = { .base = info->dlpi_addr, .start = UINTPTR_MAX };

	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		const uintptr_t start = o.base + p->p_vaddr;

		if (p->p_type == PT_DYNAMIC)
			o.dynamic = object_pointer(start);
		if (p->p_type != PT_LOAD)
			continue;
		if (start < o.start)
			o.start = start;
		if (start + p->p_memsz > o.end)
			o.end = start + p->p_memsz;
	}
	return o;
}

size_t object_number(const struct object *o, ElfW(Sxword) tag)
{
	for (const ElfW(Dyn) *d = o->dynamic; d && d->d_tag != DT_NULL; d++)
		if (d->d_tag == tag)
			return d->d_un.d_val;
	return 0;
}

uintptr_t object_address(const struct object *o, ElfW(Sxword) tag)
{
	const uintptr_t at = object_number(o, tag);

	/* glibc adds the base itself, unless the entries are read-only. */
	return !at || object_contains(o, at) ? at : at + o->base;
}

/* The last symbol of the bucket that begins with symbol i. */
static uint32_t last_of_bucket(const struct object_symbols *symbols, uint32_t i)
{
	while (!(symbols->chain[i - symbols->first] & 1))
		i++;
	return i;
}

bool object_symbols(const struct object *o, struct object_symbols *symbols)
{
	const uint32_t *index = object_pointer(object_address(o, DT_GNU_HASH));
	const size_t words_per_filter = sizeof(ElfW(Addr)) / sizeof(*index);

	*symbols = (struct object_symbols){ .base = o->base };
	if (!index)
		return false;
	symbols->table = object_pointer(object_address(o, DT_SYMTAB));
	symbols->names = object_pointer(object_address(o, DT_STRTAB));
	symbols->versions = object_pointer(object_address(o, DT_VERSYM));
	symbols->bucket_count = index[0];
	symbols->first = index[1];
	symbols->buckets = index + 4 + index[2] * words_per_filter;
	symbols->chain = symbols->buckets + symbols->bucket_count;
	for (uint32_t b = 0; b < symbols->bucket_count; b++) {
		const uint32_t i = symbols->buckets[b];

		if (i >= symbols->end && i >= symbols->first)
			symbols->end = last_of_bucket(symbols, i) + 1;
	}
	return true;
}

static bool is_named(const struct object_symbols *symbols, uint32_t i,
		     const char *name)
{
	const ElfW(Half) hidden = 0x8000; /* not the default version */

	return !(symbols->versions && symbols->versions[i] & hidden) &&
	       !strcmp(symbols->names + symbols->table[i].st_name, name);
}

uint32_t object_find(const struct object_symbols *symbols, const char *name)
{
	uint32_t hash = 5381, i, here;

	if (!symbols->bucket_count)
		return 0;
	for (const char *c = name; *c; c++)
		hash = hash * 33 + (unsigned char)*c;
	i = symbols->buckets[hash % symbols->bucket_count];
	for (here = 0; i >= symbols->first && !(here & 1); i++) {
		here = symbols->chain[i - symbols->first];
		if ((here | 1) == (hash | 1) && is_named(symbols, i, name))
			return i;
	}
	return 0;
}

bool object_is_libc(const char *path)
{
	static const char *const names[] = { "libc.so", "libpthread.so.",
					     "libdl.so.", "ld-musl-" };
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strncmp(name, names[i], strlen(names[i])))
			return true;
	return false;
}

struct wanted {
	const char *name;
	void *found;
};

static int look_for_function(struct dl_phdr_info *info, size_t bytes,
			     void *data)
{
	const struct object o = object_of(info);
	struct object_symbols symbols;
	struct wanted *w = data;
	uint32_t i = 0;

	(void)bytes;
	if (object_is_libc(info->dlpi_name) && object_symbols(&o, &symbols))
		i = object_find(&symbols, w->name);
	if (i)
		w->found = object_pointer(symbols.base +
					  symbols.table[i].st_value);
	return i != 0;
}

void *object_libc_function(const char *name)
{
	struct wanted w = { .name = name };

	(void)dl_iterate_phdr(look_for_function, &w);
	return w.found;
}
