/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A mirror of the object, which does what its standard input says. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <atomik/network/circle/ring.h>

static atomik_ring_t ring;

static unsigned digit(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a') + 10;
}

static atomikobj_u256_t u256(const char *digits)
{
	atomikobj_u256_t value = { { 0, 0, 0, 0 } };
	size_t length = strlen(digits), at;

	for (at = 0; at < length; at++)
		value.word[at / 16] |= (uint64_t)digit(digits[length - 1 - at]) << (4 * (at % 16));
	return value;
}

static atomikobj_u128_t u128(const char *digits)
{
	atomikobj_u256_t all = u256(digits);
	atomikobj_u128_t value = { { 0, 0 } };

	value.word[0] = all.word[0];
	value.word[1] = all.word[1];
	return value;
}

static void sent(atomikobj_message_t message)
{
	size_t at;

	for (at = 0; at < message.length; at++)
		printf("%02x", message.bytes[at]);
	puts("");
}

static void applied(atomikobj_message_error_t error)
{
	switch (error) {
	case ATOMIKOBJ_MESSAGE_OK:
		puts("ok");
		break;
	case ATOMIKOBJ_MESSAGE_DAMAGED:
		puts("damaged");
		break;
	case ATOMIKOBJ_MESSAGE_OTHER:
		puts("other");
		break;
	case ATOMIKOBJ_MESSAGE_VERSION:
		puts("version");
		break;
	default: /* of a table only */
		puts("no answer");
	}
}

static void contexts(void)
{
	uint64_t states[ATOMIK_RING_CONTEXTS];
	size_t at;

	atomik_ring_contexts(&ring, states);
	for (at = 0; at < ATOMIK_RING_CONTEXTS; at++)
		printf("%s%" PRIx64, at == 0 ? "" : ",", states[at]);
	puts("");
}

int main(void)
{
	char line[600], op[16], field[64], value[500];
	uint8_t bytes[250];
	size_t length;

	atomik_ring_init(&ring);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		op[0] = field[0] = value[0] = '\0';
		if (sscanf(line, "%15s %63s %499s", op, field, value) < 1)
			return 1;
		for (length = 0; 2 * length + 1 < strlen(value); length++)
			bytes[length] = (uint8_t)(digit(value[2 * length]) * 16 +
						  digit(value[2 * length + 1]));
		if (strcmp(op, "rollback") == 0)
			printf("%zu\n", atomik_ring_rollback(&ring, strtoul(field, NULL, 10)));
		else if (strcmp(op, "contexts") == 0)
			contexts();
		/* FIELDS */
		fflush(stdout);
	}
	return 0;
}
