# SPDX-License-Identifier: MIT
# make soak MINUTES=10   each case of tests/e2e/stress for ten seconds; then a
#                        server lives on while everything around it changes;
#                        samples and a plot in $(B)/soak

MINUTES = 10
STRESS_SECONDS = 10
SOAK_PROGRAMS = $(B)/tests/soak/serve
PROGRAMS += $(SOAK_PROGRAMS)

soak:
	$(IN_ROOT_WITH) demo soak -- $(AGAIN) run-soak

run-soak: all $(SOAK_PROGRAMS) $(B)/tests/e2e/stress
	$(Q)B=$(B) STRESS_SECONDS=$(STRESS_SECONDS) tests/e2e/stress
	$(Q)B=$(B) tests/soak/run $(MINUTES)

$(SOAK_PROGRAMS): %: %.o $(B)/tests/e2e/server.o
	$(link)

.PHONY: soak run-soak
