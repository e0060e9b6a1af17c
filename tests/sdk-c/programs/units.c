/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Tests beyond the vectors: the error that a table keeps, tables that couldn't be made, the
 * forms of calls that programs use. Linked with implementation.c, or with ATOMIK_STATIC alone.
 */
#include "atomik_core.h"

#include <string.h>
#ifdef ATOMIK_DEVICE
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#endif

#include "check.h"

/* A program written for the algebra's names compiles and works. */
static void the_names_that_programs_use(void)
{
	atomik_ctx_t c, other;
	atomik_table_t t;
	atomik_fingerprint_t fp;
	uint64_t state;
	const char before[] = "a configuration", after[] = "A configuration";

	atomik_init(&c);
	atomik_load(&c, 0xCAFEBABE);
	CHECK(atomik_is_clean(&c));
	atomik_accum(&c, 1);
	CHECK(atomik_read(&c) == 0xCAFEBABF && !atomik_is_clean(&c));
	atomik_init(&other);
	atomik_accum(&other, 1);
	atomik_merge(&c, &other);
	CHECK(atomik_read(&c) == 0xCAFEBABE && atomik_is_clean(&c));
	atomik_rollback(&c, 2);
	state = atomik_swap(&c);
	CHECK(state == 0xCAFEBABC && c.reference == state && atomik_is_clean(&c));
	CHECK(atomik_swap_to(&c, 0) == state && atomik_read(&c) == 0);

#ifndef ATOMIK_NO_MALLOC
	CHECK(atomik_table_init(&t, 256) == 0);
#else
	static uint64_t memory[ATOMIK_TABLE_WORDS(256)];

	CHECK(atomik_table_init_in(&t, memory, 256, 64) == 0);
#endif
	atomik_table_load(&t, 0, 0xCAFEBABE);
	atomik_table_accum(&t, 0, 1);
	CHECK(atomik_table_read(&t, 0) == 0xCAFEBABF);
	CHECK(atomik_table_swap(&t, 0) == 0xCAFEBABF);
	CHECK(atomik_table_swap_to(&t, 0, 0) == 0xCAFEBABF && atomik_table_read(&t, 0) == 0);
	CHECK(atomik_table_error(&t) == ATOMIK_OK);
	atomik_table_free(&t);

	atomik_fp_init(&fp);
	CHECK(!atomik_fp_changed(&fp) && atomik_fp_value(&fp) == 0);
	state = atomik_fp_load(&fp, before, strlen(before));
	CHECK(state == atomik_fp_reduce(before, strlen(before)));
	CHECK(!atomik_fp_changed(&fp));
	CHECK(atomik_fp_accum_delta(&fp, 'a', 'A') == atomik_fp_reduce(after, strlen(after)));
	CHECK(atomik_fp_changed(&fp) && atomik_fp_delta(&fp) == ('a' ^ 'A'));
	CHECK(atomik_fp_update(&fp, before, strlen(before)) == state && !atomik_fp_changed(&fp));
	CHECK(atomik_fp_update(&fp, after, strlen(after)) != state && atomik_fp_changed(&fp));
	CHECK(atomik_fp_reset(&fp) == atomik_fp_value(&fp) && !atomik_fp_changed(&fp));
}

/* Arguments of narrow tables are cut to the width, and what is found has no more. */
static void narrow_tables(void)
{
	static uint64_t memory[ATOMIK_TABLE_WORDS(2)];
	uint64_t expected = 0x112;
	atomik_table_t t;
	atomik_ctx_t c;
	atomik_op_t op = { ATOMIK_OP_EXPECT, { 0, 0, 0 }, 1, 0xf34 };
	const uint64_t wide[2] = { 0x3456, 0x5678 };
	const uint32_t addrs[2] = { 1, 0 };
	uint64_t states[2] = { 0, 0 };

	CHECK(atomik_table_init_in(&t, memory, 2, 8) == 0);
	CHECK(atomik_table_load(&t, 1, 1) == 0 && atomik_table_set(&t, 1, 0xa12) == 0);
	CHECK(atomik_table_compare_exchange(&t, 1, &expected, 0xb34) == 0 && expected == 0x112);
	CHECK(atomik_table_context(&t, 1, &c) == 0 && c.reference == 1 && atomik_read(&c) == 0x34);
	CHECK(atomik_table_compare_exchange(&t, 1, &expected, 0) == ATOMIK_ECANCELED);
	CHECK(expected == 0x34);
	CHECK(atomik_table_batch(&t, &op, 1) == 0 && op.value == 0xf34);
	op.value = 0x3400;
	CHECK(atomik_table_batch(&t, &op, 1) == ATOMIK_ECANCELED && op.value == 0x34);
	/* What comes in is cut to the width, here too. */
	CHECK(atomik_table_restore(&t, 1, 1, wide) == 0);
	CHECK(atomik_table_context(&t, 1, &c) == 0 && c.reference == 0x56 && c.accumulator == 0x78);
	CHECK(atomik_width(&c) == 8);
	CHECK(atomik_table_load_many(&t, addrs, wide, 2) == 0);
	CHECK(atomik_table_read_many(&t, addrs, states, 2) == 0);
	CHECK(states[0] == 0x56 && states[1] == 0x78);
	CHECK(atomik_table_error(&t) == ATOMIK_OK);
	atomik_table_free(&t);
}

static void widths(void)
{
	atomik_ctx_t c;
	atomik_fingerprint_t fp;
	unsigned width;

	for (width = 1; width <= 64; width++) {
		CHECK(atomik_init_width(&c, width) == 0 && atomik_width(&c) == width);
		atomik_load(&c, UINT64_MAX);
		CHECK(c.reference == UINT64_MAX >> (64 - width));
		atomik_accum(&c, UINT64_MAX);
		CHECK(atomik_read(&c) == 0);
		CHECK((atomik_fp_init_width(&fp, width) == 0) == (width % 8 == 0));
		CHECK(atomik_width(&fp.context) == (width % 8 == 0 ? width : 64));
	}
	CHECK(atomik_init_width(&c, 0) == ATOMIK_EINVAL && atomik_width(&c) == 64);
	CHECK(atomik_init_width(&c, 65) == ATOMIK_EINVAL && atomik_width(&c) == 64);
	CHECK(atomik_fp_init_width(&fp, 0) == ATOMIK_EINVAL);
	CHECK(atomik_fp_init_width(&fp, 72) == ATOMIK_EINVAL);

	/* A narrow context folds in the bits of a wide one that it can hold. */
	CHECK(atomik_init_width(&c, 8) == 0);
	atomik_ctx_t wide;

	atomik_init(&wide);
	atomik_accum(&wide, 0x1234);
	atomik_merge(&c, &wide);
	CHECK(atomik_read(&c) == 0x34);

	/* All bits zero is a context of 64 bits, and a fingerprint of nothing. */
	memset(&c, 0, sizeof(c));
	memset(&fp, 0, sizeof(fp));
	atomik_accum(&c, UINT64_MAX);
	CHECK(atomik_read(&c) == UINT64_MAX && atomik_width(&c) == 64);
	CHECK(atomik_fp_load(&fp, "abc", 3) == 0x636261);
}

/* All contexts hold their addresses. */
static void fill(atomik_table_t *t)
{
	size_t i;

	for (i = 0; i < t->num_contexts; i++)
		CHECK(atomik_table_load(t, i, i) == 0 && atomik_table_accum(t, i, 0) == 0);
}

static void is_filled(atomik_table_t *t)
{
	size_t i;

	for (i = 0; i < t->num_contexts; i++)
		CHECK(atomik_table_read(t, i) == i);
}

/* True if a call has failed in this way. Clears the error. */
#define FAILED(t, code, addr)                                                     \
	do {                                                                      \
		CHECK(atomik_table_error(t) == (code));                           \
		CHECK(atomik_table_error_addr(t) == (addr));                      \
		atomik_table_clear_error(t);                                      \
		CHECK(atomik_table_error(t) == ATOMIK_OK);                        \
		CHECK(atomik_table_error_addr(t) == SIZE_MAX);                    \
	} while (0)

static void a_bad_address_is_reported_and_changes_nothing(atomik_table_t *t)
{
	const size_t bad[] = { t->num_contexts, t->num_contexts + 1, UINT32_MAX, SIZE_MAX };
	uint64_t state = 5;
	atomik_ctx_t c;
	size_t i;

	fill(t);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		atomik_init(&c);
		CHECK(atomik_table_load(t, bad[i], 77) == ATOMIK_EINVAL);
		FAILED(t, ATOMIK_EINVAL, bad[i]);
		CHECK(atomik_table_accum(t, bad[i], 77) == ATOMIK_EINVAL);
		FAILED(t, ATOMIK_EINVAL, bad[i]);
		CHECK(atomik_table_rollback(t, bad[i], 77) == ATOMIK_EINVAL);
		FAILED(t, ATOMIK_EINVAL, bad[i]);
		CHECK(atomik_table_read(t, bad[i]) == 0);
		FAILED(t, ATOMIK_EINVAL, bad[i]);
		CHECK(atomik_table_swap(t, bad[i]) == 0);
		FAILED(t, ATOMIK_EINVAL, bad[i]);
		CHECK(atomik_table_swap_to(t, bad[i], 77) == 0);
		FAILED(t, ATOMIK_EINVAL, bad[i]);
		CHECK(atomik_table_swap_to(t, bad[i], 0) == 0);
		FAILED(t, ATOMIK_EINVAL, bad[i]);
		CHECK(atomik_table_context(t, bad[i], &c) == ATOMIK_EINVAL && c.reference == 0);
		FAILED(t, ATOMIK_EINVAL, bad[i]);
		CHECK(atomik_table_set(t, bad[i], 77) == ATOMIK_EINVAL);
		FAILED(t, ATOMIK_EINVAL, bad[i]);
		CHECK(atomik_table_compare_exchange(t, bad[i], &state, 77) == ATOMIK_EINVAL);
		FAILED(t, ATOMIK_EINVAL, bad[i]);
		CHECK(state == 5);
	}
	is_filled(t);
	CHECK(atomik_table_error(t) == ATOMIK_OK);
}

static void the_first_error_stays(atomik_table_t *t)
{
	atomik_table_t copy;

	fill(t);
	CHECK(atomik_table_read(t, t->num_contexts + 3) == 0);
	CHECK(atomik_table_read(t, t->num_contexts + 5) == 0);
	/* Correct calls still succeed. */
	CHECK(atomik_table_load(t, 0, 9) == 0 && atomik_table_read(t, 0) == 9);
	CHECK(atomik_table_batch(t, NULL, 0) == ATOMIK_EINVAL);
	/* A copy is the same table, with an error of its own. */
	copy = *t;
	atomik_table_clear_error(&copy);
	CHECK(atomik_table_error(t) == ATOMIK_EINVAL);
	CHECK(atomik_table_accum(&copy, 0, 1) == 0 && atomik_table_read(t, 0) == 8);
	FAILED(t, ATOMIK_EINVAL, t->num_contexts + 3);
}

static void batches(atomik_table_t *t)
{
	static atomik_op_t many[ATOMIK_MAX_BATCH + 1];
	atomik_op_t ops[5] = {
		{ ATOMIK_OP_ACCUM, { 0, 0, 0 }, 2, 0xf0 },
		{ ATOMIK_OP_READ, { 0, 0, 0 }, 2, 99 },
		{ ATOMIK_OP_SWAP, { 0, 0, 0 }, 2, 99 },
		{ ATOMIK_OP_LOAD, { 0, 0, 0 }, 3, 5 },
		{ ATOMIK_OP_ACCUM, { 0, 0, 0 }, 3, 5 },
	};
	atomik_ctx_t c;
	size_t i;

	fill(t);
	CHECK(atomik_table_batch(t, ops, 5) == 0);
	CHECK(ops[0].value == 0xf0 && ops[1].value == 0xf2 && ops[2].value == 0xf2);
	CHECK(ops[3].value == 5 && ops[4].value == 5);
	CHECK(atomik_table_read(t, 3) == 0);
	CHECK(atomik_table_context(t, 2, &c) == 0 && c.reference == 0xf2 && c.accumulator == 0);
	CHECK(atomik_table_context(t, 3, &c) == 0 && c.reference == 5 && c.accumulator == 5);

	/* All or nothing: the first entries are good. */
	fill(t);
	ops[1].value = 99;
	ops[4].addr = (uint32_t)t->num_contexts;
	CHECK(atomik_table_batch(t, ops, 5) == ATOMIK_EINVAL && ops[1].value == 99);
	FAILED(t, ATOMIK_EINVAL, t->num_contexts);
	ops[4].addr = 3;
	ops[4].opcode = ATOMIK_OP_SET + 1;
	CHECK(atomik_table_batch(t, ops, 5) == ATOMIK_EINVAL && ops[1].value == 99);
	FAILED(t, ATOMIK_EINVAL, SIZE_MAX);
	ops[4].opcode = ATOMIK_OP_ACCUM;
	for (i = 0; i < 3; i++) {
		ops[4].reserved[i] = 1;
		CHECK(atomik_table_batch(t, ops, 5) == ATOMIK_EINVAL && ops[1].value == 99);
		FAILED(t, ATOMIK_EINVAL, SIZE_MAX);
		ops[4].reserved[i] = 0;
	}
	CHECK(atomik_table_batch(t, ops, 0) == ATOMIK_EINVAL);
	FAILED(t, ATOMIK_EINVAL, SIZE_MAX);
	CHECK(atomik_table_batch(t, NULL, 1) == ATOMIK_EFAULT);
	FAILED(t, ATOMIK_EFAULT, SIZE_MAX);
	is_filled(t);

	for (i = 0; i <= ATOMIK_MAX_BATCH; i++) {
		many[i].opcode = ATOMIK_OP_ACCUM;
		many[i].addr = 1;
		many[i].value = 2;
	}
	CHECK(atomik_table_batch(t, many, ATOMIK_MAX_BATCH + 1) == ATOMIK_EINVAL);
	FAILED(t, ATOMIK_EINVAL, SIZE_MAX);
	is_filled(t);
	CHECK(atomik_table_batch(t, many, ATOMIK_MAX_BATCH - 1) == 0);
	CHECK(atomik_table_read(t, 1) == 3);
	CHECK(atomik_table_batch(t, many, ATOMIK_MAX_BATCH) == 0);
	CHECK(atomik_table_read(t, 1) == 3);
}

static void set_and_compare_exchange(atomik_table_t *t)
{
	uint64_t expected = 2;
	atomik_ctx_t c;

	fill(t);
	CHECK(atomik_table_set(t, 2, 9) == 0 && atomik_table_read(t, 2) == 9);
	CHECK(atomik_table_context(t, 2, &c) == 0 && c.reference == 2 && c.accumulator == (2 ^ 9));
	CHECK(atomik_table_compare_exchange(t, 2, &expected, 10) == ATOMIK_ECANCELED);
	CHECK(expected == 9 && atomik_table_read(t, 2) == 9);
	CHECK(atomik_table_compare_exchange(t, 2, &expected, 10) == 0 && expected == 9);
	CHECK(atomik_table_context(t, 2, &c) == 0 && c.reference == 2 && c.accumulator == (2 ^ 10));
	/* A condition that doesn't hold is no fault of the program. */
	CHECK(atomik_table_error(t) == ATOMIK_OK);
	CHECK(atomik_table_compare_exchange(t, 2, NULL, 1) == ATOMIK_EFAULT);
	FAILED(t, ATOMIK_EFAULT, 2);
	CHECK(atomik_table_set(t, 2, 2) == 0);
	is_filled(t);
}

/* Many entries as the first whose condition doesn't hold, and another behind it. */
static void conditions(atomik_table_t *t)
{
	static atomik_op_t ops[ATOMIK_MAX_BATCH];
	const uint32_t contexts = (uint32_t)t->num_contexts;
	uint32_t i, wrong;

	fill(t);
	for (i = 0; i < ATOMIK_MAX_BATCH; i++) {
		ops[i].opcode = ATOMIK_OP_EXPECT;
		ops[i].addr = i % contexts;
		ops[i].value = i % contexts;
	}
	CHECK(atomik_table_batch(t, ops, ATOMIK_MAX_BATCH) == ATOMIK_OK);
	CHECK(atomik_table_failed_entry(t) == SIZE_MAX);
	for (wrong = 0; wrong < ATOMIK_MAX_BATCH; wrong += wrong < 64 ? 1 : 29) {
		uint32_t last = wrong + 1 < ATOMIK_MAX_BATCH ? wrong + 1 : wrong;

		ops[last].value = UINT64_MAX;
		/* The highest bit alone makes it another state. */
		ops[wrong].value = wrong % contexts ^ UINT64_C(1) << 63;
		CHECK(atomik_table_batch(t, ops, last + 1) == ATOMIK_ECANCELED);
		CHECK(atomik_table_failed_entry(t) == wrong);
		CHECK(ops[wrong].value == wrong % contexts);
		CHECK(last == wrong || ops[last].value == UINT64_MAX);
		ops[last].value = last % contexts;
	}
	/* Another batch ends that. */
	CHECK(atomik_table_batch(t, ops, 0) == ATOMIK_EINVAL);
	FAILED(t, ATOMIK_EINVAL, SIZE_MAX);
	CHECK(atomik_table_failed_entry(t) == SIZE_MAX);
	is_filled(t);
}

static void conditions_and_changes(atomik_table_t *t)
{
	/* The conditions are on the states before, and stand anywhere. */
	atomik_op_t ops[6] = {
		{ ATOMIK_OP_SET, { 0, 0, 0 }, 1, 7 },
		{ ATOMIK_OP_READ, { 0, 0, 0 }, 1, 99 },
		{ ATOMIK_OP_EXPECT, { 0, 0, 0 }, 1, 1 },
		{ ATOMIK_OP_LOAD, { 0, 0, 0 }, 2, 1 },
		{ ATOMIK_OP_EXPECT, { 0, 0, 0 }, 2, 2 },
		{ ATOMIK_OP_SET, { 0, 0, 0 }, 2, 8 },
	};
	const uint32_t addr = 0;
	uint64_t state = 5;
	atomik_ctx_t c;

	fill(t);
	CHECK(atomik_table_batch(t, ops, 6) == 0);
	CHECK(ops[1].value == 7 && ops[2].value == 1 && ops[4].value == 2);
	CHECK(atomik_table_context(t, 1, &c) == 0 && c.reference == 1 && c.accumulator == (1 ^ 7));
	CHECK(atomik_table_context(t, 2, &c) == 0 && c.reference == 1 && c.accumulator == (1 ^ 8));

	/* The second doesn't hold: nothing of the rest is done. */
	fill(t);
	ops[1].value = 99;
	ops[4].value = 77;
	CHECK(atomik_table_batch(t, ops, 6) == ATOMIK_ECANCELED);
	CHECK(atomik_table_failed_entry(t) == 4 && ops[4].value == 2 && ops[1].value == 99);
	is_filled(t);
	/* Calls that are no batches leave that. */
	CHECK(atomik_table_set(t, 0, 0) == 0 && atomik_table_swap_to(t, 0, 0) == 0);
	CHECK(atomik_table_compare_exchange(t, 0, &state, 0) == ATOMIK_ECANCELED && state == 0);
	CHECK(atomik_table_compare_exchange(t, 0, &state, 0) == 0);
	CHECK(atomik_table_accum_many(t, &addr, &state, 1) == 0);
	CHECK(atomik_table_failed_entry(t) == 4);
	CHECK(atomik_table_error(t) == ATOMIK_OK);
	fill(t);
	/* What was found is put in its place already. */
	CHECK(atomik_table_batch(t, ops, 6) == 0 && ops[1].value == 7);
	CHECK(atomik_table_failed_entry(t) == SIZE_MAX);

	/* A bad entry anywhere comes before a condition. */
	fill(t);
	ops[2].value = 77;
	ops[5].addr = (uint32_t)t->num_contexts;
	CHECK(atomik_table_batch(t, ops, 6) == ATOMIK_EINVAL && ops[2].value == 77);
	CHECK(atomik_table_failed_entry(t) == SIZE_MAX);
	FAILED(t, ATOMIK_EINVAL, t->num_contexts);
	is_filled(t);
}

/* Counts around the size of the batches that the device gets. */
static void many_deltas(atomik_table_t *t)
{
	static uint32_t addrs[1030];
	static uint64_t deltas[1030];
	static const size_t counts[] = { 0, 1, 255, 256, 257, 1030 };
	size_t i, n;

	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		fill(t);
		for (n = 0; n < counts[i]; n++) {
			addrs[n] = (uint32_t)(n % t->num_contexts);
			deltas[n] = n + 1;
		}
		CHECK(atomik_table_accum_many(t, addrs, deltas, counts[i]) == 0);
		for (n = 0; n < counts[i]; n++)
			CHECK(atomik_table_accum(t, addrs[n], deltas[n]) == 0);
		is_filled(t);
	}
	addrs[1029] = (uint32_t)t->num_contexts;
	CHECK(atomik_table_accum_many(t, addrs, deltas, 1030) == ATOMIK_EINVAL);
	FAILED(t, ATOMIK_EINVAL, t->num_contexts);
	CHECK(atomik_table_accum_many(t, NULL, deltas, 1) == ATOMIK_EFAULT);
	FAILED(t, ATOMIK_EFAULT, SIZE_MAX);
	CHECK(atomik_table_accum_many(t, addrs, NULL, 1) == ATOMIK_EFAULT);
	FAILED(t, ATOMIK_EFAULT, SIZE_MAX);
	CHECK(atomik_table_accum_many(t, NULL, NULL, 0) == 0);
	is_filled(t);
}

/* Loads and reads, around the size of these batches as well. */
static void many_states(atomik_table_t *t)
{
	static uint32_t addrs[1030];
	static uint64_t values[1030], states[1031];
	static const size_t counts[] = { 0, 1, 255, 256, 257, 1030 };
	size_t i, n;

	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		fill(t);
		for (n = 0; n < counts[i]; n++) {
			addrs[n] = (uint32_t)(n % t->num_contexts);
			values[n] = n + 1;
			states[n] = 0;
		}
		states[counts[i]] = 99;
		CHECK(atomik_table_load_many(t, addrs, values, counts[i]) == 0);
		CHECK(atomik_table_read_many(t, addrs, states, counts[i]) == 0);
		/* Of several for one address the last counts. */
		for (n = counts[i]; n-- > 0;)
			CHECK(states[n] == (n + t->num_contexts < counts[i] ?
					    states[n + t->num_contexts] : n + 1));
		CHECK(states[counts[i]] == 99);
	}
	fill(t);
	addrs[1029] = (uint32_t)t->num_contexts;
	CHECK(atomik_table_load_many(t, addrs, values, 1030) == ATOMIK_EINVAL);
	FAILED(t, ATOMIK_EINVAL, t->num_contexts);
	CHECK(atomik_table_read_many(t, addrs, states, 1030) == ATOMIK_EINVAL);
	FAILED(t, ATOMIK_EINVAL, t->num_contexts);
	CHECK(atomik_table_load_many(t, addrs, NULL, 1) == ATOMIK_EFAULT);
	FAILED(t, ATOMIK_EFAULT, SIZE_MAX);
	CHECK(atomik_table_read_many(t, NULL, states, 1) == ATOMIK_EFAULT);
	FAILED(t, ATOMIK_EFAULT, SIZE_MAX);
	CHECK(atomik_table_read_many(t, addrs, NULL, 1) == ATOMIK_EFAULT);
	FAILED(t, ATOMIK_EFAULT, SIZE_MAX);
	CHECK(atomik_table_load_many(t, NULL, NULL, 0) == 0);
	CHECK(atomik_table_read_many(t, NULL, NULL, 0) == 0);
	is_filled(t);
}

/* The whole table has 8 contexts. */
static void images(atomik_table_t *t)
{
	uint64_t before[ATOMIK_TABLE_WORDS(8)], after[ATOMIK_TABLE_WORDS(3) + 1];
	atomik_ctx_t c;
	size_t i;

	fill(t);
	CHECK(atomik_table_accum(t, 3, 16) == 0);
	CHECK(atomik_table_snapshot(t, 0, 8, before) == 0);
	for (i = 0; i < 8; i++)
		CHECK(before[2 * i] == i && before[2 * i + 1] == (i == 3 ? 16 : 0));
	after[6] = 99;
	CHECK(atomik_table_snapshot(t, 2, 3, after) == 0);
	for (i = 0; i < 6; i++)
		CHECK(after[i] == before[4 + i]);
	CHECK(after[6] == 99);

	/* A part of it, at another place. */
	CHECK(atomik_table_restore(t, 5, 3, after) == 0);
	CHECK(atomik_table_context(t, 6, &c) == 0 && c.reference == 3 && c.accumulator == 16);
	CHECK(atomik_table_read(t, 4) == 4 && atomik_table_read(t, 7) == 4);
	CHECK(atomik_table_restore(t, 0, 8, before) == 0);
	CHECK(atomik_table_accum(t, 3, 16) == 0);
	is_filled(t);

	CHECK(atomik_table_snapshot(t, 6, 3, after) == ATOMIK_EINVAL);
	FAILED(t, ATOMIK_EINVAL, 6);
	CHECK(atomik_table_restore(t, 6, 3, after) == ATOMIK_EINVAL);
	FAILED(t, ATOMIK_EINVAL, 6);
	CHECK(atomik_table_snapshot(t, 8, SIZE_MAX, after) == ATOMIK_EINVAL);
	FAILED(t, ATOMIK_EINVAL, 8);
	CHECK(atomik_table_restore(t, 1, SIZE_MAX, after) == ATOMIK_EINVAL);
	FAILED(t, ATOMIK_EINVAL, 1);
	CHECK(atomik_table_snapshot(t, 1, 0, after) == ATOMIK_EINVAL);
	FAILED(t, ATOMIK_EINVAL, 1);
	CHECK(atomik_table_restore(t, 1, 0, after) == ATOMIK_EINVAL);
	FAILED(t, ATOMIK_EINVAL, 1);
	CHECK(atomik_table_snapshot(t, 1, 1, NULL) == ATOMIK_EFAULT);
	FAILED(t, ATOMIK_EFAULT, 1);
	CHECK(atomik_table_restore(t, 1, 1, NULL) == ATOMIK_EFAULT);
	FAILED(t, ATOMIK_EFAULT, 1);
	is_filled(t);
}

#ifdef ATOMIK_DEVICE
/* A table in the process is its own mapping, so programs are the same for both. */
static void a_mapping(atomik_table_t *t)
{
	const uint32_t addrs[3] = { 2, 1, 2 }, beyond[3] = { 2, 8, 1 };
	uint64_t states[3] = { 0, 0, 0 };
	atomik_table_map_t m;

	CHECK(atomik_table_map(t, 0, &m) == ATOMIK_OK);
	CHECK(atomik_table_load(t, 1, 5) == 0 && atomik_table_load(t, 2, 6) == 0);
	CHECK(atomik_table_map_accum(&m, 2, 1) == ATOMIK_OK && atomik_table_read(t, 2) == 7);
	CHECK(atomik_table_map_read(&m, 1) == 5 && atomik_table_map_read(&m, 2) == 7);
	CHECK(atomik_table_map_read_consistent(&m, addrs, states, 3) == ATOMIK_OK);
	CHECK(states[0] == 7 && states[1] == 5 && states[2] == 7);
	CHECK(atomik_table_map_read_consistent(&m, NULL, NULL, 0) == ATOMIK_OK);
	/* Its errors are its own. */
	CHECK(atomik_table_map_read(&m, 8) == 0);
	FAILED(&m.table, ATOMIK_EINVAL, 8);
	CHECK(atomik_table_map_accum(&m, 8, 1) == ATOMIK_EINVAL);
	FAILED(&m.table, ATOMIK_EINVAL, 8);
	CHECK(atomik_table_map_read_consistent(&m, beyond, states, 3) == ATOMIK_EINVAL);
	FAILED(&m.table, ATOMIK_EINVAL, 8);
	CHECK(atomik_table_map_read_consistent(&m, NULL, states, 1) == ATOMIK_EFAULT);
	FAILED(&m.table, ATOMIK_EFAULT, SIZE_MAX);
	CHECK(atomik_table_map_read_consistent(&m, addrs, NULL, 1) == ATOMIK_EFAULT);
	FAILED(&m.table, ATOMIK_EFAULT, SIZE_MAX);
	atomik_table_map_free(&m);
	atomik_table_map_free(&m);
	CHECK(atomik_table_map_read_consistent(&m, addrs, states, 1) == ATOMIK_EINVAL);
	FAILED(&m.table, ATOMIK_EINVAL, 2);
	CHECK(atomik_table_error(t) == ATOMIK_OK);

	CHECK(atomik_table_map(t, ATOMIK_MAP_READ_ONLY, &m) == ATOMIK_OK);
	CHECK(atomik_table_map_accum(&m, 2, 1) == ATOMIK_EBADF);
	FAILED(&m.table, ATOMIK_EBADF, 2);
	CHECK(atomik_table_map_read(&m, 2) == 7);
	atomik_table_map_free(&m);
	CHECK(atomik_table_map(t, 2, &m) == ATOMIK_EINVAL);
	FAILED(t, ATOMIK_EINVAL, SIZE_MAX);
	CHECK(atomik_table_map_read(&m, 0) == 0 && atomik_table_error(&m.table) == ATOMIK_EINVAL);
	CHECK(atomik_table_map(t, 0, NULL) == ATOMIK_EFAULT);
	FAILED(t, ATOMIK_EFAULT, SIZE_MAX);
}
#endif

static void on_a_table(atomik_table_t *t)
{
#ifdef ATOMIK_DEVICE
	a_mapping(t);
#endif
	a_bad_address_is_reported_and_changes_nothing(t);
	the_first_error_stays(t);
	batches(t);
	set_and_compare_exchange(t);
	conditions(t);
	conditions_and_changes(t);
	many_deltas(t);
	many_states(t);
	images(t);
	CHECK(atomik_table_error(t) == ATOMIK_OK);
}

/* A table of no contexts, whose calls fail and don't crash. */
static void is_nowhere(atomik_table_t *t)
{
	atomik_op_t op = { ATOMIK_OP_READ, { 0, 0, 0 }, 0, 0 };
	uint32_t addr = 0;
	uint64_t delta = 1, image[ATOMIK_TABLE_WORDS(1)] = { 0 };

	atomik_table_clear_error(t);
	CHECK(t->num_contexts == 0);
	CHECK(atomik_table_read(t, 0) == 0);
	FAILED(t, ATOMIK_EINVAL, 0);
	CHECK(atomik_table_load(t, 0, 1) == ATOMIK_EINVAL);
	CHECK(atomik_table_batch(t, &op, 1) == ATOMIK_EINVAL);
	CHECK(atomik_table_accum_many(t, &addr, &delta, 1) == ATOMIK_EINVAL);
	CHECK(atomik_table_load_many(t, &addr, &delta, 1) == ATOMIK_EINVAL);
	CHECK(atomik_table_read_many(t, &addr, &delta, 1) == ATOMIK_EINVAL);
	CHECK(atomik_table_snapshot(t, 0, 1, image) == ATOMIK_EINVAL);
	CHECK(atomik_table_restore(t, 0, 1, image) == ATOMIK_EINVAL);
	CHECK(atomik_table_set(t, 0, 1) == ATOMIK_EINVAL);
	CHECK(atomik_table_compare_exchange(t, 0, &delta, 1) == ATOMIK_EINVAL);
	FAILED(t, ATOMIK_EINVAL, 0);
#ifdef ATOMIK_DEVICE
	{
		atomik_table_map_t m;

		CHECK(atomik_table_map(t, 0, &m) == ATOMIK_EINVAL);
		FAILED(t, ATOMIK_EINVAL, SIZE_MAX);
		atomik_table_map_free(&m);
	}
#endif
	atomik_table_free(t);
	atomik_table_free(t);
}

static void tables_that_cannot_be_made(void)
{
	static uint64_t memory[ATOMIK_TABLE_WORDS(1)];
	atomik_table_t t;

	memset(&t, 0, sizeof(t));
	CHECK(atomik_table_failed_entry(&t) == SIZE_MAX);
	is_nowhere(&t);
	CHECK(atomik_table_init_in(&t, memory, 0, 64) == ATOMIK_EINVAL);
	CHECK(atomik_table_error(&t) == ATOMIK_EINVAL);
	is_nowhere(&t);
	CHECK(atomik_table_init_in(&t, memory, 1, 0) == ATOMIK_EINVAL);
	is_nowhere(&t);
	CHECK(atomik_table_init_in(&t, memory, 1, 65) == ATOMIK_EINVAL);
	is_nowhere(&t);
	CHECK(atomik_table_init_in(&t, memory, SIZE_MAX, 64) == ATOMIK_EINVAL);
	is_nowhere(&t);
	CHECK(atomik_table_init_in(&t, NULL, 1, 64) == ATOMIK_EFAULT);
	CHECK(atomik_table_error(&t) == ATOMIK_EFAULT);
	is_nowhere(&t);
#ifndef ATOMIK_NO_MALLOC
	CHECK(atomik_table_init(&t, 0) == ATOMIK_EINVAL);
	is_nowhere(&t);
	CHECK(atomik_table_init(&t, SIZE_MAX) == ATOMIK_EINVAL);
	is_nowhere(&t);
	CHECK(atomik_table_init_width(&t, 1, 65) == ATOMIK_EINVAL);
	is_nowhere(&t);
	CHECK(atomik_table_init(&t, 1) == 0 && atomik_table_error(&t) == ATOMIK_OK);
	atomik_table_free(&t);
	is_nowhere(&t);
#endif
#if defined(ATOMIK_DEVICE) && !defined(ON_DEVICE)
	/* These tests have no device. */
	CHECK(atomik_table_open(&t, 256) == ATOMIK_ENOENT);
	CHECK(atomik_table_error(&t) == ATOMIK_ENOENT);
	is_nowhere(&t);
	CHECK(atomik_table_open(&t, 0) == ATOMIK_EINVAL);
	is_nowhere(&t);
	/* No descriptor that could be asked. */
	CHECK(atomik_table_attach(&t, -1, 1, 8) == 0);
	CHECK(atomik_table_read(&t, 0) == 0);
	FAILED(&t, ATOMIK_EBADF, 0);
	CHECK(atomik_table_attach(&t, -1, 1, 0) == ATOMIK_EBADF);
	CHECK(atomik_table_error(&t) == ATOMIK_EBADF && t.fd == -1);
	is_nowhere(&t);
	CHECK(atomik_table_create(&t, -1, 8) == ATOMIK_EBADF);
	CHECK(atomik_table_error(&t) == ATOMIK_EBADF && t.fd == -1);
	is_nowhere(&t);
	CHECK(atomik_table_create(&t, -1, 0) == ATOMIK_EINVAL);
	is_nowhere(&t);
#endif
}

static void ordered_fingerprints(void)
{
	static const unsigned char text[] = "01234567abcdefghxyz";
	static const unsigned char swapped[] = "abcdefgh01234567xyz";
	static const unsigned char other[] = "01234567ABCDEFGHxyZ";
	const size_t len = sizeof(text) - 1;
	atomik_ordered_t fp;

	CHECK(atomik_fp_reduce(text, len) == atomik_fp_reduce(swapped, len));
	CHECK(atomik_ordered_reduce(text, len) != atomik_ordered_reduce(swapped, len));
	/* Zeros at the end change it, too. */
	CHECK(atomik_fp_reduce(text, len) == atomik_fp_reduce(text, len + 1));
	CHECK(atomik_ordered_reduce(text, len) != atomik_ordered_reduce(text, len + 1));

	atomik_ordered_init(&fp);
	CHECK(!atomik_ordered_changed(&fp));
	CHECK(atomik_ordered_value(&fp) == 0 && atomik_ordered_reduce(NULL, 0) != 0);
	CHECK(atomik_ordered_accum_delta(&fp, 0, text, other, 1) == ATOMIK_EINVAL);
	CHECK(atomik_ordered_load(&fp, text, len) == atomik_ordered_reduce(text, len));
	/* A change in two parts, after which it is the other string's. */
	CHECK(atomik_ordered_accum_delta(&fp, 16, text + 16, other + 16, len - 16) == 0);
	CHECK(atomik_ordered_changed(&fp));
	CHECK(atomik_ordered_accum_delta(&fp, 8, text + 8, other + 8, 8) == 0);
	CHECK(atomik_ordered_value(&fp) == atomik_ordered_reduce(other, len));
	CHECK(atomik_ordered_delta(&fp) == (atomik_ordered_reduce(text, len) ^
					    atomik_ordered_reduce(other, len)));
	CHECK(atomik_ordered_accum_delta(&fp, 4, text, text, 8) == ATOMIK_EINVAL);
	CHECK(atomik_ordered_accum_delta(&fp, 8, text, other, 7) == ATOMIK_EINVAL);
	CHECK(atomik_ordered_accum_delta(&fp, 16, text, other, 4) == ATOMIK_EINVAL);
	CHECK(atomik_ordered_accum_delta(&fp, 24, text, other, 0) == ATOMIK_EINVAL);
	CHECK(atomik_ordered_accum_delta(&fp, UINT64_MAX - 7, text, other, 8) == ATOMIK_EINVAL);
	CHECK(atomik_ordered_value(&fp) == atomik_ordered_reduce(other, len));
	CHECK(atomik_ordered_reset(&fp) == atomik_ordered_value(&fp));
	CHECK(!atomik_ordered_changed(&fp));
	CHECK(atomik_ordered_update(&fp, text, len) == atomik_ordered_reduce(text, len));
	CHECK(atomik_ordered_changed(&fp));
}

static void errors_have_words(void)
{
	static const int errors[] = { ATOMIK_ENOENT, ATOMIK_EBADF,  ATOMIK_ENOMEM, ATOMIK_EACCES,
				      ATOMIK_EFAULT, ATOMIK_EINVAL, ATOMIK_ENOTTY, ATOMIK_OK,
				      ATOMIK_ECANCELED, ATOMIK_EAGAIN };
	size_t i, j;

	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		CHECK(strcmp(atomik_strerror(errors[i]), atomik_strerror(12345)) != 0);
		for (j = 0; j < i; j++)
			CHECK(strcmp(atomik_strerror(errors[i]), atomik_strerror(errors[j])) != 0);
	}
	CHECK(atomik_strerror(-1) != NULL);
#ifdef ATOMIK_DEVICE
	/* Errors that only the system has words for. */
	CHECK(ATOMIK_ECANCELED == ECANCELED && ATOMIK_EAGAIN == EAGAIN);
	CHECK(strcmp(atomik_strerror(ENOSPC), strerror(ENOSPC)) == 0);
	CHECK(strcmp(atomik_strerror(EMFILE), strerror(EMFILE)) == 0);
#else
	CHECK(strcmp(atomik_strerror(12345), "an error of the system") == 0);
#endif
}

#ifdef ATOMIK_DEVICE
/* The number that the next descriptor gets. */
static int next_descriptor(void)
{
	int next = dup(STDOUT_FILENO);

	CHECK(next >= 0 && close(next) == 0);
	return next;
}

/* What a table in the process has no descriptor for, and what isn't a descriptor of the device. */
static void no_device_to_share(void)
{
	static uint64_t memory[ATOMIK_TABLE_WORDS(1)];
	atomik_table_t t;
	int fd = 7, next, pair[2];

	CHECK(atomik_table_init_in(&t, memory, 1, 64) == 0);
	CHECK(atomik_table_export(&t, 0, &fd) == ATOMIK_ENOTTY && fd == 7);
	FAILED(&t, ATOMIK_ENOTTY, SIZE_MAX);
	CHECK(atomik_table_export(&t, 0, NULL) == ATOMIK_EFAULT);
	FAILED(&t, ATOMIK_EFAULT, SIZE_MAX);
	atomik_table_free(&t);

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	next = next_descriptor();
	/* It is received, and closed again. */
	CHECK(atomik_device_send(pair[0], pair[0]) == 0);
	CHECK(atomik_device_receive(pair[1], NULL) == ATOMIK_EFAULT);
	CHECK(atomik_device_receive(pair[1], &fd) == ATOMIK_ENOTTY && fd == 7);
	CHECK(next_descriptor() == next);
	/* Nothing but a byte. */
	CHECK(write(pair[0], "", 1) == 1);
	CHECK(atomik_device_receive(pair[1], &fd) == ATOMIK_ENOTTY && fd == 7);
	CHECK(atomik_device_send(pair[0], -1) == ATOMIK_EBADF);
	/* The end. */
	CHECK(close(pair[0]) == 0);
	CHECK(atomik_device_receive(pair[1], &fd) == ATOMIK_ENOTTY && fd == 7);
	CHECK(atomik_device_send(pair[1], pair[1]) == EPIPE);
	CHECK(close(pair[1]) == 0);
	CHECK(atomik_device_receive(pair[1], &fd) == ATOMIK_EBADF);
	CHECK(atomik_device_send(pair[1], STDOUT_FILENO) == ATOMIK_EBADF);
	/* A socket that would lose the descriptor, of a kind that every kernel has. */
	pair[0] = socket(AF_NETLINK, SOCK_RAW, 0);
	CHECK(pair[0] >= 0 && atomik_device_send(pair[0], STDOUT_FILENO) == EAFNOSUPPORT);
	CHECK(close(pair[0]) == 0);
}

/* Where an off_t has 32 bits, not all tables can be mapped. */
static void no_device_to_map(void)
{
	const int no_such_file = sizeof(off_t) < 8 ? EOVERFLOW : ATOMIK_EBADF;
	atomik_table_t t;
	atomik_table_map_t m;

	CHECK(atomik_table_attach(&t, -1, 2047, 4) == 0);
	CHECK(atomik_table_map(&t, 0, &m) == ATOMIK_EBADF);
	FAILED(&t, ATOMIK_EBADF, SIZE_MAX);
	CHECK(m.table.num_contexts == 0 && m.states == NULL && m.control == NULL);
	CHECK(atomik_table_attach(&t, -1, 2048, 4) == 0);
	CHECK(atomik_table_map(&t, 0, &m) == no_such_file);
	CHECK(atomik_table_attach(&t, -1, UINT32_MAX, 4) == 0);
	CHECK(atomik_table_map(&t, 0, &m) == no_such_file);
}

/* Nobody else changes a table in the process: there is nothing to wait for. */
static void no_device_to_watch(void)
{
	static uint64_t memory[ATOMIK_TABLE_WORDS(4)];
	atomik_table_t t;
	int fd = 7;

	CHECK(atomik_table_init_in(&t, memory, 4, 64) == 0);
	CHECK(atomik_table_watch(&t, 1, 2, 0, &fd) == ATOMIK_ENOTTY && fd == 7);
	FAILED(&t, ATOMIK_ENOTTY, 1);
	CHECK(atomik_table_touch(&t, 1, 2) == ATOMIK_ENOTTY);
	FAILED(&t, ATOMIK_ENOTTY, 1);
	atomik_table_free(&t);

	/* What the driver needn't be asked for. */
	CHECK(atomik_table_attach(&t, -1, 1, 4) == 0);
	CHECK(atomik_table_watch(&t, 3, 0, 0, &fd) == ATOMIK_EINVAL && fd == 7);
	FAILED(&t, ATOMIK_EINVAL, 3);
	CHECK(atomik_table_watch(&t, 3, 2, 0, &fd) == ATOMIK_EINVAL && fd == 7);
	FAILED(&t, ATOMIK_EINVAL, 3);
	CHECK(atomik_table_watch(&t, 4, 1, 0, &fd) == ATOMIK_EINVAL && fd == 7);
	FAILED(&t, ATOMIK_EINVAL, 4);
	CHECK(atomik_table_watch(&t, 1, SIZE_MAX, 0, &fd) == ATOMIK_EINVAL && fd == 7);
	FAILED(&t, ATOMIK_EINVAL, 1);
	CHECK(atomik_table_watch(&t, 0, 4, 0, NULL) == ATOMIK_EFAULT);
	FAILED(&t, ATOMIK_EFAULT, 0);
	CHECK(atomik_table_watch(&t, 0, 4, 0, &fd) == ATOMIK_EBADF && fd == 7);
	FAILED(&t, ATOMIK_EBADF, 0);
	CHECK(atomik_table_touch(&t, 3, 2) == ATOMIK_EINVAL);
	FAILED(&t, ATOMIK_EINVAL, 3);
	CHECK(atomik_table_touch(&t, 0, 4) == ATOMIK_EBADF);
	FAILED(&t, ATOMIK_EBADF, 0);
	atomik_table_free(&t);
}

/* Reading, from a pipe that says what a watch would. */
static void reading_a_watch(void)
{
	static const atomik_change_t said[3] = { { 1, 0, 5 }, { 2, 0, UINT64_MAX }, { 9, 0, 0 } };
	atomik_change_t changes[4];
	size_t told = 7;
	int pair[2];

	memset(changes, 0, sizeof(changes));
	CHECK(pipe(pair) == 0 && write(pair[1], said, sizeof(said)) == sizeof(said));
	CHECK(atomik_watch_read(pair[0], NULL, 4, &told) == ATOMIK_EFAULT && told == 0);
	CHECK(atomik_watch_read(pair[0], changes, 4, NULL) == ATOMIK_EFAULT);
	CHECK(atomik_watch_read(pair[0], changes, 0, &told) == ATOMIK_EINVAL && told == 0);
	/* More than there is room for. */
	CHECK(atomik_watch_read(pair[0], changes, 2, &told) == ATOMIK_OK && told == 2);
	CHECK(changes[2].addr == 0);
	CHECK(changes[0].addr == 1 && changes[0].state == 5);
	CHECK(changes[1].addr == 2 && changes[1].state == UINT64_MAX);
	/* The room may be called larger than any read is. */
	CHECK(atomik_watch_read(pair[0], changes, SIZE_MAX, &told) == ATOMIK_OK && told == 1);
	CHECK(changes[0].addr == 9 && changes[0].state == 0);
	CHECK(fcntl(pair[0], F_SETFL, O_NONBLOCK) == 0);
	CHECK(atomik_watch_read(pair[0], changes, 4, &told) == ATOMIK_EAGAIN && told == 0);
	CHECK(close(pair[1]) == 0);
	CHECK(atomik_watch_read(pair[0], changes, 4, &told) == ATOMIK_OK && told == 0);
	CHECK(close(pair[0]) == 0);
	CHECK(atomik_watch_read(pair[0], changes, 4, &told) == ATOMIK_EBADF);
}

/* The number of this process's descriptors. */
static int descriptors(void)
{
	int fd, open = 0;

	for (fd = 0; fd < 2048; fd++)
		open += fcntl(fd, F_GETFD) != -1;
	return open;
}

/* Sends a byte with a descriptor, count times. */
static void send_many(int sock, int fd, size_t count)
{
	union {
		struct cmsghdr first;
		char bytes[CMSG_SPACE(253 * sizeof(int))];
	} control;
	size_t i;
	struct msghdr header;
	struct iovec data;
	char byte = 0;

	memset(&control, 0, sizeof(control));
	memset(&header, 0, sizeof(header));
	data.iov_base = &byte;
	data.iov_len = 1;
	header.msg_iov = &data;
	header.msg_iovlen = 1;
	header.msg_control = &control;
	header.msg_controllen = (socklen_t)CMSG_SPACE(count * sizeof(fd));
	control.first.cmsg_level = SOL_SOCKET;
	control.first.cmsg_type = SCM_RIGHTS;
	control.first.cmsg_len = (socklen_t)CMSG_LEN(count * sizeof(fd));
	for (i = 0; i < count; i++)
		memcpy(CMSG_DATA(&control.first) + i * sizeof(fd), &fd, sizeof(fd));
	CHECK(sendmsg(sock, &header, 0) == 1);
}

/*
 * A receiver that has asked for more than descriptors gets the one that was sent. It is open as a
 * path only, so that the question of whether it is a device has another answer than ENOTTY.
 */
static void other_control_messages(void)
{
	enum {
		/* SO_PASSCRED, SO_PASSPIDFD and O_PATH, which strict standards hide. */
		PASS_CRED = 16,
		PASS_PIDFD = 76,
		PATH = 010000000
	};
	const int on = 1, path = open("/dev/null", PATH);
	int pair[2], fd = 7, before, option;

	CHECK(path >= 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	before = descriptors();
	for (option = 0; option < 3; option++) {
		struct rlimit limit, less;

		if (option == 1)
			CHECK(setsockopt(pair[1], SOL_SOCKET, PASS_CRED, &on, sizeof(on)) == 0);
		/* Linux has it since 6.5. */
		if (option == 2 &&
		    setsockopt(pair[1], SOL_SOCKET, PASS_PIDFD, &on, sizeof(on)) == -1)
			break;
		CHECK(atomik_device_send(pair[0], path) == 0);
		CHECK(atomik_device_receive(pair[1], &fd) == ATOMIK_EBADF && fd == 7);
		CHECK(descriptors() == before);
		/* Several are refused. */
		send_many(pair[0], path, 2);
		send_many(pair[0], path, 253);
		CHECK(atomik_device_receive(pair[1], &fd) == ATOMIK_ENOTTY && fd == 7);
		CHECK(atomik_device_receive(pair[1], &fd) == ATOMIK_ENOTTY && fd == 7);
		CHECK(descriptors() == before);
		/* No number is left for the one that comes; and one number for two. */
		CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
		less = limit;
		CHECK(atomik_device_send(pair[0], path) == 0);
		send_many(pair[0], path, 2);
		less.rlim_cur = 0;
		CHECK(setrlimit(RLIMIT_NOFILE, &less) == 0);
		CHECK(atomik_device_receive(pair[1], &fd) == EMFILE && fd == 7);
		CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
		less.rlim_cur = (rlim_t)next_descriptor() + 1;
		CHECK(setrlimit(RLIMIT_NOFILE, &less) == 0);
		CHECK(atomik_device_receive(pair[1], &fd) == EMFILE && fd == 7);
		CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
		CHECK(descriptors() == before);
	}
	CHECK(close(pair[0]) == 0 && close(pair[1]) == 0 && close(path) == 0);
}

/* The error is the system's, not the table's. */
static void no_descriptor_is_left(void)
{
	struct rlimit before, none;
	atomik_table_t t;

	CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
	none = before;
	none.rlim_cur = 0;
	CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
	CHECK(atomik_table_open(&t, 256) == EMFILE && atomik_table_error(&t) == EMFILE);
	CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
	is_nowhere(&t);
}
#endif

int main(void)
{
	static uint64_t memory[ATOMIK_TABLE_WORDS(8)];
	atomik_table_t t;

	the_names_that_programs_use();
	widths();
	narrow_tables();
	tables_that_cannot_be_made();
	ordered_fingerprints();
	errors_have_words();
#ifdef ATOMIK_DEVICE
	no_descriptor_is_left();
	no_device_to_share();
	other_control_messages();
	no_device_to_map();
	no_device_to_watch();
	reading_a_watch();
#endif
	CHECK(atomik_table_init_in(&t, memory, 8, 64) == 0);
	on_a_table(&t);
	atomik_table_free(&t);
	is_nowhere(&t);
#ifndef ATOMIK_NO_MALLOC
	CHECK(atomik_table_init(&t, 8) == 0);
	on_a_table(&t);
	atomik_table_free(&t);
	is_nowhere(&t);
#endif
#ifdef ON_DEVICE
	CHECK(atomik_table_open(&t, 8) == 0);
	on_a_table(&t);
	atomik_table_free(&t);
	is_nowhere(&t);
#endif
	printf("ok\n");
	return 0;
}
