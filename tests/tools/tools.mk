# SPDX-License-Identifier: MIT
# The same tests under tools that see more.  Each builds below $(B) what it
# needs; what a tool finds ends the target.  QUICK=1: fewer of the tests.
#
# make test-asan      AddressSanitizer and UBSan: unit tests, and the shim in
#                     programs that have neither; the command, also with 32 bits
# make test-tsan      ThreadSanitizer: threads that share everything
# make test-valgrind  memcheck and helgrind, the same
# make test-fortify   _FORTIFY_SOURCE=3 in the rooms that define no hook: there
#                     clang drops some (the library goes without, for musl)
# make analyze        gcc -fanalyzer and clang's analyzer, which with QUICK=1 is
#                     left to make check
# make coverage       lines and branches of shim/, by the tests
# make test-tools     all of these

TOOLS = $(B)/tools
INTO = $(MAKE) --no-print-directory
TOOL_TARGETS = test-fortify analyze test-asan test-tsan test-valgrind coverage

test-tools: $(TOOL_TARGETS)

# Where a tool is not, and cannot be installed, this says so.
can_link = echo 'int main(void) { return 0; }' | \
	$(CC) $(1) -x c -o /dev/null - 2>/dev/null || echo $(CC) has no $(2)
can_run = command -v $(1) >/dev/null || echo there is no $(1)
missing_test-asan = $(call can_link,$(ASAN),AddressSanitizer)
missing_test-tsan = $(call can_link,$(TSAN),ThreadSanitizer)
missing_test-valgrind = $(call can_run,valgrind)
missing_test-fortify = :
missing_analyze = $(call can_run,clang)
missing_coverage = $(call can_run,gcov)

$(TOOL_TARGETS):
	$(IN_ROOT_WITH) e2e tools -- $(AGAIN) $@-if-can

$(TOOL_TARGETS:%=%-if-can): %-if-can: | all
	$(Q)why=$$($(missing_$*)); if [ "$$why" ]; then \
		echo "SKIP $*: $$why"; else $(INTO) $*-here; fi

# The programs are as they were, and have a shim that is not.
SHIMMED_TESTS = $(Q)B=$(B) E2E_SHIMMED="LD_PRELOAD=$(1)" tests/run $(2)
# Prints what the tools wrote to $(1).*, if anything, and fails then.
none_reported = ! cat $(1).* 2>/dev/null

ASAN = -fsanitize=address,undefined -fno-sanitize-recover=all
ASAN_REPORT = $(abspath $(TOOLS))/asan/report
# In programs that have it not the loader has to come by it first.
ASAN_LIBRARIES = $(shell $(CC) -print-file-name=libasan.so):$(shell \
	$(CC) -print-file-name=libubsan.so)
ASAN_SUITES = $(addprefix tests/e2e/,addresses calls hazards learning lifetime \
	threads $(if $(QUICK),,follow order syscalls))

# Not launch, whose programs preload libraries before those.
test-asan-here: $(E2E_PROGRAMS)
	$(Q)rm -f $(ASAN_REPORT).*
	$(Q)$(INTO) B=$(TOOLS)/asan SANITIZE='$(ASAN)' LDFLAGS='$(ASAN)' \
		CFLAGS='-O1 -g -fno-omit-frame-pointer $(ASAN)' run-tests \
		PROGRAMS='$(TOOLS)/asan/libreplyfrom.so $$(UNIT_TESTS)' \
		TESTS='$$(filter-out %/launch,$$(UNIT_TESTS))'
	$(call SHIMMED_TESTS,$(ASAN_LIBRARIES):$(abspath \
		$(TOOLS))/asan/libreplyfrom.so \
		ASAN_OPTIONS=detect_leaks=0:log_path=$(ASAN_REPORT) \
		UBSAN_OPTIONS=log_path=$(ASAN_REPORT),$(ASAN_SUITES))
	$(Q)why=$$($(if $(I386_SUITES),$(call can_link,-m32 $(ASAN),32-bit \
		AddressSanitizer),echo no 32-bit programs here)); if [ "$$why" ]; \
		then echo "SKIP test-asan-i386: $$why"; \
		else $(INTO) test-asan-i386; fi
	$(Q)$(call none_reported,$(ASAN_REPORT))

# The command with 32 bits, as which a sum of two sizes may wrap: it looks at
# programs and a library without a sanitizer.
ASAN_I386 = $(TOOLS)/asan-i386

test-asan-i386: $(I386_PROGRAMS)
	$(Q)$(INTO) B=$(ASAN_I386) SANITIZE= CC='$(I386_CC)' LDFLAGS='$(ASAN)' \
		CFLAGS='-O1 -g -fno-omit-frame-pointer $(ASAN)' \
		$(ASAN_I386)/replyfrom $(REPLAYED:%=$(ASAN_I386)/replay/%)
	$(Q)ln -sfn $(abspath $(I386))/libreplyfrom.so $(abspath $(I386))/tests \
		$(ASAN_I386)
	$(Q)for target in $(REPLAYED); do \
		$(ASAN_I386)/replay/$$target tests/fuzz/corpus/$$target/* || exit; \
		done
	$(Q)B=$(ASAN_I386) ASAN_OPTIONS=detect_leaks=0:log_path=$(ASAN_REPORT) \
		UBSAN_OPTIONS=log_path=$(ASAN_REPORT) tests/run tests/e2e/status

# Fences it does not know: those of peers.c stand where it does not look.
TSAN = -fsanitize=thread -Wno-tsan
TSAN_UNIT_TESTS = $(addprefix $(U)/,lock peers peers_fork scratch sock \
	$(if $(QUICK),,peers_threads))

# Under it every program is built with it.
test-tsan-here:
	$(Q)rm -f $(TOOLS)/tsan/report.*
	$(Q)TSAN_OPTIONS=log_path=$(abspath $(TOOLS))/tsan/report \
		$(INTO) B=$(TOOLS)/tsan SANITIZE='$(TSAN)' \
		CFLAGS='-O1 -g $(TSAN)' LDFLAGS='$(TSAN)' run-tests \
		PROGRAMS='all $$(TSAN_UNIT_TESTS) $$(E2E_SERVERS)' \
		TESTS='$$(TSAN_UNIT_TESTS) tests/e2e/threads'
	$(Q)$(call none_reported,$(TOOLS)/tsan/report)

# Without sanitizers: both want the same memory.
test-valgrind-here: $(E2E_PROGRAMS)
	$(Q)$(INTO) B=$(TOOLS)/valgrind SANITIZE= CFLAGS='-O1 -g' run-tests \
		PROGRAMS='all $$(UNIT_TESTS) $$(E2E_SERVERS)' \
		TESTS=tests/tools/valgrind

FORTIFIED_TESTS = $(addprefix $(U)/,config lock $(PEERS_TESTS) pktinfo \
	pktinfo_strip queue real scratch)

test-fortify-here:
	$(Q)$(INTO) B=$(TOOLS)/fortify SANITIZE= CFLAGS='-O2 -g' \
		NO_RENAMES='-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3' run-tests \
		PROGRAMS='$$(FORTIFIED_TESTS)' TESTS='$$(FORTIFIED_TESTS)'

# Of a struct that it copies by parts gcc loses sight (pktinfo.c, put), and of
# what two variables have to do with each other (hook_send.c, with_source).
ANALYZER = -fanalyzer -Werror -Wno-analyzer-use-of-uninitialized-value \
	-Wno-analyzer-null-argument
analyzed = printf '%s\n' $(1) | xargs -P $$(nproc) -I@
GCC_ANALYZER = gcc $(ANALYZER) -O0 -MF /dev/null -c -o /dev/null
CLANG_ANALYZER = clang --analyze -Xclang -analyzer-werror -std=gnu11 \
	-D_GNU_SOURCE -Ishim -o /dev/null
# The command's flags.  What may throw, as it seems to gcc, leaks all there is.
COMMAND_CFLAGS = $(OWN_CFLAGS) -DLIBDIR='""' -DVERSION='""'

analyze-here: headers
	$(say) GCC -fanalyzer
	$(Q)$(call analyzed,$(SHIM_SOURCES)) $(GCC_ANALYZER) $(SHIM_CFLAGS) @
	$(Q)$(call analyzed,$(COMMAND_SOURCES)) $(GCC_ANALYZER) $(COMMAND_CFLAGS) @
	$(say) CLANG --analyze
	$(Q)$(if $(QUICK),:,$(call analyzed,$(SHIM_SOURCES))) $(CLANG_ANALYZER) @
	$(Q)$(if $(QUICK),:,$(call analyzed,$(COMMAND_SOURCES))) $(CLANG_ANALYZER) \
		$(COMMAND_CFLAGS) @

# Not the hot path's own flags: inlined functions count once for each caller.
COVERAGE = $(TOOLS)/coverage
COVERAGE_FLAGS = -O0 -g --coverage -fprofile-update=atomic
COVERAGE_SUITES = $(addprefix tests/e2e/,addresses calls clients deepbind \
	hazards learning lifetime lines loading sandbox variables status command manual \
	mistakes syscalls follow) tests/transparency/differences

# They take minutes then, and run nothing that the others do not.
SLOW_TESTS = $(addprefix $(COVERAGE)/tests/unit/,peers_model peers_threads \
	pktinfo_strip)

# The library and the command are counted there; other users add to it.
coverage-here: $(E2E_PROGRAMS) $(TRANSPARENCY_PROGRAMS) $(I386_PROGRAMS) \
		$(COVERAGE)/dump.o
	$(Q)find $(COVERAGE) -name '*.gcda' -delete
	$(Q)$(INTO) B=$(COVERAGE) CFLAGS='$(COVERAGE_FLAGS)' SANITIZE= \
		UNIT_CFLAGS='$$(OWN_CFLAGS) -Itests/lib $$(UNWIND) -UNDEBUG' \
		LDFLAGS='--coverage $(abspath $(COVERAGE))/dump.o' run-tests \
		PROGRAMS='all $$(UNIT_TESTS)' TESTS='$$(filter-out \
			$(SLOW_TESTS),$$(UNIT_TESTS))'
	$(Q)ln -sfn $(abspath $(B))/tests/e2e $(abspath $(B))/tests/transparency \
		$(COVERAGE)/tests
	$(Q)ln -sfn $(abspath $(I386)) $(COVERAGE)
	$(Q)umask 0; chmod -R a+w $(COVERAGE)/shim; \
		B=$(COVERAGE) tests/run $(COVERAGE_SUITES)
	$(Q)tests/tools/coverage $(COVERAGE)

$(COVERAGE)/dump.o: tests/tools/dump.c
	$(say) CC $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(OWN_CFLAGS) -fPIC -c -o $@ $<

.PHONY: test-asan-i386 test-tools $(TOOL_TARGETS) $(TOOL_TARGETS:%=%-if-can) \
	$(TOOL_TARGETS:%=%-here)
