/* SPDX-License-Identifier: MIT */
/* Makes a UDP socket by a system call of its own, as Go's runtime does. */
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>

int main(void)
{
	long fd = SYS_socket;

#ifdef __x86_64__
	register long protocol __asm__("rdx") = IPPROTO_UDP;

	__asm__ volatile("syscall"
			 : "+a"(fd)
			 : "D"(AF_INET), "S"(SOCK_DGRAM), "r"(protocol)
			 : "rcx", "r11", "memory");
#endif
	return fd < 0;
}
