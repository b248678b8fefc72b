# SPDX-License-Identifier: MIT
# The unit tests: a program is one file here, tests/lib/unit.c, and those rooms of
# the shim that it is about, compiled once more with a sanitizer.  The top Makefile includes
# this; $(UNIT_TESTS) is what tests/run gets.

U = $(B)/tests/unit
# Not every compiler comes with it.
SANITIZE = -fsanitize=undefined -fno-sanitize-recover=all
# Not initial-exec: ld makes a lea of its add, by whose flags the sanitizer goes.
UNIT_CFLAGS = $(OWN_CFLAGS) -Itests/lib $(UNWIND) -UNDEBUG $(SANITIZE) \
	-fstack-protector-all -ftls-model=local-exec
UNIT_LDLIBS = -lcmocka $(LDLIBS)

PEERS_TESTS = peers peers_batch peers_bound peers_clients peers_exact peers_fork \
	peers_model peers_threads

UNIT_TESTS = $(addprefix $(U)/,config counters endpoint follow guard hook_fd hook_recv hook_send \
	hook_seccomp hook_syscall launch libc_version lock lock_before_4_14 log nearest network $(PEERS_TESTS) peers_chains \
	payload pktinfo pktinfo_strip port_list print program queue real report scratch seccomp sock spawn text_buffer unit)
PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)

# The rest of a program, and what of libc it stands in for: files of shim/, which
# are named without their folder, and of tests/unit/.
sources = $(foreach name,$(1),$(filter %/$(name).c,$(sort $(SHIM_SOURCES) \
	$(COMMAND_SOURCES))))
rooms = $(patsubst %.c,$(U)/%.o,$(sources))
props = $(patsubst %,$(U)/%.o,$(1))
# What shim/state remembers of peers, and what that needs.
SOCK_ROOMS = sock sock_connected sock_look sock_option sock_table
PEERS_ROOMS = lock peers peers_client peers_evict peers_table peers_thread pktinfo queue
PEERS = $(call rooms,$(PEERS_ROOMS)) \
	$(call props,address child clock settings story)

$(U)/config: $(call rooms,config nearest port_list quiet object real text_buffer \
	variable) $(call props,child)

$(U)/counters: $(call rooms,counters)
$(U)/counters: WRAPPED = process_vm_readv

$(U)/endpoint: $(call rooms,endpoint payload protocol)
$(U)/endpoint: WRAPPED = clock_gettime poll recvfrom sendto

$(U)/launch: | $(B)/replyfrom $(B)/libreplyfrom.so

$(U)/libc_version: $(call rooms,libc_version)

$(U)/text_buffer: $(call rooms,text_buffer)

$(U)/lock $(U)/lock_before_4_14: $(call rooms,lock) $(call props,child)
$(U)/lock: WRAPPED = nanosleep clock_gettime
$(U)/lock_before_4_14: WRAPPED = madvise

$(U)/log: $(call rooms,text_buffer lock log quiet object real) \
	$(call props,child clock settings)
$(U)/log: WRAPPED = clock_gettime pthread_sigmask sigpending sigtimedwait

$(PEERS_TESTS:%=$(U)/%): $(PEERS)
$(PEERS_TESTS:%=$(U)/%): WRAPPED = clock_gettime
$(U)/peers_chains: $(call rooms,$(PEERS_ROOMS)) $(call props,clock settings)
$(U)/peers_chains: WRAPPED = clock_gettime getrandom
$(U)/peers: $(call props,memory)
$(U)/peers: WRAPPED += calloc getrandom malloc mmap munmap realloc
$(U)/peers_model: WRAPPED += getrandom
$(U)/peers_threads: WRAPPED += lock_begin_generation queue_append queue_drop

$(U)/pktinfo: $(call rooms,pktinfo) $(call props,address control)
$(U)/pktinfo_strip: $(call rooms,pktinfo) $(call props,address control)

$(U)/guard: $(call rooms,guard)
$(U)/guard: WRAPPED = clock_gettime poll

$(U)/print: $(call rooms,print)

$(U)/program: $(call rooms,program)
$(U)/program: WRAPPED = pread

$(U)/payload: $(call rooms,payload protocol)

$(U)/network: $(call rooms,guard host network port_list process route \
	variable wildcard)
$(U)/network: WRAPPED = guard_run process_namespace

$(U)/report: $(call rooms,print report)

$(U)/unit: $(call rooms,guard spawn unit)

$(U)/spawn: $(call rooms,guard spawn)
$(U)/spawn: WRAPPED = nanosleep

$(U)/nearest: $(call rooms,nearest)

$(U)/port_list: $(call rooms,port_list variable)

$(U)/queue: $(call rooms,pktinfo queue) $(call props,address)

$(U)/real: $(call rooms,object real) $(call props,address child)
$(U)/real: WRAPPED = dlsym

$(U)/scratch: $(call rooms,scratch unwind) $(call props,memory)
$(U)/scratch: WRAPPED = mmap munmap

# A program that has a hook is hooked itself: only those that test one.
KERNEL = $(call rooms,object real) $(call props,address control kernel settings)
$(U)/sock: $(call rooms,text_buffer log $(PEERS_ROOMS) quiet $(SOCK_ROOMS)) $(KERNEL)
$(U)/sock: $(call props,child)
$(U)/sock: WRAPPED = getsockname ioctl

$(U)/hook_fd: $(call rooms,follow hook_fd text_buffer log $(PEERS_ROOMS) \
	quiet scratch seccomp $(SOCK_ROOMS)) $(KERNEL)
$(U)/hook_fd: WRAPPED = getsockname ioctl
$(U)/follow: $(call rooms,follow hook_fd text_buffer log quiet scratch \
	seccomp $(SOCK_ROOMS)) $(PEERS) $(KERNEL)
$(U)/follow: WRAPPED = clock_gettime getsockname ioctl

$(U)/seccomp: $(call rooms,object real scratch seccomp)

$(U)/hook_seccomp: $(call rooms,hook_seccomp object real scratch seccomp)

$(U)/hook_syscall: $(call rooms,hook_fd hook_recv hook_recvmmsg hook_seccomp hook_send hook_sendmmsg \
	hook_syscall)
$(U)/hook_recv: $(call rooms,hook_recv hook_recvmmsg)
$(U)/hook_send: $(call rooms,hook_send hook_sendmmsg)
$(U)/hook_recv $(U)/hook_send $(U)/hook_syscall: \
	$(call rooms,follow text_buffer log quiet scratch seccomp $(SOCK_ROOMS)) \
	$(PEERS) $(KERNEL) $(call props,memory)
$(U)/hook_recv $(U)/hook_send $(U)/hook_syscall: \
	WRAPPED = clock_gettime getsockname ioctl mmap munmap

$(UNIT_TESTS): $(U)/%: $(U)/%.o $(B)/tests/lib/unit.o
	$(say) LINK $@
	$(Q)$(CC) $(SANITIZE) $(WRAPPED:%=-Wl,--wrap=%) $(LDFLAGS) \
		-o $@ $(sort $^) $(UNIT_LDLIBS)

$(U)/%.o: FLAGS = $(UNIT_CFLAGS) $(NO_RENAMES)
$(patsubst tests/%.c,$(B)/tests/%.o,$(wildcard tests/unit/*.c tests/lib/*.c)): | cmocka
$(U)/shim/%.o: shim/%.c Makefile $(B)/environment tests/unit/unit.mk | headers
	$(compile)

cmocka:
	@echo '#include <cmocka.h>' | $(CC) $(CPPFLAGS) -include setjmp.h \
		-include stdarg.h -include stddef.h -include stdint.h -E -x c - \
		>/dev/null 2>&1 || { \
		echo 'cmocka.h is missing: install the package libcmocka-dev' \
			>&2; exit 1; }

.PHONY: cmocka
-include $(wildcard $(U)/shim/*/*.d)
