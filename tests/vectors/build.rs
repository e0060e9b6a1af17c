// SPDX-License-Identifier: MIT OR Apache-2.0

//! Takes the lines of Rust out of `sdk/README.md`, so that tests can execute them: as they are, and
//! with the one line changed that makes the table.

use std::{env, fs, path::Path};

const README: &str = "../../sdk/README.md";
const LOCAL: &str = "let mut table = LocalTable::new(256)?;\n";
const DEVICE: &str = "let table = atomik::Device::open()?.create_table(256)?;";

fn main() {
    println!("cargo::rerun-if-changed={README}");
    let text = fs::read_to_string(README).expect(README);
    let (_, block) = text.split_once("```rust\n").expect("a block of Rust");
    let (block, rest) = block.split_once("```\n").expect("the block's end");
    assert_eq!(
        block.matches(LOCAL).count(),
        1,
        "the line that makes the table"
    );
    assert!(rest.contains(DEVICE), "the line that takes its place");
    let device = block
        .replace(LOCAL, DEVICE)
        .replace("use atomik::LocalTable;\n", "");
    let out = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
    for (name, lines) in [("in-the-process.rs", block), ("on-the-device.rs", &device)] {
        fs::write(Path::new(&out).join(name), format!("{{\n{lines}\n}}")).expect(name);
    }
}
