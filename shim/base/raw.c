/* SPDX-License-Identifier: MIT */
/* Enters the kernel, by architecture.  syscall(2), "Architecture". */
#include "base/raw.h"

#include <errno.h>

/* -1 to -4095 are errors.  syscall(2). */
#define MOST_ERRNO 4095

static long enter_kernel(long number, const long a[RAW_ARGUMENTS])
{
#if defined(__x86_64__)
	register long r10 __asm__("r10") = a[3];
	register long r8 __asm__("r8") = a[4];
	register long r9 __asm__("r9") = a[5];
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a[0]), "S"(a[1]), "d"(a[2]),
			   "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
#elif defined(__i386__)
	/* %ebx and %ebp are reserved: both get their values from `in`. */
	const long in[] = { a[0], a[5] };
	long result;

	__asm__ volatile("push %%ebx; push %%ebp; mov 4(%%ebx), %%ebp;"
			 "mov (%%ebx), %%ebx; int $0x80; pop %%ebp; pop %%ebx"
			 : "=a"(result)
			 : "a"(number), "b"(in), "c"(a[1]), "d"(a[2]),
			   "S"(a[3]), "D"(a[4])
			 : "memory");
	return result;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a[0];
	register long x1 __asm__("x1") = a[1];
	register long x2 __asm__("x2") = a[2];
	register long x3 __asm__("x3") = a[3];
	register long x4 __asm__("x4") = a[4];
	register long x5 __asm__("x5") = a[5];

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
#elif defined(__riscv)
	register long a7 __asm__("a7") = number;
	register long a0 __asm__("a0") = a[0];
	register long a1 __asm__("a1") = a[1];
	register long a2 __asm__("a2") = a[2];
	register long a3 __asm__("a3") = a[3];
	register long a4 __asm__("a4") = a[4];
	register long a5 __asm__("a5") = a[5];

	__asm__ volatile("ecall"
			 : "+r"(a0)
			 : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5)
			 : "memory");
	return a0;
#elif defined(__s390x__)
	register long r1 __asm__("1") = number;
	register long r2 __asm__("2") = a[0];
	register long r3 __asm__("3") = a[1];
	register long r4 __asm__("4") = a[2];
	register long r5 __asm__("5") = a[3];
	register long r6 __asm__("6") = a[4];
	register long r7 __asm__("7") = a[5];

	__asm__ volatile("svc 0"
			 : "+d"(r2)
			 : "d"(r1), "d"(r3), "d"(r4), "d"(r5), "d"(r6), "d"(r7)
			 : "memory");
	return r2;
#else
	(void)number;
	(void)a;
	return -ENOSYS;
#endif
}

long raw_call(long number, const long arguments[RAW_ARGUMENTS])
{
	long result = enter_kernel(number, arguments);

	if (result >= 0 || result < -MOST_ERRNO)
		return result;
	errno = (int)-result;
	return -1;
}
