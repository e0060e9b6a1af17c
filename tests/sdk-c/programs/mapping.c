/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Mapped tables of the device: reads, isolated or not, and deltas. Needs the device. */
#define ATOMIK_DEVICE
#define ATOMIK_IMPLEMENTATION
#include "atomik_core.h"

#include <sys/wait.h>

#include "check.h"

/* Destroys a table, for which C has no call. */
static void destroy(atomik_table_t *t)
{
	uint32_t id = t->table_id;

	CHECK(ioctl(t->fd, ATOMIK_DEV_NUMBER_(_IOW('A', 0x02, uint32_t)), &id) == 0);
}

/* The same table by a mapping whose control page says that batches are always at work. */
static atomik_table_map_t always_at_work(const atomik_table_map_t *m)
{
	static const struct atomik_dev_control_ control = { ATOMIK_DEV_CONTROL_VERSION_,
							    ATOMIK_MAX_CONTEXTS, 1 };
	static const uint64_t wrong[ATOMIK_MAX_CONTEXTS] = { 0 };
	atomik_table_map_t busy = *m;

	busy.control = &control;
	busy.states = (void *)(uintptr_t)wrong;
	return busy;
}

static void reads_and_deltas(void)
{
	atomik_change_t change;
	const uint32_t addrs[3] = { 511, 0, 511 };
	uint64_t states[3];
	atomik_table_t t;
	atomik_table_map_t m;
	size_t told;
	int fd;

	CHECK(atomik_table_open(&t, 512) == ATOMIK_OK);
	CHECK(atomik_table_load(&t, 511, 5) == ATOMIK_OK);
	CHECK(atomik_table_map(&t, 0, &m) == ATOMIK_OK);
	/* Else the tests below show nothing. */
	CHECK(m.control != NULL);
	CHECK(atomik_table_map_read(&m, 511) == 5 && atomik_table_map_read(&m, 0) == 0);
	CHECK(atomik_table_watch(&t, 0, 1, ATOMIK_WATCH_NONBLOCK, &fd) == ATOMIK_OK);
	CHECK(atomik_watch_read(fd, &change, 1, &told) == ATOMIK_OK);
	CHECK(atomik_table_map_accum(&m, 0, 3) == ATOMIK_OK);
	CHECK(atomik_table_map_accum(&m, 0, 4) == ATOMIK_OK);
	CHECK(atomik_table_read(&t, 0) == 7 && atomik_table_map_read(&m, 0) == 7);
	CHECK(atomik_watch_read(fd, &change, 1, &told) == ATOMIK_EAGAIN);
	CHECK(atomik_table_touch(&t, 0, 1) == ATOMIK_OK);
	CHECK(atomik_watch_read(fd, &change, 1, &told) == ATOMIK_OK && change.state == 7);
	CHECK(atomik_table_map_read_consistent(&m, addrs, states, 3) == ATOMIK_OK);
	CHECK(states[0] == 5 && states[1] == 7 && states[2] == 5);
	CHECK(atomik_table_error(&m.table) == ATOMIK_OK);
	CHECK(close(fd) == 0);
	atomik_table_map_free(&m);
	atomik_table_map_free(&m);
	CHECK(atomik_table_map_read(&m, 0) == 0 && atomik_table_error(&m.table) == ATOMIK_EINVAL);
	CHECK(atomik_table_read(&t, 0) == 7);
	atomik_table_free(&t);
}

static void what_is_refused(void)
{
	const uint32_t beyond[2] = { 0, 16 };
	uint64_t states[2];
	atomik_table_t t, same;
	atomik_table_map_t m;
	int null = open("/dev/null", O_RDWR);

	CHECK(atomik_table_open(&t, 16) == ATOMIK_OK);
	CHECK(atomik_table_map(&t, 2, &m) == ATOMIK_EINVAL && m.table.num_contexts == 0);
	CHECK(atomik_table_error(&t) == ATOMIK_EINVAL);
	CHECK(atomik_table_map(&t, 0, NULL) == ATOMIK_EFAULT);
	/* Fewer contexts than are claimed: in the last page, and behind it. */
	CHECK(atomik_table_attach(&same, t.fd, t.table_id, 17) == ATOMIK_OK);
	CHECK(atomik_table_map(&same, 0, &m) == ATOMIK_EINVAL && m.states == NULL);
	CHECK(atomik_table_attach(&same, t.fd, t.table_id, 4096) == ATOMIK_OK);
	CHECK(atomik_table_map(&same, 0, &m) == ATOMIK_EINVAL);
	CHECK(atomik_table_attach(&same, t.fd, t.table_id + 1, 16) == ATOMIK_OK);
	CHECK(atomik_table_map(&same, 0, &m) == ATOMIK_ENOENT);
	CHECK(null >= 0 && atomik_table_attach(&same, null, 1, 16) == ATOMIK_OK);
	CHECK(atomik_table_map(&same, 0, &m) == ATOMIK_ENOTTY);
	CHECK(close(null) == 0);
	CHECK(atomik_table_map(&same, 0, &m) == ATOMIK_EBADF);

	CHECK(atomik_table_map(&t, 0, &m) == ATOMIK_OK);
	CHECK(atomik_table_map_read(&m, 16) == 0);
	CHECK(atomik_table_error(&m.table) == ATOMIK_EINVAL);
	CHECK(atomik_table_error_addr(&m.table) == 16);
	CHECK(atomik_table_map_accum(&m, 16, 1) == ATOMIK_EINVAL);
	CHECK(atomik_table_map_accum(&m, SIZE_MAX, 1) == ATOMIK_EINVAL);
	CHECK(atomik_table_map_read_consistent(&m, beyond, states, 2) == ATOMIK_EINVAL);
	CHECK(atomik_table_map_read_consistent(&m, beyond, states, 1) == ATOMIK_OK);
	atomik_table_map_free(&m);
	atomik_table_free(&t);
	CHECK(atomik_table_map(&t, 0, &m) == ATOMIK_EINVAL);
}

/* A descriptor that can only read. */
static void read_only(void)
{
	const uint32_t addrs[2] = { 1, 3 };
	uint64_t states[2];
	atomik_table_t t, other;
	atomik_table_map_t m;
	int fd;

	CHECK(atomik_table_open(&t, 4) == ATOMIK_OK && atomik_table_load(&t, 3, 9) == ATOMIK_OK);
	CHECK(atomik_table_export(&t, ATOMIK_EXPORT_READ_ONLY, &fd) == ATOMIK_OK);
	CHECK(atomik_table_attach(&other, fd, t.table_id, 4) == ATOMIK_OK);
	CHECK(atomik_table_map(&other, 0, &m) == ATOMIK_EBADF);
	CHECK(atomik_table_map(&other, ATOMIK_MAP_READ_ONLY, &m) == ATOMIK_OK);
	CHECK(m.control != NULL);
	CHECK(atomik_table_map_read_consistent(&m, addrs, states, 2) == ATOMIK_OK);
	CHECK(states[0] == 0 && states[1] == 9);
	CHECK(atomik_table_map_accum(&m, 3, 1) == ATOMIK_EBADF);
	CHECK(atomik_table_error_addr(&m.table) == 3 && atomik_table_read(&t, 3) == 9);
	atomik_table_map_free(&m);
	CHECK(close(fd) == 0);
	atomik_table_free(&t);
}

/* Where batches are always at work, the kernel reads the same states, of any contexts. */
static void by_a_system_call(void)
{
	static const size_t numbers[] = { 1,    256,  257,   ATOMIK_MAX_BATCH, ATOMIK_MAX_BATCH + 1,
					  9999, 70000 };
	static uint32_t addrs[70000];
	static uint64_t states[70000];
	uint32_t beyond = ATOMIK_MAX_CONTEXTS;
	atomik_table_t t;
	atomik_table_map_t m, busy;
	size_t i, number;

	CHECK(atomik_table_open(&t, ATOMIK_MAX_CONTEXTS) == ATOMIK_OK);
	CHECK(atomik_table_map(&t, 0, &m) == ATOMIK_OK);
	for (i = 0; i < ATOMIK_MAX_CONTEXTS; i++)
		CHECK(atomik_table_map_accum(&m, i, i + 1) == ATOMIK_OK);
	/* In no order, some of many twice, and not from the table's beginning. */
	for (i = 0; i < 70000; i++)
		addrs[i] = (uint32_t)(1000 + i * 40503 % (ATOMIK_MAX_CONTEXTS - 1000));
	busy = always_at_work(&m);
	for (number = 0; number < sizeof(numbers) / sizeof(numbers[0]); number++) {
		const size_t n = numbers[number];

		memset(states, 0, sizeof(states));
		CHECK(atomik_table_map_read_consistent(&busy, addrs, states, n) == ATOMIK_OK);
		for (i = 0; i < n; i++)
			CHECK(states[i] == addrs[i] + UINT64_C(1));
		memset(states, 0, sizeof(states));
		CHECK(atomik_table_map_read_consistent(&m, addrs, states, n) == ATOMIK_OK);
		for (i = 0; i < n; i++)
			CHECK(states[i] == addrs[i] + UINT64_C(1));
	}
	CHECK(atomik_table_map_read_consistent(&busy, &beyond, states, 1) == ATOMIK_EINVAL);
	CHECK(atomik_table_error_addr(&busy.table) == ATOMIK_MAX_CONTEXTS);
	atomik_table_map_free(&m);
	atomik_table_free(&t);
}

/* The memory stays, and the table's commands don't. */
static void outlives_its_table(void)
{
	const uint32_t addrs[2] = { 0, 1 };
	uint64_t states[2];
	atomik_table_t t;
	atomik_table_map_t m, busy;

	CHECK(atomik_table_open(&t, 2) == ATOMIK_OK && atomik_table_load(&t, 1, 6) == ATOMIK_OK);
	CHECK(atomik_table_map(&t, 0, &m) == ATOMIK_OK);
	destroy(&t);
	CHECK(atomik_table_map_accum(&m, 1, 1) == ATOMIK_OK && atomik_table_map_read(&m, 1) == 7);
	CHECK(atomik_table_map_read_consistent(&m, addrs, states, 2) == ATOMIK_OK && states[1] == 7);
	busy = always_at_work(&m);
	CHECK(atomik_table_map_read_consistent(&busy, addrs, states, 2) == ATOMIK_ENOENT);
	atomik_table_free(&t);
	CHECK(atomik_table_map_read(&m, 1) == 7);
	atomik_table_map_free(&m);
}

/* A child's batches set 16 states to the same, which is never seen otherwise. */
static void another_process(void)
{
	enum { SIZE = 16, ROUNDS = 20000 };
	atomik_op_t ops[SIZE];
	uint32_t addrs[SIZE];
	uint64_t states[SIZE] = { 0 };
	atomik_table_t t;
	atomik_table_map_t m;
	pid_t child, ended;
	uint32_t i;
	int status;

	CHECK(atomik_table_open(&t, 256) == ATOMIK_OK);
	CHECK(atomik_table_map(&t, ATOMIK_MAP_READ_ONLY, &m) == ATOMIK_OK);
	memset(ops, 0, sizeof(ops));
	for (i = 0; i < SIZE; i++)
		ops[i].addr = addrs[i] = 15 * i;
	child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		uint64_t round;

		for (round = 1; round <= ROUNDS; round++) {
			for (i = 0; i < SIZE; i++) {
				ops[i].opcode = round % 2 == 0 ? ATOMIK_OP_SET : ATOMIK_OP_LOAD;
				ops[i].value = round;
			}
			CHECK(atomik_table_batch(&t, ops, SIZE) == ATOMIK_OK);
		}
		_exit(0);
	}
	do {
		const uint64_t before = states[0];

		ended = waitpid(child, &status, WNOHANG);
		CHECK(atomik_table_map_read_consistent(&m, addrs, states, SIZE) == ATOMIK_OK);
		CHECK(states[0] >= before);
		for (i = 1; i < SIZE; i++)
			CHECK(states[i] == states[0]);
	} while (ended == 0);
	CHECK(ended == child && status == 0 && states[0] == ROUNDS);
	atomik_table_map_free(&m);
	atomik_table_free(&t);
}

int main(void)
{
	reads_and_deltas();
	what_is_refused();
	read_only();
	by_a_system_call();
	outlives_its_table();
	another_process();
	printf("ok\n");
	return 0;
}
