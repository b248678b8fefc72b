# SPDX-License-Identifier: MIT
# make test-kernel                   tries the engine on Debian's kernels, in qemu
# make test-kernel KERNELS=bookworm  on some of them only

KERNELS = bookworm trixie sid
ENGINE_PROGRAMS = kernel $(addprefix $(B)/tests/e2e/,echo puppet) $(B)/tests/kernel/cost $(E2E_STATIC) \
	$(E2E_URING) $(if $(shell command -v go),$(B)/tests/kernel/echo_go)

test-kernel:
	$(IN_ROOT_WITH) e2e demo kernel -- $(AGAIN) run-test-kernel

run-test-kernel: all $(ENGINE_PROGRAMS)
	$(Q)B=$(B) tests/run $(KERNELS:%=tests/kernel/on_%)

$(B)/tests/kernel/echo_go: tests/kernel/echo.go
	$(say) GO $@
	$(Q)mkdir -p $(@D)
	$(Q)CGO_ENABLED=0 go build -trimpath -o $@ $<

$(B)/tests/kernel/cost: %: %.o
	$(link)

.PHONY: test-kernel run-test-kernel
