/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A page that somebody else changes between any two accesses, without the chance of a race: no
 * instruction may touch it. One that tries is stopped, and finds what the test has put there for
 * this time; then the page is closed again (x86's single step). To be included before other headers.
 */
#ifndef GUARDED_H
#define GUARDED_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* REG_EFL */
#endif
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "check.h"

enum { SIZE = 4096, TRAP_FLAG = 0x100 };

static unsigned char *guarded;
/* Compilers don't know that handlers use these. */
static volatile unsigned touches;
/* Changes the page before the instruction with this number, from 0, touches it. */
static void (*volatile change)(unsigned touch);

static void touched(int number, siginfo_t *info, void *context)
{
	ucontext_t *thread = (ucontext_t *)context;
	unsigned char *at = (unsigned char *)info->si_addr;

	if (at < guarded || at >= guarded + SIZE) {
		signal(number, SIG_DFL);
		return;
	}
	mprotect(guarded, SIZE, PROT_READ | PROT_WRITE);
	change(touches);
	touches = touches + 1;
	thread->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
}

static void stepped(int number, siginfo_t *info, void *context)
{
	ucontext_t *thread = (ucontext_t *)context;

	(void)number;
	(void)info;
	mprotect(guarded, SIZE, PROT_NONE);
	thread->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
}

static void on(int number, void (*handler)(int, siginfo_t *, void *))
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_sigaction = handler;
	action.sa_flags = SA_SIGINFO;
	CHECK(sigaction(number, &action, NULL) == 0);
}

static void *a_page(void)
{
	void *made = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(made != MAP_FAILED);
	return made;
}

/* Makes the page, open. */
static void make_page(void)
{
	guarded = (unsigned char *)a_page();
	on(SIGSEGV, touched);
	on(SIGTRAP, stepped);
}

/* Closes the page; from here on it changes. */
static void close_page(void (*changes)(unsigned))
{
	change = changes;
	touches = 0;
	mprotect(guarded, SIZE, PROT_NONE);
}

/* Opens the page again. */
static void open_page(void)
{
	mprotect(guarded, SIZE, PROT_READ | PROT_WRITE);
}

#endif
