# SPDX-License-Identifier: MIT
# make soak MINUTES=10   a server lives on while everything around it changes;
#                        samples and a plot in $(B)/soak

MINUTES = 10
SOAK_PROGRAMS = $(B)/tests/soak/serve

soak:
	$(INSTALL) demo soak
	$(Q)$(MAKE) --no-print-directory run-soak

run-soak: all $(SOAK_PROGRAMS)
	$(Q)B=$(B) tests/soak/run $(MINUTES)

$(SOAK_PROGRAMS): %: %.o $(B)/tests/e2e/server.o
	$(say) LINK $@
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(B)/tests/soak/%.o: tests/soak/%.c Makefile tests/soak/soak.mk
	$(say) CC $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(OWN_CFLAGS) -c -o $@ $<

.PHONY: soak run-soak
