// SPDX-License-Identifier: MIT OR Apache-2.0
//! Python sends to C sends to JavaScript sends to Rust sends to Python.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use super::javascript::link;
use super::{command, directory, succeeds};
use atomik_sdk_generator::encoding::lay;
use atomik_sdk_generator::message::encode;
use atomik_sdk_generator::output::write;
use atomik_sdk_generator::reference::Object;
use atomik_sdk_generator::{Language, Schema, Source, check, generate};
use num_bigint::BigUint;

const LANGUAGES: [Language; 4] = [
    Language::Python,
    Language::C,
    Language::JavaScript,
    Language::Rust,
];

/// A delta_stream of each width, encoding and compression.
fn schema() -> Schema {
    let mut fields = Vec::new();
    for width in [8, 16, 32, 64, 128, 256] {
        for encoding in ["raw", "rle", "spatiotemporal_4x4x4"] {
            for compression in ["none", "xor", "rle"] {
                if encoding.len() > 3 && width < 64 {
                    continue;
                }
                fields.push(format!(
                    r#""w{width}_{}_{compression}": {{"type": "delta_stream", "width": {width},
                    "encoding": "{encoding}", "compression": "{compression}"}}"#,
                    &encoding[..3]
                ));
            }
        }
    }
    let text = format!(
        r#"{{"catalogue": {{"vertical": "Network", "field": "Circle", "object": "Ring",
        "version": "1.200.0"}}, "schema": {{"delta_fields": {{{}}}, "operations": {{
        "accumulate": {{"enabled": true}},
        "rollback": {{"enabled": true, "history_depth": 100}}}}}}}}"#,
        fields.join(",")
    );
    check(&[Source::new("ring.json", text)]).unwrap().remove(0)
}

/// A program with an object of its own. It answers each line with a line.
struct Mirror {
    language: Language,
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Mirror {
    fn start(language: Language, directory: &Path, arguments: &[&str]) -> Mirror {
        let mut child = command(directory, arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{arguments:?}: {error}"));
        Mirror {
            language,
            input: child.stdin.take().unwrap(),
            output: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    fn ask(&mut self, line: &str) -> String {
        writeln!(self.input, "{line}").unwrap();
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        assert!(answer.ends_with('\n'), "{}: {line}", self.language.name());
        answer.trim_end().to_string()
    }

    fn answers(&mut self, line: &str, expect: &str) {
        let answer = self.ask(line);
        assert_eq!(answer, expect, "{}: {line}", self.language.name());
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn mirrors(schema: &Schema) -> Vec<Mirror> {
    let directory = directory("circle");
    let files = generate(std::slice::from_ref(schema), &LANGUAGES);
    write(&directory, &files, true).unwrap();
    link(&directory);
    let put = |path: &str, text: &str| {
        let path = directory.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    put("circle.py", include_str!("circle/circle.py"));
    put("package.json", r#"{ "type": "module" }"#);
    put("circle.js", include_str!("circle/circle.js"));
    let c = include_str!("circle/circle.c");
    put("circle.c", &c.replace("/* FIELDS */", &fields_of_c(schema)));
    let rust = include_str!("circle/circle.rs");
    let rust = rust.replace("// FIELDS", &fields_of_rust(schema));
    put("rust/examples/circle.rs", &rust);
    let flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-Ic/include"];
    let output = ["-o", "circle-c", "circle.c"];
    succeeds(&directory, &[&["gcc"], &flags[..], &output].concat());
    let commands: [&[&str]; 4] = [
        &["env", "PYTHONPATH=python/src", "python3", "circle.py"],
        &["./circle-c"],
        &["node", "circle.js"],
        &[
            "cargo",
            "run",
            "--offline",
            "--quiet",
            "--manifest-path",
            "rust/Cargo.toml",
            "--example",
            "circle",
        ],
    ];
    let started = LANGUAGES.into_iter().zip(commands);
    started
        .map(|(language, command)| Mirror::start(language, &directory, command))
        .collect()
}

fn fields_of_c(schema: &Schema) -> String {
    let lines = schema.fields.iter().map(|field| {
        let (f, width) = (&field.name, field.width);
        let delta = match width {
            128 | 256 => format!("u{width}(value)"),
            _ => format!("(uint{width}_t)u256(value).word[0]"),
        };
        format!(
            "else if (strcmp(op, \"accum\") == 0 && strcmp(field, \"{f}\") == 0)\n\
             \t\t\tsent(atomik_ring_accum_{f}(&ring, {delta}));\n\
             \t\telse if (strcmp(op, \"apply\") == 0 && strcmp(field, \"{f}\") == 0)\n\
             \t\t\tapplied(atomik_ring_apply_{f}(&ring, bytes, length));\n\t\t"
        )
    });
    lines.collect()
}

fn fields_of_rust(schema: &Schema) -> String {
    let lines = schema.fields.iter().map(|field| {
        let (f, width) = (&field.name, field.width);
        let delta = match width {
            256 => "u256(delta)".into(),
            _ => format!("u{width}::from_str_radix(delta, 16).unwrap()"),
        };
        format!(
            "[\"accum\", \"{f}\", delta] => sent(ring.accum_{f}({delta})),\n            \
             [\"apply\", \"{f}\", message] => applied(ring.apply_{f}(&bytes(message))),\n            "
        )
    });
    lines.collect()
}

fn sealed(mut content: Vec<u8>) -> Vec<u8> {
    let sum = crc32fast::hash(&content).to_le_bytes();
    content.extend(sum);
    content
}

fn hex(bytes: &[u8]) -> String {
    let pairs = bytes.iter().map(|byte| format!("{byte:02x}"));
    pairs.collect::<Vec<_>>().concat()
}

/// A delta that differs between laps, fields and senders, with zeros at its ends and runs.
fn delta(width: u32, seed: usize) -> BigUint {
    let bytes = width as usize / 8;
    let (start, end) = (seed % bytes, bytes - seed / 7 % bytes);
    let byte = |at| match at >= start && at < end {
        true => (seed * 37 + at / 3 * 101) as u8,
        false => 0,
    };
    BigUint::from_bytes_le(&(0..bytes).map(byte).collect::<Vec<_>>())
}

fn agree(mirrors: &mut [Mirror], reference: &Object<'_>) {
    let states: Vec<_> = reference
        .contexts()
        .iter()
        .map(|word| format!("{word:x}"))
        .collect();
    for mirror in mirrors {
        mirror.answers("contexts", &states.join(","));
    }
}

#[test]
fn all_states_agree() {
    let schema = schema();
    let mut mirrors = mirrors(&schema);
    let mut reference = Object::new(&schema);
    let mut seed = 0;
    for _lap in 0..3 {
        for (at, field) in schema.fields.iter().enumerate() {
            for sender in 0..mirrors.len() {
                seed += 1;
                let delta = delta(field.width, seed);
                let message = reference
                    .accum(at, &delta)
                    .map(|bytes| hex(&bytes))
                    .unwrap();
                let accum = format!("accum {} {delta:x}", field.name);
                mirrors[sender].answers(&accum, &message);
                // From one to the next, until the sender's turn would come again.
                for next in 1..mirrors.len() {
                    let next = (sender + next) % mirrors.len();
                    mirrors[next].answers(&format!("apply {} {message}", field.name), "ok");
                }
            }
        }
        agree(&mut mirrors, &reference);
        // Mirrors follow a rollback, which remembers what was sent and what was applied alike.
        let undone = reference.rollback(70).to_string();
        for mirror in &mut mirrors {
            mirror.answers("rollback 70", &undone);
        }
        agree(&mut mirrors, &reference);
    }
    refused(&schema, &mut mirrors);
    agree(&mut mirrors, &reference);
}

/// What is no message of this field and version is refused in all languages alike.
fn refused(schema: &Schema, mirrors: &mut [Mirror]) {
    let mut newer = schema.clone();
    newer.catalogue.version = "2.0.0".parse().unwrap();
    for (at, field) in schema.fields.iter().enumerate() {
        let other = &schema.fields[(at + 1) % schema.fields.len()];
        let delta = lay(field, &delta(field.width, 12));
        let good = encode(schema, field, &delta);
        // A newer version whose first number has a byte too many.
        let long = [&good[..5], &[0x82, 0, 0]].concat();
        // Another format of messages.
        let format = [&[0xD2], &good[1..good.len() - 4]].concat();
        let mut bad = vec![
            (sealed(format), "damaged"),
            (encode(&newer, field, &delta), "version"),
            (encode(schema, other, &lay(other, &delta)), "other"),
            (sealed(long), "damaged"),
        ];
        for at in 0..good.len() {
            let mut flipped = good.clone();
            flipped[at] ^= 0xFF;
            bad.push((flipped, "damaged"));
            bad.push((good[..at].to_vec(), "damaged"));
        }
        for (message, reason) in bad {
            let line = format!("apply {} {}", field.name, hex(&message));
            let answer = Object::new(schema).apply(at, &message);
            assert_eq!(answer.unwrap_err().name(), reason, "{line}");
            for mirror in &mut *mirrors {
                mirror.answers(&line, reason);
            }
        }
    }
}
