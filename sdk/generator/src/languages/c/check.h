/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the tests of all objects have in common. */
#ifndef CHECK_H
#define CHECK_H

#include <atomik/object.h>

#include <stdio.h>

#ifdef TEST_TABLE
#define ATOMIK_STATIC
#include <atomik/table.h>
#endif

static int failures;
/* Of the objects under test. There is none where they are in the process. */
static atomikobj_store_t store;

static void check(bool holds, const char *name, int step)
{
	if (!holds) {
		printf("%s%s, step %d\n", store.run != NULL ? "in a table, " : "", name, step);
		failures++;
	}
}

#ifdef TEST_TABLE
/* The cases once more, with the second of three objects of a table. */
static void check_in_table(void (*cases)(void), size_t contexts)
{
	atomik_table_t table;
	size_t at;

	check(atomik_table_init(&table, 3 * contexts) == 0, "a table", 0);
	for (at = 0; at < 3 * contexts; at++)
		check(atomik_table_load(&table, at, ~(uint64_t)at) == 0, "load", 0);
	store = atomikobj_on_table(&table);
	cases();
	check(atomik_table_error(&table) == 0, "an error of the table", 0);
	for (at = 0; at < 3 * contexts; at++) {
		if (at < contexts || at >= 2 * contexts)
			check(atomik_table_read(&table, at) == ~(uint64_t)at, "another object", 0);
	}
	atomik_table_free(&table);
}
#endif

static int check_all(void (*cases)(void), size_t contexts)
{
	cases();
#ifdef TEST_TABLE
	check_in_table(cases, contexts);
#else
	(void)contexts;
#endif
	return failures != 0;
}

#endif
