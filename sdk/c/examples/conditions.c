/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define ATOMIK_DEVICE
#define ATOMIK_IMPLEMENTATION
#include <atomik_core.h>

#include <inttypes.h>
#include <stdio.h>

/* Moves an amount between two contexts, if there is as much. */
static bool move(atomik_table_t *table, uint32_t from, uint32_t to, uint64_t amount)
{
	uint64_t source = atomik_table_read(table, from);
	uint64_t target = atomik_table_read(table, to);

	/* Of two SETs of one context, only the second would count. */
	if (from == to)
		return source >= amount;
	while (source >= amount) {
		atomik_op_t ops[] = {
			{ ATOMIK_OP_EXPECT, { 0, 0, 0 }, from, source },
			{ ATOMIK_OP_EXPECT, { 0, 0, 0 }, to, target },
			{ ATOMIK_OP_SET, { 0, 0, 0 }, from, source - amount },
			{ ATOMIK_OP_SET, { 0, 0, 0 }, to, target + amount },
		};
		int error = atomik_table_batch(table, ops, 4);

		if (error != ATOMIK_ECANCELED)
			return error == ATOMIK_OK;
		/* Somebody was faster: one of them has become the state found. */
		source = ops[0].value;
		target = ops[1].value;
	}
	return false;
}

int main(void)
{
	atomik_table_t table;
	uint64_t count = 0;

	atomik_table_init(&table, 256);
	/* A counter with many writers: count becomes the state found, where it isn't the state. */
	while (atomik_table_compare_exchange(&table, 0, &count, count + 1) == ATOMIK_ECANCELED)
		;
	printf("%" PRIu64 "\n", atomik_table_read(&table, 0));

	atomik_table_set(&table, 1, 100);
	printf("%s\n", move(&table, 1, 2, 70) ? "moved" : "too little");
	printf("%s\n", move(&table, 1, 2, 70) ? "moved" : "too little");
	printf("%" PRIu64 " %" PRIu64 "\n", atomik_table_read(&table, 1),
	       atomik_table_read(&table, 2));
	atomik_table_free(&table);
	return 0;
}
