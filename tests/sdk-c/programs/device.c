/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Tables on the device: processes share them and attach to them, and their calls fail in more ways.
 * Needs the device.
 */
#define ATOMIK_DEVICE
#define ATOMIK_IMPLEMENTATION
#include "atomik_core.h"

#include <sys/wait.h>

#include "check.h"

static void shared_with_children(void)
{
	enum { CHILDREN = 4, ROUNDS = 500 };
	atomik_table_t t;
	pid_t child[CHILDREN];
	uint64_t expected = 0;
	uint32_t i;

	CHECK(atomik_table_open(&t, 16) == ATOMIK_OK);
	CHECK(atomik_table_load(&t, 3, 0xCAFEBABE) == ATOMIK_OK);
	for (i = 0; i < CHILDREN; i++) {
		child[i] = fork();
		CHECK(child[i] >= 0);
		if (child[i] == 0) {
			uint64_t round;

			/* Leaves the last of them. */
			for (round = 0; round <= ROUNDS; round++) {
				CHECK(atomik_table_accum(&t, 3, round << 16 * i) == ATOMIK_OK);
				if (round < ROUNDS)
					CHECK(atomik_table_accum(&t, 3, round << 16 * i) == ATOMIK_OK);
			}
			/* Its own descriptor, not the table. */
			atomik_table_free(&t);
			_exit(0);
		}
		expected ^= (uint64_t)ROUNDS << 16 * i;
	}
	for (i = 0; i < CHILDREN; i++) {
		int status;

		CHECK(waitpid(child[i], &status, 0) == child[i] && status == 0);
	}
	CHECK(atomik_table_read(&t, 3) == (0xCAFEBABE ^ expected));
	CHECK(atomik_table_error(&t) == ATOMIK_OK);
	atomik_table_free(&t);
}

static void attached(void)
{
	atomik_table_t t, same;
	atomik_ctx_t c;
	int fd;

	CHECK(atomik_table_open(&t, 16) == ATOMIK_OK);
	CHECK((fcntl(t.fd, F_GETFD) & FD_CLOEXEC) != 0);
	CHECK(atomik_table_attach(&same, t.fd, t.table_id, 16) == ATOMIK_OK);
	CHECK(atomik_table_load(&same, 15, 5) == ATOMIK_OK);
	CHECK(atomik_table_accum(&t, 15, 6) == ATOMIK_OK);
	CHECK(atomik_table_context(&same, 15, &c) == ATOMIK_OK);
	CHECK(c.reference == 5 && c.accumulator == 6 && atomik_width(&c) == 64);
	CHECK(atomik_table_swap_to(&t, 15, 0) == 3);
	CHECK(atomik_table_context(&same, 15, &c) == ATOMIK_OK);
	CHECK(c.reference == 0 && c.accumulator == 0);
	CHECK(atomik_table_accum(&t, 15, 6) == ATOMIK_OK && atomik_table_swap_to(&t, 15, 9) == 6);
	CHECK(atomik_table_context(&same, 15, &c) == ATOMIK_OK);
	CHECK(c.reference == 9 && c.accumulator == 0);
	atomik_table_free(&same);
	CHECK(atomik_table_read(&t, 15) == 9);

	/* Fewer contexts than are claimed: the driver refuses, and it is kept as any error. */
	CHECK(atomik_table_attach(&same, t.fd, t.table_id, 17) == ATOMIK_OK);
	CHECK(atomik_table_load(&same, 16, 1) == ATOMIK_EINVAL);
	CHECK(atomik_table_error(&same) == ATOMIK_EINVAL && atomik_table_error_addr(&same) == 16);
	atomik_table_free(&same);

	/* No such table, for each call. */
	CHECK(atomik_table_attach(&same, t.fd, t.table_id + 1, 16) == ATOMIK_OK);
	CHECK(atomik_table_load(&same, 0, 1) == ATOMIK_ENOENT);
	CHECK(atomik_table_error(&same) == ATOMIK_ENOENT && atomik_table_error_addr(&same) == 0);
	CHECK(atomik_table_accum(&same, 0, 1) == ATOMIK_ENOENT);
	CHECK(atomik_table_context(&same, 0, &c) == ATOMIK_ENOENT);
	atomik_table_clear_error(&same);
	CHECK(atomik_table_read(&same, 0) == 0 && atomik_table_error(&same) == ATOMIK_ENOENT);
	atomik_table_clear_error(&same);
	CHECK(atomik_table_swap(&same, 0) == 0 && atomik_table_error(&same) == ATOMIK_ENOENT);
	atomik_table_clear_error(&same);
	CHECK(atomik_table_swap_to(&same, 0, 1) == 0 && atomik_table_error(&same) == ATOMIK_ENOENT);
	atomik_table_clear_error(&same);
	CHECK(atomik_table_swap_to(&same, 0, 0) == 0 && atomik_table_error(&same) == ATOMIK_ENOENT);
	CHECK(atomik_table_error_addr(&same) == 0);
	atomik_table_clear_error(&same);
	CHECK(atomik_table_set(&same, 0, 1) == ATOMIK_ENOENT);
	CHECK(atomik_table_error(&same) == ATOMIK_ENOENT && atomik_table_error_addr(&same) == 0);
	CHECK(atomik_table_export(&same, 0, &fd) == ATOMIK_ENOENT);
	atomik_table_free(&same);

	/* No device; and one that isn't open for writing. */
	fd = open("/dev/null", O_RDWR);
	CHECK(fd >= 0 && atomik_table_attach(&same, fd, 1, 16) == ATOMIK_OK);
	CHECK(atomik_table_load(&same, 0, 1) == ATOMIK_ENOTTY);
	close(fd);
	CHECK(atomik_table_load(&same, 0, 1) == ATOMIK_EBADF);
	fd = open(ATOMIK_DEVICE_PATH, O_RDONLY);
	CHECK(fd >= 0 && atomik_table_attach(&same, fd, 1, 16) == ATOMIK_OK);
	CHECK(atomik_table_accum(&same, 0, 1) == ATOMIK_EBADF);
	close(fd);
	atomik_table_free(&t);
}

/* The number of contexts is asked for, of every kind of descriptor. */
static void asked_for(void)
{
	static const size_t sizes[] = { 1, 2, 3, 255, 256, 257, 65535, 65536 };
	atomik_table_t t, same;
	size_t i;
	int fd;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		CHECK(atomik_table_open(&t, sizes[i]) == ATOMIK_OK);
		CHECK(atomik_table_attach(&same, t.fd, t.table_id, 0) == ATOMIK_OK);
		CHECK(same.num_contexts == sizes[i] && atomik_table_error(&same) == ATOMIK_OK);
		CHECK(atomik_table_export(&t, ATOMIK_EXPORT_READ_ONLY, &fd) == ATOMIK_OK);
		CHECK(atomik_table_attach(&same, fd, t.table_id, 0) == ATOMIK_OK);
		CHECK(same.num_contexts == sizes[i]);
		CHECK(close(fd) == 0);
		CHECK(atomik_table_attach(&same, t.fd, t.table_id + 1, 0) == ATOMIK_ENOENT);
		CHECK(atomik_table_error(&same) == ATOMIK_ENOENT && same.num_contexts == 0);
		atomik_table_free(&t);
	}
	fd = open("/dev/null", O_RDWR);
	CHECK(fd >= 0 && atomik_table_attach(&same, fd, 1, 0) == ATOMIK_ENOTTY);
	close(fd);
}

/* Further tables in one file. */
static void created(void)
{
	atomik_table_t t, tables[255], one_more, same;
	uint64_t words[ATOMIK_TABLE_WORDS(1)] = { 7, 8 };
	int fd, i;

	CHECK(atomik_table_open(&t, 16) == ATOMIK_OK);
	for (i = 0; i < 255; i++) {
		CHECK(atomik_table_create(&tables[i], t.fd, 4) == ATOMIK_OK);
		CHECK(tables[i].fd == t.fd && tables[i].table_id != t.table_id);
		CHECK(atomik_table_load(&tables[i], 3, (uint64_t)i) == ATOMIK_OK);
	}
	CHECK(atomik_table_create(&one_more, t.fd, 4) == ENOSPC);
	CHECK(atomik_table_error(&one_more) == ENOSPC && one_more.num_contexts == 0);
	atomik_table_free(&one_more);
	CHECK(atomik_table_read(&t, 3) == 0);
	for (i = 0; i < 255; i++)
		CHECK(atomik_table_read(&tables[i], 3) == (uint64_t)i);
	CHECK(atomik_table_restore(&tables[7], 3, 1, words) == ATOMIK_OK);
	CHECK(atomik_table_read(&tables[7], 3) == (7 ^ 8) && atomik_table_read(&tables[8], 3) == 8);

	/* Freeing it ends the table for all who are attached, and not the file. */
	CHECK(atomik_table_attach(&same, t.fd, tables[7].table_id, 0) == ATOMIK_OK);
	CHECK(same.num_contexts == 4);
	atomik_table_free(&tables[7]);
	CHECK(atomik_table_load(&same, 0, 1) == ATOMIK_ENOENT);
	CHECK(atomik_table_load(&t, 0, 1) == ATOMIK_OK);
	CHECK(atomik_table_create(&tables[7], t.fd, 4) == ATOMIK_OK);

	CHECK(atomik_table_create(&one_more, t.fd, (size_t)ATOMIK_MAX_CONTEXTS + 1) ==
	      ATOMIK_EINVAL);
	CHECK(atomik_table_export(&t, 0, &fd) == ATOMIK_OK);
	CHECK(atomik_table_create(&one_more, fd, 4) == ATOMIK_EBADF);
	CHECK(close(fd) == 0);
	atomik_table_free(&t);
}

/* Each child does its own additions: none is lost. */
static void a_counter(void)
{
	enum { CHILDREN = 4, ROUNDS = 500 };
	atomik_table_t t;
	pid_t child[CHILDREN];
	int i;

	CHECK(atomik_table_open(&t, 1) == ATOMIK_OK);
	for (i = 0; i < CHILDREN; i++) {
		child[i] = fork();
		CHECK(child[i] >= 0);
		if (child[i] == 0) {
			uint64_t n = 0;
			int round;

			for (round = 0; round < ROUNDS; round++) {
				while (atomik_table_compare_exchange(&t, 0, &n, n + 1) == ATOMIK_ECANCELED)
					;
			}
			CHECK(atomik_table_error(&t) == ATOMIK_OK);
			_exit(0);
		}
	}
	for (i = 0; i < CHILDREN; i++) {
		int status;

		CHECK(waitpid(child[i], &status, 0) == child[i] && status == 0);
	}
	CHECK(atomik_table_read(&t, 0) == CHILDREN * ROUNDS);
	atomik_table_free(&t);
}

/* What a descriptor that was exported can do. */
static void rights(unsigned flags)
{
	const int change = (flags & ATOMIK_EXPORT_READ_ONLY) != 0 ? ATOMIK_EBADF : ATOMIK_OK;
	atomik_op_t ops[2] = {
		{ ATOMIK_OP_EXPECT, { 0, 0, 0 }, 3, 5 },
		{ ATOMIK_OP_READ, { 0, 0, 0 }, 3, 0 },
	};
	atomik_table_t t, other;
	uint64_t state = 5, words[ATOMIK_TABLE_WORDS(1)];
	const uint32_t addr = 3;
	atomik_ctx_t c;
	int fd, none = 7;

	CHECK(atomik_table_open(&t, 16) == ATOMIK_OK && atomik_table_load(&t, 3, 5) == ATOMIK_OK);
	CHECK(atomik_table_export(&t, flags, &fd) == ATOMIK_OK && fd != t.fd);
	CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	CHECK(atomik_table_attach(&other, fd, t.table_id, 16) == ATOMIK_OK);
	/* It holds the table. */
	atomik_table_free(&t);

	CHECK(atomik_table_read(&other, 3) == 5);
	CHECK(atomik_table_batch(&other, ops, 2) == ATOMIK_OK && ops[1].value == 5);
	CHECK(atomik_table_context(&other, 3, &c) == ATOMIK_OK && c.reference == 5);
	CHECK(atomik_table_load(&other, 3, 5) == change);
	CHECK(atomik_table_accum(&other, 3, 0) == change);
	CHECK(atomik_table_set(&other, 3, 5) == change);
	CHECK(atomik_table_compare_exchange(&other, 3, &state, 5) == change && state == 5);
	CHECK(atomik_table_snapshot(&other, 3, 1, words) == ATOMIK_OK && words[0] == 5);
	CHECK(atomik_table_restore(&other, 3, 1, words) == change);
	CHECK(atomik_table_load_many(&other, &addr, &state, 1) == change);
	CHECK(atomik_table_read_many(&other, &addr, &state, 1) == ATOMIK_OK && state == 5);
	CHECK(atomik_table_error(&other) == change);
	atomik_table_clear_error(&other);
	CHECK(atomik_table_swap(&other, 3) == (change == ATOMIK_OK ? 5 : 0));
	CHECK(atomik_table_error(&other) == change);
	atomik_table_clear_error(&other);
	CHECK(atomik_table_export(&other, 0, &none) == ATOMIK_EBADF && none == 7);
	atomik_table_free(&other);
	CHECK(close(fd) == 0);
}

static void exported(void)
{
	atomik_table_t t;
	int fd = 7;

	rights(0);
	rights(ATOMIK_EXPORT_READ_ONLY);
	CHECK(atomik_table_open(&t, 16) == ATOMIK_OK);
	CHECK(atomik_table_export(&t, 0, NULL) == ATOMIK_EFAULT);
	CHECK(atomik_table_error(&t) == ATOMIK_EFAULT);
	atomik_table_clear_error(&t);
	CHECK(atomik_table_export(&t, 2, &fd) == ATOMIK_EINVAL && fd == 7);
	CHECK(atomik_table_error(&t) == ATOMIK_EINVAL);
	CHECK(atomik_table_error_addr(&t) == SIZE_MAX);
	atomik_table_free(&t);
}

/*
 * A descriptor goes to another process, over each kind of socket. The receiver has asked for the
 * sender's credentials, too.
 */
static void sent(int kind)
{
	enum { PASS_CRED = 16 }; /* SO_PASSCRED, which strict standards hide */
	const int on = 1;
	atomik_table_t t;
	uint64_t state = 8;
	int pair[2], fd, status;
	pid_t child;

	CHECK(socketpair(AF_UNIX, kind, 0, pair) == 0);
	child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		uint32_t id;

		CHECK(close(pair[0]) == 0);
		CHECK(setsockopt(pair[1], SOL_SOCKET, PASS_CRED, &on, sizeof(on)) == 0);
		CHECK(atomik_device_receive(pair[1], &fd) == ATOMIK_OK);
		CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
		CHECK(read(pair[1], &id, sizeof(id)) == sizeof(id));
		CHECK(atomik_table_attach(&t, fd, id, 4) == ATOMIK_OK);
		CHECK(atomik_table_compare_exchange(&t, 1, &state, 9) == ATOMIK_OK);
		_exit(0);
	}
	CHECK(close(pair[1]) == 0);
	CHECK(atomik_table_open(&t, 4) == ATOMIK_OK && atomik_table_load(&t, 1, 8) == ATOMIK_OK);
	CHECK(atomik_table_export(&t, 0, &fd) == ATOMIK_OK);
	CHECK(atomik_device_send(pair[0], fd) == ATOMIK_OK);
	CHECK(write(pair[0], &t.table_id, sizeof(t.table_id)) == sizeof(t.table_id));
	CHECK(close(fd) == 0);
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	CHECK(atomik_table_read(&t, 1) == 9);
	atomik_table_free(&t);
	CHECK(close(pair[0]) == 0);
}

static void sizes(void)
{
	atomik_table_t t;

	CHECK(atomik_table_open(&t, 0) == ATOMIK_EINVAL);
	CHECK(atomik_table_open(&t, (size_t)ATOMIK_MAX_CONTEXTS + 1) == ATOMIK_EINVAL);
	CHECK(atomik_table_error(&t) == ATOMIK_EINVAL && t.num_contexts == 0 && t.fd == -1);
	CHECK(atomik_table_open(&t, ATOMIK_MAX_CONTEXTS) == ATOMIK_OK);
	CHECK(atomik_table_load(&t, ATOMIK_MAX_CONTEXTS - 1, 7) == ATOMIK_OK);
	CHECK(atomik_table_read(&t, ATOMIK_MAX_CONTEXTS - 1) == 7);
	CHECK(atomik_table_read(&t, ATOMIK_MAX_CONTEXTS) == 0);
	CHECK(atomik_table_error(&t) == ATOMIK_EINVAL);
	CHECK(atomik_table_error_addr(&t) == ATOMIK_MAX_CONTEXTS);
	atomik_table_free(&t);
}

/* A file ends with its table, so that they don't run out. */
static void nothing_is_left(void)
{
	atomik_table_t t;
	int i, first = -1;

	for (i = 0; i < 600; i++) {
		CHECK(atomik_table_open(&t, 4) == ATOMIK_OK);
		if (first == -1)
			first = t.fd;
		CHECK(t.fd == first);
		atomik_table_free(&t);
	}
	for (i = 0; i < 600; i++)
		CHECK(atomik_table_open(&t, 0x7fffffff) == ATOMIK_EINVAL);
	CHECK(atomik_table_open(&t, 4) == ATOMIK_OK && t.fd == first);
	atomik_table_free(&t);
}

int main(void)
{
	shared_with_children();
	attached();
	asked_for();
	created();
	a_counter();
	exported();
	sent(SOCK_STREAM);
	sent(SOCK_DGRAM);
	sent(SOCK_SEQPACKET);
	sizes();
	nothing_is_left();
	printf("ok\n");
	return 0;
}
