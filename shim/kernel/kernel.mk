# SPDX-License-Identifier: MIT
# make kernel      builds build/replyfrom-kernel, the engine in the kernel; needs
#                  clang, bpftool and libbpf-dev, which nothing else here does

ENGINE_CLANG = clang
ENGINE_LDLIBS = -lbpf

kernel: $(B)/replyfrom-kernel

$(B)/kernel/engine.bpf.o: shim/kernel/engine.bpf.c $(wildcard shim/kernel/*.h) \
		shim/kernel/kernel.mk
	$(say) BPF $@
	$(Q)mkdir -p $(@D)
	$(Q)$(ENGINE_CLANG) -O2 -g -target bpf -mcpu=v3 -D__TARGET_ARCH_x86 \
		-Wall -Wextra -Wno-unused-parameter \
		-Ishim -I/usr/include/$(shell $(CC) -dumpmachine) \
		-ffile-prefix-map=$(CURDIR)=. -c -o $@ $<

$(B)/kernel/engine.skel.h: $(B)/kernel/engine.bpf.o
	$(say) SKEL $@
	$(Q)bpftool gen skeleton $< name engine >$@.new
	$(Q)mv -f $@.new $@

$(B)/kernel/attach.o: shim/kernel/attach.c shim/kernel/engine.h \
		$(B)/kernel/engine.skel.h $(B)/environment
	$(say) CC $<
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(OWN_CFLAGS) -isystem $(B)/kernel -c -o $@ $<

$(B)/replyfrom-kernel: $(B)/kernel/attach.o
	$(say) LINK $@
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(ENGINE_LDLIBS)

.PHONY: kernel
