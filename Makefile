# SPDX-License-Identifier: MIT
# make         builds build/libreplyfrom.so and build/replyfrom
# make install installs it below PREFIX, in DESTDIR; make uninstall removes it
# make deb     makes Debian packages in build/deb; make rpm one in build/rpm
# make release makes and tries all files of a release, in build/release
# make demo    shows the problem and the fix
# make test    runs all tests: test-unit, test-e2e, test-daemons; QUICK=1: some
# make test-suites runs other projects' tests, make fuzz-transparency random calls
# make test-containers  tests it in containers, packages and other builds
# make test-tools       runs the tests under sanitizers, valgrind, ...; QUICK=1
# make bench   measures what it costs; QUICK=1: in two minutes
# make kernel  builds the kernel engine; make test-kernel tests it in qemu, and
#              make bench-kernel measures it there
# make fuzz, make mutation, make soak   see tests/README.md
# make check   runs formatters and linters; make shape measures lengths
# make clean   removes what was built; make clean-root what tests ran in
# V=1 shows the commands.

VERSION = 0.1.0

CFLAGS = -O2 -g
WARNINGS = -Wall -Wextra -Wshadow -Wmissing-prototypes -Wconversion -Wvla
# -ffile-prefix-map: the result does not depend on where it is built.
OWN_CFLAGS = -std=gnu11 -D_GNU_SOURCE $(WARNINGS) -Ishim -MMD -MP \
	-ffile-prefix-map=$(CURDIR)=.
# glibc unwinds a cancelled thread, so cleanup functions run; musl does not.
UNWIND := $(if $(findstring musl,$(CC) $(shell $(CC) -dumpmachine 2>/dev/null)),,-fexceptions)
SHIM_CFLAGS = $(OWN_CFLAGS) $(UNWIND) -fPIC -fvisibility=hidden \
	-ftls-model=initial-exec
# --hash-style=gnu: shim/state/deepbind.c finds the hooks in that hash table.
# nodelete: a thread that ends calls it (pthread_key_create).
SHIM_LDFLAGS = -shared -Wl,-z,defs,-z,now,-z,relro,-z,noexecstack \
	-Wl,-z,nodelete -Wl,--hash-style=gnu \
	-Wl,-soname,libreplyfrom.so
# With _FORTIFY_SOURCE clang silently drops an exported recvfrom.  With _TIME_BITS,
# which some 32-bit compilers set, headers give the hooks other names.
NO_RENAMES = -U_FORTIFY_SOURCE -U_TIME_BITS -U_FILE_OFFSET_BITS
LDLIBS = -ldl -pthread

# tests/root sets IN_ROOT: what is built there is the private root's.
B = build$(if $(IN_ROOT),/inside)
# Sorted, because the order decides where functions are placed in the library.
SHIM_SOURCES := $(sort $(wildcard shim/hooks/*.c shim/state/*.c \
	shim/base/*.c shim/common/*.c))
COMMAND_SOURCES := $(sort $(wildcard shim/command/*.c shim/common/*.c))
SHIM_OBJECTS = $(SHIM_SOURCES:%.c=$(B)/%.o)
COMMAND_OBJECTS = $(COMMAND_SOURCES:%.c=$(B)/%.o)

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

$(B)/replyfrom: $(COMMAND_OBJECTS)
	$(say) LINK $@
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# The linker refers to its functions after -flto has removed unused ones.
$(B)/shim/base/unwind.o: SHIM_CFLAGS += -fno-lto

# Compiled again if make install gets another LIBDIR or VERSION than make.
$(B)/defined: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)echo '$(LIBDIR) $(VERSION)' | cmp -s - $@ || \
		echo '$(LIBDIR) $(VERSION)' >$@
$(B)/shim/command/command.o $(B)/shim/command/help.o: $(B)/defined
FORCE:

# FLAGS are for the objects of a folder; the makefile in it may set them.
FLAGS = $(OWN_CFLAGS)
$(B)/shim/%.o: FLAGS = $(SHIM_CFLAGS) $(NO_RENAMES)
$(B)/shim/command/%.o: FLAGS = $(OWN_CFLAGS) $(NO_RENAMES) \
	-DLIBDIR='"$(LIBDIR)"' -DVERSION='"$(VERSION)"'

define compile
$(say) CC $<
$(Q)mkdir -p $(@D)
$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(FLAGS) -c -o $@ $<
endef
define link
$(say) LINK $@
$(Q)mkdir -p $(@D)
$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)
endef

# What a build is made with and finds: other flags, another compiler, or a header
# that is installed later, and all is compiled again.
$(B)/environment: export ENVIRONMENT = $(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) \
	$(NO_RENAMES) $(SANITIZE) in $(CURDIR)
$(B)/environment: FORCE | compiler
	$(Q)mkdir -p $(@D)
	$(Q){ printf '%s\n' "$$ENVIRONMENT"; $(CC) --version | head -n 1; \
		echo '#include <sys/sdt.h>' | $(CC) $(CPPFLAGS) -E -x c - \
		>/dev/null 2>&1 && echo sys/sdt.h; } >$@.$$$$; \
		if cmp -s $@.$$$$ $@; then rm $@.$$$$; else mv $@.$$$$ $@; fi

# Compiled again when a makefile in the source's folder changes, too.
.SECONDEXPANSION:
$(B)/%.o: %.c Makefile $(B)/environment $$(wildcard $$(*D)/*.mk) | headers
	$(compile)

# Print one line with what is missing, instead of many errors.
compiler:
	@$(CC) --version >/dev/null 2>&1 || { \
		echo '$(CC): no such compiler: install the package gcc, or set' \
			'CC=' >&2; exit 1; }

headers: | compiler
	@echo '#include <uthash.h>' | $(CC) $(CPPFLAGS) -E -x c - \
		>/dev/null 2>&1 || { \
		echo 'uthash.h is missing: install the package uthash-dev' \
			>&2; exit 1; }

# $(call once,NAME,VALUE) is for a variable that runs a compiler: make expands those
# of its command line, such as PROGRAMS, for each command that it runs.
once = $(eval $(1) := $(2))$($(1))

# Each adds to TESTS, the suites of `make test`, and to PROGRAMS, which are built
# before: TESTS=... on the command line runs others.
TESTS =
PROGRAMS = all
include tests/check/check.mk tests/unit/unit.mk tests/e2e/e2e.mk \
	tests/faults/faults.mk \
	tests/transparency/transparency.mk tests/i386/i386.mk \
	tests/bench/bench.mk tests/daemons/daemons.mk \
	tests/containers/containers.mk tests/tools/tools.mk tests/fuzz/fuzz.mk tests/mutation/mutation.mk \
	tests/soak/soak.mk demo/demo.mk shim/kernel/kernel.mk \
	tests/kernel/kernel.mk shim/packaging/packaging.mk

# $(IN_ROOT_WITH) GROUPS -- COMMAND: in the private root, which has what the tests
# use.  $(HERE_OR_IN_ROOT): on this machine, where it has all that is named.
IN_ROOT_WITH = $(Q)tests/root build unit
HERE_OR_IN_ROOT = $(Q)tests/root --here-with
AGAIN = $(MAKE) --no-print-directory
RUN_TESTS = $(AGAIN) run-tests
# For make deb and make rpm, on this machine itself.
INSTALL = $(Q)tests/setup build

QUICK_PROGRAMS = all demo-build $(UNIT_TESTS) $(E2E_PROGRAMS)
QUICK_TESTS = $(CHECK_SUITES) $(UNIT_TESTS) $(E2E_SUITES) \
	$(addprefix tests/daemons/,broken no_harm)

test:
	$(IN_ROOT_WITH) e2e daemons demo bench -- $(RUN_TESTS) $(if $(QUICK), \
		TEST_QUICK=1 TESTS='$$(QUICK_TESTS)' PROGRAMS='$$(QUICK_PROGRAMS)')
test-unit:
	$(HERE_OR_IN_ROOT) cc,uthash.h,cmocka.h,python3 build unit -- \
		$(RUN_TESTS) TESTS='$$(CHECK_SUITES) $$(UNIT_TESTS)' \
		PROGRAMS='all $$(UNIT_TESTS)'
test-e2e:
	$(IN_ROOT_WITH) e2e demo -- $(RUN_TESTS) TESTS='$$(E2E_SUITES) \
		$$(TRANSPARENCY_SUITES) $$(I386_SUITES)'

# Other projects' tests, with and without the library; see tests/suites/README.md.
test-suites:
	$(IN_ROOT_WITH) suites -- $(AGAIN) test-suites-here
test-suites-here: all
	$(Q)tests/suites/run $(B)/libreplyfrom.so $(B)/suites

# Those that take longest begin first.
SLOW_TESTS_FIRST = $(filter $(LONGEST),$(TESTS)) $(filter-out $(LONGEST),$(TESTS))
LONGEST = %/install %/injected %/differences %/broken %/follow %/signals \
	%/command %/packages %/builds %/pktinfo_strip

run-tests:
	$(Q)$(AGAIN) $(if $(findstring -j,$(MAKEFLAGS)),,-j$$(nproc)) programs
	$(Q)B=$(B) tests/run $(SLOW_TESTS_FIRST)

programs: $(PROGRAMS)

# Not the private root, which took a while; make clean-root removes that.
clean:
	$(Q)[ ! -d $(B) ] || find $(B) -mindepth 1 -maxdepth 1 ! -name 'root*' \
		-exec rm -rf {} +
clean-root:
	$(Q)tests/root --remove

.PHONY: all FORCE compiler headers test test-unit test-e2e test-suites \
	test-suites-here run-tests programs clean clean-root
-include $(wildcard $(B)/shim/*/*.d $(B)/demo/*.d $(B)/tests/*/*.d)
