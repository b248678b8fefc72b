# SPDX-License-Identifier: MIT
# make test-containers  tries the library in containers, on other libcs and
#                       machines, and as other compilers build it
# make test-clean-debian  of these, only the one that tries it in Debian with what
#                         tests/README.md lists and no more
# make test-upgrade     upgrades Debian 12 to 13 with it in /etc/ld.so.preload

CONTAINER_SUITES = $(addprefix tests/containers/,builds clean matrix packages)
CONTAINER_PROGRAMS = $(addprefix $(B)/tests/containers/,message_echo \
	old_kernel.so) $(addprefix $(B)/tests/e2e/,binder libplugin.so)

test-containers:
	$(IN_ROOT_WITH) e2e demo containers packaging -- \
		$(RUN_TESTS) TESTS='$$(CONTAINER_SUITES)'

# In roots of its own.
test-clean-debian:
	$(Q)B=$(B) tests/run tests/containers/clean

# As root, with the network, for a quarter of an hour; .ci/run leaves it out.
test-upgrade:
	$(HERE_OR_IN_ROOT) mmdebstrap,podman,runc,python3 containers -- \
		$(RUN_TESTS) TESTS=tests/containers/upgrade

# What the suites build of each kind, with B, CC and so on of their own.
built-servers: demo-build $(CONTAINER_PROGRAMS)
built-tests: built-servers $(UNIT_TESTS)

$(B)/tests/containers/message_echo: $(B)/tests/containers/message_echo.o \
		$(B)/tests/e2e/server.o
	$(link)

$(B)/tests/containers/%.so: $(B)/tests/containers/%.o
	$(say) LINK $@
	$(Q)$(CC) -shared $(LDFLAGS) -o $@ $< $(LDLIBS)

$(B)/tests/containers/%.o: FLAGS = $(OWN_CFLAGS) -fPIC

.PHONY: test-containers test-clean-debian test-upgrade built-servers built-tests
