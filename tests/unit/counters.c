/* SPDX-License-Identifier: MIT */
/* Counters in another process's memory, which may be anything. */
#include "command/counters.h"

#include "common/count.h"
#include "unit.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/uio.h>

/* What the process has mapped: its ELF header, then the page of the block. */
enum { BASE = 0x10000, MEMORY_BYTES = 4 * COUNT_ALIGNMENT };
enum { BLOCK = COUNT_ALIGNMENT, ARRAYS = 2 * COUNT_ALIGNMENT };

static uint8_t memory[MEMORY_BYTES];
static struct count_block block;
static struct process process;
static uint64_t figures[FIGURES];

/* Whether more can be read than there is; and how much that came to. */
static bool is_endless;
static size_t bytes_read;

/* The read that fails, and how; the last one fails by being short. */
static int reads_left;
static int read_error;

ssize_t __wrap_process_vm_readv(pid_t pid, const struct iovec *to,
				unsigned long tos, const struct iovec *from,
				unsigned long froms, unsigned long flags);

ssize_t __wrap_process_vm_readv(pid_t pid, const struct iovec *to,
				unsigned long tos, const struct iovec *from,
				unsigned long froms, unsigned long flags)
{
	const uintptr_t at = (uintptr_t)from->iov_base - BASE;

	(void)pid;
	(void)flags;
	assert_int_equal(tos, 1);
	assert_int_equal(froms, 1);
	errno = read_error ? read_error : EFAULT;
	if (!reads_left--)
		return read_error ? -1 : (ssize_t)to->iov_len - 1;
	errno = EFAULT;
	if (is_endless && to->iov_len > MEMORY_BYTES) {
		bytes_read += to->iov_len;
		return (ssize_t)to->iov_len;
	}
	if (at >= MEMORY_BYTES || to->iov_len > MEMORY_BYTES - at)
		return -1;
	memcpy(to->iov_base, memory + at, to->iov_len);
	return (ssize_t)to->iov_len;
}

static const void *address(uintptr_t at)
{
	// NOLINTNEXTLINE(performance-no-int-to-ptr): in the other's memory
	return (const void *)(BASE + at);
}

/* Two sockets, one of them in use; a thread; a table. */
static void prepare(void)
{
	const unsigned long thread[] = { 11, 12, 13, 14, 15, 1 };
	const unsigned long table[] = { 21, 22, 23, 24, 1 };
	const uint32_t in_use[] = { 0, 1 };

	memset(memory, 0, sizeof(memory));
	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): it is no text */
	memcpy(memory, ELFMAG, SELFMAG);
	memory[EI_CLASS] = sizeof(long) == 8 ? ELFCLASS64 : ELFCLASS32;
	memcpy(memory + ARRAYS, in_use, sizeof(in_use));
	memcpy(memory + ARRAYS + 64, thread, sizeof(thread));
	memcpy(memory + ARRAYS + 128, table, sizeof(table));
	block = (struct count_block){
		.magic = COUNT_MAGIC,
		.version = COUNT_VERSION,
		.bytes = sizeof(block),
		.socks = { address(ARRAYS), 0, 2, 4, 0, 0 },
		.threads = { address(ARRAYS + 64), 0, 1, sizeof(thread), 0,
			     sizeof(thread) - sizeof(long) },
		.tables = { address(ARRAYS + 128), 0, 1, sizeof(table), 0,
			    sizeof(table) - sizeof(long) },
		.reentrant = address(ARRAYS + 64),
	};
	process = (struct process){ .pid = 1,
				    .readable = true,
				    .loaded = true,
				    .base = BASE,
				    .data = { { BASE, BASE + MEMORY_BYTES } },
				    .data_count = 1 };
	reads_left = -1;
	read_error = 0;
	is_endless = false;
	bytes_read = 0;
}

static enum counters_outcome outcome(void)
{
	memcpy(memory + BLOCK, &block, sizeof(block));
	return counters_read(&process, figures);
}

TEST(counters_are_added_up)
{
	prepare();

	assert_int_equal(outcome(), COUNTERS_READ);

	assert_int_equal(figures[FIGURE_SOCKETS], 1);
	assert_int_equal(figures[FIGURE_SEEN], 11);
	assert_int_equal(figures[FIGURE_REFUSED], 15);
	assert_int_equal(figures[FIGURE_BOUND], 22);
	assert_int_equal(figures[FIGURE_REENTRANT], 11);
}

TEST(arrays_are_found_through_their_pointers)
{
	const uintptr_t pointers[] = { BASE + ARRAYS, BASE + ARRAYS, 0, 1 };

	prepare();
	memcpy(memory + ARRAYS + 256, pointers, sizeof(pointers));
	block.socks.at = address(ARRAYS + 256);
	block.socks.pointers = COUNT(pointers);

	assert_int_equal(outcome(), COUNTERS_READ);
	assert_int_equal(figures[FIGURE_SOCKETS], 2);
}

TEST(every_read_may_fail)
{
	static const struct {
		int error;
		enum counters_outcome outcome;
	} cases[] = { { ESRCH, COUNTERS_GONE },
		      { EPERM, COUNTERS_DENIED },
		      { EACCES, COUNTERS_DENIED },
		      { EFAULT, COUNTERS_UNREADABLE },
		      { 0, COUNTERS_UNREADABLE } };

	/* The header is the first; then a page, the block's, and the block. */
	for (int first = 0; first < 8; first += 3)
		for (size_t i = 0; i < COUNT(cases); i++) {
			prepare();
			reads_left = first;
			read_error = cases[i].error;
			assert_int_equal(outcome(), cases[i].outcome);
		}
}

TEST(what_is_not_the_library_is_not_believed)
{
	prepare();
	memory[0] = 'x';
	assert_int_equal(outcome(), COUNTERS_UNREADABLE);

	prepare();
	memory[EI_CLASS] ^= ELFCLASS32 ^ ELFCLASS64;
	assert_int_equal(outcome(), COUNTERS_OTHER_CLASS);

	prepare();
	block.magic[0] = 'x';
	assert_int_equal(outcome(), COUNTERS_OTHER_VERSION);

	prepare();
	block.version++;
	assert_int_equal(outcome(), COUNTERS_OTHER_VERSION);
}

TEST(pointers_to_nowhere_are_not_followed)
{
	const uintptr_t pointers[] = { BASE + MEMORY_BYTES };

	prepare();
	block.threads.at = address(MEMORY_BYTES);
	assert_int_equal(outcome(), COUNTERS_UNREADABLE);

	prepare();
	block.socks.at = address(MEMORY_BYTES);
	block.socks.pointers = 1;
	assert_int_equal(outcome(), COUNTERS_UNREADABLE);

	prepare();
	memcpy(memory + ARRAYS + 256, pointers, sizeof(pointers));
	block.socks.at = address(ARRAYS + 256);
	block.socks.pointers = 1;
	assert_int_equal(outcome(), COUNTERS_UNREADABLE);

	prepare();
	block.reentrant = address(MEMORY_BYTES);
	assert_int_equal(outcome(), COUNTERS_UNREADABLE);
}

TEST(arrays_are_read_up_to_a_bound)
{
	enum { BOUND = 1 << 25 };
	uintptr_t pointers[16];

	prepare();
	is_endless = true;
	for (size_t i = 0; i < COUNT(pointers); i++)
		pointers[i] = BASE + ARRAYS;
	memcpy(memory + ARRAYS + 256, pointers, sizeof(pointers));
	block.socks = (struct count_area){
		address(ARRAYS + 256), COUNT(pointers), 1 << 10, 1 << 12, 0, 0
	};
	assert_int_equal(outcome(), COUNTERS_UNREADABLE);
	assert_in_range(bytes_read, 1, BOUND);
}

TEST(who_may_not_look_is_told)
{
	prepare();
	process.readable = false;
	assert_int_equal(outcome(), COUNTERS_DENIED);

	prepare();
	process.loaded = false;
	assert_int_equal(outcome(), COUNTERS_NOT_LOADED);
}
