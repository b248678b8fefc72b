# SPDX-License-Identifier: MIT
# make         builds build/libreplyfrom.so and build/replyfrom
# make install puts all under PREFIX, in DESTDIR; make uninstall takes it away
# make deb     makes Debian packages in build/deb; make rpm one in build/rpm
# make demo    shows the problem and the cure
# make test    runs all tests: test-unit, test-e2e, test-daemons
# make test-suites runs other people's tests, make fuzz-transparency random calls
# make test-containers  tries it in containers, and as others build it
# make test-tools       runs the tests under sanitizers, valgrind, ...; QUICK=1
# make bench   measures what it costs; QUICK=1: in under a minute
# make fuzz, make mutation, make soak   see their directories in tests
# make check   formatters and linters, as errors
# V=1 shows the commands.

VERSION = 0.1.0

CFLAGS = -O2 -g
WARNINGS = -Wall -Wextra -Wshadow -Wmissing-prototypes -Wconversion -Wvla
# The same bytes, wherever it is built.
OWN_CFLAGS = -std=gnu11 -D_GNU_SOURCE $(WARNINGS) -MMD -MP \
	-ffile-prefix-map=$(CURDIR)=.
# A thread that is cancelled unwinds, and cleans up; under musl it does not.
UNWIND := $(if $(findstring musl,$(CC) $(shell $(CC) -dumpmachine)),,-fexceptions)
SHIM_CFLAGS = $(OWN_CFLAGS) $(UNWIND) -fPIC -fvisibility=hidden \
	-ftls-model=initial-exec
SHIM_LDFLAGS = -shared -Wl,-z,defs,-z,now,-z,relro,-z,noexecstack \
	-Wl,-soname,libreplyfrom.so
# _FORTIFY_SOURCE: clang then drops an exported recvfrom, silently.  _TIME_BITS,
# which some 32-bit compilers set: headers then call the hooks by other names.
NO_RENAMES = -U_FORTIFY_SOURCE -U_TIME_BITS -U_FILE_OFFSET_BITS
LDLIBS = -ldl -pthread

B = build
SHIM = carry config count follow hook_fd hook_recv hook_seccomp hook_send \
	hook_syscall line lock log peers pktinfo queue raw real replace scratch \
	seccomp sock unwind variable
SHIM_OBJECTS = $(SHIM:%=$(B)/shim/%.o)
COMMAND = ask ask_words check command drop_in host judge launch payload port_list \
	process program protocol status systemd target unit
COMMAND_OBJECTS = $(COMMAND:%=$(B)/shim/%.o)

ifeq ($(V),)
Q = @
say = @printf '  %-6s %s\n'
else
say = @:
endif

all: $(B)/libreplyfrom.so $(B)/replyfrom

$(B)/libreplyfrom.so: $(SHIM_OBJECTS)
	$(say) LINK $@
	$(Q)$(CC) $(SHIM_LDFLAGS) $(LDFLAGS) -o $@.new $^ $(LDLIBS)
	$(Q)mv -f $@.new $@

$(B)/replyfrom: $(COMMAND_OBJECTS) $(B)/shim/variable.o
	$(say) LINK $@
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# Their names come up when the library is linked, too late for -flto.
$(B)/shim/unwind.o: SHIM_CFLAGS += -fno-lto

# What make install is told may be other than what make was.
$(B)/libdir: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)echo '$(LIBDIR)' | cmp -s - $@ || echo '$(LIBDIR)' >$@
$(B)/shim/command.o: $(B)/libdir
FORCE:

$(COMMAND_OBJECTS): SHIM_CFLAGS = $(OWN_CFLAGS) -DLIBDIR='"$(LIBDIR)"' \
	-DVERSION='"$(VERSION)"'

$(B)/shim/%.o: shim/%.c Makefile | headers
	$(say) CC $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(SHIM_CFLAGS) $(NO_RENAMES) -c -o $@ $<

# One line that names the package, rather than a compiler's page of errors.
headers:
	@echo '#include <uthash.h>' | $(CC) $(CPPFLAGS) -E -x c - \
		>/dev/null 2>&1 || { \
		echo 'uthash.h is missing: install the package uthash-dev' \
			>&2; exit 1; }

include tests/unit/unit.mk tests/e2e/e2e.mk tests/faults/faults.mk \
	tests/transparency/transparency.mk \
	tests/i386/i386.mk tests/bench/bench.mk tests/containers/containers.mk \
	tests/tools/tools.mk tests/fuzz/fuzz.mk tests/mutation/mutation.mk \
	tests/soak/soak.mk demo/demo.mk shim/packaging/packaging.mk

DAEMON_TESTS = $(addprefix tests/daemons/,broken no_harm questions)

# What is missing is installed first, headers too: the build is a make of its
# own.  Where nothing may be installed the tests skip what they miss.
INSTALL = $(Q)tests/setup build unit
RUN_TESTS = $(Q)$(MAKE) --no-print-directory run-tests

test:
	$(INSTALL) e2e daemons demo bench
	$(RUN_TESTS) TESTS='$$(UNIT_TESTS) $$(E2E_SUITES) \
		$$(FAULT_SUITES) $$(TRANSPARENCY_SUITES) $$(I386_SUITES) \
		$$(BENCH_SUITES) \
		$$(DAEMON_TESTS)'
test-unit:
	$(INSTALL)
	$(RUN_TESTS) TESTS='$$(UNIT_TESTS)'
test-e2e:
	$(INSTALL) e2e demo
	$(RUN_TESTS) TESTS='$$(E2E_SUITES) \
		$$(TRANSPARENCY_SUITES) $$(I386_SUITES)'
test-daemons:
	$(INSTALL) e2e daemons
	$(RUN_TESTS) TESTS='$$(DAEMON_TESTS)'

# Other people's tests, with and without the library; see tests/suites/README.md.
test-suites: all
	$(INSTALL) suites
	$(Q)tests/suites/run $(B)/libreplyfrom.so $(B)/suites

PROGRAMS = all demo-build $(UNIT_TESTS) $(E2E_PROGRAMS) $(FAULT_PROGRAMS) \
	$(TRANSPARENCY_PROGRAMS) $(I386_PROGRAMS) $(BENCH_PROGRAMS) \
	$(SOAK_PROGRAMS)

run-tests: $(PROGRAMS)
	$(Q)B=$(B) tests/run $(TESTS)

C_FILES = $(wildcard shim/*.[ch] demo/*.[ch] tests/*/*.[ch])
# For the kernel: clang compiles it, and the bench says how that went.
LINTED = $(filter-out %.bpf.c,$(filter %.c,$(C_FILES)))
SCRIPTS = .ci/run demo/lab demo/run shim/completions/replyfrom.bash \
	tests/containers/everyday.sh tests/daemons/clients/tftp_files \
	tests/fuzz/run tests/i386/calls tests/i386/differences tests/setup \
	tests/suites/run
# cppcheck takes _Thread_local for a type.
CPPCHECK = cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 \
	--enable=warning,style,performance,portability \
	--suppress=missingIncludeSystem -D_GNU_SOURCE -D_Thread_local=
# What it says of itself, on stderr, is how much it does not show.
TIDY_FLAGS = -std=gnu11 -D_GNU_SOURCE -Ishim -Itests/unit -DLAB='""' \
	-DHERE='""' -DNAME='""' -DVERSION='""'

check:
	$(INSTALL) check
	$(say) FORMAT
	$(Q)clang-format --dry-run -Werror $(C_FILES)
	$(say) SHELL
	$(Q)shellcheck $(SCRIPTS)
	$(say) CPP
	$(Q)$(CPPCHECK) $(LINTED)
	$(say) TIDY
	$(Q)printf '%s\n' $(LINTED) | xargs -P $$(nproc) -I@ \
		clang-tidy --quiet @ -- $(TIDY_FLAGS) 2>/dev/null
	$(Q)for cc in gcc clang; do \
		$(MAKE) --no-print-directory B=$(B)/check/$$cc CC=$$cc \
			say=@: CFLAGS='$(CFLAGS) -Werror' programs || exit 1; done

programs: $(PROGRAMS)

clean:
	rm -rf $(B)

.PHONY: all FORCE headers test test-unit test-e2e test-daemons test-suites \
	run-tests check programs clean
-include $(wildcard $(B)/shim/*.d $(B)/demo/*.d)
