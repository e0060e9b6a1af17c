/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define ATOMIK_DEVICE
#define ATOMIK_IMPLEMENTATION
#include <atomik_core.h>

#include <inttypes.h>
#include <stdio.h>

int main(void)
{
	const uint32_t accounts[2] = { 1, 2 };
	atomik_op_t move[] = {
		{ ATOMIK_OP_SET, { 0, 0, 0 }, 1, 30 },
		{ ATOMIK_OP_SET, { 0, 0, 0 }, 2, 70 },
	};
	atomik_table_t table;
	atomik_table_map_t map;
	uint64_t states[2] = { 0, 0 };

	atomik_table_init(&table, 256);
	atomik_table_set(&table, 1, 100);
	if (atomik_table_map(&table, ATOMIK_MAP_READ_ONLY, &map) != ATOMIK_OK) {
		printf("%s\n", atomik_strerror(atomik_table_error(&table)));
		return 1;
	}
	atomik_table_batch(&table, move, 2); /* here, or in any process */
	if (atomik_table_map_read_consistent(&map, accounts, states, 2) == ATOMIK_OK)
		printf("%" PRIu64 " + %" PRIu64 "\n", states[0], states[1]);
	printf("%" PRIu64 "\n", atomik_table_map_read(&map, 1));
	atomik_table_map_free(&map);
	atomik_table_free(&table);
	return 0;
}
