/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The vectors of tests/vectors, with atomik_core.h:
 *
 *   vectors allocated | given | device
 *
 * says where tables are. For each file it prints how many cases hold; how many of them fail, as
 * they must, with one expectation changed; and how many do with one operand changed. Anything wrong
 * goes to standard error.
 */
#define ATOMIK_IMPLEMENTATION
#include "atomik_core.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vectors.h"

static enum { ALLOCATED, GIVEN, DEVICE } storage;
static enum op made;
static bool failed;

static atomik_ctx_t context;
static atomik_table_t table;
static atomik_fingerprint_t fp;
static atomik_ordered_t ordered;

/* The last two that were compared. */
static uint64_t found, expected;

static void broken(const char *what)
{
	fprintf(stderr, "vectors: %s\n", what);
	exit(2);
}

static bool same(uint64_t one, uint64_t other)
{
	found = one;
	expected = other;
	return one == other;
}

static bool ended(const struct step *s, int error)
{
	return same((uint64_t)error, (uint64_t)s->error);
}

/* Of a call on the table, whose error must be the one that the table keeps, if it is a fault. */
static bool table_ended(const struct step *s, int error)
{
	if (atomik_table_error(&table) != (error == ATOMIK_ECANCELED ? ATOMIK_OK : error))
		broken("the table keeps another error");
	atomik_table_clear_error(&table);
	return ended(s, error);
}

static bool table_returned(const struct step *s, uint64_t state)
{
	int error = atomik_table_error(&table);

	if (error != ATOMIK_OK && state != 0)
		broken("a state beside an error");
	return table_ended(s, error) && same(state, s->expect);
}

static bool words(const struct step *s, uint64_t value, uint64_t delta, bool changed)
{
	return same(value, s->expect) && same(delta, s->expect_delta) && same(changed, s->changed);
}

static int make_table(size_t contexts, unsigned width)
{
	static uint64_t memory[ATOMIK_TABLE_WORDS(ATOMIK_MAX_CONTEXTS)];

	switch (storage) {
	case ALLOCATED:
		return width == 64 ? atomik_table_init(&table, contexts) :
				     atomik_table_init_width(&table, contexts, width);
	case GIVEN:
		memset(memory, 0x5a, sizeof(memory));
		return atomik_table_init_in(&table, memory, contexts, width);
	case DEVICE:
	default:
#ifdef ATOMIK_DEVICE
		return atomik_table_open(&table, contexts);
#else
		broken("built without the device");
		return 0;
#endif
	}
}

static bool make(const struct step *s)
{
	unsigned width = (unsigned)s->value;
	size_t contexts = s->addr & SIZE_MAX;

	atomik_table_free(&table);
	made = s->op;
	/* A context of the device is a table of one. */
	if (made == MAKE_TABLE || (made == MAKE_CONTEXT && storage == DEVICE))
		return table_ended(s, make_table(contexts, width));
	if (made == MAKE_CONTEXT)
		return ended(s, atomik_init_width(&context, width));
	if (made == MAKE_FINGERPRINT)
		return ended(s, atomik_fp_init_width(&fp, width));
	atomik_ordered_init(&ordered);
	return true;
}

static atomik_ctx_t merged(const struct step *s, unsigned width)
{
	atomik_ctx_t other;
	size_t i;

	if (atomik_init_width(&other, width) != ATOMIK_OK)
		broken("a context's width isn't one");
	atomik_load(&other, s->value);
	for (i = 0; i < s->count; i++)
		atomik_accum(&other, s->numbers[i]);
	return other;
}

static bool context_words(const struct step *s)
{
	return words(s, context.reference, context.accumulator, !atomik_is_clean(&context));
}

static bool on_context(const struct step *s)
{
	atomik_ctx_t other;

	switch (s->op) {
	case LOAD:
		atomik_load(&context, s->value);
		return true;
	case ACCUM:
		atomik_accum(&context, s->value);
		return true;
	case ROLLBACK:
		atomik_rollback(&context, s->value);
		return true;
	case READ:
		return same(atomik_read(&context), s->expect);
	case SWAP:
		return same(atomik_swap(&context), s->expect);
	case SWAP_TO:
		return same(atomik_swap_to(&context, s->value), s->expect);
	case MERGE:
		other = merged(s, atomik_width(&context));
		atomik_merge(&context, &other);
		return true;
	case WORDS:
		return context_words(s);
	default:
		broken("an unknown operation of a context");
		return false;
	}
}

static bool batch(const struct step *s)
{
	static atomik_op_t ops[ATOMIK_MAX_BATCH];
	size_t i;
	int error;

	if (s->count > ATOMIK_MAX_BATCH)
		broken("a batch of too many entries");
	memset(ops, 0, sizeof(ops));
	for (i = 0; i < s->count; i++) {
		ops[i].opcode = (uint8_t)s->numbers[4 * i];
		ops[i].addr = (uint32_t)s->numbers[4 * i + 1];
		ops[i].value = s->numbers[4 * i + 2];
	}
	error = atomik_table_batch(&table, ops, s->count);
	if (!table_ended(s, error))
		return false;
	if (error == ATOMIK_ECANCELED)
		return same(atomik_table_failed_entry(&table), s->addr) &&
		       same(ops[s->addr].value, s->expect);
	if (error != ATOMIK_OK)
		return true;
	for (i = 0; i < s->count; i++) {
		if (!same(ops[i].value, s->numbers[4 * i + 3]))
			return false;
	}
	return true;
}

static bool compare_exchange(const struct step *s, size_t addr)
{
	uint64_t state = s->numbers[0];
	int error = atomik_table_compare_exchange(&table, addr, &state, s->value);

	/* What was handed in stays there, with all of its bits. */
	return table_ended(s, error) &&
	       (error == ATOMIK_EINVAL || same(state & ~table.excess, s->expect));
}

static bool accum_many(const struct step *s)
{
	/* One of them even for none: malloc(0) may return NULL. */
	uint32_t *addrs = (uint32_t *)malloc((s->count + 1) * sizeof(*addrs));
	uint64_t *deltas = (uint64_t *)malloc((s->count + 1) * sizeof(*deltas));
	size_t i;
	int error;

	if (addrs == NULL || deltas == NULL)
		broken("no memory");
	for (i = 0; i < s->count; i++) {
		addrs[i] = (uint32_t)s->numbers[2 * i];
		deltas[i] = s->numbers[2 * i + 1];
	}
	error = atomik_table_accum_many(&table, addrs, deltas, s->count);
	free(addrs);
	free(deltas);
	return table_ended(s, error);
}

static bool snapshot(const struct step *s)
{
	size_t i, n = 0;
	bool equal = true;

	for (i = 0; i < table.num_contexts && equal; i++) {
		uint64_t state = atomik_table_read(&table, i);

		if (state == 0)
			continue;
		equal = n < s->count && same(i, s->numbers[2 * n]) && same(state, s->numbers[2 * n + 1]);
		n++;
	}
	if (atomik_table_error(&table) != ATOMIK_OK)
		broken("an error while reading a whole table");
	return equal && same(n, s->count);
}

static bool on_table(const struct step *s)
{
	/* A cast is one too many where size_t has 64 bits. */
	size_t addr = s->addr & SIZE_MAX;

	switch (s->op) {
	case LOAD:
		return table_ended(s, atomik_table_load(&table, addr, s->value));
	case ACCUM:
		return table_ended(s, atomik_table_accum(&table, addr, s->value));
	case ROLLBACK:
		return table_ended(s, atomik_table_rollback(&table, addr, s->value));
	case READ:
		return table_returned(s, atomik_table_read(&table, addr));
	case SWAP:
		return table_returned(s, atomik_table_swap(&table, addr));
	case SWAP_TO:
		return table_returned(s, atomik_table_swap_to(&table, addr, s->value));
	case SET:
		return table_ended(s, atomik_table_set(&table, addr, s->value));
	case COMPARE_EXCHANGE:
		return compare_exchange(s, addr);
	case ACCUM_MANY:
		return accum_many(s);
	case SNAPSHOT:
		return snapshot(s);
	case BATCH:
		return batch(s);
	case MERGE:
		return table_ended(s, atomik_table_accum(&table, addr, merged(s, 64).accumulator));
	case WORDS:
		return table_ended(s, atomik_table_context(&table, addr, &context)) && context_words(s);
	default:
		broken("an unknown operation of a table");
		return false;
	}
}

/* Bytes in memory of their own, so that a sanitizer knows where they end. */
static unsigned char *copy(const unsigned char *bytes, size_t len)
{
	unsigned char *own;

	if (len == 0)
		return NULL;
	own = (unsigned char *)malloc(len);
	if (own == NULL)
		broken("no memory");
	else
		memcpy(own, bytes, len);
	return own;
}

static bool on_fingerprint(const struct step *s, const unsigned char *data,
			   const unsigned char *old)
{
	switch (s->op) {
	case LOAD:
		return same(atomik_fp_load(&fp, data, s->len), s->expect);
	case UPDATE:
		return same(atomik_fp_update(&fp, data, s->len), s->expect);
	case ACCUMULATE_DELTA:
		(void)atomik_fp_accum_bytes(&fp, old, s->old_len, data, s->len);
		return true;
	case RESET:
		(void)atomik_fp_reset(&fp);
		return true;
	case WORDS:
		return words(s, atomik_fp_value(&fp), atomik_fp_delta(&fp), atomik_fp_changed(&fp));
	default:
		broken("an unknown operation of a fingerprint");
		return false;
	}
}

static bool on_ordered(const struct step *s, const unsigned char *data, const unsigned char *old)
{
	switch (s->op) {
	case LOAD:
		return same(atomik_ordered_load(&ordered, data, s->len), s->expect);
	case UPDATE:
		return same(atomik_ordered_update(&ordered, data, s->len), s->expect);
	case ACCUMULATE_DELTA:
		if (s->old_len != s->len)
			broken("C has one length for both parts");
		return ended(s, atomik_ordered_accum_delta(&ordered, s->addr, old, data, s->len));
	case RESET:
		(void)atomik_ordered_reset(&ordered);
		return true;
	case WORDS:
		return words(s, atomik_ordered_value(&ordered), atomik_ordered_delta(&ordered),
			     atomik_ordered_changed(&ordered));
	default:
		broken("an unknown operation of an ordered fingerprint");
		return false;
	}
}

static bool on_bytes(const struct step *s)
{
	unsigned char *data = copy(s->data, s->len), *old = copy(s->old, s->old_len);
	bool held = made == MAKE_ORDERED ? on_ordered(s, data, old) : on_fingerprint(s, data, old);

	free(data);
	free(old);
	return held;
}

static bool holds(const struct step *s)
{
	if (s->op <= MAKE_ORDERED)
		return make(s);
	if (s->op == LEFT_OUT)
		return true;
	if (made == MAKE_FINGERPRINT || made == MAKE_ORDERED)
		return on_bytes(s);
	return made == MAKE_TABLE || storage == DEVICE ? on_table(s) : on_context(s);
}

/* True if this storage can do a case. The device's contexts have 64 bits. */
static bool is_here(const struct vector *v)
{
	const struct step *first = v->steps;

	if (v->name == NULL)
		return false;
	return storage != DEVICE || first->op > MAKE_TABLE || first->value == 64;
}

/* The first step of a case that doesn't hold; the number of its steps, where all do. */
static size_t wrong_step(const struct vector *v, const struct change *change)
{
	size_t i;

	for (i = 0; i < v->count; i++) {
		const struct step *s = &v->steps[i];

		if (!holds(change != NULL && change->step == i ? &change->with : s))
			break;
	}
	return i;
}

static size_t check_cases(const struct file *f)
{
	size_t i, held = 0;

	for (i = 0; i < f->num_vectors; i++) {
		const struct vector *v = &f->vectors[i];
		size_t step;

		if (!is_here(v))
			continue;
		step = wrong_step(v, NULL);
		if (step == v->count) {
			held++;
			continue;
		}
		fprintf(stderr, "%s, %s: step %zu: 0x%" PRIx64 " in place of 0x%" PRIx64 "\n", f->name,
			v->name, step, found, expected);
		failed = true;
	}
	return held;
}

/* The number of changed expectations that fail. Each must, and at its own step. */
static size_t check_expectations(const struct file *f)
{
	size_t i, noticed = 0;

	for (i = 0; i < f->num_expectations; i++) {
		const struct change *change = &f->expectations[i];
		const struct vector *v = &f->vectors[change->vector];

		if (!is_here(v))
			continue;
		if (wrong_step(v, change) == change->step) {
			noticed++;
			continue;
		}
		fprintf(stderr, "%s, %s: step %zu holds with a changed expectation, number %zu\n", f->name,
			v->name, change->step, i);
		failed = true;
	}
	return noticed;
}

/* The number of changed operands that make a case fail. A later operation may hide one. */
static size_t count_operands(const struct file *f, size_t *all)
{
	size_t i, noticed = 0;

	*all = 0;
	for (i = 0; i < f->num_operands; i++) {
		const struct change *change = &f->operands[i];
		const struct vector *v = &f->vectors[change->vector];

		if (!is_here(v))
			continue;
		++*all;
		noticed += wrong_step(v, change) != v->count;
	}
	return noticed;
}

int main(int argc, char **argv)
{
	size_t i;

	if (argc != 2)
		broken("usage: vectors allocated | given | device");
	if (strcmp(argv[1], "given") == 0)
		storage = GIVEN;
	else if (strcmp(argv[1], "device") == 0)
		storage = DEVICE;
	else if (strcmp(argv[1], "allocated") != 0)
		broken("unknown storage");
	for (i = 0; i < NUM_FILES; i++) {
		const struct file *f = &files[i];
		size_t cases = check_cases(f), expectations = check_expectations(f), all;
		size_t operands = count_operands(f, &all);

		printf("%s: %zu cases, %zu expectations, %zu of %zu operands\n", f->name, cases,
		       expectations, operands, all);
	}
	atomik_table_free(&table);
	return failed;
}
