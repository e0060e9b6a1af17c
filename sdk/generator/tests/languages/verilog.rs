// SPDX-License-Identifier: MIT OR Apache-2.0
//! Modules of Verilog: linted, simulated, synthesised, proven; and broken, so that each notices.

use super::{Source, cases, check, directory, run, schemas, succeeds};
use atomik_sdk_generator::output::write;
use atomik_sdk_generator::{Language, Schema, generate};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Small objects of all goals, with one datapath and with several, with names that modules have.
fn variants() -> Vec<Schema> {
    let mut sources = Vec::new();
    for goal in ["area", "speed", "power"] {
        for parallel in [false, true] {
            let number = sources.len();
            let text = format!(
                r#"{{"catalogue": {{"vertical": "Compute", "field": "Variant",
                "object": "Variant{number}", "version": "1.0.0"}},
                "schema": {{"delta_fields": {{
                    "clk": {{"type": "bitmask_delta", "width": 8, "encoding": "rle"}},
                    "op": {{"type": "parameter_delta", "width": 16, "default_value": 7}},
                    "rst": {{"type": "delta_stream", "width": 8}}}},
                "operations": {{"accumulate": {{"enabled": true, "latency_cycles": {}}},
                "reconstruct": {{"enabled": {}, "latency_cycles": 2}},
                "rollback": {{"enabled": true, "history_depth": {}}}}}}},
                "hardware": {{"target_device": "{}", "rtl_params": {{"ENABLE_PARALLEL": {parallel},
                "CLOCK_DOMAIN": "{}"}},
                "synthesis_options": {{"optimization_goal": "{goal}"}}}}}}"#,
                number % 3 + 1,
                number != 3,
                number + 1,
                ["GW1NR-9", "Artix-7", "another"][number % 3],
                ["clk", "value_op", "rst", "phase", "pixel_clk", "_"][number],
            );
            sources.push(Source::new(number.to_string(), text));
        }
    }
    check(&sources).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn name(number: u32) -> String {
    format!("atomik_compute_variant_variant{number}")
}

fn package(name: &str, schemas: &[Schema]) -> PathBuf {
    let directory = directory(name);
    let _ = std::fs::remove_dir_all(&directory);
    write(&directory, &generate(schemas, &[Language::Verilog]), true).unwrap();
    directory.join("verilog")
}

/// Many tools refuse a name that is used before its declaration. Those of these tests don't.
#[test]
fn names_are_declared_first() {
    let schemas = [schemas(), variants()].concat();
    for (path, text) in generate(&schemas, &[Language::Verilog]) {
        if !path.contains("/rtl/") {
            continue;
        }
        let mut used = BTreeSet::new();
        for line in text.lines() {
            let code = line.split("//").next().unwrap_or_default().trim();
            let names = code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            if let Some((kind @ ("wire" | "reg" | "localparam"), rest)) = code.split_once(' ') {
                let name = match rest.strip_prefix('[') {
                    Some(range) => range.split_once("] ").expect("a range ends").1,
                    None => rest,
                };
                let name = name.split([' ', ';']).next().unwrap_or_default();
                assert!(
                    !used.contains(name),
                    "{path}: {kind} {name} was used before"
                );
            }
            used.extend(names);
        }
    }
}

/// `make TARGET` for some objects, or for all.
fn make(directory: &Path, target: &str, objects: &[String]) -> Result<String, String> {
    let mut command = vec!["make", "--silent", "--keep-going", "-j2", target];
    let some = format!("OBJECTS={}", objects.join(" "));
    if !objects.is_empty() {
        command.push(&some);
    }
    run(directory, &command)
}

fn makes(directory: &Path, target: &str, objects: &[String]) -> String {
    make(directory, target, objects).unwrap_or_else(|text| panic!("{target}\n{text}"))
}

/// All modules and testbenches are clean, and agree with the vectors.
#[test]
fn vectors() {
    let schemas = [schemas(), variants()].concat();
    let directory = package("verilog-tests", &schemas);
    let text = makes(&directory, "lint", &[]);
    assert!(!text.contains("%Warning"), "{text}");
    let text = makes(&directory, "test", &[]);
    assert!(!text.contains("warning"), "{text}");
    assert_eq!(text.matches("PASS ").count(), schemas.len());
    // What the README shows is what happens.
    let bench = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/languages/verilog/timing.v");
    let bench = bench.to_str().unwrap();
    let module = "rtl/atomik_edge_imu_imu_fusion.v";
    let command = [
        "iverilog",
        "-g2005",
        "-Wall",
        "-o",
        "build/timing",
        bench,
        module,
    ];
    succeeds(&directory, &command);
    let shown = run(&directory, &["vvp", "build/timing"]).unwrap();
    let readme = std::fs::read_to_string(directory.join("README.md")).unwrap();
    let rows = shown.lines().filter(|line| line.starts_with('|'));
    assert_eq!(rows.clone().count(), 6, "{shown}");
    rows.for_each(|row| assert!(readme.contains(row), "{row}"));
    // The other simulator, with one, as it compiles for long.
    let text = makes(&directory, "test-verilator", &[name(3)]);
    assert!(text.contains(&format!("PASS {}", name(3))), "{text}");
}

/// Without latches, with cells printed, and the history a memory.
#[test]
fn synthesis() {
    let directory = package("verilog-synthesis", &variants());
    let text = makes(&directory, "synth", &[]);
    assert_eq!(text.matches("Number of cells:").count(), 6, "{text}");
    let cells = |number, word| {
        let path = directory.join(format!("build/{}.cells", name(number)));
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.contains(word), "{text}");
    };
    // The devices' own cells.
    cells(0, "LUT4");
    cells(1, "FDRE");
    cells(2, "$mem_v2");
    // A latch is a failure.
    edit(&directory, &name(2), "default: targets = 3'b0;", "");
    let text = make(&directory, "synth", &[name(2)]).unwrap_err();
    assert!(text.contains("Assertion failed"), "{text}");
}

fn edit(directory: &Path, name: &str, from: &str, to: &str) {
    let path = directory.join(format!("rtl/{name}.v"));
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from}\n{text}");
    std::fs::write(path, text.replace(from, to)).unwrap();
}

/// The proofs hold: of each goal, of one datapath and of several, and of wide fields.
#[test]
fn proofs() {
    let all = [schemas(), variants()].concat();
    let directory = package("verilog-proofs", &all);
    // Of a wide one the first and the last slice, as the others are alike.
    let wide = "atomik_video_stream_h264_delta";
    let objects = [name(0), name(1), name(4), wide.to_string()];
    let some = format!("OBJECTS={}", objects.join(" "));
    let slices = format!("{wide}_SLICES=0-31 352-383");
    let command = ["make", "--silent", "-j2", "prove", &some, &slices];
    let text = run(&directory, &command).unwrap_or_else(|text| panic!("{text}"));
    for object in objects {
        let rolls = format!("{object}: ROLLBACK after ACCUM is none.");
        assert!(text.contains(&rolls), "{text}");
    }
}

/// Broken modules are noticed by the testbench and by the proof.
#[test]
fn broken_modules() {
    let directory = package("verilog-broken", &variants());
    let n = name(5);
    let source = std::fs::read_to_string(directory.join(format!("rtl/{n}.v"))).unwrap();
    for (from, to) in [
        // XOR is no OR, a swap loses nothing, rollback takes the newest entry.
        ("accumulator_op ^ delta_op", "accumulator_op | delta_op"),
        (
            "restarts ? 16'h0 : accumulator_op",
            "op == LOAD ? 16'h0 : accumulator_op",
        ),
        ("walk <= newest;", "walk <= tail;"),
    ] {
        std::fs::write(directory.join(format!("rtl/{n}.v")), &source).unwrap();
        edit(&directory, &n, from, to);
        let text = make(&directory, "test", std::slice::from_ref(&n)).unwrap_err();
        assert!(text.contains(&format!("FAIL {n}")), "{from}\n{text}");
        let text = make(&directory, "prove", std::slice::from_ref(&n)).unwrap_err();
        assert!(text.contains("Assert failed"), "{from}\n{text}");
    }
}

/// Descriptions give no orders to tools, and constraints stay comments.
#[test]
fn hostile_texts() {
    let texts = [
        "synopsys translate_off",
        "synthesis translate_off",
        "pragma translate_off",
        "verilator lint_off WIDTH",
        "*/ endmodule /* verilator lint_off WIDTH */",
        "(* keep *) `undef FORMAL `define WORK 5",
        "\\\\",
        &format!("{} \\\\ create_clock {}", "x".repeat(88), "y".repeat(88)),
        "\\n`default_nettype foo\\ncreate_clock -period 1 [get_ports rst]",
    ];
    let sources = texts.iter().enumerate().map(|(number, text)| {
        let schema = cases::MINIMAL
            .replace("IMUFusion", &format!("Hostile{number}"))
            .replace(
                "\"0.1.0\"",
                &format!("\"0.1.0\", \"description\": \"{text}\""),
            );
        let end = schema.rfind('}').unwrap();
        let hardware = format!(
            ", \"hardware\": {{\"target_device\": \"Artix-7 {text}\", \"synthesis_options\": \
             {{\"timing_constraints\": {{\"{text}\": \"{text}\"}}}}}}}}"
        );
        Source::new(number.to_string(), schema[..end].to_string() + &hardware)
    });
    let sources: Vec<_> = sources.collect();
    let schemas = check(&sources).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let files = generate(&schemas, &[Language::Verilog]);
    let directory = package("verilog-hostile", &schemas);
    let code = |path: &str, mark: &str, number: usize| {
        let text = &files[&path.replace('#', &number.to_string())];
        let lines = text.lines().inspect(|line| {
            // A mark of ours is before a text and behind it.
            let comment = line.strip_prefix(mark);
            assert!(!line.ends_with('\\'), "{line}");
            if comment.is_some_and(|rest| rest.contains("translate_off")) {
                assert!(line.starts_with(&format!("{mark} | ")), "{line}");
            }
        });
        let lines: Vec<_> = lines.filter(|line| !line.starts_with(mark)).collect();
        lines
            .join("\n")
            .replace(&format!("hostile{number}"), "hostile")
    };
    for (path, mark) in [
        ("verilog/rtl/atomik_edge_imu_hostile#.v", "//"),
        ("verilog/tb/atomik_edge_imu_hostile#_tb.v", "//"),
        ("verilog/formal/atomik_edge_imu_hostile#.vh", "//"),
        ("verilog/constraints/atomik_edge_imu_hostile#.xdc", "#"),
    ] {
        if path.contains("_tb.v") {
            // The vectors are of each name.
            continue;
        }
        for number in 1..texts.len() {
            assert_eq!(code(path, mark, number), code(path, mark, 0));
        }
    }
    makes(&directory, "lint", &[]);
    makes(&directory, "test", &[]);
    // The module is still there.
    let text = makes(
        &directory,
        "synth",
        &["atomik_edge_imu_hostile0".to_string()],
    );
    assert!(text.contains("FDRE"), "{text}");
}
