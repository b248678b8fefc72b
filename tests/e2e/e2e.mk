# SPDX-License-Identifier: MIT
# Facts about this kernel and libc, and end-to-end tests of the library.  E2E_SUITES
# need E2E_PROGRAMS and `all`, and find them with B from the environment.  With
# E2E_SHIMMED=REPLYFROM_DISABLE=1 in the environment they have to fail.

FACT_SUITES = $(addprefix $(B)/tests/facts/,control dualstack loading meminfo probe \
	sources)
FACT_LIBRARIES = $(addprefix $(B)/tests/facts/lib,first.so second.so)
FACT_CFLAGS = $(OWN_CFLAGS) -Itests/lib -DLAB='"$(CURDIR)/demo/lab"' \
	-DHERE='"$(abspath $(B))/tests/facts"'

E2E_SERVERS = $(addprefix $(B)/tests/e2e/,cancel cramped daytime deep_threads \
	echo forks hazards interrupted midway ring sandboxed signals stack strangers stream stress \
	tcp_echo threads)
E2E_LONE = $(addprefix $(B)/tests/e2e/,binder echo_client puppet raw)
# Without a Go compiler their tests are skipped.
E2E_GO = $(if $(shell command -v go),$(addprefix $(B)/tests/e2e/,echo_go listen_go))
# Without a static libc its test is skipped.
E2E_STATIC = $(call once,E2E_STATIC,$(if $(shell echo 'int main(void) { return 0; }' | \
	$(CC) -static -x c -o /dev/null - 2>/dev/null && echo yes),$(B)/tests/e2e/echo_static))
# Without liburing its test is skipped.
E2E_URING = $(if $(wildcard /usr/include/liburing.h),$(B)/tests/e2e/uring)
E2E_LIBRARIES = $(addprefix $(B)/tests/e2e/lib,allocator.so early.so late.so \
	missing.so plugin.so)
E2E_PROGRAMS = $(FACT_SUITES) $(FACT_LIBRARIES) $(E2E_SERVERS) $(E2E_LONE) \
	$(E2E_LIBRARIES) $(E2E_GO) $(E2E_STATIC) $(E2E_URING)
E2E_SUITES = $(FACT_SUITES) $(addprefix tests/e2e/,addresses answers beside calls clients \
	command completions crowd deepbind demo follow forks hazards hostile install learning \
	lifetime limits \
	lines loading manual mistakes order packaging privilege probes programs readme sandbox \
	signals status \
	stress syscalls threads transparency units uplinks variables workflows)
PROGRAMS += $(E2E_PROGRAMS)
TESTS += $(E2E_SUITES)

$(filter-out %/loading,$(FACT_SUITES)): $(B)/tests/facts/lab.o
$(FACT_SUITES): %: %.o $(B)/tests/lib/unit.o
	$(say) LINK $@
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lcmocka $(LDLIBS)

$(B)/tests/facts/%.o: FLAGS = $(FACT_CFLAGS)
$(FACT_SUITES:%=%.o) $(B)/tests/facts/lab.o: tests/e2e/e2e.mk

$(B)/tests/facts/lib%.so: tests/facts/constructor.c tests/e2e/e2e.mk
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(OWN_CFLAGS) -fPIC -shared \
		-DNAME='"$*"' $(LDFLAGS) -o $@ $<

$(E2E_SERVERS): $(B)/tests/e2e/server.o

$(B)/tests/e2e/uring: $(B)/tests/e2e/uring.o $(B)/tests/e2e/server.o
	$(say) LINK $@
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -luring $(LDLIBS)

$(B)/tests/e2e/echo_static: $(B)/tests/e2e/echo.o $(B)/tests/e2e/server.o
	$(say) LINK $@
	$(Q)$(CC) -static $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(B)/tests/e2e/puppet: $(addprefix $(B)/tests/e2e/,fortified.o indirect.o)
# It looks up its own functions by name.
$(B)/tests/e2e/puppet: LDFLAGS += -rdynamic
# Lazy binding would need stack as well.
$(B)/tests/e2e/stack: LDFLAGS += -Wl,-z,now
$(E2E_SERVERS) $(E2E_LONE): %: %.o
	$(link)

$(B)/tests/e2e/fortified.o: FLAGS += -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2

$(E2E_LIBRARIES): $(B)/tests/e2e/lib%.so: tests/e2e/%.c tests/e2e/e2e.mk
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(OWN_CFLAGS) -fPIC -shared \
		$(LDFLAGS) -o $@ $< $(LDLIBS)

$(B)/tests/e2e/listen_go: tests/kernel/echo.go
$(B)/tests/e2e/echo_go: tests/e2e/echo.go
$(B)/tests/e2e/echo_go $(B)/tests/e2e/listen_go:
	$(say) GO $@
	$(Q)mkdir -p $(@D)
	$(Q)GOCACHE=$(abspath $(B))/go-cache GO111MODULE=off go build -o $@ $<
