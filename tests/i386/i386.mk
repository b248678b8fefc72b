# SPDX-License-Identifier: MIT
# End-to-end and transparency tests of 32-bit programs with 64-bit time, which
# call functions with other names.  Left out if the compiler cannot build them.

I386 = $(B)/i386
# Kernel headers are this machine's; libc's come with gcc-multilib.
I386_CC = $(CC) -m32 -idirafter /usr/include/$(shell $(CC) -dumpmachine 2>/dev/null)
I386_SUITES = $(call once,I386_SUITES,$(if $(shell echo 'int main(void) { return 0; }' | \
	$(I386_CC) -include sys/socket.h -x c -o /dev/null - 2>/dev/null && \
	echo yes),$(addprefix tests/i386/,calls differences status)))
I386_PROGRAMS = $(if $(I386_SUITES),$(I386)/built)
PROGRAMS += $(I386_PROGRAMS)
TESTS += $(I386_SUITES)

# A make of its own decides what has to be built.
$(I386)/built: FORCE
	$(Q)$(MAKE) --no-print-directory B=$(I386) CC='$(I386_CC)' \
		CFLAGS='$(CFLAGS) -Wno-psabi' \
		CPPFLAGS='$(CPPFLAGS) -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64' \
		all $(addprefix $(I386)/tests/,e2e/binder e2e/echo e2e/puppet e2e/threads \
		transparency/differ transparency/libplanted.so)

FORCE:
.PHONY: FORCE
