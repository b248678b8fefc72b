/* SPDX-License-Identifier: MIT */
/*
 * Loads a plugin, and calls its plugin_main() with the words that follow:
 *
 *     binder [lazy,][deep,][noload,][new,]... PLUGIN [WORD...]
 *
 * Without words it does nothing.  "new": in a namespace of its own.  With
 * -DPLUGIN it is such a plugin itself.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* musl has none. */
#ifndef RTLD_DEEPBIND
#define RTLD_DEEPBIND 0
#define LM_ID_NEWLM 0
#define dlmopen(space, path, flags) dlopen(path, flags)
#endif

static int flags_of(const char *words)
{
	return (strstr(words, "lazy") ? RTLD_LAZY : RTLD_NOW) |
	       (strstr(words, "deep") ? RTLD_DEEPBIND : 0) |
	       (strstr(words, "noload") ? RTLD_NOLOAD : 0);
}

static int load(int argc, char **argv)
{
	int (*start)(int argc, char **argv);
	void *plugin, *found;

	if (argc < 2)
		return EXIT_FAILURE;
	plugin = strstr(argv[0], "new")
			 ? dlmopen(LM_ID_NEWLM, argv[1], flags_of(argv[0]))
			 : dlopen(argv[1], flags_of(argv[0]));
	found = plugin ? dlsym(plugin, "plugin_main") : NULL;
	if (!found) {
		const char *why =
			dlerror(); // NOLINT(concurrency-mt-unsafe): one thread

		(void)printf("%s\n", why ? why : "no error");
		return EXIT_FAILURE;
	}
	memcpy(&start, &found, sizeof(start));
	return start(argc - 2, argv + 2);
}

#ifdef PLUGIN
int plugin_main(int argc, char **argv);

int plugin_main(int argc, char **argv)
{
	return load(argc, argv);
}
#else
int main(int argc, char **argv)
{
	return argc == 1 ? EXIT_SUCCESS : load(argc - 1, argv + 1);
}
#endif
