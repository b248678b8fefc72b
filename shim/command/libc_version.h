/* SPDX-License-Identifier: MIT */
/* Compares versions of glibc. */
#ifndef REPLYFROM_LIBC_VERSION_H
#define REPLYFROM_LIBC_VERSION_H

/*
 * The greatest N of all "GLIBC_2.N" in a file: what a libc has, or a library
 * needs.  0: there is none, or the file cannot be read.
 */
unsigned int libc_version_of(const char *path);

#endif
