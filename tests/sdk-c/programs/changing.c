/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Batches whose entries somebody else changes while they are read: they lie in a guarded page.
 */
#include "guarded.h"

#define ATOMIK_IMPLEMENTATION
#include "atomik_core.h"

enum { CONTEXTS = 4, BEYOND = CONTEXTS + 1, TRIES = 40 };
/* Words behind the table, no two of which make a state of 0. */
#define CANARY(i) (UINT64_C(0x5a5a5a5a5a5a5a00) + (i))

/* True if an instruction shall find a bad address, by the number of those before it. */
static bool (*is_bad)(unsigned touch);
static unsigned turn;
static atomik_op_t *op;

static void address(unsigned touch)
{
	op->addr = is_bad(touch) ? BEYOND : 1;
}

static bool from_one_on(unsigned touch)
{
	return touch >= turn;
}

static bool at_one(unsigned touch)
{
	return touch == turn;
}

static bool but_at_one(unsigned touch)
{
	return touch != turn;
}

static bool at_each_second(unsigned touch)
{
	return (touch + turn) % 2 != 0;
}

/* Makes a call with memory that changes. It must neither read nor write behind the table. */
static void each_way(int (*call)(atomik_table_t *))
{
	static bool (*const ways[])(unsigned) = { from_one_on, at_one, but_at_one, at_each_second };
	static uint64_t memory[ATOMIK_TABLE_WORDS(CONTEXTS + 4)];
	unsigned done = 0, refused = 0;
	size_t way, i;

	for (way = 0; way < sizeof(ways) / sizeof(ways[0]); way++) {
		for (turn = 0; turn < TRIES; turn++) {
			atomik_table_t t;
			int error;

			for (i = 0; i < sizeof(memory) / sizeof(memory[0]); i++)
				memory[i] = CANARY(i);
			CHECK(atomik_table_init_in(&t, memory, CONTEXTS, 64) == ATOMIK_OK);
			is_bad = ways[way];
			close_page(address);
			error = call(&t);
			open_page();
			CHECK(touches > 0 && touches < TRIES);
			for (i = ATOMIK_TABLE_WORDS(CONTEXTS); i < sizeof(memory) / sizeof(memory[0]); i++)
				CHECK(memory[i] == CANARY(i));
			CHECK(op->value == 0);
			if (error == ATOMIK_OK) {
				done++;
				continue;
			}
			CHECK(error == ATOMIK_EINVAL && atomik_table_error_addr(&t) == BEYOND);
			refused++;
		}
	}
	CHECK(done > 0 && refused > 0);
}

static int accum_many(atomik_table_t *t)
{
	uint64_t delta = 1;

	return atomik_table_accum_many(t, &op->addr, &delta, 1);
}

static int batch(atomik_table_t *t)
{
	return atomik_table_batch(t, op, 1);
}

int main(void)
{
	static const uint8_t opcodes[] = { ATOMIK_OP_LOAD, ATOMIK_OP_ACCUM, ATOMIK_OP_READ,
					   ATOMIK_OP_SWAP, ATOMIK_OP_EXPECT, ATOMIK_OP_SET };
	size_t i;

	make_page();
	op = (atomik_op_t *)(void *)guarded;
	each_way(accum_many);
	for (i = 0; i < sizeof(opcodes); i++) {
		memset(op, 0, sizeof(*op));
		op->opcode = opcodes[i];
		each_way(batch);
	}
	printf("ok\n");
	return 0;
}
