# SPDX-License-Identifier: MIT
# make kernel      builds build/replyfrom-kernel, the engine in the kernel; needs
#                  clang, bpftool and libbpf-dev, which nothing else here does

ENGINE_CLANG = clang
# It is in /usr/sbin, which users other than root may not have in their PATH.
ENGINE_BPFTOOL = PATH=$$PATH:/usr/sbin bpftool
# As libbpf names it, for where a traced function's arguments are.
ENGINE_ARCH = $(shell $(CC) -dumpmachine | sed 's/-.*//; s/x86_64/x86/; \
	s/aarch64/arm64/; s/s390x/s390/; s/riscv64/riscv/')
ENGINE_LDLIBS = -lbpf
ENGINE_PARTS = attach load namespaces scope

kernel: $(B)/replyfrom-kernel

$(B)/kernel/engine.bpf.o: shim/kernel/engine.bpf.c $(wildcard shim/kernel/*.h) \
		shim/kernel/kernel.mk
	$(say) BPF $@
	$(Q)mkdir -p $(@D)
	$(Q)$(ENGINE_CLANG) -O2 -g -target bpf -mcpu=v3 -D__TARGET_ARCH_$(ENGINE_ARCH) \
		-Wall -Wextra -Wno-unused-parameter \
		-Ishim -I/usr/include/$(shell $(CC) -dumpmachine) \
		-ffile-prefix-map=$(CURDIR)=. -c -o $@ $<

$(B)/kernel/engine.skel.h: $(B)/kernel/engine.bpf.o
	$(say) SKEL $@
	$(Q)$(ENGINE_BPFTOOL) gen skeleton $< name engine >$@.new
	$(Q)mv -f $@.new $@

$(B)/kernel/%.o: shim/kernel/%.c $(wildcard shim/kernel/*.h) \
		$(B)/kernel/engine.skel.h $(B)/environment
	$(say) CC $<
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(OWN_CFLAGS) -isystem $(B)/kernel -c -o $@ $<

$(B)/replyfrom-kernel: $(ENGINE_PARTS:%=$(B)/kernel/%.o)
	$(say) LINK $@
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(ENGINE_LDLIBS)

.PHONY: kernel
