# SPDX-License-Identifier: MIT
# make test-daemons   Debian's own servers, with the library and without

DAEMON_TESTS = $(addprefix tests/daemons/,broken no_harm questions)
TESTS += $(DAEMON_TESTS)

test-daemons:
	$(IN_ROOT_WITH) e2e daemons -- $(RUN_TESTS) TESTS='$$(DAEMON_TESTS)' \
		PROGRAMS=all

.PHONY: test-daemons
