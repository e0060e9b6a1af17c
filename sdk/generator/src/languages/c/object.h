/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What all objects have in common. Programs use the headers that are made from it,
				in C99 or C++.
 * Nothing here takes memory.
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

/* The reason why a message was refused. Nothing has changed then. */
typedef enum {
	ATOMIKOBJ_MESSAGE_OK = 0,
	ATOMIKOBJ_MESSAGE_DAMAGED, /* not the bytes that were sent, or no message */
	ATOMIKOBJ_MESSAGE_OTHER,   /* of another object or another field */
	ATOMIKOBJ_MESSAGE_VERSION  /* of a version that is not compatible */
} atomikobj_message_error_t;

enum { ATOMIKOBJ_RAW_, ATOMIKOBJ_RUNS_ };
enum { ATOMIKOBJ_NONE_, ATOMIKOBJ_XOR_, ATOMIKOBJ_RLE_ };

/* A field, as the schema has it. */
typedef struct {
	uint32_t number;
	uint32_t first;
	uint32_t width;
	int encoding;
	int compression;
	atomikobj_words_t initial;
	uint64_t major, minor;
	size_t header_length;
	uint8_t header[25];
} atomikobj_field_t;

/* An accum that is remembered: the field's number, then the delta's words. */
typedef struct {
	uint64_t *entries;
	size_t depth; /* entries that there is room for */
	size_t words; /* of a delta */
	size_t first; /* the oldest */
	size_t count;
} atomikobj_history_t;

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
static inline atomikobj_words_t atomikobj_lay_(const atomikobj_field_t *f,
				atomikobj_words_t value)
{
	if (f->encoding == ATOMIKOBJ_RUNS_)
		value = atomikobj_xor_(value, atomikobj_left_(value, 1));
	return atomikobj_low_(value, f->width);
}

/* The value of bits that lie in the contexts. */
static inline atomikobj_words_t atomikobj_lift_(const atomikobj_field_t *f,
				atomikobj_words_t laid)
{
	uint32_t shift;

	if (f->encoding == ATOMIKOBJ_RUNS_) {
		for (shift = 1; shift < f->width; shift *= 2)
			laid = atomikobj_xor_(laid, atomikobj_left_(laid, shift));
	}
	return atomikobj_low_(laid, f->width);
}

/* The history: a ring. An entry is the field's number and the delta as it lies. */
static inline uint64_t *atomikobj_entry_(const atomikobj_history_t *h, size_t at)
{
	return h->entries + ((h->first + at) % h->depth) * (h->words + 1);
}

static inline void atomikobj_remember_(atomikobj_history_t *h, const atomikobj_field_t *f,
				    const atomikobj_words_t *laid)
{
	uint64_t *entry;

	if (h->depth == 0)
		return;
	if (h->count == h->depth)
		h->first = (h->first + 1) % h->depth;
	else
		h->count++;
	entry = atomikobj_entry_(h, h->count - 1);
	entry[0] = f->number;
	memcpy(entry + 1, laid->word, h->words * sizeof(*entry));
}

static inline void atomikobj_forget_(atomikobj_history_t *h, const atomikobj_field_t *f)
{
	size_t at, kept = 0;

	for (at = 0; at < h->count; at++) {
		uint64_t *from = atomikobj_entry_(h, at);

		if (from[0] == f->number)
			continue;
		if (kept != at)
			memcpy(atomikobj_entry_(h, kept), from,
			       (h->words + 1) * sizeof(*from));
		kept++;
	}
	h->count = kept;
}

/* contexts: a reference and an accumulator each. */
static inline void atomikobj_load_(uint64_t (*contexts)[2], atomikobj_history_t *h,
				const atomikobj_field_t *f, atomikobj_words_t value)
{
	uint32_t at;

	value = atomikobj_lay_(f, value);
	for (at = 0; at < atomikobj_contexts_(f); at++) {
		contexts[f->first + at][0] = value.word[at];
		contexts[f->first + at][1] = 0;
	}
	atomikobj_forget_(h, f);
}

static inline atomikobj_words_t atomikobj_state_(uint64_t (*contexts)[2],
				const atomikobj_field_t *f)
{
	atomikobj_words_t laid = { { 0, 0, 0, 0 } };
	uint32_t at;

	for (at = 0; at < atomikobj_contexts_(f); at++)
		laid.word[at] = contexts[f->first + at][0] ^ contexts[f->first + at][1];
	return atomikobj_lift_(f, laid);
}

static inline void atomikobj_fold_(uint64_t (*contexts)[2], const atomikobj_field_t *f,
				const uint64_t *laid)
{
	uint32_t at;

	for (at = 0; at < atomikobj_contexts_(f); at++)
		contexts[f->first + at][1] ^= laid[at];
}

static inline void atomikobj_accum_laid_(uint64_t (*contexts)[2], atomikobj_history_t *h,
				      const atomikobj_field_t *f, atomikobj_words_t laid)
{
	atomikobj_fold_(contexts, f, laid.word);
	atomikobj_remember_(h, f, &laid);
}

static inline void atomikobj_accum_(uint64_t (*contexts)[2], atomikobj_history_t *h,
				 const atomikobj_field_t *f, atomikobj_words_t delta)
{
	atomikobj_accum_laid_(contexts, h, f, atomikobj_lay_(f, delta));
}

static inline atomikobj_words_t atomikobj_swap_(uint64_t (*contexts)[2], atomikobj_history_t *h,
					  const atomikobj_field_t *f)
{
	atomikobj_words_t state = atomikobj_state_(contexts, f);

	atomikobj_load_(contexts, h, f, state);
	return state;
}

static inline atomikobj_words_t atomikobj_set_(uint64_t (*contexts)[2], atomikobj_history_t *h,
					 const atomikobj_field_t *f, atomikobj_words_t value)
{
	atomikobj_words_t delta = atomikobj_xor_(value, atomikobj_state_(contexts, f));

	atomikobj_accum_(contexts, h, f, delta);
	return delta;
}

static inline bool atomikobj_test_bit_(uint64_t (*contexts)[2], const atomikobj_field_t *f,
				    uint32_t bit)
{
	return bit < f->width &&
	       (atomikobj_right_(atomikobj_state_(contexts, f), bit).word[0] & 1) != 0;
}

/* change: 0 clears, 1 sets, 2 toggles. A bit that the field hasn't is none: the delta is 0. */
static inline atomikobj_words_t atomikobj_change_bit_(uint64_t (*contexts)[2],
				atomikobj_history_t *h,
						const atomikobj_field_t *f, uint32_t bit,
						int change)
{
	int is_set = atomikobj_test_bit_(contexts, f, bit) ? 1 : 0;
	atomikobj_words_t delta = atomikobj_from_u64_(is_set != change ? 1 : 0);

	delta = bit < f->width ? atomikobj_left_(delta, bit) : atomikobj_from_u64_(0);
	atomikobj_accum_(contexts, h, f, delta);
	return delta;
}

/* x, y and t are taken modulo 4. */
static inline uint32_t atomikobj_cell_(const atomikobj_field_t *f, uint32_t x,
				uint32_t y, uint32_t t)
{
	return (x % 4 + 4 * (y % 4) + 16 * (t % 4)) * (f->width / 64);
}

static inline uint8_t atomikobj_read_cell_(uint64_t (*contexts)[2], const atomikobj_field_t *f,
					uint32_t x, uint32_t y, uint32_t t)
{
	atomikobj_words_t state = atomikobj_state_(contexts, f);

	state = atomikobj_right_(state, atomikobj_cell_(f, x, y, t));
	return (uint8_t)atomikobj_low_(state, f->width / 64).word[0];
}

static inline atomikobj_words_t atomikobj_cell_delta_(const atomikobj_field_t *f,
				uint32_t x, uint32_t y,
						uint32_t t, uint8_t delta)
{
	atomikobj_words_t cell = atomikobj_low_(atomikobj_from_u64_(delta), f->width / 64);

	return atomikobj_left_(cell, atomikobj_cell_(f, x, y, t));
}

static inline size_t atomikobj_rollback_(uint64_t (*contexts)[2], atomikobj_history_t *h,
				      const atomikobj_field_t *fields, size_t steps)
{
	size_t undone;

	for (undone = 0; undone < steps && h->count > 0; undone++) {
		const uint64_t *entry = atomikobj_entry_(h, h->count - 1);

		atomikobj_fold_(contexts, &fields[entry[0]], entry + 1);
		h->count--;
	}
	return undone;
}

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
				const uint8_t *header,
					    size_t header_length, atomikobj_words_t laid)
{
	atomikobj_message_t m = { 0, { 0 } };
	uint8_t bytes[32], pair[2], sum[4];
	size_t length = f->width / 8, start = 0, at, run;
	uint32_t crc;

	for (at = 0; at < 32; at++)
		bytes[at] = (uint8_t)(laid.word[at / 8] >> (8 * (at % 8)));
	atomikobj_push_(&m, header, header_length);
	switch (f->compression) {
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
	default:
		atomikobj_push_(&m, bytes, length);
	}
	crc = atomikobj_crc32_(m.bytes, m.length);
	for (at = 0; at < 4; at++)
		sum[at] = (uint8_t)(crc >> (8 * at));
	atomikobj_push_(&m, sum, 4);
	return m;
}

static inline atomikobj_message_t atomikobj_message_of_(const atomikobj_field_t *f,
				atomikobj_words_t delta)
{
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
static inline bool atomikobj_body_(const atomikobj_field_t *f, const uint8_t *body,
				size_t length,
				atomikobj_words_t *laid)
{
	uint8_t bytes[32] = { 0 };
	size_t at, end = 0;

	switch (f->compression) {
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
	default:
		if (length > sizeof(bytes))
			return false;
		memcpy(bytes, body, length);
	}
	*laid = atomikobj_from_u64_(0);
	for (at = 0; at < 32; at++)
		laid->word[at / 8] |= (uint64_t)bytes[at] << (8 * (at % 8));
	return true;
}

static inline atomikobj_message_error_t atomikobj_apply_(uint64_t (*contexts)[2],
				atomikobj_history_t *h,
						   const atomikobj_field_t *f,
						   const uint8_t *bytes, size_t length)
{
	atomikobj_words_t laid;
	atomikobj_message_t again;
	uint64_t major, minor;
	size_t at = 5, end = length - 4;
	uint32_t crc = 0;
	int byte;

	if (length < 9 || length > ATOMIKOBJ_MESSAGE_MAX || bytes[0] != f->header[0])
		return ATOMIKOBJ_MESSAGE_DAMAGED;
	for (byte = 0; byte < 4; byte++)
		crc |= (uint32_t)bytes[end + (size_t)byte] << (8 * byte);
	if (atomikobj_crc32_(bytes, end) != crc)
		return ATOMIKOBJ_MESSAGE_DAMAGED;
	if (memcmp(bytes + 1, f->header + 1, 4) != 0)
		return ATOMIKOBJ_MESSAGE_OTHER;
	if (!atomikobj_number_(bytes, &at, end, &major) || !atomikobj_number_(bytes, &at, end,
					&minor))
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
	atomikobj_accum_laid_(contexts, h, f, laid);
	return ATOMIKOBJ_MESSAGE_OK;
}

#ifdef __cplusplus
}
#endif

#endif
