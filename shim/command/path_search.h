/* SPDX-License-Identifier: MIT */
/* Finds commands in PATH, as execvp(3) does. */
#ifndef REPLYFROM_PATH_SEARCH_H
#define REPLYFROM_PATH_SEARCH_H

#include <stdbool.h>

/* Puts where it finds it into `path`, of PATH_MAX bytes.  False: nowhere. */
bool path_search(const char *command, char *path);

/* As path_search(), but the file need not be executable. */
bool path_search_file(const char *command, char *path);

/* Why path_search() does not find it. */
const char *path_search_error(const char *command);

#endif
