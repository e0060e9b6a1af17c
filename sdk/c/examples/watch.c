/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define ATOMIK_DEVICE
#define ATOMIK_IMPLEMENTATION
#include <atomik_core.h>

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>

/* Prints what a watch has to tell. False when its table has ended. */
static bool tell(const char *name, int fd)
{
	atomik_change_t changes[64];
	size_t told, i;

	if (atomik_watch_read(fd, changes, 64, &told) != ATOMIK_OK)
		return false;
	for (i = 0; i < told; i++)
		printf("%s %" PRIu32 ": %" PRIu64 "\n", name, changes[i].addr, changes[i].state);
	return told != 0;
}

int main(void)
{
	const char *names[2] = { "door", "lamp" };
	atomik_table_t tables[2];
	struct pollfd watches[2];
	int i, open = 2;

	for (i = 0; i < 2; i++) {
		if (atomik_table_open(&tables[i], 256) != ATOMIK_OK ||
		    atomik_table_watch(&tables[i], 0, 2, 0, &watches[i].fd) != ATOMIK_OK) {
			printf("%s\n", atomik_strerror(atomik_table_error(&tables[i])));
			return 1;
		}
		watches[i].events = POLLIN;
		tell(names[i], watches[i].fd); /* first, the states of all contexts */
	}
	if (fork() == 0) {
		atomik_table_load(&tables[0], 1, 1);
		atomik_table_load(&tables[1], 0, 40);
		_exit(0);
	}
	/* From now on only the child has the tables: they end with it. */
	for (i = 0; i < 2; i++)
		atomik_table_free(&tables[i]);
	while (open > 0 && poll(watches, 2, -1) > 0) {
		for (i = 0; i < 2; i++) {
			if (watches[i].revents != 0 && !tell(names[i], watches[i].fd)) {
				close(watches[i].fd);
				watches[i].fd = -1; /* poll() leaves it out */
				open--;
			}
		}
	}
	return 0;
}
