// SPDX-License-Identifier: MIT OR Apache-2.0
//! A QEMU plugin that counts the instructions which the guest executes between marks (see
//! `atomik-bench-marks`).
//!
//! It writes a file with a line for each mark, in the order of the guest: `begin USER KERNEL LOCKED`
//! or `end USER KERNEL LOCKED`, the instructions that the mark's processor has executed so far, and
//! how many of them are locked. More lines come before each `end`:
//!
//! - With `profile=on`, `at COUNT ADDRESS`, the executions of each instruction since the `begin`.
//!   Lines `code ADDRESS TEXT` at the end give its assembler.
//! - With `stores=on`, `line stack ADDRESS` or `line other ADDRESS`, each 64 bytes of the kernel's
//!   memory that the mark's processor has stored to since the `begin`. A stack is what a CALL or a
//!   PUSH stored to, or their like on arm64, and what lies in the same 16 KiB, the size of a task's
//!   stack.
//!
//! Arguments: `out=PATH`; `profile=on`; `stores=on`; for tests `miss=N`, which overlooks the mark
//! with this number, from 0.
//!
//! Of several processors only one at a time may be between marks, and a block has to end on the
//! processor where it began. The profile needs a guest of one.

mod architecture;
mod qemu;

use architecture::Architecture;
use qemu::{Block, Counter, Instruction};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::fmt::Write;
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, OnceLock};

/// The version of the interface, which QEMU looks up.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
pub static qemu_plugin_version: c_int = qemu::VERSION;

/// First address of the kernel.
const KERNEL: u64 = 1 << 63;
/// Bytes of a cache line and of a task's stack, as binary logarithms.
const LINE: u32 = 6;
const STACK: u32 = 14;
/// No processor's number.
const NONE: c_uint = c_uint::MAX;

struct Plugin {
    architecture: Architecture,
    file: String,
    profile: bool,
    stores: bool,
    miss: Option<usize>,
    user: Counter,
    kernel: Counter,
    locked: Counter,
    /// True between marks. Only the profile needs it.
    between: AtomicBool,
    /// The processor whose stores are collected: the one that is between marks.
    collected: AtomicU32,
    seen: Mutex<Seen>,
}

// SAFETY: its pointers are QEMU's scoreboards. QEMU never frees them, and its function may read
// them from any thread.
unsafe impl Send for Plugin {}
// SAFETY: likewise.
unsafe impl Sync for Plugin {}

#[derive(Default)]
struct Seen {
    marks: usize,
    log: String,
    /// Instructions and their executions, by address. Never freed, as translated code refers to
    /// them.
    executed: HashMap<u64, &'static Executed>,
    /// Instructions executed since the last `begin`.
    since_begin: Vec<&'static Executed>,
    /// Lines of the kernel stored to since then, and those of them that are stacks, by their size.
    lines: BTreeSet<u64>,
    stacks: HashSet<u64>,
}

/// An instruction of the guest, for the profile.
struct Executed {
    address: u64,
    text: String,
    count: AtomicU64,
}

static PLUGIN: OnceLock<Plugin> = OnceLock::new();

#[derive(Clone, Copy, PartialEq)]
enum Mark {
    Begin,
    End,
}

/// Starts the plugin; QEMU calls it after loading. Any result but 0 ends QEMU.
///
/// # Safety
///
/// `argv` has `argc` strings, and `info` points to a `qemu_info_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qemu_plugin_install(
    id: qemu::Id,
    info: *const c_void,
    argc: c_int,
    argv: *const *const c_char,
) -> c_int {
    let arguments = (0..argc as usize).map(|i| {
        // SAFETY: the caller promises it.
        unsafe { CStr::from_ptr(*argv.add(i)) }.to_string_lossy()
    });
    let (mut file, mut profile, mut stores, mut miss) = (None, false, false, None);
    for argument in arguments {
        match argument.split_once('=') {
            Some(("out", path)) => file = Some(path.to_owned()),
            Some(("profile", "on")) => profile = true,
            Some(("stores", "on")) => stores = true,
            Some(("miss", number)) => miss = number.parse().ok(),
            _ => {
                eprintln!("bench plugin: what is {argument}?");
                return 1;
            }
        }
    }
    // SAFETY: QEMU's description of itself, which begins with its name of the guest's architecture.
    let name = unsafe { CStr::from_ptr(*info.cast::<*const c_char>()) }.to_string_lossy();
    let Some(architecture) = Architecture::named(&name) else {
        eprintln!("bench plugin: it knows no marks for {name}");
        return 1;
    };
    let Some(file) = file else {
        eprintln!("bench plugin: out=PATH is missing");
        return 1;
    };
    let counter = || Counter {
        // SAFETY: may be called while the plugin is installed.
        scoreboard: unsafe { qemu::qemu_plugin_scoreboard_new(size_of::<u64>()) },
        offset: 0,
    };
    let plugin = Plugin {
        architecture,
        file,
        profile,
        stores,
        miss,
        user: counter(),
        kernel: counter(),
        locked: counter(),
        between: AtomicBool::new(false),
        collected: AtomicU32::new(NONE),
        seen: Mutex::default(),
    };
    if PLUGIN.set(plugin).is_err() {
        eprintln!("bench plugin: it can be loaded only once");
        return 1;
    }
    // SAFETY: the functions have the signatures that QEMU expects, and live as long as it does.
    unsafe {
        qemu::qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
        qemu::qemu_plugin_register_atexit_cb(id, write, std::ptr::null_mut());
    }
    0
}

/// Returns the plugin. QEMU calls back only after [`qemu_plugin_install`].
fn plugin() -> &'static Plugin {
    PLUGIN.get().expect("the plugin is installed")
}

/// Has the instructions of a block of code counted, and each mark seen.
///
/// A block counts as a whole when it is entered, which is much faster than one instruction after
/// the other. Only a block with a mark is counted one by one, as the mark divides it. A block that
/// a fault leaves early counts as if executed to its end.
extern "C" fn translate(_id: qemu::Id, block: *mut Block) {
    let plugin = plugin();
    // SAFETY: QEMU lends the block for this call.
    let count = unsafe { qemu::qemu_plugin_tb_n_insns(block) };
    let instructions: Vec<*mut Instruction> = (0..count)
        // SAFETY: the index is within the block.
        .map(|index| unsafe { qemu::qemu_plugin_tb_get_insn(block, index) })
        .collect();
    let Some(&first) = instructions.first() else {
        return;
    };
    // A block belongs to one side: an instruction that changes the side ends it.
    let counter = if address(first) >= KERNEL {
        plugin.kernel
    } else {
        plugin.user
    };
    for &instruction in &instructions {
        plugin.watch(instruction);
    }
    if instructions
        .iter()
        .any(|&instruction| mark(instruction).is_some())
    {
        for instruction in instructions {
            count_alone(instruction, counter);
        }
        return;
    }
    // SAFETY: QEMU's block and counter.
    unsafe {
        qemu::qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(
            block,
            qemu::ADD,
            counter,
            count as u64,
        );
    }
    if plugin.profile {
        let executed: Vec<_> = instructions.iter().map(|&i| plugin.executed(i)).collect();
        // Never freed, like what it refers to.
        let executed: *mut Vec<&'static Executed> = Box::into_raw(Box::new(executed));
        // SAFETY: QEMU's block; the callback gets what it expects.
        unsafe {
            qemu::qemu_plugin_register_vcpu_tb_exec_cb(
                block,
                execute,
                qemu::NO_REGISTERS,
                executed.cast(),
            );
        }
    }
}

/// Counts an instruction of a block that has marks. The profile leaves these blocks out.
fn count_alone(instruction: *mut Instruction, counter: Counter) {
    // SAFETY: an instruction of the block that is being translated, and QEMU's counter.
    unsafe {
        qemu::qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(
            instruction,
            qemu::ADD,
            counter,
            1,
        );
    }
    let callback = match mark(instruction) {
        Some(Mark::Begin) => begin as extern "C" fn(c_uint, *mut c_void),
        Some(Mark::End) => end,
        None => return,
    };
    // SAFETY: likewise; the callbacks look at no data.
    unsafe {
        qemu::qemu_plugin_register_vcpu_insn_exec_cb(
            instruction,
            callback,
            qemu::NO_REGISTERS,
            std::ptr::null_mut(),
        );
    }
}

fn address(instruction: *const Instruction) -> u64 {
    // SAFETY: an instruction of the block that is being translated.
    unsafe { qemu::qemu_plugin_insn_vaddr(instruction) }
}

/// The instruction's bytes, and zeros.
fn code(instruction: *const Instruction) -> [u8; architecture::LONGEST] {
    let mut bytes = [0; architecture::LONGEST];
    // SAFETY: an instruction of the block that is being translated; the buffer has the length that
    // is given.
    unsafe {
        qemu::qemu_plugin_insn_data(instruction, bytes.as_mut_ptr().cast(), bytes.len());
    }
    bytes
}

fn mark(instruction: *const Instruction) -> Option<Mark> {
    let bytes = code(instruction);
    let marks = plugin().architecture.marks();
    if bytes.starts_with(marks.begin) {
        Some(Mark::Begin)
    } else if bytes.starts_with(marks.end) {
        Some(Mark::End)
    } else {
        None
    }
}

extern "C" fn store(cpu: c_uint, info: qemu::MemoryInfo, address: u64, _data: *mut c_void) {
    plugin().collect(cpu, info, address, false);
}

extern "C" fn store_to_stack(
    cpu: c_uint,
    info: qemu::MemoryInfo,
    address: u64,
    _data: *mut c_void,
) {
    plugin().collect(cpu, info, address, true);
}

extern "C" fn begin(cpu: c_uint, _data: *mut c_void) {
    plugin().pass(Mark::Begin, cpu);
}

extern "C" fn end(cpu: c_uint, _data: *mut c_void) {
    plugin().pass(Mark::End, cpu);
}

/// Counts the instructions of a block for the profile; `data` is a list of [`Executed`].
extern "C" fn execute(_cpu: c_uint, data: *mut c_void) {
    let plugin = plugin();
    if !plugin.between.load(Relaxed) {
        return;
    }
    // SAFETY: `translate` gave this, and it lives for ever.
    let block = unsafe { &*data.cast::<Vec<&'static Executed>>() };
    let mut seen = plugin.seen();
    for &executed in block {
        if executed.count.fetch_add(1, Relaxed) == 0 {
            seen.since_begin.push(executed);
        }
    }
}

/// Writes the file. QEMU calls it when the guest has turned itself off.
extern "C" fn write(_id: qemu::Id, _data: *mut c_void) {
    let plugin = plugin();
    let mut seen = plugin.seen();
    let mut code: Vec<_> = seen
        .executed
        .values()
        .filter(|e| !e.text.is_empty())
        .copied()
        .collect();
    code.sort_by_key(|executed| executed.address);
    for executed in code {
        seen.note(format_args!(
            "code {:x} {}",
            executed.address, executed.text
        ));
    }
    if let Err(error) = fs::write(&plugin.file, &seen.log) {
        eprintln!("bench plugin: {}: {error}", plugin.file);
    }
}

impl Plugin {
    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().expect("nothing panics with it")
    }

    fn pass(&self, mark: Mark, cpu: c_uint) {
        let count = |counter| {
            // SAFETY: QEMU's counter, which has an element for each CPU.
            unsafe { qemu::qemu_plugin_u64_get(counter, cpu) }
        };
        let (user, kernel, locked) = (count(self.user), count(self.kernel), count(self.locked));
        let mut seen = self.seen();
        let number = seen.marks;
        seen.marks += 1;
        if self.miss == Some(number) {
            return;
        }
        for executed in std::mem::take(&mut seen.since_begin) {
            let count = executed.count.swap(0, Relaxed);
            seen.note(format_args!("at {count} {:x}", executed.address));
        }
        let (lines, stacks) = (
            std::mem::take(&mut seen.lines),
            std::mem::take(&mut seen.stacks),
        );
        for line in lines {
            let kind = if stacks.contains(&(line >> (STACK - LINE))) {
                "stack"
            } else {
                "other"
            };
            seen.note(format_args!("line {kind} {:x}", line << LINE));
        }
        let name = if mark == Mark::Begin { "begin" } else { "end" };
        seen.note(format_args!("{name} {user} {kernel} {locked}"));
        let begins = mark == Mark::Begin;
        self.between.store(begins, Relaxed);
        let collected = if begins && self.stores { cpu } else { NONE };
        self.collected.store(collected, Relaxed);
    }

    /// Has an instruction counted where it is locked, and what it stores collected where asked for.
    fn watch(&self, instruction: *mut Instruction) {
        let code = code(instruction);
        if self.architecture.is_locked(&code) {
            // SAFETY: an instruction of the block that is being translated, and QEMU's counter.
            unsafe {
                qemu::qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(
                    instruction,
                    qemu::ADD,
                    self.locked,
                    1,
                );
            }
        }
        if self.stores {
            let callback: extern "C" fn(c_uint, qemu::MemoryInfo, u64, *mut c_void) =
                if self.architecture.writes_stack(&code) {
                    store_to_stack
                } else {
                    store
                };
            // SAFETY: likewise; the callbacks look at no data.
            unsafe {
                qemu::qemu_plugin_register_vcpu_mem_cb(
                    instruction,
                    callback,
                    qemu::NO_REGISTERS,
                    qemu::STORES,
                    std::ptr::null_mut(),
                );
            }
        }
    }

    /// Collects the lines of a store to the kernel's memory.
    fn collect(&self, cpu: c_uint, info: qemu::MemoryInfo, address: u64, is_stack: bool) {
        if self.collected.load(Relaxed) != cpu || address < KERNEL {
            return;
        }
        // SAFETY: QEMU gave this for the access.
        let last = address + (1 << unsafe { qemu::qemu_plugin_mem_size_shift(info) }) - 1;
        let mut seen = self.seen();
        seen.lines.extend(address >> LINE..=last >> LINE);
        if is_stack {
            seen.stacks.insert(last >> STACK);
        }
    }

    /// Returns the count of an instruction. Takes any at the same address for the same.
    fn executed(&self, instruction: *const Instruction) -> &'static Executed {
        let address = address(instruction);
        self.seen().executed.entry(address).or_insert_with(|| {
            Box::leak(Box::new(Executed {
                address,
                text: text(instruction),
                count: AtomicU64::new(0),
            }))
        })
    }
}

impl Seen {
    fn note(&mut self, line: std::fmt::Arguments) {
        writeln!(self.log, "{line}").expect("a string takes it");
    }
}

/// The instruction in assembler.
fn text(instruction: *const Instruction) -> String {
    // SAFETY: an instruction of the block that is being translated.
    let text = unsafe { qemu::qemu_plugin_insn_disas(instruction) };
    if text.is_null() {
        return String::new();
    }
    // SAFETY: QEMU returned a string, which nobody else has.
    let copy = unsafe { CStr::from_ptr(text) }
        .to_string_lossy()
        .into_owned();
    // SAFETY: likewise; it was allocated by GLib, whose allocator is `malloc`.
    unsafe { libc::free(text.cast()) };
    copy
}
