# SPDX-License-Identifier: MIT
# make test-kernel                   tries the engine on Debian's kernels, in qemu
# make test-kernel KERNELS=bookworm  on some of them only; SECURITY= leaves out what
#                                    the command says of SELinux and AppArmor
# make bench-kernel                  what it costs, on the first of them: see
#                                    tests/bench/NOTES.md

KERNELS = bookworm trixie sid
SECURITY = selinux apparmor
ENGINE_PROGRAMS = kernel $(addprefix $(B)/tests/e2e/,echo puppet) $(E2E_STATIC) \
	$(E2E_URING) $(if $(shell command -v go),$(B)/tests/kernel/echo_go) \
	$(if $(shell command -v rustc),$(B)/tests/kernel/echo_rust)

test-kernel:
	$(IN_ROOT_WITH) e2e demo kernel -- $(AGAIN) run-test-kernel

run-test-kernel: all $(ENGINE_PROGRAMS)
	$(Q)B=$(B) tests/run $(addprefix tests/kernel/on_,$(KERNELS) $(SECURITY))

bench-kernel:
	$(IN_ROOT_WITH) kernel -- $(AGAIN) run-bench-kernel

# By one processor, whose clock counts instructions.
run-bench-kernel: all kernel $(B)/tests/kernel/cost
	$(Q)unpacked=$$(tests/kernel/kernels $(firstword $(KERNELS))) || \
		{ echo "$$unpacked" >&2; exit 1; }; \
		VM_ICOUNT=0 VM_CPUS=1 B=$(B) tests/kernel/vm "$$unpacked" tests/kernel/bench

$(B)/tests/kernel/echo_go: tests/kernel/echo.go
	$(say) GO $@
	$(Q)mkdir -p $(@D)
	$(Q)CGO_ENABLED=0 go build -trimpath -o $@ $<

$(B)/tests/kernel/echo_rust: tests/daemons/lang/echo.rs
	$(say) RUSTC $@
	$(Q)mkdir -p $(@D)
	$(Q)rustc -O -C target-feature=+crt-static -o $@ $<

$(B)/tests/kernel/cost: %: %.o
	$(link)

.PHONY: test-kernel run-test-kernel bench-kernel run-bench-kernel
