# SPDX-License-Identifier: MIT
# make bench            what it costs: see tests/bench/NOTES.md
# make bench QUICK=1    the same in under a minute, and rough

BENCH_PROGRAMS = $(addprefix $(B)/tests/bench/,calls load serve server sockets \
	table)
BENCH_SUITES = tests/bench/instructions
PROGRAMS += $(BENCH_PROGRAMS)
TESTS += $(BENCH_SUITES)

bench:
	$(IN_ROOT_WITH) e2e bench -- $(AGAIN) run-bench

run-bench: all $(BENCH_PROGRAMS) $(E2E_STATIC)
	$(Q)B=$(B) QUICK=$(QUICK) tests/bench/run

$(B)/tests/bench/serve $(B)/tests/bench/server: $(B)/tests/e2e/server.o
$(B)/tests/bench/table: $(SHIM_OBJECTS)
$(BENCH_PROGRAMS): %: %.o
	$(link)

$(B)/tests/bench/%.o: FLAGS = $(SHIM_CFLAGS) $(NO_RENAMES)

.PHONY: bench run-bench
