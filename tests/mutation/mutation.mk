# SPDX-License-Identifier: MIT
# make mutation   plants bugs in a copy of shim/: the unit tests find each

mutation:
	$(IN_ROOT_WITH) e2e -- tests/mutation/run

.PHONY: mutation
