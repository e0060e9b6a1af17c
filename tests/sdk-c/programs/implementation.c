/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The one file that has the implementation, as the header says. */
#define ATOMIK_IMPLEMENTATION
#include "atomik_core.h"
