/* SPDX-License-Identifier: MIT */
/* An auditor of the loader that is told of each symbol.  rtld-audit(7). */
#include <link.h>
#include <stdint.h>

unsigned int la_version(unsigned int version)
{
	return version;
}

// NOLINTNEXTLINE(readability-non-const-parameter): as rtld-audit(7) has it
unsigned int la_objopen(struct link_map *map, Lmid_t space, uintptr_t *cookie)
{
	(void)map;
	(void)space;
	(void)cookie;
	return LA_FLG_BINDTO | LA_FLG_BINDFROM;
}
