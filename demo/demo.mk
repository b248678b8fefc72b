# SPDX-License-Identifier: MIT
# make demo    shows the problem and the cure; see demo/run

DEMO_PROGRAMS = $(B)/demo/echo_client $(B)/demo/echo_server
PROGRAMS += demo-build

demo:
	$(HERE_OR_IN_ROOT) cc,uthash.h,ip,unshare build demo -- $(AGAIN) run-demo

# One after the other: what it shows is built first.
run-demo:
	$(Q)$(AGAIN) demo-build
	$(Q)B=$(B) demo/run

demo-build: all $(DEMO_PROGRAMS) $(B)/demo/keep_groups.so
	@:

$(DEMO_PROGRAMS): %: %.o
	$(say) LINK $@
	$(Q)$(CC) $(LDFLAGS) -o $@ $^

$(B)/demo/keep_groups.so: $(B)/demo/keep_groups.o
	$(say) LINK $@
	$(Q)$(CC) -shared $(LDFLAGS) -o $@ $^

$(B)/demo/%.o: FLAGS = $(OWN_CFLAGS) -fPIC

.PHONY: demo run-demo demo-build
