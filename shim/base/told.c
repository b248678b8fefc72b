/* SPDX-License-Identifier: MIT */
/* Looks at the environment that our parent was started with. */
#include "base/told.h"

#include "base/real.h"
#include "base/text_buffer.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Entries that are looked for, and what is known of each. */
enum { OURS, PRELOAD, ENTRIES };

struct search {
	const char *entry;
	size_t length; /* of the part that has matched */
	bool differs;
	bool found;
};

static void look_at(struct search *search, char c)
{
	if (c && !search->differs && search->entry[search->length] == c) {
		search->length++;
		return;
	}
	search->differs = c;
	if (c)
		return;
	search->found |= !search->entry[search->length];
	search->length = 0;
}

static int open_environment(void)
{
	struct text_buffer path = { 0 };

	text_buffer_add(&path, "/proc/");
	text_buffer_add_number(&path, (unsigned long)getppid());
	text_buffer_add(&path, "/environ");
	path.text[path.length] = '\0';
	return (int)real.syscall(SYS_openat, AT_FDCWD, path.text,
				 O_RDONLY | O_CLOEXEC);
}

bool told_by_parent(const char *entry)
{
	static const char name[] = "LD_PRELOAD=";
	const char *preload = secure_getenv("LD_PRELOAD");
	struct search searches[ENTRIES] = {
		[OURS] = { .entry = entry },
		[PRELOAD] = { .entry = preload ? preload - (sizeof(name) - 1)
					       : "" },
	};
	const int fd = preload ? open_environment() : -1;
	char data[1024];
	ssize_t n;

	if (fd < 0)
		return false;
	while ((n = real.read(fd, data, sizeof(data))) > 0)
		for (ssize_t i = 0; i < n; i++)
			for (int s = 0; s < ENTRIES; s++)
				look_at(&searches[s], data[i]);
	(void)real.close(fd);
	return searches[OURS].found && searches[PRELOAD].found;
}
