/* SPDX-License-Identifier: MIT */
/* Looks at network namespaces, each of them once. */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "command/network.h"

#include "command/guard.h"
#include "command/process.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* In a child, which stays in the other namespace. */
static bool enter(pid_t pid)
{
	char path[64];
	int fd;
	bool entered;

	if (process_namespace(pid, "net") == process_namespace(getpid(), "net"))
		return true;
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	entered = fd >= 0 && !setns(fd, CLONE_NEWNET);
	if (fd >= 0)
		(void)close(fd);
	return entered;
}

/* What a child writes: this, the sockets, and the addresses. */
struct summary {
	size_t socket_count;
	size_t sockets_more;
	bool known;
	struct host_addresses addresses;
};

static void write_view(void *data)
{
	const pid_t pid = *(const pid_t *)data;
	struct summary summary = { .known = false };
	struct wildcard *sockets = wildcard_list(pid, &summary.socket_count,
						 &summary.sockets_more);

	if (summary.socket_count && enter(pid))
		summary.known = host_addresses(&summary.addresses);
	guard_write(&summary, sizeof(summary));
	guard_write(sockets, summary.socket_count * sizeof(*sockets));
	if (summary.known)
		guard_write(summary.addresses.list,
			    (size_t)summary.addresses.count *
				    sizeof(*summary.addresses.list));
}

static int compare_wildcards(const void *a, const void *b)
{
	const struct wildcard *first = a, *second = b;

	return (first->inode > second->inode) - (first->inode < second->inode);
}

/* A copy of so many bytes from the child, or NULL. */
static void *copy_from_child(struct guard_output *output, size_t *at,
			     size_t bytes)
{
	void *copy = malloc(bytes + 1);

	if (copy && guard_take(output, at, copy, bytes))
		return copy;
	free(copy);
	return NULL;
}

static void fill(struct network_view *view, struct guard_output *output)
{
	struct summary summary;
	size_t at = 0;

	if (!guard_take(output, &at, &summary, sizeof(summary)))
		return;
	view->sockets = copy_from_child(
		output, &at, summary.socket_count * sizeof(*view->sockets));
	if (!view->sockets)
		return;
	view->socket_count = summary.socket_count;
	view->sockets_more = summary.sockets_more;
	qsort(view->sockets, view->socket_count, sizeof(*view->sockets),
	      compare_wildcards);
	for (size_t i = 0; i < view->socket_count; i++)
		if (!view->sockets[i].v6)
			view->v4_ports[view->sockets[i].port / 8] |=
				(uint8_t)(1U << view->sockets[i].port % 8);
	/* Without sockets nobody asks for the addresses. */
	view->known = !view->socket_count;
	if (!summary.known)
		return;
	view->addresses = summary.addresses;
	view->addresses.list =
		copy_from_child(output, &at,
				(size_t)summary.addresses.count *
					sizeof(*view->addresses.list));
	view->known = view->addresses.list;
}

struct network_view *network_of(pid_t pid)
{
	static size_t bytes_left = NETWORK_MOST_BYTES;
	static struct network_view **views;
	static size_t count;
	ino_t inode = process_namespace(pid, "net");
	struct network_view **grown, *view;
	struct guard_output output;

	for (size_t i = 0; i < count; i++)
		if (views[i]->inode == inode)
			return views[i];
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): a list of pointers */
	grown = reallocarray(views, count + 1, sizeof(*views));
	if (!grown)
		return NULL;
	views = grown;
	view = calloc(1, sizeof(*view));
	if (!view)
		return NULL;
	views[count++] = view;
	view->inode = inode;
	if (guard_run(write_view, &pid, &output) == GUARD_DONE &&
	    output.bytes <= bytes_left) {
		bytes_left -= output.bytes;
		fill(view, &output);
	}
	free(output.at);
	return view;
}

bool network_is_unread(const struct network_view *view)
{
	return !view->known && !view->socket_count;
}

const struct wildcard *network_find(const struct network_view *view,
				    unsigned long inode)
{
	const struct wildcard key = { .inode = inode };

	return view->socket_count
		       ? bsearch(&key, view->sockets, view->socket_count,
				 sizeof(key), compare_wildcards)
		       : NULL;
}

/* An IPv6 socket gets nothing that its IPv4 twin on the same port gets. */
static bool gets_asked(const struct network_view *view,
		       const struct wildcard *socket, bool v6_only,
		       const struct host_address *address)
{
	const bool has_twin =
		view->v4_ports[socket->port / 8] >> socket->port % 8 & 1;

	if (!socket->v6)
		return address->family == AF_INET;
	return address->family == AF_INET6 || !(v6_only || has_twin);
}

int network_wrong(const struct network_view *view,
		  const struct wildcard *socket, bool v6_only,
		  char text[NETWORK_WRONG_BYTES])
{
	size_t end = 0;
	int count = 0;

	*text = '\0';
	for (int i = 0; i < view->addresses.count; i++) {
		const struct host_address *a = &view->addresses.list[i];

		if (!a->wrong || !gets_asked(view, socket, v6_only, a) ||
		    count++ >= NETWORK_NAMED || end >= NETWORK_WRONG_BYTES)
			continue;
		end += (size_t)snprintf(text + end, NETWORK_WRONG_BYTES - end,
					*a->client ? "%s%s (to %s)" : "%s%s",
					count > 1 ? ", " : "", a->text,
					a->client);
	}
	if (count > NETWORK_NAMED && end < NETWORK_WRONG_BYTES)
		(void)snprintf(text + end, NETWORK_WRONG_BYTES - end,
			       " and %d more", count - NETWORK_NAMED);
	return count;
}
// NOLINTEND(concurrency-mt-unsafe)
