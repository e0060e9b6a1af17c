/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Does what it is told, line by line, with atomik_core.h, and answers each line with
 * one: "ok", a value, or "error N". What must come out is for others to know.
 *
 *   runner allocated | given | device
 *
 * says where tables live; on the device, a context is a table of one. `new KIND …` makes the object that the next
 * lines are about. Values are hexadecimal, bytes pairs of digits, or - for none.
 */
#define ATOMIK_IMPLEMENTATION
#include "atomik_core.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum { ALLOCATED, GIVEN, DEVICE } place;
static enum { NOTHING, CONTEXT, TABLE, FINGERPRINT, ORDERED } kind;

static atomik_ctx_t context;
static atomik_table_t table;
static atomik_fingerprint_t fp;
static atomik_ordered_t ordered;
static uint64_t memory[ATOMIK_TABLE_WORDS(ATOMIK_MAX_CONTEXTS)];
static char *rest;

static void broken(const char *what)
{
	fprintf(stderr, "runner: %s\n", what);
	exit(2);
}

/* The next word of the line; NULL at its end. */
static char *word(void)
{
	char *found = rest + strspn(rest, " \n");
	char *end = found + strcspn(found, " \n");

	if (*found == 0)
		return NULL;
	rest = *end == 0 ? end : end + 1;
	*end = 0;
	return found;
}

static char *need(void)
{
	char *found = word();

	if (found == NULL)
		broken("a word is missing");
	return found;
}

static uint64_t number_of(const char *digits)
{
	char *end;
	uint64_t value = strtoull(digits, &end, 0);

	if (*end != 0)
		broken("not a number");
	return value;
}

static uint64_t number(void)
{
	return number_of(need());
}

/* An address, or a number of things. A cast is one too many where size_t has 64 bits. */
static size_t size(void)
{
	return number() & SIZE_MAX;
}

/* Bytes, in place of their digits. As a copy of its own, so that a sanitizer knows where they end. */
static unsigned char *bytes(size_t *len)
{
	static const char digits[] = "0123456789abcdef";
	const char *text = need();
	unsigned char *data;
	size_t i;

	*len = strcmp(text, "-") == 0 ? 0 : strlen(text) / 2;
	if (*len == 0)
		return NULL;
	data = (unsigned char *)malloc(*len);
	if (data == NULL)
		broken("no memory");
	for (i = 0; i < *len; i++) {
		const char *high = strchr(digits, text[2 * i]);
		const char *low = strchr(digits, text[2 * i + 1]);

		if (high == NULL || low == NULL)
			broken("not bytes");
		data[i] = (unsigned char)((high - digits) << 4 | (low - digits));
	}
	return data;
}

static void answer_error(int error)
{
	if (error == ATOMIK_OK)
		printf("ok\n");
	else
		printf("error %d\n", error);
}

static void answer(uint64_t value)
{
	printf("0x%" PRIx64 "\n", value);
}

/* Of a call on the table, whose error must be the one that the table keeps. */
static void answer_table_error(int error)
{
	if (atomik_table_error(&table) != error)
		broken("the table keeps another error");
	atomik_table_clear_error(&table);
	answer_error(error);
}

static void answer_table(uint64_t value)
{
	if (atomik_table_error(&table) == ATOMIK_OK)
		answer(value);
	else if (value != 0)
		broken("a state beside an error");
	else
		answer_table_error(atomik_table_error(&table));
}

static int make_table(size_t contexts, unsigned width)
{
	switch (place) {
	case ALLOCATED:
		return width == 64 ? atomik_table_init(&table, contexts) :
				     atomik_table_init_width(&table, contexts, width);
	case GIVEN:
		memset(memory, 0x5a, sizeof(memory));
		return atomik_table_init_in(&table, memory, contexts, width);
	case DEVICE:
	default:
#ifdef ATOMIK_DEVICE
		if (width != 64)
			broken("the device is 64 bits wide");
		return atomik_table_open(&table, contexts);
#else
		broken("built without the device");
		return 0;
#endif
	}
}

static void make(void)
{
	const char *what = need();

	atomik_table_free(&table);
	if (strcmp(what, "context") == 0) {
		unsigned width = (unsigned)number();

		kind = CONTEXT;
		answer_error(place == DEVICE ? make_table(1, width) : atomik_init_width(&context, width));
	} else if (strcmp(what, "table") == 0) {
		size_t contexts = size();

		kind = TABLE;
		answer_table_error(make_table(contexts, (unsigned)number()));
	} else if (strcmp(what, "fingerprint") == 0) {
		kind = FINGERPRINT;
		answer_error(atomik_fp_init_width(&fp, (unsigned)number()));
	} else if (strcmp(what, "ordered") == 0) {
		kind = ORDERED;
		atomik_ordered_init(&ordered);
		answer_error(ATOMIK_OK);
	} else {
		broken("an unknown kind");
	}
}

static void on_context(const char *op)
{
	if (strcmp(op, "load") == 0) {
		atomik_load(&context, number());
		answer_error(ATOMIK_OK);
	} else if (strcmp(op, "accum") == 0) {
		atomik_accum(&context, number());
		answer_error(ATOMIK_OK);
	} else if (strcmp(op, "rollback") == 0) {
		atomik_rollback(&context, number());
		answer_error(ATOMIK_OK);
	} else if (strcmp(op, "read") == 0) {
		answer(atomik_read(&context));
	} else if (strcmp(op, "swap") == 0) {
		const char *value = word();

		answer(value != NULL ? atomik_swap_to(&context, number_of(value)) : atomik_swap(&context));
	} else if (strcmp(op, "merge") == 0) {
		atomik_ctx_t other;
		const char *delta;

		if (atomik_init_width(&other, atomik_width(&context)) != ATOMIK_OK)
			broken("a context's width isn't one");
		atomik_load(&other, number());
		while ((delta = word()) != NULL)
			atomik_accum(&other, number_of(delta));
		atomik_merge(&context, &other);
		answer_error(ATOMIK_OK);
	} else if (strcmp(op, "words") == 0) {
		printf("0x%" PRIx64 " 0x%" PRIx64 " %s\n", context.reference, context.accumulator,
		       atomik_is_clean(&context) ? "clean" : "changed");
	} else {
		broken("an unknown operation of a context");
	}
}

static void batch(void)
{
	static atomik_op_t ops[ATOMIK_MAX_BATCH + 1];
	size_t n = 0, i;
	const char *op;
	int error;

	memset(ops, 0, sizeof(ops));
	for (; (op = word()) != NULL; n++) {
		if (n == sizeof(ops) / sizeof(ops[0]))
			broken("a batch of more than may be tried");
		ops[n].opcode = (uint8_t)number_of(op);
		ops[n].addr = (uint32_t)number();
		ops[n].value = number();
	}
	error = atomik_table_batch(&table, ops, n);
	if (error != ATOMIK_OK) {
		answer_table_error(error);
		return;
	}
	printf("ok");
	for (i = 0; i < n; i++) {
		if (ops[i].opcode == ATOMIK_OP_READ || ops[i].opcode == ATOMIK_OP_SWAP)
			printf(" 0x%" PRIx64, ops[i].value);
	}
	printf("\n");
}

static void accum_many(void)
{
	size_t n = size(), i;
	/* One of them even for none: what malloc(0) returns is its own affair. */
	uint32_t *addrs = (uint32_t *)malloc((n + 1) * sizeof(*addrs));
	uint64_t *deltas = (uint64_t *)malloc((n + 1) * sizeof(*deltas));

	if (addrs == NULL || deltas == NULL)
		broken("no memory");
	for (i = 0; i < n; i++) {
		addrs[i] = (uint32_t)number();
		deltas[i] = number();
	}
	answer_table_error(atomik_table_accum_many(&table, addrs, deltas, n));
	free(addrs);
	free(deltas);
}

static void snapshot(void)
{
	size_t i;

	printf("ok");
	for (i = 0; i < table.num_contexts; i++) {
		uint64_t state = atomik_table_read(&table, i);

		if (state != 0)
			printf(" %zu 0x%" PRIx64, i, state);
	}
	if (atomik_table_error(&table) != ATOMIK_OK)
		broken("an error while reading a whole table");
	printf("\n");
}

static void on_table(const char *op)
{
	size_t addr;

	if (strcmp(op, "batch") == 0) {
		batch();
		return;
	}
	if (strcmp(op, "accum_many") == 0) {
		accum_many();
		return;
	}
	if (strcmp(op, "snapshot") == 0) {
		snapshot();
		return;
	}
	addr = size();
	if (strcmp(op, "load") == 0) {
		answer_table_error(atomik_table_load(&table, addr, number()));
	} else if (strcmp(op, "accum") == 0) {
		answer_table_error(atomik_table_accum(&table, addr, number()));
	} else if (strcmp(op, "rollback") == 0) {
		answer_table_error(atomik_table_rollback(&table, addr, number()));
	} else if (strcmp(op, "read") == 0) {
		answer_table(atomik_table_read(&table, addr));
	} else if (strcmp(op, "swap") == 0) {
		const char *value = word();

		answer_table(value != NULL ? atomik_table_swap_to(&table, addr, number_of(value)) :
					     atomik_table_swap(&table, addr));
	} else {
		broken("an unknown operation of a table");
	}
}

/* What is said about a context, of the only one of a table. */
static void on_device_context(const char *op)
{
	if (strcmp(op, "merge") == 0) {
		atomik_ctx_t other;
		const char *delta;

		atomik_init(&other);
		atomik_load(&other, number());
		while ((delta = word()) != NULL)
			atomik_accum(&other, number_of(delta));
		answer_table_error(atomik_table_accum(&table, 0, other.accumulator));
	} else if (strcmp(op, "words") == 0) {
		int error = atomik_table_context(&table, 0, &context);

		if (error != ATOMIK_OK)
			answer_table_error(error);
		else
			on_context(op);
	} else {
		static char line[200];

		/* The same line with the address in it. */
		snprintf(line, sizeof(line), "0 %s", rest);
		rest = line;
		on_table(op);
	}
}

static void on_fingerprint(const char *op)
{
	size_t len, new_len;
	unsigned char *data, *new_data;

	if (strcmp(op, "load") == 0) {
		data = bytes(&len);
		answer(atomik_fp_load(&fp, data, len));
		free(data);
	} else if (strcmp(op, "update") == 0) {
		data = bytes(&len);
		answer(atomik_fp_update(&fp, data, len));
		free(data);
	} else if (strcmp(op, "accumulate_delta") == 0) {
		data = bytes(&len);
		new_data = bytes(&new_len);
		(void)atomik_fp_accum_bytes(&fp, data, len, new_data, new_len);
		answer_error(ATOMIK_OK);
		free(data);
		free(new_data);
	} else if (strcmp(op, "reset") == 0) {
		(void)atomik_fp_reset(&fp);
		answer_error(ATOMIK_OK);
	} else if (strcmp(op, "words") == 0) {
		printf("0x%" PRIx64 " 0x%" PRIx64 " %s\n", atomik_fp_value(&fp), atomik_fp_delta(&fp),
		       atomik_fp_changed(&fp) ? "changed" : "clean");
	} else {
		broken("an unknown operation of a fingerprint");
	}
}

static void on_ordered(const char *op)
{
	size_t len, new_len;
	unsigned char *data, *new_data;

	if (strcmp(op, "load") == 0) {
		data = bytes(&len);
		answer(atomik_ordered_load(&ordered, data, len));
		free(data);
	} else if (strcmp(op, "update") == 0) {
		data = bytes(&len);
		answer(atomik_ordered_update(&ordered, data, len));
		free(data);
	} else if (strcmp(op, "accumulate_delta") == 0) {
		uint64_t offset = number();

		data = bytes(&len);
		new_data = bytes(&new_len);
		if (len != new_len)
			broken("parts of different lengths can't be said");
		answer_error(atomik_ordered_accum_delta(&ordered, offset, data, new_data, len));
		free(data);
		free(new_data);
	} else if (strcmp(op, "reset") == 0) {
		(void)atomik_ordered_reset(&ordered);
		answer_error(ATOMIK_OK);
	} else if (strcmp(op, "words") == 0) {
		printf("0x%" PRIx64 " 0x%" PRIx64 " %s\n", atomik_ordered_value(&ordered),
		       atomik_ordered_delta(&ordered),
		       atomik_ordered_changed(&ordered) ? "changed" : "clean");
	} else {
		broken("an unknown operation of an ordered fingerprint");
	}
}

int main(int argc, char **argv)
{
	/* A batch of the most entries, or some hundred kilobytes as digits. */
	static char line[1 << 20];

	if (argc != 2)
		broken("usage: runner allocated | given | device");
	if (strcmp(argv[1], "given") == 0)
		place = GIVEN;
	else if (strcmp(argv[1], "device") == 0)
		place = DEVICE;
	else if (strcmp(argv[1], "allocated") != 0)
		broken("an unknown place");
	while (fgets(line, sizeof(line), stdin) != NULL) {
		const char *op;

		if (strchr(line, '\n') == NULL)
			broken("a line is too long");
		rest = line;
		op = need();
		if (strcmp(op, "new") == 0)
			make();
		else if (kind == CONTEXT && place == DEVICE)
			on_device_context(op);
		else if (kind == CONTEXT)
			on_context(op);
		else if (kind == TABLE)
			on_table(op);
		else if (kind == FINGERPRINT)
			on_fingerprint(op);
		else if (kind == ORDERED)
			on_ordered(op);
		else
			broken("there is nothing yet");
	}
	atomik_table_free(&table);
	return 0;
}
