/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define ATOMIK_DEVICE
#define ATOMIK_IMPLEMENTATION
#include <atomik_core.h>

#include <inttypes.h>
#include <stdio.h>

int main(void)
{
	atomik_table_t table;

	atomik_table_init(&table, 256);
	atomik_table_load(&table, 0, 0xCAFEBABE);
	atomik_table_accum(&table, 0, 1);
	printf("%#" PRIx64 "\n", atomik_table_read(&table, 0));
	atomik_table_accum(&table, 0, 1); /* the same delta again undoes it */
	printf("%#" PRIx64 "\n", atomik_table_swap(&table, 0));

	atomik_table_load(&table, 256, 1);
	if (atomik_table_error(&table) != ATOMIK_OK)
		printf("%zu: %s\n", atomik_table_error_addr(&table),
		       atomik_strerror(atomik_table_error(&table)));
	atomik_table_free(&table);
	return 0;
}
