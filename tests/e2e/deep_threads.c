/* SPDX-License-Identifier: MIT */
/*
 * Threads that load plugins with RTLD_DEEPBIND and unload them, each its own:
 *
 *     deep_threads ROUNDS PLUGIN...
 *
 * Prints how often a plugin's recvfrom was not the one that this program has.
 */
#include "server.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_THREADS 16

static long rounds;
static _Atomic int differ;

static void load_once(const char *path)
{
	void *plugin = dlopen(path, RTLD_LAZY | RTLD_DEEPBIND);
	void *found = plugin ? dlsym(plugin, "plugin_recvfrom") : NULL;
	__typeof__ (&recvfrom) (*its)(void);

	if (!found)
		server_die(path);
	memcpy(&its, &found, sizeof(its));
	if (its() != recvfrom)
		differ++;
	if (dlclose(plugin))
		server_die("dlclose");
}

static void *load_often(void *path)
{
	for (long i = 0; i < rounds; i++)
		load_once(path);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[MOST_THREADS];
	int count = argc - 2;

	if (count < 1 || count > MOST_THREADS)
		return EXIT_FAILURE;
	rounds = strtol(argv[1], NULL, 10);
	for (int i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, load_often, argv[i + 2]))
			server_die("pthread_create");
	for (int i = 0; i < count; i++)
		(void)pthread_join(threads[i], NULL);
	(void)printf("%d\n", differ);
	return EXIT_SUCCESS;
}
