// SPDX-License-Identifier: MIT OR Apache-2.0
//! The part of QEMU's plugin interface that is used here, as QEMU 10.0's `qemu-plugin.h` declares
//! it. Debian does not package the header.
//!
//! The crate `qemu-plugin` is no choice: its releases for QEMU 10 need rustc 1.88, and the one for
//! QEMU 9.0 declares `qemu_plugin_insn_data` as it was before it took a buffer.

use std::ffi::{c_char, c_int, c_uint, c_void};

/// The version of the interface used here. QEMU refuses a plugin that wants a newer one.
pub const VERSION: c_int = 4;

/// QEMU's number of the plugin.
pub type Id = u64;

/// Translated code.
#[repr(C)]
pub struct Block {
    opaque: [u8; 0],
}

/// An instruction in a [`Block`].
#[repr(C)]
pub struct Instruction {
    opaque: [u8; 0],
}

/// Memory with an element for each virtual CPU.
#[repr(C)]
pub struct Scoreboard {
    opaque: [u8; 0],
}

/// A 64-bit counter in each element of a scoreboard.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Counter {
    pub scoreboard: *mut Scoreboard,
    pub offset: usize,
}

/// `enum qemu_plugin_op`: adds to a counter.
pub const ADD: c_int = 0;
/// `enum qemu_plugin_cb_flags`: the callback looks at no registers.
pub const NO_REGISTERS: c_int = 0;
/// `enum qemu_plugin_mem_rw`: calls for stores only.
pub const STORES: c_int = 2;

/// `qemu_plugin_meminfo_t`.
pub type MemoryInfo = u32;

unsafe extern "C" {
    pub fn qemu_plugin_register_vcpu_tb_trans_cb(id: Id, callback: extern "C" fn(Id, *mut Block));
    pub fn qemu_plugin_register_atexit_cb(
        id: Id,
        callback: extern "C" fn(Id, *mut c_void),
        data: *mut c_void,
    );
    pub fn qemu_plugin_register_vcpu_insn_exec_cb(
        instruction: *mut Instruction,
        callback: extern "C" fn(c_uint, *mut c_void),
        flags: c_int,
        data: *mut c_void,
    );
    pub fn qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(
        instruction: *mut Instruction,
        operation: c_int,
        counter: Counter,
        operand: u64,
    );
    pub fn qemu_plugin_register_vcpu_tb_exec_cb(
        block: *mut Block,
        callback: extern "C" fn(c_uint, *mut c_void),
        flags: c_int,
        data: *mut c_void,
    );
    pub fn qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(
        block: *mut Block,
        operation: c_int,
        counter: Counter,
        operand: u64,
    );
    pub fn qemu_plugin_register_vcpu_mem_cb(
        instruction: *mut Instruction,
        callback: extern "C" fn(c_uint, MemoryInfo, u64, *mut c_void),
        flags: c_int,
        accesses: c_int,
        data: *mut c_void,
    );
    /// Returns the binary logarithm of the access's bytes.
    pub fn qemu_plugin_mem_size_shift(info: MemoryInfo) -> c_uint;
    pub fn qemu_plugin_scoreboard_new(element_size: usize) -> *mut Scoreboard;
    pub fn qemu_plugin_u64_get(counter: Counter, cpu: c_uint) -> u64;
    pub fn qemu_plugin_tb_n_insns(block: *const Block) -> usize;
    pub fn qemu_plugin_tb_get_insn(block: *const Block, index: usize) -> *mut Instruction;
    pub fn qemu_plugin_insn_data(
        instruction: *const Instruction,
        to: *mut c_void,
        length: usize,
    ) -> usize;
    pub fn qemu_plugin_insn_vaddr(instruction: *const Instruction) -> u64;
    /// Returns a string to be freed with `free`.
    pub fn qemu_plugin_insn_disas(instruction: *const Instruction) -> *mut c_char;
}
