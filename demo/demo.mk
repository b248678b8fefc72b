# SPDX-License-Identifier: MIT
# make demo    shows the problem and the cure; see demo/run

DEMO_PROGRAMS = $(B)/demo/echo_client $(B)/demo/echo_server

# One after the other: what is missing to build has to be installed first.
demo:
	$(Q)tests/setup build demo || :
	$(Q)$(MAKE) --no-print-directory demo-build
	$(Q)B=$(B) demo/run

demo-build: all $(DEMO_PROGRAMS) $(B)/demo/keep_groups.so
	@:

$(DEMO_PROGRAMS): %: %.o
	$(say) LINK $@
	$(Q)$(CC) $(LDFLAGS) -o $@ $^

$(B)/demo/keep_groups.so: $(B)/demo/keep_groups.o
	$(say) LINK $@
	$(Q)$(CC) -shared $(LDFLAGS) -o $@ $^

$(B)/demo/%.o: demo/%.c Makefile demo/demo.mk
	$(say) CC $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(OWN_CFLAGS) -fPIC -c -o $@ $<

.PHONY: demo demo-build
