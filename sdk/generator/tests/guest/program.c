/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The same as program.rs. The table's id is one argument more, behind the descriptor. */
#define ATOMIK_STATIC
#define ATOMIK_DEVICE
#include <atomik/table.h>
#include <atomik/system/tests/shared.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static atomik_table_t table;
static atomik_shared_t object;

static void fail(const char *text)
{
	fprintf(stderr, "%s; the table's error is %d\n", text, atomik_table_error(&table));
	exit(1);
}

static void check(bool holds, const char *text)
{
	if (!holds || atomik_table_error(&table) != 0)
		fail(text);
}

static atomikobj_u256_t four(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	atomikobj_u256_t value = { { a, b, c, d } };

	return value;
}

static void whole(void)
{
	uint64_t states[ATOMIK_SHARED_CONTEXTS];
	const uint64_t *quad = states + 4;

	atomik_shared_contexts(&object, states);
	check(quad[0] == quad[1] && quad[1] == quad[2] && quad[2] == quad[3], "torn words");
	check(states[8] == ~states[9], "torn fields");
}

static void count_round(void)
{
	atomik_shared_expected_t expected;
	atomik_shared_update_t values;

	memset(&expected, 0, sizeof(expected));
	memset(&values, 0, sizeof(values));
	expected.has_counter = values.has_counter = true;
	do {
		expected.value_counter = atomik_shared_read_counter(&object);
		values.value_counter = expected.value_counter + 1;
		check(true, "counter");
	} while (!atomik_shared_compare_update(&object, &expected, &values));
}

static void finish(void)
{
	atomik_shared_expected_t expected;
	atomik_shared_update_t values;

	memset(&expected, 0, sizeof(expected));
	memset(&values, 0, sizeof(values));
	expected.has_done = values.has_done = true;
	do {
		expected.value_done = atomik_shared_read_done(&object);
		values.value_done = (uint8_t)(expected.value_done + 1);
		check(true, "done");
	} while (!atomik_shared_compare_update(&object, &expected, &values));
}

static void do_round(uint64_t program, uint64_t number)
{
	const uint64_t mark = (program << 32) | number;
	const unsigned bit = (unsigned)(3 * (number % 42) + program);
	atomik_shared_update_t values;
	atomikobj_u256_t quad;

	(void)atomik_shared_set_quad(&object, four(mark, mark, mark, mark));
	quad = atomik_shared_read_quad(&object);
	check(memcmp(quad.word, quad.word + 1, 24) == 0, "torn words of a read");
	whole();

	(void)atomik_shared_accum_sum(&object, four(mark, ~mark, mark << 1, mark ^ 0x5555));
	(void)atomik_shared_accum_sum(&object, four(mark, mark, mark, mark));
	check(atomik_shared_rollback(&object, 1) == 1, "rollback");

	memset(&values, 0, sizeof(values));
	values.has_quad = values.has_left = values.has_right = true;
	values.value_quad = four(~mark, ~mark, ~mark, ~mark);
	values.value_left = mark;
	values.value_right = ~mark;
	atomik_shared_update(&object, &values);
	whole();

	/* Bits that no other program changes. */
	(void)atomik_shared_clear_flags_bit(&object, bit);
	check(!atomik_shared_test_flags_bit(&object, bit), "a lost change of a bit");
	(void)atomik_shared_set_flags_bit(&object, bit);
	check(atomik_shared_test_flags_bit(&object, bit), "a lost change of a bit");

	count_round();
}

int main(int argc, char **argv)
{
	uint64_t arguments[5], done = 0;
	int at;

	if (argc != 6)
		return 2;
	for (at = 0; at < 5; at++)
		arguments[at] = strtoull(argv[at + 1], NULL, 10);
	if (atomik_table_attach(&table, (int)arguments[0], (uint32_t)arguments[1],
				3 * ATOMIK_SHARED_CONTEXTS) != 0)
		fail("attach");
	atomik_shared_attach(&object, atomikobj_on_table(&table), 1);
	while (done < arguments[4] || atomik_shared_read_done(&object) < arguments[3]) {
		do_round(arguments[2], done);
		if (++done == arguments[4])
			finish();
	}
	check(true, "end");
	printf("%" PRIu64 "\n", done);
	return 0;
}
