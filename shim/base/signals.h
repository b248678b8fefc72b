/* SPDX-License-Identifier: MIT */
/* Which signals are blocked where a handler must not interrupt us. */
#ifndef REPLYFROM_SIGNALS_H
#define REPLYFROM_SIGNALS_H

#include <signal.h>
#include <stddef.h>

/*
 * All but those that a call or an instruction of ours may raise, such as SIGSYS
 * by a seccomp filter: blocked, they would end the process.
 */
static inline sigset_t signals_to_block(void)
{
	static const int raised[] = { SIGBUS,  SIGFPE, SIGILL,
				      SIGSEGV, SIGSYS, SIGTRAP };
	sigset_t signals;

	sigfillset(&signals);
	for (size_t i = 0; i < sizeof(raised) / sizeof(*raised); i++)
		sigdelset(&signals, raised[i]);
	return signals;
}

#endif
