/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A program of nothing but the header and the compiler, without a C library, for x86-64 Linux.
 * Exits with 0, or with the number of the check that failed.
 */
#define ATOMIK_IMPLEMENTATION
#include "atomik_core.h"

#if __STDC_HOSTED__
#error "this is about an environment without a C library"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Compilers rely on these four everywhere. Volatile keeps the compiler from turning them into calls
 * of themselves.
 */
void *memset(void *to, int value, size_t n);
void *memcpy(void *to, const void *from, size_t n);
void *memmove(void *to, const void *from, size_t n);
int memcmp(const void *a, const void *b, size_t n);
int run(void);

void *memset(void *to, int value, size_t n)
{
	volatile unsigned char *p = (volatile unsigned char *)to;

	while (n-- > 0)
		*p++ = (unsigned char)value;
	return to;
}

void *memcpy(void *to, const void *from, size_t n)
{
	volatile unsigned char *p = (volatile unsigned char *)to;
	const volatile unsigned char *q = (const volatile unsigned char *)from;

	while (n-- > 0)
		*p++ = *q++;
	return to;
}

void *memmove(void *to, const void *from, size_t n)
{
	volatile unsigned char *p = (volatile unsigned char *)to;
	const volatile unsigned char *q = (const volatile unsigned char *)from;

	if ((uintptr_t)to < (uintptr_t)from)
		return memcpy(to, from, n);
	while (n-- > 0)
		p[n] = q[n];
	return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const volatile unsigned char *p = (const volatile unsigned char *)a;
	const volatile unsigned char *q = (const volatile unsigned char *)b;

	for (; n > 0; n--, p++, q++) {
		int difference = *p - *q;

		if (difference != 0)
			return difference;
	}
	return 0;
}

static uint64_t memory[ATOMIK_TABLE_WORDS(256)];

int run(void)
{
	static const unsigned char data[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
	atomik_table_t t;
	atomik_fingerprint_t fp;
	atomik_ctx_t c;
	uint64_t state;

	if (atomik_table_init_in(&t, memory, 256, 64) != ATOMIK_OK)
		return 1;
	if (atomik_table_load(&t, 0, 0xCAFEBABE) != ATOMIK_OK)
		return 2;
	if (atomik_table_accum(&t, 0, 1) != ATOMIK_OK || atomik_table_read(&t, 0) != 0xCAFEBABF)
		return 3;
	if (atomik_table_rollback(&t, 0, 1) != ATOMIK_OK || atomik_table_swap(&t, 0) != 0xCAFEBABE)
		return 4;
	state = 1;
	if (atomik_table_compare_exchange(&t, 0, &state, 2) != ATOMIK_ECANCELED ||
	    atomik_table_compare_exchange(&t, 0, &state, 2) != ATOMIK_OK || state != 0xCAFEBABE)
		return 9;
	if (atomik_table_read(&t, 256) != 0 || atomik_table_error(&t) != ATOMIK_EINVAL)
		return 5;
	atomik_table_free(&t);
	atomik_fp_init(&fp);
	if (atomik_fp_load(&fp, data, sizeof(data)) != UINT64_C(0x0807060504030208))
		return 6;
	if (atomik_fp_update(&fp, data, 8) != UINT64_C(0x0807060504030201) || !atomik_fp_changed(&fp))
		return 7;
	atomik_init(&c);
	atomik_accum(&c, 5);
	if (atomik_is_clean(&c) || atomik_swap(&c) != 5)
		return 8;
	return 0;
}

#ifdef __cplusplus
}
#endif

__asm__(".globl _start\n"
	"_start:\n"
	"	xorl %ebp, %ebp\n"
	"	andq $-16, %rsp\n"
	"	call run\n"
	"	movl %eax, %edi\n"
	"	movl $60, %eax\n"
	"	syscall\n");
