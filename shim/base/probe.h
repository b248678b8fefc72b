/* SPDX-License-Identifier: MIT */
/*
 * Static probes for tracers (provider replyfrom), each a nop, if <sys/sdt.h> is
 * installed when this is built.  Their arguments are:
 *
 *     remembered, rewritten, refused: the struct sock, the peer's struct
 *         sockaddr and its length, the struct local that the peer asked
 *     evicted: the socket's id, the peer's struct in6_addr and its port_be
 */
#ifndef REPLYFROM_PROBE_H
#define REPLYFROM_PROBE_H

#if defined(__has_include)
#if __has_include(<sys/sdt.h>)
#include <sys/sdt.h>
#endif
#endif

#ifdef DTRACE_PROBE
#define PROBE3(name, a, b, c) DTRACE_PROBE3(replyfrom, name, a, b, c)
#define PROBE4(name, a, b, c, d) DTRACE_PROBE4(replyfrom, name, a, b, c, d)
#else
#define PROBE3(name, a, b, c) ((void)(a), (void)(b), (void)(c))
#define PROBE4(name, a, b, c, d) ((void)(a), (void)(b), (void)(c), (void)(d))
#endif

#endif
