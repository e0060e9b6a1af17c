/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * atomik_core.h: the algebra of atomik in the process, and the same calls on
 * /dev/atomik. One header, C99 or later and C++.
 *
 * In exactly one file of the program:
 *
 *   #define ATOMIK_IMPLEMENTATION
 *   #include "atomik_core.h"
 *
 * Others only include it. These macros choose more. Define them alike in every
 * file, best on the compiler's command line:
 *
 *   ATOMIK_DEVICE     tables on /dev/atomik as well (Linux only); without it, the
 *                     only system header is <stdlib.h>, for malloc and free
 *   ATOMIK_MALLOC(n)  instead of malloc; with
 *   ATOMIK_FREE(p)    instead of free
 *   ATOMIK_NO_MALLOC  no atomik_table_init(): tables are in the caller's memory
 *                     (atomik_table_init_in). Implied where there is no C library
 *                     (-ffreestanding) and no ATOMIK_MALLOC
 *   ATOMIK_STATIC     everything is static inline, the implementation included
 *
 * A context is a reference and an accumulator of 64 bits each; its state is
 * reference ^ accumulator. LOAD(v) sets the reference and clears the accumulator,
 * ACCUM(d) XORs d into the accumulator, READ returns the state, and SWAP makes the
 * state the reference of a new epoch, clears the accumulator, and returns the state.
 * So deltas may come in any order, and each is undone by applying it again.
 *
 * Contexts, tables and fingerprints may also be narrower than 64 bits: then every
 * argument is cut to that width. Tables on the device are 64 bits wide.
 *
 * Errors. A call that can fail returns 0, or a code: ATOMIK_EINVAL and so on, which are
 * Linux's numbers. If it fails, nothing has changed. A table also keeps the first error
 * since it was made or since atomik_table_clear_error(), so that programs may check
 * once, at the end: calls that return a state return 0 if they fail. It doesn't keep
 * ATOMIK_ECANCELED, which says that a condition doesn't hold: no fault of the program.
 *
 * Threads. In the process nothing is locked: use an object, also for reading a table,
 * from one thread at a time. On the device each operation is atomic, and a batch is
 * isolated, between all threads and processes that share the file. The error that an
 * atomik_table_t or an atomik_table_map_t keeps is not for several threads: give each thread a
 * copy of the struct (t2 = t1), and free one of them when the others are done. Entries and
 * arrays may be in memory that others write to during a call: it never goes beyond the
 * table, but if an address becomes bad after it was checked, it fails with ATOMIK_EINVAL
 * and a part done.
 *
 * Fingerprints are not cryptographic: anybody can make two strings with the same one.
 * Each kind says which changes it can't see.
 */
#ifndef ATOMIK_CORE_H
#define ATOMIK_CORE_H

#include <stddef.h>
#include <stdint.h>
#ifndef __cplusplus
#include <stdbool.h>
#endif

#if defined(ATOMIK_STATIC)
#define ATOMIK_API static inline
#if !defined(ATOMIK_IMPLEMENTATION)
#define ATOMIK_IMPLEMENTATION
#endif
#elif !defined(ATOMIK_API)
#define ATOMIK_API extern
#endif

#if !defined(ATOMIK_MALLOC) && !defined(ATOMIK_NO_MALLOC) && \
	(!defined(__STDC_HOSTED__) || __STDC_HOSTED__ == 0)
#define ATOMIK_NO_MALLOC
#endif

/* The module's header has structs of the same names as some functions here. */
#if defined(__cplusplus) && defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this interface: 0.4.0. */
#define ATOMIK_CORE_VERSION	(0 << 16 | 4 << 8 | 0)

#define ATOMIK_MAX_CONTEXTS	65536	/* contexts in a table on the device */
#define ATOMIK_MAX_BATCH	4096	/* entries in a batch */

/* Opcodes of an entry of a batch. */
#define ATOMIK_OP_LOAD		0
#define ATOMIK_OP_ACCUM		1
#define ATOMIK_OP_READ		2
#define ATOMIK_OP_SWAP		3
#define ATOMIK_OP_EXPECT	4	/* a condition: the context has this state */
#define ATOMIK_OP_SET		5	/* the state becomes this; the reference stays */

/* Rights of an exported descriptor. */
#define ATOMIK_EXPORT_READ_ONLY	1	/* it can change nothing */

/* Flags of a mapping. */
#define ATOMIK_MAP_READ_ONLY	1	/* it can change nothing */

/* Flags of a watch. */
#define ATOMIK_WATCH_NONBLOCK	1	/* reading never waits */

/* Errors. The device may report others of Linux's numbers. */
#define ATOMIK_OK	0
#define ATOMIK_ENOENT	2	/* no such table in this file; no device: the module isn't loaded */
#define ATOMIK_EBADF	9	/* a change, through a file that isn't open for writing */
#define ATOMIK_EAGAIN	11	/* a watch that doesn't wait has nothing to tell */
#define ATOMIK_ENOMEM	12	/* memory, or a limit of it, is exhausted */
#define ATOMIK_EACCES	13	/* the user may not open the device */
#define ATOMIK_EFAULT	14	/* a pointer to nothing */
#define ATOMIK_EINVAL	22	/* an address beyond the table, or another argument out of range */
#define ATOMIK_ENOTTY	25	/* the file is no atomik device, or its driver lacks a command */
#define ATOMIK_ECANCELED	125	/* a context doesn't have the expected state */

/*
 * An error in a few words; never NULL. With ATOMIK_DEVICE, the system's strerror() has those of
 * other numbers.
 */
ATOMIK_API const char *atomik_strerror(int error);

/* ---- A context ---- */

/*
 * A context. All bits zero make a valid one, as atomik_init() does. Programs may read the
 * fields.
 */
typedef struct atomik_ctx_t {
	uint64_t reference;
	uint64_t accumulator;
	uint64_t excess; /* the bits above its width */
} atomik_ctx_t;

/* Reference 0, accumulator 0, 64 bits. */
ATOMIK_API void atomik_init(atomik_ctx_t *c);
/* The same with a width of 1 to 64 bits; EINVAL for another, and 64 bits then. */
ATOMIK_API int atomik_init_width(atomik_ctx_t *c, unsigned width);
ATOMIK_API unsigned atomik_width(const atomik_ctx_t *c);

/* reference = value, accumulator = 0 */
ATOMIK_API void atomik_load(atomik_ctx_t *c, uint64_t value);
/* accumulator ^= delta */
ATOMIK_API void atomik_accum(atomik_ctx_t *c, uint64_t delta);
/* Returns the state, reference ^ accumulator. */
ATOMIK_API uint64_t atomik_read(const atomik_ctx_t *c);
/* Returns the state, and keeps it: reference = state, accumulator = 0. */
ATOMIK_API uint64_t atomik_swap(atomik_ctx_t *c);
/* Returns the state, and begins anew: reference = value (also 0), accumulator = 0. */
ATOMIK_API uint64_t atomik_swap_to(atomik_ctx_t *c, uint64_t value);
/* Undoes an accum of the same delta, whatever came between: it is the same XOR. */
ATOMIK_API void atomik_rollback(atomik_ctx_t *c, uint64_t delta);
/* True if the state is the reference: accumulator == 0. */
ATOMIK_API bool atomik_is_clean(const atomik_ctx_t *c);
/* Folds in the other's deltas: accumulator ^= other->accumulator. The reference stays. */
ATOMIK_API void atomik_merge(atomik_ctx_t *c, const atomik_ctx_t *other);

/* ---- A table ---- */

/*
 * A table of contexts, in the process or on the device. Make it with a call below, and
 * don't change the fields. A table that couldn't be made, that was freed, or that is all
 * zero bytes has no contexts: calls on it fail, and don't crash.
 */
typedef struct atomik_table_t {
	size_t num_contexts;
	uint64_t *words;    /* in the process: reference and accumulator of each */
	uint64_t excess;    /* the bits above its width */
	size_t error_addr;  /* the address of error, if it has one */
	size_t failed;      /* 1 + the entry that canceled the last batch; 0 for none */
	int error;          /* the first one */
	int kind;           /* where it is, and so how to free it */
	int fd;             /* on the device: the file */
	uint32_t table_id;  /* and the table in it, from 1 */
} atomik_table_t;

/* One entry of a batch, laid out as the device's. */
typedef struct atomik_op_t {
	uint8_t opcode;      /* ATOMIK_OP_* */
	uint8_t reserved[3]; /* zero */
	uint32_t addr;
	uint64_t value;      /* in, or for READ and SWAP out: the state */
} atomik_op_t;

#ifdef ATOMIK_DEVICE
/* A change that a watch tells of, laid out as the device's. */
typedef struct atomik_change_t {
	uint32_t addr;
	uint32_t reserved; /* zero */
	uint64_t state;    /* of the context, when it was told */
} atomik_change_t;

/*
 * The states of a table as memory of this process. Make it with atomik_table_map(), and don't
 * change the fields. One that couldn't be made, that was freed, or that is all zero bytes has no
 * contexts, as a table.
 */
typedef struct atomik_table_map_t {
	atomik_table_t table; /* a copy, which keeps the errors of calls on the mapping */
	void *states;         /* on the device: of each context */
	const void *control;  /* on the device: the control page, where the driver has one */
	unsigned flags;
} atomik_table_map_t;
#endif

#ifndef ATOMIK_NO_MALLOC
/*
 * A table of 1 to 2^32 - 1 contexts in allocated memory, each with reference 0 and
 * accumulator 0. The device has no more than ATOMIK_MAX_CONTEXTS. Errors: EINVAL, ENOMEM.
 */
ATOMIK_API int atomik_table_init(atomik_table_t *t, size_t num_contexts);
/* The same with contexts of 1 to 64 bits. */
ATOMIK_API int atomik_table_init_width(atomik_table_t *t, size_t num_contexts, unsigned width);
#endif

/* The number of uint64_t in a table of n contexts. */
#define ATOMIK_TABLE_WORDS(n)	((size_t)2 * (n))

/*
 * A table in the caller's memory, which must outlive it: ATOMIK_TABLE_WORDS(n) of
 * uint64_t, whose content doesn't matter. Errors: EINVAL, EFAULT (memory is NULL).
 */
ATOMIK_API int atomik_table_init_in(atomik_table_t *t, uint64_t *memory, size_t num_contexts,
				    unsigned width);

#ifdef ATOMIK_DEVICE
/*
 * A table of 1 to ATOMIK_MAX_CONTEXTS contexts on the device, in a file of its own, which
 * children made by fork() share. It ends when the last of them has closed the file. Errors:
 * ENOENT and EACCES, as above; EINVAL, ENOMEM; and others of open().
 */
ATOMIK_API int atomik_table_open(atomik_table_t *t, size_t num_contexts);
/*
 * Another table in an open file of the device, such as t.fd of one by atomik_table_open(). Others
 * that have the file attach to it by t.table_id. atomik_table_free() destroys it, for all of them,
 * and leaves the file open. Errors: EINVAL, ENOMEM; ENOSPC, where the file has 256 tables; EBADF
 * through an exported descriptor, or one that isn't open for writing; ENOTTY for another file.
 */
ATOMIK_API int atomik_table_create(atomik_table_t *t, int fd, size_t num_contexts);
/*
 * An existing table in an open file, such as one from another process. If num_contexts is 0, it
 * asks the driver, by up to 17 reads, and t.num_contexts tells. atomik_table_free() closes neither.
 * Errors: EINVAL; where it asks, ENOENT and ENOTTY. If there is no such table otherwise, the first
 * call on it fails.
 */
ATOMIK_API int atomik_table_attach(atomik_table_t *t, int fd, uint32_t table_id,
				   size_t num_contexts);
/*
 * A new descriptor of this one table, for others: they attach to it under the same id. It
 * neither creates nor destroys tables; with the flag ATOMIK_EXPORT_READ_ONLY it can't change
 * this one either. It is closed by exec(), and holds the table until it is closed. Errors:
 * EINVAL for another flag; ENOTTY for a table in the process, or where the driver lacks it;
 * EBADF through an exported descriptor; EFAULT if fd is NULL; EMFILE and ENFILE.
 */
ATOMIK_API int atomik_table_export(atomik_table_t *t, unsigned flags, int *fd);
/*
 * Sends a descriptor over a connected unix socket of any kind, with one byte of data; the
 * sender's stays open. The other side may be Rust's or Python's Device.receive. Errors: those
 * of sendmsg(), such as EPIPE if the other side has closed; EAFNOSUPPORT for another socket.
 */
ATOMIK_API int atomik_device_send(int sock, int fd);
/*
 * Receives a descriptor that was sent so, closed by exec(). Errors: ENOTTY if it is no atomik
 * device, if there was none (also at the socket's end), or if there were several, which are all
 * closed; EFAULT if fd is NULL, and nothing is received; EMFILE; those of recvmsg().
 */
ATOMIK_API int atomik_device_receive(int sock, int *fd);

/*
 * A new descriptor, closed by exec(), that becomes readable when one of the contexts addr to
 * addr + count - 1 changes: for poll(), select(), epoll and atomik_watch_read(). (The table's own
 * descriptor never waits: poll() always finds it ready, and epoll refuses it with EPERM.) A table
 * that can only be read can be watched, too. With the flag ATOMIK_WATCH_NONBLOCK, reading doesn't
 * wait. Errors: EINVAL for contexts beyond the table, none of them, or another flag; ENOTTY for a
 * table in the process, or where the driver lacks it; EFAULT if fd is NULL; ENOMEM, EMFILE, ENFILE.
 */
ATOMIK_API int atomik_table_watch(atomik_table_t *t, size_t addr, size_t count, unsigned flags,
				  int *fd);
/*
 * Waits until a watch has something to tell, and tells as much of it as there is room for in
 * changes, lowest address first: each context that may have changed since this watch last told of
 * it, once, with its state now. A new watch tells of all its contexts. All that one call tells is
 * of one moment; of a batch, all or nothing, if there is room. *told becomes the number of
 * changes: 0 with an error, and when the table has ended and nothing is left to tell. A signal's
 * handler doesn't end the waiting. Errors: EAGAIN, of a watch that doesn't wait, if there is
 * nothing to tell; EINVAL if room is 0, or fd is no watch; EFAULT if a pointer is NULL; ENOMEM, and
 * then everything is still to be told; others of read().
 */
ATOMIK_API int atomik_watch_read(int fd, atomik_change_t *changes, size_t room, size_t *told);
/*
 * Tells all who watch them that the contexts addr to addr + count - 1 have changed: for programs
 * that change states through a mapping, which the kernel can't see. Errors: EINVAL for contexts
 * beyond the table, or none; ENOTTY as above.
 */
ATOMIK_API int atomik_table_touch(atomik_table_t *t, size_t addr, size_t count);

/*
 * Maps the states of a table into this process, for reading and accumulating without system calls.
 * The flag ATOMIK_MAP_READ_ONLY is for descriptors that can only read, and keeps a program from
 * changing states by mistake. A table in the process is its own mapping, with the same calls. The
 * table's memory, or its file, must stay as long as the mapping is used. If the table on the device
 * ends nevertheless, the mapping has its last states, which no command changes any more. Errors:
 * EINVAL for a table without contexts, for one that has fewer than t says, or another flag; EBADF
 * through a file that isn't open for writing, without the flag; ENOENT, ENOMEM; ENOTTY where the
 * driver lacks it; EFAULT if m is NULL; EOVERFLOW for tables with an id from 2048 on, in programs
 * of 32 bits that are compiled without -D_FILE_OFFSET_BITS=64.
 */
ATOMIK_API int atomik_table_map(atomik_table_t *t, unsigned flags, atomik_table_map_t *m);
/* Ends a mapping. The table stays. Ending it again does nothing. */
ATOMIK_API void atomik_table_map_free(atomik_table_map_t *m);
/*
 * Returns the state at an address, by one load (acquire). It is not isolated from batches: of one
 * that is at work now, some changes may be seen. Errors, which atomik_table_error(&m->table) tells:
 * EINVAL for an address beyond the table.
 */
ATOMIK_API uint64_t atomik_table_map_read(atomik_table_map_t *m, size_t addr);
/*
 * XORs delta into the state at an address, by one atomic instruction (release). It may come between
 * two entries of a batch, and on the device it tells no watch: atomik_table_touch() does. Errors:
 * EINVAL for an address beyond the table; EBADF for a mapping that is read-only.
 */
ATOMIK_API int atomik_table_map_accum(atomik_table_map_t *m, size_t addr, uint64_t delta);
/*
 * Reads the states at n addresses, isolated: of each batch, and of each RESTORE of the device, all
 * changes are seen or none. n may be any number, also 0, and addresses may repeat. It takes no
 * system call, unless batches are at work all the time: then, after some tries, it waits for its
 * turn and reads by a batch of its own, or, at more than ATOMIK_MAX_BATCH addresses, from a copy of
 * all contexts between the lowest and the highest. So it always ends. Single operations and
 * atomik_table_map_accum() are each seen or not by themselves. Two that come during one call may be
 * seen in either order: make changes that belong together in a batch. The arrays may not overlap,
 * and after an error the content of states means nothing. Errors: EINVAL for an address beyond the
 * table, and, with ATOMIK_NO_MALLOC, for more than 256 of them; EFAULT if a pointer is NULL; where
 * it waits, ENOMEM and the driver's.
 */
ATOMIK_API int atomik_table_map_read_consistent(atomik_table_map_t *m, const uint32_t *addrs,
						uint64_t *states, size_t n);
#endif

/* Frees the table's memory, or closes its file. Freeing it again does nothing. */
ATOMIK_API void atomik_table_free(atomik_table_t *t);

/*
 * atomik_load() and so on, for the context at an address, from 0. Errors: EINVAL for an
 * address beyond the table; on the device, the driver's as well.
 */
ATOMIK_API int atomik_table_load(atomik_table_t *t, size_t addr, uint64_t value);
ATOMIK_API int atomik_table_accum(atomik_table_t *t, size_t addr, uint64_t delta);
ATOMIK_API int atomik_table_rollback(atomik_table_t *t, size_t addr, uint64_t delta);
ATOMIK_API uint64_t atomik_table_read(atomik_table_t *t, size_t addr);
ATOMIK_API uint64_t atomik_table_swap(atomik_table_t *t, size_t addr);
ATOMIK_API uint64_t atomik_table_swap_to(atomik_table_t *t, size_t addr, uint64_t value);
/* The state becomes this; the reference stays. So it is an accum of the difference. */
ATOMIK_API int atomik_table_set(atomik_table_t *t, size_t addr, uint64_t state);
/*
 * As atomic_compare_exchange_strong() of C11: sets the state to desired if it is *expected.
 * If it isn't, that is ECANCELED, and *expected becomes the state found, so that the caller
 * can try again at once. Other errors leave *expected alone: EFAULT if expected is NULL.
 */
ATOMIK_API int atomik_table_compare_exchange(atomik_table_t *t, size_t addr, uint64_t *expected,
					     uint64_t desired);
/* Copies the context. On the device, too, reference and accumulator are of one moment. */
ATOMIK_API int atomik_table_context(atomik_table_t *t, size_t addr, atomik_ctx_t *context);
/*
 * Copies the contexts addr to addr + count - 1, all as they are at one moment: of each the
 * reference, then the accumulator, so ATOMIK_TABLE_WORDS(count) words. Errors: EINVAL for contexts
 * beyond the table, or none; EFAULT if words is NULL; the driver's, such as ENOMEM.
 */
ATOMIK_API int atomik_table_snapshot(atomik_table_t *t, size_t addr, size_t count,
				     uint64_t *words);
/* Sets contexts to such a copy, all at one moment. Errors: as above; then nothing has changed. */
ATOMIK_API int atomik_table_restore(atomik_table_t *t, size_t addr, size_t count,
				    const uint64_t *words);

/*
 * Does 1 to ATOMIK_MAX_BATCH operations in order: all, or none if it fails. On the device,
 * no other operation on the table sees it half done. A SWAP keeps the state. Only the
 * values of READ and SWAP entries are written. Errors: EINVAL for a number, an
 * address or an opcode out of range, or a reserved byte that isn't zero; EFAULT for NULL.
 *
 * EXPECT entries are conditions on the states before all entries, wherever they stand. If one
 * doesn't hold, nothing is done: ECANCELED, and the value of the first such entry becomes the
 * state found. atomik_table_failed_entry() says which it is.
 */
ATOMIK_API int atomik_table_batch(atomik_table_t *t, atomik_op_t *ops, size_t num_ops);
/*
 * The number, from 0, of the entry that canceled the last atomik_table_batch() on this table;
 * SIZE_MAX if it wasn't canceled, or if there was none. It is SIZE_MAX or any entry, if others
 * have written to the entries meanwhile.
 */
ATOMIK_API size_t atomik_table_failed_entry(const atomik_table_t *t);
/*
 * Accumulates each of n deltas at its address; n may be any number, also 0. With a bad
 * address it does none of them. On the device it makes batches: if the table vanishes
 * meanwhile, the batches before that are done.
 */
ATOMIK_API int atomik_table_accum_many(atomik_table_t *t, const uint32_t *addrs,
				       const uint64_t *deltas, size_t n);
/* Loads n values, each at its address, in order; otherwise as atomik_table_accum_many(). */
ATOMIK_API int atomik_table_load_many(atomik_table_t *t, const uint32_t *addrs,
				      const uint64_t *values, size_t n);
/*
 * Reads the states at n addresses. On the device those of 256 neighbours in the list are of one
 * moment; those of any number of contexts are by atomik_table_snapshot(). After an error the
 * content of states means nothing.
 */
ATOMIK_API int atomik_table_read_many(atomik_table_t *t, const uint32_t *addrs, uint64_t *states,
				      size_t n);

/* The first error of a call on this table since the last clear; 0 for none. */
ATOMIK_API int atomik_table_error(const atomik_table_t *t);
/* The address of that error; SIZE_MAX if it has none. */
ATOMIK_API size_t atomik_table_error_addr(const atomik_table_t *t);
ATOMIK_API void atomik_table_clear_error(atomik_table_t *t);

/* ---- A fingerprint ---- */

/*
 * The fingerprint of bytes: the XOR of their 8-byte chunks, each read as little-endian,
 * the last filled up with zeros; that of no bytes is 0. It sees every change of a single
 * chunk. It does NOT see chunks that have changed places, a change made twice a multiple of
 * 8 bytes apart, nor zeros at the end. atomik_ordered_t does.
 *
 * It is a context: loading makes the fingerprint its reference, and each change is a delta.
 * A narrower one takes chunks of its own width. All bits zero make a valid one.
 */
typedef struct atomik_fingerprint_t {
	atomik_ctx_t context;
} atomik_fingerprint_t;

/* The fingerprint of no bytes, of 64 bits. */
ATOMIK_API void atomik_fp_init(atomik_fingerprint_t *fp);
/* The same with 8, 16 and so on to 64 bits; EINVAL for another width, and 64 bits then. */
ATOMIK_API int atomik_fp_init_width(atomik_fingerprint_t *fp, unsigned width);

/* Takes data as the unchanged string, and returns its fingerprint. */
ATOMIK_API uint64_t atomik_fp_load(atomik_fingerprint_t *fp, const void *data, size_t len);
/* Takes data as the present string, and returns its fingerprint. */
ATOMIK_API uint64_t atomik_fp_update(atomik_fingerprint_t *fp, const void *data, size_t len);
/*
 * Takes a change without the string: from old_part to new_part, which are a chunk, or the
 * fingerprint of a part that begins where a chunk does. Returns the fingerprint.
 */
ATOMIK_API uint64_t atomik_fp_accum_delta(atomik_fingerprint_t *fp, uint64_t old_part,
					  uint64_t new_part);
/* Takes the same change as bytes. */
ATOMIK_API uint64_t atomik_fp_accum_bytes(atomik_fingerprint_t *fp, const void *old_data,
					  size_t old_len, const void *new_data, size_t new_len);
/* True if the fingerprint differs from the unchanged string's. */
ATOMIK_API bool atomik_fp_changed(const atomik_fingerprint_t *fp);
/* The fingerprint. */
ATOMIK_API uint64_t atomik_fp_value(const atomik_fingerprint_t *fp);
/* Its difference to the unchanged string's. */
ATOMIK_API uint64_t atomik_fp_delta(const atomik_fingerprint_t *fp);
/* Takes the present string as the unchanged one; returns its fingerprint. */
ATOMIK_API uint64_t atomik_fp_reset(atomik_fingerprint_t *fp);
/* The fingerprint of bytes, with 64 bits, without an object. */
ATOMIK_API uint64_t atomik_fp_reduce(const void *data, size_t len);

/*
 * A fingerprint of 64 bits that depends on each chunk's position and on the length, and
 * that takes a change in the middle as a delta, too. Chunk i, from 0, contributes
 * mix(chunk ^ mix(i + 1)), and the length n contributes mix(n ^ 0xa0761d6478bd642f); the
 * fingerprint is the XOR of all. mix is the finalizer of splitmix64. All bits zero make a
 * valid one, without a string yet.
 */
typedef struct atomik_ordered_t {
	atomik_ctx_t context;
	uint64_t length; /* of the string that was loaded or updated last */
} atomik_ordered_t;

/* 0, which is the fingerprint of no string, not even of the empty one. */
ATOMIK_API void atomik_ordered_init(atomik_ordered_t *fp);
/* These are as atomik_fp_load() and so on. */
ATOMIK_API uint64_t atomik_ordered_load(atomik_ordered_t *fp, const void *data, size_t len);
ATOMIK_API uint64_t atomik_ordered_update(atomik_ordered_t *fp, const void *data, size_t len);
/*
 * Takes a change of len bytes at offset from old_data to new_data. The string's length
 * stays. EINVAL if offset isn't a multiple of 8, if the bytes go beyond the string's end, or
 * if they end neither at a multiple of 8 nor with the string.
 */
ATOMIK_API int atomik_ordered_accum_delta(atomik_ordered_t *fp, uint64_t offset,
					  const void *old_data, const void *new_data, size_t len);
ATOMIK_API bool atomik_ordered_changed(const atomik_ordered_t *fp);
ATOMIK_API uint64_t atomik_ordered_value(const atomik_ordered_t *fp);
ATOMIK_API uint64_t atomik_ordered_delta(const atomik_ordered_t *fp);
ATOMIK_API uint64_t atomik_ordered_reset(atomik_ordered_t *fp);
ATOMIK_API uint64_t atomik_ordered_reduce(const void *data, size_t len);

#ifdef __cplusplus
}
#endif

#if defined(__cplusplus) && defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#endif /* ATOMIK_CORE_H */

#if defined(ATOMIK_IMPLEMENTATION) && !defined(ATOMIK_CORE_IMPLEMENTED)
#define ATOMIK_CORE_IMPLEMENTED

#if !defined(ATOMIK_NO_MALLOC) && !defined(ATOMIK_MALLOC)
#include <stdlib.h>
#define ATOMIK_MALLOC(n)	malloc(n)
#define ATOMIK_FREE(p)		free(p)
#endif

#ifdef ATOMIK_DEVICE
#ifndef __linux__
#error "ATOMIK_DEVICE: the device exists on Linux only"
#endif
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

ATOMIK_API const char *atomik_strerror(int error)
{
	switch (error) {
	case ATOMIK_OK:
		return "no error";
	case ATOMIK_ENOENT:
		return "no such table, or no device: is the module loaded?";
	case ATOMIK_EBADF:
		return "the file is not open, or not for writing";
	case ATOMIK_EAGAIN:
		return "nothing has changed since";
	case ATOMIK_ENOMEM:
		return "memory is exhausted";
	case ATOMIK_EACCES:
		return "no permission to use the device: is the user in its group?";
	case ATOMIK_EFAULT:
		return "a pointer to nothing";
	case ATOMIK_EINVAL:
		return "an address beyond the table, or another argument out of range";
	case ATOMIK_ENOTTY:
		return "not a device of atomik, or its driver lacks the command";
	case ATOMIK_ECANCELED:
		return "a context doesn't have the expected state";
	default:
#ifdef ATOMIK_DEVICE
		return strerror(error);
#else
		return "an error of the system";
#endif
	}
}

/* ---- A context ---- */

/* The bits above a width of 1 to 64. */
static inline uint64_t atomik_excess_(unsigned width)
{
	return width < 64 ? UINT64_MAX << width : 0;
}

ATOMIK_API void atomik_init(atomik_ctx_t *c)
{
	c->reference = 0;
	c->accumulator = 0;
	c->excess = 0;
}

ATOMIK_API int atomik_init_width(atomik_ctx_t *c, unsigned width)
{
	atomik_init(c);
	if (width < 1 || width > 64)
		return ATOMIK_EINVAL;
	c->excess = atomik_excess_(width);
	return ATOMIK_OK;
}

ATOMIK_API unsigned atomik_width(const atomik_ctx_t *c)
{
	unsigned width = 64;

	while (c->excess >> (width - 1) & 1)
		width--;
	return width;
}

ATOMIK_API void atomik_load(atomik_ctx_t *c, uint64_t value)
{
	c->reference = value & ~c->excess;
	c->accumulator = 0;
}

ATOMIK_API void atomik_accum(atomik_ctx_t *c, uint64_t delta)
{
	c->accumulator ^= delta & ~c->excess;
}

ATOMIK_API uint64_t atomik_read(const atomik_ctx_t *c)
{
	return c->reference ^ c->accumulator;
}

ATOMIK_API uint64_t atomik_swap(atomik_ctx_t *c)
{
	return atomik_swap_to(c, atomik_read(c));
}

ATOMIK_API uint64_t atomik_swap_to(atomik_ctx_t *c, uint64_t value)
{
	uint64_t state = atomik_read(c);

	atomik_load(c, value);
	return state;
}

ATOMIK_API void atomik_rollback(atomik_ctx_t *c, uint64_t delta)
{
	atomik_accum(c, delta);
}

ATOMIK_API bool atomik_is_clean(const atomik_ctx_t *c)
{
	return c->accumulator == 0;
}

ATOMIK_API void atomik_merge(atomik_ctx_t *c, const atomik_ctx_t *other)
{
	atomik_accum(c, other->accumulator);
}

/* ---- A table ---- */

/* The kinds of tables' memory. */
enum {
	ATOMIK_NOWHERE_,  /* nowhere: it has no contexts */
	ATOMIK_ALLOCATED_,
	ATOMIK_GIVEN_,    /* in the caller's memory */
	ATOMIK_OPENED_,   /* on the device, in a file of its own */
	ATOMIK_CREATED_,  /* on the device, made in the caller's file */
	ATOMIK_ATTACHED_  /* on the device, in the caller's file */
};

/* Keeps the first error; returns this one. A condition that doesn't hold is none to keep. */
static inline int atomik_fail_(atomik_table_t *t, int error, size_t addr)
{
	if (error != ATOMIK_OK && error != ATOMIK_ECANCELED && t->error == ATOMIK_OK) {
		t->error = error;
		t->error_addr = addr;
	}
	return error;
}

static inline void atomik_nowhere_(atomik_table_t *t)
{
	t->num_contexts = 0;
	t->words = NULL;
	t->excess = 0;
	t->failed = 0;
	t->kind = ATOMIK_NOWHERE_;
	t->fd = -1;
	t->table_id = 0;
}

/* Checks that a table has these contexts, and at least one. */
static inline int atomik_has_(const atomik_table_t *t, size_t addr, size_t count)
{
	if (count < 1 || addr >= t->num_contexts || count > t->num_contexts - addr)
		return ATOMIK_EINVAL;
	return ATOMIK_OK;
}

/* Makes a table of no contexts; EINVAL if one of this size can't be made. */
static inline int atomik_begin_(atomik_table_t *t, size_t num_contexts, unsigned width)
{
	atomik_nowhere_(t);
	atomik_table_clear_error(t);
	/* An address has 32 bits, and the memory's size must fit into size_t. */
	if (num_contexts < 1 || num_contexts > UINT32_MAX || num_contexts > SIZE_MAX / 16 ||
	    width < 1 || width > 64)
		return atomik_fail_(t, ATOMIK_EINVAL, SIZE_MAX);
	return ATOMIK_OK;
}

/* Makes a table in memory that is large enough. */
static inline void atomik_in_(atomik_table_t *t, uint64_t *memory, size_t num_contexts,
			      unsigned width, int kind)
{
	size_t i;

	for (i = 0; i < ATOMIK_TABLE_WORDS(num_contexts); i++)
		memory[i] = 0;
	t->num_contexts = num_contexts;
	t->words = memory;
	t->excess = atomik_excess_(width);
	t->kind = kind;
}

ATOMIK_API int atomik_table_init_in(atomik_table_t *t, uint64_t *memory, size_t num_contexts,
				    unsigned width)
{
	int error = atomik_begin_(t, num_contexts, width);

	if (error != ATOMIK_OK)
		return error;
	if (memory == NULL)
		return atomik_fail_(t, ATOMIK_EFAULT, SIZE_MAX);
	atomik_in_(t, memory, num_contexts, width, ATOMIK_GIVEN_);
	return ATOMIK_OK;
}

#ifndef ATOMIK_NO_MALLOC
ATOMIK_API int atomik_table_init_width(atomik_table_t *t, size_t num_contexts, unsigned width)
{
	int error = atomik_begin_(t, num_contexts, width);
	uint64_t *words;

	if (error != ATOMIK_OK)
		return error;
	words = (uint64_t *)ATOMIK_MALLOC(ATOMIK_TABLE_WORDS(num_contexts) * sizeof(*words));
	if (words == NULL)
		return atomik_fail_(t, ATOMIK_ENOMEM, SIZE_MAX);
	atomik_in_(t, words, num_contexts, width, ATOMIK_ALLOCATED_);
	return ATOMIK_OK;
}

ATOMIK_API int atomik_table_init(atomik_table_t *t, size_t num_contexts)
{
	return atomik_table_init_width(t, num_contexts, 64);
}
#endif

#ifdef ATOMIK_DEVICE

#ifndef ATOMIK_DEVICE_PATH
#define ATOMIK_DEVICE_PATH	"/dev/atomik"
#endif

/*
 * The arguments of the commands, and their numbers. They are those of the module's own
 * header, atomik.h, under other names, so that both can be included.
 */
struct atomik_dev_create_ {
	uint32_t num_contexts;
	uint32_t table_id;
};

struct atomik_dev_value_ {
	uint32_t table_id;
	uint32_t addr;
	uint64_t value;
};

struct atomik_dev_swap_ {
	uint32_t table_id;
	uint32_t addr;
	uint64_t new_reference;
	uint64_t old_state;
};

struct atomik_dev_batch_ {
	uint32_t table_id;
	uint32_t num_ops;
	uint64_t ops_ptr;
};

struct atomik_dev_image_ {
	uint32_t table_id;
	uint32_t addr;
	uint32_t count;
	uint32_t reserved;
	uint64_t contexts_ptr;
};

struct atomik_dev_info_ {
	uint32_t version;
	uint32_t backend;
	uint32_t hw_banks;
	uint32_t fp_enabled;
	uint64_t ops_total;
	uint64_t fp_checks;
	uint64_t fp_bytes_saved;
};

struct atomik_dev_export_ {
	uint32_t table_id;
	uint32_t flags;
	int32_t fd;
	uint32_t reserved;
};

struct atomik_dev_watch_ {
	uint32_t table_id;
	uint32_t addr;
	uint32_t count;
	uint32_t flags;
	int32_t fd;
	uint32_t reserved;
};

struct atomik_dev_touch_ {
	uint32_t table_id;
	uint32_t addr;
	uint32_t count;
	uint32_t reserved;
};

/*
 * A word that others may change at any time. (For a state on a processor of 32 bits, compilers want
 * to know that it is aligned.)
 */
typedef uint64_t atomik_word_ __attribute__((aligned(8)));

/* The control page of a mapped table. */
struct atomik_dev_control_ {
	uint32_t version;
	uint32_t num_contexts;
	atomik_word_ sequence; /* odd while a batch or RESTORE changes states; then larger */
};

/* Where a table is mapped in its file, and its control page from there. */
#define ATOMIK_DEV_MAP_OFFSET_(table_id)	((uint64_t)(table_id) << 20)
#define ATOMIK_DEV_MAP_CONTROL_	(1 << 19)
#define ATOMIK_DEV_CONTROL_VERSION_	1

#define ATOMIK_DEV_CREATE_	_IOWR('A', 0x01, struct atomik_dev_create_)
#define ATOMIK_DEV_DESTROY_	_IOW('A', 0x02, uint32_t)
#define ATOMIK_DEV_LOAD_	_IOW('A', 0x10, struct atomik_dev_value_)
#define ATOMIK_DEV_ACCUM_	_IOW('A', 0x11, struct atomik_dev_value_)
#define ATOMIK_DEV_READ_	_IOWR('A', 0x12, struct atomik_dev_value_)
#define ATOMIK_DEV_SWAP_	_IOWR('A', 0x13, struct atomik_dev_swap_)
#define ATOMIK_DEV_BATCH_	_IOW('A', 0x30, struct atomik_dev_batch_)
#define ATOMIK_DEV_INFO_	_IOR('A', 0x40, struct atomik_dev_info_)
#define ATOMIK_DEV_SNAPSHOT_	_IOW('A', 0x50, struct atomik_dev_image_)
#define ATOMIK_DEV_RESTORE_	_IOW('A', 0x51, struct atomik_dev_image_)
#define ATOMIK_DEV_WATCH_	_IOWR('A', 0x52, struct atomik_dev_watch_)
#define ATOMIK_DEV_TOUCH_	_IOW('A', 0x53, struct atomik_dev_touch_)
#define ATOMIK_DEV_EXPORT_	_IOWR('A', 0x54, struct atomik_dev_export_)

/* A strict C standard hides the name of the flag. */
#if defined(O_CLOEXEC)
#define ATOMIK_DEV_CLOEXEC_	O_CLOEXEC
#elif defined(__O_CLOEXEC)
#define ATOMIK_DEV_CLOEXEC_	__O_CLOEXEC
#else
#error "the C library hides O_CLOEXEC: define _POSIX_C_SOURCE as 200809L"
#endif

/* C libraries differ in the type of an ioctl's number. */
#ifdef __GLIBC__
#define ATOMIK_DEV_NUMBER_(number)	(number)
#else
#define ATOMIK_DEV_NUMBER_(number)	((int)(number))
#endif

#define ATOMIK_DEV_CALL_(t, number, arg) \
	(ioctl((t)->fd, ATOMIK_DEV_NUMBER_(number), arg) == -1 ? errno : ATOMIK_OK)

static inline bool atomik_on_device_(const atomik_table_t *t)
{
	return t->kind >= ATOMIK_OPENED_;
}

ATOMIK_API int atomik_table_create(atomik_table_t *t, int fd, size_t num_contexts)
{
	int error = atomik_begin_(t, num_contexts, 64);
	struct atomik_dev_create_ create = { (uint32_t)num_contexts, 0 };

	if (error != ATOMIK_OK)
		return error;
	t->fd = fd;
	error = ATOMIK_DEV_CALL_(t, ATOMIK_DEV_CREATE_, &create);
	if (error != ATOMIK_OK) {
		t->fd = -1;
		return atomik_fail_(t, error, SIZE_MAX);
	}
	t->num_contexts = num_contexts;
	t->table_id = create.table_id;
	t->kind = ATOMIK_CREATED_;
	return ATOMIK_OK;
}

ATOMIK_API int atomik_table_open(atomik_table_t *t, size_t num_contexts)
{
	int error = atomik_begin_(t, num_contexts, 64), fd;

	if (error != ATOMIK_OK)
		return error;
	fd = open(ATOMIK_DEVICE_PATH, O_RDWR | ATOMIK_DEV_CLOEXEC_);
	if (fd == -1)
		return atomik_fail_(t, errno, SIZE_MAX);
	error = atomik_table_create(t, fd, num_contexts);
	if (error != ATOMIK_OK)
		(void)close(fd);
	else
		t->kind = ATOMIK_OPENED_;
	return error;
}

/*
 * The number of contexts of an attached table: one more than the last address that can be read. It
 * is as long as the table, as READ is the command that every driver and every descriptor has.
 */
static inline int atomik_dev_size_(atomik_table_t *t)
{
	struct atomik_dev_value_ arg = { t->table_id, 0, 0 };
	uint32_t beyond = ATOMIK_MAX_CONTEXTS, last = 0;
	int error = ATOMIK_DEV_CALL_(t, ATOMIK_DEV_READ_, &arg);

	while (error == ATOMIK_OK && beyond - last > 1) {
		arg.addr = last + (beyond - last) / 2;
		error = ATOMIK_DEV_CALL_(t, ATOMIK_DEV_READ_, &arg);
		if (error == ATOMIK_OK) {
			last = arg.addr;
		} else if (error == ATOMIK_EINVAL) {
			beyond = arg.addr;
			error = ATOMIK_OK;
		}
	}
	t->num_contexts = (size_t)last + 1;
	return error;
}

ATOMIK_API int atomik_table_attach(atomik_table_t *t, int fd, uint32_t table_id,
				   size_t num_contexts)
{
	int error = atomik_begin_(t, num_contexts == 0 ? 1 : num_contexts, 64);

	if (error != ATOMIK_OK)
		return error;
	t->num_contexts = num_contexts;
	t->table_id = table_id;
	t->fd = fd;
	t->kind = ATOMIK_ATTACHED_;
	if (num_contexts == 0)
		error = atomik_dev_size_(t);
	if (error != ATOMIK_OK)
		atomik_nowhere_(t);
	return atomik_fail_(t, error, SIZE_MAX);
}

ATOMIK_API int atomik_table_export(atomik_table_t *t, unsigned flags, int *fd)
{
	struct atomik_dev_export_ arg = { t->table_id, flags, -1, 0 };
	int error;

	if (fd == NULL)
		return atomik_fail_(t, ATOMIK_EFAULT, SIZE_MAX);
	error = atomik_on_device_(t) ? ATOMIK_DEV_CALL_(t, ATOMIK_DEV_EXPORT_, &arg) :
				       ATOMIK_ENOTTY;
	if (error == ATOMIK_OK)
		*fd = arg.fd;
	return atomik_fail_(t, error, SIZE_MAX);
}

/* Checks that a table on the device has these contexts, and at least one. */
static inline int atomik_range_(const atomik_table_t *t, size_t addr, size_t count)
{
	return atomik_on_device_(t) ? atomik_has_(t, addr, count) : ATOMIK_ENOTTY;
}

ATOMIK_API int atomik_table_watch(atomik_table_t *t, size_t addr, size_t count, unsigned flags,
				  int *fd)
{
	struct atomik_dev_watch_ arg = { t->table_id, (uint32_t)addr, (uint32_t)count, flags,
					 -1, 0 };
	int error = atomik_range_(t, addr, count);

	if (error == ATOMIK_OK && fd == NULL)
		error = ATOMIK_EFAULT;
	if (error == ATOMIK_OK)
		error = ATOMIK_DEV_CALL_(t, ATOMIK_DEV_WATCH_, &arg);
	if (error == ATOMIK_OK)
		*fd = arg.fd;
	return atomik_fail_(t, error, addr);
}

ATOMIK_API int atomik_watch_read(int fd, atomik_change_t *changes, size_t room, size_t *told)
{
	ssize_t got;

	if (told == NULL)
		return ATOMIK_EFAULT;
	*told = 0;
	if (changes == NULL)
		return ATOMIK_EFAULT;
	/* No table has more contexts. */
	if (room > ATOMIK_MAX_CONTEXTS)
		room = ATOMIK_MAX_CONTEXTS;
	/* The kernel may take reading of nothing for the end. */
	if (room == 0)
		return ATOMIK_EINVAL;
	do
		got = read(fd, changes, room * sizeof(*changes));
	while (got == -1 && errno == EINTR);
	if (got == -1)
		return errno;
	*told = (size_t)got / sizeof(*changes);
	return ATOMIK_OK;
}

ATOMIK_API int atomik_table_touch(atomik_table_t *t, size_t addr, size_t count)
{
	struct atomik_dev_touch_ arg = { t->table_id, (uint32_t)addr, (uint32_t)count, 0 };
	int error = atomik_range_(t, addr, count);

	if (error == ATOMIK_OK)
		error = ATOMIK_DEV_CALL_(t, ATOMIK_DEV_TOUCH_, &arg);
	return atomik_fail_(t, error, addr);
}

/* The most descriptors that come with one message: the kernel's SCM_MAX_FD. */
#define ATOMIK_MOST_FDS_	253
/* The kernel's number of a message with a descriptor of the peer's process. */
#define ATOMIK_SCM_PIDFD_	4

/*
 * Room for all descriptors of a message, so that those of several are known and closed. The
 * socket's owner may have asked for the peer's credentials and pidfd as well.
 */
union atomik_control_ {
	struct cmsghdr first; /* the type of access, and its alignment */
	char bytes[CMSG_SPACE(3 * sizeof(int)) + CMSG_SPACE(ATOMIK_MOST_FDS_ * sizeof(int)) +
		   CMSG_SPACE(sizeof(int))];
};

/* A message of one byte. */
struct atomik_message_ {
	struct msghdr header;
	struct iovec data;
	char byte;
};

static inline void atomik_message_init_(struct atomik_message_ *m, union atomik_control_ *control)
{
	memset(m, 0, sizeof(*m));
	memset(control, 0, sizeof(*control));
	m->data.iov_base = &m->byte;
	m->data.iov_len = 1;
	m->header.msg_iov = &m->data;
	m->header.msg_iovlen = 1;
	m->header.msg_control = control;
	m->header.msg_controllen = sizeof(*control);
}

/*
 * Returns the descriptor of a message that has come with one. Otherwise returns -1, and closes
 * those that came. (Compilers warn of the CMSG_NXTHDR that some C libraries have.)
 */
static inline int atomik_message_fd_(const struct msghdr *header)
{
	const char *at = (const char *)header->msg_control;
	size_t left = header->msg_controllen;
	int only = -1, passed = 0;

	while (left >= CMSG_LEN(0)) {
		struct cmsghdr c;
		size_t i, len, space;

		memcpy(&c, at, CMSG_LEN(0));
		len = c.cmsg_len;
		if (len < CMSG_LEN(0) || len > left)
			break;
		for (i = CMSG_LEN(0); i + sizeof(int) <= len; i += sizeof(int)) {
			int fd;

			if (c.cmsg_level != SOL_SOCKET ||
			    (c.cmsg_type != SCM_RIGHTS && c.cmsg_type != ATOMIK_SCM_PIDFD_))
				break;
			memcpy(&fd, at + i, sizeof(fd));
			if (c.cmsg_type == SCM_RIGHTS && passed++ == 0)
				only = fd;
			else if (fd >= 0) /* instead of a pidfd, there may be an error's number */
				(void)close(fd);
		}
		space = CMSG_SPACE(len - CMSG_LEN(0));
		at += space;
		left = left > space ? left - space : 0;
	}
	if (only != -1 && (passed > 1 || (header->msg_flags & MSG_CTRUNC) != 0)) {
		(void)close(only);
		only = -1;
	}
	return only;
}

ATOMIK_API int atomik_device_send(int sock, int fd)
{
	struct atomik_message_ m;
	union atomik_control_ control;
	struct cmsghdr *rights;
	struct sockaddr address;
	socklen_t len = sizeof(address);
	ssize_t sent;

	/* Other sockets would send the byte alone. */
	if (getsockname(sock, &address, &len) == -1)
		return errno;
	if (address.sa_family != AF_UNIX)
		return EAFNOSUPPORT;
	atomik_message_init_(&m, &control);
	m.header.msg_controllen = CMSG_SPACE(sizeof(fd));
	rights = CMSG_FIRSTHDR(&m.header);
	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(rights), &fd, sizeof(fd));
	do
		sent = sendmsg(sock, &m.header, MSG_NOSIGNAL);
	while (sent == -1 && errno == EINTR);
	return sent == -1 ? errno : ATOMIK_OK;
}

ATOMIK_API int atomik_device_receive(int sock, int *fd)
{
	struct atomik_dev_info_ info;
	struct atomik_message_ m;
	union atomik_control_ control;
	ssize_t got;
	int received;

	if (fd == NULL)
		return ATOMIK_EFAULT;
	atomik_message_init_(&m, &control);
	do
		got = recvmsg(sock, &m.header, MSG_CMSG_CLOEXEC);
	while (got == -1 && errno == EINTR);
	if (got == -1)
		return errno;
	received = atomik_message_fd_(&m.header);
	if (received == -1)
		return (m.header.msg_flags & MSG_CTRUNC) != 0 ? EMFILE : ATOMIK_ENOTTY;
	if (ioctl(received, ATOMIK_DEV_NUMBER_(ATOMIK_DEV_INFO_), &info) == -1) {
		int error = errno;

		(void)close(received);
		return error;
	}
	*fd = received;
	return ATOMIK_OK;
}

#endif /* ATOMIK_DEVICE */

ATOMIK_API void atomik_table_free(atomik_table_t *t)
{
#ifndef ATOMIK_NO_MALLOC
	if (t->kind == ATOMIK_ALLOCATED_)
		ATOMIK_FREE(t->words);
#endif
#ifdef ATOMIK_DEVICE
	/* The table ends with the last descriptor of its file, which others may have. */
	if (t->kind == ATOMIK_OPENED_)
		(void)close(t->fd);
	/* This one ends before its file does; or it is gone already. */
	if (t->kind == ATOMIK_CREATED_)
		(void)ATOMIK_DEV_CALL_(t, ATOMIK_DEV_DESTROY_, &t->table_id);
#endif
	atomik_nowhere_(t);
}

/* Checks that there is such a context. */
static inline int atomik_check_(atomik_table_t *t, size_t addr)
{
	return addr < t->num_contexts ? ATOMIK_OK : atomik_fail_(t, ATOMIK_EINVAL, addr);
}

/* One context of a table in the process, and back. */
static inline atomik_ctx_t atomik_get_(const atomik_table_t *t, size_t addr)
{
	atomik_ctx_t c;

	c.reference = t->words[2 * addr];
	c.accumulator = t->words[2 * addr + 1];
	c.excess = t->excess;
	return c;
}

static inline void atomik_put_(atomik_table_t *t, size_t addr, atomik_ctx_t c)
{
	t->words[2 * addr] = c.reference;
	t->words[2 * addr + 1] = c.accumulator;
}

/* Does one operation on a table in the process; returns the state before it. */
static inline uint64_t atomik_do_(atomik_table_t *t, uint8_t opcode, size_t addr, uint64_t value)
{
	atomik_ctx_t c = atomik_get_(t, addr);
	uint64_t state = atomik_read(&c);

	switch (opcode) {
	case ATOMIK_OP_LOAD:
		atomik_load(&c, value);
		break;
	case ATOMIK_OP_ACCUM:
		atomik_accum(&c, value);
		break;
	case ATOMIK_OP_SWAP:
		atomik_load(&c, state);
		break;
	case ATOMIK_OP_SET:
		atomik_accum(&c, state ^ value);
		break;
	default:
		return state;
	}
	atomik_put_(t, addr, c);
	return state;
}

/*
 * Copies and checks an entry of a batch. Each field is read once: if others write to the entries
 * meanwhile, the checked values are the ones used.
 */
static inline int atomik_entry_(atomik_table_t *t, const atomik_op_t *from, atomik_op_t *op)
{
	const volatile atomik_op_t *once = from;

	op->opcode = once->opcode;
	op->reserved[0] = once->reserved[0];
	op->reserved[1] = once->reserved[1];
	op->reserved[2] = once->reserved[2];
	op->addr = once->addr;
	op->value = once->value;
	if (op->opcode > ATOMIK_OP_SET ||
	    op->reserved[0] != 0 || op->reserved[1] != 0 || op->reserved[2] != 0)
		return atomik_fail_(t, ATOMIK_EINVAL, SIZE_MAX);
	return atomik_check_(t, op->addr);
}

#ifdef ATOMIK_DEVICE
/* The bits of the number of an entry, which is below ATOMIK_MAX_BATCH. */
#define ATOMIK_ENTRY_BITS_	12

/*
 * For each bit of a number: the XOR of the EXPECTs whose numbers have that bit. When one EXPECT
 * becomes another, the sums that change are those of the bits of its number.
 */
static inline void atomik_sums_(const atomik_op_t *ops, size_t num_ops, uint64_t *sums)
{
	size_t i;
	unsigned bit;

	for (bit = 0; bit < ATOMIK_ENTRY_BITS_; bit++)
		sums[bit] = 0;
	for (i = 0; i < num_ops; i++) {
		if (ops[i].opcode != ATOMIK_OP_EXPECT)
			continue;
		for (bit = 0; bit < ATOMIK_ENTRY_BITS_; bit++) {
			if (i >> bit & 1)
				sums[bit] ^= ops[i].value;
		}
	}
}

/* Does a batch on the device, and finds the entry that has canceled it. */
static inline int atomik_dev_batch_call_(atomik_table_t *t, atomik_op_t *ops, size_t num_ops)
{
	struct atomik_dev_batch_ arg = { t->table_id, (uint32_t)num_ops, (uintptr_t)ops };
	uint64_t before[ATOMIK_ENTRY_BITS_], after[ATOMIK_ENTRY_BITS_];
	size_t failed = 0;
	unsigned bit;
	int error;

	atomik_sums_(ops, num_ops, before);
	error = ATOMIK_DEV_CALL_(t, ATOMIK_DEV_BATCH_, &arg);
	if (error != ATOMIK_ECANCELED)
		return error;
	atomik_sums_(ops, num_ops, after);
	for (bit = 0; bit < ATOMIK_ENTRY_BITS_; bit++)
		failed |= (size_t)(before[bit] != after[bit]) << bit;
	t->failed = failed < num_ops ? failed + 1 : 0;
	return error;
}
#endif

/* Checks the EXPECTs of a batch on a table in the process, and its entries once more. */
static inline int atomik_expect_(atomik_table_t *t, atomik_op_t *ops, size_t num_ops)
{
	atomik_op_t op;
	size_t i;

	for (i = 0; i < num_ops; i++) {
		uint64_t state;

		if (atomik_entry_(t, &ops[i], &op) != ATOMIK_OK)
			return ATOMIK_EINVAL;
		if (op.opcode != ATOMIK_OP_EXPECT)
			continue;
		state = atomik_do_(t, ATOMIK_OP_READ, op.addr, 0);
		if (state != (op.value & ~t->excess)) {
			ops[i].value = state;
			t->failed = i + 1;
			return ATOMIK_ECANCELED;
		}
	}
	return ATOMIK_OK;
}

/* Does a batch whose entries have been checked. The caller keeps the error. */
static inline int atomik_run_(atomik_table_t *t, atomik_op_t *ops, size_t num_ops)
{
	atomik_op_t op;
	size_t i;
	int error;

#ifdef ATOMIK_DEVICE
	if (atomik_on_device_(t))
		return atomik_dev_batch_call_(t, ops, num_ops);
#endif
	error = atomik_expect_(t, ops, num_ops);
	if (error != ATOMIK_OK)
		return error;
	for (i = 0; i < num_ops; i++) {
		uint64_t state;

		if (atomik_entry_(t, &ops[i], &op) != ATOMIK_OK)
			return ATOMIK_EINVAL;
		state = atomik_do_(t, op.opcode, op.addr, op.value);
		if (op.opcode == ATOMIK_OP_READ || op.opcode == ATOMIK_OP_SWAP)
			ops[i].value = state;
	}
	return ATOMIK_OK;
}

ATOMIK_API int atomik_table_load(atomik_table_t *t, size_t addr, uint64_t value)
{
	int error = atomik_check_(t, addr);

	if (error != ATOMIK_OK)
		return error;
#ifdef ATOMIK_DEVICE
	if (atomik_on_device_(t)) {
		struct atomik_dev_value_ arg = { t->table_id, (uint32_t)addr, value };

		return atomik_fail_(t, ATOMIK_DEV_CALL_(t, ATOMIK_DEV_LOAD_, &arg), addr);
	}
#endif
	(void)atomik_do_(t, ATOMIK_OP_LOAD, addr, value);
	return ATOMIK_OK;
}

ATOMIK_API int atomik_table_accum(atomik_table_t *t, size_t addr, uint64_t delta)
{
	int error = atomik_check_(t, addr);

	if (error != ATOMIK_OK)
		return error;
#ifdef ATOMIK_DEVICE
	if (atomik_on_device_(t)) {
		struct atomik_dev_value_ arg = { t->table_id, (uint32_t)addr, delta };

		return atomik_fail_(t, ATOMIK_DEV_CALL_(t, ATOMIK_DEV_ACCUM_, &arg), addr);
	}
#endif
	(void)atomik_do_(t, ATOMIK_OP_ACCUM, addr, delta);
	return ATOMIK_OK;
}

ATOMIK_API int atomik_table_rollback(atomik_table_t *t, size_t addr, uint64_t delta)
{
	return atomik_table_accum(t, addr, delta);
}

ATOMIK_API uint64_t atomik_table_read(atomik_table_t *t, size_t addr)
{
	if (atomik_check_(t, addr) != ATOMIK_OK)
		return 0;
#ifdef ATOMIK_DEVICE
	if (atomik_on_device_(t)) {
		struct atomik_dev_value_ arg = { t->table_id, (uint32_t)addr, 0 };
		int error = ATOMIK_DEV_CALL_(t, ATOMIK_DEV_READ_, &arg);

		return atomik_fail_(t, error, addr) == ATOMIK_OK ? arg.value : 0;
	}
#endif
	return atomik_do_(t, ATOMIK_OP_READ, addr, 0);
}

ATOMIK_API uint64_t atomik_table_swap(atomik_table_t *t, size_t addr)
{
	if (atomik_check_(t, addr) != ATOMIK_OK)
		return 0;
#ifdef ATOMIK_DEVICE
	if (atomik_on_device_(t)) {
		/* A new reference of 0 keeps the state. */
		struct atomik_dev_swap_ arg = { t->table_id, (uint32_t)addr, 0, 0 };
		int error = ATOMIK_DEV_CALL_(t, ATOMIK_DEV_SWAP_, &arg);

		return atomik_fail_(t, error, addr) == ATOMIK_OK ? arg.old_state : 0;
	}
#endif
	return atomik_do_(t, ATOMIK_OP_SWAP, addr, 0);
}

ATOMIK_API uint64_t atomik_table_swap_to(atomik_table_t *t, size_t addr, uint64_t value)
{
	if (atomik_check_(t, addr) != ATOMIK_OK)
		return 0;
#ifdef ATOMIK_DEVICE
	if (atomik_on_device_(t) && value != 0) {
		struct atomik_dev_swap_ arg = { t->table_id, (uint32_t)addr, value, 0 };
		int error = ATOMIK_DEV_CALL_(t, ATOMIK_DEV_SWAP_, &arg);

		return atomik_fail_(t, error, addr) == ATOMIK_OK ? arg.old_state : 0;
	}
	if (atomik_on_device_(t)) {
		/* SWAP can't start from 0, as that keeps the state; a batch is as isolated. */
		atomik_op_t ops[2] = {
			{ ATOMIK_OP_READ, { 0, 0, 0 }, (uint32_t)addr, 0 },
			{ ATOMIK_OP_LOAD, { 0, 0, 0 }, (uint32_t)addr, 0 },
		};
		int error = atomik_run_(t, ops, 2);

		return atomik_fail_(t, error, addr) == ATOMIK_OK ? ops[0].value : 0;
	}
#endif
	return atomik_do_(t, ATOMIK_OP_LOAD, addr, value);
}

ATOMIK_API int atomik_table_set(atomik_table_t *t, size_t addr, uint64_t state)
{
	atomik_op_t op = { ATOMIK_OP_SET, { 0, 0, 0 }, (uint32_t)addr, state };
	int error = atomik_check_(t, addr);

	return error != ATOMIK_OK ? error : atomik_fail_(t, atomik_run_(t, &op, 1), addr);
}

ATOMIK_API int atomik_table_compare_exchange(atomik_table_t *t, size_t addr, uint64_t *expected,
					     uint64_t desired)
{
	atomik_op_t ops[2] = {
		{ ATOMIK_OP_EXPECT, { 0, 0, 0 }, (uint32_t)addr, 0 },
		{ ATOMIK_OP_SET, { 0, 0, 0 }, (uint32_t)addr, desired },
	};
	const size_t failed = t->failed;
	int error = atomik_check_(t, addr);

	if (error != ATOMIK_OK)
		return error;
	if (expected == NULL)
		return atomik_fail_(t, ATOMIK_EFAULT, addr);
	ops[0].value = *expected;
	error = atomik_run_(t, ops, 2);
	/* It is no batch of the caller's. */
	t->failed = failed;
	if (error == ATOMIK_ECANCELED)
		*expected = ops[0].value;
	return atomik_fail_(t, error, addr);
}

ATOMIK_API int atomik_table_snapshot(atomik_table_t *t, size_t addr, size_t count,
				     uint64_t *words)
{
	int error = atomik_has_(t, addr, count);
	size_t i;

	if (error == ATOMIK_OK && words == NULL)
		error = ATOMIK_EFAULT;
	if (error != ATOMIK_OK)
		return atomik_fail_(t, error, addr);
#ifdef ATOMIK_DEVICE
	if (atomik_on_device_(t)) {
		struct atomik_dev_image_ arg = { t->table_id, (uint32_t)addr, (uint32_t)count, 0,
						 (uintptr_t)words };

		return atomik_fail_(t, ATOMIK_DEV_CALL_(t, ATOMIK_DEV_SNAPSHOT_, &arg), addr);
	}
#endif
	for (i = 0; i < ATOMIK_TABLE_WORDS(count); i++)
		words[i] = t->words[2 * addr + i];
	return ATOMIK_OK;
}

ATOMIK_API int atomik_table_restore(atomik_table_t *t, size_t addr, size_t count,
				    const uint64_t *words)
{
	int error = atomik_has_(t, addr, count);
	size_t i;

	if (error == ATOMIK_OK && words == NULL)
		error = ATOMIK_EFAULT;
	if (error != ATOMIK_OK)
		return atomik_fail_(t, error, addr);
#ifdef ATOMIK_DEVICE
	if (atomik_on_device_(t)) {
		struct atomik_dev_image_ arg = { t->table_id, (uint32_t)addr, (uint32_t)count, 0,
						 (uintptr_t)words };

		return atomik_fail_(t, ATOMIK_DEV_CALL_(t, ATOMIK_DEV_RESTORE_, &arg), addr);
	}
#endif
	for (i = 0; i < ATOMIK_TABLE_WORDS(count); i++)
		t->words[2 * addr + i] = words[i] & ~t->excess;
	return ATOMIK_OK;
}

ATOMIK_API int atomik_table_context(atomik_table_t *t, size_t addr, atomik_ctx_t *context)
{
	uint64_t words[2] = { 0, 0 };
	int error = atomik_table_snapshot(t, addr, 1, words);

	if (error != ATOMIK_OK)
		return error;
	context->reference = words[0];
	context->accumulator = words[1];
	context->excess = t->excess;
	return ATOMIK_OK;
}

/* Checks all entries of a batch before any is done, and does it. */
static inline int atomik_batch_(atomik_table_t *t, atomik_op_t *ops, size_t num_ops)
{
	atomik_op_t op;
	size_t i;

	if (num_ops < 1 || num_ops > ATOMIK_MAX_BATCH)
		return atomik_fail_(t, ATOMIK_EINVAL, SIZE_MAX);
	if (ops == NULL)
		return atomik_fail_(t, ATOMIK_EFAULT, SIZE_MAX);
	for (i = 0; i < num_ops; i++) {
		if (atomik_entry_(t, &ops[i], &op) != ATOMIK_OK)
			return ATOMIK_EINVAL;
	}
	return atomik_fail_(t, atomik_run_(t, ops, num_ops), SIZE_MAX);
}

ATOMIK_API int atomik_table_batch(atomik_table_t *t, atomik_op_t *ops, size_t num_ops)
{
	t->failed = 0;
	return atomik_batch_(t, ops, num_ops);
}

ATOMIK_API size_t atomik_table_failed_entry(const atomik_table_t *t)
{
	return t->failed - 1;
}

/*
 * Does an operation at each of many addresses: with the values, or, if there are none, for the
 * states.
 */
static inline int atomik_many_(atomik_table_t *t, uint8_t opcode, const uint32_t *addrs,
			       const uint64_t *values, uint64_t *states, size_t n)
{
	/* An address is read once to be checked and used, as in a batch. */
	const volatile uint32_t *once = addrs;
	size_t i;

	if (n != 0 && (addrs == NULL || (values == NULL && states == NULL)))
		return atomik_fail_(t, ATOMIK_EFAULT, SIZE_MAX);
	for (i = 0; i < n; i++) {
		if (atomik_check_(t, once[i]) != ATOMIK_OK)
			return ATOMIK_EINVAL;
	}
#ifdef ATOMIK_DEVICE
	if (atomik_on_device_(t)) {
		/* Fewer than a batch may have, as they are on the stack. */
		atomik_op_t ops[256];
		size_t pending = 0, done;

		for (i = 0; i < n; i++) {
			atomik_op_t *op = &ops[pending++];
			int error;

			op->opcode = opcode;
			op->reserved[0] = op->reserved[1] = op->reserved[2] = 0;
			op->addr = once[i];
			op->value = values == NULL ? 0 : values[i];
			if (pending < sizeof(ops) / sizeof(ops[0]) && i + 1 < n)
				continue;
			error = atomik_batch_(t, ops, pending);
			if (error != ATOMIK_OK)
				return error;
			for (done = 0; states != NULL && done < pending; done++)
				states[i + 1 - pending + done] = ops[done].value;
			pending = 0;
		}
		return ATOMIK_OK;
	}
#endif
	for (i = 0; i < n; i++) {
		size_t addr = once[i];
		uint64_t state;

		if (atomik_check_(t, addr) != ATOMIK_OK)
			return ATOMIK_EINVAL;
		state = atomik_do_(t, opcode, addr, values == NULL ? 0 : values[i]);
		if (states != NULL)
			states[i] = state;
	}
	return ATOMIK_OK;
}

ATOMIK_API int atomik_table_accum_many(atomik_table_t *t, const uint32_t *addrs,
				       const uint64_t *deltas, size_t n)
{
	return atomik_many_(t, ATOMIK_OP_ACCUM, addrs, deltas, NULL, n);
}

ATOMIK_API int atomik_table_load_many(atomik_table_t *t, const uint32_t *addrs,
				      const uint64_t *values, size_t n)
{
	return atomik_many_(t, ATOMIK_OP_LOAD, addrs, values, NULL, n);
}

ATOMIK_API int atomik_table_read_many(atomik_table_t *t, const uint32_t *addrs, uint64_t *states,
				      size_t n)
{
	return atomik_many_(t, ATOMIK_OP_READ, addrs, NULL, states, n);
}

ATOMIK_API int atomik_table_error(const atomik_table_t *t)
{
	return t->error;
}

ATOMIK_API size_t atomik_table_error_addr(const atomik_table_t *t)
{
	return t->error_addr;
}

ATOMIK_API void atomik_table_clear_error(atomik_table_t *t)
{
	t->error = ATOMIK_OK;
	t->error_addr = SIZE_MAX;
}

#ifdef ATOMIK_DEVICE
/* ---- A mapping ---- */

/* The times that mapped states are looked at before a system call reads. */
#define ATOMIK_MAP_TRIES_	8
/* The entries on the stack, where a system call reads. */
#define ATOMIK_MAP_ON_STACK_	256

/* Maps a part of a table's file. */
static inline int atomik_dev_map_(const atomik_table_t *t, uint64_t part, size_t bytes,
				  int protection, void **mapped)
{
	const uint64_t offset = ATOMIK_DEV_MAP_OFFSET_(t->table_id) + part;

	/* An off_t may have 32 bits. */
	if ((uint64_t)(off_t)offset != offset)
		return EOVERFLOW;
	*mapped = mmap(NULL, bytes, protection, MAP_SHARED, t->fd, (off_t)offset);
	if (*mapped != MAP_FAILED)
		return ATOMIK_OK;
	switch (errno) {
	case ENODEV:
		return ATOMIK_ENOTTY;
	case EACCES:
		return ATOMIK_EBADF;
	default:
		return errno;
	}
}

/*
 * Takes a control page, or none where its version isn't known. EINVAL if the table has fewer
 * contexts than the caller has said.
 */
static inline int atomik_dev_control_init_(atomik_table_map_t *m, void *page)
{
	const struct atomik_dev_control_ *control = (const struct atomik_dev_control_ *)page;

	if (control->version != ATOMIK_DEV_CONTROL_VERSION_) {
		(void)munmap(page, sizeof(*control));
		return ATOMIK_OK;
	}
	m->control = page;
	return control->num_contexts < m->table.num_contexts ? ATOMIK_EINVAL : ATOMIK_OK;
}

/* Maps the states of a table on the device, and its control page. */
static inline int atomik_dev_map_init_(atomik_table_map_t *m)
{
	const bool read_only = (m->flags & ATOMIK_MAP_READ_ONLY) != 0;
	const int protection = read_only ? PROT_READ : PROT_READ | PROT_WRITE;
	void *mapped;
	int error = atomik_dev_map_(&m->table, 0, m->table.num_contexts * sizeof(uint64_t),
				    protection, &mapped);

	if (error != ATOMIK_OK)
		return error;
	m->states = mapped;
	error = atomik_dev_map_(&m->table, ATOMIK_DEV_MAP_CONTROL_,
				sizeof(struct atomik_dev_control_), PROT_READ, &mapped);
	if (error == ATOMIK_OK)
		return atomik_dev_control_init_(m, mapped);
	/* The driver is older than control pages. */
	return error == ATOMIK_EINVAL ? ATOMIK_OK : error;
}

ATOMIK_API int atomik_table_map(atomik_table_t *t, unsigned flags, atomik_table_map_t *m)
{
	int error = ATOMIK_OK;

	if (m == NULL)
		return atomik_fail_(t, ATOMIK_EFAULT, SIZE_MAX);
	m->table = *t;
	atomik_table_clear_error(&m->table);
	m->states = NULL;
	m->control = NULL;
	m->flags = flags;
	if (t->num_contexts == 0 || (flags & ~(unsigned)ATOMIK_MAP_READ_ONLY) != 0)
		error = ATOMIK_EINVAL;
	else if (atomik_on_device_(t))
		error = atomik_dev_map_init_(m);
	if (error != ATOMIK_OK)
		atomik_table_map_free(m);
	return atomik_fail_(t, error, SIZE_MAX);
}

ATOMIK_API void atomik_table_map_free(atomik_table_map_t *m)
{
	if (m->states != NULL)
		(void)munmap(m->states, m->table.num_contexts * sizeof(uint64_t));
	if (m->control != NULL)
		(void)munmap((void *)(uintptr_t)m->control, sizeof(struct atomik_dev_control_));
	m->states = NULL;
	m->control = NULL;
	atomik_nowhere_(&m->table);
}

ATOMIK_API uint64_t atomik_table_map_read(atomik_table_map_t *m, size_t addr)
{
	const atomik_word_ *states = (const atomik_word_ *)m->states;

	if (states == NULL)
		return atomik_table_read(&m->table, addr);
	if (atomik_check_(&m->table, addr) != ATOMIK_OK)
		return 0;
	return __atomic_load_n(&states[addr], __ATOMIC_ACQUIRE);
}

ATOMIK_API int atomik_table_map_accum(atomik_table_map_t *m, size_t addr, uint64_t delta)
{
	atomik_word_ *states = (atomik_word_ *)m->states;
	int error = atomik_check_(&m->table, addr);

	if (error != ATOMIK_OK)
		return error;
	if ((m->flags & ATOMIK_MAP_READ_ONLY) != 0)
		return atomik_fail_(&m->table, ATOMIK_EBADF, addr);
	if (states == NULL)
		return atomik_table_accum(&m->table, addr, delta);
	(void)__atomic_fetch_xor(&states[addr], delta, __ATOMIC_RELEASE);
	return ATOMIK_OK;
}

/*
 * Reads the mapped states at n addresses, one by one. Here and below an address is loaded once to
 * be checked and used.
 */
static inline int atomik_map_each_(atomik_table_map_t *m, const volatile uint32_t *addrs,
				   uint64_t *states, size_t n)
{
	const atomik_word_ *mapped = (const atomik_word_ *)m->states;
	const size_t num_contexts = m->table.num_contexts;
	size_t i;

	for (i = 0; i < n; i++) {
		const size_t addr = addrs[i];

		if (addr >= num_contexts)
			return atomik_fail_(&m->table, ATOMIK_EINVAL, addr);
		states[i] = __atomic_load_n(&mapped[addr], __ATOMIC_RELAXED);
	}
	return ATOMIK_OK;
}

/* Reads the states at n addresses of a table in the process. */
static inline int atomik_map_here_(atomik_table_map_t *m, const volatile uint32_t *addrs,
				   uint64_t *states, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		const size_t addr = addrs[i];

		if (atomik_check_(&m->table, addr) != ATOMIK_OK)
			return ATOMIK_EINVAL;
		states[i] = atomik_do_(&m->table, ATOMIK_OP_READ, addr, 0);
	}
	return ATOMIK_OK;
}

/* A READ of a batch, or a context of an image. */
union atomik_read_ {
	atomik_op_t op;
	uint64_t words[2];
};

/* Reads the states at n addresses, which are checked, by a batch. */
static inline int atomik_map_batch_(atomik_table_map_t *m, const volatile uint32_t *addrs,
				    uint64_t *states, size_t n, union atomik_read_ *reads)
{
	size_t i;
	int error;

	for (i = 0; i < n; i++) {
		memset(&reads[i], 0, sizeof(reads[i]));
		reads[i].op.opcode = ATOMIK_OP_READ;
		reads[i].op.addr = addrs[i];
	}
	error = atomik_run_(&m->table, &reads[0].op, n);
	for (i = 0; i < n && error == ATOMIK_OK; i++)
		states[i] = reads[i].op.value;
	return error;
}

/* The same by an image of count contexts from the first on, all of which the table has. */
static inline int atomik_map_image_(atomik_table_map_t *m, const volatile uint32_t *addrs,
				    uint64_t *states, size_t n, union atomik_read_ *reads,
				    size_t first, size_t count)
{
	struct atomik_dev_image_ arg = { m->table.table_id, (uint32_t)first, (uint32_t)count, 0,
					 (uintptr_t)reads };
	int error = ATOMIK_DEV_CALL_(&m->table, ATOMIK_DEV_SNAPSHOT_, &arg);
	size_t i;

	for (i = 0; i < n && error == ATOMIK_OK; i++) {
		const size_t number = addrs[i] - first;

		if (number >= count)
			return ATOMIK_EINVAL;
		states[i] = reads[number].words[0] ^ reads[number].words[1];
	}
	return error;
}

/* Reads the states at n addresses by a system call, and so waits for those that change them. */
static __attribute__((noinline, unused)) int
atomik_map_call_(atomik_table_map_t *m, const volatile uint32_t *addrs, uint64_t *states, size_t n)
{
	union atomik_read_ few[ATOMIK_MAP_ON_STACK_], *reads = few;
	size_t first = SIZE_MAX, last = 0, count = n, i;
	int error;

	for (i = 0; i < n; i++) {
		const size_t addr = addrs[i];

		if (atomik_check_(&m->table, addr) != ATOMIK_OK)
			return ATOMIK_EINVAL;
		first = addr < first ? addr : first;
		last = addr > last ? addr : last;
	}
	if (n > ATOMIK_MAX_BATCH)
		count = last - first + 1;
#ifndef ATOMIK_NO_MALLOC
	if (count > ATOMIK_MAP_ON_STACK_)
		reads = (union atomik_read_ *)ATOMIK_MALLOC(count * sizeof(*reads));
	if (reads == NULL)
		return atomik_fail_(&m->table, ATOMIK_ENOMEM, SIZE_MAX);
#endif
	error = n > ATOMIK_MAX_BATCH ? atomik_map_image_(m, addrs, states, n, reads, first, count) :
				       atomik_map_batch_(m, addrs, states, n, reads);
#ifndef ATOMIK_NO_MALLOC
	if (reads != few)
		ATOMIK_FREE(reads);
#endif
	return atomik_fail_(&m->table, error, SIZE_MAX);
}

ATOMIK_API int atomik_table_map_read_consistent(atomik_table_map_t *m, const uint32_t *addrs,
						uint64_t *states, size_t n)
{
	const struct atomik_dev_control_ *control = (const struct atomik_dev_control_ *)m->control;
	unsigned tries = control == NULL ? 0 : ATOMIK_MAP_TRIES_;

	if (n == 0)
		return ATOMIK_OK;
	if (addrs == NULL || states == NULL)
		return atomik_fail_(&m->table, ATOMIK_EFAULT, SIZE_MAX);
#ifdef ATOMIK_NO_MALLOC
	if (n > ATOMIK_MAP_ON_STACK_)
		return atomik_fail_(&m->table, ATOMIK_EINVAL, SIZE_MAX);
#endif
	if (m->states == NULL)
		return atomik_map_here_(m, addrs, states, n);
	for (; tries > 0; tries--) {
		const uint64_t before = __atomic_load_n(&control->sequence, __ATOMIC_ACQUIRE);

		if (before % 2 != 0)
			continue;
		if (atomik_map_each_(m, addrs, states, n) != ATOMIK_OK)
			return ATOMIK_EINVAL;
		/* The states are loaded before the sequence is looked at again. */
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (__atomic_load_n(&control->sequence, __ATOMIC_RELAXED) == before)
			return ATOMIK_OK;
	}
	return atomik_map_call_(m, addrs, states, n);
}
#endif /* ATOMIK_DEVICE */

/* ---- A fingerprint ---- */

/* Up to 8 bytes as a little-endian number. */
static inline uint64_t atomik_tail_(const unsigned char *p, size_t len)
{
	uint64_t chunk = 0;

	while (len-- > 0)
		chunk = chunk << 8 | p[len];
	return chunk;
}

/* 8 bytes, in a form that compilers turn into one instruction where they can. */
static inline uint64_t atomik_chunk_(const unsigned char *p)
{
	return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 |
	       (uint64_t)p[3] << 24 | (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 |
	       (uint64_t)p[6] << 48 | (uint64_t)p[7] << 56;
}

static inline uint64_t atomik_fold_(const void *data, size_t len, unsigned width)
{
	const unsigned char *p = (const unsigned char *)data;
	const size_t size = width / 8;
	uint64_t sum = 0;

	if (64 % width != 0) {
		for (; len >= size; p += size, len -= size)
			sum ^= atomik_tail_(p, size);
		return sum ^ atomik_tail_(p, len);
	}
	/* Chunks whose size divides 8 are parts of chunks of 8 bytes. */
	for (; len >= 8; p += 8, len -= 8)
		sum ^= atomik_chunk_(p);
	sum ^= atomik_tail_(p, len);
	for (; width < 64; width *= 2)
		sum ^= sum >> width;
	return sum & ~atomik_excess_((unsigned)size * 8);
}

ATOMIK_API void atomik_fp_init(atomik_fingerprint_t *fp)
{
	atomik_init(&fp->context);
}

ATOMIK_API int atomik_fp_init_width(atomik_fingerprint_t *fp, unsigned width)
{
	atomik_init(&fp->context);
	return width % 8 == 0 ? atomik_init_width(&fp->context, width) : ATOMIK_EINVAL;
}

ATOMIK_API uint64_t atomik_fp_load(atomik_fingerprint_t *fp, const void *data, size_t len)
{
	atomik_load(&fp->context, atomik_fold_(data, len, atomik_width(&fp->context)));
	return fp->context.reference;
}

ATOMIK_API uint64_t atomik_fp_update(atomik_fingerprint_t *fp, const void *data, size_t len)
{
	uint64_t value = atomik_fold_(data, len, atomik_width(&fp->context));

	fp->context.accumulator = fp->context.reference ^ value;
	return value;
}

ATOMIK_API uint64_t atomik_fp_accum_delta(atomik_fingerprint_t *fp, uint64_t old_part,
					  uint64_t new_part)
{
	atomik_accum(&fp->context, old_part ^ new_part);
	return atomik_read(&fp->context);
}

ATOMIK_API uint64_t atomik_fp_accum_bytes(atomik_fingerprint_t *fp, const void *old_data,
					  size_t old_len, const void *new_data, size_t new_len)
{
	unsigned width = atomik_width(&fp->context);

	return atomik_fp_accum_delta(fp, atomik_fold_(old_data, old_len, width),
				     atomik_fold_(new_data, new_len, width));
}

ATOMIK_API bool atomik_fp_changed(const atomik_fingerprint_t *fp)
{
	return !atomik_is_clean(&fp->context);
}

ATOMIK_API uint64_t atomik_fp_value(const atomik_fingerprint_t *fp)
{
	return atomik_read(&fp->context);
}

ATOMIK_API uint64_t atomik_fp_delta(const atomik_fingerprint_t *fp)
{
	return fp->context.accumulator;
}

ATOMIK_API uint64_t atomik_fp_reset(atomik_fingerprint_t *fp)
{
	return atomik_swap(&fp->context);
}

ATOMIK_API uint64_t atomik_fp_reduce(const void *data, size_t len)
{
	return atomik_fold_(data, len, 64);
}

/* The finalizer of Vigna's splitmix64. */
static inline uint64_t atomik_mix_(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* The contribution of len bytes, whose first chunk has number i. */
static inline uint64_t atomik_ordered_fold_(uint64_t i, const void *data, size_t len)
{
	const unsigned char *p = (const unsigned char *)data;
	uint64_t sum = 0;

	for (; len >= 8; p += 8, len -= 8)
		sum ^= atomik_mix_(atomik_chunk_(p) ^ atomik_mix_(++i));
	if (len > 0)
		sum ^= atomik_mix_(atomik_tail_(p, len) ^ atomik_mix_(++i));
	return sum;
}

ATOMIK_API uint64_t atomik_ordered_reduce(const void *data, size_t len)
{
	return atomik_ordered_fold_(0, data, len) ^
	       atomik_mix_(len ^ UINT64_C(0xa0761d6478bd642f));
}

ATOMIK_API void atomik_ordered_init(atomik_ordered_t *fp)
{
	atomik_init(&fp->context);
	fp->length = 0;
}

ATOMIK_API uint64_t atomik_ordered_load(atomik_ordered_t *fp, const void *data, size_t len)
{
	atomik_load(&fp->context, atomik_ordered_reduce(data, len));
	fp->length = len;
	return fp->context.reference;
}

ATOMIK_API uint64_t atomik_ordered_update(atomik_ordered_t *fp, const void *data, size_t len)
{
	uint64_t value = atomik_ordered_reduce(data, len);

	fp->length = len;
	fp->context.accumulator = fp->context.reference ^ value;
	return value;
}

ATOMIK_API int atomik_ordered_accum_delta(atomik_ordered_t *fp, uint64_t offset,
					  const void *old_data, const void *new_data, size_t len)
{
	if (offset % 8 != 0 || offset > fp->length || len > fp->length - offset ||
	    (len % 8 != 0 && len != fp->length - offset))
		return ATOMIK_EINVAL;
	atomik_accum(&fp->context, atomik_ordered_fold_(offset / 8, old_data, len) ^
					   atomik_ordered_fold_(offset / 8, new_data, len));
	return ATOMIK_OK;
}

ATOMIK_API bool atomik_ordered_changed(const atomik_ordered_t *fp)
{
	return !atomik_is_clean(&fp->context);
}

ATOMIK_API uint64_t atomik_ordered_value(const atomik_ordered_t *fp)
{
	return atomik_read(&fp->context);
}

ATOMIK_API uint64_t atomik_ordered_delta(const atomik_ordered_t *fp)
{
	return fp->context.accumulator;
}

ATOMIK_API uint64_t atomik_ordered_reset(atomik_ordered_t *fp)
{
	return atomik_swap(&fp->context);
}

#ifdef __cplusplus
}
#endif

#endif /* ATOMIK_IMPLEMENTATION */
