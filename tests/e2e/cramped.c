/* SPDX-License-Identifier: MIT */
/*
 * An echo server that has little room, bound to the wildcard:
 *
 *     cramped alternate|locked|late-locked|address|early-address
 *     cramped tls PLUGIN...
 *
 * "alternate" answers in a handler on the least alternate signal stack there
 * can be; "locked" keeps all its memory in RAM, "late" when it is bound;
 * "address" may map no more of it, "early" before it is bound; "tls" loads
 * plugins until there is no room for their thread-local variables, and says how
 * many that were on stderr.
 */
#include "server.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif
/* Of Linux where AT_MINSIGSTKSZ is not told.  sigaltstack(2). */
#define LEAST_BYTES 2048
/* What the handler itself needs, with two calls of libc in it. */
#define HANDLER_BYTES 4096

static int server;

static void handle(int number)
{
	(void)number;
	server_echo(server);
}

static void serve_on_alternate_stack(void)
{
	const size_t least = getauxval(AT_MINSIGSTKSZ);
	const size_t bytes = (least ? least : LEAST_BYTES) + HANDLER_BYTES;
	/* At the end of a page; before it there is nothing. */
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const size_t all = (bytes + 2 * page - 1) / page * page;
	char *at = mmap(NULL, all, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const stack_t stack = { .ss_sp = at + all - bytes, .ss_size = bytes };
	const struct sigaction action = { .sa_handler = handle,
					  .sa_flags = SA_ONSTACK };

	if (at == MAP_FAILED || mprotect(at, page, PROT_NONE) ||
	    sigaltstack(&stack, NULL) || sigaction(SIGIO, &action, NULL) ||
	    fcntl(server, F_SETOWN, getpid()) ||
	    fcntl(server, F_SETFL, O_ASYNC))
		server_die("alternate");
	server_ready(server);
	for (;;)
		pause();
}

static void lock_memory(void)
{
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		server_die("mlockall");
}

static void map_no_more(void)
{
	const struct rlimit none = { 0 };

	if (setrlimit(RLIMIT_AS, &none))
		server_die("RLIMIT_AS");
}

static void fill_tls(int count, char **paths)
{
	int loaded = 0;

	while (loaded < count && dlopen(paths[loaded], RTLD_NOW))
		loaded++;
	(void)fprintf(stderr, "%d\n", loaded);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "locked"))
		lock_memory();
	if (!strcmp(what, "early-address"))
		map_no_more();
	server = server_bind(AF_INET, SOCK_DGRAM, 0, 0);
	if (!strcmp(what, "alternate"))
		serve_on_alternate_stack();
	if (!strcmp(what, "late-locked"))
		lock_memory();
	if (!strcmp(what, "tls"))
		fill_tls(argc - 2, argv + 2);
	server_ready(server);
	if (!strcmp(what, "address"))
		map_no_more();
	for (;;)
		server_echo(server);
}
