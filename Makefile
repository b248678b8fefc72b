# SPDX-License-Identifier: MIT
# make         builds build/libreplyfrom.so and build/replyfrom
# make demo    shows the problem and the cure
# make test    runs all tests: test-unit, test-e2e, test-daemons
# make check   formatters and linters, as errors
# V=1 shows the commands.

PREFIX = /usr/local
LIBDIR = $(PREFIX)/lib
BINDIR = $(PREFIX)/bin

CFLAGS = -O2 -g
WARNINGS = -Wall -Wextra -Wshadow -Wmissing-prototypes -Wconversion -Wvla
OWN_CFLAGS = -std=gnu11 -D_GNU_SOURCE $(WARNINGS) -MMD -MP
# _FORTIFY_SOURCE: clang then drops an exported recvfrom, silently.
SHIM_CFLAGS = $(OWN_CFLAGS) -fPIC -fvisibility=hidden -ftls-model=initial-exec
SHIM_LDFLAGS = -shared -Wl,-z,defs,-z,now,-z,relro,-z,noexecstack \
	-Wl,-soname,libreplyfrom.so
NO_FORTIFY = -U_FORTIFY_SOURCE
LDLIBS = -ldl -pthread

B = build
SHIM = config hook_fd hook_recv hook_send lock log peers pktinfo queue real \
	scratch sock
SHIM_OBJECTS = $(SHIM:%=$(B)/shim/%.o)

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

$(B)/replyfrom: $(B)/shim/launch.o
	$(say) LINK $@
	$(Q)$(CC) $(LDFLAGS) -o $@ $^

$(B)/shim/launch.o: SHIM_CFLAGS = $(OWN_CFLAGS) -DLIBDIR='"$(LIBDIR)"'

$(B)/shim/%.o: shim/%.c Makefile | headers
	$(say) CC $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(SHIM_CFLAGS) $(NO_FORTIFY) -c -o $@ $<

# One line that names the package, rather than a compiler's page of errors.
headers:
	@echo '#include <uthash.h>' | $(CC) $(CPPFLAGS) -E -x c - \
		>/dev/null 2>&1 || { \
		echo 'uthash.h is missing: install the package uthash-dev' \
			>&2; exit 1; }

clean:
	rm -rf $(B)

.PHONY: all headers clean
-include $(wildcard $(B)/*/*.d)
