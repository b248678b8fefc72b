# SPDX-License-Identifier: MIT
# The same for 32-bit programs with 64-bit time, whose calls have names of their
# own.  Where this compiler makes no 32-bit programs there are no such tests.

I386 = $(B)/i386
# The kernel's headers are those of the machine; libc's are in gcc-multilib's.
I386_CC = $(CC) -m32 -idirafter /usr/include/$(shell $(CC) -dumpmachine 2>/dev/null)
I386_SUITES = $(if $(shell echo 'int main(void) { return 0; }' | \
	$(I386_CC) -include sys/socket.h -x c -o /dev/null - 2>/dev/null && \
	echo yes),$(addprefix tests/i386/,calls differences))
I386_PROGRAMS = $(if $(I386_SUITES),$(I386)/built)
PROGRAMS += $(I386_PROGRAMS)
TESTS += $(I386_SUITES)

# As a make of its own: what is to be done it knows itself.
$(I386)/built: FORCE
	$(Q)$(MAKE) --no-print-directory B=$(I386) CC='$(I386_CC)' \
		CFLAGS='$(CFLAGS) -Wno-psabi' \
		CPPFLAGS='$(CPPFLAGS) -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64' \
		all $(addprefix $(I386)/tests/,e2e/binder e2e/echo e2e/puppet \
		transparency/differ transparency/libplanted.so)

FORCE:
.PHONY: FORCE
