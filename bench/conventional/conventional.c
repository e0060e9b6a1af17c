// SPDX-License-Identifier: GPL-2.0
/*
 * conventional: the operations of atomik as an ordinary driver in C has them, to
 * count both in the same run of `make bench`. It serves CREATE_TABLE, LOAD, ACCUM,
 * READ, SWAP and BATCH of LOAD, ACCUM, READ and SWAP on /dev/conventional, with the
 * numbers and structs of uapi/atomik.h.
 *
 * How it is made:
 *
 *  - Each open file has one mutex and one IDR of its tables. Every operation holds
 *    the mutex while it finds the table and changes it.
 *  - A table is one kvzalloc() of its contexts, two words each.
 *  - Arguments come by copy_from_user(), results go by copy_to_user(), both
 *    outside of the mutex.
 *  - A batch is copied to memory of its own (vmemdup_array_user()), checked,
 *    applied under the mutex and, where it has results, copied back whole.
 *
 * What it lacks beside atomik: mappings, images, watches, exports and conditions;
 * limits of memory; 32-bit callers; and the promise that nothing has changed where
 * a result can't be written.
 *
 * To build it against a kernel's headers:
 *
 *     make -C /lib/modules/$(uname -r)/build M=$PWD/bench/conventional modules
 */
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "../../uapi/atomik.h"

struct context {
	u64 reference;
	u64 accumulator;
};

struct table {
	u32 num_contexts;
	struct context contexts[] __counted_by(num_contexts);
};

struct conventional {
	struct mutex lock;
	struct idr tables;
};

/* Needs the mutex. */
static struct context *find(struct conventional *file, u32 table_id, u32 addr)
{
	struct table *table = idr_find(&file->tables, table_id);

	if (!table)
		return ERR_PTR(-ENOENT);
	if (addr >= table->num_contexts)
		return ERR_PTR(-EINVAL);
	return &table->contexts[array_index_nospec(addr, table->num_contexts)];
}

static u64 state_of(const struct context *context)
{
	return context->reference ^ context->accumulator;
}

static void load_context(struct context *context, u64 reference)
{
	context->reference = reference;
	context->accumulator = 0;
}

static u64 swap_context(struct context *context, u64 new_reference)
{
	u64 state = state_of(context);

	load_context(context, new_reference ?: state);
	return state;
}

static long do_create(struct conventional *file, void __user *argument)
{
	struct atomik_create_table args;
	struct table *table;
	int id;

	if (copy_from_user(&args, argument, sizeof(args)))
		return -EFAULT;
	if (!args.num_contexts || args.num_contexts > ATOMIK_MAX_CONTEXTS)
		return -EINVAL;
	table = kvzalloc(struct_size(table, contexts, args.num_contexts),
			 GFP_KERNEL_ACCOUNT);
	if (!table)
		return -ENOMEM;
	table->num_contexts = args.num_contexts;

	mutex_lock(&file->lock);
	id = idr_alloc(&file->tables, table, 1, ATOMIK_MAX_TABLES + 1,
		       GFP_KERNEL_ACCOUNT);
	mutex_unlock(&file->lock);
	if (id < 0) {
		kvfree(table);
		return id;
	}
	args.table_id = id;
	/* Where this fails, the table stays until the file is closed. */
	return copy_to_user(argument, &args, sizeof(args)) ? -EFAULT : 0;
}

static long do_load(struct conventional *file, void __user *argument)
{
	struct atomik_load args;
	struct context *context;
	long ret = 0;

	if (copy_from_user(&args, argument, sizeof(args)))
		return -EFAULT;
	mutex_lock(&file->lock);
	context = find(file, args.table_id, args.addr);
	if (IS_ERR(context))
		ret = PTR_ERR(context);
	else
		load_context(context, args.initial_state);
	mutex_unlock(&file->lock);
	return ret;
}

static long do_accum(struct conventional *file, void __user *argument)
{
	struct atomik_accum args;
	struct context *context;
	long ret = 0;

	if (copy_from_user(&args, argument, sizeof(args)))
		return -EFAULT;
	mutex_lock(&file->lock);
	context = find(file, args.table_id, args.addr);
	if (IS_ERR(context))
		ret = PTR_ERR(context);
	else
		context->accumulator ^= args.delta;
	mutex_unlock(&file->lock);
	return ret;
}

static long do_read(struct conventional *file, void __user *argument)
{
	struct atomik_read args;
	struct context *context;
	long ret = 0;

	if (copy_from_user(&args, argument, sizeof(args)))
		return -EFAULT;
	mutex_lock(&file->lock);
	context = find(file, args.table_id, args.addr);
	if (IS_ERR(context))
		ret = PTR_ERR(context);
	else
		args.state = state_of(context);
	mutex_unlock(&file->lock);
	if (!ret && copy_to_user(argument, &args, sizeof(args)))
		ret = -EFAULT;
	return ret;
}

static long do_swap(struct conventional *file, void __user *argument)
{
	struct atomik_swap args;
	struct context *context;
	long ret = 0;

	if (copy_from_user(&args, argument, sizeof(args)))
		return -EFAULT;
	mutex_lock(&file->lock);
	context = find(file, args.table_id, args.addr);
	if (IS_ERR(context))
		ret = PTR_ERR(context);
	else
		args.old_state = swap_context(context, args.new_reference);
	mutex_unlock(&file->lock);
	if (!ret && copy_to_user(argument, &args, sizeof(args)))
		ret = -EFAULT;
	return ret;
}

static bool valid(const struct atomik_batch_op *op)
{
	return op->opcode <= ATOMIK_OP_SWAP && !op->reserved[0] &&
	       !op->reserved[1] && !op->reserved[2];
}

static bool has_result(const struct atomik_batch_op *op)
{
	return op->opcode == ATOMIK_OP_READ || op->opcode == ATOMIK_OP_SWAP;
}

static void apply(struct table *table, struct atomik_batch_op *op)
{
	struct context *context = &table->contexts[op->addr];

	switch (op->opcode) {
	case ATOMIK_OP_LOAD:
		load_context(context, op->value);
		break;
	case ATOMIK_OP_ACCUM:
		context->accumulator ^= op->value;
		break;
	case ATOMIK_OP_READ:
		op->value = state_of(context);
		break;
	case ATOMIK_OP_SWAP:
		op->value = swap_context(context, op->value);
		break;
	}
}

/* Needs the mutex. Applies all entries or, where one is wrong, none. */
static long apply_all(struct conventional *file, u32 table_id,
		      struct atomik_batch_op *ops, u32 num_ops)
{
	struct table *table = idr_find(&file->tables, table_id);
	u32 i;

	if (!table)
		return -ENOENT;
	for (i = 0; i < num_ops; i++) {
		if (ops[i].addr >= table->num_contexts)
			return -EINVAL;
		ops[i].addr = array_index_nospec(ops[i].addr,
						 table->num_contexts);
	}
	for (i = 0; i < num_ops; i++)
		apply(table, &ops[i]);
	return 0;
}

static long do_batch(struct conventional *file, void __user *argument)
{
	struct atomik_batch args;
	struct atomik_batch_op *ops;
	void __user *to;
	bool results = false;
	long ret = 0;
	u32 i;

	if (copy_from_user(&args, argument, sizeof(args)))
		return -EFAULT;
	if (!args.num_ops || args.num_ops > ATOMIK_MAX_BATCH)
		return -EINVAL;
	to = u64_to_user_ptr(args.ops_ptr);
	ops = vmemdup_array_user(to, args.num_ops, sizeof(*ops));
	if (IS_ERR(ops))
		return PTR_ERR(ops);

	for (i = 0; i < args.num_ops; i++) {
		if (!valid(&ops[i])) {
			ret = -EINVAL;
			goto out;
		}
		results |= has_result(&ops[i]);
	}
	mutex_lock(&file->lock);
	ret = apply_all(file, args.table_id, ops, args.num_ops);
	mutex_unlock(&file->lock);
	if (!ret && results &&
	    copy_to_user(to, ops, array_size(args.num_ops, sizeof(*ops))))
		ret = -EFAULT;
out:
	kvfree(ops);
	return ret;
}

static long conventional_ioctl(struct file *filp, unsigned int cmd,
			       unsigned long arg)
{
	struct conventional *file = filp->private_data;
	void __user *argument = (void __user *)arg;

	switch (cmd) {
	case ATOMIK_IOC_LOAD:
		return do_load(file, argument);
	case ATOMIK_IOC_ACCUM:
		return do_accum(file, argument);
	case ATOMIK_IOC_READ:
		return do_read(file, argument);
	case ATOMIK_IOC_SWAP:
		return do_swap(file, argument);
	case ATOMIK_IOC_BATCH:
		return do_batch(file, argument);
	case ATOMIK_IOC_CREATE_TABLE:
		return do_create(file, argument);
	default:
		return -ENOTTY;
	}
}

static int conventional_open(struct inode *inode, struct file *filp)
{
	struct conventional *file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);

	if (!file)
		return -ENOMEM;
	mutex_init(&file->lock);
	idr_init(&file->tables);
	/* misc_open() has put the device there, which isn't needed. */
	filp->private_data = file;
	return 0;
}

static int conventional_release(struct inode *inode, struct file *filp)
{
	struct conventional *file = filp->private_data;
	struct table *table;
	int id;

	idr_for_each_entry(&file->tables, table, id)
		kvfree(table);
	idr_destroy(&file->tables);
	kfree(file);
	return 0;
}

static const struct file_operations conventional_fops = {
	.owner = THIS_MODULE,
	.open = conventional_open,
	.release = conventional_release,
	.unlocked_ioctl = conventional_ioctl,
};

static struct miscdevice conventional_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "conventional",
	.fops = &conventional_fops,
};
module_misc_device(conventional_device);

MODULE_DESCRIPTION("What atomik does, as a conventional driver");
MODULE_AUTHOR("The atomik developers");
MODULE_LICENSE("GPL");
