/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* CHECK: what must hold, or the program ends with its line. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(what)                                                               \
	do {                                                                      \
		if (!(what)) {                                                    \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what); \
			exit(1);                                                  \
		}                                                                 \
	} while (0)

#endif
