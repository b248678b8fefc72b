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
	MOST_BYTES = 1 << 24, /* of the names, which are read at once */
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
	if (!strncmp(name, "libasan.so", 10))
		program->asan = true;
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
	program->bind = is_named(elf, "bind");
	for (size_t i = 0; find_dynamic(elf, DT_NEEDED, i, &at); i++)
		read_needed(elf, name_at(elf, at));
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
