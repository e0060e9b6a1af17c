/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A 32-bit client, which goes through the driver's compat entry: every command
 * once, and a few errors. Exits with 0, or names the line that failed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "atomik.h"

#define CHECK(what)                                                            \
	do {                                                                   \
		if (!(what)) {                                                 \
			fprintf(stderr, "line %d: %s (errno %d)\n", __LINE__,  \
				#what, errno);                                 \
			return 1;                                              \
		}                                                              \
	} while (0)

#define FAILS(error, what) CHECK((what) == -1 && errno == (error))

/* Reads from a watch; there are variables of the name `read`. */
static ssize_t next(int watch, void *to, size_t bytes)
{
	return read(watch, to, bytes);
}

/*
 * Maps a table that has had so many before it in its place that an id for each
 * would be beyond those that can be mapped.
 */
static int map(int fd)
{
	struct atomik_create_table create = { .num_contexts = 1 };

	CHECK(sizeof(off_t) == 8);
	for (int i = 0; i <= 1 << 16; i++) {
		CHECK(ioctl(fd, ATOMIK_IOC_CREATE_TABLE, &create) == 0);
		CHECK(ioctl(fd, ATOMIK_IOC_DESTROY_TABLE, &create.table_id) == 0);
		if (i == 1 << 15)
			CHECK(ATOMIK_MAP_OFFSET(create.table_id) > UINT32_MAX);
	}
	create.num_contexts = 600;
	CHECK(ioctl(fd, ATOMIK_IOC_CREATE_TABLE, &create) == 0);

	struct atomik_load load = { create.table_id, 599, 0xCAFEBABE00000000 };
	struct atomik_read read = { .table_id = create.table_id, .addr = 599 };
	uint64_t *states = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
				ATOMIK_MAP_OFFSET(create.table_id));

	CHECK(states != MAP_FAILED);
	CHECK(ioctl(fd, ATOMIK_IOC_LOAD, &load) == 0);
	CHECK(states[599] == 0xCAFEBABE00000000);
	states[599] ^= 0xDEADBEEF;
	CHECK(ioctl(fd, ATOMIK_IOC_READ, &read) == 0);
	CHECK(read.state == 0xCAFEBABEDEADBEEF);
	CHECK(munmap(states, 8192) == 0);

	/* The last offset that there is. */
	CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, ATOMIK_MAP_OFFSET((1 << 24) - 1)) ==
	      MAP_FAILED);
	CHECK(errno == ENOENT);
	return 0;
}

int main(void)
{
	struct atomik_create_table create = { .num_contexts = 16 };
	int fd = open("/dev/atomik", O_RDWR | O_CLOEXEC);

	CHECK(sizeof(void *) == 4);
	CHECK(fd >= 0);
	CHECK(ioctl(fd, ATOMIK_IOC_CREATE_TABLE, &create) == 0);
	CHECK(create.table_id >= 1);

	struct atomik_load load = { create.table_id, 3, 0xCAFEBABE00000000 };
	struct atomik_accum accum = { create.table_id, 3, 0x00000000DEADBEEF };
	struct atomik_read read = { .table_id = create.table_id, .addr = 3 };
	struct atomik_swap swap = { .table_id = create.table_id, .addr = 3,
				    .new_reference = 0x8000000000000001 };

	CHECK(ioctl(fd, ATOMIK_IOC_LOAD, &load) == 0);
	CHECK(ioctl(fd, ATOMIK_IOC_ACCUM, &accum) == 0);
	CHECK(ioctl(fd, ATOMIK_IOC_READ, &read) == 0);
	CHECK(read.state == 0xCAFEBABEDEADBEEF);
	CHECK(ioctl(fd, ATOMIK_IOC_SWAP, &swap) == 0);
	CHECK(swap.old_state == 0xCAFEBABEDEADBEEF);

	struct atomik_batch_op ops[] = {
		{ .opcode = ATOMIK_OP_READ, .addr = 3 },
		{ .opcode = ATOMIK_OP_ACCUM, .addr = 3, .value = 1 },
		{ .opcode = ATOMIK_OP_SWAP, .addr = 3 },
		{ .opcode = ATOMIK_OP_LOAD, .addr = 15, .value = UINT64_MAX },
		{ .opcode = ATOMIK_OP_READ, .addr = 15 },
	};
	struct atomik_batch batch = { create.table_id, 5, (uintptr_t)ops };

	CHECK(ioctl(fd, ATOMIK_IOC_BATCH, &batch) == 0);
	CHECK(ops[0].value == 0x8000000000000001);
	CHECK(ops[2].value == 0x8000000000000000);
	CHECK(ops[4].value == UINT64_MAX);

	/* An address that 32 bits can't hold is not cut down to one that they can. */
	batch.ops_ptr |= 1ULL << 32;
	FAILS(EFAULT, ioctl(fd, ATOMIK_IOC_BATCH, &batch));

	struct atomik_context contexts[2] = { { 1, 2 }, { UINT64_MAX, 3 } };
	struct atomik_image image = { create.table_id, 4, 2, 0, (uintptr_t)contexts };

	CHECK(ioctl(fd, ATOMIK_IOC_RESTORE, &image) == 0);
	contexts[1].reference = 0;
	CHECK(ioctl(fd, ATOMIK_IOC_SNAPSHOT, &image) == 0);
	CHECK(contexts[0].accumulator == 2 && contexts[1].reference == UINT64_MAX);
	image.contexts_ptr |= 1ULL << 32;
	FAILS(EFAULT, ioctl(fd, ATOMIK_IOC_RESTORE, &image));
	FAILS(EFAULT, ioctl(fd, ATOMIK_IOC_SNAPSHOT, &image));

	/* A condition that doesn't hold tells the state found. */
	struct atomik_batch_op conditions[] = {
		{ .opcode = ATOMIK_OP_EXPECT, .addr = 15, .value = 7 },
		{ .opcode = ATOMIK_OP_SET, .addr = 15, .value = 0x8000000000000007 },
	};
	struct atomik_batch compare_and_set = { create.table_id, 2, (uintptr_t)conditions };

	FAILS(ECANCELED, ioctl(fd, ATOMIK_IOC_BATCH, &compare_and_set));
	CHECK(conditions[0].value == UINT64_MAX);
	CHECK(ioctl(fd, ATOMIK_IOC_BATCH, &compare_and_set) == 0);

	struct atomik_export export = { .table_id = create.table_id,
					.flags = ATOMIK_EXPORT_READ_ONLY };

	CHECK(ioctl(fd, ATOMIK_IOC_EXPORT, &export) == 0);
	read.addr = 15;
	CHECK(ioctl(export.fd, ATOMIK_IOC_READ, &read) == 0);
	CHECK(read.state == 0x8000000000000007);
	FAILS(EBADF, ioctl(export.fd, ATOMIK_IOC_ACCUM, &accum));
	FAILS(EBADF, ioctl(export.fd, ATOMIK_IOC_BATCH, &compare_and_set));
	CHECK(close(export.fd) == 0);
	export.flags = 2;
	FAILS(EINVAL, ioctl(fd, ATOMIK_IOC_EXPORT, &export));
	FAILS(EFAULT, ioctl(fd, ATOMIK_IOC_EXPORT, NULL));

	struct atomik_watch watch = { .table_id = create.table_id, .addr = 14, .count = 2,
				      .flags = ATOMIK_WATCH_NONBLOCK };
	struct atomik_touch touch = { .table_id = create.table_id, .addr = 15, .count = 1 };
	struct atomik_change changes[3];

	CHECK(ioctl(fd, ATOMIK_IOC_WATCH, &watch) == 0);
	CHECK(next(watch.fd, changes, sizeof(changes)) == 2 * sizeof(*changes));
	CHECK(changes[1].addr == 15 && changes[1].state == 0x8000000000000007);
	FAILS(EAGAIN, next(watch.fd, changes, sizeof(changes)));
	CHECK(ioctl(fd, ATOMIK_IOC_TOUCH, &touch) == 0);
	CHECK(next(watch.fd, changes, sizeof(changes)) == sizeof(*changes));
	CHECK(close(watch.fd) == 0);
	touch.count = 0;
	FAILS(EINVAL, ioctl(fd, ATOMIK_IOC_TOUCH, &touch));

	struct atomik_info info;

	CHECK(ioctl(fd, ATOMIK_IOC_GET_INFO, &info) == 0);
	CHECK(info.version == ATOMIK_VERSION);
	CHECK(info.ops_total >= 13);

	read.addr = 16;
	FAILS(EINVAL, ioctl(fd, ATOMIK_IOC_READ, &read));
	FAILS(EFAULT, ioctl(fd, ATOMIK_IOC_READ, NULL));
	FAILS(ENOTTY, ioctl(fd, ATOMIK_IOC_FP_CHECK, &info));
	CHECK(ioctl(fd, ATOMIK_IOC_DESTROY_TABLE, &create.table_id) == 0);
	FAILS(ENOENT, ioctl(fd, ATOMIK_IOC_READ, &read));
	if (map(fd))
		return 1;
	puts("ok");
	return 0;
}
