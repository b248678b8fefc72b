# SPDX-License-Identifier: MIT
# Makes each libc call of the library fail, in every way that its manual page
# lists: see tests/faults/injected.  The library is built so that a return address
# identifies the source line of a call.

F = $(B)/faults
FAULT_PROGRAMS = $(F)/libfault.so $(F)/scenes $(F)/libreplyfrom.so
FAULT_SUITES = tests/faults/injected
PROGRAMS += $(FAULT_PROGRAMS)
TESTS += $(FAULT_SUITES)

$(F)/libfault.so: tests/faults/fault.c tests/faults/fault.h
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(OWN_CFLAGS) $(NO_RENAMES) -fPIC -shared \
		-fno-builtin $(LDFLAGS) -o $@ $< $(LDLIBS)

$(F)/scenes: tests/faults/scenes.c tests/faults/fault.h
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(OWN_CFLAGS) $(NO_RENAMES) \
		$(LDFLAGS) -o $@ $< $(LDLIBS)

$(F)/libreplyfrom.so: $(B)/libreplyfrom.so
	$(Q)$(MAKE) --no-print-directory B=$(F) \
		CFLAGS='$(CFLAGS) -O1 -gdwarf-4 -fno-inline -fno-optimize-sibling-calls' $@
