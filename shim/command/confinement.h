/* SPDX-License-Identifier: MIT */
/* What AppArmor and SELinux do to the library, as a line of `doctor`. */
#ifndef REPLYFROM_CONFINEMENT_H
#define REPLYFROM_CONFINEMENT_H

#include "command/diagnosis.h"
#include "command/subject.h"

/*
 * SELinux has the loader ignore LD_PRELOAD, AppArmor has it not find the file.
 * `need` is how bad it is that the library is missing.
 */
void confinement_diagnose(const struct subject *subject, enum diagnosis need);

#endif
