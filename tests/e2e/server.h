/* SPDX-License-Identifier: MIT */
/* What every small server here begins with. */
#ifndef REPLYFROM_TESTS_SERVER_H
#define REPLYFROM_TESTS_SERVER_H

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

/* 127.0.0.0: host N of it is LOOPBACK | N. */
#define LOOPBACK 0x7f000000U

/* A socket bound to the wildcard of this family, and to this port (0: any). */
int server_bind(int family, int type, int port, int reuseport);

struct sockaddr_in server_loopback(uint32_t host, int port);

/* A UDP socket bound to this host of LOOPBACK. */
int server_client(uint32_t host);

/* Prints "port N", which says that clients may ask. */
void server_ready(int fd);

int server_port(int fd);

/* Sends one datagram back where it came from. */
void server_echo(int fd);

/* Blocks SIGALRM in this thread, or lets it through. */
void server_mask_alarm(int how);

/* Says why, and ends the program. */
void server_die(const char *what) __attribute__((noreturn));

#endif
