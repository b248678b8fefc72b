# SPDX-License-Identifier: MIT
# make fuzz SECONDS=60   libFuzzer on all targets at once, for so long; says how
#                        many inputs each tried, and what of shim/ that covered

Z = $(B)/fuzz
R = $(B)/replay
FUZZ_TARGETS = answers append config counters hooks peers proc program seccomp \
	strip unit
FUZZ_CC = clang
FUZZ_CFLAGS = -g -O1 -std=gnu11 -D_GNU_SOURCE -UNDEBUG -Ishim -Itests/unit -Itests/lib \
	-ftls-model=initial-exec -fsanitize=fuzzer,address,undefined \
	-fno-sanitize-recover=all -fprofile-instr-generate -fcoverage-mapping
SECONDS = 60

$(Z)/answers $(R)/answers: FUZZED = $(call sources,endpoint payload protocol)
$(Z)/answers $(R)/answers: FUZZ_WRAPPED = clock_gettime getrandom poll recvfrom sendto
$(Z)/append $(Z)/strip: FUZZED = $(call sources,pktinfo)
$(Z)/append $(Z)/strip $(Z)/hooks: FUZZ_PROPS = address control
$(Z)/config: FUZZED = $(call sources,nearest object port_list quiet real text_buffer \
	variable)
$(Z)/counters $(R)/counters: FUZZED = $(call sources,counters)
$(Z)/counters $(R)/counters: FUZZ_WRAPPED = process_vm_readv
$(Z)/proc $(R)/proc: FUZZED = $(call sources,port_list print process variable wildcard)
$(Z)/proc $(R)/proc: FUZZ_WRAPPED = fopen readlink
$(Z)/program $(R)/program: FUZZED = $(call sources,libc_version program)
$(Z)/unit $(R)/unit: FUZZED = $(call sources,command drop_in guard nearest print selinux spawn unit)
$(Z)/unit $(R)/unit: FUZZ_WRAPPED = command_fail command_library command_preload \
	guard_read_file process_label selinux_mode
$(Z)/hooks: FUZZED = $(filter-out %/config.c,$(SHIM_SOURCES))
$(Z)/hooks: FUZZ_PROPS += settings
$(Z)/seccomp: FUZZED = $(call sources,object real scratch seccomp unwind)
$(Z)/peers: FUZZED = $(call sources,$(PEERS_ROOMS))
$(Z)/peers: FUZZ_PROPS = address child clock settings story
$(Z)/peers: FUZZ_WRAPPED = clock_gettime getrandom

$(FUZZ_TARGETS:%=$(Z)/%): $(Z)/%: tests/fuzz/%.c $(wildcard shim/*/*.[ch] \
	tests/fuzz/*.h tests/unit/*.[ch] tests/lib/*.h) Makefile tests/fuzz/fuzz.mk | \
	headers cmocka
	$(say) CLANG $@
	$(Q)mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) $(NO_RENAMES) \
		$(FUZZ_WRAPPED:%=-Wl,--wrap=%) -o $@ $< $(FUZZED) \
		$(FUZZ_PROPS:%=tests/unit/%.c) -lcmocka $(LDLIBS)

# The seeds in a program without libFuzzer, for tests/tools/tools.mk: the targets
# of what the command reads.
REPLAYED = answers counters proc program unit

$(REPLAYED:%=$(R)/%): $(R)/%: tests/fuzz/%.c tests/fuzz/replay.c $(wildcard \
	shim/*/*.[ch] tests/fuzz/*.h) tests/fuzz/fuzz.mk $(B)/environment
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -std=gnu11 -D_GNU_SOURCE -UNDEBUG -Ishim -Itests/fuzz \
		$(NO_RENAMES) $(FUZZ_WRAPPED:%=-Wl,--wrap=%) $(LDFLAGS) -o $@ \
		$< tests/fuzz/replay.c $(FUZZED) $(LDLIBS)

fuzz:
	$(IN_ROOT_WITH) fuzz -- $(AGAIN) fuzz-here

fuzz-here:
	$(Q)$(MAKE) -s --no-print-directory $(FUZZ_TARGETS:%=$(Z)/%)
	$(Q)printf '%s\n' $(FUZZ_TARGETS) | xargs -P $(words $(FUZZ_TARGETS)) \
		-I@ tests/fuzz/run $(Z) @ $(SECONDS)

.PHONY: fuzz fuzz-here
