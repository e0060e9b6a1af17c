/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Objects in a table of atomik_core.h, on /dev/atomik or in the process. It alone of these headers
 * needs atomik_core.h. Objects of one type lie in a row, from the table's first context on:
 *
 *   atomik_table_t table;
 *
 *   atomik_table_open(&table, 4 * ATOMIK_TYPE_CONTEXTS);
 *   atomik_type_attach(&object, atomikobj_on_table(&table), 3);
 *
 * The table keeps the first error of a call on any of its objects, such as that the object is
 * beyond its end: see atomik_table_error(). A batch has at most ATOMIK_MAX_BATCH entries; a call
 * that needs more, on an object of more than a thousand contexts, is ATOMIK_EINVAL.
 *
 * Threads share neither an object nor an atomik_table_t: each has its own, of the same file.
 */
#ifndef ATOMIKOBJ_TABLE_H
#define ATOMIKOBJ_TABLE_H

#include <atomik_core.h>

#include <atomik/object.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Most batches have no more entries than this. */
#define ATOMIKOBJ_FEW_ 64

/* A batch, by way of memory for as many entries of the table's own type. */
static inline int atomikobj_run_by_(atomik_table_t *table, atomikobj_op_t *ops, size_t count,
				    atomik_op_t *batch)
{
	size_t at;
	int error;

	for (at = 0; at < count; at++) {
		memset(&batch[at], 0, sizeof(batch[at]));
		batch[at].opcode = (uint8_t)ops[at].opcode;
		/* No table has a context of the largest address. */
		batch[at].addr = ops[at].addr < UINT32_MAX ? (uint32_t)ops[at].addr : UINT32_MAX;
		batch[at].value = ops[at].value;
	}
	error = atomik_table_batch(table, batch, count);
	for (at = 0; at < count; at++)
		ops[at].value = batch[at].value;
	return error;
}

static inline int atomikobj_run_many_(atomik_table_t *table, atomikobj_op_t *ops, size_t count)
{
	atomik_op_t batch[ATOMIK_MAX_BATCH];

	return atomikobj_run_by_(table, ops, count, batch);
}

static inline int atomikobj_run_on_table_(void *context, atomikobj_op_t *ops, size_t count)
{
	atomik_table_t *table = (atomik_table_t *)context;
	atomik_op_t batch[ATOMIKOBJ_FEW_];

	if (count <= ATOMIKOBJ_FEW_)
		return atomikobj_run_by_(table, ops, count, batch);
	if (count <= ATOMIK_MAX_BATCH)
		return atomikobj_run_many_(table, ops, count);
	/* Refused for the count, before the entries are looked at; the table keeps the error. */
	return atomik_table_batch(table, batch, count);
}

/* The table's contexts, for objects. The table must outlive them, where it is now. */
static inline atomikobj_store_t atomikobj_on_table(atomik_table_t *table)
{
	atomikobj_store_t store;

	store.run = atomikobj_run_on_table_;
	store.table = table;
	return store;
}

#ifdef __cplusplus
}
#endif

#endif
