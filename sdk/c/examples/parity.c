/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define ATOMIK_DEVICE
#define ATOMIK_IMPLEMENTATION
#include <atomik_core.h>

#include <stdio.h>
#include <string.h>

/* Blocks of so many words, a context each; behind them their parity, the XOR of all. */
enum { BLOCKS = 4, WORDS = 4 };

/* Writes a word of a block. At each moment, whoever looks, the parity is right. */
static int put(atomik_table_t *table, uint32_t block, uint32_t word, uint64_t value)
{
	uint32_t addr = block * WORDS + word, parity = BLOCKS * WORDS + word;
	uint64_t old = atomik_table_read(table, addr);
	int error;

	do {
		atomik_op_t ops[] = {
			{ ATOMIK_OP_EXPECT, { 0, 0, 0 }, addr, old },
			{ ATOMIK_OP_ACCUM, { 0, 0, 0 }, addr, old ^ value },
			{ ATOMIK_OP_ACCUM, { 0, 0, 0 }, parity, old ^ value },
		};

		error = atomik_table_batch(table, ops, 3);
		old = ops[0].value; /* of a faster writer, if there was one */
	} while (error == ATOMIK_ECANCELED);
	return error;
}

/* The words of a block, from those of the others and the parity. */
static int rebuild(atomik_table_t *table, uint32_t lost, uint64_t *words)
{
	uint32_t addrs[BLOCKS * WORDS], n = 0, block, word;
	uint64_t states[BLOCKS * WORDS];
	int error;

	for (block = 0; block <= BLOCKS; block++) {
		for (word = 0; word < WORDS && block != lost; word++)
			addrs[n++] = block * WORDS + word;
	}
	error = atomik_table_read_many(table, addrs, states, n);
	memset(words, 0, WORDS * sizeof(*words));
	for (n = 0; n < BLOCKS * WORDS && error == ATOMIK_OK; n++)
		words[n % WORDS] ^= states[n];
	return error;
}

int main(void)
{
	static const char text[BLOCKS][8 * WORDS + 1] = {
		"Deltas may come in any sequence,", "are undone by applying them once",
		"more, and many collapse into one", "which is all that a parity needs",
	};
	const uint64_t zeros[ATOMIK_TABLE_WORDS(WORDS)] = { 0 };
	uint64_t words[WORDS];
	atomik_table_t table;
	uint32_t block, word;

	atomik_table_init(&table, 256);
	for (block = 0; block < BLOCKS; block++) {
		memcpy(words, text[block], sizeof(words));
		for (word = 0; word < WORDS; word++)
			put(&table, block, word, words[word]);
	}
	for (block = 0; block < BLOCKS; block++) {
		/* A disk fails: its contexts are gone, and come back from the others. */
		atomik_table_restore(&table, block * WORDS, WORDS, zeros);
		if (rebuild(&table, block, words) != ATOMIK_OK)
			break;
		printf("%.*s\n", (int)sizeof(words), (const char *)words);
		for (word = 0; word < WORDS; word++)
			atomik_table_load(&table, block * WORDS + word, words[word]);
	}
	if (atomik_table_error(&table) != ATOMIK_OK)
		printf("%s\n", atomik_strerror(atomik_table_error(&table)));
	atomik_table_free(&table);
	return 0;
}
