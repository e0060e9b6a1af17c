/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Objects in a table: one batch for each call, others in between, and stores that fail. */
#define ATOMIK_STATIC
#include <atomik/table.h>
#include <atomik/video/stream/h264_delta.h>

#include <stdio.h>

#define CONTEXTS ATOMIK_H264_DELTA_CONTEXTS

static int failures;

#define CHECK(holds)                                                                               \
	do {                                                                                       \
		if (!(holds)) {                                                                    \
			printf("line %d: %s\n", __LINE__, #holds);                                 \
			failures++;                                                                \
		}                                                                                  \
	} while (0)

/* A store that counts its batches, lets somebody else come first, and may fail. */
struct spy {
	atomikobj_store_t inner;
	int batches;
	int other; /* batches before which another program toggles bit 7 of the flags */
	int error;
	atomik_h264_delta_t *rival;
};

static int spy_run(void *table, atomikobj_op_t *ops, size_t count)
{
	struct spy *spy = (struct spy *)table;

	spy->batches++;
	if (spy->error != 0)
		return spy->error;
	if (spy->other > 0 && spy->batches > 1) {
		spy->other--;
		(void)atomik_h264_delta_toggle_flags_bit(spy->rival, 7);
	}
	return spy->inner.run(spy->inner.table, ops, count);
}

static atomik_h264_delta_t object, rival, before;

static const atomikobj_u256_t ones = { { 1, 2, 3, 4 } };

#define ONE_BATCH(call)                                                                            \
	do {                                                                                       \
		spy->batches = 0;                                                                  \
		(void)(call);                                                                      \
		CHECK(spy->batches == 1);                                                          \
	} while (0)

static void one_batch_for_each_call(struct spy *spy)
{
	uint64_t states[CONTEXTS];
	atomik_h264_delta_update_t update;
	atomik_h264_delta_expected_t expected;

	memset(&update, 0, sizeof(update));
	memset(&expected, 0, sizeof(expected));
	update.has_flags = update.has_gain = true;
	update.value_flags = 7;
	update.value_gain = ones;
	expected.has_blocks = true;
	expected.value_blocks = UINT64_MAX;
	ONE_BATCH((atomik_h264_delta_reset(&object), 0));
	ONE_BATCH((atomik_h264_delta_contexts(&object, states), 0));
	ONE_BATCH(atomik_h264_delta_read_gain(&object));
	ONE_BATCH(atomik_h264_delta_set_gain(&object, ones));
	ONE_BATCH((atomik_h264_delta_accum_gain(&object, ones), 0));
	ONE_BATCH((atomik_h264_delta_load_gain(&object, ones), 0));
	ONE_BATCH(atomik_h264_delta_swap_gain(&object));
	ONE_BATCH((atomik_h264_delta_update(&object, &update), 0));
	ONE_BATCH(atomik_h264_delta_compare_update(&object, &expected, &update));
	ONE_BATCH(atomik_h264_delta_rollback(&object, 4));
	ONE_BATCH(atomik_h264_delta_toggle_flags_bit(&object, 3));
	/* Nothing to do is no batch. */
	memset(&update, 0, sizeof(update));
	spy->batches = 0;
	atomik_h264_delta_update(&object, &update);
	CHECK(atomik_h264_delta_rollback(&object, 0) == 0);
	/* Nor is a bit beyond the field, and the history has no entry for it. */
	before = object;
	CHECK(atomik_h264_delta_set_flags_bit(&object, 8) == 0);
	CHECK(atomik_h264_delta_clear_flags_bit(&object, 8) == 0);
	CHECK(atomik_h264_delta_toggle_flags_bit(&object, UINT32_MAX) == 0);
	CHECK(memcmp(&before, &object, sizeof(object)) == 0);
	CHECK(spy->batches == 0);
}

/* attach changes nothing; reset gives the default values, and forgets the history. */
static void attach_and_reset(struct spy *spy)
{
	atomik_h264_delta_accum_blocks(&object, 5);
	atomik_h264_delta_attach(&rival, spy->inner, 1);
	CHECK(atomik_h264_delta_read_blocks(&rival) == (UINT64_MAX ^ 5));
	CHECK(atomik_h264_delta_rollback(&rival, 1) == 0);
	atomik_h264_delta_reset(&object);
	CHECK(atomik_h264_delta_read_blocks(&rival) == UINT64_MAX);
	CHECK(atomik_h264_delta_rollback(&object, 1) == 0);
}

static void others_in_between(struct spy *spy)
{
	atomik_h264_delta_reset(&object);
	atomik_h264_delta_load_flags(&object, 0);
	spy->batches = 0;
	spy->other = 3;
	/* It was not as it had been seen, three times; nothing of the others is lost. */
	CHECK(atomik_h264_delta_set_flags_bit(&object, 2) == 4);
	CHECK(spy->other == 0 && spy->batches == 6);
	CHECK(atomik_h264_delta_read_flags(&object) == 0x84);
	CHECK(atomik_h264_delta_rollback(&object, 9) == 1);
	CHECK(atomik_h264_delta_read_flags(&object) == 0x80);
}

static void a_store_that_fails(struct spy *spy)
{
	const uint64_t none[CONTEXTS] = { 0 };
	atomikobj_message_t message;
	uint64_t states[CONTEXTS];
	atomik_h264_delta_update_t update;
	atomik_h264_delta_expected_t expected;

	memset(&update, 0, sizeof(update));
	memset(&expected, 0, sizeof(expected));
	update.has_flags = true;
	update.value_flags = 1;
	message = atomik_h264_delta_accum_blocks(&object, 5);
	memset(states, 1, sizeof(states));
	before = object;
	spy->error = ATOMIK_ENOENT;
	CHECK(atomik_h264_delta_accum_blocks(&object, 5).length == 0);
	CHECK(atomik_h264_delta_accum_blocks_cell(&object, 1, 1, 1, 1).length == 0);
	CHECK(atomik_h264_delta_apply_blocks(&object, message.bytes, message.length) ==
	      ATOMIKOBJ_MESSAGE_STORE);
	CHECK(atomik_h264_delta_apply_blocks(&object, message.bytes, 3) ==
	      ATOMIKOBJ_MESSAGE_DAMAGED);
	CHECK(atomik_h264_delta_read_blocks(&object) == 0);
	CHECK(atomik_h264_delta_swap_blocks(&object) == 0);
	CHECK(atomik_h264_delta_read_blocks_cell(&object, 0, 0, 0) == 0);
	CHECK(!atomik_h264_delta_test_flags_bit(&object, 0));
	CHECK(atomik_h264_delta_set_flags_bit(&object, 0) == 0);
	CHECK(atomik_h264_delta_clear_flags_bit(&object, 0) == 0);
	CHECK(atomik_h264_delta_toggle_flags_bit(&object, 0) == 0);
	CHECK(atomik_h264_delta_set_gain(&object, ones).word[0] == 0);
	CHECK(!atomik_h264_delta_compare_update(&object, &expected, &update));
	CHECK(atomik_h264_delta_rollback(&object, 1) == 0);
	atomik_h264_delta_update(&object, &update);
	atomik_h264_delta_load_blocks(&object, 5);
	atomik_h264_delta_reset(&object);
	atomik_h264_delta_contexts(&object, states);
	CHECK(memcmp(states, none, sizeof(none)) == 0);
	spy->error = 0;
	/* Neither the history nor the contexts have changed. */
	CHECK(memcmp(&object, &before, sizeof(object)) == 0);
	CHECK(atomik_h264_delta_read_blocks(&object) == (UINT64_MAX ^ 5));
	CHECK(atomik_h264_delta_rollback(&object, 1) == 1);
	CHECK(atomik_h264_delta_read_blocks(&object) == UINT64_MAX);
}

static void ends_of_the_table(atomik_table_t *table)
{
	static const size_t beyond[] = { 2, 3, UINT32_MAX / CONTEXTS, UINT32_MAX, SIZE_MAX };
	size_t at;

	for (at = 0; at < sizeof(beyond) / sizeof(beyond[0]); at++) {
		atomik_h264_delta_attach(&object, atomikobj_on_table(table), beyond[at]);
		CHECK(atomik_table_error(table) == 0);
		CHECK(atomik_h264_delta_read_blocks(&object) == 0);
		CHECK(atomik_table_error(table) == ATOMIK_EINVAL);
		CHECK(atomik_table_error_addr(table) >= 2 * CONTEXTS);
		atomik_table_clear_error(table);
	}
}

/* More entries than are on the stack, the most of a batch, and one more. */
static void large_batches(void)
{
	static atomikobj_op_t ops[ATOMIK_MAX_BATCH + 1];
	static const size_t counts[] = { 64, 65, ATOMIK_MAX_BATCH, ATOMIK_MAX_BATCH + 1 };
	atomik_table_t table;
	atomikobj_store_t store;
	size_t which, at;

	CHECK(atomik_table_init(&table, ATOMIK_MAX_BATCH + 1) == 0);
	store = atomikobj_on_table(&table);
	for (which = 0; which < sizeof(counts) / sizeof(counts[0]); which++) {
		const size_t count = counts[which];
		const bool fits = count <= ATOMIK_MAX_BATCH;

		for (at = 0; at < count; at++) {
			ops[at].opcode = ATOMIKOBJ_OP_SET;
			ops[at].addr = at;
			ops[at].value = which + at;
		}
		CHECK(store.run(store.table, ops, count) == (fits ? 0 : ATOMIK_EINVAL));
		for (at = 0; fits && at < count; at++) {
			ops[at].opcode = ATOMIKOBJ_OP_READ;
			ops[at].value = 0;
		}
		if (!fits)
			break;
		CHECK(store.run(store.table, ops, count) == 0);
		CHECK(ops[count - 1].value == which + count - 1);
		CHECK(atomik_table_error(&table) == 0);
	}
	CHECK(atomik_table_error(&table) == ATOMIK_EINVAL);
	atomik_table_free(&table);
}

int main(void)
{
	struct spy spy;
	atomikobj_store_t spied = { spy_run, NULL };
	atomik_table_t table;

	CHECK(ATOMIKOBJ_CANCELED == ATOMIK_ECANCELED);
	CHECK(ATOMIKOBJ_OP_LOAD == ATOMIK_OP_LOAD && ATOMIKOBJ_OP_ACCUM == ATOMIK_OP_ACCUM &&
	      ATOMIKOBJ_OP_READ == ATOMIK_OP_READ && ATOMIKOBJ_OP_SWAP == ATOMIK_OP_SWAP &&
	      ATOMIKOBJ_OP_EXPECT == ATOMIK_OP_EXPECT && ATOMIKOBJ_OP_SET == ATOMIK_OP_SET);
	CHECK(atomik_table_init(&table, 2 * CONTEXTS) == 0);
	memset(&spy, 0, sizeof(spy));
	spy.inner = atomikobj_on_table(&table);
	spy.rival = &rival;
	spied.table = &spy;
	atomik_h264_delta_attach(&rival, spy.inner, 1);
	atomik_h264_delta_attach(&object, spied, 1);
	one_batch_for_each_call(&spy);
	attach_and_reset(&spy);
	others_in_between(&spy);
	a_store_that_fails(&spy);
	CHECK(atomik_table_error(&table) == 0);
	ends_of_the_table(&table);
	large_batches();
	atomik_table_free(&table);
	return failures != 0;
}
