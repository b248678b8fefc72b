/* SPDX-License-Identifier: MIT */
/* Says whether a security module keeps the library out, and what allows it. */
#include "command/confinement.h"

#include "command/command.h"
#include "command/selinux.h"

#include <stdio.h>
#include <string.h>

static void diagnose_profile(const struct subject *subject, enum diagnosis need,
			     const char *profile)
{
	char next[2 * PATH_MAX];

	(void)snprintf(next, sizeof(next),
		       "add \"%s mr,\" to the profile's file in "
		       "/etc/apparmor.d/local and reload the profile",
		       command_library());
	diagnosis_say(subject->process.wanted ? need : DIAGNOSIS_NOTE,
		      "security", next,
		      "AppArmor's profile %s has to allow the library",
		      profile);
}

/* Of one that the loader took for privileged, or that has no library yet. */
static void diagnose_domain(const struct subject *subject, enum diagnosis need,
			    const struct selinux_start *start)
{
	const char *library = command_library();
	enum selinux_obstacle obstacle = selinux_obstacle(start, library);
	char why[SELINUX_TEXT_BYTES], next[SELINUX_TEXT_BYTES];

	/* As in a container, where the policy cannot be asked. */
	if (subject->process.privileged && selinux_mode() == SELINUX_OFF)
		obstacle = SELINUX_TRANSITION;
	selinux_say_why(obstacle, start, library, why);
	selinux_say_next(obstacle, start, library, next);
	if (obstacle == SELINUX_NOTHING && subject->process.privileged)
		diagnosis_say(need, "security", subject->restart,
			      "SELinux had the loader ignore LD_PRELOAD; the "
			      "policy allows it now");
	else if (obstacle == SELINUX_NOTHING)
		diagnosis_say(DIAGNOSIS_OK, "security", NULL,
			      "SELinux's policy lets the library in");
	else if (selinux_mode() == SELINUX_PERMISSIVE)
		diagnosis_say(DIAGNOSIS_NOTE, "security", next,
			      "once SELinux enforces its policy, %s", why);
	else
		diagnosis_say(need, "security", next, "SELinux: %s", why);
}

/* Of a service that does not run. */
static void diagnose_unit(const struct subject *subject, enum diagnosis need)
{
	struct selinux_start start;
	char program[PATH_MAX];

	if (unit_program(&subject->unit, program) &&
	    selinux_start_by_systemd(program, &start))
		diagnose_domain(subject, need, &start);
}

void confinement_diagnose(const struct subject *subject, enum diagnosis need)
{
	const struct process *process = &subject->process;
	char label[PROCESS_LABEL_BYTES];
	struct selinux_start start;

	if (!subject->target.count) {
		diagnose_unit(subject, need);
		return;
	}
	process_label(process->pid, "current", label);
	if (!process->loaded && strstr(label, " (enforce)"))
		diagnose_profile(subject, need, label);
	else if (!process->loaded && selinux_start_of(process, &start) &&
		 !process->privileged_file)
		diagnose_domain(subject, need, &start);
	else
		diagnosis_say(DIAGNOSIS_OK, "security", NULL,
			      "neither AppArmor nor SELinux keeps the library "
			      "out");
}
