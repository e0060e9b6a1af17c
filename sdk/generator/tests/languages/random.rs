// SPDX-License-Identifier: MIT OR Apache-2.0
//! Random schemas, in all languages that run vectors: always the same ones. `PROPTEST_CASES` is how
//! many; the first are those of a smaller number.

use std::collections::BTreeMap;
use std::{env, fs, thread};

use super::{TESTS, directory, test};
use atomik_sdk_generator::output::write;
use atomik_sdk_generator::{Schema, Source, check, generate};
use num_bigint::BigUint;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

const DEFAULT_COUNT: usize = 6;
/// Schemas of one package: as many as are compiled at once.
const BATCH: usize = 40;

/// Names that languages, their libraries or the generated code have.
const FIELDS: &str = "a b x y t h o n at f self_ value values delta message number object contexts \
    reset init state states expected update rollback history steps result name version fields \
    to_string constructor has_own_property value_of prototype length size data clk rst valid \
    uint8_t u64 bytes print list main errno ok none_ array map bigint private_ cell bit kind index \
    table mask shift word compare_update load accum read swap get_a set_a a_bit a_cell x_";
const OBJECTS: &str = "A X1 Ab AB H264Delta Object Type2 Field Contexts Vectors Message Promise \
    Symbol Table Test Update Expected Error Default Clone Result Option Sized Math Json Int";
const GROUPS: &str = "Stream Index Test Object Message Value Main Core Tests Src Lib Package Data \
    Queue Os Sys Std Alloc Types";
const PIECES: [&str; 30] = [
    "*/",
    "/*",
    "//",
    "\"\"\"",
    "'''",
    "\\",
    "\"",
    "`",
    "${x}",
    "{{",
    "}}",
    "%s",
    "??/",
    "@type",
    "@typedef {No} X",
    "{@link",
    "<!--",
    "-->",
    "</script>",
    "\n",
    "\r",
    "\u{2028}",
    "\u{2029}",
    "\u{202e}",
    "\u{0}",
    "```\n",
    "# ",
    "import os",
    "`define X",
    "endmodule",
];

fn words(text: &'static str) -> impl Strategy<Value = String> {
    select(text.split_whitespace().collect::<Vec<_>>()).prop_map(str::to_string)
}

fn field_name() -> impl Strategy<Value = String> {
    prop_oneof![3 => words(FIELDS), 1 => "[a-z][a-z0-9_]{0,20}"]
}

fn object_name() -> impl Strategy<Value = String> {
    prop_oneof![words(OBJECTS), "[A-Z][A-Za-z0-9]{0,8}"]
}

fn group_name() -> impl Strategy<Value = String> {
    prop_oneof![3 => words(GROUPS), 1 => "[A-Z][A-Za-z0-9]{0,8}"]
}

/// A string of JSON.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        select(PIECES.to_vec()).prop_map(str::to_string),
        "\\PC{1,10}",
        any::<char>().prop_map(String::from)
    ];
    vec(piece, 1..6).prop_map(|pieces| serde_json::to_string(&pieces.concat()).unwrap())
}

fn version() -> impl Strategy<Value = String> {
    let number = || prop_oneof![0u64..3, 100u64..300, Just(u64::MAX)];
    let end = select(vec!["", "-rc.1", "+b.5", "-0.x-y.7+z"]);
    (number(), number(), number(), end).prop_map(|(a, b, c, end)| format!("{a}.{b}.{c}{end}"))
}

/// The value of a field's key.
fn field(width: u32) -> impl Strategy<Value = String> {
    let encodings = match width {
        64.. => vec!["raw", "rle", "spatiotemporal_4x4x4"],
        _ => vec!["raw", "rle"],
    };
    let default = vec(
        prop_oneof![any::<u8>(), Just(0u8), Just(255)],
        width as usize / 8,
    );
    (
        select(vec!["delta_stream", "bitmask_delta", "parameter_delta"]),
        option::of(select(encodings)),
        option::of(select(vec!["none", "xor", "rle"])),
        option::of(default),
    )
        .prop_map(move |(kind, encoding, compression, default)| {
            let mut text = format!(r#"{{"type": "{kind}", "width": {width}"#);
            if let Some(encoding) = encoding {
                text += &format!(r#", "encoding": "{encoding}""#);
            }
            if let Some(compression) = compression {
                text += &format!(r#", "compression": "{compression}""#);
            }
            if let Some(bytes) = default {
                text += &format!(r#", "default_value": {}"#, BigUint::from_bytes_le(&bytes));
            }
            text + "}"
        })
}

fn fields(width: impl Strategy<Value = u32>) -> impl Strategy<Value = BTreeMap<String, String>> {
    btree_map(field_name(), width.prop_flat_map(field), 1..9)
}

fn operations() -> impl Strategy<Value = String> {
    // Simulations wait for as many.
    let cycles = || 1u32..9;
    let depth = prop_oneof![4 => 1u32..20, 1 => select(vec![256, 1000, 65536])];
    let reconstruct = option::of((any::<bool>(), cycles()));
    (cycles(), reconstruct, option::of((any::<bool>(), depth))).prop_map(
        |(accumulate, reconstruct, rollback)| {
            let mut text =
                format!(r#"{{"accumulate": {{"enabled": true, "latency_cycles": {accumulate}}}"#);
            if let Some((enabled, cycles)) = reconstruct {
                text += &format!(
                    r#", "reconstruct": {{"enabled": {enabled}, "latency_cycles": {cycles}}}"#
                );
            }
            if let Some((enabled, depth)) = rollback {
                text +=
                    &format!(r#", "rollback": {{"enabled": {enabled}, "history_depth": {depth}}}"#);
            }
            text + "}"
        },
    )
}

fn constraints() -> impl Strategy<Value = String> {
    let given = (
        option::of(100u32..65537),
        option::of(1u32..100_001),
        option::of(0.0..10000.0),
        option::of(1.0..1000.0),
    );
    given.prop_map(
        |(memory, power, latency, frequency): (_, _, Option<f64>, Option<f64>)| {
            let members = [
                memory.map(|most| format!(r#""max_memory_mb": {most}"#)),
                power.map(|most| format!(r#""max_power_mw": {most}"#)),
                latency.map(|most| format!(r#""update_latency_ms": {most:.3}"#)),
                frequency.map(|mhz| format!(r#""target_frequency_mhz": {mhz:.3}"#)),
            ];
            format!(
                "{{{}}}",
                members.into_iter().flatten().collect::<Vec<_>>().join(",")
            )
        },
    )
}

/// Fields, and the hardware, which may ask for one width of all fields.
fn body() -> impl Strategy<Value = (BTreeMap<String, String>, String)> {
    let widths = || select(vec![8u32, 16, 32, 64, 128, 256]);
    let mixed = fields(widths()).prop_map(|fields| (fields, String::new()));
    let same = widths().prop_flat_map(|width| {
        let data_width = format!(r#""DATA_WIDTH": {width}, "#);
        (fields(Just(width)), Just(data_width))
    });
    (
        prop_oneof![3 => mixed, 1 => same],
        select(vec![
            "GW1NR-9",
            "Artix-7",
            "iCE40",
            "any \\\" \\n // device",
        ]),
        any::<bool>(),
        select(vec!["clk", "clk_core", "_c2"]),
        select(vec!["area", "speed", "power"]),
    )
        .prop_map(|((fields, data_width), device, parallel, clock, goal)| {
            let hardware = format!(
                r#"{{"target_device": "{device}", "rtl_params": {{{data_width}"ENABLE_PARALLEL":
                {parallel}, "CLOCK_DOMAIN": "{clock}"}}, "synthesis_options": {{
                "optimization_goal": "{goal}"}}}}"#
            );
            (fields, hardware)
        })
}

fn schema() -> impl Strategy<Value = String> {
    let verticals = "Video Edge Network Finance Science Compute System Storage";
    let license = select(vec![
        "MIT",
        "MIT OR Apache-2.0",
        "GPL-2.0-only WITH Linux-syscall-note",
    ]);
    let texts = (option::of(text()), option::of(license), option::of(text()));
    let name = (words(verticals), group_name(), object_name(), version());
    (name, texts, body(), operations(), constraints()).prop_map(
        |(name, texts, (fields, hardware), operations, constraints)| {
            let (vertical, group, object, version) = name;
            let (author, license, description) = texts;
            let mut text = format!(
                r#"{{"catalogue": {{"vertical": "{vertical}", "field": "{group}", "object":
                "{object}", "version": "{version}""#
            );
            if let Some(author) = author {
                text += &format!(r#", "author": {author}"#);
            }
            if let Some(license) = license {
                text += &format!(r#", "license": "{license}""#);
            }
            if let Some(description) = description {
                text += &format!(r#", "description": {description}"#);
            }
            let fields: Vec<_> = fields
                .iter()
                .map(|(n, f)| format!("\"{n}\": {f}"))
                .collect();
            text + &format!(
                r#"}}, "schema": {{"delta_fields": {{{}}}, "operations": {operations},
                "constraints": {constraints}}}, "hardware": {hardware}}}"#,
                fields.join(",\n")
            )
        },
    )
}

/// Schemas that are right together, and the share of those that were not.
fn batch(runner: &mut TestRunner, count: usize) -> (Vec<Source>, Vec<Schema>) {
    let mut sources: Vec<Source> = Vec::new();
    let mut schemas = Vec::new();
    for tries in 0.. {
        assert!(tries < 20 * count + 20, "most schemas are refused");
        if sources.len() == count {
            break;
        }
        let text = schema().new_tree(runner).unwrap().current();
        sources.push(Source::new(format!("{}.json", sources.len()), text));
        match check(&sources) {
            Ok(right) => schemas = right,
            Err(problems) => {
                let source = sources.pop().unwrap();
                // Names collide, and memory may not suffice; all else is right.
                for problem in problems {
                    let known = [
                        "reserved word",
                        "would belong to",
                        "is a type that",
                        "is a name that",
                        "already",
                    ];
                    let text = format!("{problem:?}");
                    assert!(
                        known.iter().any(|known| text.contains(known)),
                        "{text}\n{source:?}"
                    );
                }
            }
        }
    }
    (sources, schemas)
}

#[test]
fn schemas_in_all_languages() {
    let count = env::var("PROPTEST_CASES").map_or(DEFAULT_COUNT, |count| count.parse().unwrap());
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let mut left = count;
    while left > 0 {
        let (sources, schemas) = batch(&mut runner, left.min(BATCH));
        left -= schemas.len();
        let schemas = &schemas;
        let failed: Vec<String> = thread::scope(|scope| {
            let started = TESTS.map(|(language, _)| {
                scope.spawn(move || {
                    let directory = directory(&format!("random-{}", language.name()));
                    write(&directory, &generate(schemas, &[language]), true).unwrap();
                    let text = test(language, &directory).err()?;
                    Some(format!("{}, in {directory:?}:\n{text}", language.name()))
                })
            });
            started
                .into_iter()
                .filter_map(|one| one.join().unwrap())
                .collect()
        });
        if !failed.is_empty() {
            let to = directory("random-schemas");
            fs::create_dir_all(&to).unwrap();
            for source in sources {
                fs::write(to.join(&source.name), source.text).unwrap();
            }
            panic!("{}\nThe schemas are in {to:?}.", failed.join("\n"));
        }
    }
}
