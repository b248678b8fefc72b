# SPDX-License-Identifier: MIT
# make check   formatters, linters, tests/check/floors and names, as errors
# make shape   how long functions and files are; fails when that is too long

CHECK_SUITES = tests/check/tested
TESTS += $(CHECK_SUITES)

C_FILES = $(wildcard shim/*/*.[ch] demo/*.[ch] tests/*/*.[ch])
# For the kernel: clang compiles it, and the bench says how that went.
LINTED = $(filter-out %.bpf.c,$(filter %.c,$(C_FILES)))
SCRIPTS = .ci/run demo/lab demo/run shim/completions/replyfrom.bash \
	tests/containers/everyday.sh tests/daemons/clients/tftp_files \
	tests/fuzz/run tests/kernel/kernels tests/kernel/on tests/kernel/vm \
	tests/i386/calls tests/i386/differences tests/i386/status tests/root tests/setup \
	tests/check/tidy tests/suites/run shim/packaging/changelog \
	shim/packaging/prerm.in shim/packaging/prerm-kernel shim/packaging/version
# cppcheck takes _Thread_local for a type, and ElfW for a function.
CPPCHECK = cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 \
	--enable=warning,style,performance,portability \
	--suppress=missingIncludeSystem -Ishim -D_GNU_SOURCE -D_Thread_local= \
	-D'ElfW(type)=Elf64_\#\#type'
TIDY_FLAGS = -std=gnu11 -D_GNU_SOURCE -Ishim -Itests/unit -Itests/lib -DLAB='""' \
	-DHERE='""' -DNAME='""' -DVERSION='""' \
	-isystem $(B)/kernel

check:
	$(IN_ROOT_WITH) e2e check -- $(AGAIN) check-here

check-here:
	$(say) FLOORS
	$(Q)tests/check/floors
	$(say) NAMES
	$(Q)tests/check/names
	$(say) FORMAT
	$(Q)clang-format --dry-run -Werror $(C_FILES)
	$(say) SHELL
	$(Q)shellcheck $(SCRIPTS)
	$(say) CPP
	$(Q)$(CPPCHECK) $(LINTED)
	$(Q)$(MAKE) --no-print-directory kernel
	$(say) TIDY
	$(Q)printf '%s\n' $(LINTED) | xargs -P $$(nproc) -I@ \
		tests/check/tidy @ $(TIDY_FLAGS)
	$(Q)for cc in gcc clang; do \
		$(MAKE) --no-print-directory B=$(B)/check/$$cc CC=$$cc \
			say=@: CFLAGS='$(CFLAGS) -Werror' programs || exit 1; done

shape:
	@tests/check/shape

.PHONY: check check-here shape
