# SPDX-License-Identifier: MIT
# make bench            what it costs: see tests/bench/NOTES.md
# make bench QUICK=1    the same in two minutes, and rough

BENCH_PROGRAMS = $(addprefix $(B)/tests/bench/,calls load serve server sockets \
	table)
BENCH_FLOOR = $(B)/tests/bench/floor.so
BENCH_SUITES = tests/bench/instructions
PROGRAMS += $(BENCH_PROGRAMS) $(BENCH_FLOOR)
TESTS += $(BENCH_SUITES)

bench:
	$(IN_ROOT_WITH) e2e bench -- $(AGAIN) run-bench

run-bench: all $(BENCH_PROGRAMS) $(BENCH_FLOOR) $(E2E_STATIC)
	$(Q)B=$(B) QUICK=$(QUICK) tests/bench/run

$(B)/tests/bench/serve $(B)/tests/bench/server: $(B)/tests/e2e/server.o
$(B)/tests/bench/table: $(SHIM_OBJECTS)
$(BENCH_PROGRAMS): %: %.o
	$(link)

$(BENCH_FLOOR): LDFLAGS += -shared
$(BENCH_FLOOR): %.so: %.o
	$(link)

$(B)/tests/bench/%.o: FLAGS = $(SHIM_CFLAGS) $(NO_RENAMES)
$(B)/tests/bench/floor.o: FLAGS += -fvisibility=default -Wno-missing-prototypes

.PHONY: bench run-bench
