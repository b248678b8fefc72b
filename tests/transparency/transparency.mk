# SPDX-License-Identifier: MIT
# Tests whether an application can notice the library: random sequences of calls,
# without it and with it.  `make fuzz-transparency SEEDS=N` tries N of them, from
# seed FIRST on.

T = $(B)/tests/transparency
TRANSPARENCY_PROGRAMS = $(T)/differ $(T)/libplanted.so
TRANSPARENCY_SUITES = tests/transparency/differences
PROGRAMS += $(TRANSPARENCY_PROGRAMS)
TESTS += $(TRANSPARENCY_SUITES)
SEEDS = 100000
FIRST = 1000000

$(T)/differ: $(addprefix $(T)/,differ.o draw.o mask.o perform.o show.o)
	$(link)

$(T)/libplanted.so: tests/transparency/planted.c
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(OWN_CFLAGS) $(NO_RENAMES) -fPIC -shared \
		$(LDFLAGS) -o $@ $< $(LDLIBS)

fuzz-transparency: all $(TRANSPARENCY_PROGRAMS)
	$(Q)$(T)/differ $(abspath $(B))/libreplyfrom.so $(FIRST) $(SEEDS)

.PHONY: fuzz-transparency
