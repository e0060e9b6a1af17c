/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * atomik: the ioctl interface of /dev/atomik, version 0.4.0.
 *
 * A context is a 64-bit reference and a 64-bit accumulator; its state is
 * reference ^ accumulator. An open file (a `struct file`: dup(), fork() and
 * SCM_RIGHTS share it, two open() calls do not) holds up to
 * ATOMIK_MAX_TABLES tables of contexts. All integers are in native byte order,
 * and every struct is laid out alike for 32- and 64-bit callers.
 *
 * Errors, for every command:
 *
 *   ENOTTY  unknown command, or a known number with another size or direction
 *   EFAULT  a pointer that can't be read, or written where there is something
 *           to write; nothing has changed
 *   EINVAL  num_contexts or num_ops out of range, addr >= num_contexts,
 *           an image or a range that is empty or goes beyond the table, an
 *           unknown opcode or flag, a non-zero reserved byte or field
 *   ENOENT  no such table in this file
 *   ECANCELED  an EXPECT of a batch does not hold; nothing has changed
 *   ENOSPC  ATOMIK_MAX_TABLES tables exist in this file
 *   ENOMEM  memory, the caller's memory cgroup or the module's own limit is
 *           exhausted; nothing has changed
 *   EBADF   any command but READ, GET_INFO, SNAPSHOT, WATCH and EXPORT, on a
 *           file not opened for writing; a command that an exported descriptor
 *           doesn't serve
 *   EMFILE, ENFILE  WATCH and EXPORT, where no descriptor is left
 */
#ifndef _UAPI_LINUX_ATOMIK_H
#define _UAPI_LINUX_ATOMIK_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* The version of this interface, as GET_INFO reports it: 0.4.0. */
#define ATOMIK_VERSION		(0 << 16 | 4 << 8 | 0)

/* What executes the operations: software, in the kernel. */
#define ATOMIK_BACKEND_SOFTWARE	0

#define ATOMIK_MAX_CONTEXTS	65536	/* contexts in a table */
#define ATOMIK_MAX_TABLES	256	/* tables in an open file */
#define ATOMIK_MAX_BATCH	4096	/* entries in a batch */

/* Opcodes of a batch entry. */
#define ATOMIK_OP_LOAD		0
#define ATOMIK_OP_ACCUM		1
#define ATOMIK_OP_READ		2
#define ATOMIK_OP_SWAP		3
#define ATOMIK_OP_EXPECT	4
#define ATOMIK_OP_SET		5

/**
 * struct atomik_create_table - argument of ATOMIK_IOC_CREATE_TABLE
 * @num_contexts: in, 1..=ATOMIK_MAX_CONTEXTS
 * @table_id: out, >= 1 and < 2^24; valid in this open file only
 *
 * Every context of a new table has reference 0 and accumulator 0. The id of a
 * destroyed table is used again after 65534 other tables at the earliest, and in
 * a file with few tables after 16 million.
 */
struct atomik_create_table {
	__u32 num_contexts;
	__u32 table_id;
};

/**
 * struct atomik_load - argument of ATOMIK_IOC_LOAD
 * @table_id: in, the table
 * @addr: in, the context, from 0
 * @initial_state: in, the new reference; the accumulator becomes 0
 */
struct atomik_load {
	__u32 table_id;
	__u32 addr;
	__u64 initial_state;
};

/**
 * struct atomik_accum - argument of ATOMIK_IOC_ACCUM
 * @table_id: in, the table
 * @addr: in, the context, from 0
 * @delta: in, XORed into the accumulator
 */
struct atomik_accum {
	__u32 table_id;
	__u32 addr;
	__u64 delta;
};

/**
 * struct atomik_read - argument of ATOMIK_IOC_READ
 * @table_id: in, the table
 * @addr: in, the context, from 0
 * @state: out, reference ^ accumulator
 */
struct atomik_read {
	__u32 table_id;
	__u32 addr;
	__u64 state;
};

/**
 * struct atomik_swap - argument of ATOMIK_IOC_SWAP
 * @table_id: in, the table
 * @addr: in, the context, from 0
 * @new_reference: in, 0 keeps the state and starts a new epoch from it;
 *	another value starts the epoch from that value
 * @old_state: out, the state at the moment of the swap
 */
struct atomik_swap {
	__u32 table_id;
	__u32 addr;
	__u64 new_reference;
	__u64 old_state;
};

/**
 * struct atomik_batch_op - one entry of a batch
 * @opcode: in, ATOMIK_OP_*
 * @reserved: in, zero
 * @addr: in, the context, from 0
 * @value: in for LOAD (the reference), ACCUM (the delta), EXPECT (the state
 *	that the context must have) and SET (the new state); out for READ and SWAP
 *	(the state). SWAP keeps the state, SET the reference.
 */
struct atomik_batch_op {
	__u8 opcode;
	__u8 reserved[3];
	__u32 addr;
	__u64 value;
};

/**
 * struct atomik_batch - argument of ATOMIK_IOC_BATCH
 * @table_id: in, the table
 * @num_ops: in, 1..=ATOMIK_MAX_BATCH
 * @ops_ptr: in, address of num_ops entries of struct atomik_batch_op
 *
 * The entries are applied in order, isolated from every other operation on
 * the table. Where an error is returned, none has been applied, and @value of
 * READ and SWAP entries means nothing. Only these are written back, so a batch
 * without them may lie in read-only memory.
 *
 * All EXPECT entries are checked first, against the states before any entry, in the
 * same isolation. Where one doesn't hold, nothing is applied: ECANCELED, and @value
 * of the first that doesn't becomes the state found. EXPECT entries are written
 * back only then. A batch of EXPECTs alone is a consistent comparison. Programs that
 * change the table through a mapping may come between a condition and what
 * depends on it.
 *
 * Drivers that lack EXPECT and SET answer EINVAL.
 */
struct atomik_batch {
	__u32 table_id;
	__u32 num_ops;
	__u64 ops_ptr;
};

/**
 * struct atomik_info - argument of ATOMIK_IOC_GET_INFO
 * @version: out, ATOMIK_VERSION
 * @backend: out, ATOMIK_BACKEND_*
 * @hw_banks: out, 0 for the software backend
 * @fp_enabled: out, 1 where the fingerprint commands are served
 * @ops_total: out, operations served through ioctls since the module was
 *	loaded; the entries of a batch count one by one, and so do the
 *	contexts of an image
 * @fp_checks: out, fingerprint checks served
 * @fp_bytes_saved: out, bytes that these checks found unchanged
 */
struct atomik_info {
	__u32 version;
	__u32 backend;
	__u32 hw_banks;
	__u32 fp_enabled;
	__u64 ops_total;
	__u64 fp_checks;
	__u64 fp_bytes_saved;
};

/**
 * struct atomik_context - one context of an image
 * @reference: the reference
 * @accumulator: the accumulator; the state is @reference ^ @accumulator
 */
struct atomik_context {
	__u64 reference;
	__u64 accumulator;
};

/**
 * struct atomik_image - argument of ATOMIK_IOC_SNAPSHOT and ATOMIK_IOC_RESTORE
 * @table_id: in, the table
 * @addr: in, the first context, from 0
 * @count: in, 1..=ATOMIK_MAX_CONTEXTS; @addr + @count is at most the table's
 *	num_contexts
 * @reserved: in, zero
 * @contexts_ptr: in, address of @count entries of struct atomik_context:
 *	SNAPSHOT writes them, RESTORE reads them
 *
 * Either takes all the contexts at one moment, isolated from every other
 * operation on the table, as a batch is. RESTORE sets all of them or, where it
 * returns an error, none. SNAPSHOT changes nothing, and so needs no file opened
 * for writing; where it returns EFAULT, part of the entries may have been
 * written. Each context counts as one operation in ops_total.
 *
 * Drivers that lack the two commands answer ENOTTY.
 */
struct atomik_image {
	__u32 table_id;
	__u32 addr;
	__u32 count;
	__u32 reserved;
	__u64 contexts_ptr;
};

/* Flags of WATCH. */
#define ATOMIK_WATCH_NONBLOCK	1

/**
 * struct atomik_watch - argument of ATOMIK_IOC_WATCH
 * @table_id: in, the table
 * @addr: in, the first context to watch, from 0
 * @count: in, at least 1; @addr + @count is at most the table's num_contexts
 * @flags: in, 0 or ATOMIK_WATCH_NONBLOCK
 * @fd: out, the new descriptor, close-on-exec
 * @reserved: in, zero
 *
 * The new descriptor tells of changes of these contexts. It needs no file opened
 * for writing. read() returns as many struct atomik_change as fit, lowest address
 * first: each context that may have changed since this descriptor last told of it,
 * once, with its state now. All records of one read() are of one moment, isolated
 * from every operation on the table, as a batch is. The first read() tells of all
 * contexts.
 *
 * Changes are LOAD, ACCUM of a delta other than 0, SET, SWAP with a new reference,
 * batches and RESTORE with any of these, and TOUCH. After the last change of a
 * context the descriptor becomes readable, and a read() then tells its last state,
 * however many changes came before. A record may come without a change, but never
 * for a context outside of the range.
 *
 * With nothing to tell, read() waits; with O_NONBLOCK, which ATOMIK_WATCH_NONBLOCK
 * sets from the start, it fails with EAGAIN. A buffer under 16 bytes is EINVAL;
 * after EFAULT or ENOMEM everything is still to be told. poll(), select() and epoll
 * say POLLIN while there is something to read. When the table is destroyed, or
 * its file closed, they say POLLIN and POLLHUP; read() returns what is left, then 0.
 *
 * The descriptor keeps neither the file nor, once the table is destroyed, its id.
 * Drivers that lack the command answer ENOTTY.
 */
struct atomik_watch {
	__u32 table_id;
	__u32 addr;
	__u32 count;
	__u32 flags;
	__s32 fd;
	__u32 reserved;
};

/**
 * struct atomik_change - what read() of a watch returns
 * @addr: the context
 * @reserved: zero
 * @state: its state
 */
struct atomik_change {
	__u32 addr;
	__u32 reserved;
	__u64 state;
};

/**
 * struct atomik_touch - argument of ATOMIK_IOC_TOUCH
 * @table_id: in, the table
 * @addr: in, the first context, from 0
 * @count: in, at least 1; @addr + @count is at most the table's num_contexts
 * @reserved: in, zero
 *
 * Reports these contexts as changed to all who watch them. The kernel can't see
 * what programs do through a mapping: they say so with this, after the change.
 * It counts as no operation.
 *
 * Drivers that lack the command answer ENOTTY.
 */
struct atomik_touch {
	__u32 table_id;
	__u32 addr;
	__u32 count;
	__u32 reserved;
};

/* Flags of EXPORT. */
#define ATOMIK_EXPORT_READ_ONLY	1

/**
 * struct atomik_export - argument of ATOMIK_IOC_EXPORT
 * @table_id: in, the table
 * @flags: in, 0 or ATOMIK_EXPORT_READ_ONLY
 * @fd: out, the new descriptor, close-on-exec
 * @reserved: in, zero
 *
 * The new descriptor is of this one table, under the same id. It holds the table
 * as a duplicate of the original descriptor would. It serves LOAD, ACCUM, READ,
 * SWAP, BATCH, SNAPSHOT, RESTORE, WATCH, TOUCH, GET_INFO and mmap(); every other
 * command is EBADF, so that it neither creates nor destroys tables. Opening it
 * again through /proc fails with ENXIO.
 *
 * With ATOMIK_EXPORT_READ_ONLY it serves READ, batches of READ and EXPECT,
 * SNAPSHOT, WATCH, GET_INFO and mmap() for reading. Every other command is EBADF,
 * and a mapping for writing EACCES, now and by mprotect().
 *
 * Drivers that lack the command answer ENOTTY.
 */
struct atomik_export {
	__u32 table_id;
	__u32 flags;
	__s32 fd;
	__u32 reserved;
};

/* Reserved: fingerprints of user memory. Answered with ENOTTY so far. */
struct atomik_fp_register {
	__u64 user_addr;
	__u64 length;
	__u32 fp_id;
	__u32 pad;
};

struct atomik_fp_check {
	__u32 fp_id;
	__u32 changed;
	__u64 delta;
	__u64 pages_checked;
	__u64 pages_changed;
};

/*
 * mmap() of the device file maps the states of a table: context i is the __u64 at
 * i * 8 from offset ATOMIK_MAP_OFFSET(table_id). MAP_SHARED only, and at most
 * the pages that the table has; words beyond its contexts in the last page mean
 * nothing. PROT_WRITE needs a file that is open for reading and writing.
 *
 * A page is what sysconf(_SC_PAGESIZE) says: 4, 16 or 64 KiB, by machine and
 * kernel. The offsets of tables and of control pages are multiples of all of these.
 *
 * The offset is an off_t of 64 bits: a 32-bit program is compiled with
 * -D_FILE_OFFSET_BITS=64, or calls mmap64(). All offsets are below 2^44, so a
 * 32-bit program can map them all.
 *
 * A load of that word is READ; an atomic XOR is ACCUM. Both are atomic with regard
 * to each other and to every command. The references can't be mapped: any other
 * store sets the state and keeps the reference, like an ACCUM of the difference
 * that is not atomic. Accesses through a mapping are not isolated from batches:
 * they may see a batch half done, unless the control page is used, and may change
 * a state between two of its entries. They are not counted in ops_total.
 *
 * A mapping outlives its table, as memory that no command uses any more. fork()
 * shares it. It counts against the same limits as the table, and so does the
 * control page. Its pages come when they are used, or at once with MAP_POPULATE;
 * they stay in memory, and come back after MADV_DONTNEED. mremap() moves it, and
 * never makes it longer (EFAULT).
 *
 * Errors of mmap(): EINVAL (not MAP_SHARED, PROT_EXEC, more than the table has),
 * ENOENT (no such table), ENOMEM, EACCES (the file is not open as the protection
 * demands). Nothing has changed then.
 */
#define ATOMIK_MAP_SPAN			(1 << 20)
#define ATOMIK_MAP_OFFSET(table_id)	((__u64)(table_id) * ATOMIK_MAP_SPAN)

/* Where the control page of a table is within its span: behind all states. */
#define ATOMIK_MAP_CONTROL		(1 << 19)
#define ATOMIK_MAP_CONTROL_OFFSET(table_id)	\
	(ATOMIK_MAP_OFFSET(table_id) + ATOMIK_MAP_CONTROL)

/* The version of the control page that has these fields. */
#define ATOMIK_CONTROL_VERSION		1

/**
 * struct atomik_control - start of a table's control page
 * @version: ATOMIK_CONTROL_VERSION; with another one, don't rely on the page
 * @num_contexts: the table's
 * @sequence: odd while a BATCH that changes states, or RESTORE, is at work on the
 *	table; each of them makes it grow by 2, or by more if it has to begin again
 *
 * With this page and the states mapped, a program reads several states as of one
 * moment, without a system call:
 *
 *   1. Load @sequence, with acquire. If it is odd, start again.
 *   2. Load the states, in any order.
 *   3. After an acquire fence, load @sequence. If it has changed, start again.
 *
 * Of each batch and RESTORE then either all changes have been seen or none. Single
 * commands and stores through a mapping are not counted by @sequence: each is seen
 * or not by itself, and two of them possibly in either order.
 *
 * A BATCH of READs, SWAPs and EXPECTs leaves @sequence as it is. One that fails
 * may change it. A program that has started again a few times should read by BATCH or
 * SNAPSHOT instead: the writer may not be running now.
 *
 * The page is mapped by itself, shared and read-only, even where the file is open
 * for writing; exported descriptors of either kind can map it. PROT_WRITE is
 * EACCES, now and by mprotect(); more than one page is EINVAL. All else is as for
 * the states. The rest of the page is zero. Drivers that lack it answer EINVAL.
 */
struct atomik_control {
	__u32 version;
	__u32 num_contexts;
	__u64 sequence;
};

#define ATOMIK_IOC_MAGIC		'A'

#define ATOMIK_IOC_CREATE_TABLE		_IOWR(ATOMIK_IOC_MAGIC, 0x01, struct atomik_create_table)
#define ATOMIK_IOC_DESTROY_TABLE	_IOW(ATOMIK_IOC_MAGIC, 0x02, __u32)
#define ATOMIK_IOC_LOAD			_IOW(ATOMIK_IOC_MAGIC, 0x10, struct atomik_load)
#define ATOMIK_IOC_ACCUM		_IOW(ATOMIK_IOC_MAGIC, 0x11, struct atomik_accum)
#define ATOMIK_IOC_READ			_IOWR(ATOMIK_IOC_MAGIC, 0x12, struct atomik_read)
#define ATOMIK_IOC_SWAP			_IOWR(ATOMIK_IOC_MAGIC, 0x13, struct atomik_swap)
#define ATOMIK_IOC_FP_REGISTER		_IOWR(ATOMIK_IOC_MAGIC, 0x20, struct atomik_fp_register)
#define ATOMIK_IOC_FP_CHECK		_IOWR(ATOMIK_IOC_MAGIC, 0x21, struct atomik_fp_check)
#define ATOMIK_IOC_FP_UNREGISTER	_IOW(ATOMIK_IOC_MAGIC, 0x22, __u32)
#define ATOMIK_IOC_BATCH		_IOW(ATOMIK_IOC_MAGIC, 0x30, struct atomik_batch)
#define ATOMIK_IOC_GET_INFO		_IOR(ATOMIK_IOC_MAGIC, 0x40, struct atomik_info)
#define ATOMIK_IOC_SNAPSHOT		_IOW(ATOMIK_IOC_MAGIC, 0x50, struct atomik_image)
#define ATOMIK_IOC_RESTORE		_IOW(ATOMIK_IOC_MAGIC, 0x51, struct atomik_image)
#define ATOMIK_IOC_WATCH		_IOWR(ATOMIK_IOC_MAGIC, 0x52, struct atomik_watch)
#define ATOMIK_IOC_TOUCH		_IOW(ATOMIK_IOC_MAGIC, 0x53, struct atomik_touch)
#define ATOMIK_IOC_EXPORT		_IOWR(ATOMIK_IOC_MAGIC, 0x54, struct atomik_export)

#endif /* _UAPI_LINUX_ATOMIK_H */
