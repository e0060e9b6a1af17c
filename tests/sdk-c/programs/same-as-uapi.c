/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * atomik_core.h and the module's own header agree on the device. Compiling this is the test. It
 * includes both, in the order that the test asks for.
 */
#define ATOMIK_DEVICE
#define ATOMIK_IMPLEMENTATION
#ifdef UAPI_FIRST
#include "atomik.h"
#include "atomik_core.h"
#else
#include "atomik_core.h"
#include "atomik.h"
#endif

#ifdef __cplusplus
#define FACT(fact) static_assert(fact, #fact)
#else
#define FACT(fact) _Static_assert(fact, #fact)
#endif

#define SAME_FIELD(ours, field, its, its_field)                                        \
	FACT(offsetof(struct ours, field) == offsetof(struct its, its_field) &&        \
	     sizeof(((struct ours *)0)->field) == sizeof(((struct its *)0)->its_field))

FACT(ATOMIK_CORE_VERSION == ATOMIK_VERSION);

FACT(ATOMIK_DEV_CREATE_ == ATOMIK_IOC_CREATE_TABLE);
FACT(ATOMIK_DEV_DESTROY_ == ATOMIK_IOC_DESTROY_TABLE);
FACT(ATOMIK_DEV_LOAD_ == ATOMIK_IOC_LOAD);
FACT(ATOMIK_DEV_ACCUM_ == ATOMIK_IOC_ACCUM);
FACT(ATOMIK_DEV_READ_ == ATOMIK_IOC_READ);
FACT(ATOMIK_DEV_SWAP_ == ATOMIK_IOC_SWAP);
FACT(ATOMIK_DEV_BATCH_ == ATOMIK_IOC_BATCH);
FACT(ATOMIK_DEV_INFO_ == ATOMIK_IOC_GET_INFO);
FACT(ATOMIK_DEV_SNAPSHOT_ == ATOMIK_IOC_SNAPSHOT);
FACT(ATOMIK_DEV_RESTORE_ == ATOMIK_IOC_RESTORE);
FACT(ATOMIK_DEV_WATCH_ == ATOMIK_IOC_WATCH);
FACT(ATOMIK_DEV_TOUCH_ == ATOMIK_IOC_TOUCH);
FACT(ATOMIK_DEV_EXPORT_ == ATOMIK_IOC_EXPORT);

FACT(ATOMIK_DEV_MAP_OFFSET_(7) == ATOMIK_MAP_OFFSET(7));
FACT(ATOMIK_DEV_MAP_OFFSET_(7) + ATOMIK_DEV_MAP_CONTROL_ == ATOMIK_MAP_CONTROL_OFFSET(7));
FACT(ATOMIK_DEV_CONTROL_VERSION_ == ATOMIK_CONTROL_VERSION);

SAME_FIELD(atomik_dev_create_, num_contexts, atomik_create_table, num_contexts);
SAME_FIELD(atomik_dev_create_, table_id, atomik_create_table, table_id);
SAME_FIELD(atomik_dev_value_, table_id, atomik_load, table_id);
SAME_FIELD(atomik_dev_value_, addr, atomik_load, addr);
SAME_FIELD(atomik_dev_value_, value, atomik_load, initial_state);
SAME_FIELD(atomik_dev_value_, value, atomik_accum, delta);
SAME_FIELD(atomik_dev_value_, addr, atomik_accum, addr);
SAME_FIELD(atomik_dev_value_, value, atomik_read, state);
SAME_FIELD(atomik_dev_value_, addr, atomik_read, addr);
SAME_FIELD(atomik_dev_swap_, table_id, atomik_swap, table_id);
SAME_FIELD(atomik_dev_swap_, addr, atomik_swap, addr);
SAME_FIELD(atomik_dev_swap_, new_reference, atomik_swap, new_reference);
SAME_FIELD(atomik_dev_swap_, old_state, atomik_swap, old_state);
SAME_FIELD(atomik_dev_batch_, table_id, atomik_batch, table_id);
SAME_FIELD(atomik_dev_batch_, num_ops, atomik_batch, num_ops);
SAME_FIELD(atomik_dev_batch_, ops_ptr, atomik_batch, ops_ptr);
SAME_FIELD(atomik_dev_image_, table_id, atomik_image, table_id);
SAME_FIELD(atomik_dev_image_, addr, atomik_image, addr);
SAME_FIELD(atomik_dev_image_, count, atomik_image, count);
SAME_FIELD(atomik_dev_image_, reserved, atomik_image, reserved);
SAME_FIELD(atomik_dev_image_, contexts_ptr, atomik_image, contexts_ptr);
SAME_FIELD(atomik_dev_watch_, table_id, atomik_watch, table_id);
SAME_FIELD(atomik_dev_watch_, addr, atomik_watch, addr);
SAME_FIELD(atomik_dev_watch_, count, atomik_watch, count);
SAME_FIELD(atomik_dev_watch_, flags, atomik_watch, flags);
SAME_FIELD(atomik_dev_watch_, fd, atomik_watch, fd);
SAME_FIELD(atomik_dev_watch_, reserved, atomik_watch, reserved);
SAME_FIELD(atomik_dev_touch_, table_id, atomik_touch, table_id);
SAME_FIELD(atomik_dev_touch_, addr, atomik_touch, addr);
SAME_FIELD(atomik_dev_touch_, count, atomik_touch, count);
SAME_FIELD(atomik_dev_touch_, reserved, atomik_touch, reserved);
SAME_FIELD(atomik_dev_export_, table_id, atomik_export, table_id);
SAME_FIELD(atomik_dev_export_, flags, atomik_export, flags);
SAME_FIELD(atomik_dev_export_, fd, atomik_export, fd);
SAME_FIELD(atomik_dev_export_, reserved, atomik_export, reserved);
SAME_FIELD(atomik_op_t, opcode, atomik_batch_op, opcode);
SAME_FIELD(atomik_op_t, reserved, atomik_batch_op, reserved);
SAME_FIELD(atomik_op_t, addr, atomik_batch_op, addr);
SAME_FIELD(atomik_op_t, value, atomik_batch_op, value);
SAME_FIELD(atomik_change_t, addr, atomik_change, addr);
SAME_FIELD(atomik_change_t, reserved, atomik_change, reserved);
SAME_FIELD(atomik_change_t, state, atomik_change, state);
SAME_FIELD(atomik_dev_control_, version, atomik_control, version);
SAME_FIELD(atomik_dev_control_, num_contexts, atomik_control, num_contexts);
SAME_FIELD(atomik_dev_control_, sequence, atomik_control, sequence);
FACT(sizeof(struct atomik_dev_control_) == sizeof(struct atomik_control));
FACT(sizeof(atomik_change_t) == sizeof(struct atomik_change));
FACT(sizeof(atomik_op_t) == sizeof(struct atomik_batch_op));

/* One more fact, by which the test sees this fail. */
#ifdef ONE_MORE
FACT(ONE_MORE);
#endif
