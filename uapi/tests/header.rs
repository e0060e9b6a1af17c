// SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note

//! Proves `atomik.h` and its Rust mirror equal, as a C compiler sees them for 64-bit and for 32-bit
//! callers: sizes, alignments, offsets, command numbers, constants.
//!
//! Each fact becomes a `_Static_assert` about the header, so that compiling is the test. To show
//! that a difference is noticed, one wrong fact must fail to compile.

use atomik_uapi as uapi;
use std::{
    fmt::Write,
    io::Write as _,
    mem::{align_of, offset_of, size_of},
    path::Path,
    process::{Command, Output, Stdio},
};

/// The kernel's own `u64` of a 32-bit x86 caller is aligned to 4 bytes, so alignments are compared
/// for 64-bit only. Offsets and sizes must agree for both.
struct Facts {
    common: String,
    only_64: String,
}

macro_rules! structs {
    ($facts:ident: $($rust:ident = $c:literal { $($field:ident),+ })+) => {$(
        let rust = size_of::<uapi::$rust>();
        writeln!($facts.common, "FACT(sizeof(struct {}) == {rust});", $c).unwrap();
        writeln!(
            $facts.only_64, "FACT(_Alignof(struct {}) == {});", $c, align_of::<uapi::$rust>(),
        ).unwrap();
        // Destructuring fails to compile where a field is missing from the list.
        let uapi::$rust { $($field),+ } = uapi::$rust::default();
        let mut sum = 0;
        $(
            writeln!(
                $facts.common, "FACT(offsetof(struct {}, {}) == {});",
                $c, stringify!($field), offset_of!(uapi::$rust, $field),
            ).unwrap();
            writeln!(
                $facts.common, "FACT(sizeof(((struct {} *)0)->{}) == {});",
                $c, stringify!($field), size_of_val(&$field),
            ).unwrap();
            sum += size_of_val(&$field);
        )+
        assert_eq!(sum, rust, "{} has padding", $c);
    )+};
}

macro_rules! constants {
    ($facts:ident: $($rust:ident = $c:literal),+ $(,)?) => {$(
        writeln!($facts.common, "FACT({} == {:#x});", $c, uapi::$rust).unwrap();
    )+};
}

fn facts() -> Facts {
    let mut facts = Facts {
        common: String::new(),
        only_64: String::new(),
    };
    structs! { facts:
        CreateTable = "atomik_create_table" { num_contexts, table_id }
        Load = "atomik_load" { table_id, addr, initial_state }
        Accum = "atomik_accum" { table_id, addr, delta }
        Read = "atomik_read" { table_id, addr, state }
        Swap = "atomik_swap" { table_id, addr, new_reference, old_state }
        BatchOp = "atomik_batch_op" { opcode, reserved, addr, value }
        Batch = "atomik_batch" { table_id, num_ops, ops_ptr }
        Info = "atomik_info" {
            version, backend, hw_banks, fp_enabled, ops_total, fp_checks, fp_bytes_saved
        }
        Context = "atomik_context" { reference, accumulator }
        Image = "atomik_image" { table_id, addr, count, reserved, contexts_ptr }
        Watch = "atomik_watch" { table_id, addr, count, flags, fd, reserved }
        Change = "atomik_change" { addr, reserved, state }
        Touch = "atomik_touch" { table_id, addr, count, reserved }
        Export = "atomik_export" { table_id, flags, fd, reserved }
        Control = "atomik_control" { version, num_contexts, sequence }
        FpRegister = "atomik_fp_register" { user_addr, length, fp_id, pad }
        FpCheck = "atomik_fp_check" { fp_id, changed, delta, pages_checked, pages_changed }
    }
    constants! { facts:
        VERSION = "ATOMIK_VERSION",
        BACKEND_SOFTWARE = "ATOMIK_BACKEND_SOFTWARE",
        MAX_CONTEXTS = "ATOMIK_MAX_CONTEXTS",
        MAX_TABLES = "ATOMIK_MAX_TABLES",
        MAX_BATCH = "ATOMIK_MAX_BATCH",
        WATCH_NONBLOCK = "ATOMIK_WATCH_NONBLOCK",
        EXPORT_READ_ONLY = "ATOMIK_EXPORT_READ_ONLY",
        OP_LOAD = "ATOMIK_OP_LOAD",
        OP_ACCUM = "ATOMIK_OP_ACCUM",
        OP_READ = "ATOMIK_OP_READ",
        OP_SWAP = "ATOMIK_OP_SWAP",
        OP_EXPECT = "ATOMIK_OP_EXPECT",
        OP_SET = "ATOMIK_OP_SET",
        MAP_SPAN = "ATOMIK_MAP_SPAN",
        MAP_CONTROL = "ATOMIK_MAP_CONTROL",
        CONTROL_VERSION = "ATOMIK_CONTROL_VERSION",
        IOC_MAGIC = "ATOMIK_IOC_MAGIC",
    }
    for command in uapi::COMMANDS {
        let (name, ioc) = (command.name, command.ioc);
        writeln!(facts.common, "FACT(ATOMIK_IOC_{name} == {ioc:#x});").unwrap();
    }
    facts
}

/// Has the C compiler check `facts` about the header, for callers of 32 or 64 bits.
fn compile(bits: u32, facts: &str) -> Output {
    let source = format!(
        "#include <stddef.h>\n#include \"atomik.h\"\n\
         #define FACT(fact) _Static_assert(fact, #fact)\n\
         FACT(sizeof(void *) * 8 == {bits});\n{facts}"
    );
    let mut compiler = Command::new("gcc")
        .args([
            &format!("-m{bits}"),
            "-std=c11",
            "-Wall",
            "-Wextra",
            "-Wpedantic",
            "-Werror",
        ])
        .args(["-fsyntax-only", "-x", "c", "-"])
        .arg("-I")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("gcc");
    compiler
        .stdin
        .take()
        .unwrap()
        .write_all(source.as_bytes())
        .unwrap();
    compiler.wait_with_output().unwrap()
}

fn assert_equal(bits: u32) {
    let facts = facts();
    let mut text = facts.common;
    if bits == 64 {
        text += &facts.only_64;
    }
    let output = compile(bits, &text);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    println!("{} facts hold for {bits}-bit callers", text.lines().count());
}

#[test]
fn equal_for_64_bit_callers() {
    assert_equal(64);
}

#[test]
fn equal_for_32_bit_callers() {
    assert_equal(32);
}

#[test]
fn a_difference_is_noticed() {
    for bits in [32, 64] {
        for fact in [
            "FACT(sizeof(struct atomik_swap) == 32);",
            "FACT(offsetof(struct atomik_batch_op, value) == 4);",
            "FACT(ATOMIK_IOC_READ == 0);",
        ] {
            let output = compile(bits, fact);
            let complaint = String::from_utf8_lossy(&output.stderr);
            assert!(!output.status.success(), "{fact}");
            assert!(complaint.contains("static assertion failed"), "{complaint}");
        }
    }
}

/// The numbers that programs have been compiled with, written out.
#[test]
fn the_frozen_numbers() {
    let numbers: Vec<_> = uapi::COMMANDS.iter().map(|c| (c.name, c.ioc)).collect();
    assert_eq!(
        numbers,
        [
            ("CREATE_TABLE", 0xC008_4101),
            ("DESTROY_TABLE", 0x4004_4102),
            ("LOAD", 0x4010_4110),
            ("ACCUM", 0x4010_4111),
            ("READ", 0xC010_4112),
            ("SWAP", 0xC018_4113),
            ("FP_REGISTER", 0xC018_4120),
            ("FP_CHECK", 0xC020_4121),
            ("FP_UNREGISTER", 0x4004_4122),
            ("BATCH", 0x4010_4130),
            ("GET_INFO", 0x8028_4140),
            ("SNAPSHOT", 0x4018_4150),
            ("RESTORE", 0x4018_4151),
            ("WATCH", 0xC018_4152),
            ("TOUCH", 0x4010_4153),
            ("EXPORT", 0xC010_4154),
        ]
    );
}

/// A command that only one of the two has would escape the other tests.
#[test]
fn the_header_has_no_other_commands() {
    let header = include_str!("../atomik.h");
    let defined = header
        .lines()
        .filter_map(|line| line.strip_prefix("#define ATOMIK_IOC_"))
        .filter_map(|rest| rest.split_whitespace().next())
        .filter(|name| *name != "MAGIC");
    let listed = uapi::COMMANDS.iter().map(|command| command.name);
    assert!(defined.eq(listed));
}
