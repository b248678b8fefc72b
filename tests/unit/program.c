/* SPDX-License-Identifier: MIT */
/* What is read of executables, whole ones and others. */
#include "command/program.h"

#include "unit.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static struct program program;

/* How much of the file was read. */
static size_t bytes_read;

ssize_t __real_pread(int fd, void *to, size_t bytes, off_t at);
ssize_t __wrap_pread(int fd, void *to, size_t bytes, off_t at);

ssize_t __wrap_pread(int fd, void *to, size_t bytes, off_t at)
{
	const ssize_t n = __real_pread(fd, to, bytes, at);

	bytes_read += n > 0 ? (size_t)n : 0;
	return n;
}

/* The file that is read: what a test puts there. */
static int file_fd = -1;

BEFORE_ALL(open_file)
{
	FILE *file = tmpfile();

	assert_non_null(file);
	file_fd = fileno(file);
}

static void put(const void *bytes, size_t count)
{
	assert_int_equal(ftruncate(file_fd, 0), 0);
	assert_int_equal(pwrite(file_fd, bytes, count, 0), count);
}

static bool read_text(const char *text)
{
	put(text, strlen(text));
	return program_read(file_fd, &program);
}

/* This test itself. */
static uint8_t *own_bytes(size_t *count)
{
	struct stat file = { .st_size = 0 };
	uint8_t *bytes;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &file), 0);
	*count = (size_t)file.st_size;
	bytes = malloc(*count);
	assert_non_null(bytes);
	assert_int_equal(read(fd, bytes, *count), *count);
	(void)close(fd);
	return bytes;
}

TEST(this_program_is_read)
{
	const uint16_t order = 1;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	assert_true(program_read(fd, &program));

	assert_int_equal(program.kind, PROGRAM_ELF);
	assert_int_equal(program.wide, sizeof(void *) == 8);
	assert_int_equal(program.big_endian, !*(const uint8_t *)&order);
	assert_int_equal(program.interpreter[0], '/');
	assert_false(program.go || program.uring);
	(void)close(fd);
}

TEST(numbers_are_read_in_either_order_and_class)
{
	static const struct {
		uint8_t start[20];
		bool wide, big_endian;
		unsigned machine;
	} headers[] = {
		{ { 0x7f, 'E', 'L', 'F', 1, 1, [18] = 40 }, false, false, 40 },
		{ { 0x7f, 'E', 'L', 'F', 1, 2, [19] = 20 }, false, true, 20 },
		{ { 0x7f, 'E', 'L', 'F', 2, 1, [18] = 183 }, true, false, 183 },
		{ { 0x7f, 'E', 'L', 'F', 2, 2, [19] = 22 }, true, true, 22 },
	};

	for (size_t i = 0; i < COUNT(headers); i++) {
		uint8_t bytes[64] = { 0 };

		memcpy(bytes, headers[i].start, sizeof(headers[i].start));
		put(bytes, sizeof(bytes));

		assert_true(program_read(file_fd, &program));
		assert_int_equal(program.kind, PROGRAM_ELF);
		assert_int_equal(program.wide, headers[i].wide);
		assert_int_equal(program.big_endian, headers[i].big_endian);
		assert_int_equal(program.machine, headers[i].machine);
		assert_string_equal(program.interpreter, "");
	}
}

TEST(a_script_s_interpreter_is_its_first_line)
{
	assert_true(read_text("#! \t/bin/sh -e\necho\n"));

	assert_int_equal(program.kind, PROGRAM_SCRIPT);
	assert_string_equal(program.interpreter, "/bin/sh -e");
}

TEST(the_first_line_may_be_all)
{
	assert_true(read_text("#!/bin/sh"));

	assert_string_equal(program.interpreter, "/bin/sh");
}

TEST(other_text_is_the_shell_s)
{
	assert_true(read_text("echo"));

	assert_int_equal(program.kind, PROGRAM_SCRIPT);
	assert_string_equal(program.interpreter, "/bin/sh");
}

TEST(nothing_and_data_are_no_programs)
{
	assert_true(read_text(""));
	assert_int_equal(program.kind, PROGRAM_NONE);

	put("a\0b", 3);

	assert_true(program_read(file_fd, &program));
	assert_int_equal(program.kind, PROGRAM_NONE);
}

TEST(a_directory_cannot_be_read)
{
	int fd = open("/", O_RDONLY | O_CLOEXEC);

	assert_false(program_read(fd, &program));
	(void)close(fd);
}

/* With the sanitizer: each length of the headers, and then some. */
TEST(a_program_that_ends_early_is_read_without_harm)
{
	size_t count;
	uint8_t *bytes = own_bytes(&count);

	put(bytes, count);
	for (size_t end = count; end > 2048; end -= 1 + end / 64) {
		assert_int_equal(ftruncate(file_fd, (off_t)end), 0);
		assert_true(program_read(file_fd, &program));
	}
	for (size_t end = 2048; end > 0; end--) {
		assert_int_equal(ftruncate(file_fd, (off_t)end), 0);
		assert_true(program_read(file_fd, &program));
	}
	free(bytes);
}

/* Each of the first kilobyte's has extremes: headers, segments, interpreter. */
TEST(a_damaged_program_is_read_without_harm)
{
	static const uint8_t extremes[] = { 0, 1, 0x7f, 0x80, 0xff };
	size_t count;
	uint8_t *bytes = own_bytes(&count);

	put(bytes, count);
	for (off_t at = 4; at < 1024; at++) {
		for (size_t i = 0; i < COUNT(extremes); i++) {
			assert_int_equal(pwrite(file_fd, &extremes[i], 1, at),
					 1);
			assert_true(program_read(file_fd, &program));
		}
		assert_int_equal(pwrite(file_fd, bytes + at, 1, at), 1);
	}
	free(bytes);
}

/* Those of the structs that are written as they are in memory. */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define OWN_ORDER ELFDATA2MSB
#else
#define OWN_ORDER ELFDATA2LSB
#endif

/* So many segments, of which each is the whole file and the last one names. */
static void put_sparse(uint32_t type, uint16_t count, uint64_t bytes)
{
	static const Elf64_Dyn names[] = { { DT_STRTAB, { 0 } },
					   { DT_STRSZ, { 1 << 24 } },
					   { DT_NULL, { 0 } } };
	const Elf64_Phdr load = { .p_type = PT_LOAD, .p_filesz = bytes };
	const Elf64_Phdr each = { .p_type = type, .p_filesz = bytes };
	const Elf64_Phdr dynamic = { .p_type = PT_DYNAMIC,
				     .p_offset = 1 << 15,
				     .p_filesz = bytes - (1 << 15) };
	const off_t table = sizeof(Elf64_Ehdr), one = sizeof(Elf64_Phdr);
	const Elf64_Ehdr header = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, OWN_ORDER },
		.e_phoff = (Elf64_Off)table,
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = (uint16_t)(count + 2),
	};

	put(&header, sizeof(header));
	assert_int_equal(ftruncate(file_fd, (off_t)bytes), 0);
	assert_int_equal(pwrite(file_fd, &load, sizeof(load), table), one);
	assert_int_equal(
		pwrite(file_fd, &dynamic, sizeof(dynamic), table + one), one);
	for (int i = 0; i < count; i++)
		assert_int_equal(pwrite(file_fd, &each, sizeof(each),
					table + (i + 2) * one),
				 one);
	assert_int_equal(pwrite(file_fd, names, sizeof(names), 1 << 15),
			 sizeof(names));
}

/* It has holes, and takes as little of the disk as it likes. */
TEST(a_sparse_file_is_read_up_to_a_bound)
{
	static const uint32_t types[] = { PT_NOTE, PT_INTERP, PT_LOAD };

	for (size_t i = 0; i < COUNT(types); i++) {
		put_sparse(types[i], 250, 1UL << 32);
		bytes_read = 0;

		assert_true(program_read(file_fd, &program));

		assert_int_equal(program.kind, PROGRAM_ELF);
		assert_in_range(bytes_read, 1 << 24, 1 << 26);
	}
}

TEST(names_beyond_a_bound_may_be_anything)
{
	static const Elf64_Xword too_many = (1 << 24) + 1;

	put_sparse(PT_NOTE, 1, 1UL << 32);
	assert_int_equal(
		pwrite(file_fd, &too_many, sizeof(too_many), (1 << 15) + 24),
		sizeof(too_many));
	bytes_read = 0;

	assert_true(program_read(file_fd, &program));

	assert_true(program.sockets);
	assert_in_range(bytes_read, 1, 1 << 20);
}
