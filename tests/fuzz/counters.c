/* SPDX-License-Identifier: MIT */
/* Any bytes as the memory of a process with a file called libreplyfrom.so. */
#include "command/counters.h"

#include "common/count.h"
#include "fuzz.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/uio.h>

enum { BASE = 0x10000, MEMORY_BYTES = 1 << 16 };

static uint8_t memory[MEMORY_BYTES];
static size_t bytes_read;

ssize_t __wrap_process_vm_readv(pid_t pid, const struct iovec *to,
				unsigned long tos, const struct iovec *from,
				unsigned long froms, unsigned long flags);

/* The input stands at BASE; from there on pages repeat, so that much is read.
 */
ssize_t __wrap_process_vm_readv(pid_t pid, const struct iovec *to,
				unsigned long tos, const struct iovec *from,
				unsigned long froms, unsigned long flags)
{
	const uintptr_t at = (uintptr_t)from->iov_base;
	size_t n = 0;

	(void)pid;
	(void)flags;
	assert(tos == 1 && froms == 1 && to->iov_len == from->iov_len);
	errno = EFAULT;
	if (at < BASE)
		return -1;
	bytes_read += to->iov_len;
	assert(bytes_read < 1UL << 27);
	for (size_t done = 0; done < to->iov_len; done += n) {
		const size_t offset = (at - BASE + done) % MEMORY_BYTES;

		n = to->iov_len - done < MEMORY_BYTES - offset
			    ? to->iov_len - done
			    : MEMORY_BYTES - offset;
		memcpy((uint8_t *)to->iov_base + done, memory + offset, n);
	}
	return (ssize_t)to->iov_len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static struct process process;
	uint64_t figures[FIGURES];
	struct count_block block = { .version = COUNT_VERSION,
				     .bytes = sizeof(block) };

	memset(memory, 0, sizeof(memory));
	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): it is no text */
	memcpy(memory, ELFMAG, SELFMAG);
	memory[EI_CLASS] = sizeof(long) == 8 ? ELFCLASS64 : ELFCLASS32;
	/* The head is right, or hardly any input would come further. */
	memcpy(block.magic, COUNT_MAGIC, sizeof(block.magic));
	memcpy(memory + COUNT_ALIGNMENT, &block, sizeof(block));
	if (bytes > MEMORY_BYTES - COUNT_ALIGNMENT - 16)
		return 0;
	memcpy(memory + COUNT_ALIGNMENT + 16, data, bytes);
	process = (struct process){
		.pid = 1,
		.readable = true,
		.loaded = true,
		.base = BASE,
		.data = { { BASE, BASE + MEMORY_BYTES } },
		.data_count = 1,
	};
	bytes_read = 0;

	(void)counters_read(&process, figures);
	return 0;
}
