/* SPDX-License-Identifier: MIT */
/* Reads executables: ELF of either class and byte order, and scripts. */
#include "command/program.h"

#include <elf.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Far more than any program has. */
enum {
	MOST_SEGMENTS = 256,
	MOST_BYTES = 1 << 26, /* of what is read at once */
	MOST_DYNAMIC_BYTES = 1 << 16,
	MOST_NOTE_BYTES = 1 << 16,
	GO_BUILD_ID =
		4, /* cmd/internal/buildid/note.go: ELF_NOTE_GOBUILDID_TAG */
};

struct segment {
	uint64_t type;
	uint64_t offset;
	uint64_t address;
	uint64_t bytes;
	bool executable;
};

/* A part of the file, in memory that is freed with it. */
struct block {
	uint8_t *at;
	size_t bytes;
};

struct elf {
	int fd;
	struct program *program;
	struct segment segments[MOST_SEGMENTS];
	size_t count;
	struct block dynamic;
	struct block names; /* imported, defined and needed; ends with a 0 */
};

static bool read_at(int fd, uint64_t offset, void *to, size_t bytes)
{
	if (offset > LONG_MAX - bytes)
		return false;
	return pread(fd, to, bytes, (off_t)offset) == (ssize_t)bytes;
}

/* Empty where it is not in the file, or there is no memory. */
static struct block load(const struct elf *elf, uint64_t offset,
			 uint64_t wanted)
{
	struct block block = { NULL, 0 };
	const size_t bytes = wanted <= MOST_BYTES ? (size_t)wanted : 0;

	if (!bytes)
		return block;
	block.at = malloc(bytes);
	if (block.at && read_at(elf->fd, offset, block.at, bytes)) {
		block.bytes = bytes;
		return block;
	}
	free(block.at);
	block.at = NULL;
	return block;
}

/* A number of so many bytes, in the file's order. */
static uint64_t number(const struct elf *elf, const uint8_t *at, size_t bytes)
{
	uint64_t value = 0;

	for (size_t i = 0; i < bytes; i++)
		value = value << 8 |
			at[elf->program->big_endian ? i : bytes - 1 - i];
	return value;
}

/* A member of one of <elf.h>'s structs, of the file's class. */
#define FIELD(elf, at, type, member)                                  \
	((elf)->program->wide                                         \
		 ? number(elf, (at) + offsetof(Elf64_##type, member), \
			  sizeof(((Elf64_##type *)0)->member))        \
		 : number(elf, (at) + offsetof(Elf32_##type, member), \
			  sizeof(((Elf32_##type *)0)->member)))
#define BYTES(elf, type) \
	((elf)->program->wide ? sizeof(Elf64_##type) : sizeof(Elf32_##type))

static const struct segment *segment_of(const struct elf *elf, uint64_t type)
{
	for (size_t i = 0; i < elf->count; i++)
		if (elf->segments[i].type == type)
			return &elf->segments[i];
	return NULL;
}

/* Where in the file this address is loaded from. */
static bool offset_of(const struct elf *elf, uint64_t address, uint64_t *offset)
{
	for (size_t i = 0; i < elf->count; i++) {
		const struct segment *s = &elf->segments[i];

		if (s->type != PT_LOAD || address < s->address ||
		    address - s->address >= s->bytes)
			continue;
		*offset = s->offset + (address - s->address);
		return true;
	}
	return false;
}

static void read_segments(struct elf *elf, const uint8_t *header)
{
	const uint64_t at = FIELD(elf, header, Ehdr, e_phoff);
	const uint64_t count = FIELD(elf, header, Ehdr, e_phnum);
	const uint64_t each = FIELD(elf, header, Ehdr, e_phentsize);

	if (each < BYTES(elf, Phdr))
		return;
	for (uint64_t i = 0; i < count && elf->count < MOST_SEGMENTS; i++) {
		struct segment *s = &elf->segments[elf->count];
		uint8_t entry[sizeof(Elf64_Phdr)];

		if (!read_at(elf->fd, at + i * each, entry, BYTES(elf, Phdr)))
			return;
		s->type = FIELD(elf, entry, Phdr, p_type);
		s->offset = FIELD(elf, entry, Phdr, p_offset);
		s->address = FIELD(elf, entry, Phdr, p_vaddr);
		s->bytes = FIELD(elf, entry, Phdr, p_filesz);
		s->executable = FIELD(elf, entry, Phdr, p_flags) & PF_X;
		elf->count++;
	}
}

static void read_interpreter(struct elf *elf)
{
	const struct segment *s = segment_of(elf, PT_INTERP);
	char *path = elf->program->interpreter;

	if (!s || s->bytes >= sizeof(elf->program->interpreter) ||
	    !read_at(elf->fd, s->offset, path, (size_t)s->bytes))
		return;
	path[s->bytes] = '\0';
}

/* Go's linker leaves a note, which strip(1) keeps. */
static bool has_go_note(const struct elf *elf, const struct segment *s)
{
	static uint8_t notes[MOST_NOTE_BYTES];
	const size_t bytes =
		s->bytes < sizeof(notes) ? (size_t)s->bytes : sizeof(notes);

	if (!read_at(elf->fd, s->offset, notes, bytes))
		return false;
	for (size_t at = 0; at + sizeof(Elf64_Nhdr) + 4 <= bytes;) {
		const uint8_t *note = notes + at;
		const uint64_t name = FIELD(elf, note, Nhdr, n_namesz);
		const uint64_t data = FIELD(elf, note, Nhdr, n_descsz);

		if (name == 4 &&
		    !memcmp(note + sizeof(Elf64_Nhdr), "Go\0", 4) &&
		    FIELD(elf, note, Nhdr, n_type) == GO_BUILD_ID)
			return true;
		if (name > bytes || data > bytes)
			return false;
		at += sizeof(Elf64_Nhdr) + (((size_t)name + 3) & ~(size_t)3) +
		      (((size_t)data + 3) & ~(size_t)3);
	}
	return false;
}

static bool is_named(const struct elf *elf, const char *name)
{
	return elf->names.at &&
	       memmem(elf->names.at, elf->names.bytes, name, strlen(name) + 1);
}

static const char *name_at(const struct elf *elf, uint64_t at)
{
	return at < elf->names.bytes ? (const char *)elf->names.at + at : "";
}

/*
 * What libc must have, if it is by libc that sockets are used: by the program,
 * or by another that it becomes or starts, as scripts' shells do.
 */
static bool names_sockets(const struct elf *elf)
{
	static const char *const names[] = {
		"socket",   "bind",	      "recvfrom",    "recvmsg",
		"recvmmsg", "__recvfrom_chk", "syscall",     "dlopen",
		"execve",   "execv",	      "execvp",	     "execl",
		"execlp",   "execle",	      "execvpe",     "fexecve",
		"system",   "popen",	      "posix_spawn", "posix_spawnp"
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (is_named(elf, names[i]))
			return true;
	return false;
}

/* Of these it is known that they use no sockets for a program. */
static bool is_plain_library(const char *name)
{
	static const char *const plain[] = { "libc.so",	    "libc.musl-",
					     "libm.so",	    "libpthread.so",
					     "libdl.so",    "librt.so",
					     "libgcc_s.so", "libstdc++.so",
					     "ld-linux",    "ld-musl" };

	for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
		if (!strncmp(name, plain[i], strlen(plain[i])))
			return true;
	return false;
}

static void read_needed(struct elf *elf, const char *name)
{
	struct program *program = elf->program;

	if (!is_plain_library(name))
		program->sockets = true;
	if (!strncmp(name, "liburing.so", 11))
		program->uring = true;
	if (!strcmp(name, "libc.so") || !strncmp(name, "libc.musl-", 10))
		program->musl = true;
}

/* The dynamic section's entry with this tag; `nth` counts from 0. */
static bool find_dynamic(const struct elf *elf, uint64_t tag, size_t nth,
			 uint64_t *value)
{
	const size_t each = BYTES(elf, Dyn);

	for (size_t at = 0; at + each <= elf->dynamic.bytes; at += each) {
		const uint8_t *entry = elf->dynamic.at + at;
		const uint64_t here = FIELD(elf, entry, Dyn, d_tag);

		if (here == DT_NULL)
			return false;
		if (here != tag || nth-- > 0)
			continue;
		*value = FIELD(elf, entry, Dyn, d_un);
		return true;
	}
	return false;
}

/* What two of its entries tell the address and the bytes of. */
static struct block load_table(const struct elf *elf, uint64_t address_tag,
			       uint64_t bytes_tag)
{
	uint64_t address, bytes, offset;

	if (find_dynamic(elf, address_tag, 0, &address) &&
	    find_dynamic(elf, bytes_tag, 0, &bytes) &&
	    offset_of(elf, address, &offset))
		return load(elf, offset, bytes);
	return (struct block){ NULL, 0 };
}

/* Where the loader puts dlopen()'s address for a table of relocations. */
static bool find_slot(const struct elf *elf, const struct block *table,
		      uint64_t *slot)
{
	uint64_t symbols, symbols_at;

	if (!find_dynamic(elf, DT_SYMTAB, 0, &symbols) ||
	    !offset_of(elf, symbols, &symbols_at))
		return false;
	for (size_t at = 0; at + sizeof(Elf64_Rela) <= table->bytes;
	     at += sizeof(Elf64_Rela)) {
		Elf64_Rela entry;
		Elf64_Sym symbol;

		memcpy(&entry, table->at + at, sizeof(entry));
		if (!ELF64_R_SYM(entry.r_info) ||
		    !read_at(elf->fd,
			     symbols_at +
				     ELF64_R_SYM(entry.r_info) * sizeof(symbol),
			     &symbol, sizeof(symbol)) ||
		    strcmp(name_at(elf, symbol.st_name), "dlopen") != 0)
			continue;
		*slot = entry.r_offset;
		return true;
	}
	return false;
}

/* Code of x86-64, and what in it means a call of dlopen(). */
struct code {
	struct block block;
	uint64_t address; /* of its first byte */
	uint64_t slot;
	uint64_t stub; /* in the procedure linkage table; 0: there is none */
};

/* The address that a displacement at `at` means: from its end. */
static uint64_t relative(const struct code *code, size_t at)
{
	int32_t distance;

	memcpy(&distance, code->block.at + at, sizeof(distance));
	return code->address + at + sizeof(distance) +
	       (uint64_t)(int64_t)distance;
}

/* "mov $flags,%esi" before the call, where a compiler puts it. */
static bool has_deep_flags(const struct code *code, size_t call)
{
	const size_t most = 32, mov = 5;
	const uint32_t all = 0x110f, deep = 0x8, lazy_or_now = 0x3;

	for (size_t back = mov; back <= most && back <= call; back++) {
		const uint8_t *at = code->block.at + call - back;
		uint32_t flags;

		memcpy(&flags, at + 1, sizeof(flags));
		if (*at == 0xbe && !(flags & ~all) && flags & deep &&
		    flags & lazy_or_now)
			return true;
	}
	return false;
}

/* A jump by the slot, with "endbr64" and "bnd" before it or without. */
static void find_stub(struct code *code)
{
	const uint8_t *b = code->block.at;

	for (size_t at = 5; at + 6 <= code->block.bytes; at++) {
		size_t start = at;

		if (b[at] != 0xff || b[at + 1] != 0x25 ||
		    relative(code, at + 2) != code->slot)
			continue;
		if (b[start - 1] == 0xf2)
			start--;
		if (!memcmp(b + start - 4, "\xf3\x0f\x1e\xfa", 4))
			start -= 4;
		code->stub = code->address + start;
		return;
	}
}

static bool calls_deep(const struct code *code)
{
	const uint8_t *b = code->block.at;

	for (size_t at = 0; at + 6 <= code->block.bytes; at++) {
		/* call or jmp to the stub, or by the slot */
		bool direct = (b[at] == 0xe8 || b[at] == 0xe9) && code->stub &&
			      relative(code, at + 1) == code->stub;
		bool indirect = b[at] == 0xff &&
				(b[at + 1] == 0x15 || b[at + 1] == 0x25) &&
				relative(code, at + 2) == code->slot;

		if ((direct || indirect) && has_deep_flags(code, at))
			return true;
	}
	return false;
}

/*
 * No table tells with which flags dlopen() is called: the code does, as far as
 * they are a constant.
 */
static bool deep_binds(const struct elf *elf)
{
	struct code code = { .slot = 0 };
	struct block table = load_table(elf, DT_JMPREL, DT_PLTRELSZ);
	bool found = find_slot(elf, &table, &code.slot);

	free(table.at);
	if (!found) {
		table = load_table(elf, DT_RELA, DT_RELASZ);
		found = find_slot(elf, &table, &code.slot);
		free(table.at);
	}
	for (size_t i = 0; found && i < elf->count; i++) {
		const struct segment *s = &elf->segments[i];
		bool deep;

		if (s->type != PT_LOAD || !s->executable)
			continue;
		code.block = load(elf, s->offset, s->bytes);
		code.address = s->address;
		code.stub = 0;
		find_stub(&code);
		deep = calls_deep(&code);
		free(code.block.at);
		if (deep)
			return true;
	}
	return false;
}

static void read_dynamic(struct elf *elf)
{
	const struct segment *s = segment_of(elf, PT_DYNAMIC);
	struct program *program = elf->program;
	uint64_t at;

	if (s)
		elf->dynamic = load(elf, s->offset,
				    s->bytes < MOST_DYNAMIC_BYTES
					    ? s->bytes
					    : MOST_DYNAMIC_BYTES);
	elf->names = load_table(elf, DT_STRTAB, DT_STRSZ);
	if (elf->names.bytes)
		elf->names.at[elf->names.bytes - 1] = '\0';
	/* What cannot be read may be anything. */
	program->sockets =
		!elf->names.at || names_sockets(elf) || is_named(elf, "dlopen");
	for (size_t i = 0; find_dynamic(elf, DT_NEEDED, i, &at); i++)
		read_needed(elf, name_at(elf, at));
	if (program->machine == EM_X86_64 && program->wide &&
	    !program->big_endian && is_named(elf, "dlopen"))
		program->deep_binds = deep_binds(elf);
	free(elf->names.at);
	free(elf->dynamic.at);
}

static void read_elf(struct elf *elf, const uint8_t *header)
{
	struct program *program = elf->program;

	program->kind = PROGRAM_ELF;
	program->wide = header[EI_CLASS] == ELFCLASS64;
	program->big_endian = header[EI_DATA] == ELFDATA2MSB;
	program->machine = (unsigned)FIELD(elf, header, Ehdr, e_machine);
	read_segments(elf, header);
	read_interpreter(elf);
	for (size_t i = 0; i < elf->count && !program->go; i++)
		if (elf->segments[i].type == PT_NOTE)
			program->go = has_go_note(elf, &elf->segments[i]);
	read_dynamic(elf);
}

/* execve(2), "Interpreter scripts". */
static void read_script(struct program *program, const char *line, size_t bytes)
{
	const char *end = memchr(line, '\n', bytes);
	size_t length = end ? (size_t)(end - line) : bytes;

	while (length && strchr(" \t\r", *line)) {
		line++;
		length--;
	}
	program->kind = PROGRAM_SCRIPT;
	memcpy(program->interpreter, line, length);
	program->interpreter[length] = '\0';
}

bool program_read(int fd, struct program *program)
{
	uint8_t start[256] = { 0 };
	struct elf elf = { .fd = fd, .program = program };
	ssize_t n = pread(fd, start, sizeof(start), 0);

	*program = (struct program){ .kind = PROGRAM_NONE };
	if (n < 0)
		return false;
	if (n >= (ssize_t)sizeof(Elf32_Ehdr) && !memcmp(start, ELFMAG, SELFMAG))
		read_elf(&elf, start);
	else if (n > 2 && !memcmp(start, "#!", 2))
		read_script(program, (const char *)start + 2, (size_t)n - 2);
	/* execvp(3): whatever else can be executed is the shell's. */
	else if (n > 0 && !memchr(start, 0, (size_t)n))
		read_script(program, "/bin/sh", 7);
	return true;
}
