/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Isolated reads of a mapped table whose states change between any two loads: the control page and
 * the states are a guarded page. There is no device, so that reading by a system call is ENOTTY.
 */
#include "guarded.h"

#define ATOMIK_DEVICE
#define ATOMIK_IMPLEMENTATION
#include "atomik_core.h"

enum { CONTEXTS = 3, BEYOND = CONTEXTS, OLD = 10, NEW = 20 };
/* The loads of a read that finds nothing changed. */
enum { LOADS = 1 + CONTEXTS + 1 };

static struct atomik_dev_control_ *control;
/* One more than there are, which nothing may read. */
static uint64_t *states;
static uint32_t *addr_in_page;
/* For the changes: when they happen. */
static volatile unsigned begin, end;

static void set_states(uint64_t state)
{
	size_t i;

	for (i = 0; i < CONTEXTS; i++)
		states[i] = state;
}

/* A mapping in the page, all of whose states are OLD. */
static atomik_table_map_t mapping(void)
{
	static int null = -1;
	atomik_table_map_t m;

	if (null == -1)
		null = open("/dev/null", O_RDWR);
	CHECK(null >= 0 && atomik_table_attach(&m.table, null, 1, CONTEXTS) == ATOMIK_OK);
	m.states = states;
	m.control = guarded;
	m.flags = ATOMIK_MAP_READ_ONLY;
	control->version = ATOMIK_DEV_CONTROL_VERSION_;
	control->num_contexts = CONTEXTS;
	control->sequence = 2;
	set_states(OLD);
	states[BEYOND] = 99;
	return m;
}

/* Reads while changes happen. */
static int reading(atomik_table_map_t *m, const uint32_t *addrs, uint64_t *seen, size_t n,
		   void (*changes)(unsigned))
{
	int error;

	close_page(changes);
	error = atomik_table_map_read_consistent(m, addrs, seen, n);
	open_page();
	return error;
}

static const uint32_t all[CONTEXTS] = { 0, 1, 2 };

static void nothing(unsigned touch)
{
	(void)touch;
}

/* A batch begins at one touch, and ends at another or at the same. */
static void a_batch(unsigned touch)
{
	if (touch == begin) {
		control->sequence = 3;
		states[1] = NEW;
	}
	if (touch == end) {
		set_states(NEW);
		control->sequence = 4;
	}
}

/* A batch ends and another one begins at each touch. */
static void odd_at_each(unsigned touch)
{
	control->sequence = 2 * (uint64_t)touch + 1;
}

/* A batch comes and goes at each touch. */
static void even_at_each(unsigned touch)
{
	control->sequence = 2 * (uint64_t)touch;
}

static void an_address(unsigned touch)
{
	if (touch == begin)
		*addr_in_page = BEYOND;
}

static void without_changes(void)
{
	atomik_table_map_t m = mapping();
	uint64_t seen[CONTEXTS] = { 0, 0, 0 };
	const uint32_t twice[CONTEXTS] = { 2, 0, 2 }, beyond[CONTEXTS] = { 0, BEYOND, 1 };

	states[2] = 7;
	CHECK(reading(&m, twice, seen, CONTEXTS, nothing) == ATOMIK_OK && touches == LOADS);
	CHECK(seen[0] == 7 && seen[1] == OLD && seen[2] == 7);
	CHECK(reading(&m, NULL, NULL, 0, nothing) == ATOMIK_OK && touches == 0);
	CHECK(atomik_table_error(&m.table) == ATOMIK_OK);
	/* No try follows a bad address. */
	CHECK(reading(&m, beyond, seen, CONTEXTS, nothing) == ATOMIK_EINVAL && touches == 2);
	CHECK(atomik_table_error(&m.table) == ATOMIK_EINVAL);
	CHECK(atomik_table_error_addr(&m.table) == BEYOND);
	CHECK(reading(&m, NULL, seen, 1, nothing) == ATOMIK_EFAULT);
	CHECK(reading(&m, all, NULL, 1, nothing) == ATOMIK_EFAULT);
}

/* Wherever a batch begins and ends, all of it is seen or nothing. */
static void isolated(void)
{
	unsigned old = 0, new_ = 0, again = 0;

	for (begin = 0; begin <= LOADS; begin++) {
		/* Not so long that a system call reads. */
		for (end = begin; end < begin + ATOMIK_MAP_TRIES_ - 1; end++) {
			atomik_table_map_t m = mapping();
			uint64_t seen[CONTEXTS];
			size_t i;

			CHECK(reading(&m, all, seen, CONTEXTS, a_batch) == ATOMIK_OK);
			for (i = 0; i < CONTEXTS; i++)
				CHECK(seen[i] == seen[0]);
			CHECK(seen[0] == OLD || seen[0] == NEW);
			*(seen[0] == OLD ? &old : &new_) += 1;
			again += touches > LOADS;
		}
	}
	CHECK(old > 0 && new_ > 0 && again > 0);
}

/* Batches that are always at work don't keep it from ending. */
static void by_a_system_call(void)
{
	const uint32_t beyond[CONTEXTS] = { 0, BEYOND, 1 };
	atomik_table_map_t m = mapping();
	uint64_t seen[CONTEXTS];

	CHECK(reading(&m, all, seen, CONTEXTS, odd_at_each) == ATOMIK_ENOTTY);
	CHECK(touches == ATOMIK_MAP_TRIES_);
	CHECK(reading(&m, all, seen, CONTEXTS, even_at_each) == ATOMIK_ENOTTY);
	CHECK(touches == LOADS * ATOMIK_MAP_TRIES_);
	CHECK(atomik_table_error(&m.table) == ATOMIK_ENOTTY);
	atomik_table_clear_error(&m.table);
	CHECK(reading(&m, beyond, seen, CONTEXTS, odd_at_each) == ATOMIK_EINVAL);
	CHECK(atomik_table_error_addr(&m.table) == BEYOND);
	/* Nor does an old driver, or one that is too new. */
	m.control = NULL;
	CHECK(reading(&m, all, seen, CONTEXTS, nothing) == ATOMIK_ENOTTY && touches == 0);
}

/* An address that others change is never used unchecked. */
static void an_address_that_changes(void)
{
	unsigned refused = 0;

	for (begin = 0; begin < 10; begin++) {
		atomik_table_map_t m = mapping();
		uint64_t seen;
		int error;

		*addr_in_page = 1;
		error = reading(&m, addr_in_page, &seen, 1, an_address);
		refused += error == ATOMIK_EINVAL;
		CHECK(error == ATOMIK_EINVAL || seen == OLD);
	}
	CHECK(refused > 0 && refused < 10);
}

/* The control page is looked at before it is used. */
static void control_pages(void)
{
	atomik_table_map_t m = mapping();
	struct atomik_dev_control_ *made = (struct atomik_dev_control_ *)a_page();

	made->version = ATOMIK_DEV_CONTROL_VERSION_;
	made->num_contexts = CONTEXTS - 1;
	CHECK(atomik_dev_control_init_(&m, made) == ATOMIK_EINVAL);
	made->num_contexts = CONTEXTS;
	m.control = NULL;
	CHECK(atomik_dev_control_init_(&m, made) == ATOMIK_OK && m.control == made);
	made->version++;
	m.control = NULL;
	CHECK(atomik_dev_control_init_(&m, made) == ATOMIK_OK && m.control == NULL);
}

#ifdef ATOMIK_NO_MALLOC
static void no_memory_for_many(void)
{
	static uint32_t many[257];
	uint64_t seen[257];
	atomik_table_map_t m = mapping();

	CHECK(reading(&m, many, seen, 256, nothing) == ATOMIK_OK);
	CHECK(reading(&m, many, seen, 257, nothing) == ATOMIK_EINVAL);
}
#endif

int main(void)
{
	make_page();
	control = (struct atomik_dev_control_ *)(void *)guarded;
	states = (uint64_t *)(void *)(guarded + 64);
	addr_in_page = (uint32_t *)(void *)(guarded + 128);
	without_changes();
	isolated();
	by_a_system_call();
	an_address_that_changes();
	control_pages();
#ifdef ATOMIK_NO_MALLOC
	no_memory_for_many();
#endif
	printf("ok\n");
	return 0;
}
