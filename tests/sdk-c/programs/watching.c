/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Watches on tables of the device: what they tell, when, and to whom. Needs the device. */
#define ATOMIK_DEVICE
#define ATOMIK_IMPLEMENTATION
#include "atomik_core.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "check.h"

/* The events that a descriptor has now. */
static int events(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };

	CHECK(poll(&p, 1, 0) >= 0);
	return p.revents;
}

/* Checks that a watch has one change to tell. */
#define TELLS(fd, addr_, state_)                                                             \
	do {                                                                                 \
		atomik_change_t changes_[4];                                                 \
		size_t told_ = 7;                                                            \
		CHECK(atomik_watch_read(fd, changes_, 4, &told_) == ATOMIK_OK && told_ == 1); \
		CHECK(changes_[0].addr == (addr_) && changes_[0].state == (state_));         \
		CHECK(changes_[0].reserved == 0);                                            \
	} while (0)

/* A watch that doesn't wait and has nothing to tell. */
static int watched(atomik_table_t *t, size_t addr, size_t count)
{
	static atomik_change_t changes[ATOMIK_MAX_CONTEXTS];
	size_t told;
	int fd;

	CHECK(atomik_table_watch(t, addr, count, ATOMIK_WATCH_NONBLOCK, &fd) == ATOMIK_OK);
	CHECK(events(fd) == POLLIN);
	CHECK(atomik_watch_read(fd, changes, ATOMIK_MAX_CONTEXTS, &told) == ATOMIK_OK);
	CHECK(told == count && changes[0].addr == addr);
	CHECK(atomik_watch_read(fd, changes, 1, &told) == ATOMIK_EAGAIN && events(fd) == 0);
	return fd;
}

static void what_is_told(void)
{
	atomik_op_t batch[3] = {
		{ ATOMIK_OP_SET, { 0, 0, 0 }, 3, 8 },
		{ ATOMIK_OP_ACCUM, { 0, 0, 0 }, 4, 0 },
		{ ATOMIK_OP_SWAP, { 0, 0, 0 }, 5, 0 },
	};
	atomik_change_t changes[16];
	atomik_table_t t;
	size_t told;
	int fd;

	CHECK(atomik_table_open(&t, 16) == ATOMIK_OK);
	fd = watched(&t, 2, 12);
	CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	CHECK(atomik_table_load(&t, 2, 5) == ATOMIK_OK);
	TELLS(fd, 2, 5);
	CHECK(atomik_table_accum(&t, 13, 1) == ATOMIK_OK);
	CHECK(atomik_table_accum(&t, 13, 2) == ATOMIK_OK && events(fd) == POLLIN);
	TELLS(fd, 13, 3);
	CHECK(atomik_table_swap_to(&t, 13, 7) == 3);
	TELLS(fd, 13, 7);
	CHECK(atomik_table_batch(&t, batch, 3) == ATOMIK_OK);
	TELLS(fd, 3, 8);
	/* No changes, and others' contexts. */
	CHECK(atomik_table_accum(&t, 13, 0) == ATOMIK_OK && atomik_table_swap(&t, 13) == 7);
	CHECK(atomik_table_load(&t, 1, 1) == ATOMIK_OK && atomik_table_load(&t, 14, 1) == ATOMIK_OK);
	CHECK(events(fd) == 0);
	CHECK(atomik_table_touch(&t, 12, 3) == ATOMIK_OK);
	CHECK(atomik_watch_read(fd, changes, 16, &told) == ATOMIK_OK && told == 2);
	CHECK(changes[0].addr == 12 && changes[1].addr == 13 && changes[1].state == 7);
	/* More than there is room for. */
	CHECK(atomik_table_touch(&t, 2, 12) == ATOMIK_OK);
	CHECK(atomik_watch_read(fd, changes, 8, &told) == ATOMIK_OK && told == 8);
	CHECK(changes[7].addr == 9 && events(fd) == POLLIN);
	CHECK(atomik_watch_read(fd, changes, 8, &told) == ATOMIK_OK && told == 4);
	CHECK(changes[0].addr == 10 && events(fd) == 0);
	CHECK(atomik_table_error(&t) == ATOMIK_OK);
	CHECK(close(fd) == 0);
	atomik_table_free(&t);

	CHECK(atomik_table_open(&t, ATOMIK_MAX_CONTEXTS) == ATOMIK_OK);
	CHECK(close(watched(&t, 0, ATOMIK_MAX_CONTEXTS)) == 0);
	atomik_table_free(&t);
}

static void what_is_refused(void)
{
	struct rlimit before, less;
	atomik_change_t change;
	atomik_table_t t, same;
	size_t told;
	int fd = 7, copy;

	CHECK(atomik_table_open(&t, 16) == ATOMIK_OK);
	CHECK(atomik_table_watch(&t, 0, 16, 2, &fd) == ATOMIK_EINVAL && fd == 7);
	CHECK(atomik_table_error(&t) == ATOMIK_EINVAL && atomik_table_error_addr(&t) == 0);
	/* Fewer contexts than are claimed, and no such table. */
	CHECK(atomik_table_attach(&same, t.fd, t.table_id, 17) == ATOMIK_OK);
	CHECK(atomik_table_watch(&same, 16, 1, 0, &fd) == ATOMIK_EINVAL && fd == 7);
	CHECK(atomik_table_touch(&same, 0, 17) == ATOMIK_EINVAL);
	CHECK(atomik_table_error_addr(&same) == 16);
	CHECK(atomik_table_attach(&same, t.fd, t.table_id + 1, 16) == ATOMIK_OK);
	CHECK(atomik_table_watch(&same, 0, 1, 0, &fd) == ATOMIK_ENOENT && fd == 7);
	CHECK(atomik_table_touch(&same, 0, 1) == ATOMIK_ENOENT);
	/* Another device, and no descriptor left. */
	copy = open("/dev/null", O_RDWR);
	CHECK(copy >= 0 && atomik_table_attach(&same, copy, 1, 16) == ATOMIK_OK);
	CHECK(atomik_table_watch(&same, 0, 1, 0, &fd) == ATOMIK_ENOTTY && fd == 7);
	CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
	less = before;
	less.rlim_cur = 0;
	CHECK(setrlimit(RLIMIT_NOFILE, &less) == 0);
	CHECK(atomik_table_watch(&t, 0, 1, 0, &fd) == EMFILE && fd == 7);
	CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
	/* The table's own descriptor is no watch: it can be neither read nor waited for. */
	CHECK(atomik_watch_read(t.fd, &change, 1, &told) == ATOMIK_EINVAL);
	CHECK(close(copy) == 0);
	atomik_table_free(&t);
}

/* The trap that the header tells of. */
static void the_tables_own_descriptor(void)
{
	struct epoll_event event = { EPOLLIN, { NULL } };
	atomik_table_t t;
	int epoll = epoll_create1(0), fd;

	CHECK(epoll >= 0 && atomik_table_open(&t, 1) == ATOMIK_OK);
	CHECK(events(t.fd) == POLLIN);
	CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, t.fd, &event) == -1 && errno == EPERM);
	fd = watched(&t, 0, 1);
	CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
	CHECK(epoll_wait(epoll, &event, 1, 0) == 0);
	CHECK(atomik_table_load(&t, 0, 1) == ATOMIK_OK);
	CHECK(epoll_wait(epoll, &event, 1, 0) == 1 && event.events == EPOLLIN);
	CHECK(close(epoll) == 0 && close(fd) == 0);
	atomik_table_free(&t);
}

/* A descriptor that can only read can watch, but not say that something has changed. */
static void read_only(void)
{
	atomik_table_t t, other;
	int fd, watch;

	CHECK(atomik_table_open(&t, 4) == ATOMIK_OK);
	CHECK(atomik_table_export(&t, ATOMIK_EXPORT_READ_ONLY, &fd) == ATOMIK_OK);
	CHECK(atomik_table_attach(&other, fd, t.table_id, 4) == ATOMIK_OK);
	watch = watched(&other, 0, 4);
	CHECK(atomik_table_touch(&other, 0, 1) == ATOMIK_EBADF);
	CHECK(atomik_table_load(&t, 1, 5) == ATOMIK_OK);
	/* It outlives the descriptor that it was made with. */
	CHECK(close(fd) == 0);
	TELLS(watch, 1, 5);
	CHECK(close(watch) == 0);
	atomik_table_free(&t);
}

/* With the file, the table ends, and what is left can still be told. */
static void the_end(void)
{
	atomik_change_t change;
	atomik_table_t t;
	size_t told = 7;
	int fd;

	CHECK(atomik_table_open(&t, 4) == ATOMIK_OK);
	fd = watched(&t, 0, 4);
	CHECK(atomik_table_load(&t, 1, 5) == ATOMIK_OK && atomik_table_load(&t, 2, 6) == ATOMIK_OK);
	atomik_table_free(&t);
	CHECK(events(fd) == (POLLIN | POLLHUP));
	CHECK(atomik_watch_read(fd, &change, 1, &told) == ATOMIK_OK && told == 1);
	CHECK(change.addr == 1 && change.state == 5);
	TELLS(fd, 2, 6);
	CHECK(atomik_watch_read(fd, &change, 1, &told) == ATOMIK_OK && told == 0);
	CHECK(events(fd) == (POLLIN | POLLHUP));
	CHECK(close(fd) == 0);
}

/* A child changes what its parent waits for: each change is told to one of those who share. */
static void another_process(void)
{
	enum { ROUNDS = 200 };
	atomik_change_t change;
	atomik_table_t t;
	uint64_t state = 1;
	size_t told;
	pid_t child;
	int fd, status;

	CHECK(atomik_table_open(&t, 2) == ATOMIK_OK);
	CHECK(atomik_table_watch(&t, 0, 1, 0, &fd) == ATOMIK_OK);
	TELLS(fd, 0, 0);
	child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		int own;

		CHECK(atomik_table_watch(&t, 1, 1, 0, &own) == ATOMIK_OK);
		TELLS(own, 1, 0);
		for (state = 1; state <= ROUNDS; state++) {
			CHECK(atomik_table_load(&t, 0, state) == ATOMIK_OK);
			TELLS(own, 1, state);
		}
		_exit(0);
	}
	for (state = 1; state <= ROUNDS; state++) {
		CHECK(atomik_watch_read(fd, &change, 1, &told) == ATOMIK_OK && told == 1);
		CHECK(change.state == state);
		CHECK(atomik_table_load(&t, 1, state) == ATOMIK_OK);
	}
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	CHECK(close(fd) == 0);
	atomik_table_free(&t);
}

static atomik_table_t of_handler;
static volatile sig_atomic_t handled;

static void handler(int signal)
{
	(void)signal;
	handled = 1;
	(void)atomik_table_load(&of_handler, 3, 9);
}

/* A signal whose handler ends system calls doesn't end the waiting. */
static void a_signal(void)
{
	struct sigaction action;
	pid_t child;
	int fd, status;

	CHECK(atomik_table_open(&of_handler, 4) == ATOMIK_OK);
	CHECK(atomik_table_watch(&of_handler, 3, 1, 0, &fd) == ATOMIK_OK);
	TELLS(fd, 3, 0);
	memset(&action, 0, sizeof(action));
	action.sa_handler = handler;
	CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
	child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		char path[64], stat[256];

		/* Until the parent sleeps. */
		CHECK(snprintf(path, sizeof(path), "/proc/%d/stat", (int)getppid()) > 0);
		do {
			FILE *file = fopen(path, "r");

			CHECK(sched_yield() == 0 && file != NULL);
			CHECK(fgets(stat, sizeof(stat), file) != NULL);
			CHECK(fclose(file) == 0);
		} while (strstr(stat, ") S ") == NULL);
		CHECK(kill(getppid(), SIGUSR1) == 0);
		_exit(0);
	}
	TELLS(fd, 3, 9);
	CHECK(handled == 1);
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	CHECK(close(fd) == 0);
	atomik_table_free(&of_handler);
}

int main(void)
{
	what_is_told();
	what_is_refused();
	the_tables_own_descriptor();
	read_only();
	the_end();
	another_process();
	a_signal();
	printf("ok\n");
	return 0;
}
