# SPDX-License-Identifier: MIT
# make mutation   plants bugs in a copy of shim/: the unit tests find each

mutation:
	$(INSTALL)
	$(Q)tests/mutation/run

.PHONY: mutation
