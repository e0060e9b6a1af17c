/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The vectors of tests/vectors as arrays, which Rust writes: tests/sdk-c/src/arrays. */
#ifndef VECTORS_H
#define VECTORS_H

#include "atomik_core.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum op {
	/* Of value bits; a table has addr contexts. The steps that follow are done with it. */
	MAKE_CONTEXT,
	MAKE_TABLE,
	MAKE_FINGERPRINT,
	MAKE_ORDERED,

	/* Does nothing, in place of what C can't say. */
	LEFT_OUT,
	/* value, or data, is handed in. */
	LOAD,
	ACCUM,
	ROLLBACK,
	READ,
	SWAP,
	SWAP_TO,
	SET,
	/* numbers: the state that it must have; expect is the one that it has. */
	COMPARE_EXCHANGE,
	UPDATE,
	RESET,
	/* value is the other context's reference, numbers are its deltas. */
	MERGE,
	/* Reference and accumulator, or value and delta; changed: whether the second isn't 0. */
	WORDS,
	/* numbers: an address and a delta each. */
	ACCUM_MANY,
	/* numbers: the address and the state of each context that isn't 0. */
	SNAPSHOT,
	/*
	 * numbers: opcode, address, value before and value after, of each entry; where it is
	 * canceled, addr is the entry that does it, and expect the state found.
	 */
	BATCH,
	/* Of old to data; of an ordered fingerprint at addr. */
	ACCUMULATE_DELTA
};

struct step {
	enum op op;
	int error; /* it must end with, or ATOMIK_OK */
	uint64_t addr, value;
	uint64_t expect, expect_delta;
	bool changed;
	const uint64_t *numbers;
	size_t count; /* of the things in numbers */
	const unsigned char *data;
	size_t len;
	const unsigned char *old;
	size_t old_len;
};

/* A case; without a name, one that C can't do. */
struct vector {
	const char *name;
	const struct step *steps;
	size_t count;
};

/* A case in which one step is another. */
struct change {
	size_t vector, step;
	struct step with;
};

struct file {
	const char *name;
	const struct vector *vectors;
	size_t num_vectors;
	const struct change *expectations;
	size_t num_expectations;
	const struct change *operands;
	size_t num_operands;
};

enum { NUM_FILES = 10 };

#ifdef __cplusplus
extern "C"
#else
extern
#endif
const struct file files[NUM_FILES];

#endif
