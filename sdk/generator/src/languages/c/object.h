/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What all objects have in common. Programs include the headers that are made from it, in C99 or
 * C++. Nothing here takes memory.
 */
#ifndef ATOMIKOBJ_OBJECT_H
#define ATOMIKOBJ_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A value of up to 256 bits: words of 64, the lowest first. */
typedef struct {
	uint64_t word[4];
} atomikobj_words_t;

/* Values of 128 and 256 bits, the lowest word first. */
typedef struct {
	uint64_t word[2];
} atomikobj_u128_t;

typedef atomikobj_words_t atomikobj_u256_t;

/* The longest message, in bytes. */
#define ATOMIKOBJ_MESSAGE_MAX 96

/* The bytes of a message. */
typedef struct {
	size_t length;
	uint8_t bytes[ATOMIKOBJ_MESSAGE_MAX];
} atomikobj_message_t;

/* The reason why a message was not applied. Nothing has changed then. */
typedef enum {
	ATOMIKOBJ_MESSAGE_OK = 0,
	ATOMIKOBJ_MESSAGE_DAMAGED, /* not the bytes that were sent, or no message */
	ATOMIKOBJ_MESSAGE_OTHER,   /* of another object or another field */
	ATOMIKOBJ_MESSAGE_VERSION, /* of a version that is not compatible */
	ATOMIKOBJ_MESSAGE_STORE    /* the message is right, but the store has failed */
} atomikobj_message_error_t;

/* ---- A store ---- */

/* Opcodes of an entry of a batch, numbered as those of /dev/atomik. */
typedef enum {
	ATOMIKOBJ_OP_LOAD = 0,   /* the value becomes the reference, the accumulator 0 */
	ATOMIKOBJ_OP_ACCUM = 1,  /* the value is XORed into the accumulator */
	ATOMIKOBJ_OP_READ = 2,   /* the state becomes the value */
	ATOMIKOBJ_OP_SWAP = 3,   /* so, and also the reference; the accumulator becomes 0 */
	ATOMIKOBJ_OP_EXPECT = 4, /* a condition: the value is the state before the batch */
	ATOMIKOBJ_OP_SET = 5     /* the value becomes the state; the reference stays */
} atomikobj_opcode_t;

/* An entry of a batch. */
typedef struct {
	atomikobj_opcode_t opcode;
	size_t addr;
	uint64_t value;
} atomikobj_op_t;

/* An EXPECT of a batch doesn't hold, and nothing has changed. As ATOMIK_ECANCELED. */
#define ATOMIKOBJ_CANCELED 125

/*
 * Contexts that are not in an object itself. <atomik/table.h> makes one of an atomik_table_t. run
 * does the entries in order, all or none of them, so that nobody sees them half done. It returns
 * 0, ATOMIKOBJ_CANCELED, or another error, of which only the store itself tells more.
 */
typedef struct {
	int (*run)(void *table, atomikobj_op_t *ops, size_t count);
	void *table;
} atomikobj_store_t;

/* A context. Its state is reference ^ accumulator. */
typedef struct {
	uint64_t reference;
	uint64_t accumulator;
} atomikobj_context_t;

/* Where the contexts of an object are, and which part of its history is in use. */
typedef struct {
	atomikobj_store_t store; /* run is NULL: in the object */
	size_t first;            /* the object's first context in the store */
	size_t oldest;           /* entry of the history */
	size_t remembered;       /* entries of the history */
} atomikobj_place_t;

/* ---- What follows is for the headers of the objects ---- */

typedef enum { ATOMIKOBJ_RAW_, ATOMIKOBJ_RUNS_ } atomikobj_encoding_t;
typedef enum { ATOMIKOBJ_NONE_, ATOMIKOBJ_XOR_, ATOMIKOBJ_RLE_ } atomikobj_compression_t;

/* A field, as the schema has it. */
typedef struct {
	uint32_t number;
	uint32_t first; /* context */
	uint32_t width;
	atomikobj_encoding_t encoding;
	atomikobj_compression_t compression;
	atomikobj_words_t initial;
	uint64_t major, minor;
	size_t header_length;
	uint8_t header[25];
} atomikobj_field_t;

/* An object of any schema. */
typedef struct {
	atomikobj_place_t *place;
	atomikobj_context_t *contexts;
	uint64_t *history; /* a ring of entries: a field's number, then the delta as it lies */
	size_t depth;      /* entries that there is room for */
	size_t words;      /* of a delta */
} atomikobj_object_t;

/* A field, and bits as they lie in its contexts. */
typedef struct {
	const atomikobj_field_t *field;
	atomikobj_words_t laid;
} atomikobj_laid_t;

static inline uint32_t atomikobj_contexts_(const atomikobj_field_t *f)
{
	return (f->width + 63) / 64;
}

static inline atomikobj_words_t atomikobj_low_(atomikobj_words_t v, uint32_t bits)
{
	uint32_t at;

	for (at = 0; at < 4; at++) {
		if (bits <= 64 * at)
			v.word[at] = 0;
		else if (bits < 64 * at + 64)
			v.word[at] &= (UINT64_C(1) << (bits - 64 * at)) - 1;
	}
	return v;
}

static inline atomikobj_words_t atomikobj_xor_(atomikobj_words_t a, atomikobj_words_t b)
{
	int at;

	for (at = 0; at < 4; at++)
		a.word[at] ^= b.word[at];
	return a;
}

static inline bool atomikobj_equal_(atomikobj_words_t a, atomikobj_words_t b)
{
	return memcmp(&a, &b, sizeof(a)) == 0;
}

static inline atomikobj_words_t atomikobj_left_(atomikobj_words_t v, uint32_t bits)
{
	atomikobj_words_t out = { { 0, 0, 0, 0 } };
	uint32_t words = bits / 64, at;

	bits %= 64;
	for (at = words; at < 4; at++) {
		out.word[at] = v.word[at - words] << bits;
		if (bits != 0 && at > words)
			out.word[at] |= v.word[at - words - 1] >> (64 - bits);
	}
	return out;
}

static inline atomikobj_words_t atomikobj_right_(atomikobj_words_t v, uint32_t bits)
{
	atomikobj_words_t out = { { 0, 0, 0, 0 } };
	uint32_t words = bits / 64, at;

	bits %= 64;
	for (at = 0; at + words < 4; at++) {
		out.word[at] = v.word[at + words] >> bits;
		if (bits != 0 && at + words + 1 < 4)
			out.word[at] |= v.word[at + words + 1] << (64 - bits);
	}
	return out;
}

static inline atomikobj_words_t atomikobj_from_u64_(uint64_t value)
{
	atomikobj_words_t out = { { 0, 0, 0, 0 } };

	out.word[0] = value;
	return out;
}

static inline atomikobj_words_t atomikobj_from_u128_(atomikobj_u128_t value)
{
	atomikobj_words_t out = { { 0, 0, 0, 0 } };

	out.word[0] = value.word[0];
	out.word[1] = value.word[1];
	return out;
}

static inline atomikobj_u128_t atomikobj_to_u128_(atomikobj_words_t value)
{
	atomikobj_u128_t out;

	out.word[0] = value.word[0];
	out.word[1] = value.word[1];
	return out;
}

/* The bits of a value as they lie in the contexts. */
static inline atomikobj_words_t atomikobj_lay_(const atomikobj_field_t *f, atomikobj_words_t value)
{
	if (f->encoding == ATOMIKOBJ_RUNS_)
		value = atomikobj_xor_(value, atomikobj_left_(value, 1));
	return atomikobj_low_(value, f->width);
}

/* The value of bits that lie in the contexts. */
static inline atomikobj_words_t atomikobj_lift_(const atomikobj_field_t *f, atomikobj_words_t laid)
{
	uint32_t shift;

	if (f->encoding == ATOMIKOBJ_RUNS_) {
		for (shift = 1; shift < f->width; shift *= 2)
			laid = atomikobj_xor_(laid, atomikobj_left_(laid, shift));
	}
	return atomikobj_low_(laid, f->width);
}

/* ---- Batches ---- */

static inline uint64_t atomikobj_state_(const atomikobj_context_t *c)
{
	return c->reference ^ c->accumulator;
}

/* A batch on the contexts in an object. */
static inline int atomikobj_run_here_(atomikobj_context_t *contexts, atomikobj_op_t *ops,
				      size_t count)
{
	size_t at;

	for (at = 0; at < count; at++) {
		if (ops[at].opcode == ATOMIKOBJ_OP_EXPECT &&
		    ops[at].value != atomikobj_state_(&contexts[ops[at].addr]))
			return ATOMIKOBJ_CANCELED;
	}
	for (at = 0; at < count; at++) {
		atomikobj_context_t *c = &contexts[ops[at].addr];

		switch (ops[at].opcode) {
		case ATOMIKOBJ_OP_LOAD:
			c->reference = ops[at].value;
			c->accumulator = 0;
			break;
		case ATOMIKOBJ_OP_ACCUM:
			c->accumulator ^= ops[at].value;
			break;
		case ATOMIKOBJ_OP_READ:
			ops[at].value = atomikobj_state_(c);
			break;
		case ATOMIKOBJ_OP_SWAP:
			ops[at].value = atomikobj_state_(c);
			c->reference = ops[at].value;
			c->accumulator = 0;
			break;
		case ATOMIKOBJ_OP_SET:
			c->accumulator = c->reference ^ ops[at].value;
			break;
		case ATOMIKOBJ_OP_EXPECT:
			break;
		}
	}
	return 0;
}

static inline int atomikobj_run_(const atomikobj_object_t *o, atomikobj_op_t *ops, size_t count)
{
	const atomikobj_store_t *store = &o->place->store;

	if (store->run != NULL)
		return store->run(store->table, ops, count);
	return atomikobj_run_here_(o->contexts, ops, count);
}

/* Writes one entry for each context of a field, and returns how many. */
static inline size_t atomikobj_entries_(const atomikobj_place_t *place, atomikobj_op_t *ops,
					atomikobj_opcode_t opcode, const atomikobj_field_t *f,
					atomikobj_words_t laid)
{
	uint32_t at;

	for (at = 0; at < atomikobj_contexts_(f); at++) {
		ops[at].opcode = opcode;
		ops[at].addr = place->first + f->first + at;
		ops[at].value = laid.word[at];
	}
	return at;
}

/* The values of the entries of a field. */
static inline atomikobj_words_t atomikobj_values_(const atomikobj_field_t *f,
						  const atomikobj_op_t *ops)
{
	atomikobj_words_t laid = { { 0, 0, 0, 0 } };
	uint32_t at;

	for (at = 0; at < atomikobj_contexts_(f); at++)
		laid.word[at] = ops[at].value;
	return laid;
}

/* The same operation on each context of a field. READ and SWAP change *laid. */
static inline int atomikobj_each_(const atomikobj_object_t *o, atomikobj_opcode_t opcode,
				  const atomikobj_field_t *f, atomikobj_words_t *laid)
{
	atomikobj_op_t ops[4];
	int error = atomikobj_run_(o, ops, atomikobj_entries_(o->place, ops, opcode, f, *laid));

	*laid = atomikobj_values_(f, ops);
	return error;
}

/* ---- The history ---- */

static inline uint64_t *atomikobj_entry_(const atomikobj_object_t *o, size_t at)
{
	return o->history + ((o->place->oldest + at) % o->depth) * (o->words + 1);
}

static inline void atomikobj_remember_(const atomikobj_object_t *o, const atomikobj_field_t *f,
				       const atomikobj_words_t *laid)
{
	atomikobj_place_t *place = o->place;
	uint64_t *entry;

	if (o->depth == 0)
		return;
	if (place->remembered == o->depth)
		place->oldest = (place->oldest + 1) % o->depth;
	else
		place->remembered++;
	entry = atomikobj_entry_(o, place->remembered - 1);
	entry[0] = f->number;
	memcpy(entry + 1, laid->word, o->words * sizeof(*entry));
}

static inline void atomikobj_forget_(const atomikobj_object_t *o, const atomikobj_field_t *f)
{
	size_t at, kept = 0;

	for (at = 0; at < o->place->remembered; at++) {
		const uint64_t *from = atomikobj_entry_(o, at);

		if (from[0] == f->number)
			continue;
		if (kept != at)
			memcpy(atomikobj_entry_(o, kept), from, (o->words + 1) * sizeof(*from));
		kept++;
	}
	o->place->remembered = kept;
}

/* ---- Operations ---- */

/* An object in a store begins at index * contexts. One that is too far is in no store. */
static inline void atomikobj_attach_(atomikobj_place_t *place, atomikobj_store_t store,
				     size_t index, size_t contexts)
{
	const size_t last = SIZE_MAX / 2 / contexts;

	memset(place, 0, sizeof(*place));
	place->store = store;
	if (store.run != NULL)
		place->first = (index < last ? index : last) * contexts;
}

/* ops has room for all contexts. */
static inline void atomikobj_reset_(const atomikobj_object_t *o, atomikobj_op_t *ops,
				    const atomikobj_field_t *fields, size_t count)
{
	size_t at, entries = 0;

	for (at = 0; at < count; at++)
		entries += atomikobj_entries_(o->place, ops + entries, ATOMIKOBJ_OP_LOAD,
					      &fields[at],
					      atomikobj_lay_(&fields[at], fields[at].initial));
	if (atomikobj_run_(o, ops, entries) == 0)
		o->place->remembered = 0;
}

/* The states of count contexts, beginning with one of the object; 0 if the store has failed. */
static inline void atomikobj_states_(const atomikobj_place_t *place,
				     const atomikobj_context_t *contexts, atomikobj_op_t *ops,
				     size_t first, size_t count, uint64_t *states)
{
	size_t at;
	int error;

	if (place->store.run == NULL) {
		for (at = 0; at < count; at++)
			states[at] = atomikobj_state_(&contexts[first + at]);
		return;
	}
	for (at = 0; at < count; at++) {
		ops[at].opcode = ATOMIKOBJ_OP_READ;
		ops[at].addr = place->first + first + at;
		ops[at].value = 0;
	}
	error = place->store.run(place->store.table, ops, count);
	for (at = 0; at < count; at++)
		states[at] = error == 0 ? ops[at].value : 0;
}

static inline atomikobj_words_t atomikobj_read_(const atomikobj_place_t *place,
						const atomikobj_context_t *contexts,
						const atomikobj_field_t *f)
{
	atomikobj_words_t laid = { { 0, 0, 0, 0 } };
	atomikobj_op_t ops[4];

	atomikobj_states_(place, contexts, ops, f->first, atomikobj_contexts_(f), laid.word);
	return atomikobj_lift_(f, laid);
}

static inline void atomikobj_load_(const atomikobj_object_t *o, const atomikobj_field_t *f,
				   atomikobj_words_t value)
{
	atomikobj_words_t laid = atomikobj_lay_(f, value);

	if (atomikobj_each_(o, ATOMIKOBJ_OP_LOAD, f, &laid) == 0)
		atomikobj_forget_(o, f);
}

static inline int atomikobj_accum_laid_(const atomikobj_object_t *o, const atomikobj_field_t *f,
					atomikobj_words_t laid)
{
	int error = atomikobj_each_(o, ATOMIKOBJ_OP_ACCUM, f, &laid);

	if (error == 0)
		atomikobj_remember_(o, f, &laid);
	return error;
}

static inline int atomikobj_accum_(const atomikobj_object_t *o, const atomikobj_field_t *f,
				   atomikobj_words_t delta)
{
	return atomikobj_accum_laid_(o, f, atomikobj_lay_(f, delta));
}

static inline atomikobj_words_t atomikobj_swap_(const atomikobj_object_t *o,
						const atomikobj_field_t *f)
{
	atomikobj_words_t laid = { { 0, 0, 0, 0 } };

	if (atomikobj_each_(o, ATOMIKOBJ_OP_SWAP, f, &laid) != 0)
		return atomikobj_from_u64_(0);
	atomikobj_forget_(o, f);
	return atomikobj_lift_(f, laid);
}

/*
 * Sets fields, if others have the states that are expected, in one batch: laid has the expects,
 * and then the sets, whose states become deltas. ops has room for the contexts of the expects, and
 * twice for those of the sets.
 */
static inline bool atomikobj_update_(const atomikobj_object_t *o, atomikobj_op_t *ops,
				     atomikobj_laid_t *laid, size_t expects, size_t sets)
{
	const size_t end = expects + sets;
	size_t at, count = 0, states;

	for (at = 0; at < expects; at++)
		count += atomikobj_entries_(o->place, ops + count, ATOMIKOBJ_OP_EXPECT,
					    laid[at].field, laid[at].laid);
	states = count;
	for (at = expects; at < end; at++)
		count += atomikobj_entries_(o->place, ops + count, ATOMIKOBJ_OP_READ,
					    laid[at].field, laid[at].laid);
	for (at = expects; at < end; at++)
		count += atomikobj_entries_(o->place, ops + count, ATOMIKOBJ_OP_SET,
					    laid[at].field, laid[at].laid);
	/* A batch has at least one entry. */
	if (count > 0 && atomikobj_run_(o, ops, count) != 0)
		return false;
	for (at = expects; at < end; at++) {
		const atomikobj_field_t *f = laid[at].field;

		laid[at].laid = atomikobj_xor_(laid[at].laid, atomikobj_values_(f, ops + states));
		atomikobj_remember_(o, f, &laid[at].laid);
		states += atomikobj_contexts_(f);
	}
	return true;
}

static inline atomikobj_laid_t atomikobj_laid_(const atomikobj_field_t *f, atomikobj_words_t value)
{
	atomikobj_laid_t out;

	out.field = f;
	out.laid = atomikobj_lay_(f, value);
	return out;
}

static inline atomikobj_words_t atomikobj_set_(const atomikobj_object_t *o,
					       const atomikobj_field_t *f, atomikobj_words_t value)
{
	atomikobj_laid_t set = atomikobj_laid_(f, value);
	atomikobj_op_t ops[8];

	if (!atomikobj_update_(o, ops, &set, 0, 1))
		return atomikobj_from_u64_(0);
	return atomikobj_lift_(f, set.laid);
}

static inline bool atomikobj_has_bit_(atomikobj_words_t value, uint32_t bit)
{
	return (atomikobj_right_(value, bit).word[0] & 1) != 0;
}

static inline bool atomikobj_test_bit_(const atomikobj_place_t *place,
				       const atomikobj_context_t *contexts,
				       const atomikobj_field_t *f, uint32_t bit)
{
	return bit < f->width && atomikobj_has_bit_(atomikobj_read_(place, contexts, f), bit);
}

/* A bit beyond the field: nothing changes, and the delta is 0. */
static inline atomikobj_words_t atomikobj_toggle_bit_(const atomikobj_object_t *o,
						      const atomikobj_field_t *f, uint32_t bit)
{
	const atomikobj_words_t none = { { 0, 0, 0, 0 } };
	const atomikobj_words_t delta = atomikobj_left_(atomikobj_from_u64_(1), bit);

	if (bit >= f->width)
		return none;
	return atomikobj_accum_(o, f, delta) == 0 ? delta : none;
}

/* Sets or clears a bit: accumulates what the state asks for, if it is still the state. */
static inline atomikobj_words_t atomikobj_make_bit_(const atomikobj_object_t *o,
						    const atomikobj_field_t *f, uint32_t bit,
						    bool value)
{
	const atomikobj_words_t none = { { 0, 0, 0, 0 } };
	atomikobj_words_t state, delta, laid;
	atomikobj_op_t ops[8];
	size_t count;
	int error;

	if (bit >= f->width)
		return none;
	do {
		state = none;
		if (atomikobj_each_(o, ATOMIKOBJ_OP_READ, f, &state) != 0)
			return none;
		delta = none;
		if (atomikobj_has_bit_(atomikobj_lift_(f, state), bit) != value)
			delta = atomikobj_left_(atomikobj_from_u64_(1), bit);
		laid = atomikobj_lay_(f, delta);
		count = atomikobj_entries_(o->place, ops, ATOMIKOBJ_OP_EXPECT, f, state);
		count += atomikobj_entries_(o->place, ops + count, ATOMIKOBJ_OP_ACCUM, f, laid);
		error = atomikobj_run_(o, ops, count);
	} while (error == ATOMIKOBJ_CANCELED);
	if (error != 0)
		return none;
	atomikobj_remember_(o, f, &laid);
	return delta;
}

/* The lowest bit of a cell. x, y and t are taken modulo 4. */
static inline uint32_t atomikobj_cell_(const atomikobj_field_t *f, uint32_t x, uint32_t y,
				       uint32_t t)
{
	return (x % 4 + 4 * (y % 4) + 16 * (t % 4)) * (f->width / 64);
}

static inline uint8_t atomikobj_read_cell_(const atomikobj_place_t *place,
					   const atomikobj_context_t *contexts,
					   const atomikobj_field_t *f, uint32_t x, uint32_t y,
					   uint32_t t)
{
	atomikobj_words_t state = atomikobj_read_(place, contexts, f);

	state = atomikobj_right_(state, atomikobj_cell_(f, x, y, t));
	return (uint8_t)atomikobj_low_(state, f->width / 64).word[0];
}

static inline atomikobj_words_t atomikobj_cell_delta_(const atomikobj_field_t *f, uint32_t x,
						      uint32_t y, uint32_t t, uint8_t delta)
{
	atomikobj_words_t cell = atomikobj_low_(atomikobj_from_u64_(delta), f->width / 64);

	return atomikobj_left_(cell, atomikobj_cell_(f, x, y, t));
}

/* ops has room for all contexts. */
static inline size_t atomikobj_rollback_(const atomikobj_object_t *o, atomikobj_op_t *ops,
					 size_t contexts, const atomikobj_field_t *fields,
					 size_t steps)
{
	atomikobj_place_t *place = o->place;
	size_t at, changed = 0;

	if (steps > place->remembered)
		steps = place->remembered;
	for (at = 0; at < contexts; at++) {
		ops[at].opcode = ATOMIKOBJ_OP_ACCUM;
		ops[at].addr = place->first + at;
		ops[at].value = 0;
	}
	for (at = 0; at < steps; at++) {
		const uint64_t *entry = atomikobj_entry_(o, place->remembered - 1 - at);
		const atomikobj_field_t *f = &fields[entry[0]];
		uint32_t word;

		for (word = 0; word < atomikobj_contexts_(f); word++)
			ops[f->first + word].value ^= entry[1 + word];
	}
	for (at = 0; at < contexts; at++) {
		if (ops[at].value != 0)
			ops[changed++] = ops[at];
	}
	if (changed > 0 && atomikobj_run_(o, ops, changed) != 0)
		return 0;
	place->remembered -= steps;
	return steps;
}

/* ---- Messages ---- */

/* CRC-32, as Ethernet and zlib have it. */
static inline uint32_t atomikobj_crc32_(const uint8_t *bytes, size_t length)
{
	uint32_t sum = UINT32_MAX;
	size_t at;
	int bit;

	for (at = 0; at < length; at++) {
		sum ^= bytes[at];
		for (bit = 0; bit < 8; bit++)
			sum = (sum >> 1) ^ ((sum & 1) != 0 ? UINT32_C(0xEDB88320) : 0);
	}
	return ~sum;
}

static inline void atomikobj_push_(atomikobj_message_t *m, const uint8_t *bytes, size_t length)
{
	memcpy(m->bytes + m->length, bytes, length);
	m->length += length;
}

/* A header has 25 bytes at most, the rest 68. */
static inline atomikobj_message_t atomikobj_seal_(const atomikobj_field_t *f,
						  const uint8_t *header, size_t header_length,
						  atomikobj_words_t laid)
{
	atomikobj_message_t m = { 0, { 0 } };
	uint8_t bytes[32], pair[2], sum[4];
	size_t length = f->width / 8, start = 0, at, run;
	uint32_t crc;

	for (at = 0; at < 32; at++)
		bytes[at] = (uint8_t)(laid.word[at / 8] >> (8 * (at % 8)));
	atomikobj_push_(&m, header, header_length);
	switch (f->compression) {
	case ATOMIKOBJ_NONE_:
		atomikobj_push_(&m, bytes, length);
		break;
	case ATOMIKOBJ_XOR_:
		while (length > 0 && bytes[length - 1] == 0)
			length--;
		while (start < length && bytes[start] == 0)
			start++;
		pair[0] = (uint8_t)start;
		atomikobj_push_(&m, pair, 1);
		atomikobj_push_(&m, bytes + start, length - start);
		break;
	case ATOMIKOBJ_RLE_:
		for (at = 0; at < length; at += run) {
			for (run = 1; at + run < length && bytes[at + run] == bytes[at];)
				run++;
			pair[0] = (uint8_t)run;
			pair[1] = bytes[at];
			atomikobj_push_(&m, pair, 2);
		}
		break;
	}
	crc = atomikobj_crc32_(m.bytes, m.length);
	for (at = 0; at < 4; at++)
		sum[at] = (uint8_t)(crc >> (8 * at));
	atomikobj_push_(&m, sum, 4);
	return m;
}

/* The message is empty if the store has failed. */
static inline atomikobj_message_t atomikobj_send_(const atomikobj_object_t *o,
						  const atomikobj_field_t *f,
						  atomikobj_words_t delta)
{
	const atomikobj_message_t none = { 0, { 0 } };

	if (atomikobj_accum_(o, f, delta) != 0)
		return none;
	return atomikobj_seal_(f, f->header, f->header_length, atomikobj_lay_(f, delta));
}

/* A number of up to 10 bytes at *at, before end; *at is behind it then. */
static inline bool atomikobj_number_(const uint8_t *bytes, size_t *at, size_t end,
				     uint64_t *number)
{
	unsigned shift;

	*number = 0;
	for (shift = 0; shift < 64; shift += 7) {
		uint8_t byte;

		if (*at >= end)
			return false;
		byte = bytes[(*at)++];
		/* Neither more than 64 bits, nor a last byte that says nothing. */
		if ((shift == 63 && byte > 1) || (shift > 0 && byte == 0))
			return false;
		*number |= (uint64_t)(byte & 0x7F) << shift;
		if (byte < 0x80)
			return true;
	}
	return false;
}

/* The delta of a message's body, or false where it has more than 32 bytes. */
static inline bool atomikobj_body_(const atomikobj_field_t *f, const uint8_t *body, size_t length,
				   atomikobj_words_t *laid)
{
	uint8_t bytes[32] = { 0 };
	size_t at, end = 0;

	switch (f->compression) {
	case ATOMIKOBJ_NONE_:
		if (length > sizeof(bytes))
			return false;
		memcpy(bytes, body, length);
		break;
	case ATOMIKOBJ_XOR_:
		if (length == 0 || body[0] + (length - 1) > sizeof(bytes))
			return false;
		memcpy(bytes + body[0], body + 1, length - 1);
		break;
	case ATOMIKOBJ_RLE_:
		if (length % 2 != 0)
			return false;
		for (at = 0; at < length; at += 2) {
			if (body[at] > sizeof(bytes) - end)
				return false;
			memset(bytes + end, body[at + 1], body[at]);
			end += body[at];
		}
		break;
	}
	*laid = atomikobj_from_u64_(0);
	for (at = 0; at < 32; at++)
		laid->word[at / 8] |= (uint64_t)bytes[at] << (8 * (at % 8));
	return true;
}

static inline atomikobj_message_error_t atomikobj_apply_(const atomikobj_object_t *o,
							 const atomikobj_field_t *f,
							 const void *message, size_t length)
{
	const uint8_t *bytes = (const uint8_t *)message;
	atomikobj_words_t laid;
	atomikobj_message_t again;
	uint64_t major, minor;
	size_t at, end;
	uint32_t crc = 0;

	if (length < 9 || length > ATOMIKOBJ_MESSAGE_MAX || bytes[0] != f->header[0])
		return ATOMIKOBJ_MESSAGE_DAMAGED;
	end = length - 4;
	for (at = 0; at < 4; at++)
		crc |= (uint32_t)bytes[end + at] << (8 * at);
	if (atomikobj_crc32_(bytes, end) != crc)
		return ATOMIKOBJ_MESSAGE_DAMAGED;
	if (memcmp(bytes + 1, f->header + 1, 4) != 0)
		return ATOMIKOBJ_MESSAGE_OTHER;
	at = 5;
	if (!atomikobj_number_(bytes, &at, end, &major) ||
	    !atomikobj_number_(bytes, &at, end, &minor))
		return ATOMIKOBJ_MESSAGE_DAMAGED;
	if (major != f->major || (major == 0 && minor != f->minor))
		return ATOMIKOBJ_MESSAGE_VERSION;
	/* A delta has one message: what isn't that is damaged. */
	if (!atomikobj_body_(f, bytes + at, end - at, &laid) ||
	    !atomikobj_equal_(laid, atomikobj_low_(laid, f->width)))
		return ATOMIKOBJ_MESSAGE_DAMAGED;
	again = atomikobj_seal_(f, bytes, at, laid);
	if (again.length != length || memcmp(again.bytes, bytes, length) != 0)
		return ATOMIKOBJ_MESSAGE_DAMAGED;
	if (atomikobj_accum_laid_(o, f, laid) != 0)
		return ATOMIKOBJ_MESSAGE_STORE;
	return ATOMIKOBJ_MESSAGE_OK;
}

#ifdef __cplusplus
}
#endif

#endif
